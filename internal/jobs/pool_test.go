package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/jobs/jobstest"
	"claimprover/internal/jobs/memstore"
	"claimprover/prover"
)

// proving is a prover made of one function.
type proving func(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error)

func (p proving) Prove(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
	return p(ctx, in, j, report)
}

func proves(_ context.Context, in prover.Input, _ prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
	report(prover.Progress{Phase: "proving"})
	return prover.Proof{Bytes: []byte{1, 2, 3}, PublicValues: in.PublicValues[:]}, nil
}

func neverEnds(ctx context.Context, _ prover.Input, _ prover.Journal, _ func(prover.Progress)) (prover.Proof, error) {
	<-ctx.Done()
	return prover.Proof{}, context.Cause(ctx)
}

// bench is a pool at work on a store of its own.
type bench struct {
	t     *testing.T
	store jobs.Store
	pool  *jobs.Pool
	stop  context.CancelFunc      // taking
	abort context.CancelCauseFunc // doing
	home  chan error              // what Run returned
	seen  chan jobs.Job           // every announced write
}

// start runs a pool inside a synctest bubble; the bubble's end waits for it.
func start(t *testing.T, o jobs.Options, p prover.Prover) *bench {
	t.Helper()
	o.Workers = max(o.Workers, 1)
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	store := memstore.New(memstore.Options{QueueCapacity: 50, JobsTTL: time.Hour, CacheTTL: time.Hour})
	b := &bench{t: t, store: store, pool: jobs.NewPool(store, p, o), home: make(chan error, 1), seen: make(chan jobs.Job, 1000)}
	store.Announce(func(j jobs.Job) {
		b.seen <- j
		if j.Ended() {
			b.pool.Stop(j.ID)
		}
	})
	taking, stop := context.WithCancel(t.Context())
	doing, abort := context.WithCancelCause(context.WithoutCancel(t.Context()))
	b.stop, b.abort = stop, abort
	go func() { b.home <- b.pool.Run(taking, doing) }()
	t.Cleanup(func() {
		stop()
		abort(jobs.ErrShutdown)
	})
	return b
}

var counter atomic.Uint64

// submit puts another claim into the queue.
func (b *bench) submit() jobs.ID {
	b.t.Helper()
	var identity claim.Identity
	n := counter.Add(1)
	identity[0], identity[1] = byte(n), byte(n>>8)
	j, disposition, err := b.store.Admit(b.t.Context(), jobs.New(uuid.New(), identity, claim.Claim{}, "mock", "key:alice", time.Now()))
	require.NoError(b.t, err)
	require.Equal(b.t, jobs.Queued, disposition)
	return j.ID
}

func (b *bench) get(id jobs.ID) jobs.Job {
	b.t.Helper()
	j, err := b.store.Get(b.t.Context(), id)
	require.NoError(b.t, err)
	return j
}

func (b *bench) wantFailure(id jobs.ID, code fault.Code) *fault.Error {
	b.t.Helper()
	j := b.get(id)
	require.Equal(b.t, jobs.Failed, j.State)
	require.Equal(b.t, code, j.Outcome.Failure.Code)
	return j.Outcome.Failure
}

