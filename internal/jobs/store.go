package jobs

import (
	"context"
	"time"
)

// Disposition says what became of an admitted submission.
type Disposition string

// The dispositions.
const (
	Queued       Disposition = "queued" // a new job has a place in the queue
	Joined       Disposition = "joined" // the same claim is in flight; the caller is one of its owners now
	CachedAnswer Disposition = "cached" // the proof is there already
)

// Worker names who holds a lease, for people who read logs.
type Worker string

// Lease is the right to work on a job, for LeaseTime after it was taken or renewed, by the store's clock.
type Lease struct {
	ID    ID
	Token uint64 // fencing: grows with each take of the job; a write with an older one is refused
	Job   Job    // as it was taken, its journal included
}

// LeaseTime is how long a lease lasts unless renewed; RenewEvery is how often its holder should renew it.
const (
	LeaseTime  = 30 * time.Second
	RenewEvery = 10 * time.Second
)

// Query chooses and pages the jobs of an owner.
type Query struct {
	Status *State // nil: all
	Limit  int    // 1 to 100
	Cursor string // from an earlier Page; empty: from the newest
}

// Page is a part of a list, newest first. Next is empty on the last one.
type Page struct {
	Jobs []Job
	Next string
}

// Figures are the store's counts, as of one moment.
type Figures struct {
	Pending, Running int
	Kept             int // every job that is still remembered, ended ones included
	Cached           int // proofs kept
	OldestPending    time.Time
}

// Store keeps jobs. All methods may be called from many goroutines; nil means written (durably, where the store is
// durable). An error from Admit or Swap may mean "written, answer lost": asking again with the same job gives the same
// result. Package jobstest is this contract as tests.
type Store interface {
	// Admit is one atomic step. A job of the same identity in flight gains j's first owner (Joined). Else a live cached
	// proof answers: an owner of the finished job gets that job back, anyone else a completed one of his own under j's
	// id (CachedAnswer). Else j is written as pending if the queue has a place, which pending jobs alone take (Queued),
	// and takes over the journal that its identity's last ended job left; or fault.QueueFull. What refused or joined
	// you is visible to your next read. Admitting the same ID again gives the job that the first time gave.
	Admit(ctx context.Context, j Job) (Job, Disposition, error)
	// Leave removes an owner; the last one's leaving cancels the job in the same step. Faults: not_found,
	// forbidden, already_finished.
	Leave(ctx context.Context, id ID, o Owner) (Job, error)
	// Lease waits for work until ctx ends: running jobs whose lease has expired first, then the oldest pending job.
	// The job is written as Started before it is given out.
	Lease(ctx context.Context, w Worker) (Lease, error)
	// Renew makes the lease last LeaseTime from now, or gives fault.ErrStale: stop spending. No new version, no event.
	Renew(ctx context.Context, l Lease) error
	// Save keeps the prover's journal in the job. A stale token is refused with fault.ErrStale.
	Save(ctx context.Context, l Lease, journal []byte) error
	// Release puts the job back into its old place in the queue, its journal kept.
	Release(ctx context.Context, l Lease) error
	// Swap writes next(the stored job), in one step, and gives what was written. The lease's token must be the
	// current one, else fault.ErrStale; l is nil for a writer without one (drain, claimed on chain). What next refuses
	// is not written, and neither is a job that it gave back as it was (the same Rev). A terminal job frees its identity, gives up its lease and, completed, fills the proof cache, all
	// in the same step.
	Swap(ctx context.Context, id ID, l *Lease, next func(Job) (Job, error)) (Job, error)
	// Get gives fault.NotFound for what was never there and for what has expired.
	Get(ctx context.Context, id ID) (Job, error)
	// Join is Admit for a caller who has not paid for a place: the first two answers of Admit (Joined, CachedAnswer), else
	// false and nothing is written.
	Join(ctx context.Context, j Job) (Job, Disposition, bool, error)
	// List gives an owner's jobs, newest first; what is admitted meanwhile does not shift a cursor's page.
	List(ctx context.Context, o Owner, q Query) (Page, error)
	// Places gives each id that is pending its place, 1 being next, and the length of the queue.
	Places(ctx context.Context, ids []ID) (places map[ID]int, queued int, err error)
	// Pending gives the jobs in the queue, next one first.
	Pending(ctx context.Context) ([]Job, error)
	Figures(ctx context.Context) (Figures, error)
	// Announce, called before anything is written: f hears of every write that followers see, on every instance,
	// perhaps out of order, perhaps skipping some, never the last one. It is called after the store let go of its lock
	// and before the write returns; it must not block.
	Announce(f func(Job))
	// Ping says whether the store can be reached.
	Ping(ctx context.Context) error
	Close() error
}
