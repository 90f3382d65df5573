package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"claimprover/internal/auth"
	"claimprover/internal/fault"
)

const (
	issuer   = "https://issuer.example"
	audience = "claimprover-test"
)

// signer signs tokens as some issuer does.
type signer struct {
	method jwt.SigningMethod
	key    any
	kid    string
}

func hs256(secret string) signer { return signer{method: jwt.SigningMethodHS256, key: []byte(secret)} }

// good are claims that are taken, with changes.
func good(changes ...jwt.MapClaims) jwt.MapClaims {
	now := time.Now()
	c := jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "alice",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for _, change := range changes {
		for name, value := range change {
			c[name] = value
			if value == nil {
				delete(c, name)
			}
		}
	}
	return c
}

// sign makes a token; header entries in headers are added or, with a nil value, left out.
func sign(t testing.TB, s signer, claims jwt.MapClaims, headers ...map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(s.method, claims)
	if s.kid != "" {
		token.Header["kid"] = s.kid
	}
	for _, header := range headers {
		for name, value := range header {
			token.Header[name] = value
			if value == nil {
				delete(token.Header, name)
			}
		}
	}
	signed, err := token.SignedString(s.key)
	require.NoError(t, err)
	return signed
}

// signText makes an HS256 token of any header and payload, JSON or not.
func signText(t testing.TB, secret, header, payload string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(secret))
	require.NoError(t, err)
	return text + "." + encode(signature)
}

func payload(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	text, err := json.Marshal(claims)
	require.NoError(t, err)
	return string(text)
}

func hsAuth(t testing.TB, secrets string) *auth.Authenticator {
	return newAuth(t, auth.Options{Keys: newKeys(t), Secrets: newSecrets(t, secrets), Issuer: issuer, Audience: audience})
}

