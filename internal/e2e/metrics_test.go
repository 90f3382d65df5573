package e2e

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMetricsHaveTheirNames: dashboards and alerts are made of them.
func TestMetricsHaveTheirNames(t *testing.T) {
	t.Parallel()
	s := start(t, "MOCK_DELAY=1ms", "RATE_LIMIT_MAX_REQUESTS=1")
	body := newClaim(t)
	s.submit(body, "Prefer: wait=20")
	s.sse(s.submit(body).URLs.Events)
	res, err := http.Get(s.admin + "/metrics")
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	for _, name := range []string{
		"build_info", "submissions_total", "jobs_ended_total", "http_request_duration_seconds", "queue_wait_seconds",
		"prove_duration_seconds", "phase_duration_seconds", "jobs", "queue_capacity", "workers", "queue_oldest_age_seconds",
		"stream_subscribers", "stream_events_total", "stream_replaced_total", "stream_closed_total", "stream_lag_seconds",
		"rpc_requests_total", "rpc_breaker_open",
	} {
		require.Contains(t, string(text), "# TYPE claimprover_"+name+" ")
	}
	require.Contains(t, string(text), `claimprover_jobs_ended_total{outcome="completed"} 1`)
	require.Contains(t, string(text), `claimprover_submissions_total{result="cached"} 1`)
}
