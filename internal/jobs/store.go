package jobs

import (
	"context"
	"time"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
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

// Lease is the right to work on a job, for LeaseTime after it was taken or renewed, by the store's clock. After that
// anyone may take it over; until somebody has, its holder may still renew it and write.
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

// AnswerTime is how long, at least, a store remembers what it answered to Admit.
const AnswerTime = time.Minute

// ErrNotFound is what every store says of an id that was never given out and of one that has expired.
var ErrNotFound = fault.New(fault.NotFound,
	"No such job, or it has expired. If it was yours, submit the same claim again; a cached proof costs nothing.")

// QueueFull is what every store says when there is no place in its queue.
func QueueFull(capacity int) *fault.Error {
	return fault.New(fault.QueueFull, "All %d places in the queue are taken. try again shortly.", capacity).
		RetryIn(5 * time.Second)
}

// Query chooses and pages the jobs of an owner.
type Query struct {
	Status *State     // nil: all
	Code   fault.Code // that jobs failed with; empty: all, failed or not
	Before time.Time  // created until then; zero: all
	Limit  int        // 1 to 100
	Cursor string     // from an earlier Page; empty: from the newest
}

// Takes says whether a job is one of those that are asked for.
func (q Query) Takes(j Job) bool {
	return (q.Status == nil || *q.Status == j.State) &&
		(q.Code == "" || j.Outcome != nil && j.Outcome.Failure != nil && j.Outcome.Failure.Code == q.Code) &&
		(q.Before.IsZero() || !j.CreatedAt.After(q.Before))
}

// Page is a part of a list, newest first. Next is empty on the last one.
type Page struct {
	Jobs []Job
	Next string
}

// Figures are the store's counts, as of one moment. Kept and Cached may still count what expired just before.
type Figures struct {
	Pending, Running int
	Kept             int // every job that is still remembered, ended ones included
	Cached           int // proofs kept
	OldestPending    time.Time
}

// Store keeps jobs. All methods may be called from many goroutines; nil means written (durably, where the store is
// durable). An error that is neither a *fault.Error of the contract below nor fault.ErrStale may mean "written, answer
// lost": asking Admit, Join or Swap again in the same way gives the same result. Package jobstest is this contract as
// tests.
//
// Ended jobs are forgotten some time after they ended, proofs some time after they were made, each by its own setting;
// pending and running jobs never. A journal that an ended job left is kept by its identity, however long, until a later
// job of the identity takes it over: it names something that was paid for.
type Store interface {
	// Admit is one atomic step; j is as New made it, with its receipts. A job of the same identity in flight gains j's
	// first owner and nothing else of j (Joined). Else a live cached proof answers: an owner of the finished job gets
	// that job back while it is kept, anyone else a completed one of his own under j's id (CachedAnswer). Else j is
	// written as pending if the queue has a place, which pending jobs alone take (Queued), and takes over the journal
	// that its identity's last ended job left; or QueueFull. What refused or joined you is visible to your next read.
	// Admitting the same id again within AnswerTime gives the job that the first time gave, as it is now.
	Admit(ctx context.Context, j Job) (Job, Disposition, error)
	// Join is Admit for a caller who has not paid for a place: what Admit would answer without taking one (Joined,
	// CachedAnswer), else false, and nothing is written.
	Join(ctx context.Context, j Job) (Job, Disposition, bool, error)
	// Peek says what Admit would answer to a new caller now, QueueFull included, and nothing is written. What it says
	// may be over before it is read: it is good for telling, never for letting through.
	Peek(ctx context.Context, of claim.Identity) (Disposition, error)
	// Leave removes an owner; the last one's leaving cancels the job in the same step. Faults: not_found,
	// forbidden, already_finished.
	Leave(ctx context.Context, id ID, o Owner) (Job, error)
	// Lease waits for work until ctx ends, and then gives an error that wraps context.Cause(ctx): running jobs whose
	// lease has expired first, then the oldest pending job. The job is written as Started before it is given out.
	// Once the store is closed it gives fault.Unavailable.
	Lease(ctx context.Context, w Worker) (Lease, error)
	// Renew makes the lease last LeaseTime from now, or gives fault.ErrStale: stop spending. No new version, no event.
	// A lease is stale, here and below, once the job has ended, been released or been taken over.
	Renew(ctx context.Context, l Lease) error
	// Save keeps the prover's journal in the job. A stale lease is refused with fault.ErrStale.
	Save(ctx context.Context, l Lease, journal []byte) error
	// Release puts the job back into its old place in the queue, its journal kept, even when the queue is full.
	Release(ctx context.Context, l Lease) error
	// Swap writes next(the stored job), in one step, and gives what was written. A stale lease is refused with
	// fault.ErrStale; l is nil for a writer without one (drain, claimed on chain), and he is refused with ErrEnded once
	// the job has ended. What next refuses is not written, nor is a job that it gives back with the Rev it had. A
	// terminal job frees its identity, gives up its lease and, completed, fills the proof cache, all in the same step.
	// The lease under which the job ended, and no other, may ask again, and is given the ended job.
	//
	// next must be pure: it is called without a lock, and again when another write came in between. It cannot start
	// a job, which only Lease does.
	Swap(ctx context.Context, id ID, l *Lease, next func(Job) (Job, error)) (Job, error)
	// Get gives ErrNotFound for what was never there and for what has expired.
	Get(ctx context.Context, id ID) (Job, error)
	// List gives an owner's jobs, newest first; what is admitted meanwhile does not shift a cursor's page. Anonymous
	// has no list: it is always empty. Everyone's has every job. A cursor that no page gave is fault.InvalidInput.
	List(ctx context.Context, o Owner, q Query) (Page, error)
	// Places gives each id that is pending its place, 1 being next, and the length of the queue.
	Places(ctx context.Context, ids []ID) (places map[ID]int, queued int, err error)
	// Pending gives the jobs in the queue, next one first.
	Pending(ctx context.Context) ([]Job, error)
	Figures(ctx context.Context) (Figures, error)
	// Announce, called once and before anything is written: f hears of every write that followers see, on every
	// instance, perhaps out of order, perhaps skipping some, never the last one. It is called after the store let go of
	// its lock and before the write returns; it must not block.
	Announce(f func(Job))
	// Ping says whether the store can be reached.
	Ping(ctx context.Context) error
	// Close ends those who wait in Lease; nothing may be written after it.
	Close() error
}
