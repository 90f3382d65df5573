package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/server"
)

const asOperator = "X-Claimprover-Admin: 1"

// operate asks the operator's listener.
func (w *world) operate(method, path, body string, headers ...string) reply {
	w.t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	return w.ask(&http.Client{Transport: transport}, method, w.admin+path, body, headers)
}

func (w *world) listed(query string) (all []string) {
	w.t.Helper()
	r := w.operate("GET", "/admin/jobs"+query, "")
	require.Equal(w.t, 200, r.StatusCode, "%s", r.body)
	for _, j := range into[api.OperatorJobs](w.t, r).Jobs {
		all = append(all, j.JobID)
	}
	return all
}

func TestOperatorsJobs(t *testing.T) {
	t.Parallel()

	t.Run("are everybody's, by status and code, with owner, age, label and id", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		failed := w.submit(withAlice)
		lease, err := w.store.Lease(t.Context(), "test")
		require.NoError(t, err)
		_, err = w.store.Swap(t.Context(), lease.ID, &lease, func(j jobs.Job) (jobs.Job, error) {
			return j.Failed(fault.New(fault.Timeout, "Too long."), time.Now())
		})
		require.NoError(t, err)
		cancelled := w.submit(withAlice)
		require.Equal(t, 200, w.call("DELETE", cancelled.URLs.Self, "", withAlice).StatusCode)
		running := w.submit(withBob)
		_, err = w.store.Lease(t.Context(), "test")
		require.NoError(t, err)
		pending := w.submit(withBob)

		require.Equal(t, []string{pending.JobID, running.JobID, cancelled.JobID, failed.JobID}, w.listed(""))
		require.Equal(t, []string{running.JobID}, w.listed("?status=running"))
		require.Equal(t, []string{cancelled.JobID, failed.JobID}, w.listed("?status=failed"))
		require.Equal(t, []string{failed.JobID}, w.listed("?code=timeout"))
		require.Empty(t, w.listed("?status=pending&code=timeout"))
		require.Empty(t, w.listed("?older=1h"))
		require.Len(t, w.listed("?older=0s"), 4)

		first := into[api.OperatorJobs](t, w.operate("GET", "/admin/jobs?limit=3", ""))
		require.Len(t, first.Jobs, 3)
		require.Equal(t, []string{failed.JobID}, w.listed("?limit=3&cursor="+first.NextCursor))

		j := first.Jobs[1]
		require.Equal(t, "running", j.Status)
		require.Equal(t, []string{"key:bob"}, j.Owners)
		require.Len(t, j.PublicKey, 32)
		require.Equal(t, "1000000", j.Amount)
		require.NotNil(t, j.StartedAt)
		require.Len(t, j.Label, 16)
		require.Contains(t, w.log.String(), j.Label, "it is what the log calls the job")
		require.NotContains(t, w.log.String(), j.JobID)
		last := into[api.OperatorJobs](t, w.operate("GET", "/admin/jobs?code=timeout", "")).Jobs[0]
		require.Equal(t, "Too long.", last.Message)
	})

	t.Run("are told apart by age", func(t *testing.T) {
		t.Parallel()
		now := time.Now()
		q, err := server.OperatorQuery(url.Values{"older": {"10m"}}, now)
		require.NoError(t, err)
		require.True(t, q.Takes(jobs.Job{CreatedAt: now.Add(-10 * time.Minute)}))
		require.False(t, q.Takes(jobs.Job{CreatedAt: now.Add(-10*time.Minute + time.Second)}))
	})

	t.Run("of many owners show the first", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		body := claimOf(t, wallet(t))
		for range 25 {
			require.Equal(t, 202, w.call("POST", "/v1/jobs", body, bearer(w.mint(`{}`))).StatusCode)
		}
		j := into[api.OperatorJobs](t, w.operate("GET", "/admin/jobs", "")).Jobs[0]
		require.Len(t, j.Owners, 20)
		require.Equal(t, 5, j.MoreOwners)
	})

	t.Run("are not listed by a question that is misspelt", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		for _, query := range []string{"stauts=failed", "status=done", "code=x", "older=-1m", "older=10", "limit=0", "limit=101", "limit=x", "cursor=%21", "status=failed&status=running"} {
			r := w.operate("GET", "/admin/jobs?"+query, "")
			require.Equal(t, 400, r.StatusCode, query)
			require.Equal(t, "invalid_input", r.code(t))
		}
	})

	t.Run("are cancelled whoever owns them, once", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		j := w.submit(withBob)
		r := w.operate("DELETE", "/admin/jobs/"+j.JobID, "", asOperator)
		require.Equal(t, 200, r.StatusCode, "%s", r.body)
		require.Equal(t, "cancelled", into[api.OperatorJob](t, r).Code)
		seen := into[api.Job](t, w.call("GET", j.URLs.Self, ""))
		require.Equal(t, "cancelled", seen.Code)
		require.Contains(t, seen.Message, "operator")
		require.Equal(t, 409, w.operate("DELETE", "/admin/jobs/"+j.JobID, "", asOperator).StatusCode)
		for _, unknown := range []string{"0b5f43a2-7f6d-4d55-8c0a-0f6f0c3e7a11", "x", strings.ToUpper(j.JobID)} {
			require.Equal(t, 404, w.operate("DELETE", "/admin/jobs/"+unknown, "", asOperator).StatusCode, unknown)
		}
		require.Contains(t, w.log.String(), `"msg":"job cancelled by the operator"`)
		require.NotContains(t, w.log.String(), j.JobID)
		require.Eventually(t, func() bool {
			text, err := os.ReadFile(w.trail)
			return err == nil && strings.Contains(string(text), `"event":"end"`)
		}, time.Minute, time.Millisecond, "what its end owes is done")
	})
}

