package auth

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minSecretBytes    = 32 // RFC 7518 section 3.2: as long as the hash
	minSecretDistinct = 8  // different bytes; 32 random hex digits have fewer about once in ten million
	maxSecretPeriod   = 16 // bytes after which a secret must not begin anew
)

// Secrets are one or, while one takes over from the other, two secrets of HS256 tokens. They are printed as *** only.
type Secrets struct {
	all *[][]byte // a pointer, so that a print by reflection stops at it
}

// ParseSecrets reads JWT_SECRET: one secret, or two with a comma between. Browser tokens are signed from the first.
// The error lists every problem and shows nothing of the secrets.
func ParseSecrets(text string) (Secrets, error) {
	parts := strings.Split(text, ",")
	if len(parts) > 2 {
		return Secrets{}, fmt.Errorf("there are %d secrets: give one, or two with a comma between while one takes over from the other", len(parts))
	}
	var all [][]byte
	var problems []error
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if problem := weakness(part); problem != nil {
			problems = append(problems, fmt.Errorf("secret %d %w", i+1, problem))
		}
		all = append(all, []byte(part))
	}
	if len(problems) == 0 && len(all) == 2 && slices.Equal(all[0], all[1]) {
		problems = append(problems, errors.New("secret 2 is the same as secret 1"))
	}
	if len(problems) > 0 {
		return Secrets{}, errors.Join(problems...)
	}
	return Secrets{&all}, nil
}

// weakness says why a secret could be guessed offline from one token.
func weakness(secret string) error {
	distinct := map[byte]bool{}
	for i := range len(secret) {
		distinct[secret[i]] = true
	}
	switch {
	case len(secret) < minSecretBytes:
		return fmt.Errorf("has %d bytes, fewer than %d: make one with openssl rand -base64 48", len(secret), minSecretBytes)
	case len(distinct) < minSecretDistinct || repeats(secret):
		return errors.New("repeats itself and can be guessed: make one with openssl rand -base64 48")
	default:
		return nil
	}
}

func repeats(s string) bool {
	for period := 1; period <= maxSecretPeriod; period++ {
		if s[period:] == s[:len(s)-period] {
			return true
		}
	}
	return false
}

// IsSet says whether there is a secret.
func (s Secrets) IsSet() bool { return s.all != nil }

func (s Secrets) list() [][]byte {
	if s.all == nil {
		return nil
	}
	return *s.all
}

// key gives what an HS256 token may be signed with.
func (s Secrets) key(*jwt.Token) (any, error) { return keySet(s.list()), nil }

func keySet(secrets [][]byte) jwt.VerificationKeySet {
	var set jwt.VerificationKeySet
	for _, secret := range secrets {
		set.Keys = append(set.Keys, secret)
	}
	return set
}

// Format shows a mask whatever the verb.
func (s Secrets) Format(f fmt.State, _ rune) { io.WriteString(f, "***") }

// LogValue shows a mask.
func (s Secrets) LogValue() slog.Value { return slog.StringValue("***") }
