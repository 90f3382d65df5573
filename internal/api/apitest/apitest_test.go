package apitest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const jobID = "0b0f4a2e-5f0e-4c56-9d2f-7a1c3d5e8f90"

const pendingJob = `{"jobId":"` + jobID + `","version":1,"status":"pending","position":1,"queueSize":1,` +
	`"createdAt":"2026-11-24T12:00:04.000Z","timeline":[{"type":"accepted","at":"2026-11-24T12:00:04.000Z"}],"proverMode":"mock",` +
	`"urls":{"self":"/v1/jobs/` + jobID + `","events":"/v1/jobs/` + jobID + `/events","page":"/#job=` + jobID + `"}}`

const claimBody = `{"ss58Address":"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY","signature":"` + sixtyFour +
	`","evmAddress":"0x742d35cc6634c0532925a3b844bc9e7595f4a3b2","challenge":"0x4dc2472128ed1ae7c2504500509735c528f8132877a93f469d7aa35e75d17838","amount":"1"}`

const sixtyFour = "0x8426bfaffc0b2da11bc7fcd0630499700ffb2a51450cbd0a716c5b841025bb5306e22df16d35af38a912d67f9b359764277cc2fd3160a0d96777af35a3728082"

const notFoundBody = `{"status":"failed","code":"not_found","message":"No such job.","error":"No such job.","retryable":false,"requestId":"request-1"}`

// reply is what a server answers in these tests: right but for what the test changes.
type reply struct {
	status int
	header map[string]string
	body   string
}

func (r reply) with(name, value string) reply {
	h := map[string]string{name: value}
	for k, v := range r.header {
		if k != name {
			h[k] = v
		}
	}
	if value == "" {
		delete(h, name)
	}
	r.header = h
	return r
}

func right(status int, body string) reply {
	return reply{status, map[string]string{
		"Content-Type": "application/json", "X-Request-Id": "request-1", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	}, body}
}

func (r reply) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for k, v := range r.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.body)
}

