package jobstest

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"claimprover/internal/claim"
	"claimprover/internal/jobs"
)

var queue = []spec{
	{"jobs are leased in the order they were admitted", Options{QueueCapacity: 20}, func(c *check) {
		for _, j := range c.queued(1, 20) {
			c.Equal(j.ID, c.lease().ID)
		}
	}},
	{"places count from 1, next is first, and what is not pending has none", Options{}, func(c *check) {
		all := c.queued(1, 4)
		running := c.lease()
		ended := c.swap(c.lease(), fails)
		places, queued, err := c.other.Places(c.ctx, append(ids(all), running.ID, ended.ID, job(9, alice).ID))
		c.NoError(err)
		c.Equal(map[jobs.ID]int{all[2].ID: 1, all[3].ID: 2}, places)
		c.Equal(2, queued)
	}},
	{"Pending gives the queue, next one first", Options{}, func(c *check) {
		all := c.queued(1, 4)
		c.lease()
		pending, err := c.other.Pending(c.ctx)
		c.NoError(err)
		c.Equal(ids(all[1:]), ids(pending))
		c.same(all[1], pending[0])
	}},
	{"released jobs go back to their old places, in whatever order they come", Options{}, func(c *check) {
		all := c.queued(1, 5)
		var held []jobs.Lease
		for range 3 {
			held = append(held, c.lease())
		}
		for _, i := range []int{1, 2, 0} {
			c.NoError(c.one.Release(c.ctx, held[i]))
		}
		c.Equal(map[jobs.ID]int{all[0].ID: 1, all[1].ID: 2, all[2].ID: 3, all[3].ID: 4, all[4].ID: 5}, c.places(ids(all)...))
		for _, j := range all {
			c.Equal(j.ID, c.lease().ID)
		}
	}},
	{"a released job is pending again, with its journal, and has lost its lease", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.NoError(c.one.Release(c.ctx, l))
		j := c.get(l.ID)
		c.Equal(jobs.Pending, j.State)
		c.Equal([]byte("paid"), j.Journal)
		c.Greater(j.Version, l.Job.Version)
		c.stale(l)
		c.Equal([]byte("paid"), c.lease().Job.Journal)
	}},
	{"a job is released even into a full queue, and can still be joined there", Options{QueueCapacity: 1}, func(c *check) {
		l := c.running(1, alice)
		c.queued(2, 1)
		c.NoError(c.one.Release(c.ctx, l))
		c.Equal(2, c.figures().Pending)
		c.Equal(l.ID, c.admit(job(1, bob), jobs.Joined).ID)
	}},
	{"places and the queue's length are of one moment", Options{QueueCapacity: 100}, func(c *check) {
		all := make([]jobs.Job, 300)
		for i := range all {
			all[i] = job(uint16(i), alice)
		}
		var writers sync.WaitGroup
		var done atomic.Bool
		writers.Go(func() {
			for _, j := range all {
				_, _, _ = c.one.Admit(c.ctx, j) // perhaps full
			}
		})
		writers.Go(func() {
			for range 100 {
				l := c.lease()
				if l.Token%2 == 1 {
					c.NoError(c.one.Release(c.ctx, l))
				} else {
					c.swap(l, fails)
				}
			}
		})
		go func() { writers.Wait(); done.Store(true) }()
		for !done.Load() {
			places, queued, err := c.other.Places(c.ctx, ids(all))
			c.NoError(err)
			taken := make([]bool, queued)
			for _, place := range places {
				taken[place-1] = true
			}
			c.Len(places, queued)
			c.NotContains(taken, false)
		}
		writers.Wait()
	}},
	{"figures count what is pending, running, kept and cached", Options{}, func(c *check) {
		c.Zero(c.figures())
		c.completed(1, alice)
		c.failed(2, alice)
		oldest := c.queued(3, 3)[1]
		c.lease()
		c.sleep(time.Second)
		c.queued(6, 1)
		f := c.figures()
		c.True(oldest.CreatedAt.Round(time.Microsecond).Equal(f.OldestPending.Round(time.Microsecond)))
		f.OldestPending = time.Time{}
		c.Equal(jobs.Figures{Pending: 3, Running: 1, Kept: 6, Cached: 1}, f)
	}},
	{"no write is lost among many", Options{}, func(c *check) {
		l := c.running(1, alice)
		atOnce(150, func(i int) {
			switch i % 3 {
			case 0:
				_, _, err := c.one.Admit(c.ctx, job(1, jobs.Owner("key:"+string(rune('a'+i)))))
				c.NoError(err)
			case 1:
				c.NoError(c.one.Save(c.ctx, l, []byte{byte(i)}))
			case 2:
				c.swap(l, reaches(string(rune('a'+i))))
			}
		})
		j := c.get(l.ID)
		c.Equal(l.Job.Rev+150, j.Rev)
		c.Equal(l.Job.Version+50, j.Version)
		c.Len(j.Owners, 51)
		c.True(slices.ContainsFunc(j.Owners, func(o jobs.Owner) bool { return o == alice }))
		c.NotEmpty(j.Journal)
	}},
	{"identities do not meet", Options{}, func(c *check) {
		a, b := job(1, alice), job(2, alice)
		b.Claim, b.Identity = a.Claim, claim.Identity{0xff}
		c.admit(a, jobs.Queued)
		c.admit(b, jobs.Queued)
	}},
}
