package jobstest

import (
	"time"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// failing wraps c's writing handle so that its next write fails, before or after it is made, and then calls test with
// whether it was made.
func failing(test func(c *check, made bool)) func(c *check) {
	return func(c *check) {
		f := Faulty(c.one)
		c.one = f
		test(c, false)
		test(c, true)
		c.Zero(f.Planned())
	}
}

// fault makes the next write fail, after it was made or before.
func (c *check) fault(made bool) {
	if f := c.one.(*FaultyStore); made {
		f.FailAfter(1)
	} else {
		f.FailBefore(1)
	}
}

// number keeps the claims of the two rounds of a test apart.
func number(made bool) uint16 {
	if made {
		return 2
	}
	return 1
}

// lost admits j with a fault, and then again.
func (c *check) lost(made bool, j jobs.Job, want jobs.Disposition) jobs.Job {
	c.fault(made)
	_, _, err := c.one.Admit(c.ctx, j)
	c.ErrorIs(err, ErrFault)
	return c.admit(j, want)
}

var faults = []spec{
	{"an admission asked again is one job", Options{}, failing(func(c *check, made bool) {
		kept := c.figures().Kept
		j := job(number(made), alice)
		c.same(j, c.lost(made, j, jobs.Queued))
		c.Equal(kept+1, c.figures().Kept)
		c.until(j.ID, 1)
		c.Len(c.versions(j.ID), 1)
	})},
	{"an admission asked again joins once", Options{}, failing(func(c *check, made bool) {
		j := c.queued(number(made), 1)[0]
		got := c.lost(made, job(number(made), bob), jobs.Joined)
		c.Equal(j.ID, got.ID)
		c.Equal([]jobs.Owner{alice, bob}, got.Owners)
		c.Equal(j.Rev+1, got.Rev)
	})},
	{"an admission asked again is answered from the cache once", Options{}, failing(func(c *check, made bool) {
		done := c.completed(number(made), alice)
		kept := c.figures().Kept
		c.same(done, c.lost(made, job(number(made), alice), jobs.CachedAnswer))
		asking := job(number(made), bob)
		c.Equal(asking.ID, c.lost(made, asking, jobs.CachedAnswer).ID)
		c.Equal(kept+1, c.figures().Kept)
	})},
	{"a Join asked again joins once", Options{}, failing(func(c *check, made bool) {
		c.queued(number(made), 1)
		j := job(number(made), bob)
		c.fault(made)
		_, _, _, err := c.one.Join(c.ctx, j)
		c.ErrorIs(err, ErrFault)
		got, disposition, found, err := c.one.Join(c.ctx, j)
		c.NoError(err)
		c.True(found)
		c.Equal(jobs.Joined, disposition)
		c.Equal([]jobs.Owner{alice, bob}, got.Owners)
	})},
	{"the answers of two admissions lost, the third gives the job", Options{}, failing(func(c *check, made bool) {
		j := job(number(made), alice)
		c.fault(made)
		_, _, err := c.one.Admit(c.ctx, j)
		c.ErrorIs(err, ErrFault)
		c.same(j, c.lost(made, j, jobs.Queued))
	})},
	{"each write of a worker, asked again, is written once", Options{}, failing(func(c *check, made bool) {
		l := c.running(number(made), alice)
		checks := func(j jobs.Job) (jobs.Job, error) { return j.Checked([]string{"groth16"}, time.Now()) }
		for i, next := range []func(jobs.Job) (jobs.Job, error){reaches("proving"), checks, completes} {
			c.fault(made)
			_, err := c.one.Swap(c.ctx, l.ID, &l, next)
			c.ErrorIs(err, ErrFault)
			before := c.get(l.ID)
			c.sleep(time.Second)
			got := c.swap(l, next)
			c.Equal(l.Job.Version+uint64(i)+1, got.Version)
			if made {
				c.same(before, got)
			}
		}
		c.until(l.ID, l.Job.Version+3)
		c.Len(c.versions(l.ID), 5)
	})},
	{"a failure asked again is the same failure", Options{}, failing(func(c *check, made bool) {
		l := c.running(number(made), alice)
		c.fault(made)
		_, err := c.one.Swap(c.ctx, l.ID, &l, fails)
		c.ErrorIs(err, ErrFault)
		got := c.swap(l, fails)
		c.Equal(whyNot.Code, got.Outcome.Failure.Code)
		c.Equal(l.Job.Version+1, got.Version)
	})},
	{"an ending whose answer is lost, and which was cancelled meanwhile, stays as it was first written", Options{}, failing(func(c *check, made bool) {
		l := c.running(number(made), alice)
		c.fault(made)
		_, err := c.one.Swap(c.ctx, l.ID, &l, completes)
		c.ErrorIs(err, ErrFault)
		_, cancelled := c.one.Leave(c.ctx, l.ID, alice)
		got, err := c.one.Swap(c.ctx, l.ID, &l, completes)
		if made {
			c.refused(cancelled, fault.AlreadyFinished)
			c.NoError(err)
			c.Equal(jobs.Completed, got.State)
		} else {
			c.NoError(cancelled)
			c.ErrorIs(err, fault.ErrStale)
			c.Equal(jobs.Failed, c.get(l.ID).State)
		}
	})},
	{"a journal whose saving failed may or may not be there; saved again, it is", Options{}, failing(func(c *check, made bool) {
		l := c.running(number(made), alice)
		c.fault(made)
		c.ErrorIs(c.one.Save(c.ctx, l, []byte("paid")), ErrFault)
		c.Equal(made, string(c.get(l.ID).Journal) == "paid")
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.Equal("paid", string(c.get(l.ID).Journal))
		c.swap(l, fails)
	})},
	{"a release whose answer is lost has given the lease away", Options{}, failing(func(c *check, made bool) {
		l := c.running(number(made), alice)
		c.fault(made)
		c.ErrorIs(c.one.Release(c.ctx, l), ErrFault)
		if made {
			c.ErrorIs(c.one.Release(c.ctx, l), fault.ErrStale)
		} else {
			c.NoError(c.one.Release(c.ctx, l))
		}
		c.Equal(1, c.places(l.ID)[l.ID])
		c.swap(c.lease(), fails)
	})},
	{"a renewal whose answer is lost can be asked again", Options{}, failing(func(c *check, made bool) {
		l := c.running(number(made), alice)
		c.fault(made)
		c.ErrorIs(c.one.Renew(c.ctx, l), ErrFault)
		c.NoError(c.one.Renew(c.ctx, l))
		c.swap(l, fails)
	})},
	{"a last owner whose leaving failed finds the job cancelled, or cancels it", Options{}, failing(func(c *check, made bool) {
		j := c.queued(number(made), 1)[0]
		c.fault(made)
		_, err := c.one.Leave(c.ctx, j.ID, alice)
		c.ErrorIs(err, ErrFault)
		_, err = c.one.Leave(c.ctx, j.ID, alice)
		if made {
			c.refused(err, fault.AlreadyFinished)
		} else {
			c.NoError(err)
		}
		c.Equal(fault.Cancelled, c.get(j.ID).Outcome.Failure.Code)
	})},
	{"a lease whose answer is lost is taken over when its time is over", Options{}, failing(func(c *check, made bool) {
		j := c.queued(number(made), 1)[0]
		c.fault(made)
		_, err := c.one.Lease(c.ctx, "worker")
		c.ErrorIs(err, ErrFault)
		c.Equal(made, c.get(j.ID).State == jobs.Running)
		c.sleep(jobs.LeaseTime)
		l := c.lease()
		c.Equal(j.ID, l.ID)
		c.swap(l, completes)
	})},
	{"a broken store fails every call until it is mended", Options{}, func(c *check) {
		f := Faulty(c.one)
		f.Break()
		j := job(1, alice)
		_, _, err := f.Admit(c.ctx, j)
		c.ErrorIs(err, ErrFault)
		c.ErrorIs(f.Ping(c.ctx), ErrFault)
		_, err = f.Get(c.ctx, j.ID)
		c.ErrorIs(err, ErrFault)
		f.Mend()
		c.NoError(f.Ping(c.ctx))
		_, err = f.Get(c.ctx, j.ID)
		c.refused(err, fault.NotFound)
	}},
}
