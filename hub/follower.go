package hub

import (
	"slices"
	"sync"
)

// mailbox is how many undelivered messages wait for one follower, or one for each topic if he follows more topics.
const mailbox = 16

// Follower is one reader with his mailbox. The reader owns it: its methods must not be called at the same time as one
// another. The hub may deliver at any time, also while a method runs.
//
//	f := h.NewFollower(wake)
//	f.Follow(topic)
//	if m := snapshot(); f.Saw(m) { send(m) } // read after Follow, so that nothing falls between
//	for range woken {
//		for m, ok := f.Next(); ok; m, ok = f.Next() { send(m) }
//	}
type Follower struct {
	hub    *Hub
	wake   func() // set once
	closed bool   // the reader's own

	mu        sync.Mutex
	following []*membership // guarded by mu; one, or a hundred: short enough to search
	queue     []letter      // guarded by mu; oldest first
	slot      [1]letter     // the queue of a reader who keeps up
}

// membership is one follower at one topic.
type membership struct {
	id       Topic
	topic    *topic // set once, by join
	follower *Follower
	index    int // in topic.members; guarded by topic.mu

	// Guarded by follower.mu.
	seen   mark // the last one that was given to the reader
	taken  mark // the last one that went into the mailbox, or seen if that is newer
	queued int  // undelivered
	gone   bool
}

// letter is an undelivered message.
type letter struct {
	message *Message
	to      *membership
}

// NewFollower makes a follower of nothing. It must be closed.
//
// The publisher calls wake when a message has come into an empty mailbox, so it must be quick, wait for nothing and call
// nothing of the hub's. Whoever was woken takes all there is, until Next says that there is none. A reader who looks by
// himself needs no wake: nil.
func (h *Hub) NewFollower(wake func()) *Follower {
	if wake == nil {
		wake = func() {}
	}
	f := &Follower{hub: h, wake: wake}
	f.queue = f.slot[:0]
	h.open.Add(1)
	return f
}

// Follow begins to collect the messages of t, of which nothing counts as seen. To follow twice is to follow once.
func (f *Follower) Follow(t Topic) {
	if f.closed || f.at(t) != nil {
		return
	}
	m := &membership{id: t, follower: f}
	f.mu.Lock()
	f.following = append(f.following, m)
	f.mu.Unlock()
	f.hub.join(m)
}

// Unfollow ends that, and drops what was not delivered yet.
func (f *Follower) Unfollow(t Topic) {
	m := f.at(t)
	if m == nil {
		return
	}
	f.mu.Lock()
	m.gone = true
	f.following = slices.DeleteFunc(f.following, func(other *membership) bool { return other == m })
	f.queue = slices.DeleteFunc(f.queue, func(l letter) bool { return l.to == m })
	f.mu.Unlock()
	f.hub.leave(m)
}

// Close ends all following. A closed follower gets nothing any more; closing twice is harmless.
func (f *Follower) Close() {
	if f.closed {
		return
	}
	f.closed = true
	for len(f.following) > 0 { // only this goroutine changes it, so it may read it without the lock
		f.Unfollow(f.following[len(f.following)-1].id)
	}
	f.hub.open.Add(-1)
}

// Next takes the oldest message out of the mailbox that is newer than what the reader has seen of its topic, and marks
// it as seen. It never waits; false means that there is none now.
func (f *Follower) Next() (*Message, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) > 0 {
		l := f.dropLocked(0)
		if l.message.mark().after(l.to.seen) {
			l.to.seen = l.message.mark()
			return l.message, true
		}
	}
	return nil, false
}

// Saw marks a message that did not come from Next as seen: the present state, read after Follow. False means that it is
// not newer than what was seen already, or of a topic not followed: then it must not be sent.
func (f *Follower) Saw(m *Message) bool {
	to := f.at(m.Topic)
	if to == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !m.mark().after(to.seen) {
		return false
	}
	to.seen = m.mark()
	if to.seen.after(to.taken) {
		to.taken = to.seen
	}
	return true
}

// at finds what the reader follows; only he changes the list, so he may read it without the lock.
func (f *Follower) at(t Topic) *membership {
	for _, m := range f.following {
		if m.id == t {
			return m
		}
	}
	return nil
}

// take puts m into the mailbox and says how many messages were taken (one or none) and how many were lost for it.
// The caller holds the topic's lock.
func (f *Follower) take(to *membership, m *Message) (taken, lost int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if to.gone || !m.mark().after(to.taken) {
		return 0, 0
	}
	for len(f.queue) >= max(mailbox, len(f.following)) {
		f.dropLocked(f.replaceableLocked(to))
		lost++
	}
	to.taken = m.mark()
	to.queued++
	f.queue = append(f.queue, letter{m, to})
	if len(f.queue) == 1 {
		f.wake()
	}
	return 1, lost
}

// replaceableLocked finds what a full mailbox can do without when another message for to arrives: the oldest one of the
// same topic, else the oldest one of any topic that has more than one. There is always one, as the mailbox has at least
// as many places as topics are followed, and the newest of each topic stays.
func (f *Follower) replaceableLocked(to *membership) int {
	return slices.IndexFunc(f.queue, func(l letter) bool {
		if to.queued > 0 {
			return l.to == to
		}
		return l.to.queued > 1
	})
}

// dropLocked takes the i-th letter out. An empty mailbox needs no memory of its own.
func (f *Follower) dropLocked(i int) letter {
	l := f.queue[i]
	l.to.queued--
	f.queue = slices.Delete(f.queue, i, i+1)
	if len(f.queue) == 0 {
		f.slot[0] = letter{} // left behind when the queue outgrew it
		f.queue = f.slot[:0]
	}
	return l
}
