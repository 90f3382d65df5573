package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
)

// listener counts the requests that reach it, and answers with what it is given.
func listener(t *testing.T, answer http.HandlerFunc) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// token is signed by key, which may be of any kind; headers and claims are added to those of a good one, nil takes out.
func token(t *testing.T, method jwt.SigningMethod, key any, headers map[string]any, claims jwt.MapClaims) string {
	t.Helper()
	all := jwt.MapClaims{"iss": "https://issuer.example", "aud": "claims", "sub": "alice", "exp": time.Now().Add(time.Hour).Unix()}
	token := jwt.NewWithClaims(method, all)
	token.Header["kid"] = "theirs"
	for _, change := range []struct{ into, from map[string]any }{{token.Header, headers}, {all, claims}} {
		for name, value := range change.from {
			if change.into[name] = value; value == nil {
				delete(change.into, name)
			}
		}
	}
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

func jwkOf(t *testing.T, kid string, key *ecdsa.PrivateKey) map[string]string {
	t.Helper()
	point, err := key.PublicKey.Bytes() // 4, x, y
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return map[string]string{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid, "x": encode(point[1:33]), "y": encode(point[33:])}
}

// TestTokensOfAnAttacker sends what an attacker can make to the built service, whose issuer has one key. His listener,
// which the tokens point at, must see no request.
func TestTokensOfAnAttacker(t *testing.T) {
	t.Parallel()
	real, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	issuer, fetched := listener(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(api.Encode(map[string]any{"keys": []any{jwkOf(t, "ours", real)}}))
	})
	attacker, asked := listener(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(api.Encode(map[string]any{"keys": []any{jwkOf(t, "theirs", stranger)}}))
	})
	s := start(t, append(unlimited, "MOCK_DELAY=60s", "JWT_JWKS_URL="+issuer+"/keys", "JWT_AUDIENCE=claims", "REQUIRE_AUTH_FOR_READS=true")...)
	s.says("token keys fetched", 1)
	good := "Authorization: Bearer " + token(t, jwt.SigningMethodES256, real, map[string]any{"kid": "ours", "jku": attacker, "x5u": attacker}, nil)
	mine := s.submit(newClaim(t), good)

	der, err := x509.MarshalPKIXPublicKey(real.Public())
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	es, hs := jwt.SigningMethodES256, jwt.SigningMethodHS256
	none := jwt.UnsafeAllowNoneSignatureType
	forged := map[string]string{
		"none":                           token(t, jwt.SigningMethodNone, none, map[string]any{"kid": "ours"}, nil),
		"NONE":                           token(t, jwt.SigningMethodNone, none, map[string]any{"kid": "ours", "alg": "NONE"}, nil),
		"no algorithm":                   token(t, jwt.SigningMethodNone, none, map[string]any{"alg": ""}, nil),
		"a stranger's key":               token(t, es, stranger, nil, nil),
		"a stranger's key as ours":       token(t, es, stranger, map[string]any{"kid": "ours"}, nil),
		"HS256 with our public key":      token(t, hs, text, map[string]any{"kid": "ours"}, nil),
		"HS256 with our public key, DER": token(t, hs, der, map[string]any{"kid": "ours"}, nil),
		"RS256":                          token(t, jwt.SigningMethodRS256, other, nil, nil),
		"EdDSA":                          token(t, jwt.SigningMethodEdDSA, crypto.Signer(edwards), nil, nil),
		"jku":                            token(t, es, stranger, map[string]any{"jku": attacker + "/keys"}, nil),
		"jku as ours":                    token(t, es, stranger, map[string]any{"jku": attacker + "/keys", "kid": "ours"}, nil),
		"x5u":                            token(t, es, stranger, map[string]any{"x5u": attacker + "/cert"}, nil),
		"jwk":                            token(t, es, stranger, map[string]any{"jwk": jwkOf(t, "theirs", stranger)}, nil),
		"crit":                           token(t, es, real, map[string]any{"kid": "ours", "crit": []string{"jku"}, "jku": attacker}, nil),
		"zip":                            token(t, es, real, map[string]any{"kid": "ours", "zip": "DEF"}, nil),
		"a kid that is a path":           token(t, es, stranger, map[string]any{"kid": "../x"}, nil),
		"a kid that is a URL":            token(t, es, stranger, map[string]any{"kid": attacker + "/kid"}, nil),
		"an issuer that is a URL":        token(t, es, stranger, nil, jwt.MapClaims{"iss": attacker}),
		"exp as a string":                token(t, es, real, map[string]any{"kid": "ours"}, jwt.MapClaims{"exp": fmt.Sprint(time.Now().Add(time.Hour).Unix())}),
		"no exp":                         token(t, es, real, map[string]any{"kid": "ours"}, jwt.MapClaims{"exp": nil}),
		"expired":                        token(t, es, real, map[string]any{"kid": "ours"}, jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}),
		"another audience":               token(t, es, real, map[string]any{"kid": "ours"}, jwt.MapClaims{"aud": "others"}),
		"no subject":                     token(t, es, real, map[string]any{"kid": "ours"}, jwt.MapClaims{"sub": nil}),
	}
	routes := []struct{ method, path, body string }{
		{"GET", "/v1/jobs", ""}, {"GET", mine.URLs.Self, ""}, {"GET", "/status/" + mine.JobID, ""}, {"GET", mine.URLs.Events, ""}, {"GET", "/v1/events", ""},
		{"GET", "/v1/claims/5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", ""}, {"GET", "/v1/stats", ""}, {"GET", "/health", ""},
		{"POST", "/v1/jobs", newClaim(t)}, {"POST", "/", newClaim(t)}, {"POST", "/v1/tokens", "{}"}, {"POST", "/v1/verify", "{}"}, {"DELETE", mine.URLs.Self, ""},
	}
	plain := &http.Client{} // to hold some thousand answers against the contract would take its time
	defer plain.CloseIdleConnections()
	for what, token := range forged {
		for _, r := range routes {
			a := s.send(plain, r.method, s.url+r.path, r.body, []string{"Authorization: Bearer " + token})
			require.Equal(t, 401, a.StatusCode, "%s on %s %s", what, r.method, r.path)
		}
	}
	require.Equal(t, 200, s.call("GET", mine.URLs.Self, "", good).StatusCode)

	begin := time.Now()
	for range 1000 {
		token := token(t, es, stranger, map[string]any{"kid": uuid.NewString()}, nil)
		require.Equal(t, 401, s.send(plain, "GET", s.url+"/v1/jobs", "", []string{"Authorization: Bearer " + token}).StatusCode)
	}
	require.LessOrEqual(t, fetched.Load(), 2+int64(time.Since(begin)/time.Minute), "a strange kid asks for one fetch a minute at most")
	require.Zero(t, asked.Load(), "the attacker's listener saw a request")

	t.Run("an issuer that sends elsewhere is not followed", func(t *testing.T) {
		t.Parallel()
		elsewhere, sent := listener(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, attacker+"/keys", http.StatusTemporaryRedirect)
		})
		s := start(t, "JWT_JWKS_URL="+elsewhere, "JWT_AUDIENCE=claims")
		s.says("token keys not fetched", 1)
		a := s.call("GET", "/v1/jobs", "", "Authorization: Bearer "+token(t, es, stranger, nil, nil))
		require.Equal(t, 503, a.StatusCode, "nobody can say yet: %s", a.body)
		require.Equal(t, "unavailable", a.fault(t).Code)
		require.Positive(t, sent.Load())
		require.Zero(t, asked.Load())
	})
}

