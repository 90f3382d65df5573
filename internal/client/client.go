// Package client speaks the service's wire contract: submit a claim, look at a job, follow it to its end.
//
// A [Client] may be used by many goroutines. What the service refuses comes back as an *[Error]; any other error means
// that there was no answer. Following survives lost connections, drains and restarts of the service: versions never go
// back, and the last event is never lost. The package knows neither commands nor terminals.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"claimprover/internal/api"
)

// Options tune a [Client]; the zero value is ready for use.
type Options struct {
	// Transport carries the requests; nil means a transport of its own with the standard library's settings.
	Transport http.RoundTripper
	// UserAgent names the caller in the service's log; empty means "claimprover-client".
	UserAgent string
	// RetryBase and RetryMax bound the wait before a lost stream is opened again, which is drawn from the whole span
	// that doubles with each failure; zero means 500 ms and 30 s.
	RetryBase, RetryMax time.Duration
	// Lost hears, on the follower's goroutine, why a stream has to be opened again; nil means nobody does.
	Lost func(why error)
}

// Client asks one service.
type Client struct {
	base  *url.URL
	key   string
	agent string
	http  *http.Client
	retry backoff
	lost  func(error)
}

// What one request may take. A long-poll is answered within a minute.
const (
	callTimeout  = 30 * time.Second
	pollWait     = 25 * time.Second
	maxBodyBytes = 8 << 20
)

// New makes a client of the service at base, such as https://prover.example.org, which may have a path. The key may be
// empty: reading a job needs none.
func New(base, key string, o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not the address of a service, such as http://localhost:8080", base)
	}
	if o.Lost == nil {
		o.Lost = func(error) {}
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &Client{
		base:  u,
		key:   key,
		agent: cmp.Or(o.UserAgent, "claimprover-client"),
		http: &http.Client{
			Transport: o.Transport,
			// The service never redirects; a key must not follow somebody else's redirect.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		retry: backoff{base: cmp.Or(o.RetryBase, 500*time.Millisecond), most: cmp.Or(o.RetryMax, 30*time.Second)},
		lost:  o.Lost,
	}, nil
}

// Close drops idle connections; streams end with their contexts.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Submit submits a claim. Submitting the same claim again is always safe and never buys a second proof.
func (c *Client) Submit(ctx context.Context, s api.Submission) (api.Job, error) {
	return c.SubmitJSON(ctx, api.Encode(s))
}

// SubmitJSON submits a body as it is, so that the service judges it to the letter.
func (c *Client) SubmitJSON(ctx context.Context, body []byte) (job api.Job, err error) {
	err = c.call(ctx, http.MethodPost, c.url("v1", "jobs"), body, &job)
	return job, err
}

// TryJSON asks what would become of a body as it is, by every check that a submission goes through. It submits nothing.
func (c *Client) TryJSON(ctx context.Context, body []byte) (tried api.DryRun, err error) {
	u := c.url("v1", "jobs")
	u.RawQuery = "dryRun=1"
	err = c.call(ctx, http.MethodPost, u, body, &tried)
	return tried, err
}

// Get looks at a job.
func (c *Client) Get(ctx context.Context, id string) (job api.Job, err error) {
	err = c.call(ctx, http.MethodGet, c.url("v1", "jobs", id), nil, &job)
	return job, err
}

// Cancel gives a job up: it ends when nobody else owns it.
func (c *Client) Cancel(ctx context.Context, id string) (job api.Job, err error) {
	err = c.call(ctx, http.MethodDelete, c.url("v1", "jobs", id), nil, &job)
	return job, err
}

// Query narrows a [Client.List]; the zero value asks for the newest jobs.
type Query struct {
	Status string // pending, running, completed or failed
	Limit  int
	Cursor string // NextCursor of the page before
}

// List gives a page of the caller's own jobs, newest first, without their proofs.
func (c *Client) List(ctx context.Context, q Query) (page api.JobList, err error) {
	u := c.url("v1", "jobs")
	values := url.Values{}
	if q.Status != "" {
		values.Set("status", q.Status)
	}
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Cursor != "" {
		values.Set("cursor", q.Cursor)
	}
	u.RawQuery = values.Encode()
	err = c.call(ctx, http.MethodGet, u, nil, &page)
	return page, err
}

// ClaimQuery asks more of a [Client.ClaimStatus]; what is empty is not sent.
type ClaimQuery struct {
	EVMAddress string // who shall be paid: gives what is to be signed
	Amount     string // where the service has no list
}

// ClaimStatus gives what the list and the contract say of an account, by its SS58 address.
func (c *Client) ClaimStatus(ctx context.Context, ss58 string, q ClaimQuery) (status api.ClaimStatus, err error) {
	u := c.url("v1", "claims", ss58)
	values := url.Values{}
	if q.EVMAddress != "" {
		values.Set("evmAddress", q.EVMAddress)
	}
	if q.Amount != "" {
		values.Set("amount", q.Amount)
	}
	u.RawQuery = values.Encode()
	err = c.call(ctx, http.MethodGet, u, nil, &status)
	return status, err
}

// Stats gives the public figures.
func (c *Client) Stats(ctx context.Context) (stats api.Stats, err error) {
	err = c.call(ctx, http.MethodGet, c.url("v1", "stats"), nil, &stats)
	return stats, err
}

// Health gives the service's health.
func (c *Client) Health(ctx context.Context) (health api.Health, err error) {
	err = c.call(ctx, http.MethodGet, c.url("health"), nil, &health)
	return health, err
}

// Live asks whether the process answers.
func (c *Client) Live(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, c.url("livez"), nil, nil)
}

// Ready asks whether the service can take claims now; the checks say what is wrong also when err is nil.
func (c *Client) Ready(ctx context.Context) (ready api.Ready, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := c.do(ctx, http.MethodGet, c.url("readyz"), nil, nil)
	if err != nil {
		return ready, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBodyBytes))
	if err != nil {
		return ready, fmt.Errorf("reading the answer: %w", err)
	}
	if err := json.Unmarshal(body, &ready); err != nil || ready.Checks == nil {
		return ready, refusal(answer, body)
	}
	return ready, nil
}

// PageURL is the status page of a job.
func (c *Client) PageURL(id string) string { return c.base.String() + "/#job=" + url.PathEscape(id) }

func (c *Client) url(path ...string) *url.URL { return c.base.JoinPath(path...) }

// call sends a request and reads its answer into out, which may be nil.
func (c *Client) call(ctx context.Context, method string, u *url.URL, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := c.do(ctx, method, u, body, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return read(answer, out)
}

// read takes a 2xx answer apart, and makes an *Error of any other.
func read(answer *http.Response, out any) error {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBodyBytes+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case len(body) > maxBodyBytes:
		return errors.New("the answer is longer than any answer of the service")
	case answer.StatusCode/100 != 2:
		return refusal(answer, body)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("the answer is not the service's: %w", err)
	}
	return nil
}

// do sends a request with the credential.
func (c *Client) do(ctx context.Context, method string, u *url.URL, body []byte, header http.Header) (*http.Response, error) {
	var content io.Reader // a nil *bytes.Reader would be a body
	if body != nil {
		content = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return nil, err
	}
	request.Header = c.header()
	for name, values := range header {
		request.Header[name] = values
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(request)
}

func (c *Client) header() http.Header {
	header := http.Header{"User-Agent": {c.agent}}
	if c.key != "" {
		header.Set("Authorization", "Bearer "+c.key)
	}
	return header
}
