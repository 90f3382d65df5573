// Package auth says who is calling and what he may do: API keys, JWTs of a shared secret or of a JWKS, and the browser
// tokens that API keys mint.
//
// A credential that is sent is always judged, also where none is needed. All methods may be called from many
// goroutines, and none of them waits for the network. The package reads credentials off an [http.Request] and knows
// neither routes nor jobs.
package auth

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"claimprover/internal/fault"
)

// Options say which credentials are good; what is nil or zero is not there.
type Options struct {
	Keys    *Keys
	Secrets Secrets // of HS256 tokens; browser tokens are signed from the first one too
	JWKS    *JWKS   // of RS256, ES256 and EdDSA tokens; needs Audience

	Issuer   string // that outside tokens must name
	Audience string // that outside tokens must name

	FailuresPerMinute int64 // wrong credentials of one address (/64 for IPv6) before it is locked out; 0: any number
}

// Authenticator judges credentials.
type Authenticator struct {
	keys     *Keys
	secret   *outside // nil without JWT_SECRET
	jwks     *outside // nil without JWT_JWKS_URL
	browser  *browser
	failures *failures
}

// New refuses a JWKS without an audience: a public issuer signs tokens for everybody's services.
func New(o Options) (*Authenticator, error) {
	if o.JWKS != nil && o.Audience == "" {
		return nil, errors.New("tokens of a JWKS need JWT_AUDIENCE: set it to the name under which the issuer knows this service")
	}
	a := &Authenticator{keys: o.Keys, browser: newBrowser(o.Keys, o.Secrets), failures: newFailures(o.FailuresPerMinute)}
	if o.Secrets.IsSet() {
		a.secret = newOutside([]string{"HS256"}, o.Secrets.key, o)
	}
	if o.JWKS != nil {
		a.jwks = newOutside(jwksMethods, o.JWKS.key, o)
	}
	return a, nil
}

// Access is what a route asks of its callers.
type Access struct {
	Reads bool // a token may come where browsers can put one: in the URL, or among the WebSocket subprotocols
	Open  bool // also for callers without a credential
}

// Authenticate says who sent r. The error is unauthorized, rate_limited for an address that sent too many wrong
// credentials, or unavailable while the keys of tokens could not be fetched yet. The body is not touched.
//
// An address that is locked out is refused whatever it sends, but for reads that ask for no credential and bring none:
// they tell a guesser nothing, and probes and polls from behind the same proxy must not fail for him.
func (a *Authenticator) Authenticate(r *http.Request, ip netip.Addr, access Access) (Caller, error) {
	sent, err := credentialOf(r, access)
	missing := err == nil && sent == ""
	if missing && access.Reads && access.Open {
		return anonymous(), nil
	}
	return a.guarded(r.Context(), ip, func() (Caller, error) {
		switch {
		case err != nil:
			return Caller{}, err
		case !missing:
			return a.judge(sent)
		case access.Open:
			return anonymous(), nil
		default:
			return Caller{}, errMissing
		}
	})
}

// AuthenticateToken judges a credential that came by itself, as in a WebSocket operation. Errors are as in
// [Authenticator.Authenticate]; the empty text is a wrong credential.
func (a *Authenticator) AuthenticateToken(ctx context.Context, credential string, ip netip.Addr) (Caller, error) {
	return a.guarded(ctx, ip, func() (Caller, error) {
		if err := wellFormed(credential); err != nil {
			return Caller{}, err
		}
		return a.judge(credential)
	})
}

// guarded lets an address try unless it is locked out, and counts what it got wrong.
func (a *Authenticator) guarded(ctx context.Context, ip netip.Addr, try func() (Caller, error)) (Caller, error) {
	if err := a.failures.lockedOut(ctx, ip); err != nil {
		return Caller{}, err
	}
	caller, err := try()
	if isGuess(err) {
		if lockedOut := a.failures.count(ctx, ip); lockedOut != nil {
			return Caller{}, lockedOut
		}
	}
	return caller, err
}

// isGuess says whether a refusal counts against the address. Sending nothing is not guessing, and a good token that has
// only expired was known, not guessed: a page left open must not lock out its office.
func isGuess(err error) bool {
	return fault.Is(err, fault.Unauthorized) && !errors.Is(err, errMissing) && !errors.Is(err, jwt.ErrTokenExpired)
}

// judge takes a well-formed credential for an API key first; only what is none can be a token.
func (a *Authenticator) judge(credential string) (Caller, error) {
	if name, ok := a.keys.match(credential); ok {
		return keyCaller(name), nil
	}
	if strings.Count(credential, ".") != 2 {
		return Caller{}, errWrong
	}
	h, err := readHeader(credential)
	if err != nil {
		return Caller{}, errWrong.Because(err)
	}
	switch {
	case h.isBrowserToken():
		return a.browser.judge(credential)
	case a.secret.takes(h):
		return a.secret.judge(credential)
	case a.jwks.takes(h):
		return a.jwks.judge(credential)
	default:
		return Caller{}, errWrong.Because(errNoSource)
	}
}

var (
	errMissing = fault.New(fault.Unauthorized,
		`This needs a credential. Send an API key or a token as "Authorization: Bearer <credential>".`)
	errWrong = fault.New(fault.Unauthorized,
		"This credential is not valid here. Check the API key, or get a new token.")
	errNoSource = errors.New("no source of keys takes this type and algorithm")
)
