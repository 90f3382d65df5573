package auth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/auth"
	"claimprover/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	aliceKey   = "alice-key-0123456789"
	bobKey     = "bob-key-0123456789.a.b" // two dots, as a token has
	hashedKey  = "carol-key-0123456789"
	namelessK  = "nameless-key-0123456789"
	secret     = "W8q0mV2xT5rLz7cYb1nKs4dGh9jPf3uE"
	nextSecret = "aR6tY1uI9oP3sD5fG7hJ2kL4zX8cV0bN"
)

var (
	home   = netip.MustParseAddr("192.0.2.1")
	read   = auth.Access{Reads: true}
	public = auth.Access{Reads: true, Open: true}
	write  = auth.Access{}
	open   = auth.Access{Open: true}
)

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func newKeys(t testing.TB) *auth.Keys {
	t.Helper()
	keys, err := auth.NewKeys("alice:" + aliceKey + ", bob:" + bobKey + ",carol:sha256:" + sha(hashedKey) + "," + namelessK)
	require.NoError(t, err)
	return keys
}

func newSecrets(t testing.TB, text string) auth.Secrets {
	t.Helper()
	s, err := auth.ParseSecrets(text)
	require.NoError(t, err)
	return s
}

func newAuth(t testing.TB, o auth.Options) *auth.Authenticator {
	t.Helper()
	a, err := auth.New(o)
	require.NoError(t, err)
	return a
}

// request makes one with headers given as "Name: value" and, first, a URL if it begins with a slash.
func request(method string, parts ...string) *http.Request {
	target := "/v1/jobs"
	if len(parts) > 0 && strings.HasPrefix(parts[0], "/") {
		target, parts = parts[0], parts[1:]
	}
	r := httptest.NewRequest(method, target, nil)
	for _, h := range parts {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func bearer(credential string) *http.Request {
	return request("POST", "Authorization: Bearer "+credential)
}

func offered(credential string) string {
	return "bearer." + base64.RawURLEncoding.EncodeToString([]byte(credential))
}

func wantUnauthorized(t testing.TB, a *auth.Authenticator, r *http.Request, access auth.Access) *fault.Error {
	t.Helper()
	caller, err := a.Authenticate(r, home, access)
	require.Truef(t, fault.Is(err, fault.Unauthorized), "want unauthorized, got %+v, %v", caller, err)
	require.Zero(t, caller)
	return fault.Of(err)
}

func wantOwner(t testing.TB, a *auth.Authenticator, r *http.Request, access auth.Access, owner string) auth.Caller {
	t.Helper()
	caller, err := a.Authenticate(r, home, access)
	require.NoError(t, err)
	require.Equal(t, owner, caller.Owner)
	return caller
}

func TestKeyComparison(t *testing.T) {
	t.Parallel()
	a := newAuth(t, auth.Options{Keys: newKeys(t)})
	for key, owner := range map[string]string{
		aliceKey: "key:alice", bobKey: "key:bob", hashedKey: "key:carol", namelessK: "key:" + sha(namelessK)[:8],
	} {
		require.Equal(t, owner, wantOwner(t, a, bearer(key), write, owner).Owner)
		wantOwner(t, a, request("POST", "X-API-Key: "+key), write, owner)
	}
	for what, sent := range map[string]string{
		"a prefix":                       aliceKey[:len(aliceKey)-1],
		"a suffix":                       aliceKey[1:],
		"more after it":                  aliceKey + "0",
		"more before it":                 "0" + aliceKey,
		"another case":                   strings.ToUpper(aliceKey),
		"the stored hash":                sha(hashedKey),
		"the stored hash, upper case":    strings.ToUpper(sha(hashedKey)),
		"the entry":                      "alice:" + aliceKey,
		"the entry with the hash":        "carol:sha256:" + sha(hashedKey),
		"the marked hash":                "sha256:" + sha(hashedKey),
		"the name":                       "alice",
		"a name made of a hash":          sha(namelessK)[:8],
		"two keys":                       aliceKey + "," + bobKey,
		"the whole list":                 "alice:" + aliceKey + ", bob:" + bobKey,
		"quoted":                         `"` + aliceKey + `"`,
		"percent-encoded":                "%61" + aliceKey[1:],
		"with a NUL":                     aliceKey + "\x00",
		"with a blank inside":            aliceKey[:4] + " " + aliceKey[4:],
		"with a non-breaking blank":      aliceKey + "\u00a0",
		"as base64":                      base64.StdEncoding.EncodeToString([]byte(aliceKey)),
		"longer than a credential":       strings.Repeat("a", auth.MaxCredentialBytes+1),
		"as long as a credential may be": strings.Repeat("a", auth.MaxCredentialBytes),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			wantUnauthorized(t, a, bearer(sent), write)
			wantUnauthorized(t, a, request("POST", "X-API-Key: "+sent), write)
		})
	}
}

