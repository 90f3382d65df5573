package rate_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/rate"
)

func TestIPKey(t *testing.T) {
	t.Parallel()
	for address, key := range map[string]string{
		"192.0.2.7":              "192.0.2.7",
		"::ffff:192.0.2.7":       "192.0.2.7",
		"2001:db8:1:2::1":        "2001:db8:1:2::/64",
		"2001:db8:1:2:f::":       "2001:db8:1:2::/64",
		"2001:db8:1:3::1":        "2001:db8:1:3::/64",
		"fe80::1%eth0":           "fe80::/64",
		"fe80::1%" + "{}\r\n%%x": "fe80::/64",
		"::1":                    "::/64",
	} {
		require.Equal(t, key, rate.IPKey(netip.MustParseAddr(address)), address)
	}
	require.Equal(t, "invalid IP", rate.IPKey(netip.Addr{}))

	t.Run("all of one /64 share a key", func(t *testing.T) {
		t.Parallel()
		keys := map[string]bool{}
		for i := range 1 << 16 {
			keys[rate.IPKey(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: byte(i >> 8), 15: byte(i)}))] = true
		}
		require.Len(t, keys, 1)
	})
}
