package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"claimprover/internal/fault"
)

const (
	leeway          = 30 * time.Second // for the clocks of issuers: nbf and iat; exp is exact
	maxSubjectBytes = 128
	maxIssuerBytes  = 256
	maxUnixSeconds  = 253402300799 // the end of the year 9999
)

// header is what is read of a token before it is known who signed it: enough to choose the one source of keys that may
// have. What would name a key or a place to get one (jku, jwk, x5u, x5c) is not read by anybody.
type header struct {
	Alg  string         `json:"alg"`
	Typ  string         `json:"typ"`
	Kid  string         `json:"kid"`
	Crit jsontext.Value `json:"crit"` // extensions that must be understood: none is
	Zip  jsontext.Value `json:"zip"`
	B64  jsontext.Value `json:"b64"`
}

// readHeader refuses doubled names, invalid UTF-8, and what would change how the rest is to be read.
func readHeader(token string) (header, error) {
	segment, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		return header{}, fmt.Errorf("decoding a token's header: %w", err)
	}
	var h header
	if err := json.Unmarshal(text, &h); err != nil {
		return header{}, fmt.Errorf("reading a token's header: %w", err)
	}
	if h.Crit != nil || h.Zip != nil || h.B64 != nil {
		return header{}, errors.New("a token's header has crit, zip or b64")
	}
	return h, nil
}

func (h header) isBrowserToken() bool { return h.Typ == browserType }

// outside judges the tokens that others issue, of one source of keys and with the algorithms of that source only.
type outside struct {
	methods []string
	parser  *jwt.Parser
	key     jwt.Keyfunc
}

func newOutside(methods []string, key jwt.Keyfunc, o Options) *outside {
	options := []jwt.ParserOption{
		jwt.WithValidMethods(methods), jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway),
	}
	if o.Issuer != "" {
		options = append(options, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		options = append(options, jwt.WithAudience(o.Audience))
	}
	return &outside{methods, jwt.NewParser(options...), key}
}

// takes says whether this source may have signed the token: its algorithm, and a type of token that is meant to be a
// credential (RFC 7519 section 5.1, RFC 9068 section 4).
func (o *outside) takes(h header) bool {
	if o == nil || !slices.Contains(o.methods, h.Alg) {
		return false
	}
	typ := strings.TrimPrefix(strings.ToLower(h.Typ), "application/")
	return typ == "" || typ == "jwt" || typ == "at+jwt"
}

func (o *outside) judge(token string) (Caller, error) {
	var c claims
	if _, err := o.parser.ParseWithClaims(token, &c, o.key); err != nil {
		return Caller{}, tokenRefusal(err)
	}
	return jwtCaller(c.Issuer, c.Subject), nil
}

// claims are those of a token that somebody else issued.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ExpiresAt *seconds `json:"exp"`
	NotBefore *seconds `json:"nbf"`
	IssuedAt  *seconds `json:"iat"`
}

// UnmarshalJSON is strict where the library's own claims are not: it refuses doubled names and another letter case, and
// with the types below a time written as a string.
func (c *claims) UnmarshalJSON(text []byte) error {
	type plain claims
	return json.Unmarshal(text, (*plain)(c))
}

// Validate is called by the library after the signature and its own checks.
func (c *claims) Validate() error {
	switch {
	case c.ExpiresAt != nil && !time.Now().Before(c.ExpiresAt.date().Time):
		return jwt.ErrTokenExpired // the library's leeway is for all times or for none
	case c.Subject == "" || len(c.Subject) > maxSubjectBytes || !printable(c.Subject):
		return errSubject
	case len(c.Issuer) > maxIssuerBytes || !printable(c.Issuer):
		return errIssuer
	default:
		return nil
	}
}

var (
	errSubject = errors.New("sub is not 1 to 128 printable ASCII characters")
	errIssuer  = errors.New("iss is not up to 256 printable ASCII characters")
)

// printable says whether s is of visible ASCII characters and blanks.
func printable(s string) bool { return visible(strings.ReplaceAll(s, " ", "")) }

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.ExpiresAt.date(), nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.NotBefore.date(), nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.IssuedAt.date(), nil }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return jwt.ClaimStrings(c.Audience), nil }

// seconds is a time in Unix seconds, a JSON number from 0 to the end of the year 9999.
type seconds float64

func (s *seconds) UnmarshalJSON(text []byte) error {
	var f float64
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	if f < 0 || f > maxUnixSeconds {
		return errors.New("is not a time in Unix seconds")
	}
	*s = seconds(f)
	return nil
}

func (s *seconds) date() *jwt.NumericDate {
	if s == nil {
		return nil
	}
	whole, fraction := math.Modf(float64(*s))
	return &jwt.NumericDate{Time: time.Unix(int64(whole), int64(fraction*1e9))}
}

// audience is one string or a list of them (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	if jsontext.Value(text).Kind() == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(text, &(*a)[0])
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// tokenProblems are what a caller is told of a token whose signature is good, so that its issuer can be put right.
// Of any other token he is told nothing.
var tokenProblems = []struct {
	err     error
	message string
}{
	{jwt.ErrTokenExpired, "The token has expired. Get a new one."},
	{jwt.ErrTokenNotValidYet, "The token is not valid yet. Check the issuer's clock and the token's nbf."},
	{jwt.ErrTokenUsedBeforeIssued, "The token was issued in the future. Check the issuer's clock and the token's iat."},
	{jwt.ErrTokenInvalidAudience, "The token is for another service. Get one whose aud names this service."},
	{jwt.ErrTokenInvalidIssuer, "The token is of another issuer. Get one of the issuer that this service trusts."},
	{errSubject, "The token needs a sub of 1 to 128 printable ASCII characters. Change that at its issuer."},
	{errIssuer, "The token's iss must be at most 256 printable ASCII characters. Change that at its issuer."},
	{jwt.ErrTokenRequiredClaimMissing, "The token lacks a claim that this service needs: exp, and aud or iss where they are checked. Change that at its issuer."},
}

func tokenRefusal(err error) error {
	if fault.Is(err, fault.Unavailable) {
		return err
	}
	for _, p := range tokenProblems {
		if errors.Is(err, p.err) {
			return fault.New(fault.Unauthorized, "%s", p.message).Because(err)
		}
	}
	return errWrong.Because(err)
}
