// Package jobstest is the contract of [jobs.Store] as tests, a sentence each, and a store that fails on demand.
//
// The tests look at a store from outside only, through two handles that may belong to two processes, and let time pass
// through [Harness.Sleep], so that a store with a clock of its own can pass them too.
package jobstest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/prover"
)

// Options are the settings that a test needs of its store; zero: it does not matter.
type Options struct {
	QueueCapacity     int
	JobsTTL, CacheTTL time.Duration
}

// Harness makes stores and time for the tests.
type Harness struct {
	// Open gives two handles of one new and empty store: of two processes, or the same one twice. It sees to their
	// closing when the test ends.
	Open func(t *testing.T, o Options) (one, other jobs.Store)
	// Sleep lets d pass, on the store's clock and on this process's.
	Sleep func(d time.Duration)
	// Around runs a test, in a synctest bubble for example; nil: as it is.
	Around func(t *testing.T, test func(t *testing.T))
}

// spec is a sentence of the contract.
type spec struct {
	name string
	opts Options
	test func(c *check)
}

// Run holds the harness's stores against the contract.
func Run(t *testing.T, h Harness) {
	around := h.Around
	if around == nil {
		around = func(t *testing.T, test func(*testing.T)) { test(t) }
	}
	chapters := []struct {
		name  string
		specs []spec
	}{
		{"Admit", admission}, {"queue", queue}, {"lease", leases}, {"Leave", leaving}, {"Swap", swapping},
		{"cache", cache}, {"expiry", expiry}, {"journal", journals}, {"List", listing}, {"everyone's list", everyone}, {"Announce", announcing},
		{"fault", faults},
	}
	for _, chapter := range chapters {
		t.Run(chapter.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range chapter.specs {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					around(t, func(t *testing.T) { s.test(begin(t, h, s.opts)) })
				})
			}
		})
	}
}

// check is one test under way, with the verbs that the specs are written in. Each fails the test when the store gives an
// error.
type check struct {
	*testing.T
	*require.Assertions
	ctx   context.Context
	one   jobs.Store // who writes
	other jobs.Store // who reads
	heard *heard     // what other announced
	sleep func(time.Duration)
}

func begin(t *testing.T, h Harness, o Options) *check {
	one, other := h.Open(t, o)
	c := &check{
		T: t, Assertions: require.New(t), ctx: t.Context(),
		one: one, other: other, heard: newHeard(), sleep: h.Sleep,
	}
	other.Announce(c.heard.hear)
	return c
}

const (
	alice   = jobs.Owner("key:alice")
	bob     = jobs.Owner("key:bob")
	visitor = jobs.Owner("token:alice:1") // a browser token that alice minted
)

// job makes a job for the n-th claim that the store has not seen.
func job(n uint16, owner jobs.Owner) jobs.Job {
	identity := claim.Identity{byte(n >> 8), byte(n), 1}
	c := claim.Claim{SS58: "5F", PublicKey: [32]byte{byte(n >> 8), byte(n)}}
	j := jobs.New(uuid.New(), identity, c, "mock", owner, time.Now())
	j.Receipts = []jobs.Receipt{{Window: "pubkey", Key: string(owner), Amount: 1, Reset: time.Now().Add(time.Hour)}}
	return j
}

func (c *check) admit(j jobs.Job, want jobs.Disposition) jobs.Job {
	c.Helper()
	got, disposition, err := c.one.Admit(c.ctx, j)
	c.NoError(err)
	c.Equal(want, disposition)
	return got
}

// queued admits new claims n, n+1, … and gives their jobs.
func (c *check) queued(n uint16, count int) []jobs.Job {
	c.Helper()
	var all []jobs.Job
	for i := range count {
		all = append(all, c.admit(job(n+uint16(i), alice), jobs.Queued))
	}
	return all
}

func (c *check) lease() jobs.Lease {
	c.Helper()
	l, err := c.one.Lease(c.ctx, "worker")
	c.NoError(err)
	return l
}

// running admits claim n and leases it, which must be next.
func (c *check) running(n uint16, owner jobs.Owner) jobs.Lease {
	c.Helper()
	j := c.admit(job(n, owner), jobs.Queued)
	l := c.lease()
	c.Equal(j.ID, l.ID)
	return l
}

