package jobstest

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

func (c *check) leave(id jobs.ID, o jobs.Owner) jobs.Job {
	c.Helper()
	j, err := c.one.Leave(c.ctx, id, o)
	c.NoError(err)
	return j
}

var leaving = []spec{
	{"an owner who leaves is one no more, and the job goes on for the others", Options{}, func(c *check) {
		j := c.queued(1, 1)[0]
		c.admit(job(1, bob), jobs.Joined)
		left := c.leave(j.ID, alice)
		c.Equal([]jobs.Owner{bob}, left.Owners)
		c.Equal(j.Version, left.Version)
		c.same(left, c.get(j.ID))
		_, err := c.one.Leave(c.ctx, j.ID, alice)
		c.refused(err, fault.Forbidden)
		c.Equal(j.ID, c.lease().ID)
	}},
	{"the last owner's leaving cancels a pending job; he stays on record, and a repeat finds it finished", Options{}, func(c *check) {
		all := c.queued(1, 2)
		left := c.leave(all[0].ID, alice)
		c.Equal(jobs.Failed, left.State)
		c.Equal(fault.Cancelled, left.Outcome.Failure.Code)
		c.Equal([]jobs.Owner{alice}, left.Owners)
		_, err := c.one.Leave(c.ctx, all[0].ID, alice)
		c.refused(err, fault.AlreadyFinished)
		c.same(left, c.get(all[0].ID))
		c.Equal(map[jobs.ID]int{all[1].ID: 1}, c.places(ids(all)...))
		c.Equal(all[1].ID, c.lease().ID)
	}},
	{"the last owner's leaving cancels a running job, and its worker is stale", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.Equal(jobs.Failed, c.leave(l.ID, alice).State)
		c.stale(l)
		c.Zero(c.figures().Running)
	}},
	{"who is no owner cannot leave, whether or not the job has ended", Options{}, func(c *check) {
		open, done := c.queued(1, 1)[0], jobs.Job{}
		_, err := c.one.Leave(c.ctx, open.ID, bob)
		c.refused(err, fault.Forbidden)
		done = c.swap(c.lease(), fails)
		_, err = c.one.Leave(c.ctx, done.ID, bob)
		c.refused(err, fault.Forbidden)
		_, err = c.one.Leave(c.ctx, uuid.New(), bob)
		c.refused(err, fault.NotFound)
	}},
	{"an anonymous owner never leaves", Options{}, func(c *check) {
		j := c.admit(job(1, jobs.Anonymous), jobs.Queued)
		_, err := c.one.Leave(c.ctx, j.ID, jobs.Anonymous)
		c.refused(err, fault.Forbidden)
		c.admit(job(1, alice), jobs.Joined)
		c.Equal([]jobs.Owner{jobs.Anonymous}, c.leave(j.ID, alice).Owners)
		c.Equal(jobs.Pending, c.get(j.ID).State)
	}},
	{"a key leaves with the browser tokens it minted", Options{}, func(c *check) {
		j := c.admit(job(1, visitor), jobs.Queued)
		c.admit(job(1, bob), jobs.Joined)
		c.Equal([]jobs.Owner{bob}, c.leave(j.ID, alice).Owners)
	}},
	{"two last owners who leave at once: one of them cancels", Options{}, func(c *check) {
		for n := range uint16(50) {
			j := c.admit(job(n, alice), jobs.Queued)
			c.admit(job(n, bob), jobs.Joined)
			atOnce(2, func(i int) {
				_, err := c.one.Leave(c.ctx, j.ID, []jobs.Owner{alice, bob}[i])
				c.NoError(err)
			})
			c.Equal(jobs.Failed, c.get(j.ID).State)
		}
	}},
	{"of a cancel and a completion at one instant exactly one wins", Options{}, func(c *check) {
		for n := range uint16(100) {
			l := c.running(n, alice)
			var cancelled, completed error
			atOnce(2, func(i int) {
				if i == 0 {
					_, cancelled = c.one.Leave(c.ctx, l.ID, alice)
				} else {
					_, completed = c.one.Swap(c.ctx, l.ID, &l, completes)
				}
			})
			if cancelled == nil {
				c.ErrorIs(completed, fault.ErrStale)
				c.Equal(jobs.Failed, c.get(l.ID).State)
			} else {
				c.refused(cancelled, fault.AlreadyFinished)
				c.NoError(completed)
				c.Equal(jobs.Completed, c.get(l.ID).State)
			}
		}
	}},
}

