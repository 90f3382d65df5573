package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/fault"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestLink(t *testing.T) {
	t.Parallel()

	t.Run("a heartbeat that reads an older state does not go back to it", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 2, 2, "running"))
			s := w.sse("/jobs/1")
			s.next()
			w.store(event("1", 1, 1, "running"))
			require.Equal(t, ":", s.next())
			require.Equal(t, ":", s.next())
			s.close()
		})
	})

	t.Run("a job that could not be read is not followed", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			s := w.ws("/events")
			s.next()
			s.send(`{"op":"subscribe","jobId":"9"}`)
			require.Contains(t, s.next(), fault.NotFound)
			w.hub.Publish(event("9", 1, 1, "running"))
			s.send(`{"op":"ping"}`)
			require.Equal(t, `{"type":"pong"}`, s.next())
			require.Equal(t, []string{"0"}, w.followed())
			s.close()
		})
	})

	t.Run("the first reason to end counts, also when a write fails because of it", func(t *testing.T) {
		t.Parallel()
		registry := prometheus.NewRegistry()
		bubble(t, Options{Registerer: registry}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			l, first, err := w.streams.open(t.Context(), w.from("192.0.2.1"))
			require.NoError(t, err)
			near, far := net.Pipe()
			require.NoError(t, near.Close())
			l.finish(policy)
			w.streams.start(l, &sseWire{socket: newSocket(far), frames: &w.streams.frames[eventStream]}, first)
			synctest.Wait()
			require.EqualValues(t, 1, values(t, registry)["closed_total policy"])
		})
	})

	t.Run("a store that hangs holds up a heartbeat once, and a drain not at all", func(t *testing.T) {
		t.Parallel()
		var said syncBuffer
		bubble(t, Options{Logger: slog.New(slog.NewTextHandler(&said, nil))}, func(t *testing.T, w *world) {
			w.store(figures(1))
			s := w.ws("/events")
			s.next()
			for n := range 5 {
				id := fmt.Sprint(n + 1)
				w.store(event(id, 1, 1, "running"))
				s.subscribe(id)
			}
			w.hangs.Store(true)
			texts := make(chan string, 10)
			go func() {
				for text := ""; !strings.HasPrefix(text, "closed"); {
					text = s.next()
					texts <- text
				}
			}()
			time.Sleep(kinds[webSocket].heartbeat + time.Millisecond)
			w.hub.Publish(event("1", 2, 1, "running"))
			began := time.Now()
			require.Contains(t, <-texts, `"id":2`)
			require.LessOrEqual(t, time.Since(began), snapshotTimeout)
			time.Sleep(10 * time.Minute)
			lines := strings.Count(said.String(), "could not check")
			require.Positive(t, lines)
			require.LessOrEqual(t, lines, 11, "a line a minute at most")

			for w.hanging.Load() == 0 {
				time.Sleep(time.Second)
			}
			began = time.Now()
			require.NoError(t, w.streams.Drain(t.Context()))
			require.LessOrEqual(t, time.Since(began), closeGrace)
			require.Equal(t, "closed 1001", <-texts)
			w.hangs.Store(false)
		})
	})

	t.Run("who subscribes while all streams are being ended is told so", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/events")
			s.next()
			w.streams.beginDrain()
			s.send(`{"op":"subscribe","jobId":"1"}`)
			require.Contains(t, s.next(), fault.ShuttingDown)
		})
	})

	t.Run("a stream is over when both its goroutines are home", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			answer := make(chan struct{})
			sub := w.from("192.0.2.1")
			sub.Resolve = func(context.Context, api.Operation) (Subscription, error) {
				<-answer
				return Subscription{}, errors.New("too late")
			}
			w.mu.Lock()
			w.replace = &sub
			w.mu.Unlock()
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/events")
			s.next()
			s.send(`{"op":"subscribe","jobId":"1"}`)
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			require.Error(t, w.streams.Drain(ctx))
			require.Equal(t, 1, w.streams.Held())
			close(answer)
			synctest.Wait()
			require.Zero(t, w.streams.Held())
		})
	})
}

// from is a subscription to job 1 by a client of that address.
func (w *world) from(address string) Subscription {
	sub := w.subscription("1")
	sub.Peer = netip.MustParseAddr(address)
	return sub
}
