package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"claimprover/internal/fault"
)

const (
	jwksInterval     = 5 * time.Minute
	jwksEarliest     = time.Minute // between a fetch and the next that a strange kid or a failure asks for
	jwksFirstRetry   = 10 * time.Second
	jwksTimeout      = 10 * time.Second
	maxJWKSBytes     = 1 << 20
	maxJWKSKeys      = 100
	minRSABits       = 2048
	maxRSABits       = 8192 // checking a signature costs more with the square of it
	maxJWKSHeaderLen = 64 << 10
)

// jwksMethods are the algorithms of tokens that a JWKS has keys for; never one of a shared secret.
var jwksMethods = []string{"RS256", "ES256", "EdDSA"}

// JWKS holds the public keys of an issuer of tokens, fetched by [JWKS.Run]. Nobody who asks for a key waits: a token of
// a strange key is refused at once, and asks Run for an early fetch.
type JWKS struct {
	url    string
	client *http.Client
	log    *slog.Logger

	set   atomic.Pointer[map[jwk]any] // nil until the first fetch; replaced as a whole
	early chan struct{}               // one slot: somebody sent a strange kid
}

// jwk names a public key: the same kid may stand for keys of several algorithms.
type jwk struct{ kid, alg string }

// NewJWKS takes the https URL of a set of keys; http is good for loopback only. A nil logger is silent.
func NewJWKS(at string, log *slog.Logger) (*JWKS, error) {
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname()))) {
		return nil, errors.New("must be an https URL without a user name (http for loopback only), for keys fetched without TLS can be replaced on the way")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &JWKS{
		url: u.String(),
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DisableKeepAlives:      true, // minutes lie between two fetches
				ForceAttemptHTTP2:      true,
				MaxResponseHeaderBytes: maxJWKSHeaderLen,
			},
			Timeout:       jwksTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		log:   log,
		early: make(chan struct{}, 1),
	}, nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Run fetches the keys at once, every five minutes, and earlier when a strange kid was seen, which makes at most one
// fetch a minute. It returns when ctx ends. After a failure the last good keys stay.
func (k *JWKS) Run(ctx context.Context) error {
	next, earliest := time.NewTimer(0), time.NewTimer(jwksEarliest)
	defer next.Stop()
	defer earliest.Stop()
	var early chan struct{} // k.early once that may be listened to
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-earliest.C:
			early = k.early
			continue
		case <-next.C:
		case <-early:
		}
		next.Reset(k.refresh(ctx))
		early = nil
		earliest.Reset(jwksEarliest)
	}
}

// refresh fetches once and says when to do it again.
func (k *JWKS) refresh(ctx context.Context) time.Duration {
	set, err := k.fetch(ctx)
	switch {
	case err == nil:
		if old := k.set.Swap(&set); old == nil {
			k.log.Info("token keys fetched", "keys", len(set))
		}
		return jwksInterval
	case ctx.Err() != nil:
		return jwksInterval
	default:
		k.log.Warn("token keys not fetched", "err", err, "have_keys", k.Ready())
		if k.Ready() {
			return jwksEarliest
		}
		return jwksFirstRetry
	}
}

// Ready says whether tokens can be checked: the keys were fetched at least once.
func (k *JWKS) Ready() bool { return k.set.Load() != nil }

// Try fetches once, for whoever wants to know whether it would work, and says how many keys there are.
func (k *JWKS) Try(ctx context.Context) (keys int, err error) {
	set, err := k.fetch(ctx)
	return len(set), err
}

func (k *JWKS) fetch(ctx context.Context) (map[jwk]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, fmt.Errorf("asking for token keys: %w", err)
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := k.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL, which may hold a secret
		}
		return nil, fmt.Errorf("asking for token keys: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking for token keys: status %d (redirects are not followed)", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxJWKSBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading token keys: %w", err)
	}
	return parseJWKS(body)
}

// parseJWKS takes the keys that can check tokens and passes over the others. A set without any is an error: the issuer
// would have us refuse everybody.
func parseJWKS(body []byte) (map[jwk]any, error) {
	if len(body) > maxJWKSBytes {
		return nil, fmt.Errorf("the set of token keys is larger than %d bytes", maxJWKSBytes)
	}
	var all jwkset.JWKSMarshal
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("reading token keys: %w", err)
	}
	if len(all.Keys) > maxJWKSKeys {
		return nil, fmt.Errorf("the set has %d token keys, more than %d", len(all.Keys), maxJWKSKeys)
	}
	set := map[jwk]any{}
	for _, one := range all.Keys {
		alg, key := usable(one)
		name := jwk{one.KID, alg}
		if _, taken := set[name]; key != nil && !taken {
			set[name] = key
		}
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("none of the set's %d keys is for RS256, ES256 or EdDSA", len(all.Keys))
	}
	return set, nil
}

// usable gives the public key and the one algorithm it is for; nil if it is for none of ours. Certificates are left out
// of account: what they say of the key is not needed, and x5u would have the library fetch them.
func usable(m jwkset.JWKMarshal) (alg string, key any) {
	m.X5U, m.X5C, m.X5T, m.X5TS256 = "", nil, "", ""
	if m.USE != "" && m.USE != jwkset.UseSig {
		return "", nil
	}
	parsed, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return "", nil
	}
	switch public := parsed.Key().(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits >= minRSABits && bits <= maxRSABits {
			alg, key = "RS256", public
		}
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			alg, key = "ES256", public
		}
	case ed25519.PublicKey:
		alg, key = "EdDSA", public
	}
	if m.ALG != "" && string(m.ALG) != alg {
		return "", nil
	}
	return alg, key
}

// key finds the key that a token names: a map look-up, so a kid is neither a path nor a query. A token without a kid
// fits the only key of its algorithm.
func (k *JWKS) key(t *jwt.Token) (any, error) {
	set := k.set.Load()
	if set == nil {
		return nil, errNoKeysYet
	}
	kid, named := t.Header["kid"].(string)
	if !named {
		return only(*set, t.Method.Alg())
	}
	if key, known := (*set)[jwk{kid, t.Method.Alg()}]; known {
		return key, nil
	}
	select {
	case k.early <- struct{}{}:
	default: // already asked for
	}
	return nil, errors.New("no key of that kid and algorithm")
}

func only(set map[jwk]any, alg string) (found any, err error) {
	for name, key := range set {
		if name.alg != alg {
			continue
		}
		if found != nil {
			return nil, errors.New("a token without kid, and several keys of its algorithm")
		}
		found = key
	}
	if found == nil {
		return nil, errors.New("no key of that algorithm")
	}
	return found, nil
}

var errNoKeysYet = fault.New(fault.Unavailable,
	"The keys that tokens are checked with could not be fetched yet. Try again shortly, or send an API key.").RetryIn(jwksFirstRetry)
