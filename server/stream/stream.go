// Package stream carries the messages of a hub to one reader each, as Server-Sent Events or over a WebSocket.
//
// It owns every connection it serves: the handler returns as soon as the stream stands, which gives net/http's buffers
// back, and the connection lives on in two goroutines of [Streams], one that does what has to be waited for and one that
// notices what the peer does. Events for those who keep up are written by a small crew for all of them. Each stream
// follows its topic first, reads the present state next and drops what is not newer, so it misses nothing and never goes
// back; at each heartbeat it reads the state once more, so that not even a lost message matters.
// All methods of [Streams] may be called from many goroutines.
//
// The package knows neither jobs nor who may read them: the caller looks up and authorises, and hands over a
// [Subscription].
package stream

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"claimprover/hub"
	"claimprover/internal/api"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

const (
	// snapshotTimeout bounds one look at the state, and one look-up for a client's operation.
	snapshotTimeout = 10 * time.Second
	// maxJobs is how many jobs one shared WebSocket may follow.
	maxJobs = 100
)

// Subscription is what one connection follows. Its functions outlive the request, so they must not use its context.
type Subscription struct {
	Topic hub.Topic
	// Snapshot reads the state as it is now. Its message is of Topic; fault.NotFound says that there is nothing to
	// follow any more.
	Snapshot func(context.Context) (*hub.Message, error)
	// Seen is the version of the last message that the client got on an earlier connection; see [LastEventID].
	Seen uint64
	// Peer is the client's address, for the cap of streams per address.
	Peer netip.Addr
	// Resolve turns a client's operation "subscribe" into what it wants to follow, or refuses. A WebSocket with it may
	// follow many jobs and stays open when they end; without it a stream ends with its topic.
	Resolve func(context.Context, api.Operation) (Subscription, error)
}

// Options tune Streams; the zero value is ready for use.
type Options struct {
	MaxStreams int                   // open at one time; 0: no limit
	MaxPerIP   int                   // of those, from one IPv4 address or one IPv6 /64; 0: no limit
	Origins    Origins               // whose pages may open a WebSocket; the zero value: only our own
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: the figures are kept for nobody
}

// Streams owns all open streams and says how many there may be.
type Streams struct {
	hub     *hub.Hub
	options Options
	log     *slog.Logger
	metrics *metrics
	frames  [len(kinds)]frames
	crew    crew
	life    context.Context // of what is read for open streams; ends when Drain begins
	kill    context.CancelFunc
	mutter  rate.Sometimes // one line a minute about a store that is away, not one for each stream

	mu       sync.Mutex
	held     int                // guarded by mu; slots taken, by streams and long-polls
	perIP    map[string]int     // guarded by mu
	links    map[*link]struct{} // guarded by mu
	refusing bool               // guarded by mu
	draining chan struct{}      // closed, under mu, when Drain begins
	idle     chan struct{}      // closed, under mu, when the last slot is free after that
}

// New makes an owner without streams. It must be drained.
func New(h *hub.Hub, o Options) *Streams {
	s := &Streams{
		hub:      h,
		options:  o,
		log:      o.Logger,
		metrics:  newMetrics(h, o.Registerer),
		perIP:    make(map[string]int),
		links:    make(map[*link]struct{}),
		draining: make(chan struct{}),
		idle:     make(chan struct{}),
		mutter:   rate.Sometimes{Interval: time.Minute},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.crew.most, s.crew.metrics = runtime.GOMAXPROCS(0), s.metrics
	s.life, s.kill = context.WithCancel(context.Background())
	return s
}

// Serve answers with a WebSocket if r asks for one, else with SSE. See [Streams.ServeSSE] for what an error means.
func (s *Streams) Serve(w http.ResponseWriter, r *http.Request, sub Subscription) error {
	if IsUpgrade(r) {
		return s.ServeWebSocket(w, r, sub)
	}
	return s.ServeSSE(w, r, sub)
}

// open takes a place, follows what sub names and reads its state. The caller starts the link or lets it leave.
func (s *Streams) open(ctx context.Context, sub Subscription) (*link, *hub.Message, error) {
	release, err := s.Acquire(sub.Peer)
	if err != nil {
		return nil, nil, err
	}
	l := &link{
		streams: s,
		release: release,
		behind:  make(chan struct{}, 1),
		ending:  make(chan ending, 1),
		over:    make(chan struct{}),
	}
	l.turn.Lock() // until the first state is sent
	l.follower = s.hub.NewFollower(func() { s.crew.call(l) })
	first, err := l.follow(ctx, "", sub)
	if err != nil {
		l.leave()
		return nil, nil, fmt.Errorf("reading the first state of a stream: %w", err)
	}
	return l, first, nil
}

// knows says whether the client has m already and need not be sent it. What is told of a pending job may be out of date
// at the same version.
func (s Subscription) knows(m *hub.Message) bool { return s.Seen == m.Version && !m.Volatile }

// start hands the connection to its goroutines, unless all streams are being ended: then it ends at once.
func (s *Streams) start(l *link, wire wire, first *hub.Message) {
	l.wire = wire
	s.metrics.of(wire).open.Inc()
	s.mu.Lock()
	s.links[l] = struct{}{}
	s.mu.Unlock()
	select {
	case <-s.draining:
		l.finish(draining)
	default:
	}
	l.reading.Go(l.listen)
	go l.run(first) // counted by its slot
}

// ended takes a stream off the books.
func (s *Streams) ended(l *link, why ending) {
	s.mu.Lock()
	delete(s.links, l)
	s.mu.Unlock()
	s.metrics.of(l.wire).open.Dec()
	s.metrics.closed[why].Inc()
}

// storeAway logs that heartbeats could not read what they wanted to compare.
func (s *Streams) storeAway(err error) {
	s.mutter.Do(func() { s.log.Warn("streams could not check the state", "err", err) })
}

// panicked logs what would have ended the process: net/http guards its own goroutines only.
func (s *Streams) panicked(p any) {
	s.log.Error("stream panicked", "panic", p, "stack", string(debug.Stack()))
}