var swapping = []spec{
	{"Swap writes the transition and gives what it wrote", Options{}, func(c *check) {
		l := c.running(1, alice)
		got := c.swap(l, reaches("proving"))
		c.Equal("proving", got.Phase)
		c.Equal(l.Job.Version+1, got.Version)
		c.same(got, c.get(l.ID))
	}},
	{"what the transition refuses is not written, and its refusal is the answer", Options{}, func(c *check) {
		l := c.running(1, alice)
		no := errors.New("no")
		_, err := c.one.Swap(c.ctx, l.ID, &l, func(j jobs.Job) (jobs.Job, error) {
			j.Rev++
			return j, no
		})
		c.ErrorIs(err, no)
		c.same(l.Job, c.get(l.ID))
	}},
	{"a transition that leaves Rev as it was writes nothing", Options{}, func(c *check) {
		l := c.running(1, alice)
		got := c.swap(l, func(j jobs.Job) (jobs.Job, error) {
			j.Phase = "unsaid"
			return j, nil
		})
		c.same(l.Job, got)
		c.same(l.Job, c.get(l.ID))
	}},
	{"a transition may itself ask the store", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.swap(l, func(j jobs.Job) (jobs.Job, error) {
			_, err := c.one.Get(c.ctx, j.ID)
			c.NoError(err)
			return completes(j)
		})
	}},
	{"a write that comes in between is not lost: the transition is applied to it anew", Options{}, func(c *check) {
		l := c.running(1, alice)
		calls := 0
		got := c.swap(l, func(j jobs.Job) (jobs.Job, error) {
			if calls++; calls == 1 {
				c.admit(job(1, bob), jobs.Joined)
			}
			return completes(j)
		})
		c.Equal(2, calls)
		c.Equal([]jobs.Owner{alice, bob}, got.Owners)
		c.same(got, c.get(l.ID))
	}},
	{"a job that ends in between stays as it ended", Options{}, func(c *check) {
		l := c.running(1, alice)
		_, err := c.one.Swap(c.ctx, l.ID, &l, func(j jobs.Job) (jobs.Job, error) {
			c.leave(l.ID, alice)
			return completes(j)
		})
		c.ErrorIs(err, fault.ErrStale)
		c.Equal(fault.Cancelled, c.get(l.ID).Outcome.Failure.Code)
	}},
	{"who has no lease may end a pending or a running job, once", Options{}, func(c *check) {
		all := c.queued(1, 2)
		l := c.lease()
		for _, j := range all {
			got, err := c.one.Swap(c.ctx, j.ID, nil, fails)
			c.NoError(err)
			c.Equal(jobs.Failed, got.State)
			_, err = c.one.Swap(c.ctx, j.ID, nil, fails)
			c.refused(err, fault.AlreadyFinished)
			c.same(got, c.get(j.ID))
		}
		c.stale(l)
		c.Zero(c.figures().Running + c.figures().Pending)
	}},
	{"only a lease starts a job", Options{}, func(c *check) {
		j := c.queued(1, 1)[0]
		_, err := c.one.Swap(c.ctx, j.ID, nil, func(j jobs.Job) (jobs.Job, error) { return j.Started(time.Now()) })
		c.Error(err)
		c.same(j, c.get(j.ID))
	}},
	{"terminal is final, also for a transition that does not care", Options{}, func(c *check) {
		l := c.running(1, alice)
		done := c.swap(l, completes)
		heedless := func(j jobs.Job) (jobs.Job, error) {
			j.Rev, j.Version, j.State, j.Outcome = j.Rev+1, j.Version+1, jobs.Pending, nil
			return j, nil
		}
		_, err := c.one.Swap(c.ctx, l.ID, nil, heedless)
		c.refused(err, fault.AlreadyFinished)
		_, _ = c.one.Swap(c.ctx, l.ID, &l, heedless)
		c.ErrorIs(c.one.Renew(c.ctx, l), fault.ErrStale)
		c.ErrorIs(c.one.Save(c.ctx, l, nil), fault.ErrStale)
		c.ErrorIs(c.one.Release(c.ctx, l), fault.ErrStale)
		c.same(done, c.get(l.ID))
	}},
	{"asked again by the lease that ended the job, Swap gives the ended job", Options{}, func(c *check) {
		for n, end := range []func(jobs.Job) (jobs.Job, error){completes, fails} {
			l := c.running(uint16(n), alice)
			done := c.swap(l, end)
			c.sleep(time.Second)
			c.same(done, c.swap(l, end))
			c.same(done, c.get(l.ID))
		}
	}},
	{"a failed job frees its identity at once", Options{}, func(c *check) {
		j := c.failed(1, alice)
		c.NotEqual(j.ID, c.admit(job(1, alice), jobs.Queued).ID)
	}},
	{"a cancelled job frees its identity at once", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.leave(l.ID, alice)
		next := c.admit(job(1, alice), jobs.Queued)
		c.Equal(next.ID, c.lease().ID)
		c.stale(l)
	}},
	{"an unknown job is not found, and its lease is stale", Options{}, func(c *check) {
		_, err := c.one.Swap(c.ctx, uuid.New(), nil, fails)
		c.refused(err, fault.NotFound)
		l := jobs.Lease{ID: uuid.New(), Token: 1}
		c.ErrorIs(c.one.Renew(c.ctx, l), fault.ErrStale)
	}},
}
