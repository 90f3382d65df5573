package auth_test

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
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"claimprover/internal/auth"
	"claimprover/internal/fault"
)

// identity is an issuer with a key of each kind.
type identity struct {
	rs, es, ed signer
}

// theIssuer is made once: RSA keys take their time.
var theIssuer = sync.OnceValue(func() identity {
	return identity{rs: rs256("rsa-1", 2048), es: es256("ec-1"), ed: eddsa("ed-1")}
})

func rs256(kid string, bits int) signer {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return signer{jwt.SigningMethodRS256, key, kid}
}

func es256(kid string) signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return signer{jwt.SigningMethodES256, key, kid}
}

func eddsa(kid string) signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return signer{jwt.SigningMethodEdDSA, key, kid}
}

func (i identity) signers() []signer { return []signer{i.rs, i.es, i.ed} }

func (i identity) set(t testing.TB) string {
	return jwks(i.rs.public(t), i.es.public(t), i.ed.public(t))
}

// public is the signer's key as a JWK, with changes.
func (s signer) public(t testing.TB, changes ...map[string]any) map[string]any {
	t.Helper()
	key, err := jwkset.NewJWKFromKey(s.key.(crypto.Signer).Public(), jwkset.JWKOptions{
		Metadata: jwkset.JWKMetadataOptions{KID: s.kid, USE: jwkset.UseSig},
	})
	require.NoError(t, err)
	text, err := json.Marshal(key.Marshal())
	require.NoError(t, err)
	m := map[string]any{}
	require.NoError(t, json.Unmarshal(text, &m))
	for _, change := range changes {
		maps.Copy(m, change)
	}
	return m
}

func jwks(keys ...map[string]any) string {
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// serve is an issuer's web server on loopback that answers with what answer gives.
func serve(t testing.TB, answer func() string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, answer())
	}))
	t.Cleanup(server.Close)
	return server.URL + "/jwks.json"
}

func always(text string) func() string { return func() string { return text } }

func newJWKS(t testing.TB, at string) *auth.JWKS {
	t.Helper()
	k, err := auth.NewJWKS(at, nil)
	require.NoError(t, err)
	k.Refresh(t.Context())
	return k
}

func jwksAuth(t testing.TB, k *auth.JWKS) *auth.Authenticator {
	t.Helper()
	return newAuth(t, auth.Options{Keys: newKeys(t), JWKS: k, Issuer: issuer, Audience: audience})
}

