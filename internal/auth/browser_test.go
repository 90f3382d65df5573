package auth_test

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"claimprover/internal/auth"
	"claimprover/internal/fault"
)

var account = [32]byte{1, 2, 3, 31: 0xff}

// mint makes a token as alice.
func mint(t testing.TB, a *auth.Authenticator, g auth.Grant) auth.Minted {
	t.Helper()
	minted, err := a.Mint(wantOwner(t, a, bearer(aliceKey), write, "key:alice"), g)
	require.NoError(t, err)
	return minted
}

func TestMint(t *testing.T) {
	t.Parallel()
	inBubble := func(name string, f func(t *testing.T, a *auth.Authenticator)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f(t, newAuth(t, auth.Options{Keys: newKeys(t), Secrets: newSecrets(t, secret), Issuer: issuer, Audience: audience}))
			})
		})
	}
	inBubble("by default for 15 minutes, everything a browser may do, any account", func(t *testing.T, a *auth.Authenticator) {
		minted := mint(t, a, auth.Grant{})
		require.Equal(t, 15*time.Minute, time.Until(minted.ExpiresAt))
		caller, err := a.Authenticate(bearer(minted.Token), home, write)
		require.NoError(t, err)
		require.Regexp(t, `^token:alice:[a-z2-7]{26}$`, caller.Owner)
		require.Equal(t, "alice", caller.Key)
		require.Equal(t, auth.BrowserScope, caller.Scope)
		require.NoError(t, caller.MayClaimFor(account))
		require.NoError(t, caller.MayClaimFor([32]byte{9}))
	})
	inBubble("with a scope and for one account", func(t *testing.T, a *auth.Authenticator) {
		minted := mint(t, a, auth.Grant{TTL: time.Minute, Scope: auth.Submit | auth.Read, Account: account})
		caller, err := a.Authenticate(bearer(minted.Token), home, write)
		require.NoError(t, err)
		require.Equal(t, auth.Submit|auth.Read, caller.Scope)
		require.NoError(t, caller.MayClaimFor(account))
		require.True(t, fault.Is(caller.MayClaimFor([32]byte{9}), fault.Forbidden))
		require.True(t, fault.Is(caller.MayClaimFor([32]byte{}), fault.Forbidden))
	})
	inBubble("a token ends at its time to the nanosecond", func(t *testing.T, a *auth.Authenticator) {
		time.Sleep(300 * time.Millisecond)
		minted := mint(t, a, auth.Grant{TTL: time.Hour})
		require.LessOrEqual(t, time.Until(minted.ExpiresAt), time.Hour)
		time.Sleep(time.Until(minted.ExpiresAt) - time.Nanosecond)
		_, err := a.Authenticate(bearer(minted.Token), home, write)
		require.NoError(t, err)
		time.Sleep(time.Nanosecond)
		require.Contains(t, wantUnauthorized(t, a, bearer(minted.Token), write).Message, "has expired")
	})
	inBubble("a grant that is none is refused", func(t *testing.T, a *auth.Authenticator) {
		alice := wantOwner(t, a, bearer(aliceKey), write, "key:alice")
		for field, grants := range map[string][]auth.Grant{
			"ttlSeconds": {{TTL: -time.Second}, {TTL: time.Nanosecond}, {TTL: time.Hour + 1}, {TTL: 1 << 62}},
			"scope":      {{Scope: auth.List}, {Scope: auth.Submit | auth.Mint}, {Scope: auth.Verify}, {Scope: 1 << 7}},
		} {
			for _, g := range grants {
				_, err := a.Mint(alice, g)
				require.True(t, fault.Is(err, fault.InvalidInput), "%+v", g)
				require.Contains(t, fault.Of(err).Fields, field)
			}
		}
	})
	inBubble("no two tokens have one owner", func(t *testing.T, a *auth.Authenticator) {
		owners := map[string]bool{}
		for range 100 {
			caller, err := a.Authenticate(bearer(mint(t, a, auth.Grant{}).Token), home, write)
			require.NoError(t, err)
			owners[caller.Owner] = true
		}
		require.Len(t, owners, 100)
	})
	inBubble("only an API key may mint", func(t *testing.T, a *auth.Authenticator) {
		token, err := a.Authenticate(bearer(mint(t, a, auth.Grant{}).Token), home, write)
		require.NoError(t, err)
		outside := wantOwner(t, a, bearer(sign(t, hs256(secret), good())), write, "jwt:"+issuer+":alice")
		nobody := wantOwner(t, a, request("POST"), open, "anonymous")
		for caller, code := range map[auth.Caller]fault.Code{token: fault.Forbidden, outside: fault.Forbidden, nobody: fault.Unauthorized, {}: fault.Forbidden} {
			_, err := a.Mint(caller, auth.Grant{})
			require.True(t, fault.Is(err, code), "%s: %v", caller.Owner, err)
		}
	})
	inBubble("a browser sends it on reads as it can", func(t *testing.T, a *auth.Authenticator) {
		token := mint(t, a, auth.Grant{}).Token
		for _, r := range []string{"query", "subprotocol"} {
			req := request("GET", "/?access_token="+token)
			if r == "subprotocol" {
				req = request("GET", "Sec-WebSocket-Protocol: claimprover.v1, "+offered(token))
			}
			caller, err := a.Authenticate(req, home, public)
			require.NoError(t, err, r)
			require.Equal(t, "alice", caller.Key)
			wantUnauthorized(t, a, req, write)
		}
	})
}

