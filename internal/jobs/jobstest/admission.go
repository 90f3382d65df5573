package jobstest

import (
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/google/uuid"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

var admission = []spec{
	{"a new claim gets a pending job as it was made, with its receipts", Options{}, func(c *check) {
		j := job(1, alice)
		c.same(j, c.admit(j, jobs.Queued))
		c.same(j, c.get(j.ID))
	}},
	{"200 equal claims at one instant become one job with 200 owners", Options{QueueCapacity: 50}, func(c *check) {
		var made atomic.Int32
		got := make([]jobs.ID, 200)
		atOnce(200, func(i int) {
			j, disposition, err := c.one.Admit(c.ctx, job(1, jobs.Owner(fmt.Sprintf("key:%d", i))))
			c.NoError(err)
			if got[i] = j.ID; disposition == jobs.Queued {
				made.Add(1)
			}
		})
		c.EqualValues(1, made.Load())
		for _, id := range got {
			c.Equal(got[0], id)
		}
		c.Len(c.get(got[0]).Owners, 200)
		c.Equal(1, c.figures().Kept)
	}},
	{"200 different claims at one instant: the queue never holds more than its capacity", Options{QueueCapacity: 50}, func(c *check) {
		var made atomic.Int32
		atOnce(201, func(i int) {
			if i == 200 {
				for made.Load() < 50 {
					_, queued, err := c.other.Places(c.ctx, nil)
					c.NoError(err)
					c.LessOrEqual(queued, 50)
				}
				return
			}
			j := job(uint16(i), alice)
			switch _, _, err := c.one.Admit(c.ctx, j); {
			case err == nil:
				made.Add(1)
			default:
				c.refused(err, fault.QueueFull)
				c.gone(j.ID)
			}
		})
		c.EqualValues(50, made.Load())
		c.Equal(50, c.figures().Pending)
	}},
	{"200 claims at one instant, 20 kinds for 10 places: 10 jobs, joined by their equals alone", Options{QueueCapacity: 10}, func(c *check) {
		var made, joined, full atomic.Int32
		atOnce(200, func(i int) {
			mine := job(uint16(i%20), jobs.Owner(fmt.Sprintf("key:%d", i)))
			j, disposition, err := c.one.Admit(c.ctx, mine)
			switch {
			case err != nil:
				c.refused(err, fault.QueueFull)
				full.Add(1)
				return
			case disposition == jobs.Queued:
				made.Add(1)
			default:
				joined.Add(1)
			}
			c.Equal(mine.Identity, j.Identity)
			c.Contains(j.Owners, mine.Owners[0])
		})
		c.EqualValues(10, made.Load())
		c.EqualValues(200, made.Load()+joined.Load()+full.Load())
		c.Equal(10, c.figures().Kept)
	}},
	{"a full queue tells its capacity and when to come back", Options{QueueCapacity: 2}, func(c *check) {
		c.queued(1, 2)
		_, _, err := c.one.Admit(c.ctx, job(3, alice))
		c.refused(err, fault.QueueFull)
		f := fault.Of(err)
		c.Contains(f.Message, strconv.Itoa(2))
		c.True(f.Retryable)
		c.Positive(f.RetryAfter)
	}},
	{"a full queue refuses neither who joins nor whom the cache answers", Options{QueueCapacity: 1}, func(c *check) {
		c.completed(1, alice)
		c.queued(2, 1)
		c.admit(job(2, bob), jobs.Joined)
		c.admit(job(1, bob), jobs.CachedAnswer)
	}},
	{"a running job takes no place in the queue", Options{QueueCapacity: 1}, func(c *check) {
		c.running(1, alice)
		c.queued(2, 1)
		_, _, err := c.one.Admit(c.ctx, job(3, alice))
		c.refused(err, fault.QueueFull)
	}},
	{"the place of a cancelled job is free at once", Options{QueueCapacity: 1}, func(c *check) {
		j := c.queued(1, 1)[0]
		_, err := c.one.Leave(c.ctx, j.ID, alice)
		c.NoError(err)
		c.queued(2, 1)
	}},
	{"who joins becomes an owner, and the job takes nothing else of his", Options{}, func(c *check) {
		j := c.queued(1, 1)[0]
		joining := job(1, bob)
		joining.Claim.SS58 = "another spelling"
		got := c.admit(joining, jobs.Joined)

		c.Equal([]jobs.Owner{alice, bob}, got.Owners)
		c.Greater(got.Rev, j.Rev)
		j.Owners, j.Rev = got.Owners, got.Rev
		c.same(j, got)
		c.same(j, c.get(j.ID))
		c.gone(joining.ID)
	}},
	{"a running job can be joined, and its worker goes on", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.admit(job(1, bob), jobs.Joined)
		c.Equal([]jobs.Owner{alice, bob}, c.swap(l, completes).Owners)
	}},
	{"an owner who submits again joins his own job, and nothing is written", Options{}, func(c *check) {
		j := c.queued(1, 1)[0]
		c.same(j, c.admit(job(1, alice), jobs.Joined))
		c.same(j, c.get(j.ID))
	}},
	{"Join takes no place: without a job or a proof it says no and writes nothing", Options{}, func(c *check) {
		j := job(1, alice)
		_, _, found, err := c.one.Join(c.ctx, j)
		c.NoError(err)
		c.False(found)
		c.gone(j.ID)
		c.Zero(c.figures().Kept)
		c.admit(j, jobs.Queued)
	}},
	{"Join gives what Admit would", Options{}, func(c *check) {
		join := func(n uint16, o jobs.Owner, want jobs.Disposition) jobs.Job {
			j, disposition, found, err := c.one.Join(c.ctx, job(n, o))
			c.NoError(err)
			c.True(found)
			c.Equal(want, disposition)
			return j
		}
		done, open := c.completed(1, alice), c.queued(2, 1)[0]
		c.Equal(open.ID, join(2, bob, jobs.Joined).ID)
		c.Contains(c.get(open.ID).Owners, bob)
		c.Equal(done.ID, join(1, alice, jobs.CachedAnswer).ID)
		mine := join(1, bob, jobs.CachedAnswer)
		c.NotEqual(done.ID, mine.ID)
		c.same(mine, c.get(mine.ID))
	}},
	{"Peek says what Admit would, and writes nothing", Options{QueueCapacity: 1, CacheTTL: short}, func(c *check) {
		peek := func(n uint16, want jobs.Disposition) {
			c.Helper()
			got, err := c.other.Peek(c.ctx, job(n, bob).Identity)
			c.NoError(err)
			c.Equal(want, got)
		}
		peek(1, jobs.Queued)
		peek(1, jobs.Queued)
		c.Zero(c.figures().Kept)
		done := c.completed(1, alice)
		peek(1, jobs.CachedAnswer)
		l := c.running(2, alice)
		peek(2, jobs.Joined)
		c.swap(l, fails)
		peek(2, jobs.Queued)
		open := c.queued(3, 1)[0]
		peek(3, jobs.Joined)
		peek(1, jobs.CachedAnswer)
		_, err := c.one.Peek(c.ctx, job(4, bob).Identity)
		c.refused(err, fault.QueueFull)

		c.same(done, c.get(done.ID))
		c.same(open, c.get(open.ID))
		c.Equal(3, c.figures().Kept)
		_, err = c.one.Leave(c.ctx, open.ID, alice)
		c.NoError(err)
		c.sleep(short)
		peek(1, jobs.Queued)
	}},
	{"asked again with the same id, Admit gives the job of the first time", Options{}, func(c *check) {
		again := func(first jobs.Disposition, j jobs.Job) {
			given := c.admit(j, first)
			kept := c.figures().Kept
			c.same(given, c.admit(j, first))
			found, disposition, ok, err := c.one.Join(c.ctx, j)
			c.NoError(err)
			c.True(ok)
			c.Equal(first, disposition)
			c.same(given, found)
			c.Equal(kept, c.figures().Kept)
		}
		c.completed(1, alice)
		again(jobs.Queued, job(2, alice))
		again(jobs.Joined, job(2, bob))
		again(jobs.CachedAnswer, job(1, alice))
		again(jobs.CachedAnswer, job(1, bob))
	}},
	{"asked again after the job has ended, Admit gives the ended job", Options{}, func(c *check) {
		mine, joining := job(1, alice), job(1, bob)
		c.admit(mine, jobs.Queued)
		c.admit(joining, jobs.Joined)
		ended := c.swap(c.lease(), fails)
		c.same(ended, c.admit(mine, jobs.Queued))
		c.same(ended, c.admit(joining, jobs.Joined))
	}},
	{"asked again after the proof has expired, Admit gives the job that the cache gave", Options{CacheTTL: short}, func(c *check) {
		done := c.completed(1, alice)
		c.sleep(short - slack)
		again, own := job(1, alice), job(1, bob)
		c.admit(again, jobs.CachedAnswer)
		mine := c.admit(own, jobs.CachedAnswer)
		c.sleep(2 * slack)
		c.same(done, c.admit(again, jobs.CachedAnswer))
		c.same(mine, c.admit(own, jobs.CachedAnswer))
	}},
	{"asked again just before AnswerTime is over, Admit still knows who joined", Options{}, func(c *check) {
		c.queued(1, 1)
		joining := job(1, bob)
		c.admit(joining, jobs.Joined)
		c.sleep(jobs.AnswerTime - jobs.RenewEvery)
		ended := c.swap(c.lease(), fails)
		c.sleep(jobs.RenewEvery / 2)
		c.same(ended, c.admit(joining, jobs.Joined))
	}},
	{"asked again after he has left, a joiner is not let in a second time", Options{}, func(c *check) {
		j := c.queued(1, 1)[0]
		joining := job(1, bob)
		c.admit(joining, jobs.Joined)
		_, err := c.one.Leave(c.ctx, j.ID, bob)
		c.NoError(err)
		c.Equal([]jobs.Owner{alice}, c.admit(joining, jobs.Joined).Owners)
	}},
	{"an id that was never given out is not found", Options{}, func(c *check) {
		c.gone(uuid.New())
		_, err := c.other.Get(c.ctx, uuid.New())
		c.Contains(fault.Of(err).Message, "submit the same claim again")
	}},
}