func TestJWKSTokens(t *testing.T) {
	t.Parallel()
	id := theIssuer()
	k := newJWKS(t, serve(t, always(id.set(t))))
	require.True(t, k.Ready())
	onlyJWKS := jwksAuth(t, k)
	both := newAuth(t, auth.Options{JWKS: k, Secrets: newSecrets(t, secret), Issuer: issuer, Audience: audience})

	for _, s := range id.signers() {
		t.Run(s.method.Alg()+" is taken", func(t *testing.T) {
			t.Parallel()
			for _, a := range []*auth.Authenticator{onlyJWKS, both} {
				wantOwner(t, a, bearer(sign(t, s, good())), write, "jwt:"+issuer+":alice")
			}
		})
		t.Run(s.method.Alg()+" without a kid fits the only key of its kind", func(t *testing.T) {
			t.Parallel()
			wantOwner(t, onlyJWKS, bearer(sign(t, signer{s.method, s.key, ""}, good())), write, "jwt:"+issuer+":alice")
		})
	}

	listener, asked := attacker(t)
	publicPEM, publicDER := pemOf(t, id.rs)
	modulus := id.rs.key.(*rsa.PrivateKey).N.Bytes()
	text, _ := json.Marshal(id.rs.public(t))
	stranger := rs256("rsa-1", 2048)
	headers := func(h map[string]any) string { return sign(t, stranger, good(), h) }
	for what, token := range map[string]string{
		"HS256 with the public key as PEM":   sign(t, signer{jwt.SigningMethodHS256, publicPEM, "rsa-1"}, good()),
		"HS256 with the public key as DER":   sign(t, signer{jwt.SigningMethodHS256, publicDER, "rsa-1"}, good()),
		"HS256 with the modulus":             sign(t, signer{jwt.SigningMethodHS256, modulus, "rsa-1"}, good()),
		"HS256 with the JWK":                 sign(t, signer{jwt.SigningMethodHS256, text, "rsa-1"}, good()),
		"HS256 with the Ed25519 key":         sign(t, signer{jwt.SigningMethodHS256, []byte(id.ed.key.(ed25519.PrivateKey).Public().(ed25519.PublicKey)), "ed-1"}, good()),
		"RS256 under the secret's bytes":     sign(t, signer{jwt.SigningMethodHS256, []byte(secret), "rsa-1"}, good(), map[string]any{"alg": "RS256"}),
		"RS384":                              sign(t, signer{jwt.SigningMethodRS384, id.rs.key, "rsa-1"}, good()),
		"PS256":                              sign(t, signer{jwt.SigningMethodPS256, id.rs.key, "rsa-1"}, good()),
		"none":                               sign(t, signer{jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "rsa-1"}, good()),
		"a stranger's key under a known kid": sign(t, stranger, good()),
		"a stranger's key without a kid":     headers(map[string]any{"kid": nil}),
		"the kid of a key of another kind":   sign(t, signer{id.es.method, id.es.key, "rsa-1"}, good()),
		"a kid that is a path":               headers(map[string]any{"kid": "../x"}),
		"a kid that is a file":               headers(map[string]any{"kid": "/dev/null"}),
		"a kid that is a URL":                headers(map[string]any{"kid": listener}),
		"a kid that is SQL":                  headers(map[string]any{"kid": "x' UNION SELECT 'key"}),
		"a kid that is a number":             headers(map[string]any{"kid": 1}),
		"an empty kid":                       headers(map[string]any{"kid": ""}),
		"jku to a listener":                  headers(map[string]any{"jku": listener}),
		"x5u to a listener":                  headers(map[string]any{"x5u": listener}),
		"jku and x5u with an unknown kid":    headers(map[string]any{"jku": listener, "x5u": listener, "kid": "theirs"}),
		"a key in the header":                headers(map[string]any{"jwk": stranger.public(t), "kid": nil}),
		"a certificate in the header":        headers(map[string]any{"x5c": []string{"MIIB"}, "kid": "theirs"}),
		"crit":                               sign(t, id.rs, good(), map[string]any{"crit": []string{"jku"}, "jku": listener}),
		"no exp":                             sign(t, id.rs, good(jwt.MapClaims{"exp": nil})),
		"exp as a string":                    sign(t, id.rs, good(jwt.MapClaims{"exp": fmt.Sprint(time.Now().Add(time.Hour).Unix())})),
		"another audience":                   sign(t, id.rs, good(jwt.MapClaims{"aud": "other"})),
		"no audience":                        sign(t, id.rs, good(jwt.MapClaims{"aud": nil})),
		"another issuer":                     sign(t, id.rs, good(jwt.MapClaims{"iss": "https://evil.example"})),
		"the type of a browser token":        sign(t, id.rs, good(), map[string]any{"typ": "claimprover+jwt"}),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for _, a := range []*auth.Authenticator{onlyJWKS, both} {
				wantUnauthorized(t, a, bearer(token), write)
			}
			require.Zero(t, asked.Load(), "the attacker's server must see no request")
		})
	}
	t.Run("a good token with jku is judged by our own keys", func(t *testing.T) {
		t.Parallel()
		token := sign(t, id.rs, good(), map[string]any{"jku": listener, "x5u": listener, "jwk": stranger.public(t)})
		wantOwner(t, onlyJWKS, bearer(token), write, "jwt:"+issuer+":alice")
		require.Zero(t, asked.Load())
	})
	t.Run("a token of the secret is none of the JWKS, nor the other way round", func(t *testing.T) {
		t.Parallel()
		wantUnauthorized(t, onlyJWKS, bearer(sign(t, hs256(secret), good())), write)
		wantUnauthorized(t, hsAuth(t, secret), bearer(sign(t, id.rs, good())), write)
	})
}

