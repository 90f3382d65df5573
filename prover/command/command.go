package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"time"

	"claimprover/internal/fault"
	"claimprover/prover"
)

// Options tune a Prover; the zero value is ready for use.
type Options struct {
	Grace  time.Duration // what the program gets to end, before it is killed; 0 means 5 s
	Logger *slog.Logger  // for what the program writes to standard error; nil means silent
}

// Prover runs a host program for each proof.
type Prover struct {
	path  string
	args  []string
	grace time.Duration
	log   *slog.Logger
}

// New looks the program up, once, so that a wrong name shows at start. argv is the program and its arguments.
func New(argv []string, o Options) (*Prover, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("command: no prover program is named")
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, fmt.Errorf("command: finding the prover program: %w", err)
	}
	return &Prover{
		path: path, args: argv[1:],
		grace: cmp.Or(o.Grace, 5*time.Second), log: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
	}, nil
}

// Prove implements [prover.Prover]. It returns up to two times the grace after ctx has ended or the program has spoken
// its last word, and mostly at once. A program that breaks the protocol, or fails without a word, may be tried again.
func (p *Prover) Prove(ctx context.Context, in prover.Input, _ prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
	if ctx.Err() != nil {
		return prover.Proof{}, fmt.Errorf("command: before starting: %w", context.Cause(ctx))
	}
	// The child dies with the thread that started it, not with the process: so the thread has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	c, err := p.start(in)
	if err != nil {
		return prover.Proof{}, fmt.Errorf("command: starting the prover program: %w", err)
	}
	last, err := c.listen(ctx, report)
	if err == nil {
		c.leave(ctx)
	}
	c.end()
	switch {
	case ctx.Err() != nil && err != nil:
		return prover.Proof{}, fmt.Errorf("command: proving: %w", context.Cause(ctx))
	case err != nil:
		return prover.Proof{}, fmt.Errorf("command: proving: %w", broke(err))
	case last.Type == typeError:
		return prover.Proof{}, fmt.Errorf("command: proving: %w", refused(last))
	}
	return prover.Proof{Bytes: last.Proof, PublicValues: last.PublicValues}, nil
}

// broke is the failure of a program that did not keep to the protocol: it crashed, most likely.
func broke(cause error) error {
	return fault.New(fault.ProofFailed, "The prover stopped before the proof was ready. Try again; if it happens again, "+
		"send us the job id.").MayRetry(true).Because(cause)
}

// refused is the failure that the program itself reports. Its text may hold anything, so only the log sees it.
func refused(m message) error {
	cause := fmt.Errorf("the program says: %s", cut(m.Message))
	if m.Retryable {
		return fault.New(fault.ProofFailed, "The prover could not make this proof now. Try again.").MayRetry(true).Because(cause)
	}
	return fault.New(fault.ProofFailed, "The prover could not make a proof of this claim. Check that account, signature and "+
		"challenge belong together, and send us the job id if they do.").Because(cause)
}
