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
func giveUpOnSilence(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(silence.Milliseconds()))
	})
}
