package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// knock is a submission without a credential, good enough for the flood guard to count it and for nothing else.
func (s *service) knock(headers ...[2]string) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "POST", s.url+"/v1/jobs", strings.NewReader("{}"))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		req.Header.Add(h[0], h[1])
	}
	res, err := s.http.Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	return res.StatusCode
}

// TestWhoIsCalling: ten knocks a minute from each address are answered 400, the eleventh 429.
func TestWhoIsCalling(t *testing.T) {
	t.Parallel()

	t.Run("what a peer says of itself counts for nothing", func(t *testing.T) {
		t.Parallel()
		s := start(t, "ALLOW_ANONYMOUS=true")
		for i := range 10 {
			ip := fmt.Sprintf("198.51.100.%d", i)
			require.Equal(t, 400, s.knock(
				[2]string{"X-Forwarded-For", ip}, [2]string{"X-Real-IP", ip}, [2]string{"Forwarded", "for=" + ip},
				[2]string{"True-Client-IP", ip}, [2]string{"CF-Connecting-IP", ip}, [2]string{"X-Client-IP", ip}))
		}
		require.Equal(t, 429, s.knock([2]string{"X-Forwarded-For", "198.51.100.99"}))
	})

	t.Run("a trusted proxy is believed, and of its list the last one who is no proxy", func(t *testing.T) {
		t.Parallel()
		s := start(t, "ALLOW_ANONYMOUS=true", "TRUSTED_PROXIES=127.0.0.1/32,10.0.0.0/8")
		const header = "X-Forwarded-For"
		exhaust := func(spell func(int) [][2]string) {
			t.Helper()
			for i := range 10 {
				require.Equal(t, 400, s.knock(spell(i)...), "%d: %v", i, spell(i))
			}
			require.Equal(t, 429, s.knock(spell(10)...))
		}
		exhaust(func(i int) [][2]string { // forged to the left, our own proxies to the right
			return [][2]string{{header, fmt.Sprintf("198.51.100.%d, 203.0.113.1, 10.0.0.%d", i, i)}}
		})
		exhaust(func(i int) [][2]string { // a header of the caller's own before the proxy's
			return [][2]string{{header, fmt.Sprintf("198.51.100.%d", i)}, {header, "203.0.113.2"}}
		})
		exhaust(func(i int) [][2]string {
			return [][2]string{{header, "203.0.113.3"}, {"X-Real-IP", fmt.Sprintf("198.51.100.%d", i)}}
		})
		exhaust(func(i int) [][2]string { return [][2]string{{header, fmt.Sprintf("2001:db8:1:2:%x::%x", i, i)}} })
		exhaust(func(i int) [][2]string { return [][2]string{{header, "::ffff:203.0.113.4"}} })
		require.Equal(t, 429, s.knock([2]string{header, "203.0.113.4"}), "the same address, however it is written")
		require.Equal(t, 400, s.knock([2]string{header, "203.0.113.5"}), "another one")
		require.Equal(t, 400, s.knock([2]string{header, "2001:db8:1:3::1"}), "another /64")

		// What is no address is the proxy's own fault: all of it counts on the proxy.
		for i, junk := range []string{"", "x", "203.0.113", "203.0.113.6:80", "unknown", "_hidden", "203.0.113.7 , x", strings.Repeat("1,", 500), "%00", "::1%eth0"} {
			require.Equal(t, 400, s.knock([2]string{header, junk}), "%d: %q", i, junk)
		}
		require.Equal(t, 429, s.knock(), "the proxy itself")
	})
}

// TestGuessing: after thirty wrong credentials an address is refused whatever it sends; of a proxy's clients only the one.
func TestGuessing(t *testing.T) {
	t.Parallel()
	s := start(t, "TRUSTED_PROXIES=127.0.0.1/32", "JWT_SECRET=a secret of nobody's in this test")
	try := func(client, credential string, more ...string) answer {
		t.Helper()
		return s.call("GET", "/v1/jobs", "", append(more, "X-Forwarded-For: "+client, "Authorization: Bearer "+credential)...)
	}
	guesses := []string{"not-a-key-of-anybody", apiKey + "0", "a.b.c", token(t, jwt.SigningMethodHS256, []byte("a secret of somebody else in this test"), nil, nil)}
	for client, neighbour := range map[string]string{"203.0.113.1": "203.0.113.1", "2001:db8:1:2::1": "2001:db8:1:2:ffff::9"} {
		for n := range 30 {
			require.Equal(t, 401, try(client, guesses[n%len(guesses)]).StatusCode, n)
		}
		for _, credential := range append(guesses, apiKey) {
			refused := try(neighbour, credential)
			require.Equal(t, 429, refused.StatusCode, "%s: %s", credential, refused.body)
			require.NotEmpty(t, refused.Header.Get("Retry-After"))
		}
		require.Equal(t, 429, s.call("POST", "/v1/jobs", newClaim(t), withKey, "X-Forwarded-For: "+client).StatusCode)
		require.Equal(t, 200, s.call("GET", "/health", "", "X-Forwarded-For: "+client).StatusCode, "who asks for nothing that needs one is told it")
	}
	require.Equal(t, 200, try("203.0.113.2", apiKey).StatusCode, "another client of the proxy")
	require.Equal(t, 200, try("2001:db8:1:3::1", apiKey).StatusCode, "another /64")
	for range 60 { // neither of these is a guess
		require.Equal(t, 401, s.call("GET", "/v1/jobs", "", "X-Forwarded-For: 203.0.113.3").StatusCode)
	}
	require.Equal(t, 200, try("203.0.113.3", apiKey).StatusCode)
}

// TestEveryAnswerIsKeptNowhere: what holds an id, or could, is neither kept by what stands between nor told to the next page.
func TestEveryAnswerIsKeptNowhere(t *testing.T) {
	t.Parallel()
	s := start(t, "MOCK_DELAY=1ms")
	j := s.submit(newClaim(t), "Prefer: wait=20")
	for _, path := range []string{
		"GET " + j.URLs.Self, "HEAD " + j.URLs.Self, "GET /status/" + j.JobID, "GET " + j.URLs.Events, "GET " + j.URLs.Events + "?lastEventId=6", "GET /v1/jobs", "GET /v1/jobs/x",
		"POST /v1/jobs", "POST /v1/tokens", "GET /health", "GET /v1/stats", "GET /livez", "GET /readyz", "DELETE " + j.URLs.Self, "GET /nothing", "PUT /v1/jobs", "HEAD /v1/events",
	} {
		method, path, _ := strings.Cut(path, " ")
		a := s.call(method, path, "", withKey)
		require.Equal(t, "no-store", a.Header.Get("Cache-Control"), "%s %s", method, path)
		require.Equal(t, "no-referrer", a.Header.Get("Referrer-Policy"), "%s %s", method, path)
		require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"), "%s %s", method, path)
		require.NotEmpty(t, a.Header.Get("X-Request-Id"), "%s %s", method, path)
		require.Empty(t, a.Header.Values("Set-Cookie"))
	}
	page := s.call("GET", "/", "")
	require.Equal(t, "no-referrer", page.Header.Get("Referrer-Policy"), "the id stands in its address")
}
