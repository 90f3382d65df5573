package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/client"
	"claimprover/internal/fault"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const jobID = "7f3a91c2-0000-4000-8000-000000000001"

// serve runs a handler as a service reached over in-memory connections, so that it also works in a synctest bubble.
func serve(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	listener := &pipes{ends: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: handler}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) })
	transport := &http.Transport{DialContext: listener.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		require.NoError(t, server.Close())
		wg.Wait()
	})
	c, err := client.New("http://service.test/base/", "the-key", client.Options{Transport: transport})
	require.NoError(t, err)
	return c
}

// pipes is a listener of net.Pipe ends.
type pipes struct {
	ends   chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.ends <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.ends:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func TestADryRunAsksWithTheBodyAsItIs(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.String() != "/base/v1/jobs?dryRun=1" || string(body) != `{"a": 1}` {
			t.Errorf("%s %s %s", r.Method, r.URL, body)
		}
		_, _ = io.WriteString(w, `{"disposition":"joined"}`)
	})
	tried, err := c.TryJSON(t.Context(), []byte(`{"a": 1}`))
	require.NoError(t, err)
	require.Equal(t, "joined", tried.Disposition)
}

func TestASubmissionGoesOutAsItIs(t *testing.T) {
	t.Parallel()
	const body = `{"ss58Address": "x", "typo": 1}`
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		if string(got) != body || r.Method != http.MethodPost || r.URL.Path != "/base/v1/jobs" ||
			r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer the-key" {
			w.WriteHeader(http.StatusTeapot)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(api.Encode(api.Job{JobID: jobID, Status: "pending", Version: 1}))
	})
	job, err := c.SubmitJSON(t.Context(), []byte(body))
	require.NoError(t, err)
	require.Equal(t, jobID, job.JobID)
}

func TestAQueryNarrowsTheList(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(api.Encode(api.JobList{NextCursor: r.URL.RawQuery}))
	})
	page, err := c.List(t.Context(), client.Query{Status: "failed", Limit: 5, Cursor: "a&b"})
	require.NoError(t, err)
	require.Equal(t, "cursor=a%26b&limit=5&status=failed", page.NextCursor)
	page, err = c.List(t.Context(), client.Query{})
	require.NoError(t, err)
	require.Empty(t, page.NextCursor)
}

func TestARefusalKeepsWhatTheServiceSaid(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "req-1")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write(api.Encode(api.Error{
			Code: "rate_limited", Message: "Try later.", Retryable: true, RetryAfter: 41, Fields: map[string]string{"amount": "x"},
		}))
	})
	_, err := c.Get(t.Context(), jobID)

	refused, ok := errors.AsType[*client.Error](err)
	require.True(t, ok)
	require.Equal(t, http.StatusTooManyRequests, refused.Status)
	require.Equal(t, "req-1", refused.RequestID)
	require.True(t, fault.Is(err, fault.RateLimited))
	require.True(t, refused.Fault.Retryable)
	require.Equal(t, 41*time.Second, refused.Fault.RetryAfter)
	require.Equal(t, map[string]string{"amount": "x"}, refused.Fault.Fields)
	require.EqualError(t, err, "rate_limited: Try later. (request req-1)")
}

func TestWhatStandsInBetweenIsToldApart(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]fault.Code{
		502: fault.Unavailable, 504: fault.Unavailable, 429: fault.RateLimited, 401: fault.Unauthorized, 403: fault.Forbidden,
		404: fault.NotFound, 301: fault.InvalidInput,
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Location", "http://service.test/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>")
		})
		_, err := c.Get(t.Context(), jobID)
		refused, ok := errors.AsType[*client.Error](err)
		require.True(t, ok, "%d: %v", status, err)
		require.Equal(t, code, refused.Fault.Code)
		require.Equal(t, 7*time.Second, refused.Fault.RetryAfter)
	}
}

func TestAKeyNeverFollowsARedirect(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the stranger was asked") }))
	defer stranger.Close()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect)
	})
	_, err := c.SubmitJSON(t.Context(), []byte("{}"))
	require.ErrorContains(t, err, "answered 307")
	for _, err := range c.Follow(t.Context(), jobID) {
		require.ErrorContains(t, err, "answered 307")
	}
}

func TestReadinessSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(api.Encode(api.Ready{Checks: map[string]string{"chain": "does not answer"}}))
	})
	ready, err := c.Ready(t.Context())
	require.NoError(t, err)
	require.False(t, ready.Ready)
	require.Equal(t, "does not answer", ready.Checks["chain"])
}

func TestOnlyTheAddressOfAServiceWillDo(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "localhost:8080", "ftp://x", "http://", "/v1"} {
		_, err := client.New(address, "", client.Options{})
		require.ErrorContains(t, err, "is not the address of a service", address)
	}
	c, err := client.New("https://x.example/prover/", "", client.Options{})
	require.NoError(t, err)
	require.Equal(t, "https://x.example/prover/#job="+jobID, c.PageURL(jobID))
}
