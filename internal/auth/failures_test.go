package auth_test

import (
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/auth"
	"claimprover/internal/fault"
)

const wrongKey = "wrong-key-0123456789"

func TestGuessingKeys(t *testing.T) {
	t.Parallel()
	inBubble := func(name string, f func(t *testing.T, a *auth.Authenticator)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f(t, newAuth(t, auth.Options{Keys: newKeys(t), Secrets: newSecrets(t, secret), FailuresPerMinute: 30}))
			})
		})
	}
	code := func(a *auth.Authenticator, r *http.Request, ip netip.Addr, access auth.Access) fault.Code {
		_, err := a.Authenticate(r, ip, access)
		if err == nil {
			return ""
		}
		return fault.Of(err).Code
	}
	lockOut := func(t *testing.T, a *auth.Authenticator, ip netip.Addr) {
		for range 30 {
			require.Equal(t, fault.Unauthorized, code(a, bearer(wrongKey), ip, write))
		}
	}
	inBubble("after 30 failures the address is refused for the rest of the minute, whatever it sends", func(t *testing.T, a *auth.Authenticator) {
		time.Sleep(500 * time.Millisecond)
		lockOut(t, a, home)
		time.Sleep(20 * time.Second)
		for _, r := range []*http.Request{
			bearer(wrongKey), bearer(aliceKey), request("POST", "X-API-Key: "+aliceKey), request("POST", "Authorization: x"), request("POST"),
			bearer(sign(t, hs256(secret), good())), request("GET", "/?access_token="+aliceKey),
		} {
			for _, access := range []auth.Access{write, open, read} {
				_, err := a.Authenticate(r, home, access)
				require.True(t, fault.Is(err, fault.RateLimited), "%v", err)
				require.GreaterOrEqual(t, fault.Of(err).RetryAfter, 40*time.Second)
				require.LessOrEqual(t, fault.Of(err).RetryAfter, 41*time.Second)
			}
		}
		_, err := a.AuthenticateToken(t.Context(), aliceKey, home)
		require.True(t, fault.Is(err, fault.RateLimited))
		require.Equal(t, fault.RateLimited, code(a, request("GET", "X-API-Key: "+aliceKey), home, public), "a credential is judged on open reads too")
		require.Empty(t, code(a, request("GET"), home, public), "an open read without one is no attempt")

		time.Sleep(40 * time.Second)
		require.Empty(t, code(a, bearer(aliceKey), home, write))
	})
	inBubble("another address is not touched", func(t *testing.T, a *auth.Authenticator) {
		lockOut(t, a, home)
		require.Empty(t, code(a, bearer(aliceKey), netip.MustParseAddr("192.0.2.2"), write))
	})
	inBubble("all of one /64 are one address, however it is written", func(t *testing.T, a *auth.Authenticator) {
		for i := range 30 {
			require.Equal(t, fault.Unauthorized, code(a, bearer(wrongKey), netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)}), write))
		}
		require.Equal(t, fault.RateLimited, code(a, bearer(aliceKey), netip.MustParseAddr("2001:db8::ffff:1"), write))
		require.Empty(t, code(a, bearer(aliceKey), netip.MustParseAddr("2001:db8:0:1::1"), write))

		lockOut(t, a, netip.MustParseAddr("::ffff:192.0.2.9"))
		require.Equal(t, fault.RateLimited, code(a, bearer(aliceKey), netip.MustParseAddr("192.0.2.9"), write))
	})
	inBubble("good credentials and missing ones do not count", func(t *testing.T, a *auth.Authenticator) {
		for range 100 {
			require.Empty(t, code(a, bearer(aliceKey), home, write))
			require.Empty(t, code(a, request("POST"), home, open))
			require.Equal(t, fault.Unauthorized, code(a, request("POST"), home, write))
		}
		lockOut(t, a, home)
	})
	inBubble("every kind of wrong credential counts", func(t *testing.T, a *auth.Authenticator) {
		kinds := []*http.Request{
			bearer(""), bearer("a.b.c"), bearer(sign(t, hs256(nextSecret), good())), request("POST", "X-API-Key: "+wrongKey),
			request("POST", "Authorization: Basic x"), request("POST", "/?access_token="+aliceKey),
		}
		for i := range 30 {
			require.Equal(t, fault.Unauthorized, code(a, kinds[i%len(kinds)], home, write))
		}
		require.Equal(t, fault.RateLimited, code(a, bearer(aliceKey), home, write))
	})
	inBubble("of 200 guesses that all began before any was counted 30 are answered", func(t *testing.T, a *auth.Authenticator) {
		var answered atomic.Int64
		all := make(chan struct{})
		for range 200 {
			go func() {
				_, err := a.Guarded(t.Context(), home, func() (auth.Caller, error) {
					<-all
					return auth.Caller{}, auth.ErrWrong
				})
				if fault.Is(err, fault.Unauthorized) {
					answered.Add(1)
				}
			}()
		}
		synctest.Wait()
		close(all)
		synctest.Wait()
		require.Equal(t, int64(30), answered.Load())
	})
	t.Run("0 turns it off", func(t *testing.T) {
		t.Parallel()
		a := newAuth(t, auth.Options{Keys: newKeys(t)})
		for range 100 {
			require.Equal(t, fault.Unauthorized, code(a, bearer(wrongKey), home, write))
		}
	})
}
