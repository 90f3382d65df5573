package auth

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"

	"claimprover/internal/fault"
)

const (
	browserIssuer   = "claimprover"
	browserType     = "claimprover+jwt" // the typ of a browser token; no outside token has it
	defaultTokenTTL = 15 * time.Minute
)

// MaxTokenTTL is how long a browser token may live.
const MaxTokenTTL = time.Hour

// Grant is what a browser token is to be good for; the zero value means the defaults.
type Grant struct {
	TTL     time.Duration // whole seconds up to an hour; 0: 15 minutes
	Scope   Scope         // a part of [BrowserScope]; 0: all of it
	Account [32]byte      // the only public key it may claim for; zero: any
}

// Minted is a new browser token.
type Minted struct {
	Token     string
	ExpiresAt time.Time // whole seconds
}

// Mint makes a browser token for the holder of an API key: forbidden for anybody else, invalid_input for a grant that
// is none. The token ends at its time, or with the key, or with the process when there is no JWT_SECRET.
func (a *Authenticator) Mint(c Caller, g Grant) (Minted, error) {
	if err := c.May(Mint); err != nil {
		return Minted{}, err
	}
	switch {
	case g.TTL == 0:
		g.TTL = defaultTokenTTL
	case g.TTL < time.Second || g.TTL > MaxTokenTTL:
		return Minted{}, errBadTTL
	}
	switch {
	case g.Scope == 0:
		g.Scope = BrowserScope
	case g.Scope&^BrowserScope != 0:
		return Minted{}, errBadScope
	}
	return a.browser.mint(c.Key, g)
}

var errBadTTL = fault.New(fault.InvalidInput, "The token must live from 1 to %d seconds.", MaxTokenTTL/time.Second).
	WithFields(map[string]string{"ttlSeconds": "must be from 1 to 3600"})

// browser mints and judges browser tokens. They are signed with a key of their own for each API key, derived from the
// secret and the API key's hash: no outside token can pass for one, nor one for an outside token, and they end with
// their API key, also when another one gets its name.
type browser struct {
	keys    *Keys
	secrets [][]byte // the first one signs, all of them are good
	parser  *jwt.Parser
}

func newBrowser(keys *Keys, s Secrets) *browser {
	secrets := s.list()
	if len(secrets) == 0 {
		secrets = [][]byte{make([]byte, sha256.Size)}
		rand.Read(secrets[0]) // never fails: crypto/rand ends the program first
	}
	return &browser{keys, secrets, jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(),
		jwt.WithIssuer(browserIssuer), jwt.WithExpirationRequired())}
}

// browserClaims are those of a browser token.
type browserClaims struct {
	Issuer    string   `json:"iss"`
	Key       string   `json:"sub"` // the name of the API key that minted it
	ID        string   `json:"jti"`
	IssuedAt  *seconds `json:"iat"`
	ExpiresAt *seconds `json:"exp"`
	Scope     string   `json:"scope"` // words of the wire, separated by blanks (RFC 8693 section 4.2)
	Account   string   `json:"account,omitzero"`
}

func (b *browser) mint(key string, g Grant) (Minted, error) {
	hash, known := b.keys.hashOf(key)
	if !known {
		return Minted{}, errWrong // the key was removed while it was asking
	}
	now := time.Now()
	expires := now.Add(g.TTL).Truncate(time.Second)
	c := browserClaims{
		Issuer: browserIssuer, Key: key, ID: strings.ToLower(rand.Text()),
		IssuedAt: secondsOf(now), ExpiresAt: secondsOf(expires), Scope: g.Scope.String(),
	}
	if g.Account != ([32]byte{}) {
		c.Account = hex.EncodeToString(g.Account[:])
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, &c)
	token.Header["typ"] = browserType
	signed, err := token.SignedString(signingKey(b.secrets[0], hash))
	if err != nil {
		return Minted{}, fmt.Errorf("signing a browser token: %w", err)
	}
	return Minted{Token: signed, ExpiresAt: expires}, nil
}

func (b *browser) judge(token string) (Caller, error) {
	var c browserClaims
	if _, err := b.parser.ParseWithClaims(token, &c, b.signers); err != nil {
		return Caller{}, tokenRefusal(err)
	}
	return tokenCaller(c.Key, c.ID, c.scope(), c.account()), nil
}

// signers gives the keys that may have signed a token of the API key it names.
func (b *browser) signers(t *jwt.Token) (any, error) {
	hash, known := b.keys.hashOf(t.Claims.(*browserClaims).Key)
	if !known {
		return nil, errors.New("the API key that minted the token is gone")
	}
	var keys [][]byte
	for _, secret := range b.secrets {
		keys = append(keys, signingKey(secret, hash))
	}
	return keySet(keys), nil
}

func signingKey(secret []byte, hash [sha256.Size]byte) []byte {
	key, err := hkdf.Key(sha256.New, secret, hash[:], "claimprover browser token v1", sha256.Size)
	if err != nil {
		panic("auth: deriving a key of 32 bytes from SHA-256 cannot fail: " + err.Error())
	}
	return key
}

// UnmarshalJSON is as strict as that of other tokens.
func (c *browserClaims) UnmarshalJSON(text []byte) error {
	type plain browserClaims
	return json.Unmarshal(text, (*plain)(c))
}

func (c *browserClaims) scope() (s Scope) {
	for word := range strings.FieldsSeq(c.Scope) {
		s |= scopeOf(word)
	}
	return s
}

func (c *browserClaims) account() (key [32]byte) {
	hex.Decode(key[:], []byte(c.Account)) // signed by us: 64 digits, or none for no account
	return key
}

func (c *browserClaims) GetExpirationTime() (*jwt.NumericDate, error) { return c.ExpiresAt.date(), nil }
func (c *browserClaims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (c *browserClaims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.IssuedAt.date(), nil }
func (c *browserClaims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *browserClaims) GetSubject() (string, error)                  { return c.Key, nil }
func (c *browserClaims) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

func secondsOf(t time.Time) *seconds {
	s := seconds(t.Unix())
	return &s
}
