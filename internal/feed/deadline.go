package feed

import (
	"fmt"
	"time"

	"claimprover/internal/jobs"
)

// closeBy is how near the contract's deadline is said beside a job: the claim has yet to be sent, by hand perhaps.
const closeBy = 24 * time.Hour

// warning says that the contract's deadline is close, of a job that has not failed; else nothing. Like the ETA, on which
// it rests, it is derived and changes without a new version. The service's clock stands for the chain's.
func (f *Feed) warning(j jobs.Job, eta *[2]int) string {
	var deadline time.Time
	if f.opts.Deadline != nil {
		deadline = f.opts.Deadline()
	}
	if deadline.IsZero() || j.State == jobs.Failed {
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
