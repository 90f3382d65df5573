package verify

import (
	"context"
	"fmt"

	"claimprover/internal/api"
)

// Finding is what one check says of a proof.
type Finding struct {
	Name   string
	Reason Reason // "" when the proof passed
	Detail string // the reason in a sentence's words
}

// Examine has every check look at s, whatever the others say, for whoever asks about a proof. An error means that a check
// could not be made, and so that nothing can be said.
func Examine(ctx context.Context, s Subject, list ...Check) ([]Finding, error) {
	findings := make([]Finding, 0, len(list))
	for _, check := range list {
		name, err := check(ctx, s)
		reason := ReasonOf(err)
		if err != nil && reason == "" {
			return nil, fmt.Errorf("checking %s: %w", name, err)
		}
		f := Finding{Name: name, Reason: reason}
		if err != nil {
			f.Detail = err.Error()
		}
		findings = append(findings, f)
	}
	return findings, nil
}

// Verdict is what findings say together: a proof is valid when there was something to pass and all of it was passed.
func Verdict(findings []Finding) api.Verdict {
	v := api.Verdict{Valid: len(findings) > 0, Checks: make([]api.Check, len(findings))}
	for i, f := range findings {
		v.Valid = v.Valid && f.Reason == ""
		v.Checks[i] = api.Check{Name: f.Name, OK: f.Reason == "", Reason: string(f.Reason), Detail: f.Detail}
	}
	return v
}
