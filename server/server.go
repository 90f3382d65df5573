// Package server is the HTTP side: routes, middleware, handlers, the seed's routes, and the one table from codes to
// statuses. It decides nothing about claims: it authenticates, hands bytes on and writes down what came of it.
//
// A handler returns its error; [Server.fail] alone answers and logs it. No domain function sees a *gin.Context.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"claimprover/hub"
	"claimprover/internal/admission"
	"claimprover/internal/api"
	"claimprover/internal/audit"
	"claimprover/internal/auth"
	"claimprover/internal/feed"
	"claimprover/internal/jobs"
	"claimprover/internal/verify"
	"claimprover/server/stream"
)

// Parts are what the server puts on the wire. All are required, but for Audit.
type Parts struct {
	Auth    *auth.Authenticator
	Flood   *admission.Flood
	Gate    *admission.Gate
	Store   jobs.Store
	Feed    *feed.Feed
	Hub     *hub.Hub
	Streams *stream.Streams
	Claims  Claims         // what GET /v1/claims/{ss58} asks
	Checks  []verify.Check // what POST /v1/verify puts a proof to
	Origins stream.Origins
	Health  func(context.Context) (api.Health, error)
	// Ready says of each thing the service needs "ok" or, in words without hosts, what is wrong.
	Ready    func(context.Context) map[string]string
	Registry prometheus.Registerer
	Audit    *audit.Log // nil: none is kept
	Logger   *slog.Logger
}

// Options are the server's settings.
type Options struct {
	MaxBodyBytes     int64
	TrustedProxies   []netip.Prefix // whose X-Forwarded-For is believed; empty: nobody's
	TrustRealIP      bool           // of those proxies also X-Real-IP, as the seed did
	AnonymousAllowed bool
	AuthForReads     bool
}

// Server answers requests.
type Server struct {
	Parts
	opts      Options
	durations *prometheus.HistogramVec
	results   *prometheus.CounterVec
	limited   *prometheus.CounterVec
	handler   http.Handler
}

// Time a caller has to send his headers, and again his body; what a body that nobody read may take behind the answer,
// which a caller who is still sending would otherwise not see; what he has to take an answer; what an answer may take
// in all; what an idle connection is kept for; and the size of headers.
const (
	arrivalTime    = 10 * time.Second
	unwantedTime   = 500 * time.Millisecond
	takingTime     = 20 * time.Second
	answerTime     = (maxWait + 30) * time.Second
	idleTime       = 60 * time.Second
	maxHeaderBytes = 12 << 10 // net/http adds 4 KiB, and so refuses over 16
)

// New wires the routes.
func New(p Parts, o Options) (*Server, error) {
	s := &Server{Parts: p, opts: o}
	s.registerMetrics(p.Registry)
	routes, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.handler = foldSlashes(routes)
	return s, nil
}

// Handler answers every request of the public listener.
func (s *Server) Handler() http.Handler { return s.handler }

// HTTP is the public listener's server with its bounds. A stream takes its connection over and sets a deadline for each
// of its writes.
func (s *Server) HTTP() *http.Server {
	return &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: arrivalTime,
		WriteTimeout:      answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       stream.ConnContext,
		// net/http's own answer to OPTIONS * would wait for a body without end.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
}

// believe says whose forwarding headers tell who is calling.
func (o Options) believe(e *gin.Engine) error {
	e.RemoteIPHeaders = []string{"X-Forwarded-For"}
	if o.TrustRealIP {
		e.RemoteIPHeaders = append(e.RemoteIPHeaders, "X-Real-IP")
	}
	proxies := make([]string, len(o.TrustedProxies))
	for i, p := range o.TrustedProxies {
		proxies[i] = p.String()
	}
	return e.SetTrustedProxies(proxies) // nil would do, but gin's default is to trust everybody
}

func (s *Server) routes() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.HandleMethodNotAllowed = true
	if err := s.opts.believe(e); err != nil {
		return nil, err
	}
	e.Use(identify, protect, closeUnread, s.observe, s.recoverPanic, s.allowOrigins())
	e.NoRoute(s.handle(s.noRoute))
	e.NoMethod(s.handle(s.noMethod))

	read := func(path string, h handler) {
		e.GET(path, s.handle(h))
		e.HEAD(path, s.handle(h))
	}
	e.POST("/v1/jobs", s.handle(s.submit))
	read("/v1/jobs", s.list)
	read("/v1/jobs/:id", s.job)
	e.DELETE("/v1/jobs/:id", s.handle(s.cancel))
	read("/v1/jobs/:id/events", s.jobEvents)
	read("/v1/claims/:ss58", s.claimStatus)
	e.POST("/v1/tokens", s.handle(s.mint))
	read("/v1/events", s.serviceEvents)
	e.POST("/v1/verify", s.handle(s.verifyProof))
	read("/v1/stats", s.judge(s.stats))

	e.POST("/", s.handle(s.submitSeed))
	read("/status/:id", s.status)
	read("/health", s.judge(s.health))

	read("/livez", s.live)
	read("/readyz", s.ready)
	s.static(read)
	return e, nil
}