func TestPause(t *testing.T) {
	t.Parallel()

	t.Run("refuses submissions with the reason before their body is read; the page says it too", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		j := w.submit(withAlice)
		r := w.operate("POST", "/admin/pause", `{"reason":" The contract is upgraded until 15:00 UTC. "}`)
		require.Equal(t, 200, r.StatusCode, "%s", r.body)
		require.Equal(t, "The contract is upgraded until 15:00 UTC.", into[api.Service](t, r).Paused)

		for _, path := range []string{"/v1/jobs", "/"} {
			r = w.call("POST", path, `not read`, withAlice)
			require.Equal(t, 503, r.StatusCode)
			refused := into[api.Error](t, r)
			require.Equal(t, "unavailable", refused.Code)
			require.Equal(t, "The contract is upgraded until 15:00 UTC.", refused.Message)
			require.Equal(t, "60", r.Header.Get("Retry-After"))
			require.True(t, r.Close)
		}
		require.Equal(t, 401, w.call("POST", "/v1/jobs", `not read`).StatusCode, "who is not known is told nothing")
		require.Equal(t, "The contract is upgraded until 15:00 UTC.", into[api.Stats](t, w.call("GET", "/v1/stats", "")).Paused)
		require.Equal(t, "The contract is upgraded until 15:00 UTC.", into[api.Service](t, w.operate("GET", "/admin", "")).Paused)
		require.Equal(t, 200, w.call("GET", j.URLs.Self, "").StatusCode)
		require.Equal(t, 200, w.call("DELETE", j.URLs.Self, "", withAlice).StatusCode)

		r = w.operate("POST", "/admin/resume", "", asOperator)
		require.Equal(t, 200, r.StatusCode)
		require.NotContains(t, string(r.body), "paused")
		require.NotContains(t, string(w.call("GET", "/v1/stats", "").body), "paused")
		w.submit(withAlice)
	})

	t.Run("needs a reason that people can read", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		for _, body := range []string{
			``, `{}`, `{"reason":""}`, `{"reason":"  "}`, `{"reason":null}`, `{"reason":5}`, `{"reason":"a\nb"}`, `{"reason":"\u202e"}`,
			`{"reason":"` + strings.Repeat("x", 201) + `"}`, `{"reason":"a","reason":"b"}`, `{"Reason":"a"}`, `{"reason":"a","for":"1h"}`, `{"reason":"a"} x`,
		} {
			r := w.operate("POST", "/admin/pause", body, asOperator)
			require.Equal(t, 400, r.StatusCode, body)
			require.Empty(t, w.gate.Paused(), body)
		}
		require.Equal(t, 413, w.operate("POST", "/admin/pause", strings.Repeat(" ", 5000), asOperator).StatusCode)
		require.Equal(t, 200, w.operate("POST", "/admin/pause", `{"reason":"`+strings.Repeat("ü", 200)+`"}`, asOperator).StatusCode)
	})
}

