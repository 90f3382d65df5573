package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/fault"
	"claimprover/prover/mock"
)

// TestRecordedClaims sends the claims that polkadot.js signed.
func TestRecordedClaims(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../../testdata/claims.json")
	require.NoError(t, err)
	var cases struct {
		Valid []struct {
			Name, PublicValues string
			Request            json.RawMessage
		}
		Invalid []struct {
			Name, Code string
			Request    json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal(file, &cases))
	s := start(t, withContract, withChain, "MOCK_DELAY=1ms", "KEY_RATE_LIMIT_MAX_REQUESTS=1000")
	for _, c := range cases.Valid {
		j := s.submit(string(c.Request), "Prefer: wait=30")
		require.Equal(t, "completed", j.Status, c.Name)
		require.False(t, *j.Verified, c.Name)
		require.Equal(t, api.Hex{}, *j.ZKProof, c.Name)
		values, _ := j.PublicValues.MarshalText()
		require.Equal(t, c.PublicValues, string(values), c.Name)
	}
	for _, c := range cases.Invalid {
		a := s.call("POST", "/v1/jobs", string(c.Request), withKey)
		require.Equal(t, c.Code, a.fault(t).Code, "%s: %s", c.Name, a.body)
		if c.Code == "invalid_input" {
			require.NotEmpty(t, a.fault(t).Fields, c.Name)
		}
	}
}

func TestSubmission(t *testing.T) {
	t.Parallel()
	s := start(t, "MOCK_DELAY=3s") // long enough for a slow machine to find its job in flight

	t.Run("queued is 202 with the job and its place, the same claim again is the same job", func(t *testing.T) {
		body := newClaim(t)
		first := s.call("POST", "/v1/jobs", body, withKey)
		require.Equal(t, 202, first.StatusCode)
		j := first.job(t)
		require.Equal(t, "/v1/jobs/"+j.JobID, first.Header.Get("Location"))
		require.NotEmpty(t, first.Header.Get("RateLimit"))
		again := s.call("POST", "/v1/jobs", body, "X-API-Key: "+otherKey)
		require.Equal(t, j.JobID, again.job(t).JobID)
		require.Equal(t, "completed", s.ended(j.JobID).Status)
		cached := s.call("POST", "/v1/jobs", body, withKey)
		require.Equal(t, 200, cached.StatusCode)
		require.Equal(t, j.JobID, cached.job(t).JobID, "an owner of the finished job gets that job back")
	})

	t.Run("somebody else's cache hit is a job of his own", func(t *testing.T) {
		body := newClaim(t)
		mine := s.submit(body, "Prefer: wait=30")
		a := s.call("POST", "/v1/jobs", body, "X-API-Key: "+otherKey)
		require.Equal(t, 200, a.StatusCode)
		theirs := a.job(t)
		require.True(t, theirs.Cached)
		require.NotEqual(t, mine.JobID, theirs.JobID)
		require.Equal(t, mine.PublicValues, theirs.PublicValues)
	})

	t.Run("Prefer: wait holds the answer until the job ends, or the time is over", func(t *testing.T) {
		a := s.call("POST", "/v1/jobs", newClaim(t), withKey, "Prefer: wait=20")
		require.Equal(t, 200, a.StatusCode)
		require.Equal(t, "completed", a.job(t).Status)
		a = s.call("POST", "/v1/jobs", newClaimFor(t, mock.Recipient(mock.Timeout)), withKey, "Prefer: wait=1")
		require.Equal(t, 202, a.StatusCode)
		require.Equal(t, "running", a.job(t).Status)
		require.Equal(t, 200, s.call("DELETE", "/v1/jobs/"+a.job(t).JobID, "", withKey).StatusCode)
	})

	t.Run("refusals before the body is read", func(t *testing.T) {
		body := newClaim(t)
		for name, c := range map[string]struct {
			headers []string
			body    string
			want    int
		}{
			"no credential":               {nil, body, 401},
			"a wrong key":                 {[]string{"X-API-Key: not-a-key-of-anybody"}, body, 401},
			"two credentials":             {[]string{withKey, "X-API-Key: " + otherKey}, body, 401},
			"another content type":        {[]string{withKey, "Content-Type: text/plain"}, body, 415},
			"too large":                   {[]string{withKey}, strings.Repeat(" ", 5000) + body, 413},
			"too large comes before auth": {nil, strings.Repeat(" ", 5000), 413},
		} {
			a := s.call("POST", "/v1/jobs", c.body, c.headers...)
			require.Equal(t, c.want, a.StatusCode, "%s: %s", name, a.body)
		}
	})
}

func TestReading(t *testing.T) {
	t.Parallel()
	s := start(t, "WORKER_COUNT=1", "MOCK_DELAY=1s")

	t.Run("the ETag covers version and place; a long-poll waits until it differs", func(t *testing.T) {
		first := s.submit(newClaimFor(t, mock.Recipient(mock.Timeout)))
		second := s.submit(newClaim(t))
		a := s.call("GET", second.URLs.Self, "")
		require.Equal(t, 1, a.job(t).Position)
		etag := a.Header.Get("ETag")
		require.Equal(t, http.StatusNotModified, s.call("GET", second.URLs.Self, "", "If-None-Match: "+etag).StatusCode)
		cancelled := make(chan answer, 1)
		go func() { cancelled <- s.call("DELETE", first.URLs.Self, "", withKey) }()
		waited := s.call("GET", second.URLs.Self, "", "If-None-Match: "+etag, "Prefer: wait=30")
		require.Equal(t, 200, waited.StatusCode)
		require.NotEqual(t, etag, waited.Header.Get("ETag"))
		require.Greater(t, waited.job(t).Version, second.Version)
		require.Equal(t, 200, (<-cancelled).StatusCode)
		s.ended(second.JobID)
	})

	t.Run("ids that are unknown, malformed or spelt otherwise are all the same 404", func(t *testing.T) {
		j := s.submit(newClaim(t))
		for _, id := range []string{"0b5f43a2-7f6d-4d55-8c0a-0f6f0c3e7a11", "x", strings.ToUpper(j.JobID), "{" + j.JobID + "}", strings.ReplaceAll(j.JobID, "-", ""), "urn:uuid:" + j.JobID} {
			for _, path := range []string{"/v1/jobs/" + id, "/status/" + id, "/v1/jobs/" + id + "/events"} {
				a := s.call("GET", path, "")
				require.Equal(t, 404, a.StatusCode, path)
				require.Equal(t, "not_found", a.fault(t).Code)
			}
		}
	})

	t.Run("the list holds the caller's own jobs, newest first, page by page", func(t *testing.T) {
		var ids []string
		for range 3 {
			ids = append([]string{s.call("POST", "/v1/jobs", newClaim(t), "X-API-Key: "+otherKey).job(t).JobID}, ids...)
		}
		var listed []string
		for cursor := ""; ; {
			a := s.call("GET", "/v1/jobs?limit=2&cursor="+cursor, "", "X-API-Key: "+otherKey)
			require.Equal(t, 200, a.StatusCode)
			var page api.JobList
			require.NoError(t, json.Unmarshal(a.body, &page))
			for _, j := range page.Jobs {
				listed = append(listed, j.JobID)
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		require.Equal(t, ids, listed)
		require.Equal(t, 401, s.call("GET", "/v1/jobs", "").StatusCode)
		for _, bad := range []string{"limit=0", "limit=101", "limit=x", "status=done", "cursor=%21"} {
			require.Equal(t, 400, s.call("GET", "/v1/jobs?"+bad, "", withKey).StatusCode, bad)
		}
		require.Len(t, s.call("GET", "/v1/jobs?limit=0&status=done", "", withKey).fault(t).Fields, 2, "all that is wrong is said at once")
	})

	t.Run("paths: doubled slashes fold, dot segments do not, HEAD works where GET does", func(t *testing.T) {
		j := s.submit(newClaim(t))
		require.Equal(t, 200, s.call("GET", "//status//"+j.JobID, "").StatusCode)
		for _, path := range []string{"/v1/jobs/../stats", "/v1/jobs/%2e%2e/stats", "/nope", "/health/", "/%2fhealth", "/v1%2Fjobs", "/v1%2fstats", "/v1/jobs/" + j.JobID + "/"} {
			require.Equal(t, 404, s.call("GET", path, "").StatusCode, path)
		}
		for _, path := range []string{"/", "/health", "/livez", "/readyz", "/v1/stats", "/client.js", "/openapi.json", "/v1/jobs/" + j.JobID, "/status/" + j.JobID, "/v1/jobs/" + j.JobID + "/events", "/v1/events"} {
			a := s.call("HEAD", path, "")
			require.Equal(t, 200, a.StatusCode, path)
			require.Empty(t, a.body)
		}
		a := s.call("PUT", "/v1/jobs", "{}")
		require.Equal(t, 405, a.StatusCode)
		require.Equal(t, "method_not_allowed", a.fault(t).Code)
		require.Equal(t, "GET, HEAD, POST", a.Header.Get("Allow"))
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := start(t, "WORKER_COUNT=1", "MOCK_DELAY=30s")
	running := s.submit(newClaim(t))
	body := newClaim(t)
	pending := s.submit(body)

	require.Equal(t, 403, s.call("DELETE", pending.URLs.Self, "", "X-API-Key: "+otherKey).StatusCode, "not an owner")
	require.Equal(t, 401, s.call("DELETE", pending.URLs.Self, "").StatusCode)
	require.Equal(t, 404, s.call("DELETE", "/v1/jobs/0b5f43a2-7f6d-4d55-8c0a-0f6f0c3e7a11", "", withKey).StatusCode)

	// Two owners: one leaves and the job goes on; the last one's leaving ends it.
	require.Equal(t, 202, s.call("POST", "/v1/jobs", body, "X-API-Key: "+otherKey).StatusCode)
	require.Equal(t, "pending", s.call("DELETE", pending.URLs.Self, "", withKey).job(t).Status)
	require.Equal(t, 403, s.call("DELETE", pending.URLs.Self, "", withKey).StatusCode)
	gone := s.call("DELETE", pending.URLs.Self, "", "X-API-Key: "+otherKey).job(t)
	require.Equal(t, "failed", gone.Status)
	require.Equal(t, "cancelled", gone.Code)
	a := s.call("DELETE", pending.URLs.Self, "", "X-API-Key: "+otherKey)
	require.Equal(t, 409, a.StatusCode)
	require.Equal(t, "already_finished", a.fault(t).Code)

	require.Equal(t, "cancelled", s.call("DELETE", running.URLs.Self, "", withKey).job(t).Code)
	again := s.submit(body) // the claim is free, and the worker too
	require.NotEqual(t, pending.JobID, again.JobID)
	moved := s.call("GET", again.URLs.Self, "", `If-None-Match: "1-1"`, "Prefer: wait=10").job(t)
	require.Equal(t, "running", moved.Status)
}

// TestFailures has every way a job can end, as the mock prover gives them on demand.
func TestFailures(t *testing.T) {
	t.Parallel()
	s := start(t, "MOCK_DELAY=50ms", "PROOF_TIMEOUT_SECONDS=1")
	for kind, code := range map[mock.Case]fault.Code{
		mock.ProofFailed: fault.ProofFailed, mock.Timeout: fault.Timeout, mock.Panic: fault.Internal,
		mock.VerificationFailed: fault.VerificationFailed, mock.RPCUnavailable: fault.RPCUnavailable,
		mock.AlreadyClaimed: fault.AlreadyClaimed, mock.ClaimsClosed: fault.ClaimsClosed,
	} {
		j := s.ended(s.submit(newClaimFor(t, mock.Recipient(kind))).JobID)
		require.Equal(t, "failed", j.Status)
		require.Equal(t, string(code), j.Code)
		require.NotEmpty(t, j.Message)
		require.Equal(t, j.Message, j.Failure.Error)
		require.Nil(t, j.ZKProof)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	s := start(t, "CORS_ALLOWED_ORIGINS=https://app.example")
	allowed := s.call("GET", "/v1/stats", "", "Origin: https://app.example")
	require.Equal(t, "https://app.example", allowed.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, strings.ToLower(allowed.Header.Get("Access-Control-Expose-Headers")), "location")
	require.Empty(t, allowed.Header.Get("Access-Control-Allow-Credentials"))
	preflight := s.call("OPTIONS", "/v1/jobs", "", "Origin: https://app.example", "Access-Control-Request-Method: POST")
	require.Equal(t, 204, preflight.StatusCode)
	require.Equal(t, "600", preflight.Header.Get("Access-Control-Max-Age"))
	for _, origin := range []string{"https://app.example.evil.com", "https://APP.example", "http://app.example", "null", "https://app.example:8443"} {
		a := s.call("GET", "/v1/stats", "", "Origin: "+origin)
		require.Equal(t, 200, a.StatusCode, "served, but not for that origin's page to read")
		require.Empty(t, a.Header.Get("Access-Control-Allow-Origin"), origin)
		require.Contains(t, a.Header.Values("Vary"), "Origin")
	}
}
