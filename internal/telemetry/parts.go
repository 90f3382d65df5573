package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/verify"
)

// Timed measures how long each of the checks takes, by its name.
func Timed(r prometheus.Registerer, checks []verify.Check) []verify.Check {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "claimprover_verify_duration_seconds", Help: "How long a check of a proof took.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .05, .1, .5, 1, 5, 30},
	}, []string{"method"})
	r.MustRegister(took)
	timed := make([]verify.Check, len(checks))
	for i, check := range checks {
		timed[i] = func(ctx context.Context, s verify.Subject) (string, error) {
			began := time.Now()
			name, err := check(ctx, s)
			took.WithLabelValues(name).Observe(time.Since(began).Seconds())
			return name, err
		}
	}
	return timed
}

// Watched counts the writes and reads that s could not do. What it refuses is no trouble of the store.
func Watched(r prometheus.Registerer, s jobs.Store) jobs.Store {
	failed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "claimprover_store_errors_total", Help: "What the store of jobs could not do, by operation.",
	}, []string{"op"})
	r.MustRegister(failed)
	return watched{s, failed}
}

type watched struct {
	jobs.Store
	failed *prometheus.CounterVec
}

func (w watched) note(op string, err error) {
	if err == nil || errors.Is(err, fault.ErrStale) || errors.Is(err, context.Canceled) {
		return
	}
	if code := fault.Of(err).Code; code == fault.Internal || code == fault.Unavailable {
		w.failed.WithLabelValues(op).Inc()
	}
}

func (w watched) Admit(ctx context.Context, j jobs.Job) (jobs.Job, jobs.Disposition, error) {
	j, d, err := w.Store.Admit(ctx, j)
	w.note("admit", err)
	return j, d, err
}

func (w watched) Swap(ctx context.Context, id jobs.ID, l *jobs.Lease, next func(jobs.Job) (jobs.Job, error)) (jobs.Job, error) {
	j, err := w.Store.Swap(ctx, id, l, next)
	w.note("swap", err)
	return j, err
}

func (w watched) Get(ctx context.Context, id jobs.ID) (jobs.Job, error) {
	j, err := w.Store.Get(ctx, id)
	w.note("get", err)
	return j, err
}

func (w watched) Leave(ctx context.Context, id jobs.ID, o jobs.Owner) (jobs.Job, error) {
	j, err := w.Store.Leave(ctx, id, o)
	w.note("leave", err)
	return j, err
}
