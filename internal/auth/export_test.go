package auth

import (
	"context"
	"net/http"
	"net/netip"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// Refresh fetches once, as Run does, so that a test need not wait for it.
func (k *JWKS) Refresh(ctx context.Context) { k.refresh(ctx) }

// Through has the keys fetched without a network.
func (k *JWKS) Through(rt http.RoundTripper) { k.client.Transport = rt }

// Guarded tries anything as Authenticate tries a credential.
func (a *Authenticator) Guarded(ctx context.Context, ip netip.Addr, try func() (Caller, error)) (Caller, error) {
	return a.guarded(ctx, ip, try)
}

// JudgeBySecret leaves out the choice of a source by the token's header.
func (a *Authenticator) JudgeBySecret(token string) (Caller, error) { return a.secret.judge(token) }

// SignBrowser signs anything as a browser token of the API key.
func (a *Authenticator) SignBrowser(t testing.TB, method jwt.SigningMethod, key string, claims jwt.MapClaims) string {
	t.Helper()
	hash, known := a.keys.hashOf(key)
	require.True(t, known)
	token := jwt.NewWithClaims(method, claims)
	token.Header["typ"] = browserType
	signed, err := token.SignedString(signingKey(a.browser.secrets[0], hash))
	require.NoError(t, err)
	return signed
}

// ErrWrong is what a wrong credential is answered.
var ErrWrong = errWrong
