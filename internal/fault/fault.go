// Package fault holds the codes with which the service refuses or fails, and the error that carries them.
//
// Everything that refuses a caller or fails a job returns an *[Error], wrapped on the way up with what was being done.
// The package knows no HTTP: the one table from [Code] to status lives in package server.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Code is a stable machine-readable word of the wire contract. Clients branch on it, so a code never changes its meaning.
type Code string

// The codes a client can meet. docs/errors.md has an entry for each.
const (
	InvalidInput         Code = "invalid_input"
	ChallengeMismatch    Code = "challenge_mismatch"
	Unauthorized         Code = "unauthorized"
	InvalidSignature     Code = "invalid_signature"
	Forbidden            Code = "forbidden"
	NotEligible          Code = "not_eligible"
	AmountMismatch       Code = "amount_mismatch"
	NotFound             Code = "not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	AlreadyClaimed       Code = "already_claimed"
	ClaimsClosed         Code = "claims_closed"
	AlreadyFinished      Code = "already_finished"
	PayloadTooLarge      Code = "payload_too_large"
	UnsupportedMediaType Code = "unsupported_media_type"
	RateLimited          Code = "rate_limited"
	Internal             Code = "internal_error"
	QueueFull            Code = "queue_full"
	RPCUnavailable       Code = "rpc_unavailable"
	BudgetExhausted      Code = "budget_exhausted"
	ShuttingDown         Code = "shutting_down"
	Unavailable          Code = "unavailable"

	// Only in a failed job.
	Timeout            Code = "timeout"
	ProofFailed        Code = "proof_failed"
	VerificationFailed Code = "verification_failed"
	Cancelled          Code = "cancelled"
)

// retryable says of each code whether the same request may succeed later without being changed.
var retryable = map[Code]bool{
	InvalidInput: false, ChallengeMismatch: false,
	Unauthorized: false, InvalidSignature: false,
	Forbidden: false, NotEligible: false, AmountMismatch: false,
	NotFound: false, MethodNotAllowed: false,
	AlreadyClaimed: false, ClaimsClosed: false, AlreadyFinished: false,
	PayloadTooLarge: false, UnsupportedMediaType: false,
	RateLimited: true, Internal: true,
	QueueFull: true, RPCUnavailable: true, BudgetExhausted: true, ShuttingDown: true, Unavailable: true,
	Timeout: true, ProofFailed: false, VerificationFailed: false, Cancelled: false,
}

// Codes gives every code there is, so that tests can hold tables and documents against them.
func Codes() map[Code]bool { return maps.Clone(retryable) }

// ErrStale refuses a write under a lease that has ended: whoever meets it must stop spending at once.
var ErrStale = errors.New("stale lease")

// Error is a refusal or a failure that may be shown to the caller: Message says what was wrong and what to do next,
// and holds nothing internal. What led to it is its cause, which only the log sees.
//
// The methods that set something give back a copy, so a package may keep an Error in a variable.
type Error struct {
	Code       Code
	Message    string
	Retryable  bool              // whether the unchanged request may succeed later
	RetryAfter time.Duration     // advice that goes with Retryable; zero: none
	Fields     map[string]string // for InvalidInput: what is wrong, by field
	cause      error
}

// New makes an Error. Retryable is what the wire contract says of the code.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Retryable: retryable[code]}
}

// Because keeps what led to the refusal, for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// RetryIn says when to come back.
func (e *Error) RetryIn(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// MayRetry overrides what is usual for the code; only a prover knows whether its failure can pass.
func (e *Error) MayRetry(yes bool) *Error {
	c := *e
	c.Retryable = yes
	return &c
}

// WithFields names the fields that are wrong.
func (e *Error) WithFields(fields map[string]string) *Error {
	c := *e
	c.Fields = fields
	return &c
}

func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s (%v)", e.Code, e.Message, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.cause }

// Span says a duration as people do: 5 minutes, 90 seconds.
func Span(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := d / unit.of; n > 0 && d%unit.of == 0 {
			if n == 1 {
				return "1 " + unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return d.String()
}

// Of finds the Error in a chain. What has none is [Internal]: its text stays in the log.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return New(Internal, "Something broke on our side. Try again; if it stays, send us the request id.").Because(err)
}

// Is says whether err carries code.
func Is(err error, code Code) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}
