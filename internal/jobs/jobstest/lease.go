package jobstest

import (
	"context"
	"errors"
	"sync"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// leasing waits for a lease in a goroutine of its own.
func (c *check) leasing(ctx context.Context) <-chan jobs.Lease {
	got := make(chan jobs.Lease, 1)
	go func() {
		defer close(got)
		if l, err := c.other.Lease(ctx, "waiting"); err == nil {
			got <- l
		}
	}()
	return got
}

// nobody says that no lease has come.
func (c *check) nobody(got <-chan jobs.Lease) {
	c.Helper()
	select {
	case l := <-got:
		c.Fail("leased", "%v", l.ID)
	default:
	}
}

var leases = []spec{
	{"a leased job is written as started before it is given out", Options{}, func(c *check) {
		j := c.queued(1, 1)[0]
		l := c.lease()
		c.Equal(j.ID, l.ID)
		c.Equal(jobs.Running, l.Job.State)
		c.Equal(j.Version+1, l.Job.Version)
		c.False(l.Job.StartedAt.IsZero())
		c.same(l.Job, c.get(j.ID))
	}},
	{"who finds no work waits for it", Options{}, func(c *check) {
		got := c.leasing(c.ctx)
		c.sleep(jobs.RenewEvery)
		c.nobody(got)
		j := c.queued(1, 1)[0]
		c.Equal(j.ID, (<-got).ID)
	}},
	{"who waits for work stops when his context ends, and says why", Options{}, func(c *check) {
		reason := errors.New("draining")
		ctx, cancel := context.WithCancelCause(c.ctx)
		ended := make(chan error, 1)
		go func() {
			_, err := c.one.Lease(ctx, "worker")
			ended <- err
		}()
		c.sleep(jobs.RenewEvery)
		cancel(reason)
		c.ErrorIs(<-ended, reason)

		c.queued(1, 1)
		_, err := c.one.Lease(ctx, "worker")
		c.ErrorIs(err, reason, "no work is taken when the time for it is over")
		c.Equal(1, c.figures().Pending)
	}},
	{"of many who wait each gets a job of his own, and none sleeps on", Options{QueueCapacity: 100}, func(c *check) {
		for round := range 5 {
			var waiting sync.WaitGroup
			var mu sync.Mutex
			seen := make(map[jobs.ID]bool)
			for range 50 {
				waiting.Go(func() {
					l, err := c.other.Lease(c.ctx, "waiting")
					c.NoError(err)
					mu.Lock()
					defer mu.Unlock()
					c.False(seen[l.ID])
					seen[l.ID] = true
				})
			}
			atOnce(50, func(i int) {
				_, _, err := c.one.Admit(c.ctx, job(uint16(100*round+i), alice))
				c.NoError(err)
			})
			waiting.Wait()
			c.Len(seen, 50)
		}
	}},
	{"a released job wakes who waits", Options{}, func(c *check) {
		l := c.running(1, alice)
		got := c.leasing(c.ctx)
		c.sleep(jobs.RenewEvery)
		c.nobody(got)
		c.NoError(c.one.Release(c.ctx, l))
		c.Equal(l.ID, (<-got).ID)
	}},
	{"an expired lease is taken over by who waits, with the journal and a greater token", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		got := c.leasing(c.ctx)
		c.sleep(jobs.LeaseTime - jobs.RenewEvery)
		c.nobody(got)
		c.sleep(jobs.RenewEvery)
		taken := <-got
		c.Equal(l.ID, taken.ID)
		c.Greater(taken.Token, l.Token)
		c.Equal([]byte("paid"), taken.Job.Journal)
		c.Equal(jobs.Running, taken.Job.State)
		c.Greater(taken.Job.Version, l.Job.Version)
		c.True(taken.Job.StartedAt.Equal(c.get(l.ID).StartedAt))
	}},
	{"a lease taken while another waits is seen by him to expire", Options{}, func(c *check) {
		got := c.leasing(c.ctx)
		c.sleep(jobs.RenewEvery)
		first := c.queued(1, 1)[0]
		c.Equal(first.ID, (<-got).ID)
		got = c.leasing(c.ctx)
		c.sleep(2 * jobs.LeaseTime)
		c.Equal(first.ID, (<-got).ID)
	}},
	{"an expired lease goes before the queue", Options{}, func(c *check) {
		l := c.running(1, alice)
		next := c.queued(2, 1)[0]
		c.sleep(jobs.LeaseTime)
		c.Equal(l.ID, c.lease().ID)
		c.Equal(next.ID, c.lease().ID)
	}},
	{"the lease that expired first goes first", Options{}, func(c *check) {
		a := c.running(1, alice)
		c.sleep(jobs.RenewEvery)
		b := c.running(2, alice)
		c.sleep(jobs.RenewEvery)
		c.NoError(c.one.Renew(c.ctx, a))
		c.sleep(jobs.LeaseTime)
		c.Equal(b.ID, c.lease().ID)
		c.Equal(a.ID, c.lease().ID)
	}},
	{"a lease that is renewed lasts", Options{}, func(c *check) {
		l := c.running(1, alice)
		ctx, stop := context.WithCancel(c.ctx)
		got := c.leasing(ctx)
		for range 20 {
			c.sleep(jobs.RenewEvery)
			c.NoError(c.one.Renew(c.ctx, l))
		}
		c.nobody(got)
		stop()
		_, leased := <-got
		c.False(leased)
		c.same(l.Job, c.get(l.ID)) // no new version
	}},
	{"a holder who comes late may write until somebody has taken over", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.sleep(2 * jobs.LeaseTime)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.NoError(c.one.Renew(c.ctx, l))
		ctx, stop := context.WithCancel(c.ctx)
		got := c.leasing(ctx)
		c.sleep(jobs.RenewEvery)
		c.nobody(got)
		stop()
		<-got
		c.swap(l, completes)
	}},
	{"whose lease was taken over cannot write", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.sleep(jobs.LeaseTime)
		taken := c.lease()
		c.stale(l)
		c.swap(taken, completes)
		c.stale(l)
	}},
	{"tokens grow with each take, so no lease is ever good again", Options{}, func(c *check) {
		l := c.running(1, alice)
		for range 5 {
			c.NoError(c.one.Release(c.ctx, l))
			c.stale(l)
			next := c.lease()
			c.Equal(l.ID, next.ID)
			c.Greater(next.Token, l.Token)
			c.stale(l)
			l = next
		}
	}},
	{"a lease of one job is none of another", Options{}, func(c *check) {
		a, b := c.running(1, alice), c.running(2, alice)
		_, err := c.one.Swap(c.ctx, b.ID, &a, completes)
		c.ErrorIs(err, fault.ErrStale)
		c.Equal(jobs.Running, c.get(b.ID).State)
		c.swap(b, completes)
		_, err = c.one.Swap(c.ctx, b.ID, &a, completes)
		c.ErrorIs(err, fault.ErrStale)
	}},
	{"Renew and Save are nothing that followers see", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.NoError(c.one.Renew(c.ctx, l))
		j := c.get(l.ID)
		c.Equal(l.Job.Version, j.Version)
		c.Greater(j.Rev, l.Job.Rev)
	}},
	{"Close ends those who wait, and may be called twice", Options{}, func(c *check) {
		ended := make(chan error, 1)
		go func() {
			_, err := c.one.Lease(c.ctx, "worker")
			ended <- err
		}()
		c.sleep(jobs.RenewEvery)
		c.NoError(c.one.Ping(c.ctx))
		c.NoError(c.one.Close())
		c.NoError(c.one.Close())
		c.refused(<-ended, fault.Unavailable)
		c.refused(c.one.Ping(c.ctx), fault.Unavailable)
	}},
}
