package network

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// artifacts moves artifacts. The URLs that it is given are secrets: whoever has one may use it. So none is in an error.
type artifacts struct {
	http   *http.Client
	secure bool        // only https
	failed func(error) // hears of each transfer that did not succeed
}

const (
	transferTimeout = 60 * time.Second
	mostRedirects   = 3
)

func newArtifacts(endpoint *url.URL, o Options) *artifacts {
	g := guard{endpoint: endpoint.Hostname(), nets: o.ArtifactNets, dns: o.dns}
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 60 * time.Second, ControlContext: g.control, Resolver: o.dns}
	dial := dialer.DialContext
	if o.dial != nil {
		dial = o.dial
	}
	a := &artifacts{secure: endpoint.Scheme == "https", failed: func(error) {}}
	a.http = &http.Client{
		CheckRedirect: a.redirect,
		Transport: &http.Transport{ // no proxy: the guard would see its address instead
			DialContext: dial, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs}, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 15 * time.Second,
			DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
		},
	}
	return a
}

// transferError says why an artifact was not moved, in words of our own: those of net/http hold the URL.
type transferError struct {
	doing  string
	host   string
	status int    // of the answer; 0: there was none that counts
	why    string // when there was none
	final  bool
}

func (e *transferError) Error() string {
	if e.status != 0 {
		return fmt.Sprintf("%s %s: HTTP status %d", e.doing, e.host, e.status)
	}
	return fmt.Sprintf("%s %s: %s", e.doing, e.host, e.why)
}

// passing says whether another try with the same URL may help.
func (e *transferError) passing() bool {
	switch {
	case e.final:
		return false
	case e.status == 0:
		return true
	}
	return e.status >= 500 || e.status == http.StatusRequestTimeout || e.status == http.StatusTooManyRequests
}

// expired says whether the URL is not, or no longer, good.
func (e *transferError) expired() bool {
	return e.status == http.StatusForbidden || e.status == http.StatusNotFound || e.status == http.StatusGone
}

var errForbiddenURL = errors.New("the URL is not one for artifacts")

func (a *artifacts) check(u *url.URL) error {
	if u.Host == "" || u.User != nil || u.Scheme != "https" && (a.secure || u.Scheme != "http") {
		return errForbiddenURL
	}
	return nil
}

func (a *artifacts) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > mostRedirects || via[0].Method != http.MethodGet {
		return errForbiddenURL
	}
	return a.check(r.URL)
}

// put uploads what is at most [MaxArtifactBytes] long, once. A presigned URL may sign headers: so there are none but
// the length.
func (a *artifacts) put(ctx context.Context, to string, body []byte) error {
	_, err := a.do(ctx, http.MethodPut, "uploading to", to, body)
	return err
}

// get downloads, once.
func (a *artifacts) get(ctx context.Context, from string) ([]byte, error) {
	return a.do(ctx, http.MethodGet, "downloading from", from, nil)
}

func (a *artifacts) do(ctx context.Context, method, doing, at string, body []byte) ([]byte, error) {
	u, err := url.Parse(at)
	if err != nil || a.check(u) != nil {
		return nil, &transferError{doing: doing, host: "an artifact", why: errForbiddenURL.Error(), final: true}
	}
	calling, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	answer, err := a.once(calling, method, u, body)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s %s: %w", doing, u.Host, context.Cause(ctx))
	}
	failed := &transferError{doing: doing, host: u.Host}
	if s, is := errors.AsType[httpStatus](err); is {
		failed.status = int(s)
	} else {
		failed.why, failed.final = reason(err)
	}
	a.failed(failed)
	return nil, failed
}

// httpStatus is an answer that is not 2xx.
type httpStatus int

func (s httpStatus) Error() string { return fmt.Sprintf("HTTP status %d", int(s)) }

func (a *artifacts) once(ctx context.Context, method string, u *url.URL, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errForbiddenURL
	}
	r.Header.Set("User-Agent", "") // none
	resp, err := a.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection may be used again
		return nil, httpStatus(resp.StatusCode)
	}
	if method == http.MethodPut {
		return nil, nil
	}
	return readBounded(resp.Body)
}

// reason names what went wrong, and whether it is so for good.
func reason(err error) (why string, final bool) {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.Is(err, errForbiddenAddress):
		return errForbiddenAddress.Error(), true
	case errors.Is(err, errForbiddenURL):
		return errForbiddenURL.Error(), true
	case errors.Is(err, errTooLarge):
		return errTooLarge.Error(), true
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time", false
	case errors.As(err, &dns):
		return "its name is not known", false
	case errors.As(err, &certificate), errors.As(err, &authority):
		return "its certificate is not trusted", true
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", false
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection lost", false
	}
	return "no answer", false
}
