package jobstest

import (
	"time"

	"github.com/google/uuid"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

const (
	long  = time.Hour
	short = 10 * time.Minute
	// slack is for stores whose clock is not quite the test's.
	slack = time.Second
)

var cache = []spec{
	{"an owner who submits again after completion gets the same job back", Options{}, func(c *check) {
		done := c.completed(1, alice)
		c.same(done, c.admit(job(1, alice), jobs.CachedAnswer))
		c.Equal(1, c.figures().Kept)
	}},
	{"so does the key whose browser token it was, and who had joined it", Options{}, func(c *check) {
		j := c.admit(job(1, visitor), jobs.Queued)
		c.admit(job(1, bob), jobs.Joined)
		c.swap(c.lease(), completes)
		c.Equal(j.ID, c.admit(job(1, alice), jobs.CachedAnswer).ID)
		c.Equal(j.ID, c.admit(job(1, bob), jobs.CachedAnswer).ID)
	}},
	{"anyone else gets a completed job of his own, with the proof and what verified it", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.swap(l, func(j jobs.Job) (jobs.Job, error) { return j.Checked([]string{"groth16"}, time.Now()) })
		done := c.swap(l, completes)
		c.sleep(time.Second)
		asking := job(1, bob)
		mine := c.admit(asking, jobs.CachedAnswer)
		c.Equal(asking.ID, mine.ID)
		c.Equal([]jobs.Owner{bob}, mine.Owners)
		c.True(mine.Cached)
		c.Equal(jobs.Completed, mine.State)
		c.Equal(proof.Bytes, mine.Outcome.Proof)
		c.Equal(done.VerifiedBy, mine.VerifiedBy)
		c.Empty(mine.Receipts)
		c.True(mine.Outcome.At.After(done.Outcome.At))
		c.same(mine, c.get(mine.ID))
		c.same(done, c.get(done.ID))
	}},
	{"a proof is kept for CacheTTL, however often it answers", Options{JobsTTL: 10 * long, CacheTTL: short}, func(c *check) {
		c.completed(1, alice)
		c.sleep(short - slack)
		c.admit(job(1, alice), jobs.CachedAnswer)
		c.admit(job(1, bob), jobs.CachedAnswer)
		c.sleep(2 * slack)
		c.admit(job(1, alice), jobs.Queued)
	}},
	{"a job outlives its proof", Options{JobsTTL: long, CacheTTL: short}, func(c *check) {
		done := c.completed(1, alice)
		c.sleep(short + slack)
		next := c.admit(job(1, alice), jobs.Queued)
		c.NotEqual(done.ID, next.ID)
		c.same(done, c.get(done.ID))
	}},
	{"a proof outlives its job, and then its owner too gets a job of his own", Options{JobsTTL: short, CacheTTL: long}, func(c *check) {
		done := c.completed(1, alice)
		c.sleep(short + slack)
		c.gone(done.ID)
		mine := c.admit(job(1, alice), jobs.CachedAnswer)
		c.NotEqual(done.ID, mine.ID)
		c.True(mine.Cached)
		c.Equal(proof.Bytes, mine.Outcome.Proof)
	}},
	{"a newer proof is kept from when it was made", Options{JobsTTL: long, CacheTTL: short}, func(c *check) {
		c.completed(1, alice)
		c.sleep(short + slack)
		c.completed(1, alice)
		c.sleep(short - slack)
		c.admit(job(1, alice), jobs.CachedAnswer)
	}},
	{"neither a failed nor a cancelled job leaves a proof", Options{}, func(c *check) {
		c.failed(1, alice)
		c.leave(c.running(2, alice).ID, alice)
		c.admit(job(1, bob), jobs.Queued)
		c.admit(job(2, bob), jobs.Queued)
		c.Zero(c.figures().Cached)
	}},
}

