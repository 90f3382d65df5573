package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// followers are connections to one server, each with a goroutine that reads and nothing more: the same work for every
// server, whatever its framing.
type followers struct {
	kind    string
	conns   []*net.TCPConn
	reading sync.WaitGroup

	arrived atomic.Int64  // events, over all of them
	target  atomic.Int64  // at so many
	reached chan struct{} // there is something here
	lost    atomic.Int64  // connections that ended by themselves

	mu   sync.Mutex
	lags []time.Duration // guarded by mu; from making to receipt, while measuring
	keep atomic.Bool     // measuring
}

const dialers = 64

// follow opens n connections and waits until each has its first event. The last idle of them never read another.
func follow(p *process, kind string, n, idle int) (*followers, error) {
	f := &followers{kind: kind, conns: make([]*net.TCPConn, n), reached: make(chan struct{}, 1)}
	var dialing sync.WaitGroup
	var failed atomic.Pointer[error]
	var next atomic.Int64
	for range dialers {
		dialing.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := f.open(p.address, int(i), int(i) >= n-idle); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	dialing.Wait()
	if err := failed.Load(); err != nil {
		f.close()
		return nil, *err
	}
	return f, nil
}

func (f *followers) open(address string, i int, idle bool) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return fmt.Errorf("opening connection %d: %w", i, err)
	}
	tcp := conn.(*net.TCPConn)
	f.conns[i] = tcp
	_ = tcp.SetLinger(0) // thousands of them: none is to linger
	if idle {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	if _, err := io.WriteString(tcp, f.request("/events")); err != nil {
		return err
	}
	r := &reader{conn: tcp, websocket: strings.HasSuffix(f.kind, "websocket"), buf: make([]byte, 2048)}
	_ = tcp.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := r.next(); err != nil {
		return fmt.Errorf("waiting for the first event of connection %d: %w", i, err)
	}
	_ = tcp.SetReadDeadline(time.Time{})
	if !idle {
		f.reading.Go(func() { f.read(r) })
	}
	return nil
}

// request asks for a stream in the way of the server's kind.
func (f *followers) request(path string) string {
	begin := "GET " + path + " HTTP/1.1\r\nHost: load.test\r\n"
	switch {
	case strings.HasPrefix(f.kind, "raw"):
		return ""
	case strings.HasSuffix(f.kind, "websocket"):
		return begin + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	}
	return begin + "Accept: text/event-stream\r\n\r\n"
}

// reader finds events in what a server sends, and answers the pings of a WebSocket.
type reader struct {
	conn      net.Conn
	websocket bool
	upgraded  bool
	buf       []byte
	from      int // where the next event begins
	to        int // where what was read ends
}

// next gives the time at which the next event was made.
func (r *reader) next() (time.Time, error) {
	for {
		find := r.marked
		if r.websocket {
			find = r.framed
		}
		if text, err := find(); err != nil {
			return time.Time{}, err
		} else if text != nil {
			return madeAt(text)
		}
		if r.from > 0 {
			r.to = copy(r.buf, r.buf[r.from:r.to])
			r.from = 0
		}
		if r.to == len(r.buf) {
			return time.Time{}, errors.New("an event without an end")
		}
		n, err := r.conn.Read(r.buf[r.to:])
		if err != nil {
			return time.Time{}, err
		}
		r.to += n
	}
}

// marked finds an event by the sentinel at its end, whatever is around it; nil: it is not all there.
func (r *reader) marked() ([]byte, error) {
	end := bytes.IndexByte(r.buf[r.from:r.to], '|')
	if end < 0 {
		return nil, nil
	}
	text := r.buf[r.from : r.from+end]
	r.from += end + 1
	return text, nil
}

// framed reads the frames of a server (RFC 6455, section 5.2): not masked, and none of ours is in parts.
func (r *reader) framed() ([]byte, error) {
	if !r.upgraded {
		end := bytes.Index(r.buf[r.from:r.to], []byte("\r\n\r\n"))
		if end < 0 {
			return nil, nil
		}
		r.upgraded = true
		r.from += end + 4
	}
	for {
		b := r.buf[r.from:r.to]
		if len(b) < 4 {
			return nil, nil
		}
		head, size := 2, int(b[1])
		if size == 126 {
			head, size = 4, int(binary.BigEndian.Uint16(b[2:]))
		}
		if len(b) < head+size {
			return nil, nil
		}
		r.from += head + size
		switch text := b[head : head+size]; b[0] & 0xf {
		case 1:
			return text, nil
		case 9:
			pong := append([]byte{0x8a, 0x80 | byte(size), 0, 0, 0, 0}, text...) // masked with zeroes
			if _, err := r.conn.Write(pong); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("a frame of type %d: %q", b[0]&0xf, text)
		}
	}
}

func madeAt(text []byte) (time.Time, error) {
	at := bytes.LastIndexByte(text, '@')
	if at < 0 || len(text) < at+20 {
		return time.Time{}, fmt.Errorf("an event without a time: %q", text)
	}
	nanoseconds, err := strconv.ParseInt(string(text[at+1:at+20]), 10, 64)
	return time.Unix(0, nanoseconds), err
}

func (f *followers) read(r *reader) {
	var lags []time.Duration
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.lags = append(f.lags, lags...)
	}()
	for {
		at, err := r.next()
		if err != nil {
			f.lost.Add(1)
			return
		}
		if f.keep.Load() {
			lags = append(lags, time.Since(at))
		}
		if f.arrived.Add(1) == f.target.Load() {
			f.reached <- struct{}{}
		}
	}
}

// publish has the server make one event and waits until all of the readers have it.
func (f *followers) publish(p *process, readers int) error {
	f.target.Store(f.arrived.Load() + int64(readers))
	if err := p.do("publish"); err != nil {
		return err
	}
	select {
	case <-f.reached:
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("%s: %d events of %d did not arrive", f.kind, f.target.Load()-f.arrived.Load(), readers)
	}
}

// close ends all connections and waits for their readers.
func (f *followers) close() {
	for _, conn := range f.conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
	f.reading.Wait()
}

// percentile of what was measured; zero if nothing was.
func percentile(of []time.Duration, p float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[min(len(of)-1, int(p*float64(len(of))))]
}
