// Package memstore keeps jobs in memory: it is the [jobs.Store] of a service that is one process.
//
// One mutex guards everything. Under it nothing is waited for, called back or scanned: what a method costs grows with
// its answer, with the owners of its job, or with the logarithm of what is kept. What has expired is dropped a few
// entries at a time, by every write and by a timer that runs only while something is kept; until then reads do not see
// it. The jobs of the queue and of the workers are bounded by their number, ended ones and proofs by their time to live
// and the rate of admissions, journals by what was paid for.
package memstore

import (
	"cmp"
	"container/list"
	"context"
	"sync"
	"time"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// Options tune a [Store]; the zero value is ready for use.
type Options struct {
	QueueCapacity int           // jobs that may be pending, released ones apart; 0 means 50
	JobsTTL       time.Duration // how long a job is kept after it has ended; 0 means an hour
	CacheTTL      time.Duration // how long a proof is kept after it was made; 0 means an hour, less: not at all
}

// Store is a [jobs.Store] in memory. Its zero value is not usable; [New] makes one.
type Store struct {
	capacity          int
	jobsTTL, cacheTTL time.Duration
	announce          func(jobs.Job) // set once, before anything is written

	mu       sync.Mutex
	closed   bool
	admitted uint64        // how many jobs there ever were: the seq of the newest
	arrived  chan struct{} // closed, and made anew, when a job comes into the queue
	sweeper  *time.Timer   // nil while nothing is kept that can expire

	byID     map[jobs.ID]*entry
	inFlight map[claim.Identity]*entry // pending and running
	owned    map[drawer]*ordered       // the list of an owner, a drawer for each state
	everyone [jobs.Failed + 1]ordered  // every job, by its state
	waiting  ordered                   // pending
	leased   *list.List                // of *entry: running, soonest to expire first
	ended    *list.List                // of *entry: first to have ended first

	proofs   map[claim.Identity]*proof
	made     *list.List                // of *proof: oldest first
	journals map[claim.Identity][]byte // left by ended jobs

	answers  map[jobs.ID]*answer // to admissions that did not become a job of their own
	answered *list.List          // of *answer: oldest first
}

// entry is what the store knows of a job. What is not set once is guarded by the store's mutex.
type entry struct {
	id    jobs.ID       // set once
	seq   uint64        // order of admission; set once
	job   *jobs.Job     // replaced by each write, never changed
	token uint64        // of the latest take
	until time.Time     // of the lease
	at    *list.Element // of leased or ended, if its state is such
	gone  time.Time     // when an ended job expires

	endedByHolder bool // under token, and so not by an owner or a drain
}

// proof is a completed job as the cache keeps it, whether or not the job itself is still there.
type proof struct {
	of   *jobs.Job
	gone time.Time
}

// answer remembers what an admission was given that was joined to another job, or answered with one.
type answer struct {
	asked, given jobs.ID
	disposition  jobs.Disposition
	gone         time.Time
}

var _ jobs.Store = (*Store)(nil)

// New makes an empty store.
func New(o Options) *Store {
	return &Store{
		capacity: cmp.Or(o.QueueCapacity, 50),
		jobsTTL:  cmp.Or(o.JobsTTL, time.Hour),
		cacheTTL: cmp.Or(o.CacheTTL, time.Hour),
		arrived:  make(chan struct{}),
		byID:     make(map[jobs.ID]*entry),
		inFlight: make(map[claim.Identity]*entry),
		owned:    make(map[drawer]*ordered),
		leased:   list.New(),
		ended:    list.New(),
		proofs:   make(map[claim.Identity]*proof),
		made:     list.New(),
		journals: make(map[claim.Identity][]byte),
		answers:  make(map[jobs.ID]*answer),
		answered: list.New(),
	}
}

// Announce sets who hears of writes; see [jobs.Store].
func (s *Store) Announce(f func(jobs.Job)) { s.announce = f }

// tell announces a write that followers see. The mutex is not held.
func (s *Store) tell(j *jobs.Job) {
	if s.announce != nil {
		s.announce(*j)
	}
}

var errClosed = fault.New(fault.Unavailable, "The service is stopping. Try again in a moment.")

// Ping refuses once the store is closed.
func (s *Store) Ping(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	return nil
}

// Close ends those who wait in Lease, and the timer. It may be called again.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.arrived)
	if s.sweeper != nil {
		s.sweeper.Stop()
	}
	return nil
}
