package jobs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/jobs"
	"claimprover/prover"
)

// TestABudgetTokenIsOwedUntilSomethingMayHaveBeenSpent: what this says of a job decides whether its token is given back.
func TestABudgetTokenIsOwedUntilSomethingMayHaveBeenSpent(t *testing.T) {
	t.Parallel()
	started := time.Unix(1, 0)
	for name, c := range map[string]struct {
		job  jobs.Job
		want bool
	}{
		"bought elsewhere, not begun":                {jobs.Job{Mode: "network"}, false},
		"bought elsewhere, begun, nothing sent":      {jobs.Job{Mode: "network", StartedAt: started}, false},
		"bought elsewhere, written and perhaps sent": {jobs.Job{Mode: "network", StartedAt: started, Journal: []byte("{}")}, true},
		"bought elsewhere, with its name":            {jobs.Job{Mode: "network", StartedAt: started, Request: prover.Request{ID: "0x01"}}, true},
		"made here, not begun":                       {jobs.Job{Mode: "local"}, false},
		"made here, begun":                           {jobs.Job{Mode: "local", StartedAt: started}, true},
	} {
		require.Equal(t, c.want, c.job.Requested(), name)
	}
}
