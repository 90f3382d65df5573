package server

import (
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Admin is the operator's listener: metrics and profiles. It must not be reachable by anybody else.
func Admin(metrics prometheus.Gatherer, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	// Without /debug/pprof/cmdline: a secret may have been given as a flag.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: arrivalTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes,
		WriteTimeout: 2 * time.Minute, // a profile of a minute
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
