package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/prover"
)

// Why a job's work was stopped: the causes its context ends with.
var (
	errOverrun = errors.New("the proof took too long")
	errEndedBy = errors.New("the job was ended by somebody else")

	// ErrShutdown is the cause with which whoever runs a [Pool] ends the work in hand.
	ErrShutdown = errors.New("the service is shutting down")
)

// Check says whether a proof is a proof of that claim, and by which named checks. No names and no error: nothing is
// configured to be checked, and the proof is given out as not verified.
type Check func(ctx context.Context, c claim.Claim, p prover.Proof) (verifiedBy []string, err error)

// Options tune a [Pool].
type Options struct {
	Workers int           // how many jobs are proved at once
	Timeout time.Duration // for proving and checking one job, from the moment a worker took it
	Name    string        // of this process, for people who read logs
	// Open is asked once more just before a claim is proved: an error, a fault, ends the job with it. Nil: nobody is asked.
	Open   func(context.Context, claim.Claim) error
	Check  Check
	Logger *slog.Logger
}

// Pool has jobs proved: a bounded number at once, each under a timeout, each proof checked before its job is written as
// completed. How a job ends is written to the job and is never an error of the pool.
type Pool struct {
	store  Store
	prover prover.Prover
	opts   Options

	mu   sync.Mutex
	hand map[*work]struct{} // guarded by mu: what the workers have in hand
}

// work is one lease in a worker's hands.
type work struct {
	lease Lease
	stop  context.CancelCauseFunc
}

// NewPool makes a pool; nothing runs before [Pool.Run].
func NewPool(store Store, p prover.Prover, o Options) *Pool {
	return &Pool{store: store, prover: p, opts: o, hand: make(map[*work]struct{})}
}

// Run takes work until taking ends, does it until doing ends, and returns when the last worker is home. Whoever ends
// doing gives [ErrShutdown] as the cause. Only a store that cannot be asked for work ends a worker, and with it the
// others' taking.
func (p *Pool) Run(taking, doing context.Context) error {
	g, taking := errgroup.WithContext(taking)
	for i := range p.opts.Workers {
		name := Worker(fmt.Sprintf("%s/%d", p.opts.Name, i+1))
		g.Go(func() error { return p.loop(taking, doing, name) })
	}
	return g.Wait()
}

// Stop ends the work on a job that has ended otherwise: cancelled, or claimed on chain meanwhile. It never blocks.
func (p *Pool) Stop(id ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for w := range p.hand {
		if w.lease.ID == id {
			w.stop(errEndedBy)
		}
	}
}

func (p *Pool) loop(taking, doing context.Context, name Worker) error {
	for {
		lease, err := p.store.Lease(taking, name)
		switch {
		case err == nil:
			p.do(doing, lease)
		case taking.Err() != nil:
			return nil
		default:
			return fmt.Errorf("taking a job: %w", err)
		}
	}
}

// do works on one lease until the job is written as ended, or somebody else has it.
func (p *Pool) do(doing context.Context, lease Lease) {
	ctx, stop := context.WithCancelCause(doing)
	defer stop(nil)
	ctx, overrun := context.WithTimeoutCause(ctx, p.opts.Timeout, errOverrun)
	defer overrun()

	w := &work{lease: lease, stop: stop}
	p.take(w)
	defer p.drop(w)

	var renewing sync.WaitGroup
	renewing.Go(func() { p.renew(ctx, w) })
	end := p.attempt(ctx, w)
	// The lease is renewed until the end is written: a slow store must not make the job look abandoned.
	p.write(doing, lease, end)
	stop(nil)
	renewing.Wait()
}

func (p *Pool) take(w *work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hand[w] = struct{}{}
}

func (p *Pool) drop(w *work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.hand, w)
}

// transition is one arrow of a job's life with its arguments filled in.
type transition func(Job) (Job, error)

// attempt proves and checks, and gives the transition that ends the job.
func (p *Pool) attempt(ctx context.Context, w *work) transition {
	if p.opts.Open != nil && len(w.lease.Job.Journal) == 0 { // what was paid for is fetched in any case
		if err := p.opts.Open(ctx, w.lease.Job.Claim); err != nil {
			return failed(p.why(ctx, err))
		}
	}
	proof, err := p.prove(ctx, w)
	if err != nil {
		return failed(p.why(ctx, err))
	}
	verifiedBy, err := p.check(ctx, w.lease.Job.Claim, proof)
	if err != nil {
		why := p.why(ctx, err)
		if why.Code == fault.VerificationFailed { // what was bought is worthless: nothing is left to resume
			return then(Job.dropJournal, failed(why))
		}
		return failed(why)
	}
	if len(verifiedBy) > 0 {
		p.write(ctx, w.lease, func(j Job) (Job, error) { return j.Checked(verifiedBy, time.Now()) })
	}
	return func(j Job) (Job, error) { return j.Completed(proof, time.Now()) }
}