func TestSecretTokens(t *testing.T) {
	t.Parallel()
	a := hsAuth(t, secret)
	const alice = "jwt:" + issuer + ":alice"
	for what, token := range map[string]string{
		"a plain one":                    sign(t, hs256(secret), good()),
		"without nbf and iat":            sign(t, hs256(secret), good(jwt.MapClaims{"nbf": nil, "iat": nil})),
		"with several audiences":         sign(t, hs256(secret), good(jwt.MapClaims{"aud": []string{"other", audience}})),
		"without a type":                 sign(t, hs256(secret), good(), map[string]any{"typ": nil}),
		"of the access token type":       sign(t, hs256(secret), good(), map[string]any{"typ": "application/at+JWT"}),
		"with a kid that nobody needs":   sign(t, hs256(secret), good(), map[string]any{"kid": "../x"}),
		"with claims we do not know":     sign(t, hs256(secret), good(jwt.MapClaims{"roles": []string{"a"}, "jti": 7})),
		"with an exp of a broken second": sign(t, hs256(secret), good(jwt.MapClaims{"exp": float64(time.Now().Unix()) + 60.5})),
		"with an exp in the far future":  sign(t, hs256(secret), good(jwt.MapClaims{"exp": 253402300799})),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			wantOwner(t, a, bearer(token), write, alice)
			wantOwner(t, a, request("GET", "/?access_token="+token), public, alice)
		})
	}

	plain := sign(t, hs256(secret), good())
	parts := strings.Split(plain, ".")
	claims := payload(t, good())
	none := func(alg string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+alg+`","typ":"JWT"}`)) + "." + parts[1] + "."
	}
	for what, token := range map[string]string{
		"alg none":                     none("none"),
		"alg None":                     none("None"),
		"alg NONE":                     none("NONE"),
		"alg nOnE":                     none("nOnE"),
		"alg empty":                    none(""),
		"alg none, with a signature":   none("none") + parts[2],
		"no alg":                       signText(t, secret, `{"typ":"JWT"}`, claims),
		"alg not a string":             signText(t, secret, `{"alg":["HS256"]}`, claims),
		"alg in lower case":            signText(t, secret, `{"alg":"hs256"}`, claims),
		"alg twice":                    signText(t, secret, `{"alg":"none","alg":"HS256"}`, claims),
		"alg under another case":       signText(t, secret, `{"ALG":"HS256"}`, claims),
		"HS384":                        sign(t, signer{method: jwt.SigningMethodHS384, key: []byte(secret)}, good()),
		"HS512":                        sign(t, signer{method: jwt.SigningMethodHS512, key: []byte(secret)}, good()),
		"an unknown alg":               signText(t, secret, `{"alg":"HS257"}`, claims),
		"another secret":               sign(t, hs256(nextSecret), good()),
		"the empty secret":             sign(t, hs256(""), good()),
		"an API key as the secret":     sign(t, hs256(aliceKey), good()),
		"no signature":                 parts[0] + "." + parts[1] + ".",
		"a cut signature":              plain[:len(plain)-1],
		"another payload":              parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(payload(t, good(jwt.MapClaims{"sub": "bob"})))) + "." + parts[2],
		"padding":                      plain + "=",
		"unused bits set":              otherSpelling(plain),
		"a fourth part":                plain + ".x",
		"many dots":                    strings.Repeat(".", auth.MaxCredentialBytes),
		"very many dots":               strings.Repeat(".", 1<<20),
		"two parts":                    parts[0] + "." + parts[1],
		"larger than 4 KiB":            sign(t, hs256(secret), good(jwt.MapClaims{"x": strings.Repeat("a", 4096)})),
		"crit":                         sign(t, hs256(secret), good(), map[string]any{"crit": []string{"exp"}}),
		"crit, empty":                  sign(t, hs256(secret), good(), map[string]any{"crit": []string{}}),
		"b64":                          sign(t, hs256(secret), good(), map[string]any{"b64": true}),
		"zip":                          sign(t, hs256(secret), good(), map[string]any{"zip": "DEF"}),
		"a logout token":               sign(t, hs256(secret), good(), map[string]any{"typ": "logout+jwt"}),
		"the type of a browser token":  sign(t, hs256(secret), good(), map[string]any{"typ": "claimprover+jwt"}),
		"no exp":                       sign(t, hs256(secret), good(jwt.MapClaims{"exp": nil})),
		"exp as a string":              sign(t, hs256(secret), good(jwt.MapClaims{"exp": fmt.Sprint(time.Now().Add(time.Hour).Unix())})),
		"exp as a list":                sign(t, hs256(secret), good(jwt.MapClaims{"exp": []int64{time.Now().Add(time.Hour).Unix()}})),
		"exp null":                     signText(t, secret, `{"alg":"HS256"}`, strings.Replace(claims, `"exp":`, `"exp":null,"x":`, 1)),
		"exp twice":                    signText(t, secret, `{"alg":"HS256"}`, strings.Replace(claims, `"exp":`, `"exp":1,"exp":`, 1)),
		"exp under another case":       signText(t, secret, `{"alg":"HS256"}`, strings.Replace(claims, `"exp":`, `"EXP":`, 1)),
		"exp beyond all time":          signText(t, secret, `{"alg":"HS256"}`, strings.Replace(claims, `"exp":`, `"exp":1e300,"x":`, 1)),
		"exp of milliseconds":          sign(t, hs256(secret), good(jwt.MapClaims{"exp": time.Now().UnixMilli() + 3600_000})),
		"exp negative":                 sign(t, hs256(secret), good(jwt.MapClaims{"exp": -1})),
		"nbf negative":                 sign(t, hs256(secret), good(jwt.MapClaims{"nbf": -1})),
		"exp zero":                     sign(t, hs256(secret), good(jwt.MapClaims{"exp": 0})),
		"nbf as a string":              sign(t, hs256(secret), good(jwt.MapClaims{"nbf": "0"})),
		"no sub":                       sign(t, hs256(secret), good(jwt.MapClaims{"sub": nil})),
		"an empty sub":                 sign(t, hs256(secret), good(jwt.MapClaims{"sub": ""})),
		"a long sub":                   sign(t, hs256(secret), good(jwt.MapClaims{"sub": strings.Repeat("a", 129)})),
		"a sub with a line end":        sign(t, hs256(secret), good(jwt.MapClaims{"sub": "a\nb"})),
		"a sub beyond ASCII":           sign(t, hs256(secret), good(jwt.MapClaims{"sub": "al\u0456ce"})),
		"a sub that is a number":       sign(t, hs256(secret), good(jwt.MapClaims{"sub": 7})),
		"no aud":                       sign(t, hs256(secret), good(jwt.MapClaims{"aud": nil})),
		"another aud":                  sign(t, hs256(secret), good(jwt.MapClaims{"aud": "other"})),
		"an aud that begins like ours": sign(t, hs256(secret), good(jwt.MapClaims{"aud": audience + "2"})),
		"an aud that is a number":      sign(t, hs256(secret), good(jwt.MapClaims{"aud": 7})),
		"no iss":                       sign(t, hs256(secret), good(jwt.MapClaims{"iss": nil})),
		"another iss":                  sign(t, hs256(secret), good(jwt.MapClaims{"iss": issuer + "/"})),
		"a payload that is null":       signText(t, secret, `{"alg":"HS256"}`, "null"),
		"a payload that is a list":     signText(t, secret, `{"alg":"HS256"}`, "[]"),
		"a payload that is no JSON":    signText(t, secret, `{"alg":"HS256"}`, "alice"),
		"a payload and more":           signText(t, secret, `{"alg":"HS256"}`, claims+"{}"),
		"a header that is null":        signText(t, secret, `null`, claims),
		"a header that is no UTF-8":    signText(t, secret, "{\"alg\":\"HS256\",\"kid\":\"\xff\"}", claims),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			wantUnauthorized(t, a, bearer(token), write)
			wantUnauthorized(t, a, request("GET", "/?access_token="+token), public)
		})
	}
}

