package network

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// elsewhere serves at 127.0.0.2, which stands for a public address.
func elsewhere(t *testing.T, h http.HandlerFunc) (s *httptest.Server, asPublic Options) {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	require.NoError(t, err)
	s = httptest.NewUnstartedServer(h)
	require.NoError(t, s.Listener.Close())
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s, Options{ArtifactNets: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}
}

func TestARedirectFromAPublicAddressToOneThatIsNotIsRefused(t *testing.T) {
	t.Parallel()
	inside := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was reached") })
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	require.NoError(t, err)
	var to string
	s, options := elsewhere(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
	a := fetcher(t, "http://203.0.113.7", options)
	for _, to = range []string{
		inside.URL + "/?" + secret, "http://localhost:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port,
		"http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/",
	} {
		_, err := a.get(t.Context(), s.URL)
		require.ErrorContains(t, err, errForbiddenAddress.Error(), to)
		require.NotContains(t, err.Error(), "Signature")
	}
}

func TestANameThatLaterResolvesToAnAddressThatIsNotPublicIsRefused(t *testing.T) {
	t.Parallel()
	s, options := elsewhere(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "proof") })
	var asked atomic.Int32
	options.dns = nameServer(t, func() [4]byte {
		if asked.Add(1) == 1 {
			return [4]byte{127, 0, 0, 2}
		}
		return [4]byte{127, 0, 0, 1}
	})
	a := fetcher(t, "http://203.0.113.7", options)
	at := strings.Replace(s.URL, "127.0.0.2", "artifacts.example.", 1)
	b, err := a.get(t.Context(), at)
	require.NoError(t, err)
	require.Equal(t, "proof", string(b))
	a.http.CloseIdleConnections()
	_, err = a.get(t.Context(), at)
	require.ErrorContains(t, err, errForbiddenAddress.Error())
}

// nameServer is a resolver that asks a server of names with one answer to questions for an IPv4 address (RFC 1035).
func nameServer(t *testing.T, answer func() [4]byte) *net.Resolver {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			end := 12 // of the question's name
			for b[end] != 0 {
				end += int(b[end]) + 1
			}
			reply := append([]byte{b[0], b[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, b[12:end+5]...)
			if binary.BigEndian.Uint16(b[end+1:n]) == 1 {
				reply[7] = 1
				address := answer()
				reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				reply = append(reply, address[:]...)
			}
			_, _ = c.WriteTo(reply, from)
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", c.LocalAddr().String())
	}}
}
