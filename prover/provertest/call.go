package provertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"claimprover/prover"
)

// call is one observed call of Prove. What holds for every call, however it ends, is checked here.
type call struct {
	subject Subject
	prover  prover.Prover
	input   prover.Input
	journal *Journal
	onSave  func(n int) Fault // may be nil; n counts the Saves of this call
	onPhase func(n int)       // may be nil; n counts the reports of this call
	before  int               // what had been paid when the call began

	mu        sync.Mutex
	wrong     []error           // guarded by mu
	phases    []prover.Progress // guarded by mu
	announced bool              // guarded by mu; a Save that says so has returned nil, or an earlier call left an entry
	returned  bool              // guarded by mu
	saves     atomic.Int32
	reporting atomic.Int32 // reports that have not returned
}

// again is a call of a new instance with the journal that earlier calls left.
func again(s Subject, journal *Journal) *call {
	return &call{subject: s, prover: s.restarted(), input: s.Input, journal: journal}
}

// first is a call of the subject's own instance with an empty journal.
func first(s Subject) *call {
	return &call{subject: s, prover: s.Prover, input: s.Input, journal: &Journal{}}
}

type answer struct {
	proof prover.Proof
	err   error
}

// prove calls Prove and gives its answer, and apart from it what was wrong with the call.
func (c *call) prove(ctx context.Context) (got answer, wrong error) {
	c.before = c.subject.paid()
	c.announced = len(c.journal.Load()) > 0
	c.journal.OnSave = nil
	if c.onSave != nil {
		c.journal.OnSave = func(int, []byte) Fault { return c.onSave(int(c.saves.Add(1))) }
	}

	done := make(chan answer, 1)
	go func() {
		proof, err := c.prover.Prove(ctx, c.input, (*watched)(c), c.report)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.returned = true
		if n := c.reporting.Load(); n > 0 {
			c.wrong = append(c.wrong, fmt.Errorf("a Prove returned while %d reports were under way", n))
		}
		done <- answer{proof, err}
	}()
	got, stopped := c.await(ctx, done)
	if !stopped {
		return got, fmt.Errorf("a Prove had not returned %v after its context ended", c.subject.stops())
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.judgeSpendingLocked()
	if got.err == nil {
		c.wrong = append(c.wrong, rightProof(c.input, got.proof))
	} else if ctx.Err() != nil && !errors.Is(got.err, context.Cause(ctx)) {
		c.wrong = append(c.wrong, fmt.Errorf("the context ended, and the error does not wrap its cause: %w", got.err))
	}
	return got, errors.Join(c.wrong...)
}

func (c *call) judgeSpendingLocked() {
	if c.subject.paid() > c.before && !c.announced {
		c.wrong = append(c.wrong, errors.New("money was spent though no Save had returned nil"))
	}
}

func (c *call) await(ctx context.Context, done <-chan answer) (answer, bool) {
	select {
	case got := <-done:
		return got, true
	case <-ctx.Done():
	}
	late := time.NewTimer(c.subject.stops())
	defer late.Stop()
	select {
	case got := <-done:
		return got, true
	case <-late.C:
		return answer{}, false
	}
}

func rightProof(in prover.Input, p prover.Proof) error {
	if string(p.PublicValues) != string(in.PublicValues[:]) {
		return fmt.Errorf("the proof's public values %x are not those of its claim %x", p.PublicValues, in.PublicValues)
	}
	return nil
}

func (c *call) report(p prover.Progress) {
	c.reporting.Add(1)
	defer c.reporting.Add(-1)

	c.mu.Lock()
	if c.returned {
		c.wrong = append(c.wrong, fmt.Errorf("phase %q was reported after Prove had returned", p.Phase))
	}
	if p.Phase == "" {
		c.wrong = append(c.wrong, errors.New("a report has no phase"))
	}
	c.phases = append(c.phases, p)
	n := len(c.phases)
	c.mu.Unlock()
	if c.onPhase != nil {
		c.onPhase(n)
	}
}

// late gives what became wrong after prove had its answer; outside of a bubble only what did so at once.
func (c *call) late() error {
	if c.subject.settle != nil {
		c.subject.settle()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.wrong...)
}

// watched is the journal as this call sees it.
type watched call

func (w *watched) Load() []byte { return w.journal.Load() }

func (w *watched) Save(ctx context.Context, entry []byte) error {
	w.mu.Lock()
	(*call)(w).judgeSpendingLocked()
	if w.returned {
		w.wrong = append(w.wrong, errors.New("the journal was written after Prove had returned"))
	}
	w.mu.Unlock()

	err := w.journal.Save(ctx, entry)
	if err == nil && len(entry) > 0 {
		w.mu.Lock()
		w.announced = true
		w.mu.Unlock()
	}
	return err
}
