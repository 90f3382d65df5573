package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"claimprover/internal/api"
	"claimprover/internal/client"
	"claimprover/internal/config"
)

// The exit codes, as the README lists them.
const (
	exitDone        = 0   // done, proof ready, valid
	exitFailed      = 1   // the job failed, or the proof is not valid
	exitUsage       = 2   // usage or settings
	exitRefused     = 3   // refused for good
	exitCredentials = 4   // the credential is missing or wrong
	exitLater       = 5   // try later: too much, away, or no connection
	exitInterrupted = 130 // as shells say SIGINT
)

// ended is an error with its exit code and what a script reads of it.
type ended struct {
	exit    int
	code    string // machine-readable
	message string // a sentence or two
	cause   error
}

func (e *ended) Error() string { return e.message }
func (e *ended) Unwrap() error { return e.cause }

func usage(err error) error { return &ended{exitUsage, "usage", err.Error(), err} }

func unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the method and URL in front
	}
	return &ended{exitLater, "unreachable", fmt.Sprintf("The service did not answer: %v. Check --url, or try again later.", err), err}
}

func interrupted(format string, args ...any) error {
	return &ended{exitInterrupted, "interrupted", fmt.Sprintf(format, args...), context.Canceled}
}

// asked sorts what came of asking the service: its refusals stay as they are, everything else is no answer.
func asked(ctx context.Context, err error) error {
	switch _, refused := errors.AsType[*client.Error](err); {
	case err == nil || refused:
		return err
	case ctx.Err() != nil:
		return interrupted("Interrupted.")
	default:
		return unreachable(err)
	}
}

// failure is what is printed of an error as JSON.
type failure struct {
	Code       string            `json:"code"`
	Message    string            `json:"message"`
	RetryAfter int               `json:"retryAfter,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"`
	RequestID  string            `json:"requestId,omitempty"`
	Settings   []config.Finding  `json:"settings,omitempty"`
}

// report tells the error on w and gives its exit code.
func report(err error, w io.Writer, asJSON bool) int {
	if err == nil {
		return exitDone
	}
	code, told := judge(err)
	switch {
	case asJSON:
		fmt.Fprintf(w, "%s\n", api.Encode(told))
	case told.Settings != nil:
		fmt.Fprintln(w, "claimprover: "+told.Message)
		printFindings(w, told.Settings)
	default:
		for i, line := range strings.Split(told.Message+small(told), "\n") {
			if i == 0 {
				line = "claimprover: " + line
			}
			fmt.Fprintln(w, printable(line))
		}
	}
	return code
}

// small is what stands beside the sentence, for whoever looks it up.
func small(f failure) string {
	text := f.Code
	if f.RetryAfter > 0 {
		text += fmt.Sprintf(", retry in %d s", f.RetryAfter)
	}
	if f.RequestID != "" {
		text += ", request " + f.RequestID
	}
	switch f.Code {
	case "usage", "interrupted", "unreachable", "error":
		return ""
	default:
		return " (" + text + ")"
	}
}

func judge(err error) (int, failure) {
	if e, ok := errors.AsType[*ended](err); ok {
		return e.exit, failure{Code: e.code, Message: e.message}
	}
	if e, ok := errors.AsType[*config.Invalid](err); ok {
		text := fmt.Sprintf("%d settings have to be changed before the service can start:", len(e.Problems))
		if len(e.Problems) == 1 {
			text = "A setting has to be changed before the service can start:"
		}
		return exitUsage, failure{Code: "invalid_settings", Message: text, Settings: e.Problems}
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		return exitOf(e), failure{
			Code: string(e.Fault.Code), Message: e.Fault.Message, RetryAfter: api.Seconds(e.Fault.RetryAfter),
			Fields: e.Fault.Fields, RequestID: e.RequestID,
		}
	}
	return exitFailed, failure{Code: "error", Message: err.Error()}
}

func exitOf(e *client.Error) int {
	switch {
	case e.Status == http.StatusUnauthorized:
		return exitCredentials
	case e.Status == http.StatusTooManyRequests || e.Status >= 500:
		return exitLater
	default:
		return exitRefused
	}
}

// printFindings lists what is to be said about settings, each with its variable.
func printFindings(w io.Writer, findings []config.Finding) {
	for _, f := range findings {
		fmt.Fprintf(w, "  %s\n      %s\n", f.Setting, f.Text)
	}
}
