package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"github.com/tmaxmax/go-sse"

	"claimprover/internal/api"
	"claimprover/internal/api/apitest"
	"claimprover/prover/mock"
)

// sse opens an event stream; what comes is read by the library that other clients use.
func (s *service) sse(path string, headers ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.url+path, nil)
	require.NoError(s.t, err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	res, err := s.http.Do(req)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// events reads a stream to its end, and holds each event against the contract.
func events(t *testing.T, body io.Reader) (all []api.Event) {
	t.Helper()
	check := apitest.New(t)
	for event, err := range sse.Read(body, nil) {
		require.NoError(t, err)
		require.NoError(t, check.Event([]byte(event.Data)))
		var e api.Event
		require.NoError(t, json.Unmarshal([]byte(event.Data), &e))
		require.Equal(t, event.Type, e.Type)
		all = append(all, e)
	}
	return all
}

// wantInOrder is the rule of every connection: versions never go back, and the end is the last word.
func wantInOrder(t *testing.T, all []api.Event) {
	t.Helper()
	require.NotEmpty(t, all)
	for i := 1; i < len(all); i++ {
		require.GreaterOrEqual(t, all[i].ID, all[i-1].ID)
	}
	require.Contains(t, []string{"completed", "failed"}, all[len(all)-1].Type)
}

// webSocket dials and closes with the test.
func (s *service) webSocket(path string, o *websocket.DialOptions) *websocket.Conn {
	s.t.Helper()
	conn, _, err := websocket.Dial(s.t.Context(), strings.Replace(s.url, "http", "ws", 1)+path, o)
	require.NoError(s.t, err)
	conn.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func (s *service) read(conn *websocket.Conn) (message map[string]any, raw []byte) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	_, raw, err := conn.Read(ctx)
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(raw, &message))
	return message, raw
}

