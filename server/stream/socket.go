package stream

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
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

// socket is a connection taken over from net/http. Whole frames are written to it, by anybody and in the order of the
// calls: by offer without waiting, by Write with a deadline.
type socket struct {
	net.Conn
	early []byte        // what the peer sent right behind its request; the reading goroutine's own
	try   func()        // set once; writes as much of rest as goes without waiting; wants mu
	turn  chan struct{} // one slot; whoever has put something in writes, and waits for the peer

	mu      sync.Mutex // never held while waiting
	rest    []byte     // guarded by mu; what was taken and not written. Others may share the bytes: read only
	writing bool       // guarded by mu; whoever has the turn sees to rest
	failed  error      // guarded by mu; why nothing is taken any more
}

// takeOver ends net/http's part. The response's header must have been written, and nothing of its body.
func takeOver(w http.ResponseWriter) (*socket, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("taking over the connection: %w", err)
	}
	s := newSocket(conn)
	if n := buffered.Reader.Buffered(); n > 0 {
		early, _ := buffered.Reader.Peek(n) // no error: it is in the buffer
		s.early = append(s.early, early...)
	}
	return s, nil
}

func newSocket(conn net.Conn) *socket {
	s := &socket{Conn: conn, turn: make(chan struct{}, 1)}
	s.try = s.trying()
	return s
}

// offer takes frame and writes as much of it as goes without waiting. Nobody may change frame after that.
func (s *socket) offer(frame []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	waits := s.pendingLocked()
	if s.takeLocked(frame); !waits {
		s.try()
	}
	return s.failed
}

func (s *socket) takeLocked(frame []byte) {
	if len(s.rest) == 0 {
		s.rest = frame
		return
	}
	s.rest = slices.Concat(s.rest, frame)
}

// pending says whether something was taken that is not written.
func (s *socket) pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pendingLocked()
}

func (s *socket) pendingLocked() bool { return s.writing || len(s.rest) > 0 }

// flush writes what is pending.
func (s *socket) flush() error {
	_, err := s.Write(nil)
	return err
}

// Write returns when frame, and what was taken before it, is written.
func (s *socket) Write(frame []byte) (int, error) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	s.takeLocked(frame)
	s.mu.Unlock()
	for rest := s.writeNext(nil); rest != nil; rest = s.writeNext(s.await(rest)) {
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(frame), s.failed
}

// writeNext gives what is to be written now; nil when there is nothing, or err has ended it.
func (s *socket) writeNext(err error) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.rest
	s.rest = nil
	s.failed = cmp.Or(s.failed, err)
	if s.writing = len(rest) > 0 && s.failed == nil; !s.writing {
		return nil
	}
	return rest
}

// await leaves no deadline behind: it would end an attempt that comes later.
func (s *socket) await(rest []byte) error {
	if err := s.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := s.Conn.Write(rest); err != nil {
		return err
	}
	return s.SetWriteDeadline(time.Time{})
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