func TestOneCredential(t *testing.T) {
	t.Parallel()
	a := newAuth(t, auth.Options{Keys: newKeys(t)})
	const alice, anonymous, refused = "key:alice", "anonymous", ""
	for _, c := range []struct {
		what   string
		r      *http.Request
		access auth.Access
		owner  string
	}{
		{"a bearer credential", bearer(aliceKey), write, alice},
		{"the scheme in any case", request("POST", "Authorization: bEARER "+aliceKey), write, alice},
		{"several blanks after the scheme", request("POST", "Authorization: Bearer    "+aliceKey), write, alice},
		{"X-API-Key", request("POST", "X-API-Key: "+aliceKey), write, alice},
		{"both, the same", request("POST", "Authorization: Bearer "+aliceKey, "X-API-Key: "+aliceKey), write, alice},
		{"both, different", request("POST", "Authorization: Bearer "+aliceKey, "X-API-Key: "+bobKey), write, refused},
		{"both, one empty", request("POST", "Authorization: Bearer "+aliceKey, "X-API-Key: "), write, refused},
		{"two Authorization headers, the same", request("POST", "Authorization: Bearer "+aliceKey, "Authorization: Bearer "+aliceKey), write, refused},
		{"two X-API-Key headers, the same", request("POST", "X-API-Key: "+aliceKey, "X-API-Key: "+aliceKey), write, refused},
		{"two credentials in one header", request("POST", "Authorization: Bearer "+aliceKey+", Bearer "+aliceKey), write, refused},
		{"another scheme", request("POST", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("alice:"+aliceKey))), write, refused},
		{"no scheme", request("POST", "Authorization: "+aliceKey), write, refused},
		{"a tab for a blank", request("POST", "Authorization: Bearer\t"+aliceKey), write, refused},
		{"a scheme alone", request("POST", "Authorization: Bearer"), write, refused},
		{"an empty header", request("POST", "Authorization: "), write, refused},
		{"nothing", request("POST"), write, refused},
		{"nothing, where nothing is needed", request("POST"), open, anonymous},
		{"nothing, on an open read", request("GET"), public, anonymous},
		{"nothing, on a read", request("GET"), read, refused},
		{"a wrong one, where none is needed", bearer("wrong-key-0123456789"), open, refused},
		{"a wrong one, on an open read", request("GET", "X-API-Key: wrong-key-0123456789"), public, refused},
		{"an empty one, on an open read", request("GET", "X-API-Key: "), public, refused},
		{"a good one, where none is needed", bearer(aliceKey), open, alice},

		{"the query, on a read", request("GET", "/v1/jobs?access_token="+aliceKey), read, alice},
		{"the query, encoded", request("GET", "/v1/jobs?%61ccess_token=%61"+aliceKey[1:]), read, alice},
		{"the query and the same header", request("GET", "/?access_token="+aliceKey, "X-API-Key: "+aliceKey), read, alice},
		{"the query and another header", request("GET", "/?access_token="+aliceKey, "X-API-Key: "+bobKey), read, refused},
		{"the query twice, the same", request("GET", "/?access_token="+aliceKey+"&access_token="+aliceKey), read, refused},
		{"an empty query token, on an open read", request("GET", "/?access_token="), public, refused},
		{"a query token that does not parse, on an open read", request("GET", "/?access_token=%zz"), public, refused},
		{"another query that does not parse", request("GET", "/?q=100%"), public, anonymous},
		{"another case in the query", request("GET", "/?Access_Token="+aliceKey), read, refused},
		{"the query, on a write", request("POST", "/?access_token="+aliceKey), write, refused},
		{"the query, on a delete", request("DELETE", "/?access_token="+aliceKey), write, refused},
		{"the query, on an open write", request("POST", "/?access_token="+aliceKey), open, refused},
		{"the query and the same header, on a write", request("POST", "/?access_token="+aliceKey, "X-API-Key: "+aliceKey), write, refused},

		{"a subprotocol", request("GET", "Sec-WebSocket-Protocol: claimprover.v1, "+offered(aliceKey)), read, alice},
		{"a subprotocol in a header of its own", request("GET", "Sec-WebSocket-Protocol: "+offered(aliceKey), "Sec-WebSocket-Protocol: claimprover.v1"), read, alice},
		{"a subprotocol alone", request("GET", "Sec-WebSocket-Protocol: "+offered(aliceKey)), read, refused},
		{"a wrong subprotocol, on an open read", request("GET", "Sec-WebSocket-Protocol: claimprover.v1, "+offered("wrong-key-0123456789")), public, refused},
		{"a padded subprotocol", request("GET", "Sec-WebSocket-Protocol: claimprover.v1, "+offered(aliceKey+"0")+"="), public, refused},
		{"a subprotocol with unused bits set", request("GET", "Sec-WebSocket-Protocol: claimprover.v1, "+otherSpelling(offered(aliceKey))), read, refused},
		{"an empty subprotocol, on an open read", request("GET", "Sec-WebSocket-Protocol: claimprover.v1, bearer."), public, refused},
		{"two subprotocols", request("GET", "Sec-WebSocket-Protocol: claimprover.v1, "+offered(aliceKey)+", "+offered(aliceKey)), read, refused},
		{"a subprotocol, on a write", request("POST", "Sec-WebSocket-Protocol: claimprover.v1, "+offered(aliceKey)), write, refused},
		{"a subprotocol and another header", request("GET", "Sec-WebSocket-Protocol: claimprover.v1, "+offered(aliceKey), "X-API-Key: "+bobKey), read, refused},
		{"only our own subprotocol", request("GET", "Sec-WebSocket-Protocol: claimprover.v1"), public, anonymous},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			if c.owner == refused {
				wantUnauthorized(t, a, c.r, c.access)
			} else {
				wantOwner(t, a, c.r, c.access, c.owner)
			}
		})
	}
}