func TestStreams(t *testing.T) {
	t.Parallel()
	s := start(t, "MOCK_DELAY=400ms", "WORKER_COUNT=1")

	t.Run("SSE tells every step in order and ends; who has seen the end gets 204", func(t *testing.T) {
		blocking := s.submit(newClaimFor(t, mock.Recipient(mock.Timeout)))
		j := s.submit(newClaim(t))
		res := s.sse(j.URLs.Events) // its first event was decided when this returns
		require.Equal(t, 200, s.call("DELETE", blocking.URLs.Self, "", withKey).StatusCode)
		require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
		require.Equal(t, "no", res.Header.Get("X-Accel-Buffering"))
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		all := events(t, res.Body)
		wantInOrder(t, all)
		require.Equal(t, "position", all[0].Type)
		require.Equal(t, 1, all[0].Job.Position)
		var phases []string
		for _, e := range all {
			if e.Job.Phase != "" {
				phases = append(phases, e.Job.Phase)
			}
		}
		require.Equal(t, []string{"executing", "proving", "wrapping"}, phases)
		last := all[len(all)-1]
		require.Equal(t, "completed", last.Type)

		seen := s.sse(j.URLs.Events, "Last-Event-ID: "+jsonOf(last.ID))
		require.Equal(t, http.StatusNoContent, seen.StatusCode)
		require.Equal(t, http.StatusNoContent, s.sse(j.URLs.Events+"?lastEventId="+jsonOf(last.ID)).StatusCode)
		late := events(t, s.sse(j.URLs.Events, "Last-Event-ID: 2").Body)
		require.Len(t, late, 1, "a late subscriber starts with the newest snapshot")
		for _, junk := range []string{"-1", "1e9", "99999999999999999999999", "x"} {
			require.Equal(t, 200, s.sse(j.URLs.Events, "Last-Event-ID: "+junk).StatusCode, junk)
		}
	})

	t.Run("a WebSocket tells the same and closes with 1000", func(t *testing.T) {
		blocking := s.submit(newClaimFor(t, mock.Recipient(mock.Timeout)))
		j := s.submit(newClaim(t))
		conn := s.webSocket(j.URLs.Events, nil)
		require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte(`{"op":"ping"}`)))
		var all []api.Event
		ponged := false
		for {
			_, raw, err := conn.Read(t.Context())
			if err != nil {
				require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(err))
				break
			}
			var e api.Event
			require.NoError(t, json.Unmarshal(raw, &e))
			if e.Type == "pong" {
				ponged = true
				require.Equal(t, 200, s.call("DELETE", blocking.URLs.Self, "", withKey).StatusCode)
				continue
			}
			all = append(all, e)
		}
		wantInOrder(t, all)
		require.True(t, ponged)
	})

	t.Run("one WebSocket follows the service and many jobs", func(t *testing.T) {
		conn := s.webSocket("/v1/events", nil)
		first, raw := s.read(conn)
		require.Equal(t, "service", first["type"])
		require.NoError(t, apitest.New(t).Event(raw))
		open := map[string]bool{}
		for range 3 {
			id := s.submit(newClaim(t)).JobID
			open[id] = true
			require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte(`{"op":"subscribe","jobId":"`+id+`"}`)))
		}
		require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte(`{"op":"subscribe","jobId":"nobody"}`)))
		refused := false
		for len(open) > 0 || !refused {
			switch m, _ := s.read(conn); m["type"] {
			case "completed":
				delete(open, m["job"].(map[string]any)["jobId"].(string))
			case "error":
				require.Equal(t, "not_found", m["code"])
				refused = true
			}
		}
		require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte(`{"op":"ping"}`)), "the connection stays")
	})

	t.Run("a page of another origin gets no WebSocket, the token of a subprotocol is not answered", func(t *testing.T) {
		other := start(t, "CORS_ALLOWED_ORIGINS=https://app.example")
		for origin, want := range map[string]int{"https://app.example": 101, "https://evil.example": 403, "null": 403, "": 101} {
			header := http.Header{}
			if origin != "" {
				header.Set("Origin", origin)
			}
			_, res, err := websocket.Dial(t.Context(), strings.Replace(other.url, "http", "ws", 1)+"/v1/events", &websocket.DialOptions{
				HTTPHeader:   header,
				Subprotocols: []string{"bearer.ZTJlLWtleS0wMTIzNDU2Nzg5YWJjZGVm", "claimprover.v1"},
			})
			if want == 101 {
				require.NoError(t, err, origin)
				require.Equal(t, "claimprover.v1", res.Header.Get("Sec-WebSocket-Protocol"))
				continue
			}
			require.Error(t, err, origin)
			require.Equal(t, want, res.StatusCode, origin)
		}
	})

	t.Run("who does not read delays nobody", func(t *testing.T) {
		j := s.submit(newClaim(t))
		s.sse(j.URLs.Events) // never read
		wantInOrder(t, events(t, s.sse(j.URLs.Events).Body))
	})

	t.Run("public figures are an event stream too", func(t *testing.T) {
		lines := bufio.NewScanner(s.sse("/v1/events", "Last-Event-ID: 1000000").Body) // of an earlier process
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
				require.NoError(t, apitest.New(t).Event([]byte(data)))
				return
			}
		}
		t.Fatal("the stream ended without a word")
	})
}

func jsonOf(v any) string { return string(api.Encode(v)) }

func TestStreamCaps(t *testing.T) {
	t.Parallel()
	s := start(t, "MOCK_DELAY=20s", "MAX_STREAMS_PER_IP=2")
	j := s.submit(newClaim(t))
	first := s.sse(j.URLs.Events)
	s.sse(j.URLs.Events)
	full := s.sse(j.URLs.Events)
	require.Equal(t, 200, full.StatusCode, "any other status would stop a browser's EventSource for good")
	body, err := io.ReadAll(full.Body)
	require.NoError(t, err)
	require.Regexp(t, `^retry: ?\d{4}\n\n$`, string(body))
	_, res, err := websocket.Dial(t.Context(), strings.Replace(s.url, "http", "ws", 1)+j.URLs.Events, nil)
	require.Error(t, err)
	require.Equal(t, 503, res.StatusCode)
	begin := time.Now()
	require.Equal(t, 304, s.call("GET", j.URLs.Self, "", `If-None-Match: "3"`, "Prefer: wait=10").StatusCode)
	require.Less(t, time.Since(begin), 5*time.Second, "over a cap a long-poll is answered at once")
	_ = first.Body.Close()
	require.Eventually(t, func() bool {
		res := s.sse(j.URLs.Events)
		line, _ := bufio.NewReader(io.LimitReader(res.Body, 200)).ReadString('{')
		return strings.Contains(line, "data:")
	}, 10*time.Second, 10*time.Millisecond, "the place is free when the socket is")
}
