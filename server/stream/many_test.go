package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"claimprover/internal/fault"

	"github.com/stretchr/testify/require"
)

func TestManyJobsOnOneWebSocket(t *testing.T) {
	t.Parallel()

	t.Run("follows figures and jobs at once, and stays when a job has ended", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			w.store(event("1", 1, 1, "running"))
			w.store(event("2", 1, 1, "running"))
			s := w.ws("/events")
			require.Contains(t, s.next(), "service")
			s.subscribe("1", "2")
			w.publish(event("1", 2, 1, "completed"))
			require.Contains(t, s.next(), "completed")
			synctest.Wait()
			require.False(t, w.hub.IsFollowed(topicOf("1")))
			w.publish(event("1", 3, 1, "running")) // of a job that has ended nothing follows
			w.publish(event("2", 2, 1, "running"))
			require.Contains(t, s.next(), `"jobId":"2"`)
			w.publish(figures(2))
			require.Contains(t, s.next(), "service")
			s.close()
		})
	})

	t.Run("leaves out a state that the client has seen, but always tells an end", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			w.store(event("1", 3, 1, "running"))
			w.store(event("2", 4, 1, "failed"))
			s := w.ws("/events")
			s.next()
			s.send(`{"op":"subscribe","jobId":"1","lastEventId":3}`)
			s.send(`{"op":"subscribe","jobId":"2","lastEventId":4}`)
			require.Contains(t, s.next(), `"jobId":"2"`)
			w.publish(event("1", 4, 1, "running"))
			require.Contains(t, s.next(), `"id":4`)
			s.close()
		})
	})

	t.Run("sends nothing of a job after unsubscribe, and begins anew when asked again", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/events")
			s.next()
			s.subscribe("1")
			s.send(`{"op":"subscribe","jobId":"1"}`) // twice is once
			s.send(`{"op":"unsubscribe","jobId":"1"}`)
			s.send(`{"op":"unsubscribe","jobId":"1"}`)
			require.Contains(t, s.next(), "not_found")
			require.False(t, w.hub.IsFollowed(topicOf("1")))
			s.send(`{"op":"subscribe","jobId":"1"}`)
			require.Contains(t, s.next(), `"id":1`)
			s.close()
		})
	})

	t.Run("follows a hundred jobs at most", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			s := w.ws("/events")
			s.next()
			for n := 1; n <= maxJobs; n++ {
				id := fmt.Sprint(n)
				w.store(event(id, 1, 1, "running"))
				s.send(`{"op":"subscribe","jobId":"` + id + `"}`)
				require.Contains(t, s.next(), "running")
				time.Sleep(time.Second / maxRate)
			}
			w.store(event("200", 1, 1, "running"))
			s.send(`{"op":"subscribe","jobId":"200"}`)
			require.Contains(t, s.next(), "rate_limited")
			for v := range uint64(3) {
				for n := 1; n <= maxJobs; n++ {
					w.publish(event(fmt.Sprint(n), v+2, 1, "running"))
				}
			}
			last := map[string]bool{}
			for len(last) < maxJobs {
				if got := s.next(); strings.Contains(got, `"id":4`) {
					last[got] = true
				}
			}
			s.close()
		})
	})

	t.Run("checks each job at each heartbeat, and says which is not kept any more", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			w.store(event("1", 1, 1, "running"))
			w.store(event("2", 1, 1, "running"))
			s := w.ws("/events")
			s.next()
			s.subscribe("1", "2")
			synctest.Wait()
			w.forget("1")
			w.store(event("2", 2, 1, "completed"))
			require.Equal(t, `{"type":"error","jobId":"1","code":"not_found","message":"No such job."}`, s.next())
			require.Contains(t, s.next(), "completed")
			synctest.Wait()
			require.Equal(t, []string{"0"}, w.followed())
			s.close()
		})
	})

	t.Run("repeats no long name, and keeps what broke to itself", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/events")
			s.next()
			s.send(`{"op":"subscribe","jobId":"` + strings.Repeat("x", maxEcho+1) + `"}`)
			require.Equal(t, `{"type":"error","code":"not_found","message":"No such job."}`, s.next())
			w.breakStore(errors.New("host db.internal is away"))
			s.send(`{"op":"subscribe","jobId":"1"}`)
			got := s.next()
			require.Contains(t, got, fault.Internal)
			require.NotContains(t, got, "db.internal")
			s.close()
		})
	})

	t.Run("a peer that leaves while its operation waits leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(figures(1))
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/events")
			s.next()
			s.send(`{"op":"subscribe","jobId":"1"}`)
			s.send(`{"op":"unsubscribe","jobId":"1"}`)
			require.NoError(t, s.conn.CloseNow())
			synctest.Wait()
			require.Zero(t, w.streams.Held())
		})
	})
}