// attacker is a server that counts who comes.
func attacker(t testing.TB) (string, *atomic.Int64) {
	t.Helper()
	asked := new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func pemOf(t testing.TB, s signer) (text, der []byte) {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.key.(*rsa.PrivateKey).Public())
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), der
}

func TestWhichKeysOfASetAreTaken(t *testing.T) {
	t.Parallel()
	id := theIssuer()
	listener, asked := attacker(t)
	small, wide := rs256("small", 1024), p384(t)
	secretJWK := map[string]any{"kty": "oct", "kid": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte(secret))}
	mixed := newJWKS(t, serve(t, always(jwks(
		id.es.public(t), secretJWK, small.public(t), wide,
		map[string]any{"kty": "XYZ", "kid": "unknown"}, map[string]any{"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
		id.rs.public(t, map[string]any{"kid": "for-encryption", "use": "enc"}),
		id.rs.public(t, map[string]any{"kid": "for-384", "alg": "RS384"}),
		id.rs.public(t, map[string]any{"kid": "with-certificate", "x5u": listener, "x5c": []string{"MIIB"}}),
		id.ed.public(t, map[string]any{"kid": "ec-1"}), // the same kid, another algorithm
		es256("ec-1").public(t), // the same kid and algorithm: the first one stays
	))))
	a := jwksAuth(t, mixed)
	const alice = "jwt:" + issuer + ":alice"
	named := func(s signer, kid string) string { return sign(t, signer{s.method, s.key, kid}, good()) }
	for what, token := range map[string]string{
		"a good key beside bad ones":            sign(t, id.es, good()),
		"a key with a certificate":              named(id.rs, "with-certificate"),
		"the kid of a key of another algorithm": named(id.ed, "ec-1"),
	} {
		wantOwner(t, a, bearer(token), write, alice)
		require.Zero(t, asked.Load(), what)
	}
	for what, token := range map[string]string{
		"a secret in a public set": sign(t, signer{jwt.SigningMethodHS256, []byte(secret), "oct"}, good()),
		"a short RSA key":          sign(t, small, good()),
		"a key for encryption":     named(id.rs, "for-encryption"),
		"a key for another alg":    named(id.rs, "for-384"),
	} {
		t.Run(what, func(t *testing.T) { wantUnauthorized(t, a, bearer(token), write) })
	}
	t.Run("no kid and two keys of the kind", func(t *testing.T) {
		two := jwksAuth(t, newJWKS(t, serve(t, always(jwks(id.es.public(t), es256("ec-2").public(t))))))
		for range 20 { // whichever of them were taken
			wantUnauthorized(t, two, bearer(named(id.es, "")), write)
		}
		wantOwner(t, two, bearer(sign(t, id.es, good())), write, alice)
	})
}

func TestKeysOfAnotherSizeAreNotTaken(t *testing.T) {
	t.Parallel()
	require.False(t, newJWKS(t, serve(t, always(jwks(p384(t))))).Ready(), "ES256 is of P-256")
	modulus := make([]byte, 16384/8)
	rand.Read(modulus)
	modulus[0], modulus[len(modulus)-1] = 0x80, 1
	long := map[string]any{"kty": "RSA", "kid": "long", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(modulus)}
	require.False(t, newJWKS(t, serve(t, always(jwks(long)))).Ready())
	long["n"] = base64.RawURLEncoding.EncodeToString(append([]byte{0x80}, modulus[len(modulus)-8192/8+1:]...))
	require.True(t, newJWKS(t, serve(t, always(jwks(long)))).Ready(), "8,192 bits are taken")
}

func p384(t testing.TB) map[string]any {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	return signer{jwt.SigningMethodES384, key, "p384"}.public(t)
}

