package stream

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/fault"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestWebSocket(t *testing.T) {
	t.Parallel()

	t.Run("begins with the present state and closes 1000 after the last event", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			first := event("1", 1, 1, "position")
			w.store(first)
			s := w.ws("/jobs/1")
			require.Equal(t, string(first.Data), s.next())
			for v, name := range []string{"running", "verified", "completed"} {
				m := event("1", uint64(v)+2, 2, name)
				w.publish(m)
				require.Equal(t, string(m.Data), s.next())
			}
			require.Equal(t, "closed 1000", s.next())
			synctest.Wait()
			require.Zero(t, w.streams.Held())
		})
	})

	t.Run("resumes like SSE, and closes 1000 at once when the client has seen the end", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 3, 1, "running"))
			s := w.ws("/jobs/1?lastEventId=3")
			synctest.Wait()
			w.publish(event("1", 4, 1, "completed"))
			require.Contains(t, s.next(), `"id":4`)
			require.Equal(t, "closed 1000", s.next())

			s = w.ws("/jobs/1?lastEventId=4")
			require.Equal(t, "closed 1000", s.next())
		})
	})

	t.Run("answers the operation ping, and on a job's socket no other", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/jobs/1")
			s.next()
			s.send(`{"op":"ping"}`)
			require.Equal(t, `{"type":"pong"}`, s.next())
			s.send(`{"op":"subscribe","jobId":"2"}`)
			require.Regexp(t, `^\{"type":"error","jobId":"2","code":"invalid_input","message":"This socket follows one job`, s.next())
			s.close()
		})
	})

	t.Run("pings every thirty seconds and keeps a peer that answers", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/jobs/1")
			s.next()
			end := make(chan string)
			go func() { end <- s.next() }() // whoever reads answers pings
			time.Sleep(10 * time.Minute)
			require.Equal(t, 1, w.streams.Held())
			w.publish(event("1", 2, 1, "failed"))
			require.Contains(t, <-end, "failed")
			require.Equal(t, "closed 1000", s.next())
		})
	})

	t.Run("sends away a peer that does not answer a ping, ten seconds after it", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			peer := w.upgraded("/jobs/1")
			defer peer.Close()
			require.Contains(t, peer.next(), "running")
			opcode, _, err := peer.read()
			require.NoError(t, err)
			require.EqualValues(t, 9, opcode)
			pinged := time.Now()
			require.Equal(t, 1013, peer.closeCode())
			require.Equal(t, pongTimeout, time.Since(pinged))
			time.Sleep(closeGrace)
			synctest.Wait()
			require.Zero(t, w.streams.Held())
		})
	})

	t.Run("tells at the next heartbeat what was lost on the way", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/jobs/1")
			s.next()
			synctest.Wait()
			w.store(event("1", 2, 2, "completed"))
			before := time.Now()
			require.Contains(t, s.next(), "completed")
			require.LessOrEqual(t, time.Since(before), 30*time.Second)
			require.Equal(t, "closed 1000", s.next())
		})
	})

	t.Run("closes 1001 when the job is not kept any more", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/jobs/1")
			s.next()
			w.forget("1")
			require.Equal(t, "closed 1001", s.next())
		})
	})

	t.Run("closes 1011 when our side panics, and goes on serving", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/jobs/1")
			s.next()
			w.mu.Lock()
			w.panics = true
			w.mu.Unlock()
			require.Equal(t, "closed 1011", s.next())
			w.mu.Lock()
			w.panics = false
			w.mu.Unlock()
			require.Contains(t, w.ws("/jobs/1").next(), "running")
		})
	})

	t.Run("sends away a peer that does not take the pongs for its pings", func(t *testing.T) {
		t.Parallel()
		registry := prometheus.NewRegistry()
		bubble(t, Options{Registerer: registry}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			peer := w.upgraded("/jobs/1")
			defer peer.Close()
			require.Contains(t, peer.next(), "running")
			_, err := peer.Write(frameBytes(0x89, []byte("x")))
			require.NoError(t, err)
			time.Sleep(writeTimeout)
			require.Zero(t, w.streams.Held())
			require.EqualValues(t, 1, values(t, registry)["closed_total too_slow"])
		})
	})

	t.Run("cuts a peer that does not take a write within ten seconds", func(t *testing.T) {
		t.Parallel()
		registry := prometheus.NewRegistry()
		bubble(t, Options{Registerer: registry}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			s := w.ws("/jobs/1")
			s.next()
			for v := range uint64(100) {
				big := event("1", v+2, 2, "running")
				big.Data = append(big.Data, strings.Repeat(" ", 8<<10)...)
				w.publish(big)
			}
			time.Sleep(writeTimeout - time.Second)
			require.Equal(t, 1, w.streams.Held())
			time.Sleep(2*time.Second + closeGrace)
			require.Zero(t, w.streams.Held())
			require.EqualValues(t, 1, values(t, registry)["closed_total too_slow"])
		})
	})

	t.Run("refuses before the upgrade", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{MaxStreams: 1}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			refused := func(status int, path string, header http.Header) {
				t.Helper()
				_, answer, err := w.dial(path, header)
				require.Error(t, err)
				require.Equal(t, status, answer.StatusCode)
			}
			refused(403, "/jobs/1", http.Header{"Origin": {"https://evil.example"}})
			refused(404, "/jobs/9", nil)
			w.breakStore(errors.New("away"))
			refused(503, "/jobs/1", nil)
			w.breakStore(nil)
			s := w.ws("/jobs/1")
			refused(503, "/jobs/1", nil)
			s.close()
			synctest.Wait()
			w.streams.StopAccepting()
			refused(503, "/jobs/1", nil)
		})
	})

	t.Run("refuses a broken handshake in our own words", func(t *testing.T) {
		t.Parallel()
		key := base64.StdEncoding.EncodeToString(make([]byte, 16))
		for name, header := range map[string]http.Header{
			"another version": {"Sec-Websocket-Version": {"8"}, "Sec-Websocket-Key": {key}},
			"no key":          {"Sec-Websocket-Version": {"13"}},
			"a short key":     {"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAA"}},
			"two keys":        {"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {key, key}},
		} {
			bubble(t, Options{}, func(t *testing.T, w *world) {
				w.store(event("1", 1, 1, "running"))
				r, err := http.NewRequest(http.MethodGet, w.url+"/jobs/1", nil)
				require.NoError(t, err)
				r.Header = header
				r.Header.Set("Connection", "keep-alive, Upgrade")
				r.Header.Set("Upgrade", "WebSocket")
				answer, err := w.client.Do(r)
				require.NoError(t, err)
				body, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				require.Equal(t, http.StatusBadRequest, answer.StatusCode, name)
				require.Equal(t, string(fault.InvalidInput)+"\n", string(body), name)
			})
		}
	})

	t.Run("answers only our subprotocol and never repeats a token", func(t *testing.T) {
		t.Parallel()
		bubble(t, Options{}, func(t *testing.T, w *world) {
			w.store(event("1", 1, 1, "running"))
			for _, c := range []struct {
				offered []string
				want    string
			}{
				{[]string{api.Subprotocol, "bearer.c2VjcmV0"}, api.Subprotocol},
				{[]string{"bearer.c2VjcmV0", api.Subprotocol}, api.Subprotocol},
				{[]string{"bearer.c2VjcmV0"}, ""},
				{nil, ""},
			} {
				s, answer, err := w.dial("/jobs/1", nil, c.offered...)
				require.NoError(t, err)
				require.Equal(t, c.want, answer.Header.Get("Sec-WebSocket-Protocol"))
				require.Empty(t, answer.Header.Get("Sec-WebSocket-Extensions"), "never compressed")
				require.NotContains(t, fmt.Sprint(answer.Header), "c2VjcmV0")
				s.close()
			}
		})
	})

	t.Run("reads what a client sent right behind its request", func(t *testing.T) {
		t.Parallel()
		w := loopback(t, Options{})
		w.store(event("1", 1, 1, "running"))
		peer := w.upgraded("/jobs/1", text(`{"op":"ping"}`)...)
		defer peer.Close()
		require.ElementsMatch(t, []string{string(event("1", 1, 1, "running").Data), `{"type":"pong"}`},
			[]string{peer.next(), peer.next()})
	})
}

