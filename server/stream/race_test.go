package stream

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// Followers who come at any moment of a job's life, among writers whose calls cross, while the store and the hub tell
// different things for a moment, and while some messages are lost on the way: each sees versions that only grow, and
// the end.
func TestEveryFollowerSeesTheEndAndNeverGoesBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			bubble(t, Options{}, func(t *testing.T, w *world) {
				r := rand.New(rand.NewPCG(seed, 0))
				w.store(event("1", 1, 1, "position"))
				var followers sync.WaitGroup
				join := func() {
					if r.IntN(2) == 0 {
						s := w.ws("/jobs/1")
						followers.Go(func() { mustGrow(t, s.next, "closed 1000") })
						return
					}
					s := w.sse("/jobs/1")
					followers.Go(func() { mustGrow(t, s.next, "end") })
				}
				join()
				last := 10 + r.Uint64N(40)
				for v := uint64(2); v <= last; v++ {
					m := event("1", v, v, "running")
					if v == last {
						m = event("1", v, v, "completed")
					}
					w.store(m)
					switch r.IntN(4) {
					case 0: // lost
					case 1:
						followers.Go(func() { w.hub.Publish(m) })
					default:
						w.hub.Publish(m)
					}
					if r.IntN(3) == 0 {
						join()
					}
					if r.IntN(3) == 0 {
						time.Sleep(time.Duration(r.IntN(10_000)) * time.Millisecond)
					}
				}
				followers.Wait()
				synctest.Wait()
				require.Zero(t, w.streams.Held())
			})
		})
	}
}

// mustGrow reads to the end.
func mustGrow(t *testing.T, next func() string, end string) {
	last, terminal := uint64(0), false
	for {
		text := next()
		if text == end {
			require.True(t, terminal, "the end without the last event")
			return
		}
		_, data, isEvent := strings.Cut(text, "data:")
		if !isEvent && !strings.HasPrefix(text, "{") {
			continue // a comment
		}
		var got struct {
			Type string `json:"type"`
			ID   uint64 `json:"id"`
		}
		if !isEvent {
			data = text
		}
		require.NoError(t, json.Unmarshal([]byte(data), &got), text)
		require.Greater(t, got.ID, last)
		last, terminal = got.ID, got.Type == "completed"
	}
}

// A reader who falls behind gets the newest, in order, and the end.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"sse", "websocket"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			bubble(t, Options{}, func(t *testing.T, w *world) {
				w.store(event("1", 1, 1, "running"))
				next, end := w.reader(path)
				synctest.Wait()
				for v := uint64(2); v < 500; v++ {
					big := event("1", v, v, "running")
					big.Data = append(big.Data, strings.Repeat(" ", 2<<10)...)
					w.publish(big)
					synctest.Wait()
				}
				w.publish(event("1", 500, 500, "completed"))
				mustGrow(t, next, end)
				require.Positive(t, w.hub.Counts().Replaced)
			})
		})
	}
}

// The stored state and what the hub tells come by two ways; a reader who keeps up sees verified before completed.
func TestVerifiedBeforeCompleted(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"sse", "websocket"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			bubble(t, Options{}, func(t *testing.T, w *world) {
				w.store(event("1", 1, 1, "running"))
				next, end := w.reader(path)
				require.Contains(t, next(), "running")
				w.publish(event("1", 2, 1, "verified"))
				w.publish(event("1", 3, 1, "completed"))
				require.Contains(t, next(), "verified")
				require.Contains(t, next(), "completed")
				require.Equal(t, end, next())
			})
		})
	}
}

// reader opens job 1.
func (w *world) reader(transport string) (next func() string, end string) {
	if transport == "websocket" {
		return w.ws("/jobs/1").next, "closed 1000"
	}
	return w.sse("/jobs/1").next, "end"
}

// A heartbeat that reads the end out of the store does not overtake what waits in the mailbox.
func TestHeartbeatOvertakesNothing(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"sse", "websocket"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			bubble(t, Options{}, func(t *testing.T, w *world) {
				w.store(event("1", 1, 1, "running"))
				next, end := w.reader(path)
				require.Contains(t, next(), "running")
				w.mu.Lock()
				w.onRead = func() { // as the heartbeat asks, a worker writes
					w.hub.Publish(event("1", 2, 1, "verified"))
					w.stored["1"] = event("1", 3, 1, "completed")
				}
				w.mu.Unlock()
				for text := next(); ; text = next() {
					if text != ":" {
						require.Contains(t, text, "verified")
						break
					}
				}
				require.Contains(t, next(), "completed")
				require.Equal(t, end, next())
			})
		})
	}
}
