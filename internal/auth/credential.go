package auth

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"claimprover/internal/api"
	"claimprover/internal/fault"
)

// MaxCredentialBytes bounds a credential before anything hashes or parses it.
const MaxCredentialBytes = 4096

// The WebSocket subprotocols of the wire contract: the one that is answered, and the prefix of the one that is a
// credential (base64url, unpadded) and is never answered.
const (
	Subprotocol       = api.Subprotocol
	subprotocolBearer = "bearer."
)

// queryParameter is where browsers put a token of a read, as RFC 6750 section 2.3 has it.
const queryParameter = "access_token"

// credentialOf finds the one credential of a request, empty if there is none. It may be sent in two places if it is the
// same; any other doubt is refused, so that no two parts of a system can take a request for two different callers'.
func credentialOf(r *http.Request, access Access) (string, error) {
	sent, err := gather(r, fromAuthorization, fromAPIKey)
	if err != nil {
		return "", err
	}
	fromBrowser, err := gather(r, fromQuery, fromSubprotocol)
	if err != nil {
		return "", err
	}
	if len(fromBrowser) > 0 && !access.Reads {
		return "", errOnlyOnReads
	}
	switch sent = slices.Compact(append(sent, fromBrowser...)); len(sent) {
	case 0:
		return "", nil
	case 1:
		return sent[0], wellFormed(sent[0])
	default:
		return "", errSeveral
	}
}

func gather(r *http.Request, places ...func(*http.Request) ([]string, error)) ([]string, error) {
	var all []string
	for _, place := range places {
		sent, err := place(r)
		if err != nil {
			return nil, err
		}
		all = append(all, sent...)
	}
	return all, nil
}

func fromAuthorization(r *http.Request) ([]string, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return nil, nil
	}
	if len(headers) > 1 {
		return nil, errSeveral
	}
	scheme, credential, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, errScheme
	}
	return []string{strings.TrimLeft(credential, " ")}, nil
}

func fromAPIKey(r *http.Request) ([]string, error) {
	headers := r.Header.Values("X-API-Key")
	if len(headers) > 1 {
		return nil, errSeveral
	}
	return headers, nil
}

func fromQuery(r *http.Request) ([]string, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil && strings.Contains(r.URL.RawQuery, queryParameter) { // the part that was dropped may be the credential
		return nil, errQuery
	}
	if len(query[queryParameter]) > 1 {
		return nil, errSeveral
	}
	return query[queryParameter], nil
}

func fromSubprotocol(r *http.Request) ([]string, error) {
	var sent []string
	offered := subprotocols(r)
	for _, protocol := range offered {
		encoded, isBearer := strings.CutPrefix(protocol, subprotocolBearer)
		if !isBearer {
			continue
		}
		credential, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
		if err != nil {
			return nil, errSubprotocol
		}
		sent = append(sent, string(credential))
	}
	switch {
	case len(sent) > 1:
		return nil, errSeveral
	case len(sent) == 1 && !slices.Contains(offered, Subprotocol):
		return nil, errSubprotocol
	default:
		return sent, nil
	}
}

func subprotocols(r *http.Request) []string {
	var all []string
	for _, header := range r.Header.Values("Sec-WebSocket-Protocol") {
		for protocol := range strings.SplitSeq(header, ",") {
			all = append(all, strings.TrimSpace(protocol))
		}
	}
	return all
}

// wellFormed refuses what no credential of any kind can be.
func wellFormed(credential string) error {
	if credential == "" || len(credential) > MaxCredentialBytes || !visible(credential) {
		return errWrong
	}
	return nil
}

// visible says whether s is of ASCII letters, digits and signs only: no blank, no control character.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

var (
	errSeveral = fault.New(fault.Unauthorized,
		`Several credentials were sent. Send one, as "Authorization: Bearer <credential>" or "X-API-Key: <key>".`)
	errScheme = fault.New(fault.Unauthorized,
		`The Authorization header must be "Bearer <credential>". Send the API key or the token in that form.`)
	errQuery = fault.New(fault.Unauthorized,
		"The query of this URL cannot be read, so neither can a token in it. Percent-encode it.")
	errSubprotocol = fault.New(fault.Unauthorized,
		`A token among the WebSocket subprotocols must be "bearer.<token in unpadded base64url>" beside "`+Subprotocol+`". Offer both.`)
	errOnlyOnReads = fault.New(fault.Unauthorized,
		`A token in the URL or among the subprotocols is taken on reads only. Send it as "Authorization: Bearer <token>".`)
)