func failed(why *fault.Error) transition {
	return func(j Job) (Job, error) { return j.Failed(why, time.Now()) }
}

func then(first, second transition) transition {
	return func(j Job) (Job, error) {
		j, err := first(j)
		if err != nil {
			return Job{}, err
		}
		return second(j)
	}
}

func (j Job) dropJournal() (Job, error) { return j.Journaled(nil) }

// prove runs the prover; a panic in it fails this job only.
func (p *Pool) prove(ctx context.Context, w *work) (proof prover.Proof, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("prover panicked: %v\n%s", r, debug.Stack())
		}
	}()
	j := &journal{store: p.store, work: w, entry: w.lease.Job.Journal}
	return p.prover.Prove(ctx, w.lease.Job.Input(), j, func(progress prover.Progress) {
		p.write(ctx, w.lease, func(j Job) (Job, error) { return j.Progressed(progress, time.Now()) })
	})
}

func (p *Pool) check(ctx context.Context, c claim.Claim, proof prover.Proof) (verifiedBy []string, err error) {
	if p.opts.Check == nil {
		return nil, nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("check panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return p.opts.Check(ctx, c, proof)
}

// why turns what stopped an attempt into what the job will say. The cause of the context tells a timeout, a cancel and
// a shutdown apart.
func (p *Pool) why(ctx context.Context, err error) *fault.Error {
	if ctx.Err() == nil {
		return fault.Of(err)
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errOverrun):
		return fault.New(fault.Timeout, "Stopped after %s without a proof. Submit the claim again: what was already paid for is picked up, not bought twice.",
			fault.Span(p.opts.Timeout)).Because(err)
	case errors.Is(cause, ErrShutdown):
		return Shutdown().Because(err)
	default:
		return fault.Of(err)
	}
}

// Shutdown is how a job fails that the service's end left without a proof.
func Shutdown() *fault.Error {
	return fault.New(fault.ShuttingDown, "The service is restarting. Submit the claim again in a moment: what was already paid for is picked up, not bought twice.").RetryIn(5 * time.Second)
}

// write applies a transition under the lease. What the store refuses because the job has ended, or is in other hands,
// is no fault: that write would have been wrong. It is written although the work's time may be over.
func (p *Pool) write(ctx context.Context, l Lease, next transition) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), LeaseTime)
	defer cancel()
	_, err := p.store.Swap(ctx, l.ID, &l, next)
	if err != nil && fault.Of(err).Code == fault.Internal && !errors.Is(err, fault.ErrStale) {
		_, err = p.store.Swap(ctx, l.ID, &l, next) // perhaps written, and the answer lost: under one lease it is the same write
	}
	if err != nil && !fault.Is(err, fault.AlreadyFinished) && !errors.Is(err, fault.ErrStale) {
		p.opts.Logger.Error("job not written", "job", Label(l.ID), "err", err)
	}
}

// renew keeps the lease until ctx ends, and ends the work when the lease is lost, or could be.
func (p *Pool) renew(ctx context.Context, w *work) {
	every := time.NewTicker(RenewEvery)
	defer every.Stop()
	held := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		switch err := p.store.Renew(ctx, w.lease); {
		case err == nil:
			held = time.Now()
		case errors.Is(err, fault.ErrStale) || time.Since(held) >= LeaseTime-RenewEvery:
			w.stop(fault.ErrStale)
			return
		}
	}
}

// journal is a prover's memory, kept in the job it works for.
type journal struct {
	store Store
	work  *work

	mu    sync.Mutex
	entry []byte // guarded by mu
}

func (j *journal) Load() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entry)
}

func (j *journal) Save(ctx context.Context, entry []byte) error {
	if err := j.store.Save(ctx, j.work.lease, entry); err != nil {
		if errors.Is(err, fault.ErrStale) {
			j.work.stop(fault.ErrStale)
		}
		return fmt.Errorf("saving the prover's journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entry = slices.Clone(entry)
	return nil
}
