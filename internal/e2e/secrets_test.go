package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/claim"
	"claimprover/internal/jobs"
	"claimprover/prover/mock"
)

// untold is what a story holds that no log, metric or profile may.
type untold struct {
	t     *testing.T
	texts map[string]string // with what each is
}

func (u *untold) add(text, what string) {
	u.t.Helper()
	require.GreaterOrEqual(u.t, len(text), 16, "%s is too short to be looked for", what)
	u.texts[text] = what
}

// job adds an id in every spelling, and gives the job on.
func (u *untold) job(j api.Job) api.Job {
	u.t.Helper()
	id, err := uuid.Parse(j.JobID)
	require.NoError(u.t, err)
	u.add(j.JobID, "a job's id")
	u.add(strings.ToUpper(j.JobID), "a job's id in upper case")
	u.add(hex.EncodeToString(id[:]), "a job's id without dashes")
	return j
}

// claim adds the signature of a claim, and gives the claim on.
func (u *untold) claim(body string) string {
	u.t.Helper()
	u.add(signatureOf(u.t, body), "a signature")
	return body
}

// signatureOf is that of a claim, without 0x.
func signatureOf(t *testing.T, body string) string {
	t.Helper()
	var c api.Submission
	require.NoError(t, json.Unmarshal([]byte(body), &c))
	return strings.TrimPrefix(c.Signature, "0x")
}

// token adds a token as a whole, as subprotocols carry it, and its parts that are a secret of their own.
func (u *untold) token(token string) string {
	u.t.Helper()
	u.add(token, "a token")
	u.add(base64.RawURLEncoding.EncodeToString([]byte(token)), "a token in a subprotocol")
	parts := strings.Split(token, ".")
	u.add(parts[1], "the claims of a token")
	u.add(parts[2], "the signature of a token")
	return token
}

// in fails for each text that stands in what somebody could read.
func (u *untold) in(where, text string) {
	u.t.Helper()
	require.NotEmpty(u.t, text, where)
	for secret, what := range u.texts {
		if strings.Contains(text, secret) {
			u.t.Errorf("%s holds %s: %s", where, what, secret)
		}
	}
}

// secrets are what bodies hold that is told to nobody else: job ids, signatures, tokens.
var secrets = regexp.MustCompile(`"(?:jobId|signature|token)":"(?:0x)?([^"]{16,})"`)

// mustNotTell notes what stands in a request or an answer, and credentials.
func (s *service) mustNotTell(sent, answered string, credentials ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range slices.Concat(secrets.FindAllStringSubmatch(sent, -1), secrets.FindAllStringSubmatch(answered, -1)) {
		s.untold[found[1]] = true
	}
	for _, credential := range credentials {
		if len(credential) >= 16 {
			s.untold[credential] = true
		}
	}
}