func TestPool(t *testing.T) {
	t.Parallel()
	in := func(t *testing.T, name string, rule func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, rule)
		})
	}

	in(t, "a job is proved, checked, and only then completed", func(t *testing.T) {
		checked := func(context.Context, claim.Claim, prover.Proof) ([]string, error) { return []string{"groth16"}, nil }
		b := start(t, jobs.Options{Check: checked}, proving(proves))
		id := b.submit()
		synctest.Wait()
		j := b.get(id)
		require.Equal(t, jobs.Completed, j.State)
		require.Equal(t, []byte{1, 2, 3}, j.Outcome.Proof)
		require.Equal(t, []string{"groth16"}, j.VerifiedBy)
		var events []jobs.EventType
		for len(b.seen) > 0 {
			events = append(events, (<-b.seen).LastEvent())
		}
		require.Equal(t, []jobs.EventType{jobs.EventPosition, jobs.EventRunning, jobs.EventRunning, jobs.EventVerified, jobs.EventCompleted}, events)
	})

	in(t, "a proof nobody checked is given out as not verified", func(t *testing.T) {
		b := start(t, jobs.Options{}, proving(proves))
		id := b.submit()
		synctest.Wait()
		require.Equal(t, jobs.Completed, b.get(id).State)
		require.False(t, b.get(id).Verified())
	})

	in(t, "a proof that fails its check is kept from everybody, and its journal ends", func(t *testing.T) {
		refuse := func(context.Context, claim.Claim, prover.Proof) ([]string, error) {
			return nil, fault.New(fault.VerificationFailed, "No.")
		}
		paid := func(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
			require.NoError(t, j.Save(ctx, []byte("paid")))
			return proves(ctx, in, j, report)
		}
		b := start(t, jobs.Options{Check: refuse}, proving(paid))
		id := b.submit()
		synctest.Wait()
		b.wantFailure(id, fault.VerificationFailed)
		require.Empty(t, b.get(id).Journal)
		require.Nil(t, b.get(id).Outcome.Proof)
	})

	in(t, "a proof that overruns frees its worker at once", func(t *testing.T) {
		first := true
		b := start(t, jobs.Options{Timeout: 10 * time.Minute}, proving(func(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
			if first {
				first = false
				return neverEnds(ctx, in, j, report)
			}
			return proves(ctx, in, j, report)
		}))
		slow, next := b.submit(), b.submit()
		time.Sleep(10*time.Minute - time.Nanosecond)
		synctest.Wait()
		require.Equal(t, jobs.Running, b.get(slow).State)
		require.Equal(t, jobs.Pending, b.get(next).State)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.True(t, b.wantFailure(slow, fault.Timeout).Retryable)
		require.Equal(t, jobs.Completed, b.get(next).State)
	})

	in(t, "a cancelled job's work is stopped and its worker is free", func(t *testing.T) {
		stopped := make(chan error, 1)
		b := start(t, jobs.Options{}, proving(func(ctx context.Context, _ prover.Input, _ prover.Journal, _ func(prover.Progress)) (prover.Proof, error) {
			<-ctx.Done()
			stopped <- context.Cause(ctx)
			return prover.Proof{}, context.Cause(ctx)
		}))
		id := b.submit()
		synctest.Wait()
		_, err := b.store.Leave(t.Context(), id, "key:alice")
		require.NoError(t, err)
		synctest.Wait()
		require.NotErrorIs(t, <-stopped, context.DeadlineExceeded)
		b.wantFailure(id, fault.Cancelled)
		next := b.submit()
		synctest.Wait()
		require.Equal(t, jobs.Running, b.get(next).State)
	})

	in(t, "the chain is asked once more before a claim is proved, but not when something was paid for already", func(t *testing.T) {
		asked := 0
		open := func(context.Context, claim.Claim) error {
			asked++
			return fault.New(fault.AlreadyClaimed, "Claimed.")
		}
		b := start(t, jobs.Options{Open: open}, proving(proves))
		id := b.submit()
		synctest.Wait()
		b.wantFailure(id, fault.AlreadyClaimed)
		require.Equal(t, 1, asked)

		paid := jobs.New(uuid.New(), claim.Identity{9, 9, 9}, claim.Claim{}, "mock", "key:alice", time.Now())
		paid.Journal = []byte("request 1")
		_, _, err := b.store.Admit(t.Context(), paid)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, jobs.Completed, b.get(paid.ID).State)
		require.Equal(t, 1, asked)
	})

	in(t, "a panic in a prover fails that job only", func(t *testing.T) {
		first := true
		b := start(t, jobs.Options{}, proving(func(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
			if first {
				first = false
				panic("secret detail")
			}
			return proves(ctx, in, j, report)
		}))
		broken, next := b.submit(), b.submit()
		synctest.Wait()
		why := b.wantFailure(broken, fault.Internal)
		require.NotContains(t, why.Message, "secret detail")
		require.ErrorContains(t, why, "secret detail")
		require.Equal(t, jobs.Completed, b.get(next).State)
	})

	in(t, "what a prover says of its failure is what the job says", func(t *testing.T) {
		b := start(t, jobs.Options{}, proving(func(context.Context, prover.Input, prover.Journal, func(prover.Progress)) (prover.Proof, error) {
			return prover.Proof{}, fault.New(fault.ProofFailed, "The guest said no.").MayRetry(true)
		}))
		id := b.submit()
		synctest.Wait()
		why := b.wantFailure(id, fault.ProofFailed)
		require.True(t, why.Retryable)
		require.Equal(t, "The guest said no.", why.Message)
	})

	in(t, "a lease is renewed for as long as the work goes on", func(t *testing.T) {
		var proofs atomic.Int32
		b := start(t, jobs.Options{Workers: 2}, proving(func(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
			proofs.Add(1)
			select {
			case <-time.After(5 * time.Minute):
				return proves(ctx, in, j, report)
			case <-ctx.Done():
				return prover.Proof{}, context.Cause(ctx)
			}
		}))
		id := b.submit()
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		require.Equal(t, jobs.Completed, b.get(id).State)
		require.EqualValues(t, 1, proofs.Load(), "a lease that is not renewed would have been taken over")
	})

	in(t, "the journal survives a timeout and a new job of the claim takes it over", func(t *testing.T) {
		var loaded []string
		b := start(t, jobs.Options{Timeout: time.Minute}, proving(func(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
			loaded = append(loaded, string(j.Load()))
			if len(loaded) == 1 {
				require.NoError(t, j.Save(ctx, []byte("request 1")))
				require.Equal(t, "request 1", string(j.Load()))
				return neverEnds(ctx, in, j, report)
			}
			return proves(ctx, in, j, report)
		}))
		first := b.submit()
		time.Sleep(time.Minute)
		synctest.Wait()
		b.wantFailure(first, fault.Timeout)
		again := jobs.New(uuid.New(), b.get(first).Identity, claim.Claim{}, "mock", "key:alice", time.Now())
		_, _, err := b.store.Admit(t.Context(), again)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, []string{"", "request 1"}, loaded)
		require.Empty(t, b.get(again.ID).Journal, "a proof that is there owes nothing")
	})
}