func TestWhatAClientMaySend(t *testing.T) {
	t.Parallel()
	spaces := strings.Repeat(" ", maxMessage)
	for name, c := range map[string]struct {
		kind websocket.MessageType
		text string
		want string
	}{
		"binary":                    {websocket.MessageBinary, `{"op":"ping"}`, "closed 1003"},
		"not UTF-8":                 {websocket.MessageText, "{\"op\":\"\xff\xfe\"}", "closed 1007"},
		"as much as may be":         {websocket.MessageText, (`{"op":"ping"}` + spaces)[:maxMessage], `{"type":"pong"}`},
		"too much":                  {websocket.MessageText, (`{"op":"ping"}` + spaces)[:maxMessage+1], "closed 1009"},
		"far too much":              {websocket.MessageText, strings.Repeat(spaces, 50), "closed 1009"},
		"nothing":                   {websocket.MessageText, "", "closed 1008"},
		"no JSON":                   {websocket.MessageText, "ping", "closed 1008"},
		"an array":                  {websocket.MessageText, `["ping"]`, "closed 1008"},
		"a string":                  {websocket.MessageText, `"ping"`, "closed 1008"},
		"null":                      {websocket.MessageText, `null`, "closed 1008"},
		"two objects":               {websocket.MessageText, `{"op":"ping"}{"op":"ping"}`, "closed 1008"},
		"half an object":            {websocket.MessageText, `{"op":"ping"`, "closed 1008"},
		"a name twice":              {websocket.MessageText, `{"op":"ping","op":"ping"}`, "closed 1008"},
		"a byte order mark":         {websocket.MessageText, "\ufeff{\"op\":\"ping\"}", "closed 1008"},
		"a lone surrogate":          {websocket.MessageText, `{"op":"\ud800"}`, "closed 1008"},
		"depth five":                {websocket.MessageText, `{"a":[[[[]]]]}`, "closed 1008"},
		"depth four":                {websocket.MessageText, `{"a":[[[]]]}`, "invalid_input"},
		"an unknown operation":      {websocket.MessageText, `{"op":"dance"}`, "invalid_input"},
		"no operation":              {websocket.MessageText, `{}`, "invalid_input"},
		"an unknown field":          {websocket.MessageText, `{"op":"ping","more":1}`, "invalid_input"},
		"another letter case":       {websocket.MessageText, `{"OP":"ping"}`, "invalid_input"},
		"a number for a text":       {websocket.MessageText, `{"op":1}`, "invalid_input"},
		"a negative version":        {websocket.MessageText, `{"op":"subscribe","jobId":"1","lastEventId":-1}`, "invalid_input"},
		"a job without a name":      {websocket.MessageText, `{"op":"subscribe"}`, "invalid_input"},
		"a job that is not there":   {websocket.MessageText, `{"op":"subscribe","jobId":"nope"}`, "not_found"},
		"a job that is forgotten":   {websocket.MessageText, `{"op":"subscribe","jobId":"9"}`, "not_found"},
		"a wrong token":             {websocket.MessageText, `{"op":"subscribe","jobId":"1","token":"wrong"}`, "unauthorized"},
		"unsubscribe from nothing":  {websocket.MessageText, `{"op":"unsubscribe","jobId":"1"}`, "not_found"},
		"unsubscribe from no name":  {websocket.MessageText, `{"op":"unsubscribe"}`, "invalid_input"},
		"ping":                      {websocket.MessageText, `{"op":"ping"}`, `{"type":"pong"}`},
		"ping with space around it": {websocket.MessageText, " \n{ \"op\" : \"ping\" }\t", `{"type":"pong"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := prometheus.NewRegistry()
			bubble(t, Options{Registerer: registry}, func(t *testing.T, w *world) {
				w.store(figures(1))
				s := w.ws("/events")
				s.next()
				go func() { _ = s.conn.Write(t.Context(), c.kind, []byte(c.text)) }() // the server may end before it has all
				require.Contains(t, s.next(), c.want)
				if !strings.HasPrefix(c.want, "closed") {
					s.send(`{"op":"ping"}`)
					require.Equal(t, `{"type":"pong"}`, s.next(), "the connection goes on")
					return
				}
				synctest.Wait()
				require.EqualValues(t, 1, values(t, registry)["closed_total "+labelOf[c.want]])
			})
		})
	}
}

var labelOf = map[string]string{
	"closed 1003": "binary", "closed 1007": "not_utf8", "closed 1008": "policy", "closed 1009": "too_big",
}

func TestOperationsPerSecond(t *testing.T) {
	t.Parallel()
	bubble(t, Options{}, func(t *testing.T, w *world) {
		w.store(event("1", 1, 1, "running"))
		s := w.ws("/jobs/1")
		s.next()
		for range 3 {
			for range maxRate {
				s.send(`{"op":"ping"}`)
				require.Equal(t, `{"type":"pong"}`, s.next())
			}
			time.Sleep(time.Second)
		}
		for range maxRate {
			s.send(`{"op":"ping"}`)
			s.next()
		}
		s.send(`{"op":"ping"}`)
		require.Equal(t, "closed 1008", s.next())
	})
}

func TestFloodOfPings(t *testing.T) {
	t.Parallel()
	w := loopback(t, Options{})
	w.store(event("1", 1, 1, "running"))
	other := w.ws("/jobs/1")
	other.next()
	peer := w.upgraded("/jobs/1")
	defer peer.Close()
	go func() {
		for range 20_000 {
			if _, err := peer.Write(frameBytes(0x89, []byte("x"))); err != nil {
				return
			}
		}
	}()
	require.Equal(t, 1008, peer.closeCode())
	w.untilHeld(1)
	w.publish(event("1", 2, 1, "failed"))
	require.Contains(t, other.next(), "failed")
	require.Equal(t, "closed 1000", other.next())
}