func TestTheOperatorsBrowserIsNotUsed(t *testing.T) {
	t.Parallel()
	w := open(t, settings{adminHost: "admin.internal"})
	j := w.submit(withAlice)

	t.Run("for changes that a form of any page could ask for", func(t *testing.T) {
		for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain; application/json", "application/json,text/plain"} {
			headers := []string{"Content-Type: " + kind}
			for _, r := range []reply{
				w.operate("POST", "/admin/pause", `{"reason":"x"}`, headers...), w.operate("POST", "/admin/resume", `x`, headers...),
				w.operate("DELETE", "/admin/jobs/"+j.JobID, "", headers...), w.operate("POST", "/admin/resume", "", "X-Claimprover-Admin: 0"),
			} {
				require.Equal(t, 403, r.StatusCode, "%s %s", kind, r.body)
				require.Equal(t, "forbidden", r.code(t))
			}
		}
		require.Empty(t, w.gate.Paused())
		require.Equal(t, 200, w.operate("POST", "/admin/resume", `{}`, "Content-Type: application/json").StatusCode)
		preflight := w.operate("OPTIONS", "/admin/resume", "", "Origin: https://evil.example", "Access-Control-Request-Method: POST")
		require.Empty(t, preflight.Header.Get("Access-Control-Allow-Origin"))
		require.NotEqual(t, 200, preflight.StatusCode)
	})

	t.Run("by a name that somebody else's DNS gave this address", func(t *testing.T) {
		port := w.admin[strings.LastIndex(w.admin, ":")+1:]
		for host, want := range map[string]int{
			"127.0.0.1": 200, "127.0.0.1:" + port: 200, "[::1]:" + port: 200, "localhost": 200, "LocalHost:" + port: 200, "192.0.2.7": 200,
			"admin.internal": 200, "ADMIN.internal:9464": 200,
			"evil.example": 403, "evil.example:" + port: 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "admin.internal.evil": 403,
			"127.0.0.1:80:80": 403, "2130706433": 403, "localhost.": 403,
		} {
			for _, path := range []string{"/admin", "/admin/jobs", "/metrics", "/debug/pprof/"} {
				r := w.operate("GET", path, "", "Host: "+host)
				require.Equal(t, want, r.StatusCode, "%s %s: %s", host, path, r.body)
			}
		}
	})

	t.Run("by no name at all, where ADMIN_ADDR has none", func(t *testing.T) {
		require.Equal(t, 403, open(t, settings{}).operate("GET", "/admin", "", "Host: :9464").StatusCode)
	})

	t.Run("and what it is answered is kept nowhere and tells no referrer", func(t *testing.T) {
		for _, path := range []string{"/admin/jobs", "/admin/nothing", "/metrics"} {
			h := w.operate("GET", path, "").Header
			require.Equal(t, "no-store", h.Get("Cache-Control"))
			require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
			require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		}
	})

	t.Run("and the public listener has none of it", func(t *testing.T) {
		for _, path := range []string{"/admin", "/admin/jobs", "/metrics", "/debug/pprof/"} {
			require.Equal(t, 404, w.call("GET", path, "").StatusCode, path)
		}
	})

	t.Run("and the command line is shown to nobody", func(t *testing.T) {
		require.Equal(t, 404, w.operate("GET", "/debug/pprof/cmdline", "").StatusCode)
	})
}

func TestAuditLines(t *testing.T) {
	t.Parallel()
	w := open(t, settings{perKey: 8})
	mine := wallet(t)
	body := claimOf(t, mine)
	j := into[api.Job](t, w.call("POST", "/v1/jobs", body, withAlice, "X-Request-Id: the-request"))
	w.call("POST", "/v1/jobs", body, withBob)
	forged := strings.Replace(body, `"signature":"0x`, `"signature":"0xff`, 1)
	forged = strings.Replace(forged, forged[strings.Index(forged, `","evmAddress"`)-2:strings.Index(forged, `","evmAddress"`)], "", 1)
	w.call("POST", "/v1/jobs", forged, withAlice)
	w.call("POST", "/", `{}`, withAlice)
	w.call("POST", "/v1/jobs", body, bearer(w.mint(`{"scope":["read"]}`)))
	bound := bearer(w.mint(`{"ss58Address":"` + wallet(t).Address(42) + `"}`))
	w.call("POST", "/v1/jobs", body, bound)
	w.call("POST", "/v1/jobs", body)                                    // nobody is known
	w.call("POST", "/v1/jobs", body, bearer("not-a-key-of-anybody"))    // nor here
	w.call("POST", "/v1/jobs", body, withAlice, "Content-Type: text/x") // nor is it looked at here
	w.call("DELETE", j.URLs.Self, "", withAlice)
	w.call("DELETE", j.URLs.Self, "", withBob)
	for range 8 {
		w.call("POST", "/v1/jobs", body, withBob)
	}

	type line struct{ Event, Owner, Outcome, Job, RequestID, PublicKey, Recipient, Amount string }
	var got []line
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(w.trail)
		require.NoError(t, err)
		got = nil
		for raw := range strings.Lines(string(text)) {
			var l line
			require.NoError(t, json.Unmarshal([]byte(raw), &l))
			got = append(got, l)
		}
		return len(got) == 15
	}, time.Minute, 5*time.Millisecond)

	key := mine.PublicKey()
	label := got[0].Job
	require.Len(t, label, 16)
	require.Equal(t, line{
		Event: "submission", Owner: "key:alice", Outcome: "queued", Job: label, RequestID: "the-request",
		PublicKey: fmt.Sprintf("0x%x", key), Recipient: "0x742d35cc6634c0532925a3b844bc9e7595f4a3b2", Amount: "1000000",
	}, got[0])
	var brief []string
	for _, l := range got {
		owner := l.Owner
		if strings.HasPrefix(owner, "token:") {
			owner = owner[:strings.LastIndex(owner, ":")]
		}
		read := "unread"
		if l.PublicKey != "" {
			read = "read"
		}
		brief = append(brief, strings.Join([]string{l.Event, owner, l.Outcome, read}, " "))
	}
	require.Equal(t, []string{
		"submission key:alice queued read", "submission key:bob joined read", "submission key:alice invalid_signature read",
		"submission key:alice invalid_input unread", "submission token:alice forbidden unread", "submission token:alice forbidden read",
		"end key:bob cancelled read", "submission key:bob queued read",
	}, brief[:8])
	require.Equal(t, "submission key:bob joined read", brief[8])
	require.Equal(t, "submission key:bob rate_limited unread", brief[14])
}