func TestPoolDrains(t *testing.T) {
	t.Parallel()
	t.Run("no new job is started, those running may finish", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := start(t, jobs.Options{}, proving(func(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
				time.Sleep(20 * time.Second)
				return proves(ctx, in, j, report)
			}))
			running, waiting := b.submit(), b.submit()
			synctest.Wait()
			b.stop()
			require.NoError(t, jobs.FailPending(t.Context(), b.store, jobs.Shutdown()))
			require.NoError(t, <-b.home)
			require.Equal(t, jobs.Completed, b.get(running).State)
			require.True(t, b.wantFailure(waiting, fault.ShuttingDown).Retryable)
			require.True(t, b.get(waiting).StartedAt.IsZero())
		})
	})

	t.Run("what still runs when the time is over ends as shutting_down", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := start(t, jobs.Options{}, proving(neverEnds))
			id := b.submit()
			synctest.Wait()
			b.stop()
			time.Sleep(30 * time.Second)
			b.abort(jobs.ErrShutdown)
			require.NoError(t, <-b.home)
			b.wantFailure(id, fault.ShuttingDown)
		})
	})

	t.Run("a store that is broken ends the pool with what broke", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			broken := errors.New("disk on fire")
			pool := jobs.NewPool(brokenStore{err: broken}, proving(proves), jobs.Options{Workers: 3})
			require.ErrorIs(t, pool.Run(t.Context(), t.Context()), broken)
		})
	})
}

// brokenStore cannot be asked for work.
type brokenStore struct {
	jobs.Store
	err error
}

func (b brokenStore) Lease(context.Context, jobs.Worker) (jobs.Lease, error) {
	return jobs.Lease{}, b.err
}

