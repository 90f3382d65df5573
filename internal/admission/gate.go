// Package admission decides whether a claim may be proved: the guards of the wire contract in their order, and what of
// the windows and the proof budget is spent for a place in the queue and given back.
//
// Cheapest and least trusted first: nothing that costs money or leaves the process happens for a claim that has not
// passed everything before it. All methods may be called from many goroutines. The package knows no HTTP.
package admission

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/rate"
)

// Chain is asked whether the contract would still take a claim. It answers nil, or already_claimed, claims_closed or
// rpc_unavailable; without a sure answer never nil.
type Chain interface {
	Open(ctx context.Context, c claim.Claim) error
}

// Options say which guards stand. What is nil or zero is not there.
type Options struct {
	// Domain is fixed before the first claim is admitted; until the chain's id is known it gives rpc_unavailable.
	Domain           func() (claim.Domain, error)
	List             *eligibility.List
	UnsignedAdmitted bool // VERIFY_SIGNATURES=false: for tests of other programs only
	Chain            Chain

	PerPublicKey  rate.Policy
	PerEVMAddress rate.Policy
	ProofsPerHour int64 // 0: no budget
	ProofsPerDay  int64

	// Freed says how long it takes, as things are, until a place in the queue is free; nil: nobody knows.
	Freed func() time.Duration

	Logger *slog.Logger
}

// Gate lets claims into the queue.
type Gate struct {
	store   jobs.Store
	opts    Options
	guards  []guard
	windows *windows
	one     keyed // one caller at a time asks the chain and pays for a claim

	mu     sync.Mutex
	closed bool           // guarded by mu
	paused string         // guarded by mu; why nobody is let in for now; empty: not paused
	inside sync.WaitGroup // Add under mu while not closed
}

// guard refuses a claim that can never succeed, without leaving the process.
type guard struct {
	name  string
	check func(claim.Claim) error
}

// New makes a gate in front of store.
func New(store jobs.Store, o Options) *Gate {
	g := &Gate{store: store, opts: o, windows: newWindows(o)}
	if o.List != nil {
		g.guards = append(g.guards, guard{"eligible, with the listed amount", o.List.Check})
	}
	g.guards = append(g.guards, guard{"the challenge is the one the contract will recompute", g.challenge})
	if !o.UnsignedAdmitted {
		g.guards = append(g.guards, guard{"signed by the account", claim.Claim.CheckSignature})
	}
	return g
}

// Admission is what became of a submission, and how much the caller has left.
type Admission struct {
	Job         jobs.Job
	Disposition jobs.Disposition
	Windows     []rate.State // also when refused, as far as they were asked
}

// Admit takes a well-formed claim through the guards to a job: a new one, the one in flight for the same claim, or one
// that the proof cache answers. Tokens are spent only for a job that got a place.
func (g *Gate) Admit(ctx context.Context, owner jobs.Owner, c claim.Claim) (Admission, error) {
	leave, err := g.enter()
	if err != nil {
		return Admission{}, err
	}
	defer leave()

	domain, err := g.pass(c)
	if err != nil {
		return Admission{}, err
	}
	identity := domain.Identity(c)
	unlock, err := g.one.lock(ctx, identity)
	if err != nil {
		return Admission{}, err
	}
	defer unlock()
	return g.place(ctx, jobs.New(uuid.New(), identity, c, domain.ProverMode, owner, time.Now()))
}

// pass takes a claim through the guards, and gives what its proof would be good for.
func (g *Gate) pass(c claim.Claim) (claim.Domain, error) {
	for _, guard := range g.guards {
		if err := guard.check(c); err != nil {
			return claim.Domain{}, fmt.Errorf("guard %q: %w", guard.name, err)
		}
	}
	return g.opts.Domain()
}

func (g *Gate) challenge(c claim.Claim) error {
	domain, err := g.opts.Domain()
	if err != nil {
		return err
	}
	return domain.CheckChallenge(c)
}

