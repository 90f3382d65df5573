package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"claimprover/internal/api"
	"claimprover/internal/auth"
	"claimprover/internal/verify"
)

// verifyTime bounds how long a chain that is away is asked: a check itself would ask on for minutes.
const verifyTime = 15 * time.Second

// verifyProof is POST /v1/verify: whether bytes are a proof. It counts on the caller's flood window like a submission.
func (s *Server) verifyProof(c *gin.Context) error {
	_, body, err := s.receive(c, door{scope: auth.Verify})
	if err != nil {
		return err
	}
	subject, err := readSubject(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), verifyTime)
	defer cancel()
	findings, err := verify.Examine(ctx, subject, s.Checks...)
	if err != nil {
		return fmt.Errorf("examining a proof: %w", err)
	}
	answer(c, http.StatusOK, verify.Verdict(findings))
	return nil
}

// verifyRequest is the body as it comes: each field is judged by itself, so that a refusal names all that are wrong.
type verifyRequest struct {
	Proof        jsontext.Value            `json:"proof"`
	PublicValues jsontext.Value            `json:"publicValues"`
	VKey         jsontext.Value            `json:"vkey"`
	Unknown      map[string]jsontext.Value `json:",unknown"`
}

func readSubject(body []byte) (s verify.Subject, err error) {
	var r verifyRequest
	if err := decode(body, &r); err != nil {
		return s, err
	}
	bad := fields{}
	bad.foreign(r.Unknown)
	s.Proof = bad.hex("proof", r.Proof)
	s.PublicValues = bad.hex("publicValues", r.PublicValues)
	var key string
	if r.VKey.Kind() != '"' || json.Unmarshal(r.VKey, &key) != nil {
		bad["vkey"] = "must be a JSON string in quotes"
	} else if s.Program, err = verify.ParseKey(key); err != nil {
		bad["vkey"] = "cannot be used: " + err.Error()
	}
	return s, bad.fault()
}

// hex reads a field of bytes of any length.
func (f fields) hex(name string, value jsontext.Value) []byte {
	var h api.Hex
	if value.Kind() != '"' || json.Unmarshal(value, &h) != nil {
		f[name] = "must be a JSON string of hex digits, an even number of them"
	}
	return h
}
