package auth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"claimprover/internal/auth"
	"claimprover/internal/fault"
)

// FuzzAuthorization: whoever is let in has sent, after the scheme and blanks, exactly one known key.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer", "Bearer ", "Bearer " + aliceKey, "bearer  " + bobKey, "Basic " + aliceKey, "Bearer a.b.c", aliceKey,
		"Bearer " + aliceKey + ", Bearer " + aliceKey, "Bearer\t" + aliceKey, "Bearer " + aliceKey + "\x00", "Bearer \xff", "Bearer ..",
	} {
		f.Add(seed)
	}
	a := newAuth(f, auth.Options{Keys: newKeys(f), Secrets: newSecrets(f, secret)})
	known := []string{aliceKey, bobKey, hashedKey, namelessK}
	f.Fuzz(func(t *testing.T, header string) {
		r := request("POST")
		r.Header = http.Header{"Authorization": {header}}
		caller, err := a.Authenticate(r, home, open)
		if err != nil {
			if !fault.Is(err, fault.Unauthorized) || caller != (auth.Caller{}) {
				t.Fatalf("%+v, %v", caller, err)
			}
			return
		}
		scheme, credential, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "bearer") || !slices.Contains(known, strings.TrimLeft(credential, " ")) {
			t.Fatalf("%q is %+v", header, caller)
		}
	})
}

// FuzzJWT: no text is taken but the tokens that were signed, letter by letter.
func FuzzJWT(f *testing.F) {
	// Nothing here depends on the time: each of the fuzzer's processes must sign the same tokens.
	never := jwt.MapClaims{"exp": 253402300799, "iat": 0, "nbf": 0}
	a := newAuth(f, auth.Options{Keys: newKeys(f), Secrets: newSecrets(f, secret), Issuer: issuer, Audience: audience})
	outside := sign(f, hs256(secret), good(never))
	browser := a.SignBrowser(f, jwt.SigningMethodHS256, "alice", jwt.MapClaims{
		"iss": "claimprover", "sub": "alice", "jti": "x", "scope": "submit", "exp": 253402300799,
	})
	for _, seed := range []string{
		outside, browser, "", "..", "...", "a.b.c", outside + ".", "." + outside, strings.ReplaceAll(outside, ".", ".."),
		signText(f, secret, `{"alg":"HS256"}`, `null`), signText(f, secret, `{"alg":"HS256","alg":"none"}`, `{}`),
		sign(f, hs256(nextSecret), good(never)), otherSpelling(outside), otherSpelling(browser), strings.Repeat(".", 100),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		caller, err := a.AuthenticateToken(t.Context(), token, home)
		switch {
		case err != nil && !fault.Is(err, fault.Unauthorized):
			t.Fatal(err)
		case err == nil && token != outside && token != browser:
			t.Fatalf("%q is %+v", token, caller)
		}
	})
}
