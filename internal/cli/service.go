package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"claimprover/hub"
	"claimprover/internal/admission"
	"claimprover/internal/api"
	"claimprover/internal/audit"
	"claimprover/internal/auth"
	"claimprover/internal/config"
	"claimprover/internal/eligibility"
	"claimprover/internal/feed"
	"claimprover/internal/jobs"
	"claimprover/internal/jobs/memstore"
	"claimprover/internal/rate"
	"claimprover/internal/telemetry"
	"claimprover/server"
	"claimprover/server/stream"
)

// service is every part of a running service, wired. It is the composition root: settings in, parts out.
type service struct {
	cfg      *config.Config
	log      *slog.Logger
	registry *prometheus.Registry

	anchor  *anchor
	chain   *chainSide
	store   jobs.Store
	gate    *admission.Gate
	pool    *jobs.Pool
	feed    *feed.Feed
	streams *stream.Streams
	jwks    *auth.JWKS   // nil: none
	network *networkSide // nil but in network mode
	figures *telemetry.Jobs
	audit   *audit.Log // nil: none is kept
	hangups *hangups   // nil: SIGHUP ends the process, as usual
	http    *http.Server
	admin   *http.Server
	lastEnd atomic.Int64 // when a job last ended, in Unix nanoseconds; 0: none has
}

// newService wires the parts; nothing runs yet.
func newService(cfg *config.Config, p parts, log *slog.Logger) (*service, error) {
	s := &service{cfg: cfg, log: log, audit: p.audit, anchor: p.anchor, chain: p.chain, registry: telemetry.NewRegistry(version, string(cfg.Mode))}
	s.audit.Register(s.registry)
	if p.chain.metrics != nil {
		s.registry.MustRegister(p.chain.metrics)
	}
	if p.network != nil {
		s.network = newNetworkSide(p.network, cfg, s.registry, log)
	}
	s.keep()
	s.gate = admission.New(s.store, s.guards(p.list))
	s.figures = telemetry.NewJobs(s.registry, s.store, string(cfg.Mode), cfg.QueueCapacity, cfg.WorkerCount, log)
	s.pool = jobs.NewPool(s.store, p.prover, jobs.Options{
		Workers: cfg.WorkerCount, Timeout: cfg.ProofTimeout, Name: workerName(), Open: s.chain.open, Check: p.proofs.ofClaim(s.registry, cfg.VKey), Logger: log,
	})
	h := hub.New()
	s.feed = feed.New(s.store, h, feed.Options{
		Domain: s.anchor.domain, List: p.list, JobsTTL: cfg.JobsTTL, Capacity: cfg.QueueCapacity, Workers: cfg.WorkerCount,
		Verifies: p.proofs.names, Anonymous: cfg.AllowAnonymous, Paused: s.gate.Paused, ChainAway: s.chain.away, Deadline: s.chain.deadline(), Version: version, Logger: log,
	})
	p.wait.Store(s.feed)
	s.store.Announce(s.heard)
	return s, s.edge(h, p)
}

// keep makes the store. What the end of a job owes hangs on the write that ended it.
func (s *service) keep() {
	cacheTTL := s.cfg.CacheTTL
	if cacheTTL == 0 {
		cacheTTL = -1 // not at all
	}
	kept := memstore.New(memstore.Options{QueueCapacity: s.cfg.QueueCapacity, JobsTTL: s.cfg.JobsTTL, CacheTTL: cacheTTL})
	s.store = jobs.Ending(telemetry.Watched(s.registry, kept), func(j jobs.Job) {
		s.gate.Ended(context.Background(), j)
		s.figures.Ended(j)
		if s.network != nil {
			s.network.ended(j)
		}
		s.audit.Ended(j)
		s.lastEnd.Store(j.Outcome.At.UnixNano())
	})
}

// heard is told of each write that followers see, before the write returns.
func (s *service) heard(j jobs.Job) {
	if j.Ended() {
		s.pool.Stop(j.ID)
	}
	s.feed.Heard(j)
}

func (s *service) guards(list *eligibility.List) admission.Options {
	c := s.cfg
	o := admission.Options{
		Domain: s.anchor.domain, List: list, UnsignedAdmitted: !c.VerifySignatures, Logger: s.log,
		PerPublicKey:  rate.Policy{Name: "pubkey", Limit: c.RateMax, Window: c.RateWindow},
		PerEVMAddress: rate.Policy{Name: "address", Limit: c.AddressRateMax, Window: c.RateWindow},
		ProofsPerHour: c.MaxProofsPerHour, ProofsPerDay: c.MaxProofsPerDay,
	}
	o.Freed = func() time.Duration { return s.feed.Freed() } // the feed is made later
	if s.chain.claims != nil {
		o.Chain = s.chain.claims
	}
	return o
}

