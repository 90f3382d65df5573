// Package provertest is the contract of [prover.Prover] as tests: one sentence a test, run by every prover.
//
// The heart of it is money. Prove is stopped at every Save, before and after the write, and at every report; then a new
// instance is called with the journal as that left it. In all, it may have paid once. The package also has the
// [Journal] with which this is done. It does not know what a prover does to make a proof.
package provertest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover"
)

// Subject is a prover under test with what it takes to judge it. Only Prover and Input must be set.
type Subject struct {
	Prover prover.Prover
	Input  prover.Input   // a claim that it can prove
	Others []prover.Input // more of them, proved at the same time as Input

	// Paid says how often money was spent for Input in all, over all instances; nil: it never pays.
	Paid func() int
	// Restart gives a new instance, as after a crash: it remembers nothing but what the world outside does. Nil: Prover
	// has no memory of its own and is used again.
	Restart func() prover.Prover
	// Endless is a claim whose proof never comes; nil: none can be made, and its sentence is skipped.
	Endless *prover.Input
	// Failing are claims that fail.
	Failing []Failure
	// Stops is how long Prove may take to return after its context has ended; zero: a second.
	Stops time.Duration

	settle func() // waits until every goroutine waits; nil outside of a bubble
}

// Failure is a claim with the failure that it must end in.
type Failure struct {
	Input     prover.Input
	Code      fault.Code
	Retryable bool
	Owes      bool // something stays in the journal, for a later call to pick up
}

// Run holds the contract against the prover. The subject is made anew for each run of Prove to its end, so that what
// was paid is counted from zero.
func Run(t *testing.T, subject func(t *testing.T) Subject) {
	for _, s := range contract {
		t.Run(s.says, func(t *testing.T) {
			require.NoError(t, s.holds(t.Context(), func() Subject { return subject(t) }))
		})
	}
}

// RunInBubble is [Run] with a synctest bubble around each sentence, for provers that wait on timers and channels alone:
// their hours take no time.
func RunInBubble(t *testing.T, subject func(t *testing.T) Subject) {
	for _, s := range contract {
		t.Run(s.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				require.NoError(t, s.holdsInBubble(t.Context(), func() Subject { return subject(t) }))
			})
		})
	}
}

func (s sentence) holdsInBubble(ctx context.Context, fresh func() Subject) error {
	err := s.holds(ctx, func() Subject {
		subject := fresh()
		subject.settle = synctest.Wait
		return subject
	})
	if err != nil {
		time.Sleep(stragglers)
	}
	return err
}

// stragglers is what a broken prover's goroutines get to end, so that a bubble reports the error and not them.
const stragglers = 24 * time.Hour

// sentence is one of the contract. It gives its violations as an error rather than to a *testing.T, so that careless
// provers can be held against it in a test of its own.
type sentence struct {
	says  string
	holds func(ctx context.Context, fresh func() Subject) error
}

func (s Subject) paid() int {
	if s.Paid == nil {
		return 0
	}
	return s.Paid()
}

func (s Subject) restarted() prover.Prover {
	if s.Restart == nil {
		return s.Prover
	}
	return s.Restart()
}

func (s Subject) stops() time.Duration {
	if s.Stops == 0 {
		return time.Second
	}
	return s.Stops
}