func TestATokenEndsWithItsKey(t *testing.T) {
	t.Parallel()
	for what, entries := range map[string]string{
		"the key is removed":                "bob:" + bobKey,
		"another key gets its name":         "alice:" + hashedKey,
		"the key stays under another name":  "alicia:" + aliceKey,
		"the names of two keys are swapped": "alice:" + bobKey + ",bob:" + aliceKey,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			keys := newKeys(t)
			a := newAuth(t, auth.Options{Keys: keys})
			alice := wantOwner(t, a, bearer(aliceKey), write, "key:alice")
			token := mint(t, a, auth.Grant{}).Token
			require.NoError(t, keys.Replace("alice:"+aliceKey))
			_, err := a.Authenticate(bearer(token), home, write)
			require.NoError(t, err, "the key is still there")

			require.NoError(t, keys.Replace(entries))
			wantUnauthorized(t, a, bearer(token), write)
			if !strings.Contains(entries, "alice:") {
				_, err = a.Mint(alice, auth.Grant{})
				require.True(t, fault.Is(err, fault.Unauthorized))
			}
		})
	}
}

func TestWhoSignsBrowserTokens(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	with := func(secrets string) *auth.Authenticator {
		return newAuth(t, auth.Options{Keys: keys, Secrets: newSecrets(t, secrets)})
	}
	good := func(a *auth.Authenticator, token string) bool {
		caller, err := a.Authenticate(bearer(token), home, write)
		return err == nil && caller.Key == "alice"
	}
	t.Run("the first secret, and both are good", func(t *testing.T) {
		t.Parallel()
		old := mint(t, with(secret), auth.Grant{}).Token
		rotated := with(nextSecret + "," + secret)
		fresh := mint(t, rotated, auth.Grant{}).Token
		require.True(t, good(rotated, old))
		require.True(t, good(rotated, fresh))
		require.True(t, good(with(nextSecret), fresh), "another process with the same secret")
		require.False(t, good(with(nextSecret), old))
		require.False(t, good(with(secret), fresh))
	})
	t.Run("without a secret a process of its own", func(t *testing.T) {
		t.Parallel()
		one, other := newAuth(t, auth.Options{Keys: keys}), newAuth(t, auth.Options{Keys: keys})
		token := mint(t, one, auth.Grant{}).Token
		require.True(t, good(one, token))
		require.False(t, good(other, token))
	})
}