// toldNothing holds the log of each service of these tests, and while it lives its metrics and profiles, against all of
// that: whatever a test is about.
func (s *service) toldNothing() {
	if s.t.Failed() {
		return
	}
	places := map[string]string{"the log": s.logged()}
	for _, path := range []string{"/metrics", "/debug/pprof/heap?debug=1", "/debug/pprof/goroutine?debug=2"} {
		res, err := http.Get(s.admin + path)
		if err != nil {
			continue // it has ended
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		places[path] = string(text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for place, text := range places {
		for secret := range s.untold {
			if strings.Contains(text, secret) {
				s.t.Errorf("%s holds what is told to nobody: %s", place, secret)
			}
		}
	}
}

// TestNothingIsTold lives through everything that happens to a service, and then looks for ids, keys, tokens and
// signatures wherever an operator or whoever gets hold of his logs could read them.
func TestNothingIsTold(t *testing.T) {
	t.Parallel()
	const (
		secret   = "the secret of the story is long and of many letters"
		wrongKey = "e2e-key-that-nobody-has"
	)
	u := &untold{t: t, texts: map[string]string{}}
	for what, text := range map[string]string{"a key": apiKey, "another key": otherKey, "a wrong key": wrongKey} {
		u.add(text, what)
		u.add(base64.RawURLEncoding.EncodeToString([]byte(text)), what+" in a subprotocol")
	}
	trail := filepath.Join(t.TempDir(), "audit.log")
	s := start(t, "LOG_LEVEL=debug", "AUDIT_LOG="+trail, "JWT_SECRET="+secret, "REQUIRE_AUTH_FOR_READS=true",
		"WORKER_COUNT=1", "MOCK_DELAY=20ms", "PROOF_TIMEOUT_SECONDS=3", "RATE_LIMIT_MAX_REQUESTS=100", "AUTH_FAILURES_PER_MINUTE=1000", "ADDRESS_RATE_LIMIT_MAX_REQUESTS=1000")
	u.add(secret, "JWT_SECRET")
	as := func(credential string) string { return "Authorization: Bearer " + credential }
	token := u.token(s.mint(`{}`))
	outside, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "carol", "exp": time.Now().Add(time.Hour).Unix()}).
		SignedString([]byte(secret))
	require.NoError(t, err)
	u.token(outside)
	var all []api.Job
	keep := func(j api.Job) api.Job { all = append(all, u.job(j)); return j }

	// Submitted with each kind of credential, joined, answered from the cache, followed in each way.
	busy := keep(s.submit(u.claim(newClaimFor(t, mock.Recipient(mock.Timeout))))) // keeps the worker until all have joined
	shared := u.claim(newClaim(t))
	mine := keep(s.submit(shared, as(token)))
	require.Equal(t, mine.JobID, keep(s.submit(shared, as(outside))).JobID)
	require.Equal(t, "cancelled", s.call("DELETE", busy.URLs.Self, "", withKey).job(t).Code)
	wantInOrder(t, events(t, s.sse(mine.URLs.Events+"?access_token="+token).Body))
	keep(s.submit(shared, as(token)))
	keep(s.submit(shared))
	protocols := []string{"claimprover.v1", "bearer." + base64.RawURLEncoding.EncodeToString([]byte(token))}
	socket := s.webSocket(mine.URLs.Events, &websocket.DialOptions{Subprotocols: protocols})
	_, _, err = socket.Read(t.Context())
	require.NoError(t, err)
	many := s.webSocket("/v1/events", nil)
	for _, credential := range []string{token, wrongKey} {
		subscribe := api.Encode(api.Operation{Op: "subscribe", JobID: mine.JobID, Token: credential})
		require.NoError(t, many.Write(t.Context(), websocket.MessageText, subscribe))
	}
	require.NoError(t, many.Write(t.Context(), websocket.MessageText, []byte(`{"op":"`+apiKey+`","jobId":"`+mine.JobID+`"}`)))
	for seen := map[any]int{}; seen["completed"] < 1 || seen["error"] < 2; {
		message, _ := s.read(many)
		seen[message["type"]]++
	}

	// Every way a job can end.
	for _, kind := range []mock.Case{mock.ProofFailed, mock.VerificationFailed, mock.Timeout, mock.Panic, mock.HostileMessage, mock.RPCUnavailable, mock.AlreadyClaimed} {
		j := keep(s.submit(u.claim(newClaimFor(t, mock.Recipient(kind)))))
		wantInOrder(t, events(t, s.sse(j.URLs.Events, withKey).Body))
	}
	slow := keep(s.submit(u.claim(newClaimFor(t, mock.Recipient(mock.Timeout)))))
	require.Equal(t, 200, s.operate("DELETE", "/admin/jobs/"+slow.JobID, "").StatusCode)
	require.Equal(t, 409, s.operate("DELETE", "/admin/jobs/"+slow.JobID, "").StatusCode)
	require.Equal(t, 200, s.operate("GET", "/admin/jobs", "").StatusCode)

	// Refused: wrong credentials in each place, claims that are none, paths that are none and hold an id.
	id := mine.JobID
	forged := u.claim(strings.Replace(shared, signatureOf(t, shared), signatureOf(t, newClaim(t)), 1))
	for _, c := range []struct {
		method, path, body string
		headers            []string
		want               int
	}{
		{"POST", "/v1/jobs", shared, []string{as(wrongKey)}, 401},
		{"POST", "/v1/jobs", shared, []string{"X-API-Key: " + wrongKey}, 401},
		{"POST", "/v1/jobs", shared, []string{withKey, "X-API-Key: " + otherKey}, 401},
		{"POST", "/v1/jobs", shared, []string{"Authorization: Basic " + apiKey}, 401},
		{"POST", "/v1/jobs?access_token=" + token, shared, nil, 401},
		{"POST", "/v1/jobs", shared, []string{as(token[:len(token)-2])}, 401},
		{"POST", "/v1/jobs", `{"` + apiKey + `":"` + token + `"}`, []string{withKey}, 400},
		{"POST", "/v1/jobs", strings.Replace(shared, `"amount":"1`, `"amount":"`+otherKey, 1), []string{withKey}, 400},
		{"POST", "/v1/jobs", forged, []string{withKey}, 401},
		{"POST", "/v1/jobs", shared[:len(shared)-4], []string{withKey}, 400},
		{"POST", "/v1/tokens", `{"scope":["` + apiKey + `"]}`, []string{withKey}, 400},
		{"POST", "/v1/tokens", `{}`, []string{as(token)}, 403},
		{"GET", "/v1/jobs/" + id, "", nil, 401},
		{"GET", "/v1/jobs/" + id + "?access_token=" + wrongKey, "", nil, 401},
		{"GET", "/v1/jobs/" + id + "?access_token=" + token + "&access_token=" + apiKey, "", nil, 401},
		{"GET", "/v1/jobs/" + id + "?access_token=%zz" + token, "", nil, 401},
		{"GET", "/v1/jobs/" + id, "", []string{"Sec-WebSocket-Protocol: claimprover.v1, bearer." + base64.RawURLEncoding.EncodeToString([]byte(wrongKey))}, 401},
		{"GET", "/v1/jobs/" + id, "", []string{"X-API-Key: " + otherKey}, 403},
		{"DELETE", "/v1/jobs/" + id, "", []string{"X-API-Key: " + otherKey}, 403},
		{"DELETE", "/v1/jobs/" + id, "", []string{withKey}, 409},
		{"GET", "/v1/jobs/" + strings.ToUpper(id), "", []string{withKey}, 404},
		{"GET", "/v1/jobs/" + id + "/proof", "", []string{withKey}, 404},
		{"GET", "/" + apiKey, "", nil, 404},
		{"PUT", "/v1/jobs/" + id, "{}", []string{withKey}, 405},
		{"GET", "//status/" + id + "?" + token, "", []string{withKey}, 200},
		{"GET", "/v1/jobs?cursor=" + apiKey, "", []string{withKey}, 400},
		{"GET", "/v1/jobs", "", []string{withKey}, 200},
		{"GET", "/v1/stats", "", []string{as(wrongKey)}, 401},
	} {
		a := s.call(c.method, c.path, c.body, c.headers...)
		require.Equal(t, c.want, a.StatusCode, "%s %s: %s", c.method, c.path, a.body)
	}

	// While streams are open and jobs run.
	keep(s.submit(u.claim(newClaimFor(t, mock.Recipient(mock.Timeout)))))
	open := s.sse("/v1/events", withKey)
	require.Equal(t, 200, open.StatusCode)
	for _, path := range []string{
		"/metrics", "/admin",
		"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/heap?debug=1", "/debug/pprof/allocs?debug=1", "/debug/pprof/goroutine",
		"/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/pprof/block?debug=1", "/debug/pprof/mutex?debug=1",
		"/debug/pprof/threadcreate?debug=1", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=1", "/debug/pprof/symbol",
	} {
		a := s.operate("GET", path, "")
		require.Equal(t, 200, a.StatusCode, path)
		u.in(path, unpacked(t, a.body))
	}
	require.Equal(t, http.StatusNotFound, s.operate("GET", "/debug/pprof/cmdline", "").StatusCode, "flags may be secrets")

	s.stop()
	log := s.logged()
	u.in("the log", log)
	lines, err := os.ReadFile(trail)
	require.NoError(t, err)
	u.in("the audit log", string(lines))
	for _, j := range all { // and yet the story can be told from both
		id, err := uuid.Parse(j.JobID)
		require.NoError(t, err)
		require.Contains(t, log, jobs.Label(id))
		require.Contains(t, string(lines), jobs.Label(id))
	}
	var c api.Submission
	require.NoError(t, json.Unmarshal([]byte(shared), &c))
	key, err := claim.ParseAddress(c.SS58Address)
	require.NoError(t, err)
	require.Contains(t, string(lines), hex.EncodeToString(key[:]))
}

// unpacked is a profile's text, which may be compressed.
func unpacked(t *testing.T, body []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return string(body)
	}
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(text)
}
