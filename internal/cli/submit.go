package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/client"
)

// SubmitCmd submits a claim and, if asked, watches its job.
type SubmitCmd struct {
	Claim  string `arg:"" help:"File with the signed claim as JSON; - reads standard input."`
	DryRun bool   `name:"dry-run" short:"n" help:"Only say what would become of it: every check is made, and nothing is submitted."`
	Watch  bool   `name:"watch" short:"w" help:"Watch until the job ends, and write the proof to a file."`
	Cancel bool   `name:"cancel-on-interrupt" help:"With --watch: Ctrl-C gives the job up instead of leaving it."`
	Out    string `name:"out" short:"o" placeholder:"FILE" help:"File for the finished job with its proof (default with --watch: proof-<id>.json)."`
	Connection
	Output
}

// Help is shown below the sentence.
func (*SubmitCmd) Help() string {
	return `Submitting the same claim again is always safe: it finds the same job and never buys a second proof.

With --dry-run it is refused with the exit code that submitting it would have.

    claimprover submit claim.json --watch
    claimprover submit - --json < claim.json
    claimprover submit claim.json --dry-run`
}

// maxClaimBytes is far above what the service reads.
const maxClaimBytes = 1 << 20

// Run submits.
func (cmd *SubmitCmd) Run(ctx context.Context, std Streams) error {
	if cmd.DryRun && (cmd.Watch || cmd.Cancel || cmd.Out != "") {
		return usage(errors.New("--dry-run makes no job: there is nothing to watch, to cancel or to write to a file"))
	}
	body, err := readClaim(cmd.Claim, std.In)
	if err != nil {
		return usage(err)
	}
	w := &watching{Output: cmd.Output, std: std, url: cmd.URL, out: cmd.Out, cancel: cmd.Cancel}
	service, err := cmd.open(w.lost)
	if err != nil {
		return err
	}
	defer service.Close()
	if cmd.DryRun {
		return cmd.try(ctx, service, body, std)
	}
	job, err := service.SubmitJSON(ctx, body)
	if err != nil {
		return asked(ctx, err)
	}
	w.service, w.id = service, job.JobID
	switch {
	case cmd.Watch && client.Ended(job.Status):
		return w.finish(job)
	case cmd.Watch:
		w.say(std, "%s accepted   job %s   %s", w.good(std.Err), job.JobID, service.PageURL(job.JobID))
		return w.run(ctx)
	case cmd.JSON:
		fmt.Fprintf(std.Out, "%s\n", api.Encode(job))
	case cmd.Quiet:
		fmt.Fprintln(std.Out, job.JobID)
	case job.Status == "completed":
		fmt.Fprintf(std.Out, "%s proof ready, made before   job %s   %s\n", cmd.good(std.Out), job.JobID, service.PageURL(job.JobID))
	default:
		fmt.Fprintf(std.Out, "%s accepted   job %s   %s\n", cmd.good(std.Out), job.JobID, service.PageURL(job.JobID))
	}
	w.warn(job)
	return w.save(job)
}

// try says what would become of the claim, without submitting it.
func (cmd *SubmitCmd) try(ctx context.Context, service *client.Client, body []byte, std Streams) error {
	tried, err := service.TryJSON(ctx, body)
	if err != nil {
		return asked(ctx, err)
	}
	would, known := map[string]string{
		"queued": "would be accepted: a new job, and a proof to be made",
		"joined": "would join the job that is in flight for the same claim",
		"cached": "would be answered at once: its proof is there",
	}[tried.Disposition]
	if !known {
		would = "would be taken: " + printable(tried.Disposition)
	}
	switch {
	case cmd.JSON:
		fmt.Fprintf(std.Out, "%s\n", api.Encode(tried))
	case cmd.Quiet:
		fmt.Fprintln(std.Out, printable(tried.Disposition))
	default:
		fmt.Fprintf(std.Out, "%s %s   (nothing was submitted)\n", cmd.good(std.Out), would)
	}
	return nil
}

func readClaim(path string, in io.Reader) ([]byte, error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	body, err := io.ReadAll(io.LimitReader(in, maxClaimBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the claim: %w", err)
	case len(body) > maxClaimBytes:
		return nil, fmt.Errorf("%s is longer than any claim", path)
	case len(body) == 0:
		return nil, fmt.Errorf("%s is empty", path)
	}
	return body, nil
}

// cancelTime is how long Ctrl-C waits for the service to give a job up.
const cancelTime = 5 * time.Second

// interrupt is how watching ends by Ctrl-C.
func (w *watching) interrupt() error {
	if !w.cancel {
		return interrupted("The job goes on. Come back with: %s", w.comeBack())
	}
	ctx, cancel := context.WithTimeout(context.Background(), cancelTime)
	defer cancel()
	job, err := w.service.Cancel(ctx, w.id)
	refused, isRefusal := errors.AsType[*client.Error](err)
	switch {
	case isRefusal:
		return interrupted("The job could not be cancelled: %s Look at it with: %s", refused.Fault.Message, w.comeBack())
	case err != nil:
		return interrupted("The job could not be cancelled, the service did not answer. Look at it with: %s", w.comeBack())
	case client.Ended(job.Status):
		return interrupted("Cancelled.")
	default:
		return interrupted("Given up. Others wait for the same proof, so the job goes on: %s", w.comeBack())
	}
}

func (w *watching) comeBack() string {
	command := "claimprover watch " + w.id
	if w.url != "" && w.url != defaultURL {
		command += " --url " + w.url
	}
	return command
}
