package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"claimprover/hub"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The stories of the other tests run over pipes, to which nothing can be written without waiting. These run over
// sockets, so that the crew does the writing.

func TestCrew(t *testing.T) {
	t.Parallel()

	t.Run("readers over sockets see every event in order, and the end", func(t *testing.T) {
		t.Parallel()
		w := loopback(t, Options{})
		w.store(event("1", 1, 1, "running"))
		const last = 300
		var readers sync.WaitGroup
		steps := make(chan struct{})
		for i := range 40 {
			next, end := w.reader([]string{"sse", "websocket"}[i%2])
			next()
			readers.Go(func() {
				for v := uint64(2); v < last; v++ {
					require.Contains(t, next(), fmt.Sprintf(`"id":%d,`, v))
					steps <- struct{}{}
				}
				mustGrow(t, next, end)
			})
		}
		for v := uint64(2); v < last; v++ {
			w.publish(event("1", v, v, "running"))
			for range 40 {
				<-steps
			}
		}
		w.publish(event("1", last, last, "completed"))
		readers.Wait()
		require.Zero(t, w.hub.Counts().Replaced)
	})

	t.Run("events that come faster than they are read, by writers who cross, never go back", func(t *testing.T) {
		t.Parallel()
		w := loopback(t, Options{})
		w.store(event("1", 1, 1, "running"))
		var readers, writers sync.WaitGroup
		for i := range 20 {
			next, end := w.reader([]string{"sse", "websocket"}[i%2])
			readers.Go(func() { mustGrow(t, next, end) })
		}
		for writer := range uint64(4) {
			writers.Go(func() {
				for v := 2 + writer; v < 1000; v += 4 {
					w.hub.Publish(event("1", v, v, "running"))
				}
			})
		}
		writers.Wait()
		w.publish(event("1", 1000, 1000, "completed"))
		readers.Wait()
	})

	t.Run("a reader who stops loses his place in the mailbox only, and gets whole frames and the end", func(t *testing.T) {
		t.Parallel()
		for _, transport := range []string{"sse", "websocket"} {
			t.Run(transport, func(t *testing.T) {
				t.Parallel()
				w := loopback(t, Options{})
				w.store(event("1", 1, 1, "running"))
				next, end := w.reader(transport)
				keeps, _ := w.reader("sse")
				keeps()
				last := uint64(2)
				for ; w.hub.Counts().Replaced < 100 && last < 5000; last++ {
					big := event("1", last, last, "running")
					big.Data = append(big.Data, strings.Repeat(" ", 8<<10)...)
					w.publish(big)
					require.Contains(t, keeps(), fmt.Sprintf(`"id":%d,`, last), "nobody else waits for him")
				}
				require.Less(t, last, uint64(5000))
				w.publish(event("1", last, last, "completed"))
				mustGrow(t, next, end)
			})
		}
	})

	t.Run("what the library writes comes between two frames", func(t *testing.T) {
		t.Parallel()
		w := loopback(t, Options{})
		w.store(event("1", 1, 1, "running"))
		p := w.upgraded("/jobs/1")
		p.next()
		ping := func(payload string) {
			_, err := p.Write(frameBytes(0x89, []byte(payload)))
			require.NoError(t, err)
		}
		ping("first")
		last := uint64(2)
		for ; w.hub.Counts().Replaced == 0 && last < 5000; last++ { // until one frame is written in part
			big := event("1", last, last, "running")
			big.Data = append(big.Data, strings.Repeat(" ", 8<<10)...)
			w.publish(big)
		}
		ping("second")
		var pongs []string
		for len(pongs) < 2 {
			opcode, payload, err := p.read()
			require.NoError(t, err)
			if opcode == 10 {
				pongs = append(pongs, string(payload))
				continue
			}
			require.EqualValues(t, 1, opcode)
			require.True(t, bytes.HasPrefix(payload, []byte(`{"type":`)))
		}
		require.Equal(t, []string{"first", "second"}, pongs)
		w.publish(event("1", last, last, "completed"))
		require.Equal(t, 1000, p.closeCode())
	})

	t.Run("a bug in delivering ends that stream alone", func(t *testing.T) {
		t.Parallel()
		var said syncBuffer
		bubble(t, Options{Logger: slog.New(slog.NewTextHandler(&said, nil))}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			healthy := w.sse("/jobs/1")
			require.Contains(t, healthy.next(), "running")
			l, _, err := w.streams.open(t.Context(), w.from("192.0.2.1"))
			require.NoError(t, err)
			near, far := net.Pipe()
			defer near.Close()
			w.streams.start(l, buggy{&sseWire{socket: newSocket(far)}}, nil)
			synctest.Wait()
			w.publish(event("1", 2, 2, "running"))
			require.Contains(t, healthy.next(), `"id":2`)
			synctest.Wait()
			require.Equal(t, 1, w.streams.Held())
			require.Contains(t, said.String(), "stream panicked")
		})
	})

	t.Run("is at home while nothing is published, whatever came before", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			for range 3 * handful {
				w.sse("/jobs/1")
			}
			synctest.Wait()
			for v := range uint64(10) {
				w.publish(event("1", v+2, 1, "running"))
			}
			synctest.Wait()
			require.Zero(t, w.streams.crew.working)
			require.Empty(t, w.streams.crew.waiting)
		})
	})
}

