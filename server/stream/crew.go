package stream

import (
	"cmp"
	"slices"
	"sync"

	"claimprover/hub"
)

// handful is how many streams a member of the crew takes on at a time.
const handful = 32

// crew writes what was published to those who keep up: a few goroutines that go from socket to socket and wait for
// none, instead of one that is woken for each. That takes a third of the processor's time off an event for thousands of
// followers, or more. There are as many as there are processors, and none when nothing was published.
type crew struct {
	most    int      // set once
	metrics *metrics // set once
	home    sync.WaitGroup

	mu      sync.Mutex
	waiting []*link // guarded by mu; each has something in its mailbox
	next    int     // guarded by mu; who of waiting has waited longest
	working int     // guarded by mu
}

// call has somebody see to l. It never waits.
func (c *crew) call(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if 2*c.next > len(c.waiting) { // use the places of those who were taken
		c.waiting, c.next = slices.Delete(c.waiting, 0, c.next), 0
	}
	c.waiting = append(c.waiting, l)
	if c.working < c.most && len(c.waiting)-c.next > c.working*handful {
		c.working++
		c.home.Go(c.work)
	}
}

// work ends when nobody waits.
func (c *crew) work() {
	var taken [handful]*link
	for n := c.take(taken[:]); n > 0; n = c.take(taken[:]) {
		var last *hub.Message
		for _, l := range taken[:n] {
			last = cmp.Or(l.hurry(), last)
		}
		c.metrics.wrote(last) // one of a handful tells: all members of the crew write to the same figures
	}
}

// take gives those who have waited longest; 0 sends whoever asks home.
func (c *crew) take(some []*link) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := copy(some, c.waiting[c.next:])
	if n == 0 {
		c.waiting, c.next = c.waiting[:0], 0
		c.working--
		return 0
	}
	clear(c.waiting[c.next : c.next+n])
	c.next += n
	return n
}

// hurry writes what waits for l, and says what was last. If something has to be waited for, that is left to run.
func (l *link) hurry() (last *hub.Message) {
	if !l.turn.TryLock() { // run is at it, and looks again when it is done
		l.fallBehind()
		return nil
	}
	defer l.turn.Unlock()
	defer func() {
		if p := recover(); p != nil {
			l.streams.panicked(p)
			l.finish(broken)
		}
	}()
	for !l.wire.pending() {
		m, ok := l.follower.Next()
		if !ok {
			return last
		}
		last = m
		if why := l.deliver(m); why != open {
			l.finish(why)
			return last
		}
	}
	l.fallBehind()
	return last
}
