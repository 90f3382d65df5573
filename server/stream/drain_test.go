package stream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDrain(t *testing.T) {
	t.Parallel()

	t.Run("ends SSE and closes WebSockets 1001, spread over a second", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			ends := make(chan time.Time, 100)
			for range 50 {
				e, s := w.sse("/jobs/1"), w.ws("/jobs/1")
				e.next()
				s.next()
				go func() {
					require.Equal(t, "end", e.next())
					ends <- time.Now()
					require.Equal(t, "closed 1001", s.next())
					ends <- time.Now()
				}()
			}
			began := time.Now()
			require.NoError(t, w.streams.Drain(t.Context()))
			require.LessOrEqual(t, time.Since(began), drainSpread+closeGrace)
			slots := map[time.Duration]int{}
			for range 100 {
				slots[(<-ends).Sub(began)/(100*time.Millisecond)]++
			}
			require.GreaterOrEqual(t, len(slots), 8, "%v", slots)
		})
	})

	t.Run("is at once done when there is nothing to end, and may be called again", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			began := time.Now()
			require.NoError(t, w.streams.Drain(t.Context()))
			require.NoError(t, w.streams.Drain(t.Context()))
			require.Zero(t, time.Since(began))
		})
	})

	t.Run("sends what waits in the mailbox first", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			e, s := w.sse("/jobs/1"), w.ws("/jobs/1")
			e.next()
			s.next()
			synctest.Wait()
			const last = 12
			for v := uint64(2); v < last; v++ {
				w.publish(event("1", v, 1, "running"))
			}
			w.publish(event("1", last, 1, "failed"))
			drained := make(chan error)
			go func() { drained <- w.streams.Drain(context.Background()) }()
			for version := 2; version <= last; version++ {
				require.Contains(t, e.next(), fmt.Sprint("id:", version))
				require.Contains(t, s.next(), fmt.Sprintf(`"id":%d`, version))
			}
			require.Equal(t, "end", e.next())
			require.Equal(t, "closed 1000", s.next(), "its job has ended; it need not come back")
			require.NoError(t, <-drained)
		})
	})

	t.Run("ends a stream that is just being opened", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			sub := w.subscription("1")
			sub.Peer = netip.MustParseAddr("192.0.2.1")
			l, first, err := w.streams.open(t.Context(), sub)
			require.NoError(t, err)
			drained := make(chan error)
			go func() { drained <- w.streams.Drain(context.Background()) }()
			synctest.Wait()
			near, far := net.Pipe()
			defer near.Close()
			w.streams.start(l, &sseWire{socket: newSocket(far), frames: &w.streams.frames[eventStream]}, first)
			go func() { _, _ = near.Read(make([]byte, 1000)) }()
			require.NoError(t, <-drained)
		})
	})

	t.Run("tells long-polls, waits for them, and no longer than it may", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			release, err := w.streams.Acquire(netip.MustParseAddr("192.0.2.1"))
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			began := time.Now()
			require.ErrorIs(t, w.streams.Drain(ctx), context.DeadlineExceeded)
			require.Equal(t, 5*time.Second+closeGrace, time.Since(began))
			<-w.streams.Draining()
			release()
		})
	})

	t.Run("cuts what is left when its time is over", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/jobs/1")
			s.next()
			for v := range uint64(20) {
				big := event("1", v+2, 2, "running")
				big.Data = append(big.Data, make([]byte, 8<<10)...)
				w.publish(big)
			}
			synctest.Wait() // it is in a write that its peer does not take
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			began := time.Now()
			require.ErrorContains(t, w.streams.Drain(ctx), "cut 1")
			require.Equal(t, 2*time.Second, time.Since(began))
			require.Zero(t, w.streams.Held())
		})
	})

	t.Run("is not delayed by peers that never answer a close", func(t *testing.T) {
		t.Parallel()
		w := loopback(t, Options{})
		w.store(event("1", 1, 1, "running"))
		const rude = 300
		for range rude {
			peer := w.upgraded("/jobs/1")
			defer peer.Close()
		}
		polite := w.ws("/jobs/1")
		polite.next()
		end := make(chan string)
		go func() { end <- polite.next() }()
		w.untilHeld(rude + 1)
		began := time.Now()
		require.NoError(t, w.streams.Drain(t.Context()))
		require.Less(t, time.Since(began), drainSpread+closeGrace+2*time.Second) // the last for a busy machine
		require.Equal(t, "closed 1001", <-end)
	})
}
