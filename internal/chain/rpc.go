package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/prometheus/client_golang/prometheus"
)

// RPCOptions tune an [RPC]; the zero value is ready for use.
type RPCOptions struct {
	ChainID     uint64        // that every endpoint must serve; 0: that of the first answer
	Timeout     time.Duration // of one question with all its tries; 0: 10 s
	Concurrency int           // questions on their way at once; 0: 16
	MaxLag      time.Duration // by which a head may be older than the newest one ever seen; 0: a minute
	Metrics     *Metrics      // nil: nobody counts
	Logger      *slog.Logger  // nil: silent
}

// RPC asks the first endpoint that can answer. It keeps from an endpoint that failed time and again, and tries it anew
// after a while, so that a dead one costs its callers no time.
type RPC struct {
	opts  RPCOptions
	nodes []*node // in order of preference
	slots bulkhead.Bulkhead[any]
	retry failsafe.Executor[any]

	mu      sync.Mutex
	chainID uint64 // guarded by mu; 0: not known yet
	newest  Block  // guarded by mu; of any endpoint
}

// How long and how often an endpoint is tried.
const (
	tries         = 3 // of a question
	failuresToCut = 5 // in a row, until an endpoint is left alone
	cutFor        = 2 * time.Second
	trialTime     = 2 * time.Second // of the question that finds out whether it is back
)

// Why a question was not put, or ended.
var (
	errCut  = errors.New("every endpoint has failed too often just now")
	errTime = errors.New("the time for a question to the chain is over")
)

// NewRPC makes one of endpoints (http, https, ws, wss) in order of preference. It connects to none yet; Close lets go of
// their connections.
func NewRPC(urls []string, o RPCOptions) (*RPC, error) {
	if len(urls) == 0 {
		return nil, errors.New("no RPC endpoint is set")
	}
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.Concurrency = cmp.Or(o.Concurrency, 16)
	o.MaxLag = cmp.Or(o.MaxLag, time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	r := &RPC{opts: o, chainID: o.ChainID, slots: bulkhead.New[any](uint(o.Concurrency))}
	r.retry = failsafe.With(retrypolicy.NewBuilder[any]().WithMaxAttempts(tries).AbortOnErrors(errCut).
		WithBackoff(50*time.Millisecond, 500*time.Millisecond).WithJitterFactor(.25).ReturnLastFailure().Build())
	client := newHTTPClient(o.Concurrency)
	for i, url := range urls {
		n := &node{name: fmt.Sprintf("RPC %d", i+1), url: url, http: client}
		n.breaker = newBreaker(n, o.Metrics.cut, o.Logger)
		r.nodes = append(r.nodes, n)
	}
	return r, nil
}

// newBreaker cuts an endpoint off after failures, and says so once.
func newBreaker(n *node, cut prometheus.Gauge, log *slog.Logger) circuitbreaker.CircuitBreaker[any] {
	log = log.With("endpoint", n.name)
	return circuitbreaker.NewBuilder[any]().WithFailureThreshold(failuresToCut).WithSuccessThreshold(1).WithDelay(cutFor).
		OnOpen(func(e circuitbreaker.StateChangedEvent) {
			if e.OldState == circuitbreaker.ClosedState { // not each time that it is tried in vain
				cut.Inc()
				log.Warn("rpc endpoint left alone until it answers", "err", *n.lastTrouble.Load())
			}
		}).
		OnClose(func(circuitbreaker.StateChangedEvent) {
			cut.Dec()
			log.Info("rpc endpoint answers again")
		}).
		Build()
}

// Close ends connections; what is on its way may fail.
func (r *RPC) Close() {
	for _, n := range r.nodes {
		n.close()
	}
}

// ask gives the first good answer within Timeout. An error is a fault.Error of rpc_unavailable, or wraps the cause of
// ctx's end.
func (r *RPC) ask(ctx context.Context, q question) (answer, error) {
	asking, cancel := r.within(ctx)
	defer cancel()
	var a answer
	err := r.slots.AcquirePermit(asking)
	if err == nil {
		defer r.slots.ReleasePermit()
		err = r.retry.WithContext(asking).Run(func() (err error) {
			a, err = r.once(asking, q)
			return err
		})
	}
	switch {
	case err == nil:
		return a, nil
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTime):
		return answer{}, fmt.Errorf("asking the chain: %w", context.Cause(ctx))
	case asking.Err() != nil && !isTrouble(err):
		err = errTime
	}
	return answer{}, unavailable(err)
}

// within bounds several questions that make one answer by the time for one.
func (r *RPC) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.opts.Timeout, errTime)
}

func isTrouble(err error) bool {
	_, ok := errors.AsType[trouble](err)
	return ok
}

// away says that no endpoint is trusted to answer: each was cut, and has not answered since.
func (r *RPC) away() bool {
	return !slices.ContainsFunc(r.nodes, func(n *node) bool { return n.breaker.IsClosed() })
}

// once tries each endpoint that is not cut, the preferred first.
func (r *RPC) once(ctx context.Context, q question) (answer, error) {
	var failures error
	for _, n := range r.nodes {
		if !n.breaker.TryAcquirePermit() {
			continue
		}
		a, err := r.try(ctx, n, q)
		if err == nil {
			return a, nil
		}
		failures = errors.Join(failures, fmt.Errorf("%s: %w", n.name, err))
		if ctx.Err() != nil {
			break
		}
	}
	if failures == nil {
		return answer{}, errCut
	}
	return answer{}, failures
}

// try asks one endpoint, within a share of the time that leaves some for the others, and records how it did.
func (r *RPC) try(ctx context.Context, n *node, q question) (answer, error) {
	share := r.opts.Timeout / time.Duration(len(r.nodes)+1)
	trial := n.breaker.IsHalfOpen()
	if trial {
		share = min(share, trialTime)
	}
	asking, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	a, err := n.ask(asking, q)
	if err == nil {
		err = r.accept(a, q)
	}
	switch {
	case err == nil:
		n.breaker.RecordSuccess()
	case !trial && errors.Is(ctx.Err(), context.Canceled): // the caller left: that says nothing about the endpoint
		return a, err
	default:
		n.lastTrouble.Store(new(err.Error()))
		n.breaker.RecordFailure()
	}
	r.opts.Metrics.asked.WithLabelValues(string(resultOf(err))).Inc()
	return a, err
}

// accept judges what an endpoint gave: the right chain, a head that is not left behind, and what the asker demands.
func (r *RPC) accept(a answer, q question) error {
	if err := r.compareOne(a); err != nil {
		return err
	}
	if q.judge != nil {
		if err := q.judge(a); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.chainID == 0 {
		r.chainID = a.chainID
	}
	if a.head.Time.After(r.newest.Time) {
		r.newest = a.head
	}
	return nil
}
