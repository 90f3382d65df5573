package server_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/hub"
	"claimprover/internal/admission"
	"claimprover/internal/api"
	"claimprover/internal/api/apitest"
	"claimprover/internal/audit"
	"claimprover/internal/auth"
	"claimprover/internal/claim"
	"claimprover/internal/feed"
	"claimprover/internal/jobs"
	"claimprover/internal/jobs/memstore"
	"claimprover/internal/rate"
	"claimprover/internal/verify"
	"claimprover/server"
	"claimprover/server/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	aliceKey = "key-of-alice-0123456789"
	bobKey   = "key-of-bob-0123456789ab"
	secret   = "the secret of the tests has 32 bytes and more"

	withAlice = "Authorization: Bearer " + aliceKey
	withBob   = "X-API-Key: " + bobKey
)

var domain = claim.Domain{Contract: common.HexToAddress("0x5FbDB2315678afecb367f032d93F642f64180aa3"), ChainID: 84532, ProverMode: "mock"}

func known() (claim.Domain, error) { return domain, nil }

// settings of a [world]; the zero value has no limit that a test meets.
type settings struct {
	server.Options
	claims    server.Claims // but for its Domain
	checks    []verify.Check
	perKey    int64 // of submissions by one credential
	pubkey    int64 // of new jobs by one account
	capacity  int
	adminHost string
}

// world is both listeners in front of a store in memory. Nobody proves: a job stays where a test has put it.
type world struct {
	t     *testing.T
	store jobs.Store
	keys  *auth.Keys
	gate  *admission.Gate

	url, admin string
	http       *http.Client // holds every public answer against openapi.json

	trail string // the audit log's file
	log   *lines
}

// lines are a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func open(t *testing.T, o settings) *world {
	t.Helper()
	w := &world{t: t, log: new(lines), trail: filepath.Join(t.TempDir(), "audit.log")}
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	w.keys, err = auth.NewKeys("alice:" + aliceKey + ",bob:" + bobKey)
	require.NoError(t, err)
	secrets, err := auth.ParseSecrets(secret)
	require.NoError(t, err)
	callers, err := auth.New(auth.Options{Keys: w.keys, Secrets: secrets})
	require.NoError(t, err)
	trail, err := audit.Open(w.trail, nil, log)
	require.NoError(t, err)

	registry := prometheus.NewRegistry()
	w.store = jobs.Ending(memstore.New(memstore.Options{QueueCapacity: o.capacity}), func(j jobs.Job) {
		trail.Ended(j)
		w.gate.Ended(context.Background(), j)
	})
	w.gate = admission.New(w.store, admission.Options{
		Domain:       known,
		PerPublicKey: rate.Policy{Name: "pubkey", Limit: cmp.Or(o.pubkey, 100), Window: time.Hour}, PerEVMAddress: rate.Policy{Name: "address", Limit: 1000, Window: time.Hour},
		Logger: log,
	})
	h := hub.New()
	f := feed.New(w.store, h, feed.Options{Domain: known, Capacity: 50, Workers: 1, JobsTTL: time.Hour, Paused: w.gate.Paused, Version: "test", Logger: log})
	w.store.Announce(f.Heard)
	streams := stream.New(h, stream.Options{Logger: log})
	o.MaxBodyBytes = max(o.MaxBodyBytes, 4096)
	o.claims.Domain = known
	public, err := server.New(server.Parts{
		Auth: callers, Claims: o.claims, Checks: o.checks,
		Flood: admission.NewFlood(
			rate.Policy{Name: "caller", Limit: cmp.Or(o.perKey, 1000), Window: time.Hour},
			rate.Policy{Name: "ip", Limit: 1000, Window: time.Hour}),
		Gate: w.gate, Store: w.store, Feed: f, Hub: h, Streams: streams, Registry: registry, Audit: trail, Logger: log,
	}, o.Options)
	require.NoError(t, err)

	var serving sync.WaitGroup
	ctx := t.Context() // ends before what Cleanup was told
	serving.Go(func() { _ = trail.Run(ctx) })
	serve := func(s *http.Server) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		serving.Go(func() { _ = s.Serve(l) })
		t.Cleanup(func() { _ = s.Close() })
		return "http://" + l.Addr().String()
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		require.NoError(t, w.store.Close())
		serving.Wait()
	})
	w.url = serve(public.HTTP())
	w.admin = serve(server.Admin(server.AdminParts{
		Host: o.adminHost, Metrics: registry, Store: w.store, Feed: f, Gate: w.gate, Logger: log,
	}))
	w.http = apitest.New(t).Client(t, transport)
	return w
}

// reply is a response that was read to its end.
type reply struct {
	*http.Response
	body []byte
}

func into[T any](t *testing.T, r reply) (message T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(r.body, &message), "%s", r.body)
	return message
}

func (r reply) code(t *testing.T) string { t.Helper(); return into[api.Error](t, r).Code }

// call asks the public listener; headers are "Name: value".
func (w *world) call(method, path, body string, headers ...string) reply {
	w.t.Helper()
	return w.ask(w.http, method, w.url+path, body, headers)
}

func (w *world) ask(c *http.Client, method, url, body string, headers []string) reply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, url, strings.NewReader(body))
	require.NoError(w.t, err)
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	res, err := c.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return reply{res, read}
}

func wallet(t *testing.T) claim.Wallet {
	t.Helper()
	w, err := claim.NewWallet()
	require.NoError(t, err)
	return w
}

// claimOf is a body that the account has signed.
func claimOf(t *testing.T, w claim.Wallet) string {
	t.Helper()
	return claimFor(t, w, common.HexToAddress("0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2"))
}

func claimFor(t *testing.T, w claim.Wallet, recipient common.Address) string {
	t.Helper()
	c, err := w.Claim(domain, 42, recipient, *uint256.NewInt(1_000_000))
	require.NoError(t, err)
	return string(api.Encode(api.Submission{
		SS58Address: c.SS58, Signature: hexutil.Encode(c.Signature[:]), EVMAddress: hexutil.Encode(c.EVMAddress[:]),
		Challenge: hexutil.Encode(c.Challenge[:]), Amount: fmt.Sprint(c.Amount.Dec()),
	}))
}

// submit wants a new claim taken.
func (w *world) submit(headers ...string) api.Job {
	w.t.Helper()
	r := w.call("POST", "/v1/jobs", claimOf(w.t, wallet(w.t)), headers...)
	require.Equal(w.t, 202, r.StatusCode, "%s", r.body)
	return into[api.Job](w.t, r)
}

func (w *world) mint(body string) string {
	w.t.Helper()
	r := w.call("POST", "/v1/tokens", body, withAlice)
	require.Equal(w.t, 201, r.StatusCode, "%s", r.body)
	return into[api.Token](w.t, r).Token
}
