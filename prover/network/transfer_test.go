package network

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fetcher is what fetches artifacts for an endpoint.
func fetcher(t *testing.T, endpoint string, o Options) *artifacts {
	u, err := url.Parse(endpoint)
	require.NoError(t, err)
	a := newArtifacts(u, o)
	t.Cleanup(a.http.CloseIdleConnections)
	return a
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

const secret = "X-Signature=0123456789abcdef"

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	t.Parallel()
	g := guard{endpoint: "203.0.113.7"}
	for address, allowed := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true,
		"127.0.0.1": false, "127.0.0.2": false, "0.0.0.0": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fc00::1": false, "ff02::1": false, "::ffff:127.0.0.1": false,
		"::ffff:169.254.169.254": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "fe80::1%eth0": false,
	} {
		err := g.control(t.Context(), "tcp", net.JoinHostPort(address, "443"), nil)
		if allowed {
			require.NoError(t, err, address)
		} else {
			require.ErrorIs(t, err, errForbiddenAddress, address)
		}
	}
	require.Error(t, g.control(t.Context(), "tcp", "no address", nil))

	own := guard{endpoint: "127.0.0.1", nets: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}}
	for address, allowed := range map[string]bool{
		"127.0.0.1": true, "::ffff:127.0.0.1": true, "127.0.0.2": false, "10.9.1.1": true, "10.8.1.1": false, "169.254.169.254": false,
	} {
		require.Equal(t, allowed, own.control(t.Context(), "tcp", net.JoinHostPort(address, "80"), nil) == nil, address)
	}
	unknown := guard{endpoint: "endpoint.invalid"}
	require.ErrorIs(t, unknown.control(t.Context(), "tcp", "127.0.0.1:80", nil), errForbiddenAddress)
}

// TestWhatTheDialerIsToldIsWhatANameResolvedTo: the guard is asked with addresses, however the name resolved before.
func TestWhatTheDialerIsToldIsWhatANameResolvedTo(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was reached") })
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	a := fetcher(t, "http://203.0.113.7", Options{})
	_, err = a.get(t.Context(), "http://localhost:"+port+"/?"+secret)
	require.ErrorContains(t, err, errForbiddenAddress.Error())
	require.NotContains(t, err.Error(), "Signature")
}

func TestRedirectsAreChecked(t *testing.T) {
	t.Parallel()
	var to string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/end":
			_, _ = io.WriteString(w, "proof")
		case strings.HasPrefix(r.URL.Path, "/hop/"):
			var n int
			_, _ = fmt.Sscanf(r.URL.Path, "/hop/%d", &n)
			if n == 0 {
				http.Redirect(w, r, "/end", http.StatusFound)
				return
			}
			http.Redirect(w, r, fmt.Sprintf("/hop/%d", n-1), http.StatusFound)
		default:
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}
	})
	a := fetcher(t, s.URL, Options{})
	b, err := a.get(t.Context(), s.URL+"/hop/2")
	require.NoError(t, err)
	require.Equal(t, "proof", string(b))
	_, err = a.get(t.Context(), s.URL+"/hop/3")
	require.Error(t, err, "more than three")

	for _, to = range []string{
		"http://169.254.169.254/latest/meta-data?" + secret, "http://127.0.0.2/", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x",
		"http://user:password@" + s.Listener.Addr().String() + "/end", "http://[::1%25lo]/", "http://%zz/?" + secret,
	} {
		_, err = a.get(t.Context(), s.URL+"/away")
		require.Error(t, err, to)
		require.NotContains(t, err.Error(), "Signature")
		require.NotContains(t, err.Error(), "password")
	}
	to = "/end"
	require.Error(t, a.put(t.Context(), s.URL+"/away", []byte("x")), "an upload is never redirected")
}

func TestWithATLSEndpointOnlyTLSIsSpoken(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was reached") })
	a := fetcher(t, "https://127.0.0.1", Options{})
	_, err := a.get(t.Context(), s.URL)
	require.ErrorContains(t, err, errForbiddenURL.Error())

	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, s.URL, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "proof")
	}))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not trust it
	secure.StartTLS()
	t.Cleanup(secure.Close)
	_, err = a.get(t.Context(), secure.URL)
	require.ErrorContains(t, err, "certificate")
	require.False(t, passing(err), "trying again does not help")

	trusting := fetcher(t, "https://127.0.0.1", Options{})
	trusting.http.Transport.(*http.Transport).TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
	b, err := trusting.get(t.Context(), secure.URL)
	require.NoError(t, err)
	require.Equal(t, "proof", string(b))
	_, err = trusting.get(t.Context(), secure.URL+"/down")
	require.ErrorContains(t, err, errForbiddenURL.Error())
}

func TestAnArtifactThatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.CopyN(w, zeros{}, MaxArtifactBytes+1)
	})
	_, err := fetcher(t, s.URL, Options{}).get(t.Context(), s.URL)
	require.ErrorContains(t, err, "more than 32 MiB")
}

func TestAnUploadHasItsLengthAndNoHeaders(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(b))
		got <- r
		w.WriteHeader(http.StatusNoContent)
	})
	require.NoError(t, fetcher(t, s.URL, Options{}).put(t.Context(), s.URL+"/x?"+secret, []byte("body")))
	r := <-got
	require.Equal(t, http.MethodPut, r.Method)
	require.EqualValues(t, 4, r.ContentLength)
	require.Empty(t, r.TransferEncoding)
	require.Equal(t, http.Header{"Content-Length": {"4"}}, r.Header)
}

func TestErrorsOfTransfersHoldNoURL(t *testing.T) {
	t.Parallel()
	gone := serve(t, func(http.ResponseWriter, *http.Request) {})
	gone.Close()
	broken := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	refusing := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, http.StatusForbidden) })
	for _, at := range []string{gone.URL, broken.URL, refusing.URL, "http://name.invalid", "::", "http://", ""} {
		for _, err := range []error{
			fetcher(t, broken.URL, Options{}).put(t.Context(), at+"/private-path?"+secret, []byte("x")),
			func() error {
				_, err := fetcher(t, broken.URL, Options{}).get(t.Context(), at+"/private-path?"+secret)
				return err
			}(),
		} {
			require.Error(t, err, at)
			require.NotContains(t, err.Error(), "Signature")
			require.NotContains(t, err.Error(), "private-path")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := fetcher(t, broken.URL, Options{}).get(ctx, broken.URL+"?"+secret)
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), "Signature")
}

func TestWhichTransfersAreTriedAgain(t *testing.T) {
	t.Parallel()
	for status, again := range map[int]bool{0: true, 500: true, 502: true, 503: true, 408: true, 429: true, 400: false, 401: false, 403: false, 404: false, 413: false} {
		require.Equal(t, again, passing(&transferError{status: status}), status)
	}
	require.False(t, passing(&transferError{final: true}))
	require.False(t, passing(nil))
	require.True(t, (&transferError{status: 403}).expired())
	require.False(t, (&transferError{status: 500}).expired())
}
