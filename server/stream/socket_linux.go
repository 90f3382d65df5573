package stream

import (
	"net"
	"syscall"
	"time"
)

// silence is how long what we sent may stay unacknowledged.
const silence = 30 * time.Second

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h; package syscall does not name it.
const tcpUserTimeout = 0x12

// giveUpOnSilence has the kernel end a connection whose peer is gone without a word, or has kept its window shut, after
// half a minute. By itself it would go on for a quarter of an hour, and few events a minute never fill a buffer.
//
// The kernel's own probes of idle connections are off. They come under the same half minute, and it need not answer each
// of its peer's (tcp_invalid_ratelimit): of a thousand healthy connections with nothing to say, half were ended after 30
// or 45 s. A stream has its heartbeats, and what is idle between two requests has net/http's bound.
func giveUpOnSilence(c *net.TCPConn) {
	_ = c.SetKeepAlive(false)
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(silence.Milliseconds()))
	})
}

// trying gives a function that writes as much of what is pending as the kernel takes at once. Of a connection that is
// no socket it takes nothing. It is made once: a closure for each write would be an allocation for each.
func (s *socket) trying() func() {
	conn, ok := s.Conn.(syscall.Conn)
	if !ok {
		return func() {}
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return func() {}
	}
	once := func(fd uintptr) bool {
		n, err := syscall.Write(int(fd), s.rest)
		if n > 0 {
			s.rest = s.rest[n:]
		}
		if err != nil && err != syscall.EAGAIN && err != syscall.EINTR {
			s.failed = err
		}
		return true // whatever is left is for flush: do not wait
	}
	return func() {
		if err := raw.Write(once); err != nil {
			s.failed = err
		}
	}
}
