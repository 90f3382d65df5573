package chain

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// result is what became of a question to an endpoint, as a metric's label: a closed set.
type result string

// The results.
const (
	answered     result = "ok"
	timedOut     result = "timeout"
	noConnection result = "connection"
	badStatus    result = "status"      // of HTTP
	rpcError     result = "error"       // of JSON-RPC
	badAnswer    result = "bad_answer"  // of another form, with a part missing, or not of such a contract
	otherChain   result = "other_chain" // than the one that is asked about
	leftBehind   result = "behind"      // its newest block is too old
)

var results = []result{answered, timedOut, noConnection, badStatus, rpcError, badAnswer, otherChain, leftBehind}

// resultOf is the result of a question that ended with err.
func resultOf(err error) result {
	if err == nil {
		return answered
	}
	if t, ok := errors.AsType[trouble](err); ok {
		return t.result
	}
	return badAnswer
}

// Metrics say how endpoints do, of every [RPC] that is given them. They are a prometheus.Collector.
type Metrics struct {
	asked *prometheus.CounterVec
	cut   prometheus.Gauge
}

// NewMetrics makes them, all zero.
func NewMetrics() *Metrics {
	m := &Metrics{
		asked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimprover_rpc_requests_total", Help: "Questions put to an RPC endpoint, by what became of them.",
		}, []string{"result"}),
		cut: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "claimprover_rpc_breaker_open", Help: "RPC endpoints that are left alone for now, since they failed time and again.",
		}),
	}
	for _, r := range results {
		m.asked.WithLabelValues(string(r))
	}
	return m
}

// Describe and Collect make them a collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.asked.Describe(ch)
	m.cut.Describe(ch)
}

// Collect gives their values.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.asked.Collect(ch)
	m.cut.Collect(ch)
}