// ask sends a request to a server that answers r and gives what the checker says.
func ask(t *testing.T, r reply, method, target, body string) error {
	t.Helper()
	w := httptest.NewRecorder()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://claimprover"+target, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	r.ServeHTTP(w, req)
	res := w.Result()
	defer res.Body.Close()
	sent, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return New(t).Answer(req, res, sent)
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	self := "/v1/jobs/" + jobID
	etag := right(200, pendingJob).with("ETag", `"1-1"`)
	accepted := right(202, pendingJob).with("Location", self)
	limited := right(429, `{"code":"rate_limited","message":"Wait.","error":"Wait.","retryable":true,"retryAfter":41}`).with("Retry-After", "41")
	notFound := right(404, notFoundBody)
	stats := right(200, `{"queued":0,"running":0,"capacity":50,"workers":4,"oldestWaitSeconds":0,"completedLastHour":0,"failedLastHour":{},"proverMode":"mock","verifies":[],"draining":false,"version":"dev","history":[]}`)

	for name, c := range map[string]struct {
		reply        reply
		method, path string
		body         string
		wrong        string // empty: it is as the document says
	}{
		"a job":                                {etag, "GET", self, "", ""},
		"a job that was submitted":             {accepted, "POST", "/v1/jobs", claimBody, ""},
		"a refused submission":                 {right(400, `{"status":"failed","code":"invalid_input","message":"No.","error":"No.","retryable":false,"fields":{"amount":"no"},"requestId":"request-1"}`), "POST", "/v1/jobs", `{"x":1}`, ""},
		"an unknown job":                       {notFound, "GET", self, "", ""},
		"an unknown path":                      {notFound, "GET", "/v2", "", ""},
		"an unknown path, by a write":          {notFound, "POST", "/v2", "{}", ""},
		"a doubled slash":                      {right(200, pendingJob), "GET", "//status/" + jobID, "", ""},
		"another method":                       {right(405, `{"status":"failed","code":"method_not_allowed","message":"No.","error":"No.","retryable":false}`).with("Allow", "GET, HEAD"), "POST", "/health", "", ""},
		"nothing new":                          {right(304, "").with("ETag", `"1"`), "GET", self, "", ""},
		"a limited read":                       {limited, "GET", self, "", ""},
		"figures":                              {stats, "GET", "/v1/stats", "", ""},
		"the head of figures":                  {stats, "HEAD", "/v1/stats", "", ""},
		"the page":                             {right(200, "<!doctype html>").with("Content-Type", "text/html; charset=utf-8"), "GET", "/", "", ""},
		"types":                                {right(200, "export {}").with("Content-Type", "text/plain; charset=utf-8"), "GET", "/client.d.ts", "", ""},
		"the document itself":                  {right(200, string(api.OpenAPI)), "GET", "/openapi.json", "", ""},
		"a preflight":                          {reply{status: 204}, "OPTIONS", "/v1/jobs", "", ""},
		"a status that is not listed":          {right(418, pendingJob), "GET", self, "", "not supported"},
		"a job without its ETag":               {right(200, pendingJob), "GET", self, "", "ETag"},
		"an answer without a request id":       {etag.with("X-Request-Id", ""), "GET", self, "", "X-Request-Id"},
		"a 304 without a request id":           {right(304, "").with("ETag", `"1"`).with("X-Request-Id", ""), "GET", self, "", "X-Request-Id"},
		"a 304 with a body":                    {right(304, "x").with("ETag", `"1"`), "GET", self, "", "body"},
		"an answer that may be kept":           {etag.with("Cache-Control", "max-age=60"), "GET", self, "", "Cache-Control"},
		"a head that may be kept":              {stats.with("Cache-Control", "max-age=60"), "HEAD", "/v1/stats", "", "Cache-Control"},
		"another type":                         {etag.with("Content-Type", "text/plain"), "GET", self, "", "content type"},
		"a field that nobody knows":            {right(200, strings.Replace(pendingJob, `"version"`, `"nonce":1,"version"`, 1)).with("ETag", `"1"`), "GET", self, "", "nonce"},
		"a null":                               {right(200, strings.Replace(pendingJob, `"version"`, `"phase":null,"version"`, 1)).with("ETag", `"1"`), "GET", self, "", "phase"},
		"a blank":                              {right(200, strings.Replace(pendingJob, `,"version"`, `, "version"`, 1)).with("ETag", `"1"`), "GET", self, "", "compact"},
		"a job elsewhere":                      {accepted.with("Location", "/v1/jobs/00000000-0000-4000-8000-000000000000"), "POST", "/v1/jobs", claimBody, "not its self"},
		"a cached job without its place":       {right(200, pendingJob), "POST", "/v1/jobs", claimBody, "no Location"},
		"what a dry run says":                  {right(200, `{"disposition":"joined"}`), "POST", "/v1/jobs?dryRun=1", claimBody, ""},
		"a dry run that says something else":   {right(200, `{"disposition":"new"}`), "POST", "/v1/jobs?dryRun=1", claimBody, "disposition"},
		"a submission that should be refused":  {accepted, "POST", "/v1/jobs", `{"amount":"1"}`, "ss58Address"},
		"a body that is not JSON":              {right(404, "gone"), "GET", self, "", ""},
		"a code that belongs to another route": {right(404, strings.Replace(notFoundBody, "not_found", "already_finished", 1)), "GET", self, "", "code"},
		"a wait that is told twice":            {limited.with("Retry-After", "40"), "GET", self, "", "retry after"},
		"a wait that is not told":              {limited.with("Retry-After", ""), "GET", self, "", "Retry-After"},
		"an error that the dApp would take for its job's end": {right(429, strings.Replace(limited.body, `{`, `{"status":"failed",`, 1)).with("Retry-After", "41"), "GET", self, "", "ReadError"},
		"a refused write that does not say so":                {limited, "POST", "/v1/jobs", claimBody, "status"},
		"another request's error":                             {notFound.with("X-Request-Id", "request-2"), "GET", self, "", "request-2"},
		"an error that says two things":                       {right(404, strings.Replace(notFoundBody, `"error":"No such job."`, `"error":"Gone."`, 1)), "GET", self, "", "repeat"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ask(t, c.reply, c.method, c.path, c.body)
			switch {
			case name == "a body that is not JSON":
				require.Error(t, err)
			case c.wrong == "":
				require.NoError(t, err)
			default:
				require.ErrorContains(t, err, c.wrong)
			}
		})
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	c := New(t)
	event := `{"type":"position","id":1,"job":` + pendingJob + `}`
	require.NoError(t, c.Event([]byte(event)))
	require.NoError(t, c.Event([]byte(`{"type":"pong"}`)))
	require.NoError(t, c.Event([]byte(`{"type":"error","code":"not_found","message":"No such job."}`)))
	for wrong, says := range map[string]string{
		`{"type":"mystery"}`: "no event",
		`{`:                  "no JSON",
		strings.Replace(event, `"id":1`, `"id":2`, 1):                       "version",
		strings.Replace(event, `position","id`, `running","id`, 1):          "status",
		strings.Replace(event, `"proverMode":"mock"`, `"proverMode":""`, 1): "proverMode",
	} {
		require.ErrorContains(t, c.Event([]byte(wrong)), says)
	}
}

