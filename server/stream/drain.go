package stream

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// drainSpread keeps clients from coming back to the next instance all at once.
	drainSpread = time.Second
	drainSteps  = 50
)

// StopAccepting refuses new streams and long-polls from now on, in the way that brings clients back: SSE is answered
// with a retry and the end, a WebSocket with shutting_down. Streams that are open stay.
func (s *Streams) StopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = true
}

// Draining is closed when [Streams.Drain] begins. A long-poll that holds a place answers then.
func (s *Streams) Draining() <-chan struct{} { return s.draining }

// Drain ends all streams, spread over one second, and returns when the last place is free. What waits in a mailbox is
// sent first; a peer that does not answer the close is cut a second later, alone. When ctx ends before that, all that is
// left is cut, and the error says how much that was.
func (s *Streams) Drain(ctx context.Context) error {
	s.sayGoodbye(ctx, s.beginDrain())
	select {
	case <-s.idle:
		s.crew.home.Wait()
		return nil
	case <-ctx.Done():
	}
	left := s.beginDrain()
	for _, l := range left {
		l.wire.cut()
	}
	select { // a stream whose socket is gone ends at once; a long-poll that does not look at Draining is not waited for
	case <-s.idle:
	case <-time.After(closeGrace):
	}
	return fmt.Errorf("draining streams: cut %d: %w", len(left), context.Cause(ctx))
}

// beginDrain gives the streams that are open. It may run twice: the second call finds what is left.
func (s *Streams) beginDrain() []*link {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = true
	s.kill()
	select {
	case <-s.draining:
	default:
		close(s.draining)
	}
	s.settleLocked()
	return slices.Collect(maps.Keys(s.links))
}

// sayGoodbye never waits for a peer: each stream closes itself.
func (s *Streams) sayGoodbye(ctx context.Context, links []*link) {
	tick := time.NewTicker(drainSpread / drainSteps)
	defer tick.Stop()
	for some := range slices.Chunk(links, max(1, (len(links)+drainSteps-1)/drainSteps)) {
		for _, l := range some {
			l.finish(draining)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
