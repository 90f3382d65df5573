package auth

import (
	"strings"

	"claimprover/internal/fault"
)

// Scope is a set of things a caller may do.
type Scope uint8

// What there is to be allowed. A browser token can hold the first three only, and only an API key holds Mint.
const (
	Submit Scope = 1 << iota
	Read
	Cancel
	List
	Verify
	Mint
)

// BrowserScope is everything that a browser token can hold.
const BrowserScope = Submit | Read | Cancel

// scopeNames are the wire's words, in the order of the bits.
var scopeNames = [...]string{"submit", "read", "cancel", "list", "verify", "mint"}

// ParseScope reads the scope of a token that is to be minted. No list at all means everything a token can hold.
func ParseScope(words []string) (Scope, error) {
	if words == nil {
		return BrowserScope, nil
	}
	var s Scope
	for _, word := range words {
		one := scopeOf(word) & BrowserScope
		if one == 0 {
			return 0, errBadScope
		}
		s |= one
	}
	if s == 0 {
		return 0, errBadScope
	}
	return s, nil
}

var errBadScope = fault.New(fault.InvalidInput, "The scope must be a list of submit, read and cancel, at least one of them.").
	WithFields(map[string]string{"scope": "must be a list of submit, read and cancel, at least one of them"})

func scopeOf(word string) Scope {
	for i, name := range scopeNames {
		if word == name {
			return 1 << i
		}
	}
	return 0
}

// String gives the wire's words, separated by blanks.
func (s Scope) String() string {
	var words []string
	for i, name := range scopeNames {
		if s&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	return strings.Join(words, " ")
}

// Caller is who sent a request and what he may do.
type Caller struct {
	Owner   string   // as jobs know it: "key:<name>", "jwt:<iss>:<sub>", "token:<key>:<jti>" or "anonymous"
	Key     string   // the name of the API key, also of the one that minted a browser token; else empty
	Scope   Scope    // what he may do
	Account [32]byte // the only public key he may claim for; zero: any
}

const anonymousOwner = "anonymous"

func anonymous() Caller { return Caller{Owner: anonymousOwner, Scope: Submit | Read} }

func keyCaller(name string) Caller {
	return Caller{Owner: "key:" + name, Key: name, Scope: BrowserScope | List | Verify | Mint}
}

func jwtCaller(issuer, subject string) Caller {
	// With no colon in its last part the name can be taken apart in one way only, whatever the issuer looks like.
	subject = strings.NewReplacer("%", "%25", ":", "%3A").Replace(subject)
	return Caller{Owner: "jwt:" + issuer + ":" + subject, Scope: BrowserScope | List | Verify}
}

func tokenCaller(key, id string, s Scope, account [32]byte) Caller {
	return Caller{Owner: "token:" + key + ":" + id, Key: key, Scope: s & BrowserScope, Account: account}
}

// Anonymous says whether he sent no credential.
func (c Caller) Anonymous() bool { return c.Owner == anonymousOwner }

// isToken says whether he holds a browser token.
func (c Caller) isToken() bool { return strings.HasPrefix(c.Owner, "token:") }

// May is nil if he may do all of s; else unauthorized for who sent no credential, forbidden for the others.
func (c Caller) May(s Scope) error {
	lacking := s &^ c.Scope
	switch {
	case lacking == 0:
		return nil
	case c.Anonymous():
		return errMissing
	case lacking&Mint != 0:
		return fault.New(fault.Forbidden, "Only an API key may mint tokens. Send one.")
	case c.isToken() && lacking&^BrowserScope == 0:
		return fault.New(fault.Forbidden, "This token may not %s. Use one that was minted with that scope.", lacking)
	default:
		return fault.New(fault.Forbidden, "A browser token may not %s. Send an API key or a JWT.", lacking&^BrowserScope)
	}
}

// MayClaimFor is nil unless his token is bound to another account; then it is forbidden.
func (c Caller) MayClaimFor(publicKey [32]byte) error {
	if c.Account == ([32]byte{}) || c.Account == publicKey {
		return nil
	}
	return fault.New(fault.Forbidden, "This token is good for another account. Use a token that was minted for the account of this claim.")
}

// FloodKey names the window that his submissions count on: his own or, for a browser token, that of the key that minted
// it. It is empty for a caller without a credential, who counts on his address alone.
func (c Caller) FloodKey() string {
	switch {
	case c.Anonymous():
		return ""
	case c.Key != "":
		return "key:" + c.Key
	default:
		return c.Owner
	}
}

// CountsOnAddress says whether his submissions count on his address's window: they do without a credential and, beside
// the key's window, with a browser token.
func (c Caller) CountsOnAddress() bool { return c.Anonymous() || c.isToken() }