// place is the part that equal claims go through one after another: the first asks the chain and pays, the others find
// its job.
func (g *Gate) place(ctx context.Context, j jobs.Job) (Admission, error) {
	if found, ok, err := g.join(ctx, j); ok || err != nil {
		return found, err
	}
	if err := g.askChain(ctx, j.Claim); err != nil {
		return Admission{}, err
	}
	receipts, states, err := g.windows.spend(ctx, j.Claim)
	if err != nil {
		// On another instance the same claim may have got its job meanwhile, with the tokens that are missing here.
		if found, ok, _ := g.join(ctx, j); ok {
			return found, nil
		}
		return Admission{Windows: states}, err
	}
	j.Receipts = receipts
	admitted, disposition, err := g.store.Admit(ctx, j)
	if err != nil && fault.Of(err).Code == fault.Internal { // perhaps written, and the answer lost: the same job asks again
		admitted, disposition, err = g.store.Admit(ctx, j)
	}
	if err != nil || disposition != jobs.Queued {
		g.windows.refund(ctx, receipts)
		states = g.windows.peek(ctx, j.Claim)
	}
	if fault.Is(err, fault.QueueFull) && g.opts.Freed != nil {
		full := fault.Of(err)
		err = full.RetryIn(max(full.RetryAfter, g.opts.Freed()))
	}
	if err != nil {
		return Admission{Windows: states}, fmt.Errorf("taking a place in the queue: %w", err)
	}
	return Admission{Job: admitted, Disposition: disposition, Windows: states}, nil
}

func (g *Gate) askChain(ctx context.Context, c claim.Claim) error {
	if g.opts.Chain == nil {
		return nil
	}
	if err := g.opts.Chain.Open(ctx, c); err != nil {
		return fmt.Errorf("asking the chain: %w", err)
	}
	return nil
}

func (g *Gate) join(ctx context.Context, j jobs.Job) (Admission, bool, error) {
	found, disposition, ok, err := g.store.Join(ctx, j)
	if err != nil {
		return Admission{}, false, fmt.Errorf("looking for the same claim: %w", err)
	}
	if !ok {
		return Admission{}, false, nil
	}
	return Admission{Job: found, Disposition: disposition, Windows: g.windows.peek(ctx, j.Claim)}, true, nil
}

// Ended gives back what an ended job is owed: the budget if nothing was ever requested for it, the other windows if it
// never ran, each only while its window still runs. It is to be called once for each job.
func (g *Gate) Ended(ctx context.Context, j jobs.Job) {
	var owed []jobs.Receipt
	for _, r := range j.Receipts {
		if r.Budget && !j.Requested() || !r.Budget && j.StartedAt.IsZero() {
			owed = append(owed, r)
		}
	}
	g.windows.refund(ctx, owed)
}

// Close refuses everybody from now on, with shutting_down, and returns when those inside are through.
func (g *Gate) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}

// Draining is the refusal of a closed gate, and nil of an open one.
func (g *Gate) Draining() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return jobs.Shutdown()
	}
	return nil
}

// pausedRetry is what is said of when to come back: nobody knows how long a pause takes.
const pausedRetry = time.Minute

// Pause refuses everybody from now on, with unavailable and the reason as its message, until [Gate.Resume]. Those inside
// go on, and so do jobs. Another pause has another reason; the empty one is none.
func (g *Gate) Pause(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paused = reason
}

// Resume lets claims in again.
func (g *Gate) Resume() { g.Pause("") }

// Paused is the reason of a pause, or empty.
func (g *Gate) Paused() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.paused
}

// Refusing is what everybody is refused with: shutting_down, or unavailable during a pause. It is nil while claims may
// come in.
func (g *Gate) Refusing() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refusingLocked()
}

func (g *Gate) refusingLocked() error {
	switch {
	case g.closed:
		return jobs.Shutdown()
	case g.paused != "":
		return fault.New(fault.Unavailable, "%s", g.paused).RetryIn(pausedRetry)
	default:
		return nil
	}
}

func (g *Gate) enter() (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.refusingLocked(); err != nil {
		return nil, err
	}
	g.inside.Add(1)
	return g.inside.Done, nil
}
