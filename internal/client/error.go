package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/fault"
)

// Error is a refusal by the service. The fault in it is found by [fault.Is] and [fault.Of].
type Error struct {
	Status    int    // of HTTP
	RequestID string // names the request in the service's log
	Fault     *fault.Error
}

func (e *Error) Error() string {
	if e.RequestID == "" {
		return e.Fault.Error()
	}
	return fmt.Sprintf("%v (request %s)", e.Fault, e.RequestID)
}

func (e *Error) Unwrap() error { return e.Fault }

// temporary says that the same request may succeed later, as a stream would be opened again.
func (e *Error) temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout || e.Status >= 500
}

// refusal reads an answer that is not a success. What stands between client and service answers in other shapes: then
// the status alone says what it means.
func refusal(answer *http.Response, body []byte) *Error {
	var wire api.Error
	refused := &Error{Status: answer.StatusCode, RequestID: answer.Header.Get("X-Request-Id")}
	if err := json.Unmarshal(body, &wire); err == nil && wire.Code != "" {
		refused.Fault = fault.New(fault.Code(wire.Code), "%s", wire.Message).MayRetry(wire.Retryable)
		if len(wire.Fields) > 0 {
			refused.Fault = refused.Fault.WithFields(wire.Fields)
		}
	} else {
		refused.Fault = fault.New(codeOf(answer.StatusCode),
			"The address answered %d, but not in the words of this service. Check the URL and what stands in between.", answer.StatusCode)
	}
	if after := retryAfter(answer.Header, wire.RetryAfter); after > 0 {
		refused.Fault = refused.Fault.RetryIn(after)
	}
	return refused
}

func codeOf(status int) fault.Code {
	switch {
	case status == http.StatusUnauthorized:
		return fault.Unauthorized
	case status == http.StatusForbidden:
		return fault.Forbidden
	case status == http.StatusNotFound:
		return fault.NotFound
	case status == http.StatusMethodNotAllowed:
		return fault.MethodNotAllowed
	case status == http.StatusRequestEntityTooLarge:
		return fault.PayloadTooLarge
	case status == http.StatusUnsupportedMediaType:
		return fault.UnsupportedMediaType
	case status == http.StatusTooManyRequests:
		return fault.RateLimited
	case status >= 500:
		return fault.Unavailable
	default:
		return fault.InvalidInput
	}
}

// retryAfter prefers the body; a proxy in between only sets the header. Dates (RFC 9110, 10.2.3) are not the service's.
func retryAfter(header http.Header, inBody int) time.Duration {
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); inBody == 0 && err == nil && seconds > 0 && seconds < 86400 {
		inBody = seconds
	}
	return time.Duration(inBody) * time.Second
}
