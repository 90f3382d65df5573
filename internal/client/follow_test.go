package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/client"
	"claimprover/internal/fault"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

func event(kind string, version uint64) api.Event {
	status := map[string]string{"position": "pending", "verified": "running"}[kind]
	if status == "" {
		status = kind
	}
	return api.Event{Type: kind, ID: version, Job: api.Job{JobID: jobID, Status: status, Version: version}}
}

func place(version uint64, position int) api.Event {
	e := event("position", version)
	e.Job.Position = position
	return e
}

// connection is what a scripted service does with one connection.
type connection struct {
	status int           // answered at once, when set
	after  int           // with it: Retry-After in seconds
	events []api.Event   // else sent
	silent time.Duration // then nothing, for so long, before the connection ends
	close  websocket.StatusCode
}

// script is a service that treats one connection after the other as told, over SSE, WebSocket or as polls, and keeps
// the Last-Event-ID of each. The last entry repeats.
type script struct {
	mu      sync.Mutex
	left    []connection // guarded by mu
	resumed []string     // guarded by mu
	at      []time.Duration
	start   time.Time
}

func play(connections ...connection) *script { return &script{left: connections, start: time.Now()} }

func (s *script) next(r *http.Request) connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	resumed := r.Header.Get("Last-Event-ID") + r.URL.Query().Get("lastEventId")
	if strings.HasSuffix(r.URL.Path, jobID) {
		resumed = "poll"
	}
	s.resumed, s.at = append(s.resumed, resumed), append(s.at, time.Since(s.start))
	c := s.left[0]
	if len(s.left) > 1 {
		s.left = s.left[1:]
	}
	return c
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.next(r)
	switch {
	case c.status != 0:
		if c.after > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(c.after))
		}
		w.WriteHeader(c.status)
	case strings.HasSuffix(r.URL.Path, jobID):
		last := c.events[len(c.events)-1]
		w.Header().Set("ETag", fmt.Sprintf(`"%d-%d"`, last.ID, last.Job.Position))
		if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(api.Encode(last.Job))
	case r.Header.Get("Upgrade") != "":
		s.socket(w, r, c)
	default:
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		for _, e := range c.events {
			_, _ = fmt.Fprintf(w, ": beat\n\nid: %d\nevent: %s\ndata: %s\n\n", e.ID, e.Type, api.Encode(e))
		}
		_ = http.NewResponseController(w).Flush()
		linger(r.Context(), c.silent)
	}
}

func (s *script) socket(w http.ResponseWriter, r *http.Request, c connection) {
	socket, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer socket.CloseNow()
	for _, e := range c.events {
		if socket.Write(r.Context(), websocket.MessageText, api.Encode(e)) != nil {
			return
		}
	}
	linger(socket.CloseRead(r.Context()), c.silent)
	if c.close != 0 {
		_ = socket.Close(c.close, "")
	}
}

func linger(ctx context.Context, d time.Duration) {
	if d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
}

// seen collects what a follower is told: "type id" or "type id/position", and the error at the end.
func seen(events iter.Seq2[api.Event, error]) (told []string, err error) {
	for e, failed := range events {
		if failed != nil {
			err = failed
			continue
		}
		text := fmt.Sprintf("%s %d", e.Type, e.ID)
		if e.Job.Position > 0 {
			text += fmt.Sprintf("/%d", e.Job.Position)
		}
		told = append(told, text)
	}
	return told, err
}

// Both streams keep the same promises.
func TestFollow(t *testing.T) {
	t.Parallel()
	for name, follow := range map[string]func(*client.Client, context.Context, string) iter.Seq2[api.Event, error]{
		"sse":       (*client.Client).Follow,
		"websocket": (*client.Client).FollowWebSocket,
	} {
		for says, test := range map[string]struct {
			script  []connection
			told    []string
			resumed []string
			code    fault.Code
		}{
			"every event is told until the last": {
				script: []connection{{events: []api.Event{place(1, 2), place(1, 1), event("running", 2), event("verified", 3), event("completed", 4)}}},
				told:   []string{"position 1/2", "position 1/1", "running 2", "verified 3", "completed 4"}, resumed: []string{""},
			},
			"a lost stream is resumed behind the last version": {
				script:  []connection{{events: []api.Event{event("running", 2)}}, {events: []api.Event{event("failed", 3)}}},
				told:    []string{"running 2", "failed 3"},
				resumed: []string{"", "2"},
			},
			"versions never go back and nothing is told twice": {
				script: []connection{
					{events: []api.Event{place(1, 1), event("running", 3)}},
					{events: []api.Event{place(1, 1), event("running", 2), event("running", 3), event("completed", 5)}},
				},
				told:    []string{"position 1/1", "running 3", "completed 5"},
				resumed: []string{"", "3"},
			},
			"an unknown job ends it": {
				script: []connection{{status: 404}}, resumed: []string{""}, code: fault.NotFound,
			},
			"a missing credential ends it": {
				script: []connection{{status: 401}}, resumed: []string{""}, code: fault.Unauthorized,
			},
			"a refusal for now does not": {
				script:  []connection{{status: 503, after: 20}, {status: 429}, {status: 502}, {status: 503}, {events: []api.Event{event("completed", 4)}}},
				told:    []string{"completed 4"},
				resumed: []string{"", "", "", "", ""},
			},
			"a stream that falls silent is left": {
				script:  []connection{{events: []api.Event{event("running", 2)}, silent: time.Hour}, {events: []api.Event{event("completed", 3)}}},
				told:    []string{"running 2", "completed 3"},
				resumed: []string{"", "2"},
			},
		} {
			t.Run(name+": "+says, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					script := play(test.script...)
					told, err := seen(follow(serve(t, script.ServeHTTP), t.Context(), jobID))

					require.Equal(t, test.told, told)
					require.Equal(t, test.resumed, script.resumed)
					if test.code == "" {
						require.NoError(t, err)
					} else {
						require.True(t, fault.Is(err, test.code), "%v", err)
					}
				})
			})
		}
	}
}