func TestABadAnswerLeavesTheLastGoodKeys(t *testing.T) {
	t.Parallel()
	id := theIssuer()
	evil := es256("evil")
	many := make([]map[string]any, 101)
	for i := range many {
		many[i] = evil.public(t, map[string]any{"kid": fmt.Sprint("evil-", i)})
	}
	elsewhere := serve(t, always(jwks(evil.public(t))))
	for what, answer := range map[string]http.HandlerFunc{
		"no JSON":            respond(http.StatusOK, "<html>"),
		"an empty body":      respond(http.StatusOK, ""),
		"null":               respond(http.StatusOK, "null"),
		"no keys":            respond(http.StatusOK, `{"keys":[]}`),
		"only useless keys":  respond(http.StatusOK, `{"keys":[{"kty":"oct","k":"AAAA"}]}`),
		"two answers":        respond(http.StatusOK, jwks(evil.public(t))+jwks(evil.public(t))),
		"an error status":    respond(http.StatusInternalServerError, jwks(evil.public(t))),
		"another success":    respond(http.StatusAccepted, jwks(evil.public(t))),
		"more than 100 keys": respond(http.StatusOK, jwks(many...)),
		"more than 1 MiB":    respond(http.StatusOK, jwks(evil.public(t))+strings.Repeat(" ", 1<<20)),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusFound)
		},
		"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, jwks(evil.public(t)))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var bad atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if bad.Load() {
					answer(w, r)
					return
				}
				io.WriteString(w, id.set(t))
			}))
			defer server.Close()
			k := newJWKS(t, server.URL)
			bad.Store(true)
			k.Refresh(t.Context())
			a := jwksAuth(t, k)
			wantOwner(t, a, bearer(sign(t, id.es, good())), write, "jwt:"+issuer+":alice")
			wantUnauthorized(t, a, bearer(sign(t, evil, good())), write)
		})
	}
	t.Run("100 keys and 1 MiB are taken, and the old keys are gone", func(t *testing.T) {
		t.Parallel()
		set := jwks(many[:100]...)
		answers := []string{id.set(t), set + strings.Repeat(" ", 1<<20-len(set))}
		k := newJWKS(t, serve(t, func() string { a := answers[0]; answers = answers[1:]; return a }))
		k.Refresh(t.Context())
		a := jwksAuth(t, k)
		wantOwner(t, a, bearer(sign(t, signer{evil.method, evil.key, "evil-99"}, good())), write, "jwt:"+issuer+":alice")
		wantUnauthorized(t, a, bearer(sign(t, id.es, good())), write)
	})
}

func respond(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestWithoutAnyKeysYetTokensAreToWait(t *testing.T) {
	t.Parallel()
	k := newJWKS(t, serve(t, always("{}")))
	require.False(t, k.Ready())
	a := newAuth(t, auth.Options{Keys: newKeys(t), JWKS: k, Audience: audience, FailuresPerMinute: 1})
	for range 3 {
		_, err := a.Authenticate(bearer(sign(t, theIssuer().es, good())), home, write)
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.Positive(t, fault.Of(err).RetryAfter)
	}
	wantOwner(t, a, bearer(aliceKey), write, "key:alice")
}

func TestNewJWKS(t *testing.T) {
	t.Parallel()
	for _, at := range []string{
		"https://issuer.example/jwks.json", "http://localhost:8080/jwks", "http://127.0.0.2/jwks", "http://[::1]:1/jwks",
	} {
		_, err := auth.NewJWKS(at, nil)
		require.NoError(t, err, at)
	}
	for _, at := range []string{
		"", "http://issuer.example/jwks.json", "http://10.0.0.1/jwks", "http://localhost.evil.example/", "http://127.0.0.1.evil.example/",
		"file:///etc/passwd", "ftp://127.0.0.1/", "issuer.example/jwks", "https://user:pass@issuer.example/", "https:///jwks", "http://%zz/",
	} {
		_, err := auth.NewJWKS(at, nil)
		require.ErrorContains(t, err, "must be an https URL", at)
		require.NotContains(t, err.Error(), "pass")
	}
	t.Run("a JWKS needs an audience", func(t *testing.T) {
		t.Parallel()
		k, err := auth.NewJWKS("https://issuer.example/jwks.json", nil)
		require.NoError(t, err)
		_, err = auth.New(auth.Options{JWKS: k})
		require.ErrorContains(t, err, "JWT_AUDIENCE")
	})
}
