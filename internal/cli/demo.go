package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/auth"
	"claimprover/internal/claim"
	"claimprover/internal/client"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// DemoCmd shows the whole way of a claim on this machine, with nothing but this binary.
type DemoCmd struct {
	Port  uint16        `name:"port" default:"0" help:"Port of the demo service; 0 takes any free one."`
	Delay time.Duration `name:"delay" default:"4s" help:"How long the mock proof takes."`
	Keep  bool          `name:"keep" help:"Leave the service running until Ctrl-C; DEMO_KEEP=1 does the same."`
	Output
}

// Help is shown below the sentence.
func (*DemoCmd) Help() string {
	return `Starts this binary as a service with the mock prover, makes an sr25519 key, signs a claim as a Substrate wallet
does, submits it with an API key and follows it over SSE and WebSocket at once. Nothing is kept.

    claimprover demo
    claimprover demo --keep --delay 30s`
}

// The claim of the demo: the domain is the contract on Base Sepolia, so the challenge is really checked.
var (
	demoDomain = claim.Domain{
		Contract: common.HexToAddress("0x25e02490ff74668543f167aab838c835ed202db7"), ChainID: 84532, ProverMode: "mock",
	}
	demoRecipient = common.HexToAddress("0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2")
	demoAmount    = *uint256.NewInt(1_000_000_000_000_000_000)
)

// tanglePrefix is the SS58 prefix of the accounts that migrate.
const tanglePrefix = 5845

// Run shows it.
func (cmd *DemoCmd) Run(ctx context.Context, std Streams) error {
	key, entry, err := auth.NewKey("demo")
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd.say(std, "  starting a service with the mock prover")
	child, err := startService(ctx, program, demoEnv(cmd, entry))
	if err != nil {
		return err
	}
	defer child.stop()
	service, err := client.New(child.url, key, client.Options{UserAgent: "claimprover-demo/" + version})
	if err != nil {
		return err
	}
	defer service.Close()
	cmd.say(std, "%s service    %s", cmd.good(std.Err), child.url)

	signed, err := demoClaim()
	if err != nil {
		return err
	}
	cmd.say(std, "%s claim      1.0 tokens of %s for %s, signed by a new sr25519 key", cmd.good(std.Err), signed.SS58Address, signed.EVMAddress)
	if err := cmd.prove(ctx, std, service, signed); err != nil {
		return err
	}
	if !cmd.Keep && os.Getenv("DEMO_KEEP") != "1" {
		cmd.say(std, "  The service has ended with the demo; DEMO_KEEP=1 leaves it running, with its page.")
		return nil
	}
	cmd.say(std, "  The service goes on until Ctrl-C. Its API key: %s", key)
	return child.wait(ctx)
}

// prove submits the claim and follows its job to the end.
func (cmd *DemoCmd) prove(ctx context.Context, std Streams, service *client.Client, signed api.Submission) error {
	job, err := service.Submit(ctx, signed)
	if err != nil {
		return asked(ctx, err)
	}
	cmd.say(std, "%s accepted   job %s", cmd.good(std.Err), job.JobID)
	last, told, err := cmd.followBoth(ctx, std, service, job.JobID)
	if err != nil {
		return err
	}
	cmd.say(std, "%s followed   %d events over SSE, %d over WebSocket", cmd.good(std.Err), told[0], told[1])
	if last.Status != "completed" {
		return &ended{exit: exitFailed, code: last.Code, message: "The demo's job failed: " + last.Message}
	}
	cmd.tell(std, last, service.PageURL(last.JobID))
	return nil
}

func (cmd *DemoCmd) tell(std Streams, job api.Job, page string) {
	switch {
	case cmd.JSON:
		fmt.Fprintf(std.Out, "%s\n", api.Encode(job))
	case cmd.Quiet:
		fmt.Fprintln(std.Out, proofText(job))
	default:
		values, _ := job.PublicValues.MarshalText()
		fmt.Fprintf(std.Out, "%s proof ready in %s   %s\n", cmd.good(std.Out), spent(job), checked(job))
		fmt.Fprintf(std.Out, "  zkProof        %s\n  publicValues   %s\n  status page    %s\n", proofText(job), values, page)
	}
}

// errDisagree says that the two transports told different endings, which must never be.
var errDisagree = errors.New("SSE and WebSocket told different endings")

// followBoth follows over SSE, which moves the line, and over WebSocket at once; told counts the events of each.
func (cmd *DemoCmd) followBoth(ctx context.Context, std Streams, service *client.Client, id string) (last api.Job, told [2]int, err error) {
	w := &watching{Output: cmd.Output, std: std}
	shown := w.view()
	defer shown.close()

	var wg sync.WaitGroup
	var other api.Job
	var otherErr error
	wg.Go(func() { other, told[1], otherErr = drain(service.FollowWebSocket(ctx, id), nobody{}) })
	last, told[0], err = drain(service.Follow(ctx, id), shown)
	wg.Wait()
	switch err = errors.Join(err, otherErr); {
	case err != nil:
		return last, told, asked(ctx, err)
	case other.Version != last.Version || other.Status != last.Status:
		return last, told, errDisagree
	default:
		return last, told, nil
	}
}

// drain shows events until the last one.
func drain(events iter.Seq2[api.Event, error], shown view) (last api.Job, told int, err error) {
	for event, failed := range events {
		if failed != nil {
			return last, told, failed
		}
		shown.show(event)
		last = event.Job
		told++
	}
	return last, told, nil
}

// demoClaim makes a key and signs with it.
func demoClaim() (api.Submission, error) {
	wallet, err := claim.NewWallet()
	if err != nil {
		return api.Submission{}, err
	}
	c, err := wallet.Claim(demoDomain, tanglePrefix, demoRecipient, demoAmount)
	if err != nil {
		return api.Submission{}, err
	}
	return submission(c), nil
}

// submission is a claim as a client writes it.
func submission(c claim.Claim) api.Submission {
	return api.Submission{
		SS58Address: c.SS58,
		Signature:   fmt.Sprintf("0x%x", c.Signature),
		EVMAddress:  c.EVMAddress.Hex(),
		Challenge:   fmt.Sprintf("0x%x", c.Challenge),
		Amount:      c.Amount.Dec(),
	}
}

// demoEnv is everything that the demo's service sees of the environment: settings lying around must not change it.
func demoEnv(cmd *DemoCmd, entry string) []string {
	env := []string{
		fmt.Sprintf("PORT=%d", cmd.Port), "ADMIN_ADDR=127.0.0.1:0", "SP1_PROVER=mock", "ALLOW_MOCK=true",
		"MOCK_DELAY=" + cmd.Delay.String(), "API_KEYS=" + entry, "SHUTDOWN_TIMEOUT_SECONDS=1", // nobody waits for its proofs
		"CLAIM_CONTRACT_ADDRESS=" + demoDomain.Contract.Hex(), fmt.Sprintf("CHAIN_ID=%d", demoDomain.ChainID),
	}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GORACE", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
