package jobstest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"claimprover/internal/claim"
	"claimprover/internal/jobs"
)

// ErrFault is what a [FaultyStore] fails with.
var ErrFault = errors.New("injected fault")

// Write names a method of [jobs.Store] that writes.
type Write string

// The writes.
const (
	Admit   Write = "Admit"
	Join    Write = "Join"
	Leave   Write = "Leave"
	Lease   Write = "Lease"
	Renew   Write = "Renew"
	Save    Write = "Save"
	Release Write = "Release"
	Swap    Write = "Swap"
)

// FaultyStore is a store whose writes fail on demand: before they are made, or after, so that only the answer is lost.
// All methods may be called from many goroutines.
type FaultyStore struct {
	jobs.Store

	mu     sync.Mutex
	plan   []*planned // guarded by mu
	broken bool       // guarded by mu
}

// planned is a fault to come.
type planned struct {
	of    []Write // empty: any
	in    int     // how many of these writes from now; 1 is the next
	after bool
}

// Faulty makes a store that is s until it is told to fail.
func Faulty(s jobs.Store) *FaultyStore { return &FaultyStore{Store: s} }

// FailBefore makes the n-th write from now fail without being made; 1 is the next. With of, only such writes count.
func (f *FaultyStore) FailBefore(n int, of ...Write) { f.fail(&planned{of, n, false}) }

// FailAfter makes the n-th write from now fail after it was made, or refused: its answer is lost. 1 is the next. With
// of, only such writes count.
func (f *FaultyStore) FailAfter(n int, of ...Write) { f.fail(&planned{of, n, true}) }

func (f *FaultyStore) fail(p *planned) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = append(f.plan, p)
}

// Planned is how many faults have not happened yet.
func (f *FaultyStore) Planned() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.plan)
}

// Break makes every call fail before it does anything, Ping and reads included, until [FaultyStore.Mend].
func (f *FaultyStore) Break() { f.setBroken(true) }

// Mend ends a [FaultyStore.Break].
func (f *FaultyStore) Mend() { f.setBroken(false) }

func (f *FaultyStore) setBroken(broken bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = broken
}

// read is the fate of a read.
func (f *FaultyStore) read() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken {
		return ErrFault
	}
	return nil
}

// fate decides how a write will fail, if it will.
func (f *FaultyStore) fate(w Write) (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken {
		return ErrFault, nil
	}
	f.plan = slices.DeleteFunc(f.plan, func(p *planned) bool {
		if len(p.of) > 0 && !slices.Contains(p.of, w) {
			return false
		}
		if p.in--; p.in > 0 {
			return false
		}
		if p.after {
			after = ErrFault
		} else {
			before = ErrFault
		}
		return true
	})
	return before, after
}

// write makes a write that meets its fate.
func write[T any](f *FaultyStore, w Write, do func() (T, error)) (T, error) {
	var nothing T
	before, after := f.fate(w)
	if before != nil {
		return nothing, before
	}
	got, err := do()
	if after != nil {
		return nothing, after
	}
	return got, err
}

// admitted is what Admit and Join answer.
type admitted struct {
	job         jobs.Job
	disposition jobs.Disposition
	found       bool
}

// Admit is a write.
func (f *FaultyStore) Admit(ctx context.Context, j jobs.Job) (jobs.Job, jobs.Disposition, error) {
	a, err := write(f, Admit, func() (admitted, error) {
		j, d, err := f.Store.Admit(ctx, j)
		return admitted{j, d, true}, err
	})
	return a.job, a.disposition, err
}

// Join is a write, also when it finds nothing.
func (f *FaultyStore) Join(ctx context.Context, j jobs.Job) (jobs.Job, jobs.Disposition, bool, error) {
	a, err := write(f, Join, func() (admitted, error) {
		j, d, found, err := f.Store.Join(ctx, j)
		return admitted{j, d, found}, err
	})
	return a.job, a.disposition, a.found, err
}

// Leave is a write.
func (f *FaultyStore) Leave(ctx context.Context, id jobs.ID, o jobs.Owner) (jobs.Job, error) {
	return write(f, Leave, func() (jobs.Job, error) { return f.Store.Leave(ctx, id, o) })
}

// Lease is a write, counted when it is called. One whose answer is lost leaves the job in nobody's hands.
func (f *FaultyStore) Lease(ctx context.Context, w jobs.Worker) (jobs.Lease, error) {
	return write(f, Lease, func() (jobs.Lease, error) { return f.Store.Lease(ctx, w) })
}

// Renew is a write.
func (f *FaultyStore) Renew(ctx context.Context, l jobs.Lease) error {
	return f.write(Renew, func() error { return f.Store.Renew(ctx, l) })
}

// Save is a write.
func (f *FaultyStore) Save(ctx context.Context, l jobs.Lease, journal []byte) error {
	return f.write(Save, func() error { return f.Store.Save(ctx, l, journal) })
}

// Release is a write.
func (f *FaultyStore) Release(ctx context.Context, l jobs.Lease) error {
	return f.write(Release, func() error { return f.Store.Release(ctx, l) })
}

func (f *FaultyStore) write(w Write, do func() error) error {
	_, err := write(f, w, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// Swap is a write, also when nothing comes of it.
func (f *FaultyStore) Swap(ctx context.Context, id jobs.ID, l *jobs.Lease, next func(jobs.Job) (jobs.Job, error)) (jobs.Job, error) {
	return write(f, Swap, func() (jobs.Job, error) { return f.Store.Swap(ctx, id, l, next) })
}

// Get fails while the store is broken.
func (f *FaultyStore) Get(ctx context.Context, id jobs.ID) (jobs.Job, error) {
	if err := f.read(); err != nil {
		return jobs.Job{}, err
	}
	return f.Store.Get(ctx, id)
}

// List fails while the store is broken.
func (f *FaultyStore) List(ctx context.Context, o jobs.Owner, q jobs.Query) (jobs.Page, error) {
	if err := f.read(); err != nil {
		return jobs.Page{}, err
	}
	return f.Store.List(ctx, o, q)
}

// Peek fails while the store is broken.
func (f *FaultyStore) Peek(ctx context.Context, of claim.Identity) (jobs.Disposition, error) {
	if err := f.read(); err != nil {
		return "", err
	}
	return f.Store.Peek(ctx, of)
}

// Places fails while the store is broken.
func (f *FaultyStore) Places(ctx context.Context, ids []jobs.ID) (map[jobs.ID]int, int, error) {
	if err := f.read(); err != nil {
		return nil, 0, err
	}
	return f.Store.Places(ctx, ids)
}

// Pending fails while the store is broken.
func (f *FaultyStore) Pending(ctx context.Context) ([]jobs.Job, error) {
	if err := f.read(); err != nil {
		return nil, err
	}
	return f.Store.Pending(ctx)
}

// Figures fails while the store is broken.
func (f *FaultyStore) Figures(ctx context.Context) (jobs.Figures, error) {
	if err := f.read(); err != nil {
		return jobs.Figures{}, err
	}
	return f.Store.Figures(ctx)
}

// Ping fails while the store is broken.
func (f *FaultyStore) Ping(ctx context.Context) error {
	if err := f.read(); err != nil {
		return err
	}
	return f.Store.Ping(ctx)
}
