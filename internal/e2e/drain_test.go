package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
)

// draining waits until the service says that it is.
func (s *service) draining() {
	s.t.Helper()
	s.terminate()
	require.Eventually(s.t, func() bool { return s.call("GET", "/readyz", "").StatusCode == 503 }, 10*time.Second, 5*time.Millisecond)
}

func TestDrain(t *testing.T) {
	t.Parallel()

	t.Run("running jobs may finish, pending ones end retryable, every follower sees the end", func(t *testing.T) {
		t.Parallel()
		s := start(t, "MOCK_DELAY=3s", "WORKER_COUNT=1")
		running := s.submit(newClaim(t))
		body := newClaim(t)
		pending := s.submit(body)
		followed := s.sse(running.URLs.Events)
		waiting := s.sse(pending.URLs.Events)
		socket := s.webSocket(running.URLs.Events, nil)
		figures := s.webSocket("/v1/events", nil)
		s.draining()

		ready := s.call("GET", "/readyz", "")
		var r api.Ready
		require.NoError(t, json.Unmarshal(ready.body, &r))
		require.False(t, r.Ready)
		refused := s.call("POST", "/v1/jobs", newClaim(t), withKey)
		require.Equal(t, 503, refused.StatusCode)
		require.Equal(t, "shutting_down", refused.fault(t).Code)
		require.NotEmpty(t, refused.Header.Get("Retry-After"))
		require.Equal(t, 200, s.call("GET", "/livez", "").StatusCode)

		// The dApp of the Rust service polls on and takes any "failed" for its job's end: it must see its job run.
		polled := s.call("GET", "/status/"+running.JobID, "").job(t)
		require.Equal(t, "running", polled.Status)
		late := events(t, s.sse(running.URLs.Events).Body) // reads stay open, new streams too
		wantInOrder(t, late)
		require.Equal(t, "completed", late[len(late)-1].Type)

		all := events(t, followed.Body)
		require.Equal(t, "completed", all[len(all)-1].Type)
		ended := events(t, waiting.Body)
		last := ended[len(ended)-1].Job
		require.Equal(t, "shutting_down", last.Code)
		require.True(t, *last.Retryable)
		for {
			_, raw, err := socket.Read(t.Context())
			if err != nil {
				require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(err))
				break
			}
			require.NotContains(t, string(raw), `"type":"failed"`)
		}
		for {
			if _, _, err := figures.Read(t.Context()); err != nil {
				require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(err))
				break
			}
		}
		s.stop()
		require.Contains(t, s.logged(), `"msg":"drained"`)
	})

	t.Run("what is not done in time ends as shutting_down", func(t *testing.T) {
		t.Parallel()
		s := start(t, "MOCK_DELAY=60s", "SHUTDOWN_TIMEOUT_SECONDS=1")
		j := s.submit(newClaim(t))
		stream := s.sse(j.URLs.Events)
		begin := time.Now()
		s.stop()
		require.Less(t, time.Since(begin), 20*time.Second)
		all := events(t, stream.Body)
		require.Equal(t, "shutting_down", all[len(all)-1].Job.Code)
	})
}

// TestSeedDApp is the polling loop of the Rust service's dApp: it reads neither status nor headers, and any body that
// says "failed" ends the claim for its user.
func TestSeedDApp(t *testing.T) {
	t.Parallel()

	poll := func(s *service, id string) (status string, body map[string]any) {
		a := s.call("GET", "//status/"+id, "")
		require.NoError(s.t, json.Unmarshal(a.body, &body))
		status, _ = body["status"].(string)
		return status, body
	}

	t.Run("a job that runs while the service drains is polled to its proof", func(t *testing.T) {
		t.Parallel()
		s := start(t, "ALLOW_ANONYMOUS=true", "MOCK_DELAY=2s")
		a := s.call("POST", "/", newClaim(t))
		require.Equal(t, 200, a.StatusCode)
		require.Equal(t, 1, strings.Count(string(a.body), "jobId"))
		var accepted api.Accepted
		require.NoError(t, json.Unmarshal(a.body, &accepted))
		s.terminate()
		for range 1000 { // the process lives for as long as the job runs, and then a little
			status, body := poll(s, accepted.JobID)
			require.NotEqual(t, "failed", status, "%v", body)
			if status == "completed" {
				require.Equal(t, "0x", body["zkProof"])
				return
			}
		}
		t.Fatal("never completed")
	})

	t.Run("a refused submission has its reason in message, and the loop survives a full queue", func(t *testing.T) {
		t.Parallel()
		s := start(t, "ALLOW_ANONYMOUS=true", "MOCK_DELAY=1s", "QUEUE_CAPACITY=1", "WORKER_COUNT=1", "IP_RATE_LIMIT_MAX_REQUESTS=100")
		var first api.Accepted
		require.NoError(t, json.Unmarshal(s.call("POST", "/", newClaim(t)).body, &first))
		full := false
		for range 5 {
			if a := s.call("POST", "/", newClaim(t)); a.StatusCode != 200 {
				require.Equal(t, 503, a.StatusCode)
				require.Equal(t, "queue_full", a.fault(t).Code)
				require.NotEmpty(t, a.fault(t).Message)
				full = true
			}
		}
		require.True(t, full)
		for {
			status, body := poll(s, first.JobID)
			require.NotEqual(t, "failed", status, "%v", body)
			if status == "completed" {
				return
			}
		}
	})

	t.Run("a failed job is told by error while polling, an unknown one is a 404 that says failed", func(t *testing.T) {
		t.Parallel()
		s := start(t, "ALLOW_ANONYMOUS=true")
		a := s.call("GET", "/status/non-existent-job-id", "")
		require.Equal(t, http.StatusNotFound, a.StatusCode)
		require.Equal(t, "failed", a.fault(t).Status)
		require.NotEmpty(t, a.fault(t).Error)
	})
}