var expiry = []spec{
	{"an ended job is kept for JobsTTL after it ended, then it is not found", Options{JobsTTL: short, CacheTTL: long}, func(c *check) {
		l := c.running(1, alice)
		c.sleep(jobs.RenewEvery)
		done := c.swap(l, completes)
		failed := c.failed(2, alice)
		mine := c.admit(job(1, bob), jobs.CachedAnswer)
		c.sleep(short - slack)
		for _, j := range []jobs.Job{done, failed, mine} {
			c.same(j, c.get(j.ID))
		}
		c.sleep(2 * slack)
		for _, j := range []jobs.Job{done, failed, mine} {
			c.gone(j.ID)
			_, err := c.one.Leave(c.ctx, j.ID, j.Owners[0])
			c.refused(err, fault.NotFound)
			_, err = c.one.Swap(c.ctx, j.ID, nil, fails)
			c.refused(err, fault.NotFound)
		}
		c.Empty(c.list(alice, jobs.Query{Limit: 10}).Jobs)
		c.Empty(c.list(bob, jobs.Query{Limit: 10}).Jobs)
	}},
	{"pending and running jobs never expire", Options{JobsTTL: short, CacheTTL: short}, func(c *check) {
		l := c.running(1, alice)
		waits := c.queued(2, 1)[0]
		c.sleep(100 * short)
		c.same(l.Job, c.get(l.ID))
		c.same(waits, c.get(waits.ID))
		c.Len(c.list(alice, jobs.Query{Limit: 10}).Jobs, 2)
	}},
	{"what has expired is forgotten in the end, also when nobody writes", Options{JobsTTL: short, CacheTTL: short}, func(c *check) {
		for n := range uint16(200) {
			c.completed(n, alice)
		}
		c.sleep(2 * short)
		f := c.figures()
		c.Zero(f.Kept)
		c.Zero(f.Cached)
	}},
}

var journals = []spec{
	{"a new job takes over the journal that its identity's last job left", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("old")))
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.swap(l, fails)
		c.Equal([]byte("paid"), c.admit(job(1, bob), jobs.Queued).Journal)
		c.Equal([]byte("paid"), c.lease().Job.Journal)
	}},
	{"a cancelled job hands on its journal, time after time", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.leave(l.ID, alice)
		for range 3 {
			j := c.admit(job(1, alice), jobs.Queued)
			c.Equal([]byte("paid"), j.Journal)
			c.leave(j.ID, alice)
		}
	}},
	{"a journal outlives its job and the cache", Options{JobsTTL: short, CacheTTL: short}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.swap(l, fails)
		c.sleep(100 * short)
		c.failed(2, alice)
		c.gone(l.ID)
		c.Equal([]byte("paid"), c.admit(job(1, bob), jobs.Queued).Journal)
	}},
	{"a journal that was ended is not handed on", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.swap(l, fails)
		l = c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, nil))
		c.swap(l, fails)
		c.Empty(c.admit(job(1, alice), jobs.Queued).Journal)
	}},
	{"completion ends the journal in the same write", Options{CacheTTL: short}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.Empty(c.swap(l, completes).Journal)
		c.sleep(short + slack)
		c.Empty(c.admit(job(1, alice), jobs.Queued).Journal)
	}},
	{"a refused submission takes no journal away", Options{QueueCapacity: 1}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.swap(l, fails)
		c.queued(2, 1)
		_, _, err := c.one.Admit(c.ctx, job(1, bob))
		c.refused(err, fault.QueueFull)
		_, _, found, err := c.one.Join(c.ctx, job(1, bob))
		c.NoError(err)
		c.False(found)
		c.lease()
		c.Equal([]byte("paid"), c.admit(job(1, bob), jobs.Queued).Journal)
	}},
	{"journals of different claims do not meet", Options{}, func(c *check) {
		l := c.running(1, alice)
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		c.swap(l, fails)
		c.Empty(c.admit(job(2, alice), jobs.Queued).Journal)
	}},
	{"what the caller does to the bytes he saved changes nothing", Options{}, func(c *check) {
		l := c.running(1, alice)
		entry := []byte("paid")
		c.NoError(c.one.Save(c.ctx, l, entry))
		entry[0] = 'X'
		c.Equal([]byte("paid"), c.get(l.ID).Journal)
	}},
}