// buggy panics when it is to send.
type buggy struct{ *sseWire }

func (buggy) send(*hub.Message) error { panic("a bug") }

func TestSocket(t *testing.T) {
	t.Parallel()

	t.Run("writes what is offered in the order of the calls", func(t *testing.T) {
		t.Parallel()
		near, far := net.Pipe()
		s := newSocket(far)
		defer near.Close()
		require.False(t, s.pending())
		frame := []byte("one ....")
		require.NoError(t, s.offer(frame[:4]))
		require.True(t, s.pending(), "a pipe takes nothing without waiting")
		require.NoError(t, s.offer([]byte("two ")))
		require.Equal(t, "one ....", string(frame), "a frame is shared with other readers")
		got := make(chan string)
		go func() {
			var all []byte
			for buf := make([]byte, 100); !bytes.HasSuffix(all, []byte("end")); {
				n, _ := near.Read(buf)
				all = append(all, buf[:n]...)
			}
			got <- string(all)
		}()
		require.NoError(t, s.flush())
		require.False(t, s.pending())
		require.NoError(t, s.offer([]byte("three ")))
		_, err := s.Write([]byte("end"))
		require.NoError(t, err)
		require.Equal(t, "one two three end", <-got)
	})

	t.Run("a write leaves no deadline behind, and a failed one ends it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			noted := &deadlines{Conn: far}
			s := newSocket(noted)
			go func() { _, _ = near.Read(make([]byte, 10)) }()
			_, err := s.Write([]byte("one"))
			require.NoError(t, err)
			require.Len(t, noted.set, 2)
			require.Equal(t, writeTimeout, time.Until(noted.set[0]))
			require.Zero(t, noted.set[1])

			require.NoError(t, s.offer([]byte("two")))
			require.Equal(t, tooSlow, endingOf(s.flush()))
			require.False(t, s.pending())
			require.Equal(t, tooSlow, endingOf(s.offer([]byte("three"))), "half of a frame may be written")
			require.False(t, s.pending())
		})
	})

	t.Run("takes without waiting what comes while somebody waits to write", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			s := newSocket(far)
			var writing sync.WaitGroup
			for _, text := range []string{"one ", "two "} {
				writing.Go(func() {
					_, err := s.Write([]byte(text))
					assert.NoError(t, err)
				})
				synctest.Wait()
			}
			require.True(t, s.pending())
			require.NoError(t, s.offer([]byte("three ")))
			got := make([]byte, 14)
			_, err := io.ReadFull(near, got)
			require.NoError(t, err)
			require.ElementsMatch(t, []string{"one", "two", "three"}, strings.Fields(string(got)))
			writing.Wait()
			require.False(t, s.pending())
		})
	})

	t.Run("a peer that is gone is an error of the attempt", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		near, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		defer near.Close()
		far, err := listener.Accept()
		require.NoError(t, err)
		s := newSocket(far)
		require.NoError(t, s.offer([]byte("one")))
		require.False(t, s.pending(), "a socket takes it at once")
		require.NoError(t, far.Close())
		require.Equal(t, gone, endingOf(s.offer([]byte("two"))))
		require.True(t, errors.Is(s.flush(), net.ErrClosed) || !s.pending())
	})
}

// deadlines keeps what was set.
type deadlines struct {
	net.Conn
	set []time.Time
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return d.Conn.SetWriteDeadline(at)
}

// The library's client reads our frames of every length that is written differently (RFC 6455, section 5.2).
func TestTextFrame(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 125, 126, 127, 1<<16 - 1, 1 << 16, 1 << 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := loopback(t, Options{})
			m := event("1", 1, 1, "running")
			m.Data = bytes.Repeat([]byte("x"), n)
			w.store(m)
			s := w.ws("/jobs/1")
			s.conn.SetReadLimit(-1)
			require.Equal(t, n, len(s.next()))
			require.NoError(t, s.conn.Close(websocket.StatusNormalClosure, ""))
		})
	}
}
