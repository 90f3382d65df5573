package stream

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConnContextBoundsWhatASilentPeerCosts(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, t.Context(), ConnContext(t.Context(), conn))
	raw, err := conn.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		size, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF)
		require.NoError(t, err)
		require.LessOrEqual(t, size, 2*sendBuffer) // the kernel doubles it for its own books
		patience, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout)
		require.NoError(t, err)
		require.EqualValues(t, silence.Milliseconds(), patience)
		probes, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
		require.NoError(t, err)
		require.Zero(t, probes, "with that patience they would end who is healthy and silent")
	}))

	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	require.Equal(t, t.Context(), ConnContext(t.Context(), near), "another kind of connection is left as it is")
}