var listing = []spec{
	{"an owner's jobs come newest first, each once, and the last page has no next", Options{QueueCapacity: 10}, func(c *check) {
		all := c.queued(1, 7)
		c.swap(c.lease(), fails)
		c.lease()
		c.swap(c.lease(), completes)
		for limit := 1; limit <= 8; limit++ {
			var got []jobs.ID
			for q := (jobs.Query{Limit: limit}); ; {
				page := c.list(alice, q)
				c.LessOrEqual(len(page.Jobs), limit)
				got = append(got, ids(page.Jobs)...)
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			c.Len(got, 7)
			for i, j := range all {
				c.Equal(j.ID, got[6-i])
			}
		}
	}},
	{"a page that takes all says that there is no more", Options{}, func(c *check) {
		c.queued(1, 3)
		c.Empty(c.list(alice, jobs.Query{Limit: 3}).Next)
		c.NotEmpty(c.list(alice, jobs.Query{Limit: 2}).Next)
		c.Empty(c.list(bob, jobs.Query{Limit: 2}))
	}},
	{"what is admitted, ends or expires meanwhile does not shift a cursor's page", Options{QueueCapacity: 20, JobsTTL: short}, func(c *check) {
		all := c.queued(1, 6)
		page := c.list(alice, jobs.Query{Limit: 2})
		c.Equal([]jobs.ID{all[5].ID, all[4].ID}, ids(page.Jobs))
		c.queued(7, 3)
		c.leave(all[4].ID, alice) // the job that the cursor stands at
		c.sleep(short + slack)
		c.leave(all[2].ID, alice)
		page = c.list(alice, jobs.Query{Limit: 3, Cursor: page.Next})
		c.Equal([]jobs.ID{all[3].ID, all[2].ID, all[1].ID}, ids(page.Jobs))
	}},
	{"a status chooses", Options{}, func(c *check) {
		completed := c.completed(1, alice)
		failed := c.failed(2, alice)
		running := c.running(3, alice)
		pending := c.queued(4, 1)[0]
		want := []jobs.ID{pending.ID, running.ID, completed.ID, failed.ID}
		for i, state := range allState {
			c.Equal([]jobs.ID{want[i]}, ids(c.list(alice, jobs.Query{Status: &state, Limit: 10}).Jobs))
		}
	}},
	{"a job is listed with whoever joined it, until he leaves, and with a last owner who cancelled it", Options{}, func(c *check) {
		j := c.queued(1, 1)[0]
		c.admit(job(1, bob), jobs.Joined)
		c.Equal([]jobs.ID{j.ID}, ids(c.list(bob, jobs.Query{Limit: 10}).Jobs))
		c.leave(j.ID, alice)
		c.Empty(c.list(alice, jobs.Query{Limit: 10}).Jobs)
		c.leave(j.ID, bob)
		c.Equal([]jobs.ID{j.ID}, ids(c.list(bob, jobs.Query{Limit: 10}).Jobs))
	}},
	{"a key's list has what its browser tokens submitted, each once, and a token's its own alone", Options{}, func(c *check) {
		a := c.admit(job(1, visitor), jobs.Queued)
		c.admit(job(1, alice), jobs.Joined)
		c.admit(job(1, "token:alice:2"), jobs.Joined)
		b := c.admit(job(2, visitor), jobs.Queued)
		own := c.admit(job(3, alice), jobs.Queued)
		c.Equal([]jobs.ID{own.ID, b.ID, a.ID}, ids(c.list(alice, jobs.Query{Limit: 10}).Jobs))
		c.Equal([]jobs.ID{b.ID, a.ID}, ids(c.list(visitor, jobs.Query{Limit: 10}).Jobs))
		c.leave(a.ID, visitor)
		c.Len(c.list(alice, jobs.Query{Limit: 10}).Jobs, 3)
	}},
	{"the anonymous have no list", Options{}, func(c *check) {
		c.admit(job(1, jobs.Anonymous), jobs.Queued)
		c.Empty(c.list(jobs.Anonymous, jobs.Query{Limit: 10}).Jobs)
	}},
	{"a cursor that no page gave is refused", Options{}, func(c *check) {
		for _, cursor := range []string{"x", "!", "AAAA", uuid.NewString(), "0"} {
			_, err := c.other.List(c.ctx, alice, jobs.Query{Limit: 10, Cursor: cursor})
			c.refused(err, fault.InvalidInput)
		}
	}},
}