func TestNoTokenPassesForOneOfTheOtherKind(t *testing.T) {
	t.Parallel()
	a := newAuth(t, auth.Options{Keys: newKeys(t), Secrets: newSecrets(t, secret)})
	genuine := mint(t, a, auth.Grant{}).Token
	parts := strings.Split(genuine, ".")
	claimed, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)

	t.Run("the secret signs no browser token", func(t *testing.T) {
		t.Parallel()
		wantUnauthorized(t, a, bearer(signText(t, secret, `{"alg":"HS256","typ":"claimprover+jwt"}`, string(claimed))), write)
	})
	t.Run("the claims of a browser token make an outside token and no more", func(t *testing.T) {
		t.Parallel()
		caller := wantOwner(t, a, bearer(signText(t, secret, `{"alg":"HS256","typ":"JWT"}`, string(claimed))), write, "jwt:claimprover:alice")
		require.Empty(t, caller.Key)
	})
	t.Run("a browser token is none from outside", func(t *testing.T) {
		t.Parallel()
		outside := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
		wantUnauthorized(t, a, bearer(outside+"."+parts[1]+"."+parts[2]), write)
	})
	t.Run("a browser token cannot be changed", func(t *testing.T) {
		t.Parallel()
		for _, change := range [][2]string{{"alice", "bob"}, {"submit", "mint"}, {"cancel", "list"}, {`"exp":1`, `"exp":2`}, {"claimprover", "other"}} {
			changed := strings.Replace(string(claimed), change[0], change[1], 1)
			require.NotEqual(t, string(claimed), changed)
			wantUnauthorized(t, a, bearer(parts[0]+"."+base64.RawURLEncoding.EncodeToString([]byte(changed))+"."+parts[2]), write)
		}
		wantUnauthorized(t, a, bearer(otherSpelling(genuine)), write)
	})
	t.Run("no algorithm but ours", func(t *testing.T) {
		t.Parallel()
		header := func(alg string) string {
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","typ":"claimprover+jwt"}`))
		}
		for _, alg := range []string{"none", "HS384", "RS256", ""} {
			wantUnauthorized(t, a, bearer(header(alg)+"."+parts[1]+"."+parts[2]), write)
			wantUnauthorized(t, a, bearer(header(alg)+"."+parts[1]+"."), write)
		}
	})
	t.Run("what our own key has signed must still be a browser token", func(t *testing.T) {
		t.Parallel()
		claims := func(change jwt.MapClaims) jwt.MapClaims {
			c := jwt.MapClaims{"iss": "claimprover", "sub": "alice", "jti": "x", "scope": "submit", "exp": time.Now().Add(time.Hour).Unix()}
			maps.Copy(c, change)
			return c
		}
		wantOwner(t, a, bearer(a.SignBrowser(t, jwt.SigningMethodHS256, "alice", claims(nil))), write, "token:alice:x")
		wantUnauthorized(t, a, bearer(a.SignBrowser(t, jwt.SigningMethodHS384, "alice", claims(nil))), write)
		for _, change := range []jwt.MapClaims{{"iss": "other"}, {"exp": nil}, {"sub": "bob"}, {"sub": nil}, {"exp": "9999999999"}} {
			wantUnauthorized(t, a, bearer(a.SignBrowser(t, jwt.SigningMethodHS256, "alice", claims(change))), write)
		}
		caller := wantOwner(t, a, bearer(a.SignBrowser(t, jwt.SigningMethodHS256, "alice", claims(jwt.MapClaims{"scope": "submit mint list"}))), write, "token:alice:x")
		require.Equal(t, auth.Submit, caller.Scope, "and holds no more than one can")
	})
	t.Run("the secret of a process without one is no empty one", func(t *testing.T) {
		t.Parallel()
		none := newAuth(t, auth.Options{Keys: newKeys(t)})
		for _, guess := range []string{"", strings.Repeat("\x00", 32), secret} {
			token := sign(t, hs256(guess), jwt.MapClaims{"iss": "claimprover", "sub": "alice", "jti": "x", "scope": "submit", "exp": time.Now().Add(time.Hour).Unix()}, map[string]any{"typ": "claimprover+jwt"})
			wantUnauthorized(t, none, bearer(token), write)
		}
	})
}
