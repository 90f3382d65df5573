package rate

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/ulule/limiter/v3"
)

// sweepPerOp is how many ended windows an operation clears away: more than the one it may add, few enough not to be felt.
const sweepPerOp = 4

// memory is a [Store] of one policy. All its windows are equally long, so the order in which they began is the order
// in which they end: a list in that order is all that expiry and eviction need.
type memory struct {
	started time.Time // set once; windows are timed from it, on the monotonic clock
	max     int       // set once

	mu     sync.Mutex
	index  map[digest]int32 // guarded by mu
	slots  []slot           // guarded by mu; slots[0] is the list's anchor: next is its oldest window, prev its newest
	unused []int32          // guarded by mu; slots in no list
}

// digest stands for a key: nothing of the key is kept, and long keys cost no more than short ones.
type digest [16]byte

type slot struct {
	key        digest
	count      int64
	ends       time.Duration // since started
	prev, next int32
}

func newMemory(maxKeys int) *memory {
	return &memory{started: time.Now(), max: maxKeys, index: map[digest]int32{}, slots: make([]slot, 1)}
}

func digestOf(key string) digest {
	sum := sha256.Sum256([]byte(key))
	return digest(sum[:16])
}

func (m *memory) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return m.Increment(ctx, key, 1, rate)
}

func (m *memory) Increment(_ context.Context, key string, count int64, rate limiter.Rate) (limiter.Context, error) {
	d := digestOf(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.started)
	m.sweepLocked(now)
	i, running := m.runningLocked(d, now)
	if !running {
		i = m.beginLocked(d, now+rate.Period)
	}
	s := &m.slots[i]
	refused := s.count+count > rate.Limit
	if !refused {
		s.count = max(s.count+count, 0)
	}
	return m.answer(s.count, s.ends, refused, rate), nil
}

func (m *memory) Peek(_ context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	d := digestOf(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.started)
	if i, running := m.runningLocked(d, now); running {
		return m.answer(m.slots[i].count, m.slots[i].ends, false, rate), nil
	}
	return m.answer(0, now+rate.Period, false, rate), nil
}

func (m *memory) Reset(_ context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	d := digestOf(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, known := m.index[d]; known {
		m.endLocked(i)
	}
	return m.answer(0, time.Since(m.started)+rate.Period, false, rate), nil
}

func (m *memory) Refund(_ context.Context, key string, count, reset int64, _ limiter.Rate) error {
	d := digestOf(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	i, running := m.runningLocked(d, time.Since(m.started))
	if !running || m.unix(m.slots[i].ends) != reset {
		return nil
	}
	if m.slots[i].count = max(m.slots[i].count-count, 0); m.slots[i].count == 0 {
		m.endLocked(i) // it limits nothing; a flood of refused callers leaves nothing behind
	}
	return nil
}

func (m *memory) answer(count int64, ends time.Duration, refused bool, rate limiter.Rate) limiter.Context {
	return limiter.Context{
		Limit: rate.Limit, Remaining: max(rate.Limit-count, 0), Reset: m.unix(ends), Reached: refused,
	}
}

// unix gives the end of a window in Unix seconds, rounded up, by the wall clock as it was at the start.
func (m *memory) unix(ends time.Duration) int64 {
	t := m.started.Add(ends + time.Second - 1)
	return t.Unix()
}

func (m *memory) runningLocked(d digest, now time.Duration) (int32, bool) {
	i, known := m.index[d]
	return i, known && now < m.slots[i].ends
}

// beginLocked makes a window the newest. The key's earlier window, or with all places taken the oldest one, goes.
func (m *memory) beginLocked(d digest, ends time.Duration) int32 {
	if i, known := m.index[d]; known {
		m.endLocked(i)
	} else if len(m.index) >= m.max {
		m.endLocked(m.slots[0].next)
	}
	i := m.unusedLocked()
	newest := m.slots[0].prev
	m.slots[i] = slot{key: d, ends: ends, prev: newest, next: 0}
	m.slots[newest].next, m.slots[0].prev = i, i
	m.index[d] = i
	return i
}

func (m *memory) unusedLocked() int32 {
	if last := len(m.unused) - 1; last >= 0 {
		i := m.unused[last]
		m.unused = m.unused[:last]
		return i
	}
	m.slots = append(m.slots, slot{})
	return int32(len(m.slots) - 1)
}

func (m *memory) endLocked(i int32) {
	s := m.slots[i]
	m.slots[s.prev].next, m.slots[s.next].prev = s.next, s.prev
	delete(m.index, s.key)
	m.unused = append(m.unused, i)
}

func (m *memory) sweepLocked(now time.Duration) {
	for range sweepPerOp {
		oldest := m.slots[0].next
		if oldest == 0 || now < m.slots[oldest].ends {
			return
		}
		m.endLocked(oldest)
	}
}
