package server

import (
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"claimprover/internal/fault"
)

// foldSlashes makes //status/x of /status/x: the seed's dApp joins its base URL so. Nothing else of a path is touched,
// dot segments above all are never resolved.
func foldSlashes(next http.Handler) http.Handler {
	several := regexp.MustCompile(`//+`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		as := r.URL.Path
		if strings.Contains(strings.ToLower(r.URL.RawPath), "%2f") {
			as = r.URL.RawPath // an encoded slash is no separator: it is left as it is, which no route has
		}
		if as = several.ReplaceAllString(as, "/"); as != r.URL.Path {
			folded := *r.URL
			folded.Path, folded.RawPath = as, ""
			r = r.Clone(r.Context())
			r.URL = &folded
		}
		next.ServeHTTP(w, r)
	})
}

const requestIDKey = "request id"

// requestIDs may come from the caller, so that a request can be followed through several services.
var wellFormedID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

func identify(c *gin.Context) {
	id := c.GetHeader("X-Request-Id")
	if !wellFormedID.MatchString(id) {
		id = uuid.NewString()
	}
	c.Set(requestIDKey, id)
	c.Header("X-Request-Id", id)
	c.Next()
}

func requestID(c *gin.Context) string { return c.GetString(requestIDKey) }

// protect sets what every answer carries. The page, which may be kept and shows things, says otherwise itself.
func protect(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	c.Next()
}

// recoverPanic turns a panic into an internal_error in the usual shape.
func (s *Server) recoverPanic(c *gin.Context) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case http.ErrAbortHandler:
			panic(r) // net/http's own way of dropping a connection
		default:
			s.fail(c, fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	c.Next()
}

// allowOrigins answers browsers of other origins. One that is not configured is served without the headers that would
// let its page read the answer, as the seed did.
func (s *Server) allowOrigins() gin.HandlerFunc {
	config := cors.Config{
		AllowMethods:  []string{"GET", "HEAD", "POST", "DELETE"},
		AllowHeaders:  []string{"Authorization", "Content-Type", "X-API-Key", "Prefer", "If-None-Match", "Last-Event-ID", "X-Request-Id"},
		ExposeHeaders: []string{"Location", "ETag", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id"},
		MaxAge:        10 * time.Minute,
	}
	if s.Origins.Any() {
		config.AllowAllOrigins = true
	} else {
		config.AllowOriginFunc = func(string) bool { return true } // asked below, with the request at hand
	}
	allow := cors.New(config)
	return func(c *gin.Context) {
		c.Writer.Header().Set("Vary", "Origin")
		if c.GetHeader("Origin") != "" && s.Origins.AllowsRequest(c.Request) {
			allow(c)
			return
		}
		c.Next()
	}
}

// observe measures a request by its route, never by its path.
func (s *Server) observe(c *gin.Context) {
	start := time.Now()
	c.Next()
	if c.FullPath() == "" || isStream(c) {
		return
	}
	s.durations.WithLabelValues(c.FullPath(), c.Request.Method, strconv.Itoa(c.Writer.Status())).
		Observe(time.Since(start).Seconds())
}

func (s *Server) noRoute(*gin.Context) error {
	return fault.New(fault.NotFound, "There is nothing at this address. The routes are listed in /openapi.json.")
}

func (s *Server) noMethod(c *gin.Context) error {
	allowed := strings.Split(c.Writer.Header().Get("Allow"), ", ")
	slices.Sort(allowed) // gin gives them as they were registered
	c.Header("Allow", strings.Join(allowed, ", "))
	return fault.New(fault.MethodNotAllowed, "This address takes %s.", strings.Join(allowed, ", "))
}
