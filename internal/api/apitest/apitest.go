// Package apitest holds answers and events against the documents of the wire contract, more tightly than a client may:
// a field that the documents do not know is a violation here.
//
// A [Checker] may be used from many goroutines. It knows the documents and nothing of the server.
package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
)

// Checker checks against openapi.json.
type Checker struct {
	doc *openapi3.T
}

// New gives a checker; the test fails when the document is not valid OpenAPI.
func New(t testing.TB) *Checker {
	t.Helper()
	doc, err := published()
	require.NoError(t, err)
	return &Checker{doc}
}

// published is loaded once: with its examples that takes a second.
var published = sync.OnceValues(func() (*openapi3.T, error) { return load(api.OpenAPI) })

func load(source []byte) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	open, err := loader.LoadFromData(source)
	if err != nil {
		return nil, fmt.Errorf("loading the document: %w", err)
	}
	if err := open.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("validating the document: %w", err)
	}
	tight, err := closed(source)
	if err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(tight)
}

// openToClients are the schemas of what a client may extend.
var openToClients = map[string]bool{"SeedSubmission": true, "Operation": true}

// closed is the document with every object closed that leaves room for additions.
func closed(source []byte) ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal(source, &doc); err != nil {
		return nil, err
	}
	components, _ := doc["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	for name, schema := range schemas {
		if !openToClients[name] {
			closeObjects(schema)
		}
	}
	return json.Marshal(doc)
}

func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		_, hasProperties := node["properties"].(map[string]any)
		if _, said := node["additionalProperties"]; hasProperties && node["type"] == "object" && !said {
			node["additionalProperties"] = false
		}
		for _, child := range node {
			closeObjects(child)
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}

// Message checks one message against the schema of that name, "Job" or "JobEvent" for example.
func (c *Checker) Message(schema string, data []byte) error {
	ref := c.doc.Components.Schemas[schema]
	if ref == nil {
		return fmt.Errorf("openapi.json has no schema %s", schema)
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return fmt.Errorf("%s is no JSON: %w", schema, err)
	}
	if err := ref.Value.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.VisitAsResponse()); err != nil {
		return fmt.Errorf("%s: %w", schema, err)
	}
	return isCompact(data)
}

// schemaOf says which schema a message of a stream or socket has, by its type.
var schemaOf = map[string]string{
	"position": "JobEvent", "running": "JobEvent", "verified": "JobEvent", "completed": "JobEvent", "failed": "JobEvent",
	"service": "ServiceEvent", "pong": "Pong", "error": "OperationError",
}

// Event checks one message of a stream or socket.
func (c *Checker) Event(data []byte) error {
	var e struct {
		Type string
		ID   uint64
		Job  *struct{ Version uint64 }
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("an event is no JSON: %w", err)
	}
	schema, known := schemaOf[e.Type]
	if !known {
		return fmt.Errorf("there is no event %q", e.Type)
	}
	err := c.Message(schema, data)
	if e.Job != nil && e.Job.Version != e.ID {
		err = errors.Join(err, fmt.Errorf("event %d carries version %d of its job", e.ID, e.Job.Version))
	}
	return err
}

func isCompact(data []byte) error {
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		return err
	}
	if !bytes.Equal(b.Bytes(), data) {
		return errors.New("the JSON is not compact")
	}
	return nil
}

// Client is an HTTP client whose every answer is checked: a violation fails t, and the caller gets the answer all the
// same. Answers are read whole before they are handed on, all but streams, whose events are checked as they are read,
// and sockets. A nil next means http.DefaultTransport.
func (c *Checker) Client(t testing.TB, next http.RoundTripper) *http.Client {
	if next == nil {
		next = http.DefaultTransport
	}
	return &http.Client{
		Transport:     &transport{t, c, next},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type transport struct {
	t       testing.TB
	checker *Checker
	next    http.RoundTripper
}

func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := tr.next.RoundTrip(req)
	if err != nil {
		return res, err
	}
	what := req.Method + " " + req.URL.Path + " " + res.Status
	if isStream(res) {
		tr.fail(what, tr.checker.Answer(req, res, nil))
		res.Body = &events{ReadCloser: res.Body, found: func(data []byte) { tr.fail(what, tr.checker.Event(data)) }}
		return res, nil
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		tr.fail(what, tr.checker.Answer(req, res, nil))
		return res, nil
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	tr.fail(what, tr.checker.Answer(req, res, body))
	return res, nil
}

func (tr *transport) fail(what string, err error) {
	if err != nil && tr.t.Context().Err() == nil { // a stream may be read on after its test
		tr.t.Errorf("%s: not as openapi.json says: %v", what, err)
	}
}
