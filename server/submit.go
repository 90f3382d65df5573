package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"claimprover/internal/admission"
	"claimprover/internal/api"
	"claimprover/internal/auth"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/rate"
)

// submit is POST /v1/jobs.
func (s *Server) submit(c *gin.Context) error {
	admitted, err := s.admit(c, claim.Parse)
	if err != nil {
		return err
	}
	id := admitted.Job.ID
	c.Header("Location", "/v1/jobs/"+id.String())
	view, err := s.Feed.View(c.Request.Context(), admitted.Job)
	if err != nil {
		return err
	}
	if wait := preferredWait(c.Request); wait > 0 && !admitted.Job.Ended() {
		view, err = s.await(c, id, wait, func(j api.Job) bool { return j.FinishedAt != nil })
		if err != nil {
			return err
		}
	}
	status := http.StatusAccepted
	if view.FinishedAt != nil {
		status = http.StatusOK
	}
	answer(c, status, view)
	return nil
}

// submitSeed is POST /: the same pipeline with the seed's answer.
func (s *Server) submitSeed(c *gin.Context) error {
	admitted, err := s.admit(c, claim.ParseLenient)
	if err != nil {
		return err
	}
	answer(c, http.StatusOK, api.Accepted{JobID: admitted.Job.ID.String()})
	return nil
}

// admit takes a submission through the checks of the wire contract, in their order. What is refused before the body was
// read closes the connection: net/http would read the rest of it first.
func (s *Server) admit(c *gin.Context, parse func([]byte) (claim.Claim, error)) (admission.Admission, error) {
	who, err := s.mayEnter(c)
	if err != nil {
		c.Header("Connection", "close")
		return admission.Admission{}, s.counted(err)
	}
	body, err := s.body(c)
	if err != nil {
		return admission.Admission{}, s.counted(err)
	}
	parsed, err := parse(body)
	if err != nil {
		return admission.Admission{}, s.counted(err)
	}
	if err := who.MayClaimFor(parsed.PublicKey); err != nil {
		return admission.Admission{}, s.counted(err)
	}
	admitted, err := s.Gate.Admit(c.Request.Context(), jobs.Owner(who.Owner), parsed)
	tellWindows(c, admitted.Windows)
	if err != nil {
		return admission.Admission{}, s.counted(err)
	}
	s.results.WithLabelValues(string(admitted.Disposition)).Inc()
	s.log.InfoContext(c.Request.Context(), "job accepted", "job", jobs.Label(admitted.Job.ID),
		"disposition", admitted.Disposition, "key", who.Owner, "request_id", requestID(c))
	return admitted, nil
}

func (s *Server) counted(err error) error {
	s.results.WithLabelValues(string(fault.Of(err).Code)).Inc()
	return err
}

// mayEnter is everything that is asked before the body is read: sizes and type, who is calling, whether the service is
// ending, and the flood guard.
func (s *Server) mayEnter(c *gin.Context) (auth.Caller, error) {
	if c.Request.ContentLength > s.opts.MaxBodyBytes {
		return auth.Caller{}, s.tooLarge()
	}
	if err := wantJSON(c.Request); err != nil {
		return auth.Caller{}, err
	}
	who, err := s.authenticate(c, auth.Access{Open: s.opts.AnonymousAllowed}, auth.Submit)
	if err != nil {
		return auth.Caller{}, err
	}
	if err := s.Gate.Draining(); err != nil {
		return auth.Caller{}, err
	}
	var address netip.Addr
	if who.CountsOnAddress() {
		address = clientIP(c)
	}
	states, err := s.Flood.Enter(c.Request.Context(), who.FloodKey(), address)
	tellWindows(c, states)
	return who, err
}

func wantJSON(r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	isJSON := kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
	if err != nil || !isJSON {
		return fault.New(fault.UnsupportedMediaType, "The body must be JSON: send the header Content-Type: application/json.")
	}
	return nil
}

// body reads what a caller may send, and gives him a while for it.
func (s *Server) body(c *gin.Context) ([]byte, error) {
	deadline := http.NewResponseController(c.Writer)
	if err := deadline.SetReadDeadline(time.Now().Add(arrivalTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, s.opts.MaxBodyBytes))
	if err == nil {
		err = deadline.SetReadDeadline(time.Time{})
		if errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
		return body, err
	}
	c.Header("Connection", "close")
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, s.tooLarge()
	}
	return nil, fault.New(fault.InvalidInput, "The body did not arrive whole within %v. Send it again.", arrivalTime).Because(err)
}

func (s *Server) tooLarge() error {
	return fault.New(fault.PayloadTooLarge, "The body may have %d bytes. A claim needs less than 600.", s.opts.MaxBodyBytes)
}

// tellWindows adds to the RateLimit fields what a caller has left (draft-ietf-httpapi-ratelimit-headers-10).
func tellWindows(c *gin.Context, states []rate.State) {
	h := c.Writer.Header()
	for _, state := range states {
		appendItem(h, "RateLimit-Policy", state.PolicyHeader())
		appendItem(h, "RateLimit", state.LimitHeader())
	}
}

func appendItem(h http.Header, name, item string) {
	if before := h.Get(name); before != "" {
		item = before + ", " + item
	}
	h.Set(name, item)
}
