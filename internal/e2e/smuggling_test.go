package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	smuggledID = "smuggled-request"
	smuggled   = "GET /v1/stats HTTP/1.1\r\nHost: x\r\nX-Request-Id: " + smuggledID + "\r\n\r\n"
	// toSubmit is the head of a submission that gets as far as its body, without its end.
	toSubmit = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\n" + withKey + "\r\nContent-Type: application/json\r\n"
)

// chunked is a body in one chunk.
func chunked(text string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(text), text) }

// ours marks statuses that the service answers itself, in the error shape; the others are net/http's.
const ours = 1000

// messages are requests of which two readers could think differently. Behind each stands a second request, where one
// of them could find it.
var messages = []struct {
	name string
	sent string
	want int
}{
	{"a length and chunks", toSubmit + "Content-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"chunks and a length", toSubmit + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + chunked(smuggled), ours + 400},
	{"chunks and no length", toSubmit + "Transfer-Encoding: chunked\r\n\r\n" + chunked("{}") + smuggled, ours + 400},
	{"two lengths", toSubmit + "Content-Length: 2\r\nContent-Length: 100\r\n\r\n{}" + smuggled, 400},
	{"two equal lengths", toSubmit + "Connection: close\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + smuggled, ours + 400},
	{"a list of lengths", toSubmit + "Content-Length: 2, 2\r\n\r\n{}" + smuggled, 400},
	{"a signed length", toSubmit + "Content-Length: +2\r\n\r\n{}" + smuggled, 400},
	{"a negative length", toSubmit + "Content-Length: -2\r\n\r\n{}" + smuggled, 400},
	{"a hexadecimal length", toSubmit + "Content-Length: 0x2\r\n\r\n{}" + smuggled, 400},
	{"no length in the field", toSubmit + "Content-Length: \r\n\r\n" + smuggled, 400},
	{"a length beyond 64 bits", toSubmit + "Content-Length: 99999999999999999999\r\n\r\n{}" + smuggled, 400},
	{"the longest length", toSubmit + "Content-Length: 9223372036854775807\r\n\r\n{}" + smuggled, ours + 413},
	{"a length in a folded line", toSubmit + "Connection: close\r\nContent-Length:\r\n 2\r\n\r\n{}" + smuggled, ours + 400},
	{"a length longer than the body", toSubmit + "Content-Length: 2000\r\n\r\n{}" + smuggled, ours + 400},

	{"a chunk of negative size", toSubmit + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a chunk of signed size", toSubmit + "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a chunk size with 0x", toSubmit + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a chunk size with _", toSubmit + "Transfer-Encoding: chunked\r\n\r\n0_2\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a chunk size beyond 64 bits", toSubmit + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a chunk size that overflows to 2", toSubmit + "Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"an empty chunk size", toSubmit + "Transfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a chunk size that is no number", toSubmit + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a chunk extension", toSubmit + "Transfer-Encoding: chunked\r\n\r\n2;a=\"b\"\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a chunk size ended by LF alone", toSubmit + "Transfer-Encoding: chunked\r\n\r\n2;\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a chunk shorter than its bytes", toSubmit + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n" + smuggled, ours + 400},
	{"a request in a trailer", toSubmit + "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n2\r\n{}\r\n0\r\nX-A: b\r\n\r\n" + smuggled, ours + 400},
	{"endless chunk extensions", toSubmit + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 4000)+"\r\n{\r\n", 100), ours + 400},

	{"a coding with a blank before its colon", toSubmit + "Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}" + smuggled, 400},
	{"a length with a blank before its colon", toSubmit + "Content-Length : 100\r\n\r\n{}" + smuggled, 400},
	{"a folded coding", toSubmit + "Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n\r\n" + chunked(smuggled), ours + 400},
	{"a coding folded into another field", toSubmit + "X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}" + smuggled, ours + 400},
	{"a first field that begins with a blank", "POST /v1/jobs HTTP/1.1\r\n Host: x\r\n\r\n" + smuggled, 400},
	{"a coding behind a bare LF", toSubmit + "X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + chunked(smuggled), ours + 400},
	{"a length behind a bare CR", toSubmit + "X-A: b\rContent-Length: 100\r\n\r\n{}" + smuggled, 400},
	{"lines ended by LF alone", "POST /v1/jobs HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 2\n\n{}" + smuggled, ours + 415},
	{"a coding that is not known", toSubmit + "Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n{}" + smuggled, 501},
	{"chunks within chunks", toSubmit + "Transfer-Encoding: chunked, chunked\r\nContent-Length: 2\r\n\r\n{}" + smuggled, 501},
	{"identity and chunks", toSubmit + "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}" + smuggled, 501},
	{"a coding behind a vertical tab", toSubmit + "Transfer-Encoding: \x0bchunked\r\nContent-Length: 2\r\n\r\n{}" + smuggled, 400},
	{"chunks in HTTP/1.0", strings.Replace(toSubmit, "/1.1", "/1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}" + smuggled, ours + 400},
	{"a request in HTTP/1.0 that would stay", "GET /nothing HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + smuggled, ours + 404},

	{"a body where none is expected", fmt.Sprintf("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(smuggled)) + smuggled, ours + 200},
	{"chunks where none are expected", "GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(smuggled), ours + 200},
	{"a body behind OPTIONS", fmt.Sprintf("OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(smuggled)) + smuggled, ours + 404},
	{"a body behind CONNECT", fmt.Sprintf("CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\nContent-Length: %d\r\n\r\n", len(smuggled)) + smuggled, ours + 404},

	{"an address in absolute form", "GET http://evil.example/livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + smuggled, ours + 200},
	{"two hosts", "GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled, 400},
	{"no host", "GET /livez HTTP/1.1\r\n\r\n" + smuggled, 400},
	{"a host with a blank", "GET /livez HTTP/1.1\r\nHost: x y\r\n\r\n" + smuggled, 400},
	{"an offer of h2c", "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + smuggled, ours + 200},
	{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" + smuggled, ours + 404},
	{"HTTP/2 in text", "GET /livez HTTP/2.0\r\nHost: x\r\n\r\n" + smuggled, 505},
	{"HTTP/0.9", "GET /livez\r\n\r\n" + smuggled, 400},
	{"TRACE", "TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + withKey + "\r\n\r\n" + smuggled, ours + 405},
	{"a method in lower case", "get /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + smuggled, ours + 405},
	{"a method that nobody knows", "SMUGGLE /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + smuggled, ours + 405},
	{"two blanks in the first line", "GET  /livez HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, 400},
	{"four words in the first line", "GET /livez HTTP/1.1 x\r\nHost: x\r\n\r\n" + smuggled, 400},
	{"a NUL in the address", "GET /livez\x00 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, 400},
	{"a NUL in a field", "GET /livez HTTP/1.1\r\nHost: x\r\nX-A: \x00\r\n\r\n" + smuggled, 400},
	{"a blank in a field's name", "GET /livez HTTP/1.1\r\nHost: x\r\nX A: b\r\n\r\n" + smuggled, 400},
	{"a line without a colon", "GET /livez HTTP/1.1\r\nHost: x\r\nX\r\n\r\n" + smuggled, 400},
	{"an empty line first", "\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, 400},
	{"TLS", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + strings.Repeat("\x00", 100) + "\r\n\r\n" + smuggled, 400},
	{"an upgrade to a WebSocket with a body", fmt.Sprintf("GET /v1/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 12\r\nContent-Length: %d\r\n\r\n", len(smuggled)) + smuggled, ours + 400},
}

func oneAnswerEach(t *testing.T, s *service) {
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			got := s.raw(t, m.sent)
			require.Len(t, got, 1)
			r := got[0]
			require.NotEqual(t, smuggledID, r.Header.Get("X-Request-Id"))
			require.Equal(t, m.want%ours, r.StatusCode, "%s", r.body)
			require.Equal(t, m.want > ours, r.Header.Get("X-Request-Id") != "", "who answered: %s", r.body)
			r.wantRefusal(t, m.name)
			require.NotContains(t, string(r.body), apiKey)
		})
	}
}

func noMethodOverride(t *testing.T, s *service) {
	path := "/v1/jobs/" + s.submit(newClaim(t), "Prefer: wait=30").JobID
	for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		require.Equal(t, 200, s.call("GET", path, "", withKey, header+": DELETE").StatusCode, header)
		require.Equal(t, 400, s.call("POST", "/v1/jobs", "{}", withKey, header+": GET").StatusCode, header)
	}
	require.Equal(t, 200, s.call("GET", path+"?_method=DELETE", "", withKey).StatusCode)
}

// answersBeforeBody announces a body and sends none of it. The answer comes at once and the connection goes: nobody
// waits for a body that nobody wants.
func answersBeforeBody(t *testing.T, s *service) {
	const typed, keyed = "Content-Type: application/json\r\n", withKey + "\r\n"
	for _, c := range []struct {
		name, request, headers string
		want                   int
	}{
		{"no credential", "POST /v1/jobs", typed, 401},
		{"a wrong credential", "POST /v1/jobs", typed + "X-API-Key: nobodys-key-at-all\r\n", 401},
		{"another type", "POST /v1/jobs", keyed, 415},
		{"the seed's route", "POST /", typed, 401},
		{"an unknown address", "POST /nothing", typed + keyed, 404},
		{"a method that is not taken", "PUT /v1/jobs", typed + keyed, 405},
		{"a method that is not taken, of the page", "DELETE /", keyed, 405},
		{"a job that nobody has", "GET /v1/jobs/x", typed, 404},
		{"a poll", "GET /status/x", typed, 404},
		{"a stream", "GET /v1/jobs/x/events", typed, 404},
		{"giving up", "DELETE /v1/jobs/x", "", 401},
		{"giving up what nobody has", "DELETE /v1/jobs/x", keyed, 404},
		{"a list without a credential", "GET /v1/jobs", "", 401},
		{"a list", "GET /v1/jobs", keyed, 200},
		{"figures", "GET /v1/stats", "", 200},
		{"health", "GET /health", "", 200},
		{"the page", "GET /", "", 200},
		{"a preflight", "OPTIONS /v1/jobs", "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n", 204},
		{"the server as a whole", "OPTIONS *", "", 404},
	} {
		for kind, length := range map[string]string{"sized": "Content-Length: 100", "in chunks": "Transfer-Encoding: chunked"} {
			t.Run(c.name+", "+kind, func(t *testing.T) {
				t.Parallel()
				begin := time.Now()
				got := s.raw(t, c.request+" HTTP/1.1\r\nHost: x\r\n"+c.headers+length+"\r\n\r\n")
				require.Len(t, got, 1)
				require.Equal(t, c.want, got[0].StatusCode, "%s", got[0].body)
				require.True(t, got[0].Close, "the answer says that the connection ends")
				got[0].wantRefusal(t, c.name)
				require.Less(t, time.Since(begin), 9*time.Second, "it did not wait for the body")
			})
		}
	}
}

func pipelining(t *testing.T, s *service) {
	var sent strings.Builder
	const requests = 50
	for i := range requests {
		last := ""
		if i == requests-1 {
			last = "Connection: close\r\n"
		}
		fmt.Fprintf(&sent, "%sX-Request-Id: number-%d\r\n%sContent-Length: 2\r\n\r\n{}", toSubmit, i, last)
	}
	got := s.raw(t, sent.String())
	require.Len(t, got, requests)
	for i, r := range got {
		require.Equal(t, fmt.Sprintf("number-%d", i), r.Header.Get("X-Request-Id"))
		require.Equal(t, 400, r.StatusCode)
		r.wantRefusal(t, "pipelined")
	}
}

// halfClosed: netcat and its like close their side behind the request. That is not leaving.
func halfClosed(t *testing.T, s *service) {
	for range 20 {
		conn := s.dial(t, time.Minute)
		_, err := conn.Write([]byte("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"))
		require.NoError(t, err)
		require.NoError(t, conn.CloseWrite())
		got := replies(t, conn)
		require.Len(t, got, 1)
		require.Equal(t, 404, got[0].StatusCode)
		got[0].wantRefusal(t, "half closed")
	}
	conn := s.dial(t, time.Minute)
	_, err := conn.Write([]byte(toSubmit + "Content-Length: 100\r\n\r\n{"))
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	got := replies(t, conn)
	require.Len(t, got, 1)
	require.Equal(t, 400, got[0].StatusCode)
	got[0].wantRefusal(t, "cut short")
}

func boundedSizes(t *testing.T, s *service) {
	big := strings.Repeat("x", 30<<10)
	for name, c := range map[string]struct {
		sent string
		want int
	}{
		"a header":          {"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: " + big + "\r\n\r\n", 431},
		"an address":        {"GET /" + big + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
		"a credential":      {"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + big + "\r\n\r\n", 431},
		"many headers":      {"GET /livez HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 6000) + "\r\n", 431},
		"a long credential": {"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + strings.Repeat(".", 10<<10) + "\r\n\r\n", 401},
		"a body":            {toSubmit + "Content-Length: 4097\r\n\r\n" + strings.Repeat(" ", 4097), 413},
		"a body of 1 GB":    {toSubmit + "Content-Length: 1000000000\r\n\r\n", 413},
		"chunks":            {toSubmit + "Transfer-Encoding: chunked\r\n\r\n" + chunked(strings.Repeat(" ", 4097)), 413},
		"many small chunks": {toSubmit + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\n \r\n", 5000), 413},
		"trailers":          {toSubmit + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-A: " + big + "\r\n\r\n", 400},
	} {
		got := s.raw(t, c.sent)
		require.Len(t, got, 1, name)
		require.Equal(t, c.want, got[0].StatusCode, "%s: %s", name, got[0].body)
		got[0].wantRefusal(t, name)
	}
}

func expectations(t *testing.T, s *service) {
	statuses := func(sent string) (all []int) {
		for _, r := range s.raw(t, sent) {
			all = append(all, r.StatusCode)
			r.wantRefusal(t, "expecting")
		}
		return all
	}
	const expect = "Expect: 100-continue\r\nContent-Length: 2\r\n"
	require.Equal(t, []int{http.StatusContinue, 400}, statuses(toSubmit+expect+"Connection: close\r\n\r\n{}"))
	require.Equal(t, []int{401}, statuses("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+expect+"\r\n"))
	require.Equal(t, []int{413}, statuses(toSubmit+"Expect: 100-continue\r\nContent-Length: 9999\r\n\r\n"))
	require.Equal(t, []int{404}, statuses("POST /nothing HTTP/1.1\r\nHost: x\r\n"+expect+"\r\n"))
	require.Equal(t, []int{417}, statuses(toSubmit+"Expect: a miracle\r\nContent-Length: 2\r\n\r\n{}"))
}
