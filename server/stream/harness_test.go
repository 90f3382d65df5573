package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"claimprover/hub"
	"claimprover/internal/api"
	"claimprover/internal/fault"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a service with jobs "1" to "255": what is stored of each, and what is published, are the test's to say.
type world struct {
	t       testing.TB
	hub     *hub.Hub
	streams *Streams
	server  *http.Server
	client  *http.Client
	url     string
	connect func(ctx context.Context, network, address string) (net.Conn, error)
	closers []func()     // of what the test opened
	hangs   atomic.Bool  // whether the store answers only when it is not waited for any more
	hanging atomic.Int32 // how many wait for it then

	mu      sync.Mutex
	stored  map[string]*hub.Message // guarded by mu
	broken  error                   // guarded by mu; what reading the store says
	replace *Subscription           // guarded by mu; what is served instead, if set
	onRead  func()                  // guarded by mu; called while the store is read, if set
	panics  bool                    // guarded by mu; whether reading the store panics
}

// bubble runs a test on a clock of its own, over pipes.
func bubble(t *testing.T, o Options, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pipes := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		w := newWorld(t, o, pipes)
		w.url = "http://service.test"
		w.connect = pipes.dial
		w.client = &http.Client{Transport: &http.Transport{DialContext: pipes.dial}}
		defer w.close()
		story(t, w)

	})
}

// loopback runs a service on a real socket.
func loopback(t testing.TB, o Options) *world {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := newWorld(t, o, listener)
	w.url = "http://" + listener.Addr().String()
	w.connect = new(net.Dialer).DialContext
	w.client = &http.Client{Transport: &http.Transport{}}
	t.Cleanup(w.close)
	return w
}

func newWorld(t testing.TB, o Options, listener net.Listener) *world {
	h := hub.New()
	w := &world{t: t, hub: h, streams: New(h, o), stored: make(map[string]*hub.Message)}
	w.server = &http.Server{Handler: w, ConnContext: ConnContext}
	go func() { _ = w.server.Serve(listener) }()
	return w
}

func (w *world) close() {
	require.NoError(w.t, w.streams.Drain(context.Background()))
	require.Zero(w.t, w.hub.Followers())
	require.Zero(w.t, w.streams.Held())
	require.Empty(w.t, w.streams.perIP)
	for _, c := range w.closers {
		c()
	}
	w.client.CloseIdleConnections()
	require.NoError(w.t, w.server.Close())
}

// ServeHTTP has /jobs/{id} for one job and /events for the figures and many jobs.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	sub := w.subscription("0")
	if id, ok := strings.CutPrefix(r.URL.Path, "/jobs/"); ok {
		sub = w.subscription(id)
	} else {
		sub.Resolve = w.resolve
	}
	sub.Seen = LastEventID(r)
	sub.Peer = netip.MustParseAddr("192.0.2.1")
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		sub.Peer = netip.MustParseAddr(host)
	}
	if from := r.Header.Get("X-From"); from != "" {
		sub.Peer = netip.MustParseAddr(from)
	}
	w.mu.Lock()
	if w.replace != nil {
		sub = *w.replace
	}
	w.mu.Unlock()
	if err := w.streams.Serve(rw, r, sub); err != nil {
		status := map[fault.Code]int{fault.Forbidden: 403, fault.NotFound: 404, fault.InvalidInput: 400}[fault.Of(err).Code]
		if status == 0 {
			status = 503
		}
		http.Error(rw, string(fault.Of(err).Code), status)
	}
}

func (w *world) subscription(id string) Subscription {
	return Subscription{Topic: topicOf(id), Snapshot: func(ctx context.Context) (*hub.Message, error) {
		if w.hangs.Load() {
			w.hanging.Add(1)
			<-ctx.Done()
			w.hanging.Add(-1)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.onRead != nil {
			w.onRead()
		}
		if w.panics {
			panic("a bug")
		}
		if w.broken != nil {
			return nil, w.broken
		}
		if m := w.stored[id]; m != nil {
			return m, nil
		}
		return nil, fault.New(fault.NotFound, "No such job.")
	}}
}

func (w *world) resolve(_ context.Context, op api.Operation) (Subscription, error) {
	if op.Token == "wrong" {
		return Subscription{}, fault.New(fault.Unauthorized, "This token is not valid.")
	}
	if n, err := strconv.ParseUint(op.JobID, 10, 8); err != nil || n == 0 {
		return Subscription{}, fault.New(fault.NotFound, "No such job.")
	}
	return w.subscription(op.JobID), nil
}

// store writes a state without telling anybody; publish tells too.
func (w *world) store(m *hub.Message) *hub.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stored[strconv.Itoa(int(m.Topic[15]))] = m
	return m
}