func TestFollowTimes(t *testing.T) {
	t.Parallel()
	t.Run("a retry comes no earlier than the service asked for", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			script := play(connection{status: 503, after: 20}, connection{events: []api.Event{event("completed", 1)}})
			_, err := seen(serve(t, script.ServeHTTP).Follow(t.Context(), jobID))
			require.NoError(t, err)
			require.GreaterOrEqual(t, script.at[1], 20*time.Second)
			require.Less(t, script.at[1], 22*time.Second)
		})
	})
	t.Run("retries grow apart, but never beyond half a minute", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			script := play(connection{status: 503})
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err := seen(serve(t, script.ServeHTTP).Follow(ctx, jobID))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Greater(t, len(script.at), 120)
			require.Less(t, len(script.at), 480)
			for i := range len(script.at) - 1 {
				require.LessOrEqual(t, script.at[i+1]-script.at[i], 30*time.Second)
			}
		})
	})
	t.Run("a silent SSE stream is left after 40 s", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			script := play(connection{silent: time.Hour}, connection{events: []api.Event{event("completed", 1)}})
			_, err := seen(serve(t, script.ServeHTTP).Follow(t.Context(), jobID))
			require.NoError(t, err)
			require.GreaterOrEqual(t, script.at[1], 40*time.Second)
			require.Less(t, script.at[1], 42*time.Second)
		})
	})
}

// The service answers a client that has seen the last event with 204.
func TestNothingMoreToTellEndsTheStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		script := play(connection{events: []api.Event{event("running", 2)}}, connection{status: 204})
		told, err := seen(serve(t, script.ServeHTTP).Follow(t.Context(), jobID))
		require.NoError(t, err)
		require.Equal(t, []string{"running 2"}, told)
	})
}

func TestAClosedSocketIsOpenedAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []websocket.StatusCode{websocket.StatusGoingAway, websocket.StatusTryAgainLater, websocket.StatusInternalError} {
		synctest.Test(t, func(t *testing.T) {
			script := play(connection{events: []api.Event{event("running", 2)}, close: code}, connection{events: []api.Event{event("completed", 3)}})
			told, err := seen(serve(t, script.ServeHTTP).FollowWebSocket(t.Context(), jobID))
			require.NoError(t, err)
			require.Equal(t, []string{"running 2", "completed 3"}, told)
		})
	}
}

func TestATransportThatNeverWorksIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Streams end at once, as behind a proxy that cuts them; polls are answered.
		script := play(connection{}, connection{}, connection{}, connection{}, connection{}, connection{},
			connection{events: []api.Event{place(1, 1)}}, connection{events: []api.Event{event("running", 2)}}, connection{events: []api.Event{event("completed", 3)}})
		told, err := seen(serve(t, script.ServeHTTP).FollowWebSocket(t.Context(), jobID))
		require.NoError(t, err)
		require.Equal(t, []string{"position 1/1", "running 2", "completed 3"}, told)
		require.Equal(t, []string{"", "", "", "", "", "", "poll", "poll", "poll"}, script.resumed)
	})
}

func TestATransportThatWorkedIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		script := play(connection{events: []api.Event{event("running", 2)}}, connection{}, connection{}, connection{}, connection{},
			connection{events: []api.Event{event("completed", 3)}})
		told, err := seen(serve(t, script.ServeHTTP).Follow(t.Context(), jobID))
		require.NoError(t, err)
		require.Equal(t, []string{"running 2", "completed 3"}, told)
		require.Equal(t, []string{"", "2", "2", "2", "2", "2"}, script.resumed)
	})
}

func TestWaitPollsUntilTheEnd(t *testing.T) {
	t.Parallel()
	t.Run("the ended job is the answer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			script := play(connection{events: []api.Event{place(1, 1)}}, connection{status: 503}, connection{events: []api.Event{event("failed", 2)}})
			job, err := serve(t, script.ServeHTTP).Wait(t.Context(), jobID)
			require.NoError(t, err)
			require.Equal(t, "failed", job.Status)
		})
	})
	t.Run("a service that does not hold its answers is not hammered", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			script := play(connection{events: []api.Event{place(1, 1)}})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			job, err := serve(t, script.ServeHTTP).Wait(ctx, jobID)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, "pending", job.Status, "what is known is given")
			require.LessOrEqual(t, len(script.at), 35)
		})
	})
}

func TestTheConsumerMayLeaveAtAnyTime(t *testing.T) {
	t.Parallel()
	for _, follow := range []func(*client.Client, context.Context, string) iter.Seq2[api.Event, error]{
		(*client.Client).Follow, (*client.Client).FollowWebSocket,
	} {
		synctest.Test(t, func(t *testing.T) {
			script := play(connection{events: []api.Event{event("running", 2), event("verified", 3)}, silent: time.Hour})
			for e, err := range follow(serve(t, script.ServeHTTP), t.Context(), jobID) {
				require.NoError(t, err)
				require.EqualValues(t, 2, e.ID)
				break
			}
			require.Len(t, script.at, 1)
		})
	}
}

func TestTheCauseOfTheEndIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errEnough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		script := play(connection{events: []api.Event{event("running", 2)}, silent: time.Hour})
		for _, err := range serve(t, script.ServeHTTP).Follow(ctx, jobID) {
			if err != nil {
				require.ErrorIs(t, err, errEnough)
			}
			cancel(errEnough)
		}
		require.Len(t, script.at, 1)
	})
}
