package stream

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// raw opens a connection and sends text.
func (w *world) raw(text string) net.Conn {
	w.t.Helper()
	conn, err := w.connect(context.Background(), "tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(w.t, err)
	_, err = conn.Write([]byte(text))
	require.NoError(w.t, err)
	return conn
}

// untilHeld waits until so many places are taken.
func (w *world) untilHeld(n int) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.streams.Held() == n }, 20*time.Second, time.Millisecond)
}

// peer is the client's end of a WebSocket without a library, so that it can be rude.
type peer struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

const handshake = " HTTP/1.1\r\nHost: service.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// upgraded opens a WebSocket; early is sent in one piece with the request.
func (w *world) upgraded(path string, early ...byte) *peer {
	w.t.Helper()
	p := &peer{Conn: w.raw("GET " + path + handshake + string(early)), t: w.t}
	p.in = bufio.NewReader(p.Conn)
	answer, err := http.ReadResponse(p.in, nil)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusSwitchingProtocols, answer.StatusCode)
	return p
}

// read takes a frame of the server, which is neither masked nor cut into parts.
func (p *peer) read() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	if size == 126 {
		var long [2]byte
		if _, err := io.ReadFull(p.in, long[:]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(long[:]))
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(p.in, payload)
	return head[0] & 0xf, payload, err
}

func (p *peer) next() string {
	p.t.Helper()
	_, payload, err := p.read()
	require.NoError(p.t, err)
	return string(payload)
}

// closeCode reads on to the server's close frame; 0 if the connection ends without one.
func (p *peer) closeCode() int {
	p.t.Helper()
	require.NoError(p.t, p.SetReadDeadline(time.Now().Add(20*time.Second)))
	for {
		opcode, payload, err := p.read()
		switch {
		case err != nil:
			require.NotErrorIs(p.t, err, os.ErrDeadlineExceeded)
			return 0
		case opcode == 8 && len(payload) == 0:
			return 1005
		case opcode == 8:
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

// text is a masked text frame.
func text(s string) []byte { return frameBytes(0x81, []byte(s)) }

// frameBytes is a masked frame with that first byte. The mask is zero, which leaves the payload as it is.
func frameBytes(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}