func TestRefusalsSayWhatToDoAndNothingOfTheCredential(t *testing.T) {
	t.Parallel()
	a := newAuth(t, auth.Options{Keys: newKeys(t), Secrets: newSecrets(t, secret)})
	const guess = "guess-0123456789-guess"
	for message, r := range map[string]*http.Request{
		"Send an API key or a token":    request("POST"),
		"Check the API key":             bearer(guess),
		`must be "Bearer <credential>"`: request("POST", "Authorization: Basic "+guess),
		"Send one,":                     request("POST", "Authorization: Bearer "+guess, "X-API-Key: other"),
		`Send it as "Authorization:`:    request("POST", "/?access_token="+guess),
		"Offer both.":                   request("POST", "Sec-WebSocket-Protocol: "+offered(guess)),
		"get a new token.":              bearer(guess + ".x.y"),
	} {
		err := wantUnauthorized(t, a, r, write)
		require.Contains(t, err.Message, message)
		require.NotContains(t, err.Error(), guess, "not in the log either")
	}
}

func TestATokenThatComesByItself(t *testing.T) {
	t.Parallel()
	a := newAuth(t, auth.Options{Keys: newKeys(t), Secrets: newSecrets(t, secret), FailuresPerMinute: 2})
	caller, err := a.AuthenticateToken(t.Context(), aliceKey, home)
	require.NoError(t, err)
	require.Equal(t, "key:alice", caller.Owner)
	for _, wrong := range []string{"", sign(t, hs256(secret), good(jwt.MapClaims{"x": strings.Repeat("a", auth.MaxCredentialBytes)}))} {
		_, err = a.AuthenticateToken(t.Context(), wrong, home)
		require.True(t, fault.Is(err, fault.Unauthorized))
	}
	_, err = a.AuthenticateToken(t.Context(), aliceKey, home)
	require.True(t, fault.Is(err, fault.RateLimited), "wrong ones count here too")
}

func TestAKeyIsVisible(t *testing.T) {
	t.Parallel()
	const blank = "carol key 0123456789"
	keys, err := auth.NewKeys("carol:sha256:" + sha(blank))
	require.NoError(t, err)
	wantUnauthorized(t, newAuth(t, auth.Options{Keys: keys}), request("POST", "X-API-Key: "+blank), write)
}

func TestWithoutAnyKeyNothingIsGood(t *testing.T) {
	t.Parallel()
	a := newAuth(t, auth.Options{})
	wantUnauthorized(t, a, bearer(aliceKey), write)
	wantUnauthorized(t, a, bearer("a.b.c"), write)
	wantUnauthorized(t, a, bearer(""), write)
}

func BenchmarkAuthenticate(b *testing.B) {
	keys := newKeys(b)
	a := newAuth(b, auth.Options{Keys: keys, Secrets: newSecrets(b, secret), FailuresPerMinute: 30})
	alice := wantOwner(b, a, bearer(aliceKey), write, "key:alice")
	minted, err := a.Mint(alice, auth.Grant{})
	require.NoError(b, err)
	for name, credential := range map[string]string{
		"key": aliceKey, "hs256": sign(b, hs256(secret), good()), "browser": minted.Token,
	} {
		b.Run("credential="+name, func(b *testing.B) {
			r := bearer(credential)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Authenticate(r, home, write); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("credential=locked-out", func(b *testing.B) {
		r := bearer("wrong-key-0123456789")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Authenticate(r, home, write); err == nil {
				b.Fatal("a wrong key got in")
			}
		}
	})
}
