package provertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
)

// Fault is what befalls one Save.
type Fault int

// The faults.
const (
	Works       Fault = iota
	Fails             // an error, and nothing was written
	LosesAnswer       // written, and yet an error
)

// ErrJournal is what a Save befallen by a fault gives.
var ErrJournal = errors.New("the journal is away")

// Journal is a [prover.Journal] in memory; the zero value is empty and works. Its methods may be called from many
// goroutines. Like a store's, it refuses to write under a context that has ended.
type Journal struct {
	// OnSave, set before first use, says what befalls the n-th Save, counted from 1; it is called before anything is
	// written and without a lock. Nil: every Save works.
	OnSave func(n int, entry []byte) Fault

	mu    sync.Mutex
	entry []byte // guarded by mu
	saves int    // guarded by mu
}

// Load gives a copy of what was written last.
func (j *Journal) Load() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.entry)
}

// Save writes a copy of entry, unless ctx has ended or OnSave says otherwise.
func (j *Journal) Save(ctx context.Context, entry []byte) error {
	j.mu.Lock()
	j.saves++
	n := j.saves
	j.mu.Unlock()

	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	what := Works
	if j.OnSave != nil {
		what = j.OnSave(n, entry)
	}
	if what == Fails {
		return away(ctx)
	}
	j.mu.Lock()
	j.entry = bytes.Clone(entry)
	j.mu.Unlock()
	if what == LosesAnswer {
		return away(ctx)
	}
	return nil
}

func away(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrJournal, context.Cause(ctx))
	}
	return ErrJournal
}

// Saves says how often Save was called, whatever befell it.
func (j *Journal) Saves() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.saves
}
