// Package hub delivers messages to whoever follows their topic.
//
// A publisher never waits for a reader: each [Follower] has a bounded mailbox in which, once it is full, newer messages
// take the place of older ones of the same topic. The newest message of a topic is never lost, and nobody is ever given
// one that is not newer than what he has seen of its topic. The hub starts no goroutine, and knows neither what a
// message means nor how it reaches its reader. All methods of [Hub] may be called from many goroutines.
package hub

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// batch is how many deliveries a publisher makes before it lets go of the topic for those who come or leave.
const batch = 256

// Hub holds the topics that are being followed, and nothing else: a message for a topic without followers is gone.
type Hub struct {
	mu     sync.RWMutex     // held for a look-up only, never while delivering
	topics map[Topic]*topic // guarded by mu
	open   atomic.Int64     // followers
	counts struct{ delivered, replaced atomic.Uint64 }
}

// topic is the followers of one Topic. It is gone for good when the last one leaves; who comes later opens a new one.
type topic struct {
	mu      sync.Mutex
	members []*membership // guarded by mu
	gone    bool          // guarded by mu
}

// New makes an empty Hub.
func New() *Hub { return &Hub{topics: make(map[Topic]*topic)} }

// Publish puts m into the mailbox of everybody who follows its topic; it allocates nothing and waits for nobody.
//
// Who starts to follow while Publish runs may or may not get m: he must read the present state after Follow, not
// before. Messages of one topic whose calls overlap may arrive in either order, and the older one is then dropped.
func (h *Hub) Publish(m *Message) {
	h.mu.RLock()
	t := h.topics[m.Topic]
	h.mu.RUnlock()
	if t == nil {
		return
	}
	delivered, replaced := t.publish(m)
	h.counts.delivered.Add(uint64(delivered))
	h.counts.replaced.Add(uint64(replaced))
}

// publish walks the members from the last to the first. Whoever leaves between two batches is replaced by the last
// member, who has had m already (and drops it when he meets it again) or moves to a place that is still to come; so
// nobody who stays is left out.
func (t *topic) publish(m *Message) (delivered, replaced int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for next := len(t.members); next > 0; next = min(next, len(t.members)) {
		stop := max(0, next-batch)
		for ; next > stop; next-- {
			member := t.members[next-1]
			taken, lost := member.follower.take(member, m)
			delivered += taken
			replaced += lost
		}
		t.mu.Unlock()
		t.mu.Lock()
	}
	return delivered, replaced
}

// Followed gives the topics that have a follower, in no order.
func (h *Hub) Followed() []Topic {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.AppendSeq(make([]Topic, 0, len(h.topics)), maps.Keys(h.topics))
}

// IsFollowed says whether t has a follower.
func (h *Hub) IsFollowed(t Topic) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.topics[t] != nil
}

// Followers is the number of followers that were made and not closed, whatever they follow.
func (h *Hub) Followers() int { return int(h.open.Load()) }

// Counts are totals since the hub was made.
type Counts struct {
	Delivered uint64 // messages put into mailboxes
	Replaced  uint64 // of those, the ones that went unread because their reader was too slow
}

// Counts reads the totals.
func (h *Hub) Counts() Counts {
	return Counts{Delivered: h.counts.delivered.Load(), Replaced: h.counts.replaced.Load()}
}

// join enters m at its topic.
func (h *Hub) join(m *membership) {
	for dead := (*topic)(nil); ; dead = m.topic {
		m.topic = h.at(m.id, dead)
		if m.topic.add(m) {
			return
		}
	}
}

// at gives the topic of that name, a new one when there is none or only the dead one.
func (h *Hub) at(id Topic, dead *topic) *topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[id]
	if t == nil || t == dead {
		t = new(topic)
		h.topics[id] = t
	}
	return t
}

// leave takes m off its topic, and the topic off the hub when that was its last member.
func (h *Hub) leave(m *membership) {
	if !m.topic.remove(m) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics[m.id] == m.topic {
		delete(h.topics, m.id)
	}
}

func (t *topic) add(m *membership) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return false
	}
	m.index = len(t.members)
	t.members = append(t.members, m)
	return true
}

// remove says whether m was the last one.
func (t *topic) remove(m *membership) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := len(t.members) - 1
	t.members[m.index] = t.members[end]
	t.members[m.index].index = m.index
	t.members[end] = nil
	t.members = t.members[:end]
	t.gone = end == 0
	return t.gone
}
