package telemetry

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// NewRegistry makes a registry with what every process says of itself.
func NewRegistry(version, mode string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "claimprover_build_info", Help: "1, with the version and the prover mode as labels.",
	}, []string{"version", "prover"})
	info.WithLabelValues(version, mode).Set(1)
	r.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// longBuckets fit what takes from a blink to half an hour, in seconds.
var longBuckets = []float64{.1, .5, 1, 5, 15, 30, 60, 120, 240, 420, 600, 900, 1800}

// Jobs are the metrics of jobs, and the line that tells a job's whole story when it ends.
type Jobs struct {
	store jobs.Store
	mode  string
	log   *slog.Logger

	ended *prometheus.CounterVec
	wait  prometheus.Histogram
	prove *prometheus.HistogramVec
	phase *prometheus.HistogramVec

	inFlight, oldest *prometheus.Desc

	made, overran atomic.Uint64
}

// NewJobs registers the metrics of store's jobs.
func NewJobs(r prometheus.Registerer, store jobs.Store, mode string, capacity, workers int, log *slog.Logger) *Jobs {
	j := &Jobs{
		store: store, mode: mode, log: log,
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimprover_jobs_ended_total", Help: "Jobs that ended, by completed or the code they failed with.",
		}, []string{"outcome"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "claimprover_queue_wait_seconds", Help: "From acceptance until a worker took the job.", Buckets: longBuckets,
		}),
		prove: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "claimprover_prove_duration_seconds", Help: "From a worker's taking a job to its end, checks included.", Buckets: longBuckets,
		}, []string{"prover", "outcome"}),
		phase: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "claimprover_phase_duration_seconds", Help: "How long a phase of the prover took.", Buckets: longBuckets,
		}, []string{"phase"}),
		inFlight: prometheus.NewDesc("claimprover_jobs", "Jobs in flight, by status.", []string{"status"}, nil),
		oldest:   prometheus.NewDesc("claimprover_queue_oldest_age_seconds", "How long the job at the head of the queue has waited.", nil, nil),
	}
	places := prometheus.NewGauge(prometheus.GaugeOpts{Name: "claimprover_queue_capacity", Help: "Places in the queue."})
	places.Set(float64(capacity))
	hands := prometheus.NewGauge(prometheus.GaugeOpts{Name: "claimprover_workers", Help: "Proofs made at once."})
	hands.Set(float64(workers))
	r.MustRegister(j.ended, j.wait, j.prove, j.phase, places, hands, j)
	return j
}

// Describe names what is read from the store at each scrape.
func (j *Jobs) Describe(ch chan<- *prometheus.Desc) {
	ch <- j.inFlight
	ch <- j.oldest
}

// Collect reads the store's figures. A store that cannot be asked leaves them out.
func (j *Jobs) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	f, err := j.store.Figures(ctx)
	if err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(j.inFlight, prometheus.GaugeValue, float64(f.Pending), "pending")
	ch <- prometheus.MustNewConstMetric(j.inFlight, prometheus.GaugeValue, float64(f.Running), "running")
	age := 0.0
	if !f.OldestPending.IsZero() {
		age = time.Since(f.OldestPending).Seconds()
	}
	ch <- prometheus.MustNewConstMetric(j.oldest, prometheus.GaugeValue, age)
}

// Ended measures a job that has ended and writes its line.
func (j *Jobs) Ended(job jobs.Job) {
	outcome, why := "completed", job.Outcome.Failure
	if why != nil {
		outcome = string(why.Code)
	}
	j.ended.WithLabelValues(outcome).Inc()
	switch {
	case why == nil:
		j.made.Add(1)
	case why.Code == fault.Timeout:
		j.overran.Add(1)
	}
	attrs := []slog.Attr{
		slog.String("job", jobs.Label(job.ID)), slog.String("outcome", outcome), slog.String("key", string(job.Owners[0])),
		slog.Int("owners", len(job.Owners)), slog.Any("verified_by", job.VerifiedBy),
		slog.Float64("duration_s", job.Outcome.At.Sub(job.CreatedAt).Seconds()),
	}
	if !job.StartedAt.IsZero() {
		attrs = append(attrs, j.ran(job, outcome)...)
	}
	level := slog.LevelInfo
	if why != nil {
		attrs = append(attrs, slog.String("code", string(why.Code)))
		if why.Code != fault.Cancelled && why.Code != fault.ShuttingDown {
			level = slog.LevelWarn
			attrs = append(attrs, slog.Any("err", why))
		}
	}
	j.log.LogAttrs(context.Background(), level, "job ended", attrs...)
}

// Totals are the proofs made and the timeouts since the start.
func (j *Jobs) Totals() (made, overran uint64) { return j.made.Load(), j.overran.Load() }

// ran measures what only a job that had a worker has.
func (j *Jobs) ran(job jobs.Job, outcome string) []slog.Attr {
	waited, ran := job.StartedAt.Sub(job.CreatedAt), job.Outcome.At.Sub(job.StartedAt)
	j.wait.Observe(waited.Seconds())
	j.prove.WithLabelValues(j.mode, outcome).Observe(ran.Seconds())
	for i, m := range job.Timeline[:len(job.Timeline)-1] {
		if m.Phase != "" {
			j.phase.WithLabelValues(phaseLabel(m.Phase)).Observe(job.Timeline[i+1].At.Sub(m.At).Seconds())
		}
	}
	attrs := []slog.Attr{slog.Float64("waited_s", waited.Seconds()), slog.Float64("ran_s", ran.Seconds())}
	if r := job.Request; r.ID != "" {
		attrs = append(attrs, slog.String("request", r.ID), slog.Uint64("cycles", r.Cycles), slog.String("cost", r.Cost))
	}
	return attrs
}

// phaseLabel keeps labels a closed set: a prover's words are its own.
func phaseLabel(phase string) string {
	switch phase {
	case "executing", "proving", "wrapping", "uploading", "requested", "no bids yet", "assigned", "downloading", "checking":
		return phase
	default:
		return "other"
	}
}
