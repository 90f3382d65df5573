package stream

import (
	"time"

	"claimprover/hub"

	"github.com/prometheus/client_golang/prometheus"
)

// kind is a transport.
type kind int

const (
	eventStream kind = iota
	webSocket
)

// kinds are the transports' words for the metrics, and how often each shows that we are there.
var kinds = [...]struct {
	label     string
	heartbeat time.Duration
}{
	eventStream: {"sse", 15 * time.Second},
	webSocket:   {"websocket", 30 * time.Second},
}

// metrics are the figures of all streams. Their children are looked up once: an event is counted for each reader.
type metrics struct {
	kinds  [len(kinds)]perKind
	closed [endings]prometheus.Counter
	lag    prometheus.Histogram
}

type perKind struct {
	open   prometheus.Gauge
	events prometheus.Counter
}

func newMetrics(h *hub.Hub, registerer prometheus.Registerer) *metrics {
	subscribers := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "claimprover_stream_subscribers", Help: "Open event streams."}, []string{"transport"})
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "claimprover_stream_events_total", Help: "Events written to streams."}, []string{"transport"})
	closed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "claimprover_stream_closed_total", Help: "Streams that ended, by reason."}, []string{"reason"})
	m := &metrics{lag: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "claimprover_stream_lag_seconds", Help: "From the making of an event to its writing: one in 32 of the readers who keep up, each of the others.",
		Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 10}})}
	for k, its := range kinds {
		m.kinds[k] = perKind{subscribers.WithLabelValues(its.label), events.WithLabelValues(its.label)}
	}
	for why := open + 1; why < endings; why++ {
		m.closed[why] = closed.WithLabelValues(farewell[why].label)
	}
	if registerer != nil {
		registerer.MustRegister(subscribers, events, closed, m.lag, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "claimprover_stream_replaced_total", Help: "Events that a reader was too slow for; he got a newer one."},
			func() float64 { return float64(h.Counts().Replaced) }))
	}
	return m
}

func (m *metrics) of(w wire) *perKind { return &m.kinds[w.kind()] }

// wrote tells how late m is. Nil, and what has no time, tell nothing.
func (m *metrics) wrote(last *hub.Message) {
	if last != nil && !last.At.IsZero() {
		m.lag.Observe(time.Since(last.At).Seconds())
	}
}