func TestASourceTakesItsOwnAlgorithmsOnly(t *testing.T) {
	t.Parallel()
	a := hsAuth(t, secret)
	_, err := a.JudgeBySecret(sign(t, hs256(secret), good()))
	require.NoError(t, err)
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
		_, err := a.JudgeBySecret(sign(t, signer{method: method, key: []byte(secret)}, good()))
		require.True(t, fault.Is(err, fault.Unauthorized), "also when nobody has looked at the header before")
	}
}

// otherSpelling is the same token to a decoder that does not look at the unused bits of the last character.
func otherSpelling(token string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, token[len(token)-1])
	return token[:len(token)-1] + string(digits[last^1])
}

func TestTokenTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what    string
		claim   string
		offset  time.Duration
		good    bool
		message string
	}{
		{"exp now", "exp", 0, false, "has expired"},
		{"exp a second ago", "exp", -time.Second, false, "has expired"},
		{"exp in a second", "exp", time.Second, true, ""},
		{"nbf in 30 s", "nbf", 30 * time.Second, true, ""},
		{"nbf in 31 s", "nbf", 31 * time.Second, false, "not valid yet"},
		{"iat in 30 s", "iat", 30 * time.Second, true, ""},
		{"iat in 31 s", "iat", 31 * time.Second, false, "in the future"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := hsAuth(t, secret)
				r := bearer(sign(t, hs256(secret), good(jwt.MapClaims{c.claim: time.Now().Add(c.offset).Unix()})))
				if c.good {
					wantOwner(t, a, r, write, "jwt:"+issuer+":alice")
					return
				}
				require.Contains(t, wantUnauthorized(t, a, r, write).Message, c.message)
			})
		})
	}
	t.Run("a token ends at its exp", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			a := hsAuth(t, secret)
			r := bearer(sign(t, hs256(secret), good()))
			time.Sleep(time.Hour - time.Nanosecond)
			wantOwner(t, a, r, write, "jwt:"+issuer+":alice")
			time.Sleep(time.Nanosecond)
			wantUnauthorized(t, a, r, write)
		})
	})
}

func TestAHolderOfAGoodSignatureIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	a := hsAuth(t, secret)
	for message, change := range map[string]jwt.MapClaims{
		"for another service":   {"aud": "other"},
		"of another issuer":     {"iss": "other"},
		"needs a sub":           {"sub": ""},
		"lacks a claim":         {"exp": nil},
		"get a new token":       {"exp": "soon"}, // as for a wrong signature
		"The token has expired": {"exp": 1},
	} {
		require.Contains(t, wantUnauthorized(t, a, bearer(sign(t, hs256(secret), good(change))), write).Message, message)
		err := wantUnauthorized(t, a, bearer(sign(t, hs256(nextSecret), good(change))), write)
		require.Contains(t, err.Message, "This credential is not valid here", "and nobody else is")
	}
}

func TestTwoSecretsWhileOneTakesOver(t *testing.T) {
	t.Parallel()
	a := hsAuth(t, nextSecret+", "+secret)
	wantOwner(t, a, bearer(sign(t, hs256(secret), good())), write, "jwt:"+issuer+":alice")
	wantOwner(t, a, bearer(sign(t, hs256(nextSecret), good())), write, "jwt:"+issuer+":alice")
	wantUnauthorized(t, a, bearer(sign(t, hs256(nextSecret+","+secret), good())), write)
}