// edge wires what faces the network.
func (s *service) edge(h *hub.Hub, p parts) error {
	c := s.cfg
	s.jwks = p.jwks
	callers, err := auth.New(auth.Options{
		Keys: p.keys, Secrets: p.secrets, JWKS: s.jwks, Issuer: c.JWTIssuer, Audience: c.JWTAudience,
		FailuresPerMinute: int64(c.AuthFailures),
	})
	if err != nil {
		return err
	}
	s.streams = stream.New(h, stream.Options{
		MaxStreams: c.MaxStreams, MaxPerIP: c.StreamsPerIP, Origins: p.origins, Logger: s.log, Registerer: s.registry,
	})
	public, err := server.New(server.Parts{
		Auth: callers,
		Flood: admission.NewFlood(
			rate.Policy{Name: "caller", Limit: c.KeyRateMax, Window: c.KeyRateWindow},
			rate.Policy{Name: "ip", Limit: c.IPRateMax, Window: c.IPRateWindow}),
		Gate: s.gate, Store: s.store, Feed: s.feed, Hub: h, Streams: s.streams, Origins: p.origins,
		Claims: s.claims(p.list), Checks: p.proofs.list,
		Health: s.health, Ready: s.ready, Registry: s.registry, Audit: s.audit, Logger: s.log,
	}, server.Options{
		MaxBodyBytes: c.MaxBodyBytes, TrustedProxies: c.ProxyPrefixes(), TrustRealIP: c.TrustForwarding,
		AnonymousAllowed: c.AllowAnonymous, AuthForReads: c.RequireAuthForReads,
	})
	if err != nil {
		return err
	}
	s.http = public.HTTP()
	host, _, _ := net.SplitHostPort(c.AdminAddr) // judged before
	s.admin = server.Admin(server.AdminParts{
		Host: host, Metrics: s.registry, Store: s.store, Feed: s.feed, Gate: s.gate, Logger: s.log,
	})
	return nil
}

// claims is who knows of an account's claim.
func (s *service) claims(list *eligibility.List) server.Claims {
	c := server.Claims{Domain: s.anchor.domain, List: list}
	if s.chain.claims != nil {
		c.Standing = s.chain.claims.Standing
	}
	return c
}

// workerName tells instances apart in logs without naming the machine.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	sum := sha256.Sum256([]byte(host))
	return fmt.Sprintf("%x-%d", sum[:4], os.Getpid())
}

func (s *service) health(ctx context.Context) (api.Health, error) {
	f, err := s.store.Figures(ctx)
	if err != nil {
		return api.Health{}, err
	}
	made, overran := s.figures.Totals()
	return api.Health{
		Status: "ok", ProverMode: string(s.cfg.Mode), VerifyProof: s.cfg.VerifiesProofs(), VerifyOnchain: s.cfg.VerifyOnchain,
		Jobs: f.Kept, CacheSize: f.Cached, QueueSize: f.Pending, QueueCapacity: s.cfg.QueueCapacity,
		ProofMetrics: api.ProofMetrics{TotalCompletions: made, TotalTimeouts: overran},
		Running:      f.Running, Workers: s.cfg.WorkerCount, Draining: s.gate.Draining() != nil,
		Anonymous: s.cfg.AllowAnonymous, Version: version,
	}, nil
}

// ready says what the service needs and whether it is there.
func (s *service) ready(ctx context.Context) map[string]string {
	checks := map[string]string{"admission": "ok", "store": "ok"}
	if s.gate.Draining() != nil {
		checks["admission"] = "the service is shutting down"
	}
	if err := s.store.Ping(ctx); err != nil {
		checks["store"] = "the store of jobs cannot be reached"
	}
	if s.chain.claims != nil {
		checks["chain"] = "ok"
		if s.chain.away() {
			checks["chain"] = "the chain cannot be asked right now"
		}
		if _, err := s.anchor.domain(); err != nil {
			checks["chain"] = "the chain cannot be asked, and its id is not set"
		}
	}
	if s.network != nil {
		checks["prover network"] = s.network.ready()
	}
	if s.jwks != nil {
		checks["tokens"] = "ok"
		if !s.jwks.Ready() {
			checks["tokens"] = "the keys that tokens are signed with could not be fetched yet"
		}
	}
	return checks
}

