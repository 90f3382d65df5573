package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/client"
)

// WatchCmd watches a job.
type WatchCmd struct {
	Job    string `arg:"" help:"The job's id, or the link to its page."`
	Cancel bool   `name:"cancel-on-interrupt" help:"Ctrl-C gives the job up instead of leaving it."`
	Out    string `name:"out" short:"o" placeholder:"FILE" help:"File for the finished job with its proof (default: proof-<id>.json; none with --json or --quiet)."`
	Connection
	Output
}

// Help is shown below the sentence.
func (*WatchCmd) Help() string {
	return `The job goes on whether somebody watches or not. With --json each event is one line.

    claimprover watch 7f3a91c2-5d0e-4b7a-9c41-0f2d6b8e1a35
    claimprover watch 'https://prover.example.org/#job=7f3a91c2-5d0e-4b7a-9c41-0f2d6b8e1a35' --json`
}

// Run watches.
func (cmd *WatchCmd) Run(ctx context.Context, std Streams) error {
	id := cmd.Job
	if base, fragment, found := strings.Cut(cmd.Job, "#job="); found {
		if unescaped, err := url.PathUnescape(fragment); err == nil {
			id = unescaped
		}
		cmd.URL = cmp.Or(base, cmd.URL)
	}
	w := &watching{Output: cmd.Output, std: std, url: cmd.URL, id: id, out: cmd.Out, cancel: cmd.Cancel, events: cmd.JSON}
	service, err := cmd.open(w.lost)
	if err != nil {
		return err
	}
	defer service.Close()
	// Following would try for ever; a wrong address or id is to be said at once.
	if _, err := service.Get(ctx, id); err != nil {
		return asked(ctx, err)
	}
	w.service = service
	return w.run(ctx)
}

// watching is what submit --watch and watch do after the job is known.
type watching struct {
	Output
	std     Streams
	service *client.Client
	url     string // as given; empty: the default
	id      string
	out     string // file asked for; empty: proof-<id>.json when the story is told
	cancel  bool   // Ctrl-C cancels
	events  bool   // each event is printed as a line of JSON
	shown   view   // while the job is followed
}

// lost tells that the stream is gone and will be opened again.
func (w *watching) lost(error) {
	if w.shown != nil {
		w.shown.lost()
	}
}

// run follows the job to its end.
func (w *watching) run(ctx context.Context) error {
	w.shown = w.view()
	var last api.Job
	for event, err := range w.service.Follow(ctx, w.id) {
		switch {
		case err != nil && ctx.Err() != nil:
			w.shown.close()
			return w.interrupt()
		case err != nil:
			w.shown.close()
			return asked(ctx, err)
		}
		if w.events {
			fmt.Fprintf(w.std.Out, "%s\n", api.Encode(event))
		}
		w.shown.show(event)
		last = event.Job
	}
	w.shown.close()
	return w.finish(last)
}

// view is how the story is told.
type view interface {
	show(api.Event)
	lost()  // the connection is gone and will be tried again
	close() // leaves the terminal to others
}

func (w *watching) view() view {
	switch {
	case w.silent():
		return nobody{}
	case w.moving(w.std):
		return newMovingLine(w.std.Err)
	default:
		return &plainLines{out: w.std.Err}
	}
}

// finish tells how the job ended: the result on standard output, and the proof in its file.
func (w *watching) finish(job api.Job) error {
	if job.Status != "completed" {
		if w.JSON && !w.events {
			fmt.Fprintf(w.std.Out, "%s\n", api.Encode(job))
		}
		message := fmt.Sprintf("The job failed after %s: %s", spent(job), job.Message)
		if job.Retryable != nil && *job.Retryable {
			message += " Submitting the claim again may succeed; what was paid for is not bought twice."
		}
		return &ended{exit: exitFailed, code: job.Code, message: message}
	}
	if w.out == "" && !w.silent() {
		w.out = "proof-" + job.JobID[:min(len(job.JobID), 6)] + ".json"
	}
	if err := w.save(job); err != nil {
		return err
	}
	w.warn(job)
	switch {
	case w.events:
	case w.JSON:
		fmt.Fprintf(w.std.Out, "%s\n", api.Encode(job))
	case w.Quiet:
		fmt.Fprintln(w.std.Out, proofText(job))
	default:
		fmt.Fprintf(w.std.Out, "%s proof ready in %s   %s   → %s\n", w.good(w.std.Out), spent(job), checked(job), w.out)
	}
	return nil
}

// warn says what the reader of the result should know of the contract.
func (w *watching) warn(job api.Job) {
	if job.Warning != "" {
		w.say(w.std, "%s", warningLine(job))
	}
}

// save writes a finished job to the file that was asked for.
func (w *watching) save(job api.Job) error {
	if w.out == "" || job.Status != "completed" {
		return nil
	}
	content, err := json.MarshalIndent(job, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(w.out, append(content, '\n'), 0o644); err != nil {
		return usage(fmt.Errorf("the proof is ready but cannot be written: %w; get it with: %s --out FILE", err, w.comeBack()))
	}
	return nil
}

func proofText(job api.Job) string {
	if job.ZKProof == nil {
		return ""
	}
	text, _ := job.ZKProof.MarshalText()
	return string(text)
}

// spent is how long a job took by the service's clock.
func spent(job api.Job) string {
	if job.FinishedAt == nil {
		return "a while"
	}
	return clock(time.Time(*job.FinishedAt).Sub(time.Time(job.CreatedAt)))
}
