package admission_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/admission"
	"claimprover/internal/fault"
	"claimprover/internal/rate"
)

func TestFlood(t *testing.T) {
	t.Parallel()
	ip := netip.MustParseAddr("192.0.2.7")
	flood := func() *admission.Flood {
		return admission.NewFlood(rate.Policy{Name: "caller", Limit: 3, Window: time.Minute}, rate.Policy{Name: "ip", Limit: 2, Window: time.Minute})
	}
	enter := func(t *testing.T, f *admission.Flood, key string, ip netip.Addr) fault.Code {
		_, err := f.Enter(t.Context(), key, ip)
		return codeOf(err)
	}

	t.Run("a caller with a credential counts on himself", func(t *testing.T) {
		t.Parallel()
		f := flood()
		for range 3 {
			require.Empty(t, enter(t, f, "key:a", netip.Addr{}))
		}
		require.Equal(t, fault.RateLimited, enter(t, f, "key:a", netip.Addr{}))
		require.Empty(t, enter(t, f, "key:b", netip.Addr{}))
	})

	t.Run("callers without one count on their address, an IPv6 one on its /64", func(t *testing.T) {
		t.Parallel()
		f := flood()
		require.Empty(t, enter(t, f, "", netip.MustParseAddr("2001:db8::1")))
		require.Empty(t, enter(t, f, "", netip.MustParseAddr("2001:db8::2")))
		require.Equal(t, fault.RateLimited, enter(t, f, "", netip.MustParseAddr("2001:db8::3")))
		require.Empty(t, enter(t, f, "", netip.MustParseAddr("2001:db8:0:1::1")))
	})

	t.Run("a browser token counts on its key and on its address, and one address cannot use the key up", func(t *testing.T) {
		t.Parallel()
		f := flood()
		require.Empty(t, enter(t, f, "key:a", ip))
		require.Empty(t, enter(t, f, "key:a", ip))
		for range 10 {
			require.Equal(t, fault.RateLimited, enter(t, f, "key:a", ip))
		}
		require.Empty(t, enter(t, f, "key:a", netip.Addr{}), "the third of the key's three")
		require.Equal(t, fault.RateLimited, enter(t, f, "key:a", netip.MustParseAddr("192.0.2.8")))
	})
}
