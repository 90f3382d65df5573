package stream

import (
	"bytes"
	"context"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	client "github.com/tmaxmax/go-sse"
)

// Behind Gin the streams are the same: its writer gives the connection away, keeps the headers of its middleware, and
// has nothing to say afterwards.
func TestBehindGin(t *testing.T) {
	t.Parallel()
	w := loopback(t, Options{})
	w.store(event("1", 1, 1, "position"))

	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	served := make(chan int, 10)
	engine.Use(func(c *gin.Context) {
		c.Header("X-Request-Id", "r1")
		c.Next()
		served <- c.Writer.Status()
	})
	engine.GET("/jobs/:id", func(c *gin.Context) { w.ServeHTTP(c.Writer, c.Request) })
	var complaints syncBuffer
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: engine, ErrorLog: log.New(&complaints, "", 0)}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	w.url = "http://" + listener.Addr().String()

	e := w.sse("/jobs/1")
	require.Equal(t, "r1", e.body.Header.Get("X-Request-Id"))
	require.Empty(t, e.body.TransferEncoding, "not cut into chunks")
	require.Equal(t, http.StatusOK, <-served, "the handler has returned")
	s := w.ws("/jobs/1")
	require.Equal(t, http.StatusSwitchingProtocols, <-served)
	require.Contains(t, e.next(), "position")
	require.Contains(t, s.next(), "position")
	w.publish(event("1", 2, 1, "completed"))
	require.Contains(t, e.next(), "completed")
	require.Contains(t, s.next(), "completed")
	require.Equal(t, "end", e.next())
	require.Equal(t, "closed 1000", s.next())
	require.Equal(t, http.StatusNoContent, w.sse("/jobs/1", "Last-Event-ID", "2").body.StatusCode)
	require.Empty(t, complaints.String())
}

// A ready-made client of Server-Sent Events reads what we write: types, ids and data, and it comes back by itself after
// a temporary refusal, with the id it has seen.
func TestReadyMadeClient(t *testing.T) {
	t.Parallel()
	w := loopback(t, Options{MaxStreams: 1})
	w.store(event("1", 1, 1, "running"))
	release, err := w.streams.Acquire(netip.MustParseAddr("192.0.2.9"))
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/jobs/1", nil)
	require.NoError(t, err)
	refused := make(chan struct{}, 10)
	connection := (&client.Client{
		HTTPClient: w.client,
		Backoff:    client.Backoff{InitialInterval: 1},
		OnRetry: func(error, time.Duration) {
			refused <- struct{}{}
		},
	}).NewConnection(r)
	events := make(chan client.Event, 10)
	connection.SubscribeToAll(func(e client.Event) {
		if e.Type != "" { // this client takes a lone retry, as in the refusal, for an event
			events <- e
		}
	})
	done := make(chan error)
	go func() { done <- connection.Connect() }()
	<-refused
	release()
	first := <-events
	require.Equal(t, "running", first.Type)
	require.Equal(t, "1", first.LastEventID)
	require.JSONEq(t, string(event("1", 1, 1, "running").Data), first.Data)
	w.publish(event("1", 2, 1, "completed"))
	require.Equal(t, "2", (<-events).LastEventID)
	cancel()
	<-done
}

// syncBuffer collects what a logger writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
