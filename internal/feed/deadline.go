package feed

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"claimprover/internal/chain"
	"claimprover/internal/jobs"
)

// closeBy is how near the contract's deadline is said beside a job: the claim has yet to be sent, by hand perhaps.
const closeBy = 24 * time.Hour

// warning says of a job that has not failed what its reader should know of the contract; else nothing. Like the ETA, on
// which it rests, it is derived and changes without a new version. The service's clock stands for the chain's.
func (f *Feed) warning(j jobs.Job, eta *[2]int) string {
	if j.State == jobs.Failed {
		return ""
	}
	return strings.TrimSpace(f.untried(j) + " " + f.closing(eta))
}

// untried says that a proof could not be tried on the contract as the claim that it is for.
func (f *Feed) untried(j jobs.Job) string {
	if j.State != jobs.Completed || !slices.Contains(f.opts.Verifies, chain.SettlesName) || slices.Contains(j.VerifiedBy, chain.SettlesName) {
		return ""
	}
	return "The contract took no claims when this proof was checked, so the claim itself was not tried on it. " +
		"The proof passed the other checks: keep it, and send it when the contract takes claims again."
}

// closing says that the contract's deadline is close.
func (f *Feed) closing(eta *[2]int) string {
	var deadline time.Time
	if f.opts.Deadline != nil {
		deadline = f.opts.Deadline()
	}
	if deadline.IsZero() {
		return ""
	}
	var late time.Duration
	if eta != nil {
		late = time.Duration(eta[1]) * time.Second
	}
	until, left := deadline.UTC().Format(time.RFC3339), time.Until(deadline)
	switch {
	case left < 0:
		return fmt.Sprintf("The contract took claims until %s: this one can no longer be claimed.", until)
	case left < late:
		return fmt.Sprintf("The contract takes claims until %s, and this proof may be ready only after that.", until)
	case left < closeBy:
		return fmt.Sprintf("The contract takes claims until %s. Send this one before.", until)
	}
	return ""
}
