package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"claimprover/internal/admission"
	"claimprover/internal/api"
	"claimprover/internal/audit"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// dryRun is POST /v1/jobs?dryRun=1: what would become of a submission, by every check that one goes through. Like one it
// counts on the flood guard; it takes no place, spends nothing, and is no submission to the audit log and the figures.
func (s *Server) dryRun(c *gin.Context) error {
	try := func(ctx context.Context, _ jobs.Owner, cl claim.Claim) (admission.Admission, error) {
		return s.Gate.Try(ctx, cl)
	}
	tried, err := s.pass(c, claim.Parse, new(audit.Submission), try)
	if err != nil {
		return err
	}
	answer(c, http.StatusOK, api.DryRun{Disposition: string(tried.Disposition)})
	return nil
}

// isDryRun reads dryRun=1. What is nearly that is an error: it was not meant to be a submission.
func isDryRun(query string) (bool, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return false, badQuery("query", "is not well formed; encode its values as a form's").Because(err)
	}
	for name, all := range values {
		if strings.EqualFold(name, "dryRun") && (name != "dryRun" || len(all) != 1 || all[0] != "1") {
			return false, badQuery("dryRun", "must be written dryRun=1, once; without it the claim is submitted")
		}
	}
	return values.Has("dryRun"), nil
}

func badQuery(name, problem string) *fault.Error {
	return fault.New(fault.InvalidInput, "Correct the request and send it again: %s %s.", name, problem).
		WithFields(map[string]string{name: problem})
}
