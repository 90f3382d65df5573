package server

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"claimprover/internal/api"
	"claimprover/internal/auth"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

// mint is POST /v1/tokens: a short-lived token for a browser. It counts on the key's flood window like a submission, and
// goes on while submissions are refused: what runs can still be read.
func (s *Server) mint(c *gin.Context) error {
	who, body, err := s.receive(c, door{scope: auth.Mint})
	if err != nil {
		return err
	}
	grant, err := readGrant(body)
	if err != nil {
		return err
	}
	minted, err := s.Auth.Mint(who, grant)
	if err != nil {
		return fmt.Errorf("minting a token: %w", err)
	}
	s.Logger.InfoContext(c.Request.Context(), "token minted", "key", who.Owner, "scope", cmp.Or(grant.Scope, auth.BrowserScope).String(),
		"bound", grant.Account != [32]byte{}, "expires", minted.ExpiresAt, "request_id", requestID(c))
	answer(c, http.StatusCreated, api.Token{Token: minted.Token, ExpiresAt: api.Time(minted.ExpiresAt)})
	return nil
}

// tokenRequest is the body as it comes: each field is judged by itself, so that a refusal names all that are wrong.
type tokenRequest struct {
	TTL     jsontext.Value            `json:"ttlSeconds"`
	Scope   jsontext.Value            `json:"scope"`
	Account jsontext.Value            `json:"ss58Address"`
	Unknown map[string]jsontext.Value `json:",unknown"`
}

// readGrant reads what a token is to be good for. A field that is left out has its default; null is no value.
func readGrant(body []byte) (g auth.Grant, err error) {
	var r tokenRequest
	if err := decode(body, &r); err != nil {
		return g, err
	}
	bad := fields{}
	bad.foreign(r.Unknown)
	if r.TTL != nil {
		most := int64(auth.MaxTokenTTL / time.Second)
		var n int64
		if r.TTL.Kind() != '0' || json.Unmarshal(r.TTL, &n) != nil || n < 1 || n > most {
			bad["ttlSeconds"] = fmt.Sprintf("must be a whole number from 1 to %d", most)
		}
		g.TTL = time.Duration(n) * time.Second
	}
	if r.Scope != nil {
		words := []string{}
		if r.Scope.Kind() != '[' || json.Unmarshal(r.Scope, &words) != nil {
			words = []string{""} // which is no scope
		}
		if g.Scope, err = auth.ParseScope(words); err != nil {
			bad["scope"] = fault.Of(err).Fields["scope"]
		}
	}
	if r.Account != nil {
		if g.Account, err = readAccount(r.Account); err != nil {
			bad["ss58Address"] = err.Error()
		}
	}
	return g, bad.fault()
}

// readAccount refuses the zero key, which would bind a token to nobody and so to nothing.
func readAccount(value jsontext.Value) (key [32]byte, err error) {
	var text string
	if value.Kind() != '"' || json.Unmarshal(value, &text) != nil {
		return key, fmt.Errorf("must be a JSON string in quotes")
	}
	if key, err = claim.ParseAddress(text); err == nil && key == [32]byte{} {
		err = fmt.Errorf("is the address of the zero key, which cannot claim")
	}
	return key, err
}
