// Package mock is the prover for development: it behaves like a real one in everything but the proof, which is empty
// and convinces no verifier.
//
// It passes the phases of a real prover within a set delay, keeps a journal, so that whoever takes a job over
// continues it, and stops when told. A claimant has every way a job can end on demand, so that an integration that was
// written on a mock service is finished: he claims for one of the recipients of package function [Recipient], an
// address of 20 bytes made of the ASCII text "claimprover mock: " and the number of the [Case] in two bytes, big-endian.
//
//	0x636c61696d70726f766572206d6f636b3a20 0001   proof_failed
//	                                       0002   proof_failed, retryable
//	                                       0003   timeout: the proof never ends by itself
//	                                       0004   internal_error: the prover panics
//	                                       0005   verification_failed
//	                                       0006   rpc_unavailable
//	                                       0007   already_claimed
//	                                       0008   claims_closed
//	                                       0009   shutting_down
//	                                       000a   cancelled
//	                                       000b   rpc_unavailable once; submitted again, it goes on and completes
//	                                       000c   completes after ten times the delay
//	                                       000d   completes at once
//	                                       000e   completes; phase, request and explorer are an attacker's texts
//	                                       000f   proof_failed; so is the message
//
// Failures come at half of the delay. Any other number fails as proof_failed and says so; any other recipient is
// proved. The challenge names the recipient, so the claimant signs for it as for any other.
//
// A [Prover] holds nothing but its options and may be used from many goroutines. It pays for nothing.
package mock

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"claimprover/prover"
)

// Options tune a Prover; the zero value proves at once.
type Options struct {
	Delay time.Duration // what a whole proof takes
}

// Prover is the mock prover.
type Prover struct {
	delay time.Duration
}

// New makes a mock prover.
func New(o Options) *Prover { return &Prover{delay: o.Delay} }

// phases of a proof, with the part of the delay at which each ends, in per cent.
var phases = [...]struct {
	name string
	ends time.Duration
}{
	{"executing", 10},
	{"proving", 85},
	{"wrapping", 100},
}

// failsAt is the part of the delay at which a case fails, in per cent.
const failsAt = 50

// entry is the journal: when the proof was begun, by any instance, and whether it has failed once.
type entry struct {
	Started time.Time `json:"started"`
	Failed  bool      `json:"failed,omitempty"`
}

// Prove implements [prover.Prover]. The proof has no bytes; its public values are those of the claim.
func (p *Prover) Prove(ctx context.Context, in prover.Input, journal prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
	play := playFor(in.EVMAddress, p.delay)
	begun, err := begin(ctx, journal)
	if err != nil {
		return prover.Proof{}, fmt.Errorf("mock: beginning: %w", err)
	}
	if err := play.perform(ctx, begun, report); err != nil {
		return prover.Proof{}, fmt.Errorf("mock: proving: %w", err)
	}
	if err := play.end(ctx, begun, journal); err != nil {
		return prover.Proof{}, err
	}
	return prover.Proof{PublicValues: in.PublicValues[:], Request: play.request}, nil
}

// begin reads when the proof was begun, or writes that it begins now. What cannot be read was not written by a mock
// prover; since nothing can have been paid for, it is begun anew.
func begin(ctx context.Context, journal prover.Journal) (entry, error) {
	var e entry
	now := time.Now() // on the monotonic clock for as long as this process lives
	if json.Unmarshal(journal.Load(), &e) == nil && !e.Started.IsZero() {
		if e.Started.After(now) { // another machine's clock makes no proof longer
			e.Started = now
		}
		return e, nil
	}
	e = entry{Started: now}
	return e, journal.Save(ctx, e.encode())
}

func (e entry) encode() []byte {
	e.Started = e.Started.UTC()
	b, err := json.Marshal(e)
	if err != nil {
		panic("mock: a journal must always encode: " + err.Error())
	}
	return b
}

// perform passes the phases that are not over yet, up to where the play ends.
func (p play) perform(ctx context.Context, begun entry, report func(prover.Progress)) error {
	stop := time.Duration(100)
	if p.failing(begun) {
		stop = failsAt
	}
	for _, ph := range phases {
		ends := min(ph.ends, stop)
		left := time.Until(begun.Started.Add(p.delay * ends / 100))
		if left < 0 && p.delay > 0 && ends < stop {
			continue // over before this call
		}
		report(prover.Progress{Phase: p.word(ph.name), Request: p.request})
		if err := wait(ctx, left); err != nil {
			return err
		}
		if ends == stop {
			break
		}
	}
	if p.endless {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
