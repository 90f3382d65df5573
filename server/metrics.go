package server

import "github.com/prometheus/client_golang/prometheus"

func (s *Server) registerMetrics(r prometheus.Registerer) {
	s.durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "claimprover_http_request_duration_seconds", Help: "Time to answer a request, streams apart.",
		Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 60},
	}, []string{"route", "method", "code"})
	s.results = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "claimprover_submissions_total", Help: "Submissions, by queued, joined, cached or the code they were refused with.",
	}, []string{"result"})
	s.limited = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "claimprover_rate_limited_total", Help: "Submissions refused by a window, by its policy.",
	}, []string{"policy"})
	r.MustRegister(s.durations, s.results, s.limited)
}
