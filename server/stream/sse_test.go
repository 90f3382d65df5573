package stream

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"claimprover/internal/fault"

	"github.com/stretchr/testify/require"
)

func TestSSE(t *testing.T) {
	t.Parallel()

	t.Run("begins with the present state and ends after the last event", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "position"))
			s := w.sse("/jobs/1")
			require.Equal(t, http.StatusOK, s.body.StatusCode)
			require.Equal(t, "text/event-stream", s.body.Header.Get("Content-Type"))
			require.Equal(t, "no-store", s.body.Header.Get("Cache-Control"))
			require.Equal(t, "no", s.body.Header.Get("X-Accel-Buffering"))
			require.Equal(t, "nosniff", s.body.Header.Get("X-Content-Type-Options"))
			delay, first, _ := strings.Cut(s.block(), "|")
			require.Regexp(t, aDelay, delay)
			require.Equal(t, frameOf(event("1", 1, 1, "position")), first)
			for v, name := range []string{"running", "verified", "completed"} {
				w.publish(event("1", uint64(v)+2, 2, name))
			}
			require.Contains(t, s.next(), "event:running")
			require.Contains(t, s.next(), "event:verified")
			require.Contains(t, s.next(), "event:completed")
			require.Equal(t, "end", s.next())
		})
	})

	t.Run("leaves out a first state that the client has seen", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 3, 1, "running"))
			s := w.sse("/jobs/1", "Last-Event-ID", "3")
			require.Regexp(t, aDelay, s.next(), "the delay alone")
			w.publish(event("1", 4, 2, "failed"))
			require.Contains(t, s.next(), "id:4")
		})
	})

	t.Run("sends a first state that is newer than what the client has seen, or older", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 3, 1, "completed"))
			for _, seen := range []string{"2", "4", "junk"} {
				s := w.sse("/jobs/1?lastEventId=" + seen)
				require.Contains(t, s.next(), "id:3", seen)
				require.Equal(t, "end", s.next())
			}
		})
	})

	t.Run("does not tell a place again that the first state has told", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			first := event("1", 1, 1, "position")
			w.store(first)
			s := w.sse("/jobs/1")
			require.Contains(t, s.next(), "event:position")
			again := *first
			again.Tick = 2
			w.publish(&again)
			moved := *first
			moved.Tick, moved.Data = 3, []byte(`{"moved":true}`)
			w.publish(&moved)
			require.Contains(t, s.next(), "moved")
			s.close()
		})
	})

	t.Run("always sends a pending job's state, whose place may have moved", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "position"))
			s := w.sse("/jobs/1", "Last-Event-ID", "1")
			require.Contains(t, s.next(), "event:position")
			s.close()
		})
	})

	t.Run("answers 204 to a client that has seen the end", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 4, 1, "completed"))
			s := w.sse("/jobs/1", "Last-Event-ID", "4")
			require.Equal(t, http.StatusNoContent, s.body.StatusCode)
			require.Equal(t, "no-store", s.body.Header.Get("Cache-Control"))
			require.Zero(t, w.streams.Held())
		})
	})

	t.Run("comments every fifteen seconds at the latest", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.sse("/jobs/1")
			s.next()
			for range 4 {
				before := time.Now()
				require.Equal(t, ":", s.next())
				require.LessOrEqual(t, time.Since(before), 15*time.Second)
			}
			s.close()
		})
	})

	t.Run("tells at the next heartbeat what was lost on the way, once", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.sse("/jobs/1")
			s.next()
			w.store(event("1", 2, 2, "running"))
			require.Equal(t, ":", s.next())
			require.Contains(t, s.next(), "id:2")
			require.Equal(t, ":", s.next())
			synctest.Wait()
			w.store(event("1", 3, 3, "completed"))
			require.Equal(t, ":", s.next())
			require.Contains(t, s.next(), "event:completed")
			require.Equal(t, "end", s.next())
		})
	})

	t.Run("repeats no place in the queue that has not changed", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			same := event("1", 1, 1, "position")
			w.store(same)
			s := w.sse("/jobs/1")
			s.next()
			again := *same
			again.Tick = 7 // read anew, it says the same
			w.store(&again)
			require.Equal(t, ":", s.next())
			require.Equal(t, ":", s.next())
			synctest.Wait()
			w.store(event("1", 1, 8, "position"))
			require.Equal(t, ":", s.next())
			require.Contains(t, s.next(), `"tick":8`)
			s.close()
		})
	})

	t.Run("outlives a store that is away, and ends when the job is not kept any more", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.sse("/jobs/1")
			s.next()
			w.breakStore(errors.New("away"))
			require.Equal(t, ":", s.next())
			require.Equal(t, ":", s.next())
			synctest.Wait()
			w.breakStore(nil)
			w.forget("1")
			require.Equal(t, ":", s.next())
			require.Equal(t, "end", s.next())
		})
	})

	t.Run("does not notice a reader who leaves any later than at once", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.sse("/jobs/1")
			s.next()
			require.Equal(t, 1, w.streams.Held())
			s.close()
			synctest.Wait()
			require.Zero(t, w.streams.Held())
			require.Zero(t, w.hub.Followers())
		})
	})

	t.Run("cuts a reader who stops, ten seconds after the first write that he does not take", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.sse("/jobs/1")
			defer s.close()
			s.next()
			synctest.Wait()
			for v := range uint64(100) { // the pipe holds nothing, so what the client's own buffer does not take waits
				big := event("1", v+2, 2, "running")
				big.Data = append(big.Data, strings.Repeat(" ", 4<<10)...)
				w.publish(big)
			}
			time.Sleep(writeTimeout - time.Second)
			require.Equal(t, 1, w.streams.Held())
			time.Sleep(2 * time.Second)
			require.Zero(t, w.streams.Held())
		})
	})

	t.Run("answers what may pass so that an EventSource comes back", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{MaxStreams: 1}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			refused := func() {
				t.Helper()
				s := w.sse("/jobs/1")
				require.Equal(t, http.StatusOK, s.body.StatusCode)
				require.Equal(t, "text/event-stream", s.body.Header.Get("Content-Type"))
				require.Regexp(t, aDelay, s.next())
				require.Equal(t, "end", s.next())
			}
			w.breakStore(fault.New(fault.Unavailable, "Away."))
			refused()
			w.breakStore(errors.New("a bug"))
			refused()
			w.breakStore(nil)

			first := w.sse("/jobs/1")
			refused() // no place
			first.close()
			synctest.Wait()

			w.streams.StopAccepting()
			refused()
		})
	})

	t.Run("hands back what is for good, unanswered", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			s := w.sse("/jobs/9")
			require.Equal(t, http.StatusNotFound, s.body.StatusCode)
			require.Zero(t, w.streams.Held())
		})
	})

	t.Run("answers HEAD with the header alone", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			answer, err := w.client.Head(w.url + "/jobs/1")
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, answer.StatusCode)
			require.Zero(t, w.streams.Held())
		})
	})

	t.Run("goes on from the figures to their changes", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			s := w.sse("/events")
			require.Equal(t, `id:1|event:service|data:{"type":"service","id":1}`, s.next())
			w.publish(figures(2))
			require.Contains(t, s.next(), "id:2")
			s.close()
		})
	})

	t.Run("ends a client that talks", func(t *testing.T) {
		t.Parallel()
		w := loopback(t, Options{})
		w.store(event("1", 1, 1, "running"))
		conn := w.raw("GET /jobs/1 HTTP/1.1\r\nHost: x\r\n\r\n")
		defer conn.Close()
		_, err := conn.Write([]byte(strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1000)))
		require.NoError(t, err)
		w.untilHeld(0)
	})
}

func TestLastEventID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header, query string
		want          uint64
	}{
		{"", "", 0},
		{"7", "", 7},
		{"", "8", 8},
		{"7", "8", 7},
		{"junk", "8", 8},
		{"9007199254740991", "", 1<<53 - 1},
		{"9007199254740992", "", 0},
		{"18446744073709551616", "", 0},
		{"-1", "", 0},
		{"+1", "", 0},
		{"1_0", "", 0},
		{" 1", "", 0},
		{"0x10", "", 0},
		{"1.5", "", 0},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		q := r.URL.Query()
		q.Set("lastEventId", c.query)
		r.URL.RawQuery = q.Encode()
		r.Header.Set("Last-Event-ID", c.header)
		require.Equal(t, c.want, LastEventID(r), "%+v", c)
	}
}