// TestNamesThatLookAlike: what an API key called alice owns is not a token's whose subject is alice, in any spelling.
func TestNamesThatLookAlike(t *testing.T) {
	t.Parallel()
	const secret = "the secret of two who are called alike"
	s := start(t, append(unlimited, "MOCK_DELAY=60s", "JWT_SECRET="+secret, "REQUIRE_AUTH_FOR_READS=true")...)
	as := func(iss, sub any) string {
		return "Authorization: Bearer " + token(t, jwt.SigningMethodHS256, []byte(secret), nil, jwt.MapClaims{"iss": iss, "sub": sub})
	}
	browser := "Authorization: Bearer " + s.mint("{}")
	all := map[string]string{
		"the API key alice": withKey, "a token that it minted": browser, "alice": as(nil, "alice"), "alice of key": as("key", "alice"),
		"key:alice": as(nil, "key:alice"), "of key:alice": as("key:alice", "x"), "token:alice": as("token", "alice"),
		"b:c of a": as("a", "b:c"), "c of a:b": as("a:b", "c"), "b%3Ac of a": as("a", "b%3Ac"), "anonymous": as("", "anonymous"),
	}
	jobs := map[string]api.Job{}
	for who, credential := range all {
		jobs[who] = s.submit(newClaim(t), credential)
	}
	plain := &http.Client{}
	defer plain.CloseIdleConnections()
	for who, credential := range all {
		status := func(method, path string) int {
			return s.send(plain, method, s.url+path, "", []string{credential}).StatusCode
		}
		for whose, j := range jobs {
			if who == whose || who == "the API key alice" && whose == "a token that it minted" { // a key may do what its tokens do
				continue
			}
			for _, path := range []string{j.URLs.Self, "/status/" + j.JobID, j.URLs.Events} {
				require.Equal(t, 403, status("GET", path), "%s reads what is of %s", who, whose)
			}
			require.Equal(t, 403, status("DELETE", j.URLs.Self), "%s cancels what is of %s", who, whose)
		}
		if credential == browser {
			continue // lists nothing
		}
		var list api.JobList
		require.NoError(t, json.Unmarshal(s.call("GET", "/v1/jobs", "", credential).body, &list))
		want := []string{jobs[who].JobID}
		if who == "the API key alice" {
			want = append(want, jobs["a token that it minted"].JobID)
		}
		var listed []string
		for _, j := range list.Jobs {
			listed = append(listed, j.JobID)
		}
		require.ElementsMatch(t, want, listed, who)
	}
	for who, j := range jobs {
		require.Equal(t, 200, s.call("DELETE", j.URLs.Self, "", all[who]).StatusCode, "%s cancels his own", who)
	}
}
