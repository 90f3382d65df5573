package server

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"claimprover/internal/api"
	"claimprover/internal/fault"
)

// statusOf is the one table from codes to HTTP. Codes that are not here end jobs and never requests.
var statusOf = map[fault.Code]int{
	fault.InvalidInput:         http.StatusBadRequest,
	fault.ChallengeMismatch:    http.StatusBadRequest,
	fault.Unauthorized:         http.StatusUnauthorized,
	fault.InvalidSignature:     http.StatusUnauthorized,
	fault.Forbidden:            http.StatusForbidden,
	fault.NotEligible:          http.StatusForbidden,
	fault.AmountMismatch:       http.StatusForbidden,
	fault.NotFound:             http.StatusNotFound,
	fault.MethodNotAllowed:     http.StatusMethodNotAllowed,
	fault.AlreadyClaimed:       http.StatusConflict,
	fault.ClaimsClosed:         http.StatusConflict,
	fault.AlreadyFinished:      http.StatusConflict,
	fault.PayloadTooLarge:      http.StatusRequestEntityTooLarge,
	fault.UnsupportedMediaType: http.StatusUnsupportedMediaType,
	fault.RateLimited:          http.StatusTooManyRequests,
	fault.Internal:             http.StatusInternalServerError,
	fault.QueueFull:            http.StatusServiceUnavailable,
	fault.RPCUnavailable:       http.StatusServiceUnavailable,
	fault.BudgetExhausted:      http.StatusServiceUnavailable,
	fault.ShuttingDown:         http.StatusServiceUnavailable,
	fault.Unavailable:          http.StatusServiceUnavailable,
}

// handler is a route; what it returns is answered by [Server.fail].
type handler func(*gin.Context) error

func (s *Server) handle(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			s.fail(c, err)
		}
	}
}

// fail answers with an error and logs it: the only place that knows both codes and statuses.
func (s *Server) fail(c *gin.Context, err error) {
	if hasGone(c.Request, err) {
		panic(http.ErrAbortHandler) // nobody is refused anything
	}
	f, status := answerable(err)
	s.logRefusal(c, f, status, err)
	c.Abort()
	if c.Writer.Written() {
		return // a stream that broke off: there is nobody left to tell
	}
	body := errorBody(f, c.Request)
	body.RequestID = requestID(c)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		body.RetryAfter = max(1, body.RetryAfter)
		c.Header("Retry-After", strconv.Itoa(body.RetryAfter))
	}
	if f.Code == fault.Unauthorized {
		c.Header("WWW-Authenticate", `Bearer realm="claimprover"`)
	}
	answer(c, status, body)
}

// hasGone says whether err is only that the caller has left. Somebody who closed his own side of the connection looks the
// same to net/http, but waits for his answer.
func hasGone(r *http.Request, err error) bool {
	left := r.Context().Err()
	return left != nil && errors.Is(err, left)
}

// answerable is an error as it may be answered, with its status. A code that only ends jobs is trouble of ours.
func answerable(err error) (*fault.Error, int) {
	f := fault.Of(err)
	if status, known := statusOf[f.Code]; known {
		return f, status
	}
	return fault.Of(errors.New(f.Error())), http.StatusInternalServerError
}

func errorBody(f *fault.Error, r *http.Request) api.Error {
	body := api.Error{
		Status: "failed", Code: string(f.Code), Message: f.Message, Error: f.Message, Retryable: f.Retryable,
		RetryAfter: api.Seconds(f.RetryAfter), Fields: f.Fields,
	}
	if f.Retryable && isRead(r) {
		body.Status = "" // the seed's dApp takes any polled body that says "failed" for its job's end
	}
	return body
}

// logRefusal writes the one line of a refused request. What broke on our side is an error, what a caller did wrong is not.
func (s *Server) logRefusal(c *gin.Context, f *fault.Error, status int, err error) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("code", string(f.Code)), slog.Int("status", status),
		slog.String("method", c.Request.Method), slog.String("route", c.FullPath()), slog.String("request_id", requestID(c)),
	}
	if owner := ownerOf(c); owner != "" {
		attrs = append(attrs, slog.String("key", owner))
	}
	if status >= http.StatusInternalServerError && f.Code == fault.Internal {
		level = slog.LevelError
		attrs = append(attrs, slog.Any("err", err))
	}
	s.Logger.LogAttrs(c.Request.Context(), level, "request refused", attrs...)
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// answer writes a message of the wire contract.
func answer(c *gin.Context, status int, message any) {
	give(c, status, api.Encode(message))
}

// give writes a document, and gives the caller a while to take it.
func give(c *gin.Context, status int, document []byte) {
	takeWithin(c.Writer, takingTime)
	c.Data(status, "application/json", document)
}