func TestParseSecrets(t *testing.T) {
	t.Parallel()
	for problem, text := range map[string]string{
		"secret 1 has 0 bytes":                  "",
		"secret 1 has 31 bytes":                 secret[:31],
		"secret 2 has 6 bytes":                  secret + ",secret",
		"secret 2 has 0 bytes":                  secret + ",",
		"there are 3 secrets":                   secret + "," + nextSecret + "," + secret,
		"secret 2 is the same as secret 1":      secret + "," + secret,
		"secret 1 repeats itself":               strings.Repeat("a", 64),
		"secret 1 repeats itself (word)":        strings.Repeat("secret", 8),
		"secret 1 repeats itself (digits)":      "12345678901234567890123456789012",
		"secret 1 repeats itself (few letters)": "abacabadabacabaeabacabadabacabaf",
		"secret 1 repeats itself (block)":       secret[:16] + secret[:16],
	} {
		t.Run(problem, func(t *testing.T) {
			t.Parallel()
			s, err := auth.ParseSecrets(text)
			problem, _, _ := strings.Cut(problem, " (")
			require.ErrorContains(t, err, problem)
			require.False(t, s.IsSet())
			require.NotContains(t, err.Error(), secret[:16])
		})
	}
	t.Run("every problem is listed", func(t *testing.T) {
		t.Parallel()
		_, err := auth.ParseSecrets("short," + strings.Repeat("ab", 20))
		require.ErrorContains(t, err, "secret 1")
		require.ErrorContains(t, err, "secret 2")
	})
	t.Run("a secret is never printed", func(t *testing.T) {
		t.Parallel()
		s := newSecrets(t, secret)
		options := auth.Options{Secrets: s}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secrets", s)
		printed := log.String() + fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v %#v", s, s, s, s, s, s, s, options, options, options)
		for _, leak := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprint([]byte(secret))[1:20]} {
			require.NotContains(t, printed, leak)
		}
	})
}

func TestOwnerNamesDoNotCollide(t *testing.T) {
	t.Parallel()
	anyIssuer := newAuth(t, auth.Options{Keys: newKeys(t), Secrets: newSecrets(t, secret)})
	owner := func(iss, sub string) string {
		caller, err := anyIssuer.Authenticate(bearer(sign(t, hs256(secret), good(jwt.MapClaims{"iss": iss, "sub": sub}))), home, write)
		require.NoError(t, err)
		require.Empty(t, caller.Key)
		return caller.Owner
	}
	require.Equal(t, "jwt:https://issuer.example:auth0|alice", owner(issuer, "auth0|alice"))
	require.Equal(t, "jwt::alice", owner("", "alice"))
	require.Equal(t, "jwt:k8s:system%3Aserviceaccount%3Adefault%3Ax", owner("k8s", "system:serviceaccount:default:x"))

	all := map[string]string{"key:alice": "the API key", "anonymous": "nobody"}
	for _, who := range [][2]string{
		{"", "alice"}, {"alice", "x"}, {"a", "b:c"}, {"a:b", "c"}, {"a:", "b:c"}, {"a", "b%3Ac"}, {"a", "b%253Ac"}, {"a:b%3Ac", "d"},
		{"a:b", "c:d"}, {"key", "alice"}, {"key:alice", "x"}, {"token:alice", "x"}, {"", "anonymous"}, {"claimprover", "alice"},
	} {
		name := owner(who[0], who[1])
		require.NotContains(t, all, name, "%q and %q", who, all[name])
		require.True(t, strings.HasPrefix(name, "jwt:"))
		all[name] = fmt.Sprint(who)
	}
	for _, iss := range []string{"a\nb", "zoë", strings.Repeat("i", 257)} {
		err := wantUnauthorized(t, anyIssuer, bearer(sign(t, hs256(secret), good(jwt.MapClaims{"iss": iss}))), write)
		require.Contains(t, err.Message, "iss")
	}
}

func TestAnExpiredTokenIsNotAGuess(t *testing.T) {
	t.Parallel()
	a := newAuth(t, auth.Options{Keys: newKeys(t), Secrets: newSecrets(t, secret), FailuresPerMinute: 1})
	expired := sign(t, hs256(secret), good(jwt.MapClaims{"exp": 1}))
	for range 10 {
		wantUnauthorized(t, a, bearer(expired), write)
	}
	wantUnauthorized(t, a, bearer(sign(t, hs256(nextSecret), good(jwt.MapClaims{"exp": 1}))), write)
	_, err := a.Authenticate(bearer(expired), home, write)
	require.True(t, fault.Is(err, fault.RateLimited), "one whose signature is wrong is a guess, expired or not")
}
