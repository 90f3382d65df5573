package network

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	"claimprover/internal/fault"
	"claimprover/prover/network/internal/spn"
)

// How a request has ended, to whoever counts; what the network says of it is in endOf.
const (
	endFulfilled = "fulfilled" // its proof was fetched
	endUnusable  = "unusable"  // what was fetched is no proof of its claim
	endWithdrawn = "withdrawn" // its job was cancelled by its owner
	endRefused   = "refused"   // the network did not take it
)

var endOf = map[*fault.Error]string{
	failRefused: "unexecutable", failLimits: "unexecutable", failExecution: "unexecutable", failMismatch: "mismatch", failReverted: "reverted",
	failUnfulfillable: "unfulfillable", failExpired: "expired", failVanished: "vanished", failNoBids: "no_bids",
}

// metrics are what a client counts. Each request is counted, and charged, once, however often it is looked at.
type metrics struct {
	requests *prometheus.CounterVec
	errors   *prometheus.CounterVec
	spent    prometheus.Counter
	resumed  prometheus.Counter

	mu      sync.Mutex
	ended   []common.Hash // guarded by mu: the newest requests that were counted
	charged []common.Hash // guarded by mu
}

// remembered is how many requests are known as counted. Two looks at one request are never that many requests apart.
const remembered = 1024

func newMetrics() *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimprover_network_requests_total", Help: "Requests to the prover network that have ended, by outcome.",
		}, []string{"outcome"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimprover_network_errors_total", Help: "Calls to the prover network, and transfers, that did not succeed, by code.",
		}, []string{"code"}),
		spent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "claimprover_network_spent_prove_total", Help: "What requests on mainnet have cost, in PROVE.",
		}),
		resumed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "claimprover_network_resumed_total", Help: "Requests of an earlier job, or process, that were taken up instead of making a new one.",
		}),
	}
	for _, end := range append([]string{endFulfilled, endUnusable, endWithdrawn, endRefused}, slices.Collect(maps.Values(endOf))...) {
		m.requests.WithLabelValues(end)
	}
	for _, t := range Troubles {
		m.errors.WithLabelValues(t)
	}
	return m
}

// Describe implements [prometheus.Collector].
func (c *Client) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements [prometheus.Collector] with what the client has counted.
func (c *Client) Collect(ch chan<- prometheus.Metric) {
	for _, m := range []prometheus.Collector{c.metrics.requests, c.metrics.errors, c.metrics.spent, c.metrics.resumed} {
		m.Collect(ch)
	}
}

// end counts a request's outcome.
func (m *metrics) end(id common.Hash, how string) {
	if m.first(&m.ended, id) {
		m.requests.WithLabelValues(how).Inc()
	}
}

// charge counts what a request on mainnet has cost, in wei of PROVE.
func (m *metrics) charge(id common.Hash, cost string) {
	wei, err := amount(cost)
	if err == nil && m.first(&m.charged, id) {
		m.spent.Add(wei.Float64() / oneProve.Float64())
	}
}

var oneProve = uint256.NewInt(1e18)

// first says whether a request is not among those seen, and adds it. A zero id is nobody's.
func (m *metrics) first(seen *[]common.Hash, id common.Hash) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id == (common.Hash{}) {
		return true
	}
	if slices.Contains(*seen, id) {
		return false
	}
	if len(*seen) == remembered {
		*seen = slices.Delete(*seen, 0, 1)
	}
	*seen = append(*seen, id)
	return true
}

// fail counts a call that did not succeed. That a question's answer is no is no trouble.
func (m *metrics) fail(method spn.Method, err error) {
	asked := method == spn.GetProgram || method == spn.GetDetails
	if asked && code(err) == codes.NotFound {
		return
	}
	m.errors.WithLabelValues(Trouble(err)).Inc()
}

// Troubles are all that [Trouble] gives: gRPC's codes, and two of our own.
var Troubles = []string{
	"aborted", "already_exists", "canceled", "data_loss", "deadline_exceeded", "failed_precondition", "internal", "invalid_argument",
	"not_found", "out_of_range", "permission_denied", "resource_exhausted", "unauthenticated", "unavailable", "unimplemented", "unknown",
	"nonce", "transfer",
}

var codeNames = map[codes.Code]string{
	codes.Aborted: "aborted", codes.AlreadyExists: "already_exists", codes.Canceled: "canceled", codes.DataLoss: "data_loss",
	codes.DeadlineExceeded: "deadline_exceeded", codes.FailedPrecondition: "failed_precondition", codes.Internal: "internal",
	codes.InvalidArgument: "invalid_argument", codes.NotFound: "not_found", codes.OutOfRange: "out_of_range",
	codes.PermissionDenied: "permission_denied", codes.ResourceExhausted: "resource_exhausted", codes.Unauthenticated: "unauthenticated",
	codes.Unavailable: "unavailable", codes.Unimplemented: "unimplemented",
}

// Trouble names what a call came to that did not succeed: nonce when its nonce was not the account's next one, which
// only another process with the same key brings about; transfer when an artifact was not moved; else gRPC's code.
func Trouble(err error) string {
	if _, is := errors.AsType[*transferError](err); is {
		return "transfer"
	}
	if _, is := nonceTroubleOf(err); is {
		return "nonce"
	}
	if name, is := codeNames[code(err)]; is {
		return name
	}
	return "unknown" // also a number that gRPC does not know
}
