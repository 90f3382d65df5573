package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Answer checks an answer and, when it accepts the request, the request: what the service takes, the document describes.
// The body is apart, whole; of streams and sockets it is not looked at.
func (c *Checker) Answer(req *http.Request, res *http.Response, body []byte) error {
	if req.Method == http.MethodOptions {
		return nil // the preflight is CORS's, not ours
	}
	route := c.route(req)
	var wrong error
	if res.StatusCode < 300 {
		wrong = checkRequest(req, route)
	}
	get := req
	if req.Method == http.MethodHead { // kin looks at nothing of a HEAD; the headers are those of GET
		get = req.Clone(req.Context())
		get.Method = http.MethodGet
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: get, Route: route},
		Status:                 res.StatusCode, Header: res.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true,
			ExcludeResponseBody: !isJSON(res) || req.Method == http.MethodHead,
		},
	}
	wrong = errors.Join(wrong, openapi3filter.ValidateResponse(req.Context(), input))
	return errors.Join(wrong, checkContentType(route, res), beyondSchemas(req, res, body))
}

func isJSON(res *http.Response) bool {
	return strings.HasPrefix(res.Header.Get("Content-Type"), "application/json")
}

// route is the operation of a request. What the document has none for gets one that answers as the document says of
// unknown paths and other methods.
func (c *Checker) route(req *http.Request) *routers.Route {
	method := req.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path, item := c.find(req.URL.EscapedPath())
	route := &routers.Route{Spec: c.doc, Path: path, PathItem: item, Method: method}
	switch {
	case item == nil:
		name := "WriteNotFound"
		if method == http.MethodGet {
			name = "NotFound"
		}
		route.PathItem = &openapi3.PathItem{}
		route.Operation = c.only(http.StatusNotFound, name)
	case item.GetOperation(method) == nil:
		route.Operation = c.only(http.StatusMethodNotAllowed, "MethodNotAllowed")
	default:
		route.Operation = item.GetOperation(method)
	}
	return route
}

func (c *Checker) only(status int, response string) *openapi3.Operation {
	return &openapi3.Operation{Responses: openapi3.NewResponses(
		openapi3.WithStatus(status, &openapi3.ResponseRef{Value: c.doc.Components.Responses[response].Value}))}
}

func (c *Checker) find(path string) (template string, item *openapi3.PathItem) {
	for template, item := range c.doc.Paths.Map() {
		if _, fits := match(segments(template), segments(path)); fits {
			return template, item
		}
	}
	return path, nil
}

// segments folds doubled slashes, as the service does.
func segments(path string) []string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return strings.Split(path, "/")
}

func match(template, asked []string) (map[string]string, bool) {
	if len(template) != len(asked) {
		return nil, false
	}
	values := map[string]string{}
	for i, part := range template {
		name, isParameter := strings.CutPrefix(part, "{")
		switch {
		case isParameter && asked[i] != "":
			values[strings.TrimSuffix(name, "}")] = asked[i]
		case part != asked[i]:
			return nil, false
		}
	}
	return values, true
}

func checkRequest(req *http.Request, route *routers.Route) error {
	values, _ := match(segments(route.Path), segments(req.URL.EscapedPath()))
	sent := req.Clone(req.Context())
	sent.Body = http.NoBody
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return err
		}
		sent.Body = body
	}
	return openapi3filter.ValidateRequest(req.Context(), &openapi3filter.RequestValidationInput{
		Request: sent, PathParams: values, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true, SkipSettingDefaults: true,
			ExcludeRequestBody: req.Body != nil && req.Body != http.NoBody && req.GetBody == nil, // sent as a stream: gone
		},
	})
}

// checkContentType: kin does not look at it where the body is left out.
func checkContentType(route *routers.Route, res *http.Response) error {
	ref := route.Operation.Responses.Status(res.StatusCode)
	if ref == nil || len(ref.Value.Content) == 0 {
		return nil
	}
	if kind := res.Header.Get("Content-Type"); ref.Value.Content.Get(kind) == nil {
		return fmt.Errorf("the content type is %q", kind)
	}
	return nil
}

// beyondSchemas checks what the contract says of an answer and no schema can.
func beyondSchemas(req *http.Request, res *http.Response, body []byte) error {
	switch {
	case res.Header.Get("X-Request-Id") == "" && res.StatusCode != http.StatusSwitchingProtocols:
		return errors.New("there is no X-Request-Id")
	case res.StatusCode == http.StatusNotModified && len(body) > 0:
		return errors.New("a 304 has a body")
	case !isJSON(res), req.Method == http.MethodHead, res.StatusCode == http.StatusNotModified:
		return nil
	}
	wrong := isCompact(body)
	var said struct {
		Message, Error, RequestID string
		RetryAfter                int
		URLs                      *struct{ Self string }
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return errors.Join(wrong, err)
	}
	if said.Message != said.Error {
		wrong = errors.Join(wrong, fmt.Errorf("error %q does not repeat message %q", said.Error, said.Message))
	}
	if id := res.Header.Get("X-Request-Id"); said.RequestID != "" && said.RequestID != id {
		wrong = errors.Join(wrong, fmt.Errorf("the body says request %s, the header %s", said.RequestID, id))
	}
	if header := res.Header.Get("Retry-After"); header != "" && said.Message != "" && header != strconv.Itoa(said.RetryAfter) {
		wrong = errors.Join(wrong, fmt.Errorf("the body says to retry after %d, the header after %s", said.RetryAfter, header))
	}
	switch at := res.Header.Get("Location"); {
	case at != "" && (said.URLs == nil || said.URLs.Self != at):
		wrong = errors.Join(wrong, fmt.Errorf("the job is said to be at %s, which is not its self", at))
	case at == "" && said.URLs != nil && req.Method == http.MethodPost:
		wrong = errors.Join(wrong, errors.New("a submission's job has no Location"))
	}
	return wrong
}
