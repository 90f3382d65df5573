package server

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"claimprover/internal/auth"
	"claimprover/internal/fault"
)

// door is what a route with a body asks of a caller before it reads it.
type door struct {
	access auth.Access
	scope  auth.Scope
	open   func() error // refuses everybody while it gives an error; nil: always open
}

// receive takes a body from a caller who may come in. The caller is given as soon as he is known, also with an error.
func (s *Server) receive(c *gin.Context, d door) (auth.Caller, []byte, error) {
	who, err := s.mayEnter(c, d)
	if err != nil {
		return who, nil, err
	}
	body, err := readBody(c.Writer, c.Request, s.opts.MaxBodyBytes)
	return who, body, err
}

// mayEnter is everything that is asked before the body is read: sizes and type, who is calling, whether the service
// takes anything now, and the flood guard.
func (s *Server) mayEnter(c *gin.Context, d door) (auth.Caller, error) {
	if c.Request.ContentLength > s.opts.MaxBodyBytes {
		return auth.Caller{}, tooLarge(s.opts.MaxBodyBytes)
	}
	if err := wantJSON(c.Request); err != nil {
		return auth.Caller{}, err
	}
	who, err := s.authenticate(c, d.access, d.scope)
	if err == nil && d.open != nil {
		err = d.open()
	}
	if err != nil {
		return who, err
	}
	var address netip.Addr
	if who.CountsOnAddress() {
		address = clientIP(c)
	}
	states, err := s.Flood.Enter(c.Request.Context(), who.FloodKey(), address)
	s.tellWindows(c, states)
	return who, err
}

func wantJSON(r *http.Request) error {
	if !isJSON(r) {
		return fault.New(fault.UnsupportedMediaType, "The body must be JSON: send the header Content-Type: application/json.")
	}
	return nil
}

func isJSON(r *http.Request) bool {
	sent := r.Header.Values("Content-Type")
	if len(sent) != 1 {
		return false
	}
	kind, _, err := mime.ParseMediaType(sent[0])
	return err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

// closeUnread bounds what a caller may do with a body. It must arrive in its time, whoever reads it, and the connection
// is closed behind the answer unless [keepOpen] says otherwise: to find the next request net/http would first read what
// is left of this one's body, for as long as the caller takes to send it.
//
// A body in chunks, or one of HTTP/1.0, closes even when it was read. Such a request may have told its length in two
// ways, of which net/http drops one in silence, and whoever stood between may have believed that one (RFC 9112,
// sections 6.1 and 11.2).
func closeUnread(c *gin.Context) {
	if c.Request.ContentLength == 0 && c.Request.ProtoAtLeast(1, 1) {
		c.Next()
		return
	}
	c.Header("Connection", "close")
	arriveWithin(c.Writer, arrivalTime)
	c.Next()
	if c.Writer.Header().Get("Connection") == "close" && !isStream(c) {
		arriveWithin(c.Writer, unwantedTime)
	}
}

// keepOpen is for who has read the whole body.
func keepOpen(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if r.ContentLength > 0 && r.ProtoAtLeast(1, 1) {
		w.Header().Del("Connection")
	}
}

// arriveWithin bounds reading on the connection; whoever takes it over is free of the bound. Only a test's connection
// knows no deadlines.
func arriveWithin(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
}

// takeWithin bounds writing on the connection, from now on: an answer that took long to make may be taken as slowly as
// one that did not, and no answer for as long as one may be held.
func takeWithin(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}

// readBody reads what a caller may send, and gives him a while for it.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	arriveWithin(w, arrivalTime)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err == nil {
		keepOpen(w, r)
		return body, nil
	}
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge(most)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fault.New(fault.InvalidInput, "The body did not arrive whole within %v. Send it again.", arrivalTime).Because(err)
	}
	return nil, fault.New(fault.InvalidInput, "The body is cut short, or its chunks are not well formed. Send it again.").Because(err)
}

func tooLarge(most int64) error {
	return fault.New(fault.PayloadTooLarge, "The body may have %d bytes. A claim needs less than 600.", most)
}

// decode reads a body that is no claim, strictly: one object, each name once and in its one spelling, UTF-8.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if err == nil && jsontext.Value(body).Kind() == '{' {
		return nil
	}
	return fault.New(fault.InvalidInput, "The body is not one well-formed JSON object with each name once. Correct it and send it again.").
		Because(err)
}

// fields are what is wrong with the fields of a body, each text completing a sentence that begins with the name.
type fields map[string]string

// maxForeign are the names that a refusal repeats of those that are no field; a body can hold hundreds.
const maxForeign = 8

// foreign notes names that are no field.
func (f fields) foreign(unknown map[string]jsontext.Value) {
	for i, name := range slices.Sorted(maps.Keys(unknown)) {
		if i == maxForeign {
			return
		}
		f.strange(name)
	}
}

func (f fields) strange(name string) {
	if runes := []rune(name); len(runes) > 40 {
		name = string(runes[:40]) + "…"
	}
	f[name] = "is not a field of this request; remove it"
}

// fault is nil when nothing is wrong.
func (f fields) fault() error {
	if len(f) == 0 {
		return nil
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		list = append(list, fmt.Sprintf("%+q %s", name, f[name]))
	}
	return fault.New(fault.InvalidInput, "Correct the request and send it again: %s.", strings.Join(list, "; ")).WithFields(f)
}
