package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api/apitest"
)

// unlimited lets one address do what would otherwise take many.
var unlimited = []string{"KEY_RATE_LIMIT_MAX_REQUESTS=1000000", "RATE_LIMIT_MAX_REQUESTS=1000000", "ADDRESS_RATE_LIMIT_MAX_REQUESTS=1000000", "AUTH_FAILURES_PER_MINUTE=0"}

// TestHostileHTTP is the edge against everything that is no decent request, all of it at once, while somebody decent
// goes on calling.
func TestHostileHTTP(t *testing.T) {
	t.Parallel()
	s := start(t, append(unlimited, "MOCK_DELAY=1ms")...)
	before := s.metric("process_open_fds")
	decent := s.decentCaller()

	t.Run("all at once", func(t *testing.T) {
		for name, attack := range map[string]func(*testing.T, *service){
			"one answer each, and nothing smuggled":          oneAnswerEach,
			"no other method than the one in the first line": noMethodOverride,
			"an answer before the body ends the connection":  answersBeforeBody,
			"pipelined requests are answered in order":       pipelining,
			"a caller who closed his side still hears":       halfClosed,
			"sizes are bounded":                              boundedSizes,
			"100-continue only for who may enter":            expectations,
			"slow headers":                                   slowHeaders,
			"slow bodies":                                    slowBodies,
			"slow readers":                                   slowReaders,
			"documents that are no claim":                    jsonTestSuite,
			"claims that are nearly right":                   nearlyClaims,
			"ids that nobody has":                            randomIDs,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				attack(t, s)
			})
		}
	})

	decent.wantUnharmed(t)
	require.NotRegexp(t, `claimprover_http_request_duration_seconds_count\{code="5`, s.metrics())
	require.NotContains(t, s.logged(), `"level":"ERROR"`)
	// A little more than before: the decent caller's connection, and that of these very questions.
	require.Eventually(t, func() bool { return s.metric("process_open_fds") <= before+4 }, time.Minute, 100*time.Millisecond,
		"every connection of the attackers is gone")
}

// reply is one answer on a raw connection.
type reply struct {
	*http.Response
	body []byte
}

// dial opens a raw connection, with a time for all that follows.
func (s *service) dial(t *testing.T, patience time.Duration) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(*net.TCPConn)
}

// raw sends bytes and gives every answer until the service closes, which it must.
func (s *service) raw(t *testing.T, bytes string) []reply {
	t.Helper()
	conn := s.dial(t, arrivalPatience)
	_, _ = io.WriteString(conn, bytes) // the service need not have taken all of it
	return replies(t, conn)
}

// replies reads until the service closes. What it sent before it had read all may end in a reset.
func replies(t *testing.T, conn net.Conn) (all []reply) {
	t.Helper()
	for in := bufio.NewReader(conn); ; {
		if _, err := in.Peek(1); err != nil {
			timeout, is := err.(net.Error)
			require.False(t, is && timeout.Timeout(), "the connection is still open after %d answers", len(all))
			return all
		}
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		if res.StatusCode == http.StatusContinue {
			all = append(all, reply{Response: res})
			continue
		}
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		all = append(all, reply{res, body})
	}
}

var checker = sync.OnceValue(func() *apitest.Checker { return apitest.New(new(testing.T)) })

// wantRefusal wants an answer in the error shape; net/http's own, given before there is a request, has its own words.
func (r reply) wantRefusal(t *testing.T, name string) {
	t.Helper()
	if r.StatusCode < 400 {
		return
	}
	if r.Header.Get("X-Request-Id") == "" {
		require.Contains(t, []int{400, 417, 431, 501, 505}, r.StatusCode, name)
		return
	}
	require.Less(t, r.StatusCode, 500, "%s: %s", name, r.body)
	require.NoError(t, checker().Message("Error", r.body), "%s: %s", name, r.body)
}

func (s *service) metrics() string {
	s.t.Helper()
	res, err := http.Get(s.admin + "/metrics")
	require.NoError(s.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	return string(text)
}

// metric is a figure without labels.
func (s *service) metric(name string) float64 {
	s.t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(s.metrics())
	require.NotNil(s.t, found, name)
	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(s.t, err)
	return value
}

// decent is somebody who does what he should.
type decent struct {
	enough  chan struct{}
	gone    sync.WaitGroup
	calls   int
	slowest time.Duration // of the calls that wait for nothing
	harm    error
}

// decentCaller submits claims, waits for their proofs and reads figures, until wantUnharmed.
func (s *service) decentCaller() *decent {
	d := &decent{enough: make(chan struct{})}
	client := &http.Client{Timeout: 30 * time.Second}
	do := func(method, path, body string) error {
		req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+apiKey)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Prefer", "wait=20")
		begin := time.Now()
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		if method == http.MethodGet {
			d.slowest = max(d.slowest, time.Since(begin))
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s: %s: %s: %w", method, path, res.Status, text, err)
		}
		d.calls++
		return nil
	}
	d.gone.Go(func() {
		defer client.CloseIdleConnections()
		rounds := time.NewTicker(200 * time.Millisecond)
		defer rounds.Stop()
		for {
			select {
			case <-d.enough:
				return
			case <-rounds.C:
			}
			for _, call := range [][3]string{{"POST", "/v1/jobs", newClaim(s.t)}, {"GET", "/v1/stats"}, {"GET", "/livez"}} {
				if err := do(call[0], call[1], call[2]); err != nil {
					d.harm = err
					return
				}
			}
		}
	})
	return d
}

func (d *decent) wantUnharmed(t *testing.T) {
	t.Helper()
	close(d.enough)
	d.gone.Wait()
	require.NoError(t, d.harm)
	require.NotZero(t, d.calls)
	t.Logf("%d decent calls were answered meanwhile, the slowest that waits for nothing in %v", d.calls, d.slowest)
}
