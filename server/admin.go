package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"claimprover/internal/admission"
	"claimprover/internal/api"
	"claimprover/internal/fault"
	"claimprover/internal/feed"
	"claimprover/internal/jobs"
)

// AdminParts are what the operator sees and changes. All are required, but for Host.
type AdminParts struct {
	Host    string // of ADMIN_ADDR: a name that requests may be addressed to
	Metrics prometheus.Gatherer
	Store   jobs.Store
	Feed    *feed.Feed
	Gate    *admission.Gate
	Logger  *slog.Logger
}

type admin struct {
	AdminParts
	log *slog.Logger
}

// Admin is the operator's listener: metrics, profiles, all jobs, and the switch that stops submissions. It asks for no
// credential, so nobody else may reach it; that a browser of somebody who can is not used for it, it sees to itself.
func Admin(p AdminParts) *http.Server {
	a := &admin{p, p.Logger}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.Metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	// Without /debug/pprof/cmdline: a secret may have been given as a flag.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /admin", a.handle(a.figures))
	mux.HandleFunc("GET /admin/jobs", a.handle(a.list))
	mux.HandleFunc("DELETE /admin/jobs/{id}", a.handle(a.cancel))
	mux.HandleFunc("POST /admin/pause", a.handle(a.pause))
	mux.HandleFunc("POST /admin/resume", a.handle(a.resume))
	return &http.Server{
		Handler: a.guard(mux), ReadHeaderTimeout: arrivalTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes,
		WriteTimeout: 2 * time.Minute, // a profile of a minute
		ErrorLog:     slog.NewLogLogger(p.Logger.Handler(), slog.LevelDebug),
	}
}

// adminHeader is what a request that changes something has, unless it is of a content type that no page of another site
// can send without being allowed to.
const adminHeader = "X-Claimprover-Admin"

// guard keeps out what the operator's browser would send on behalf of other sites: requests for a name that a stranger's
// DNS gave this address (rebinding), and changes that a form or an image of any page could ask for.
func (a *admin) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		switch {
		case !a.isAddress(r.Host):
			a.fail(w, r, fault.New(fault.Forbidden, "This listener is asked by its IP address or as localhost. For another name set ADMIN_ADDR to it."))
		case !isRead(r) && r.Header.Get(adminHeader) != "1" && !isJSON(r):
			a.fail(w, r, fault.New(fault.Forbidden, "Send the header %s: 1 with what changes something.", adminHeader))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isAddress says whether a Host header holds what no stranger's DNS can answer for.
func (a *admin) isAddress(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	_, err := netip.ParseAddr(host)
	return err == nil || strings.EqualFold(host, "localhost") || a.Host != "" && strings.EqualFold(host, a.Host)
}

func (a *admin) handle(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a.fail(w, r, err)
		}
	}
}

// fail answers with an error and logs it. The path, which may hold a job's id, is not logged; the route is.
func (a *admin) fail(w http.ResponseWriter, r *http.Request, err error) {
	f, status := answerable(err)
	level := slog.LevelInfo
	if f.Code == fault.Internal {
		level = slog.LevelError
	}
	a.log.Log(r.Context(), level, "operator refused", "code", f.Code, "method", r.Method, "route", r.Pattern, "err", err)
	w.Header().Set("Connection", "close") // whatever was not read of the body
	a.answer(w, status, errorBody(f, r))
}

func (a *admin) answer(w http.ResponseWriter, status int, message any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(api.Encode(message)) // who has gone reads nothing
}