// run serves on the listeners until ctx ends, then drains: what runs may finish for a while, every follower is told how
// his job ended, and then the connections close.
func (s *service) run(ctx context.Context, public, admin net.Listener) error {
	taking, stopTaking := context.WithCancel(context.WithoutCancel(ctx))
	doing, stopDoing := context.WithCancelCause(context.WithoutCancel(ctx))
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTaking()
	defer stopDoing(nil)
	defer stopServing()

	var parts errgroup.Group
	broken := make(chan struct{}, 1) // a part that ended by itself: the rest cannot go on without it
	start := func(name string, run func() error) {
		parts.Go(func() error {
			defer func() {
				select {
				case broken <- struct{}{}:
				default: // one is enough, and at the end nobody listens
				}
			}()
			if err := run(); err != nil && !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	poolDone := make(chan struct{})
	start("workers", func() error {
		defer close(poolDone)
		return s.pool.Run(taking, doing)
	})
	start("feed", func() error { return s.feed.Run(serving) })
	start("http", func() error { return s.http.Serve(public) })
	start("admin", func() error { return s.admin.Serve(admin) })
	if s.jwks != nil {
		start("jwks", func() error { return s.jwks.Run(serving) })
	}
	if s.chain.claims != nil {
		start("chain", func() error { return s.chain.learn(serving, s.anchor) })
		start("claims in flight", func() error { return s.chain.watch(serving, s.store) })
	}
	if s.network != nil {
		start("prover network", func() error { return s.network.run(serving) })
	}
	if s.audit != nil {
		start("audit log", func() error { return s.audit.Run(serving) })
	}
	if s.hangups != nil {
		start("hangups", func() error { return s.hangups.run(serving) })
	}

	select {
	case <-ctx.Done():
	case <-broken:
	}
	s.drain(stopTaking, stopDoing, poolDone)
	stopServing()
	return errors.Join(parts.Wait(), s.store.Close())
}

// Times of the drain after the running jobs have ended.
const (
	streamsTime = 5 * time.Second
	requestTime = 5 * time.Second
	pollTime    = 6 * time.Second // who polls every five seconds, as the seed's dApp does, sees how his job ended
)

// drain is the end in its order (the wire contract's "Shutting down"). http.Server.Shutdown waits for SSE and does not
// see WebSockets, so streams end first.
func (s *service) drain(stopTaking func(), stopDoing context.CancelCauseFunc, poolDone <-chan struct{}) {
	began := time.Now()
	s.log.Info("draining", "at_most_s", s.cfg.ShutdownTimeout.Seconds())
	s.feed.Drain()
	s.gate.Close()
	stopTaking()
	if err := jobs.FailPending(context.Background(), s.store, jobs.Shutdown()); err != nil {
		s.log.Error("jobs left in the queue", "err", err)
	}
	patience := time.NewTimer(s.cfg.ShutdownTimeout)
	defer patience.Stop()
	select {
	case <-poolDone:
	case <-patience.C:
		patience.Reset(0) // for linger: no time is left
		stopDoing(jobs.ErrShutdown)
		<-poolDone
	}

	s.streams.StopAccepting()
	ctx, cancel := context.WithTimeout(context.Background(), streamsTime)
	defer cancel()
	if err := s.streams.Drain(ctx); err != nil {
		s.log.Warn("streams cut", "err", err)
	}
	s.linger(patience.C)
	for _, server := range []*http.Server{s.http, s.admin} {
		ctx, cancel := context.WithTimeout(context.Background(), requestTime)
		if err := server.Shutdown(ctx); err != nil {
			_ = server.Close() // somebody does not read his answer
		}
		cancel()
	}
	s.log.Info("drained", "duration_s", time.Since(began).Seconds())
}

// linger keeps reads open until everybody who polls had the time to see his job's end, or until the whole time is over.
// A service that was idle does not wait.
func (s *service) linger(over <-chan time.Time) {
	end := s.lastEnd.Load()
	if end == 0 {
		return
	}
	seen := time.NewTimer(time.Until(time.Unix(0, end).Add(pollTime)))
	defer seen.Stop()
	select {
	case <-seen.C:
	case <-over:
	}
}
