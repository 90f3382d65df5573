package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"claimprover/internal/rate"
)

// Whoever is no trusted proxy counts on his own address, whatever he says. Of a trusted one's list the last that is no
// proxy counts; the first, when all are; and the proxy itself, when the list cannot be read that far.
func FuzzForwardedFor(f *testing.F) {
	const stranger, proxy = "203.0.113.9", "10.0.0.7"
	for _, header := range []string{
		"", "198.51.100.1", "198.51.100.1, 10.0.0.1", "10.0.0.1,10.0.0.2", "198.51.100.1, x", "x, 198.51.100.1", "2001:db8::1", "2001:db8:0:0:ffff::1,fd00::1",
		"::ffff:198.51.100.1", "::ffff:10.0.0.1", "198.51.100.1:80", "[2001:db8::1]", "fe80::1%eth0", " 198.51.100.1 ,\t10.0.0.1", ",", "198.51.100.1,", "unknown", "0198.51.100.1", "1.2.3",
		"198.51.100.1\n10.0.0.1", "\u00a0198.51.100.1", strings.Repeat("10.0.0.1,", 100),
	} {
		f.Add(header, "")
		f.Add(header, "198.51.100.2")
		f.Add("198.51.100.3", header)
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	if err := (Options{TrustedProxies: trusted}).believe(engine); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		bucket := func(peer string, headers ...string) string {
			c := gin.CreateTestContextOnly(httptest.NewRecorder(), engine)
			c.Request = &http.Request{RemoteAddr: peer + ":4321", Header: http.Header{}}
			for _, h := range headers {
				c.Request.Header.Add("X-Forwarded-For", h)
			}
			c.Request.Header.Set("X-Real-IP", first) // believed under another setting only
			c.Request.Header.Set("Forwarded", "for="+first)
			return rate.IPKey(clientIP(c))
		}
		alone := rate.IPKey(netip.MustParseAddr(stranger))
		require.Equal(t, alone, bucket(stranger, first))
		require.Equal(t, alone, bucket(stranger, first, second))

		for _, headers := range [][]string{{first}, {first, second}} {
			want := rate.IPKey(lastHop(netip.MustParseAddr(proxy), strings.Join(headers, ","), trusted))
			require.Equal(t, want, bucket(proxy, headers...), "%q", headers)
		}
	})
}

// lastHop is the rule, written down anew: from the right, for as long as there are proxies.
func lastHop(peer netip.Addr, list string, trusted []netip.Prefix) netip.Addr {
	hops := strings.Split(list, ",")
	for i, text := range slices.Backward(hops) {
		hop, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil || hop.Zone() != "" {
			return peer
		}
		hop = hop.Unmap()
		if i == 0 || !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(hop) }) {
			return hop
		}
	}
	return peer
}