func (w *world) publish(m *hub.Message) { w.hub.Publish(w.store(m)) }

func (w *world) forget(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.stored, id)
}

func (w *world) breakStore(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

// followed gives the jobs that somebody follows.
func (w *world) followed() (ids []string) {
	for _, t := range w.hub.Followed() {
		ids = append(ids, strconv.Itoa(int(t[15])))
	}
	slices.Sort(ids)
	return ids
}

func topicOf(id string) (t hub.Topic) {
	n, _ := strconv.ParseUint(id, 10, 8)
	t[15] = byte(n)
	return t
}

// event is a message of a job's life.
func event(id string, version, tick uint64, name string) *hub.Message {
	return &hub.Message{Topic: topicOf(id), Version: version, Tick: tick, Type: name,
		Volatile: name == "position", Last: name == "completed" || name == "failed", At: time.Now(),
		Data: fmt.Appendf(nil, `{"type":%q,"id":%d,"job":{"jobId":%q,"tick":%d}}`, name, version, id, tick)}
}

func figures(id uint64) *hub.Message {
	return &hub.Message{Version: id, Tick: 1, Type: "service", Data: fmt.Appendf(nil, `{"type":"service","id":%d}`, id)}
}

// source is an event stream as a client sees it, line by line.
type source struct {
	t     testing.TB
	body  *http.Response
	lines *bufio.Scanner
}

func (w *world) sse(path string, header ...string) *source {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.url+path, nil)
	require.NoError(w.t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := w.client.Do(r)
	require.NoError(w.t, err)
	w.closers = append(w.closers, func() { _ = answer.Body.Close() })
	return &source{w.t, answer, bufio.NewScanner(answer.Body)}
}

// next reads an event or a comment: its lines, joined by "|". A retry before it is checked and left out.
func (s *source) next() string {
	s.t.Helper()
	text := s.block()
	if delay, rest, ok := strings.Cut(text, "|"); ok && strings.HasPrefix(delay, "retry:") {
		require.Regexp(s.t, aDelay, delay)
		return rest
	}
	return text
}

// aDelay is a jittered retry: 2000 to 4000 ms.
const aDelay = `^retry:([23]\d{3}|4000)$`

func (s *source) block() string {
	s.t.Helper()
	var block []string
	for s.lines.Scan() {
		if s.lines.Text() == "" {
			return strings.Join(block, "|")
		}
		block = append(block, s.lines.Text())
	}
	return "end"
}

func (s *source) close() { _ = s.body.Body.Close() }

// frameOf is what next gives for an event.
func frameOf(m *hub.Message) string {
	return fmt.Sprintf("id:%d|event:%s|data:%s", m.Version, m.Type, m.Data)
}

// ws is a WebSocket as a client sees it.
type ws struct {
	t    testing.TB
	conn *websocket.Conn
}

func (w *world) ws(path string) *ws {
	w.t.Helper()
	s, answer, err := w.dial(path, http.Header{})
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusSwitchingProtocols, answer.StatusCode)
	return s
}

func (w *world) dial(path string, header http.Header, subprotocols ...string) (*ws, *http.Response, error) {
	conn, answer, err := websocket.Dial(context.Background(), w.url+path, &websocket.DialOptions{
		HTTPClient: w.client, HTTPHeader: header, Subprotocols: subprotocols})
	if err == nil {
		w.closers = append(w.closers, func() { _ = conn.CloseNow() })
	}
	return &ws{w.t, conn}, answer, err
}

// next reads a message; the end is its close code.
func (s *ws) next() string {
	s.t.Helper()
	_, text, err := s.conn.Read(context.Background())
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		return fmt.Sprintf("closed %d", closed.Code)
	}
	if err != nil {
		return "cut"
	}
	return string(text)
}

func (s *ws) send(text string) {
	s.t.Helper()
	require.NoError(s.t, s.conn.Write(context.Background(), websocket.MessageText, []byte(text)))
}

// subscribe follows jobs on a shared socket, and reads each one's state.
func (s *ws) subscribe(ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		s.send(`{"op":"subscribe","jobId":"` + id + `"}`)
		require.Contains(s.t, s.next(), `"jobId":"`+id+`"`)
	}
}

// close shakes hands.
func (s *ws) close() { _ = s.conn.Close(websocket.StatusNormalClosure, "") }

// pipeListener hands out the far ends of pipes.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