// TestPoolLosesNoEnd has writes fail before they are made, and after it, when only the answer is lost.
func TestPoolLosesNoEnd(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]func(*jobstest.FaultyStore){
		"the end of a job is written although a write failed":         func(f *jobstest.FaultyStore) { f.FailBefore(3, jobstest.Swap) },
		"the end of a job is told once although the answer was lost":  func(f *jobstest.FaultyStore) { f.FailAfter(3, jobstest.Swap) },
		"a phase that could not be written costs the job nothing":     func(f *jobstest.FaultyStore) { f.FailBefore(1, jobstest.Swap) },
		"a check that is written twice is one check, and told as one": func(f *jobstest.FaultyStore) { f.FailAfter(2, jobstest.Swap) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				faulty := jobstest.Faulty(memstore.New(memstore.Options{QueueCapacity: 5}))
				ended := 0
				store := jobs.Ending(faulty, func(jobs.Job) { ended++ })
				checked := func(context.Context, claim.Claim, prover.Proof) ([]string, error) { return []string{"groth16"}, nil }
				pool := jobs.NewPool(store, proving(proves), jobs.Options{Workers: 1, Timeout: time.Minute, Check: checked, Logger: slog.New(slog.DiscardHandler)})
				j, _, err := store.Admit(t.Context(), jobs.New(uuid.New(), claim.Identity{1}, claim.Claim{}, "mock", "key:alice", time.Now()))
				require.NoError(t, err)
				plan(faulty)
				taking, stop := context.WithCancel(t.Context())
				home := make(chan error, 1)
				go func() { home <- pool.Run(taking, t.Context()) }()
				synctest.Wait()
				j, err = store.Get(t.Context(), j.ID)
				require.NoError(t, err)
				require.Equal(t, jobs.Completed, j.State)
				require.Equal(t, []string{"groth16"}, j.VerifiedBy)
				require.Equal(t, 1, ended)
				stop()
				require.NoError(t, <-home)
			})
		})
	}
}

func TestEnding(t *testing.T) {
	t.Parallel()
	t.Run("the end of a job is told once, to whoever's write ended it", func(t *testing.T) {
		t.Parallel()
		var ended []jobs.ID
		store := jobs.Ending(memstore.New(memstore.Options{QueueCapacity: 1, JobsTTL: time.Hour, CacheTTL: time.Hour}), func(j jobs.Job) { ended = append(ended, j.ID) })
		j, _, err := store.Admit(t.Context(), jobs.New(uuid.New(), claim.Identity{1}, claim.Claim{}, "mock", "key:alice", time.Now()))
		require.NoError(t, err)
		_, err = store.Leave(t.Context(), j.ID, "key:alice")
		require.NoError(t, err)
		_, err = store.Leave(t.Context(), j.ID, "key:alice")
		require.True(t, fault.Is(err, fault.AlreadyFinished))
		require.NoError(t, jobs.FailPending(t.Context(), store, jobs.Shutdown()))
		require.Equal(t, []jobs.ID{j.ID}, ended)
	})

	for name, end := range map[string]func(context.Context, jobs.Store, jobs.Job) error{
		"given up": func(ctx context.Context, s jobs.Store, j jobs.Job) error {
			_, err := s.Leave(ctx, j.ID, "key:alice")
			return err
		},
		"failed": func(ctx context.Context, s jobs.Store, _ jobs.Job) error { return jobs.FailPending(ctx, s, jobs.Shutdown()) },
	} {
		t.Run("who hears that a job was "+name+" finds settled what that owes", func(t *testing.T) {
			t.Parallel()
			var order []string
			faulty := jobstest.Faulty(memstore.New(memstore.Options{QueueCapacity: 1, JobsTTL: time.Hour}))
			store := jobs.Ending(faulty, func(jobs.Job) { order = append(order, "settled") })
			store.Announce(func(j jobs.Job) { order = append(order, "heard "+j.State.String()) })
			admit := func() jobs.Job {
				j, _, err := store.Admit(t.Context(), jobs.New(uuid.New(), claim.Identity{1}, claim.Claim{}, "mock", "key:alice", time.Now()))
				require.NoError(t, err)
				return j
			}
			require.NoError(t, end(t.Context(), store, admit()))
			require.Equal(t, []string{"heard pending", "settled", "heard failed"}, order)

			order = nil
			j := admit()
			faulty.FailAfter(1, jobstest.Swap, jobstest.Leave)
			require.Error(t, end(t.Context(), store, j))
			require.Equal(t, []string{"heard pending", "heard failed"}, order, "an answer that was lost keeps nobody from hearing")
		})
	}
}
