package stream

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	// writeTimeout is how long a peer may take to make room for one write.
	writeTimeout = 10 * time.Second
	// closeGrace is how long a peer may take to answer a close.
	closeGrace = time.Second
	// sendBuffer is what the kernel keeps for a peer that does not read. Left alone it grows to megabytes.
	sendBuffer = 16 << 10
)

// ConnContext bounds what a peer that does not read can make the kernel keep for it. It is for [http.Server].
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // a limit that cannot be set costs memory, not correctness
		giveUpOnSilence(tcp)
	}
	return ctx
}

// socket is a connection taken over from net/http: each write has its deadline.
type socket struct {
	net.Conn
	early []byte // what the peer sent right behind its request; the reading goroutine's own
}

// takeOver ends net/http's part. The response's header must have been written, and nothing of its body.
func takeOver(w http.ResponseWriter) (*socket, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("taking over the connection: %w", err)
	}
	s := &socket{Conn: conn}
	if n := buffered.Reader.Buffered(); n > 0 {
		early, _ := buffered.Reader.Peek(n) // no error: it is in the buffer
		s.early = append(s.early, early...)
	}
	return s, nil
}

func (s *socket) Write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

func (s *socket) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		s.early = s.early[n:]
		return n, nil
	}
	return s.Conn.Read(p)
}

// upgrade is the response that package websocket takes the connection over from. It gives it our socket, with buffers
// for messages of our size instead of net/http's two of 4 KiB.
type upgrade struct {
	http.ResponseWriter
	socket *socket
}

func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	s, err := takeOver(u.ResponseWriter)
	if err != nil {
		return nil, nil, err
	}
	u.socket = s
	return s, bufio.NewReadWriter(bufio.NewReaderSize(s, 512), bufio.NewWriterSize(s, 2<<10)), nil
}

// WriteHeaderNow writes the header that a writer of Gin holds back.
func (u *upgrade) WriteHeaderNow() { writeHeaderNow(u.ResponseWriter) }

func writeHeaderNow(w http.ResponseWriter) {
	if late, ok := w.(interface{ WriteHeaderNow() }); ok {
		late.WriteHeaderNow()
	}
}
