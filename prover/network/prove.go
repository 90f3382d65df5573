package network

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc/codes"

	"claimprover/internal/fault"
	"claimprover/prover"
)

// job is one call of Prove.
type job struct {
	*Client
	in      prover.Input
	values  [32]byte // SHA-256 of the public values
	journal prover.Journal
	report  func(prover.Progress)
	log     *slog.Logger

	entry    entry // what the journal holds, or what it will hold once it is saved
	told     prover.Progress
	request  prover.Request
	resumed  bool // the entry is an earlier call's
	relisted int  // times that the program had to be registered anew
}

// Prove implements [prover.Prover]. It follows a request that the journal holds, or one for this claim that an earlier
// process left at the network; only if there is none it makes one. When ctx ends the request goes on, and the next call
// with the same journal picks it up; [Client.Withdraw] ends one that nobody wants any more.
func (c *Client) Prove(ctx context.Context, in prover.Input, journal prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
	if ctx.Err() != nil {
		return prover.Proof{}, fmt.Errorf("network: before proving: %w", context.Cause(ctx))
	}
	j := &job{Client: c, in: in, values: sha256.Sum256(in.PublicValues[:]), journal: journal, report: report, log: c.opts.Logger}
	proof, err := j.run(ctx)
	switch {
	case err == nil:
		return proof, nil
	case ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)):
		err = fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	case ctx.Err() == nil:
		err = j.explain(err)
	}
	return prover.Proof{}, fmt.Errorf("network: proving: %w", err)
}

// run takes one step after the other until the proof is there. Each step leaves the entry in another state.
func (j *job) run(ctx context.Context) (proof prover.Proof, err error) {
	if j.entry, err = loadEntry(j.Client, j.journal); err != nil {
		return prover.Proof{}, err
	}
	if j.resumed = j.entry.State != ""; j.resumed {
		j.metrics.resumed.Inc()
	}
	for {
		switch j.entry.State {
		case sending:
			j.tell("looking for the request")
			err = j.settle(ctx)
		case sent:
			var done bool
			if proof, done, err = j.follow(ctx); done {
				return proof, err
			}
		default:
			err = j.begin(ctx)
		}
		if err != nil {
			return prover.Proof{}, err
		}
	}
}

// tell reports a phase with what is known of the request, unless that was the last thing said.
func (j *job) tell(phase string) {
	p := prover.Progress{Phase: phase, Request: j.request}
	if p != j.told {
		j.told = p
		j.report(p)
	}
}

// named makes the request's name known for reports.
func (j *job) named(id common.Hash) {
	j.request.ID, j.request.Explorer = id.Hex(), j.opts.Mode.Explorer(id)
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// explain says to a claimant what he may know of a failure. What the network says stays in the cause.
func (j *job) explain(err error) error {
	if _, is := errors.AsType[*fault.Error](err); is {
		return err
	}
	_, transfer := errors.AsType[*transferError](err)
	switch {
	case errors.Is(err, ErrJournal):
		j.log.Error("purchase journal cannot be used: nothing is bought for this claim", "err", err)
		return err
	case errors.Is(err, ErrTerms), errors.Is(err, ErrNotRegistered):
		j.log.Error("nothing can be requested from the prover network", "err", err)
		return fault.New(fault.ProofFailed, "The prover network asks for more than this service is set up for; nothing was requested. "+
			"Try again later, and tell us if it stays.").MayRetry(true).Because(err)
	case passing(err), transfer, errors.Is(err, ErrUntrusted):
		return fault.New(fault.RPCUnavailable, "The prover network cannot be reached right now. Submit the claim again shortly: what was "+
			"already paid for is picked up, not bought twice.").RetryIn(30 * time.Second).Because(err)
	}
	return j.refusal(err)
}

// refusal explains a request that the network did not take.
func (j *job) refusal(err error) error {
	c := code(err)
	if c == codes.Unknown && text(err) == "" {
		return err // nothing that the network said: an error of our own, or of the store
	}
	j.log.Error("prover network refused a call", "code", c.String(), "err", err)
	return fault.New(fault.ProofFailed, "The prover network did not take the request%s. Nothing was bought. Try again later, and "+
		"tell us if it stays.", whyRefused(err)).MayRetry(true).Because(err)
}

// whyRefused guesses from a refusal's code and words, of which only those about nonces are known for sure.
func whyRefused(err error) string {
	says := strings.ToLower(text(err))
	has := func(word string) bool { return strings.Contains(says, word) }
	trouble, nonce := nonceTroubleOf(err)
	switch c := code(err); {
	case nonce && trouble.sender != (common.Address{}), c == codes.Unauthenticated, c == codes.PermissionDenied:
		return ": it does not accept this service's account"
	case has("insufficient"), has("balance"), has("funds"):
		return ": this service's account has not enough credit there"
	case has("version"):
		return ": it does not support this service's version of SP1"
	}
	return ""
}
