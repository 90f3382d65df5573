package jobstest

import (
	"time"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

var everyone = []spec{
	{"has the jobs of all owners, of the anonymous too, each once, newest first, page by page", Options{}, func(c *check) {
		want := []jobs.ID{
			c.admit(job(1, alice), jobs.Queued).ID,
			c.admit(job(2, jobs.Anonymous), jobs.Queued).ID,
			c.admit(job(3, visitor), jobs.Queued).ID,
			c.admit(job(4, bob), jobs.Queued).ID,
		}
		c.admit(job(1, bob), jobs.Joined)
		var got []jobs.ID
		for q := (jobs.Query{Limit: 1}); ; {
			page := c.list(jobs.Everyone, q)
			got = append(ids(page.Jobs), got...)
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		c.Equal(want, got)
	}},
	{"follows each job through its states, and forgets it with the rest", Options{JobsTTL: short}, func(c *check) {
		in := func(s jobs.State) []jobs.ID {
			return ids(c.list(jobs.Everyone, jobs.Query{Status: &s, Limit: 10}).Jobs)
		}
		j := c.admit(job(1, alice), jobs.Queued)
		c.Equal([]jobs.ID{j.ID}, in(jobs.Pending))
		l := c.lease()
		c.Empty(in(jobs.Pending))
		c.Equal([]jobs.ID{j.ID}, in(jobs.Running))
		c.swap(l, completes)
		c.Equal([]jobs.ID{j.ID}, in(jobs.Completed))
		c.Empty(in(jobs.Running))
		c.sleep(short + slack)
		c.Empty(c.list(jobs.Everyone, jobs.Query{Limit: 10}).Jobs)
	}},
	{"can be asked for the jobs that failed with a code", Options{}, func(c *check) {
		c.completed(1, alice)
		failed := c.failed(2, alice)
		cancelled := c.admit(job(3, bob), jobs.Queued)
		c.leave(cancelled.ID, bob)
		c.queued(4, 1)
		for _, want := range []jobs.Job{failed, c.get(cancelled.ID)} {
			c.Equal([]jobs.ID{want.ID}, ids(c.list(jobs.Everyone, jobs.Query{Code: want.Outcome.Failure.Code, Limit: 10}).Jobs))
		}
		c.Empty(c.list(jobs.Everyone, jobs.Query{Code: fault.Timeout, Limit: 10}).Jobs)
	}},
	{"can be asked for what is older than a moment, and an owner's list too", Options{}, func(c *check) {
		old := c.admit(job(1, alice), jobs.Queued)
		c.sleep(2 * time.Minute)
		c.admit(job(2, alice), jobs.Queued)
		for _, o := range []jobs.Owner{jobs.Everyone, alice} {
			c.Equal([]jobs.ID{old.ID}, ids(c.list(o, jobs.Query{Before: old.CreatedAt.Add(time.Minute), Limit: 10}).Jobs))
			c.Len(c.list(o, jobs.Query{Limit: 10}).Jobs, 2)
		}
		c.Equal([]jobs.ID{old.ID}, ids(c.list(alice, jobs.Query{Before: old.CreatedAt, Limit: 10}).Jobs))
	}},
	{"pages over what was not asked for", Options{QueueCapacity: 400}, func(c *check) {
		c.queued(1, 150)
		wanted := c.lease()
		c.swap(wanted, completes)
		c.queued(151, 150)
		completed := jobs.Completed
		page := c.list(jobs.Everyone, jobs.Query{Status: &completed, Limit: 1})
		c.Equal([]jobs.ID{wanted.ID}, ids(page.Jobs))
		c.Empty(page.Next)
	}},
}