// recorder is a testing.TB that keeps what it is told.
type recorder struct {
	testing.TB
	ctx  context.Context
	said []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Helper()                  {}

func TestClient(t *testing.T) {
	t.Parallel()
	get := func(t *testing.T, said *recorder, r reply, path string) string {
		server := httptest.NewServer(r)
		defer server.Close()
		base := &http.Transport{}
		defer base.CloseIdleConnections()
		res, err := New(t).Client(said, base).Get(server.URL + path)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(bufio.NewReaderSize(res.Body, 16))
		require.NoError(t, err)
		return string(body)
	}
	t.Run("hands on what it has checked", func(t *testing.T) {
		t.Parallel()
		said := &recorder{TB: t, ctx: t.Context()}
		require.Equal(t, notFoundBody, get(t, said, right(404, notFoundBody), "/status/x"))
		require.Empty(t, said.said)
	})
	t.Run("fails the test", func(t *testing.T) {
		t.Parallel()
		said := &recorder{TB: t, ctx: t.Context()}
		require.Equal(t, "{}", get(t, said, right(404, "{}"), "/status/x"))
		require.Len(t, said.said, 1)
		require.Contains(t, said.said[0], "GET /status/x 404")
	})
	t.Run("checks each event of a stream", func(t *testing.T) {
		t.Parallel()
		said := &recorder{TB: t, ctx: t.Context()}
		stream := right(200, "retry: 2000\n: hello\n\nid: 1\nevent: position\ndata: {\"type\":\"position\",\"id\":1,\"job\":"+pendingJob+"}\n\ndata:{\"type\":\"nothing\"}\n\n").
			with("Content-Type", "text/event-stream").with("X-Accel-Buffering", "no")
		require.Equal(t, stream.body, get(t, said, stream, "/v1/jobs/"+jobID+"/events"))
		require.Len(t, said.said, 1)
		require.Contains(t, said.said[0], `no event "nothing"`)
	})
}

func TestTheDocumentsExamplesAreChecked(t *testing.T) {
	t.Parallel()
	broken := bytes.Replace(api.OpenAPI, []byte(`"zkProof":"0x"`), []byte(`"zkProof":"0x1"`), 1)
	_, err := load(broken)
	require.ErrorContains(t, err, "zkProof")
	require.True(t, json.Valid(broken))
}
