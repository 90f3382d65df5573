package server

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"claimprover/internal/admission"
	"claimprover/internal/api"
	"claimprover/internal/audit"
	"claimprover/internal/auth"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/rate"
)

// submit is POST /v1/jobs.
func (s *Server) submit(c *gin.Context) error {
	parse := claim.Parse
	dry, err := isDryRun(c.Request.URL.RawQuery)
	if err != nil { // said where the faults of a body are said, to who may know
		parse = func([]byte) (claim.Claim, error) { return claim.Claim{}, err }
	}
	if dry {
		return s.dryRun(c)
	}
	admitted, err := s.admit(c, parse)
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

// admit takes a submission through the checks of the wire contract, and writes down what came of it.
func (s *Server) admit(c *gin.Context, parse func([]byte) (claim.Claim, error)) (admission.Admission, error) {
	asked := audit.Submission{RequestID: requestID(c), Began: time.Now()}
	admitted, err := s.pass(c, parse, &asked, s.Gate.Admit)
	if err != nil {
		code := fault.Of(err).Code
		s.results.WithLabelValues(string(code)).Inc()
		if !hasGone(c.Request, err) {
			s.Audit.Refused(asked, code)
		}
		return admission.Admission{}, err
	}
	s.results.WithLabelValues(string(admitted.Disposition)).Inc()
	s.Audit.Admitted(asked, admitted.Job, admitted.Disposition)
	s.Logger.InfoContext(c.Request.Context(), "job accepted", "job", jobs.Label(admitted.Job.ID),
		"disposition", admitted.Disposition, "key", asked.Owner, "request_id", requestID(c))
	return admitted, nil
}

// gate is the end of the checks.
type gate func(context.Context, jobs.Owner, claim.Claim) (admission.Admission, error)

// pass is the checks in their order. What becomes known of a submission on the way is noted in asked.
func (s *Server) pass(c *gin.Context, parse func([]byte) (claim.Claim, error), asked *audit.Submission, enter gate) (admission.Admission, error) {
	who, body, err := s.receive(c, door{access: auth.Access{Open: s.opts.AnonymousAllowed}, scope: auth.Submit, open: s.Gate.Refusing})
	asked.Owner = who.Owner
	if err != nil {
		return admission.Admission{}, err
	}
	parsed, err := parse(body)
	if err != nil {
		return admission.Admission{}, err
	}
	asked.Claim = &parsed
	if err := who.MayClaimFor(parsed.PublicKey); err != nil {
		return admission.Admission{}, err
	}
	admitted, err := enter(c.Request.Context(), jobs.Owner(who.Owner), parsed)
	s.tellWindows(c, admitted.Windows)
	return admitted, err
}

// tellWindows adds to the RateLimit fields what a caller has left (draft-ietf-httpapi-ratelimit-headers-10).
func (s *Server) tellWindows(c *gin.Context, states []rate.State) {
	h := c.Writer.Header()
	for _, state := range states {
		if state.Refused {
			s.limited.WithLabelValues(state.Policy.Name).Inc()
		}
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
