package jobstest

import (
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"claimprover/internal/jobs"
)

// heard keeps what a store announced.
type heard struct {
	first func(jobs.Job) // if set, before anything is written: called with each announcement

	mu      sync.Mutex
	latest  map[jobs.ID]jobs.Job       // guarded by mu; the greatest version of each
	all     map[jobs.ID]map[uint64]int // guarded by mu; how often, by version
	changed chan struct{}              // guarded by mu; closed, and made anew, with each announcement
}

func newHeard() *heard {
	return &heard{
		latest: make(map[jobs.ID]jobs.Job), all: make(map[jobs.ID]map[uint64]int), changed: make(chan struct{}),
	}
}

func (h *heard) hear(j jobs.Job) {
	if h.first != nil {
		h.first(j)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if j.Version > h.latest[j.ID].Version {
		h.latest[j.ID] = j
	}
	if h.all[j.ID] == nil {
		h.all[j.ID] = make(map[uint64]int)
	}
	h.all[j.ID][j.Version]++
	close(h.changed)
	h.changed = make(chan struct{})
}

// until waits for the announcement of a job at a version, and gives it.
func (c *check) until(id jobs.ID, version uint64) jobs.Job {
	c.Helper()
	limit := time.After(10 * time.Second)
	for {
		c.heard.mu.Lock()
		j, changed := c.heard.latest[id], c.heard.changed
		c.heard.mu.Unlock()
		if j.Version >= version {
			return j
		}
		select {
		case <-changed:
		case <-limit:
			c.FailNow("not announced", "heard of version %d, not of %d", j.Version, version)
		}
	}
}

// versions gives how often each version of a job was announced.
func (c *check) versions(id jobs.ID) map[uint64]int {
	c.heard.mu.Lock()
	defer c.heard.mu.Unlock()
	return maps.Clone(c.heard.all[id])
}

var announcing = []spec{
	{"every write that followers see is announced as it was written", Options{}, func(c *check) {
		j := c.queued(1, 1)[0]
		c.same(j, c.until(j.ID, 1))
		l := c.lease()
		c.same(l.Job, c.until(j.ID, 2))
		c.same(c.swap(l, reaches("proving")), c.until(j.ID, 3))
		c.NoError(c.one.Release(c.ctx, l))
		c.same(c.get(j.ID), c.until(j.ID, 4))
		l = c.lease()
		c.same(l.Job, c.until(j.ID, 5))
		c.same(c.swap(l, completes), c.until(j.ID, 6))

		mine := c.admit(job(1, bob), jobs.CachedAnswer)
		c.same(mine, c.until(mine.ID, 1))
		cancelled := c.queued(2, 1)[0]
		c.same(c.leave(cancelled.ID, alice), c.until(cancelled.ID, 2))
		l = c.running(3, alice)
		c.sleep(jobs.LeaseTime)
		c.same(c.lease().Job, c.until(l.ID, l.Job.Version+1))
	}},
	{"nothing else is announced", Options{QueueCapacity: 1}, func(c *check) {
		l := c.running(1, alice)
		c.admit(job(1, bob), jobs.Joined)
		c.leave(l.ID, bob)
		c.NoError(c.one.Renew(c.ctx, l))
		c.NoError(c.one.Save(c.ctx, l, []byte("paid")))
		_, err := c.one.Leave(c.ctx, l.ID, bob)
		c.Error(err)
		_, err = c.one.Swap(c.ctx, l.ID, nil, func(j jobs.Job) (jobs.Job, error) { return j, nil })
		c.NoError(err)
		waits := c.queued(2, 1)[0]
		full := job(3, alice)
		_, _, err = c.one.Admit(c.ctx, full)
		c.Error(err)
		done := c.swap(l, completes)
		c.admit(job(1, alice), jobs.CachedAnswer)
		c.swap(l, completes)
		c.stale(jobs.Lease{ID: l.ID, Token: l.Token + 1})
		last := c.leave(waits.ID, alice)

		c.until(done.ID, done.Version)
		c.until(last.ID, last.Version)
		c.Equal(map[uint64]int{1: 1, 2: 1, 3: 1}, c.versions(done.ID)) // pending, running, completed
		c.Equal(map[uint64]int{1: 1, 2: 1}, c.versions(last.ID))
		c.Empty(c.versions(full.ID))
	}},
	{"who hears of a write may ask the store", Options{}, func(c *check) {
		c.heard.first = func(j jobs.Job) { // under the store's lock it would never return
			got, err := c.other.Get(c.ctx, j.ID)
			c.NoError(err)
			c.GreaterOrEqual(got.Version, j.Version)
		}
		done := c.completed(1, alice)
		c.until(done.ID, done.Version)
	}},
	{"who subscribes first and then reads misses no ending, whenever he comes", Options{QueueCapacity: 200}, func(c *check) {
		all := c.queued(1, 100)
		var working sync.WaitGroup
		for range 4 {
			working.Go(func() {
				for range 25 {
					c.work(c.lease())
				}
			})
		}
		atOnce(len(all), func(i int) { // announcements are subscribed to already
			at := c.get(all[i].ID)
			for version := at.Version; !at.Ended(); version = at.Version {
				at = c.until(all[i].ID, version+1)
			}
		})
		working.Wait()
		for _, j := range all {
			stored := c.get(j.ID)
			c.same(stored, c.until(j.ID, stored.Version))
		}
	}},
	{"the last write of every job is announced, whoever wins", Options{QueueCapacity: 200}, func(c *check) {
		all := c.queued(1, 100)
		var writing sync.WaitGroup
		for range 4 {
			writing.Go(func() {
				for {
					l, err := c.one.Lease(c.ctx, "worker")
					if err != nil || l.Job.Owners[0] == bob {
						return
					}
					_, _ = c.one.Swap(c.ctx, l.ID, &l, reaches("proving")) // perhaps cancelled meanwhile
					_, _ = c.one.Swap(c.ctx, l.ID, &l, completes)
				}
			})
		}
		writing.Go(func() {
			for _, i := range rand.Perm(len(all)) {
				_, _ = c.one.Leave(c.ctx, all[i].ID, alice) // perhaps ended meanwhile
			}
			for n := range uint16(4) { // tells the workers to go home
				c.admit(job(1000+n, bob), jobs.Queued)
			}
		})
		writing.Wait()
		for _, j := range all {
			stored := c.get(j.ID)
			c.True(stored.Ended())
			c.same(stored, c.until(j.ID, stored.Version))
		}
	}},
}

// work takes a job through a whole life.
func (c *check) work(l jobs.Lease) {
	for _, phase := range []string{"executing", "proving", "wrapping"} {
		c.swap(l, reaches(phase))
	}
	if l.ID[0]%2 == 0 {
		c.swap(l, completes)
	} else {
		c.swap(l, fails)
	}
}