func (c *check) swap(l jobs.Lease, next func(jobs.Job) (jobs.Job, error)) jobs.Job {
	c.Helper()
	j, err := c.one.Swap(c.ctx, l.ID, &l, next)
	c.NoError(err)
	return j
}

// completed admits claim n and has it proved.
func (c *check) completed(n uint16, owner jobs.Owner) jobs.Job {
	c.Helper()
	return c.swap(c.running(n, owner), completes)
}

// failed admits claim n and has it fail.
func (c *check) failed(n uint16, owner jobs.Owner) jobs.Job {
	c.Helper()
	return c.swap(c.running(n, owner), fails)
}

func (c *check) get(id jobs.ID) jobs.Job {
	c.Helper()
	j, err := c.other.Get(c.ctx, id)
	c.NoError(err)
	return j
}

func (c *check) gone(id jobs.ID) {
	c.Helper()
	_, err := c.other.Get(c.ctx, id)
	c.refused(err, fault.NotFound)
}

func (c *check) refused(err error, code fault.Code) {
	c.Helper()
	c.Error(err)
	c.Equal(code, fault.Of(err).Code, "%v", err)
}

// stale says that l cannot write any more.
func (c *check) stale(l jobs.Lease) {
	c.Helper()
	before, err := c.other.Get(c.ctx, l.ID)
	c.NoError(err)
	c.ErrorIs(c.one.Renew(c.ctx, l), fault.ErrStale)
	c.ErrorIs(c.one.Save(c.ctx, l, []byte("stale")), fault.ErrStale)
	c.ErrorIs(c.one.Release(c.ctx, l), fault.ErrStale)
	_, err = c.one.Swap(c.ctx, l.ID, &l, completes)
	c.ErrorIs(err, fault.ErrStale)
	c.same(before, c.get(l.ID))
}

// same says that two jobs are equal. Times are compared as instants: a store need not keep a location.
func (c *check) same(want, got jobs.Job) {
	c.Helper()
	c.Equal(plain(want), plain(got))
}

func plain(j jobs.Job) jobs.Job {
	at := func(t time.Time) time.Time { return t.Round(time.Microsecond).UTC() }
	j.CreatedAt, j.StartedAt = at(j.CreatedAt), at(j.StartedAt)
	j.Timeline, j.Receipts = slices.Clone(j.Timeline), slices.Clone(j.Receipts)
	for i := range j.Timeline {
		j.Timeline[i].At = at(j.Timeline[i].At)
	}
	for i := range j.Receipts {
		j.Receipts[i].Reset = at(j.Receipts[i].Reset)
	}
	if j.Outcome != nil {
		outcome := *j.Outcome
		outcome.At = at(outcome.At)
		j.Outcome = &outcome
	}
	return j
}

// places gives the place of each job in the queue, by the store's view of one moment.
func (c *check) places(of ...jobs.ID) map[jobs.ID]int {
	c.Helper()
	places, _, err := c.other.Places(c.ctx, of)
	c.NoError(err)
	return places
}

func (c *check) list(o jobs.Owner, q jobs.Query) jobs.Page {
	c.Helper()
	page, err := c.other.List(c.ctx, o, q)
	c.NoError(err)
	return page
}

func (c *check) figures() jobs.Figures {
	c.Helper()
	f, err := c.other.Figures(c.ctx)
	c.NoError(err)
	return f
}

var (
	proof    = prover.Proof{Bytes: []byte{0xab, 1}, PublicValues: []byte{2}}
	whyNot   = fault.New(fault.ProofFailed, "The prover gave up.")
	allState = []jobs.State{jobs.Pending, jobs.Running, jobs.Completed, jobs.Failed}
)

func completes(j jobs.Job) (jobs.Job, error) { return j.Completed(proof, time.Now()) }
func fails(j jobs.Job) (jobs.Job, error)     { return j.Failed(whyNot, time.Now()) }

func reaches(phase string) func(jobs.Job) (jobs.Job, error) {
	return func(j jobs.Job) (jobs.Job, error) { return j.Progressed(prover.Progress{Phase: phase}, time.Now()) }
}

func ids(all []jobs.Job) []jobs.ID {
	var out []jobs.ID
	for _, j := range all {
		out = append(out, j.ID)
	}
	return out
}

// atOnce calls f(0) to f(n-1) from n goroutines that start together, and waits for all.
func atOnce(n int, f func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}
