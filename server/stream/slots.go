package stream

import (
	"net/netip"
	"sync"
	"time"

	"claimprover/internal/fault"
	"claimprover/internal/rate"
)

// comeBack is when a client that was refused a stream should try again.
const comeBack = 5 * time.Second

// errRestarting refuses what would begin while all streams are being ended.
var errRestarting = fault.New(fault.ShuttingDown, "The service is restarting; connect again shortly.").RetryIn(comeBack)

// Acquire takes one of the places for streams, for a stream or a long-poll of that client, or says why not (unavailable,
// shutting_down). Whoever gets a place must release it; to release twice is harmless.
func (s *Streams) Acquire(peer netip.Addr) (release func(), err error) {
	home := rate.IPKey(peer)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.refusing:
		return nil, errRestarting
	case s.options.MaxStreams > 0 && s.held >= s.options.MaxStreams:
		return nil, fault.New(fault.Unavailable, "All %d streams are taken; try again shortly, or poll.", s.options.MaxStreams).RetryIn(comeBack)
	case s.options.MaxPerIP > 0 && s.perIP[home] >= s.options.MaxPerIP:
		return nil, fault.New(fault.Unavailable, "Your address has %d streams open; close some of them, or poll.", s.options.MaxPerIP).RetryIn(comeBack)
	}
	s.held++
	s.perIP[home]++
	return sync.OnceFunc(func() { s.free(home) }), nil
}

func (s *Streams) free(home string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held--
	if s.perIP[home]--; s.perIP[home] == 0 {
		delete(s.perIP, home)
	}
	s.settleLocked()
}

// settleLocked notices that all is over.
func (s *Streams) settleLocked() {
	if s.held > 0 {
		return
	}
	select {
	case <-s.draining:
	default:
		return
	}
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

// Held is how many places are taken.
func (s *Streams) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}
