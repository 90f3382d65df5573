package feed_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/internal/feed"
	"claimprover/internal/jobs"
)

func TestADeadlineThatIsCloseIsSaidBesideTheJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var deadline time.Time
		w := newWire(t, feed.Options{Deadline: func() time.Time { return deadline }})
		says := func(id jobs.ID, want string) {
			t.Helper()
			j, err := w.feed.Job(t.Context(), id)
			require.NoError(t, err)
			if want == "" {
				require.Empty(t, j.Warning)
			} else {
				require.Contains(t, j.Warning, want)
				require.Contains(t, j.Warning, deadline.UTC().Format(time.RFC3339))
			}
		}
		first := w.submit()
		l := w.lease()
		time.Sleep(10 * time.Minute) // what a proof takes here
		w.complete(l)
		says(first, "") // no deadline

		waits := w.submit()
		deadline = time.Now().Add(24 * time.Hour)
		says(waits, "")
		time.Sleep(time.Second)
		says(waits, "Send this one before.")
		says(first, "Send this one before.") // its claim has yet to be sent
		deadline = time.Now().Add(10 * time.Minute)
		says(waits, "may be ready only after that")
		says(first, "Send this one before.")
		time.Sleep(10 * time.Minute)
		says(first, "Send this one before.") // its last second
		time.Sleep(time.Nanosecond)
		says(first, "can no longer be claimed")

		w.swap(w.lease(), func(j jobs.Job) (jobs.Job, error) {
			return j.Failed(fault.New(fault.ClaimsClosed, "Too late."), time.Now())
		})
		says(waits, "")
	})
}

func TestWithoutAChainNobodyIsWarned(t *testing.T) {
	t.Parallel()
	w := newWire(t, feed.Options{})
	j, err := w.feed.Job(t.Context(), w.submit())
	require.NoError(t, err)
	require.Empty(t, j.Warning)
}

func TestAProofWhoseClaimCouldNotBeTriedSaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verifies, passed []string
		warned           bool
	}{
		"the contract was paused":       {[]string{"groth16", "claim"}, []string{"groth16"}, true},
		"the claim was tried":           {[]string{"groth16", "claim"}, []string{"groth16", "claim"}, false},
		"no service here tries a claim": {[]string{"groth16"}, []string{"groth16"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, feed.Options{Verifies: c.verifies})
			id := w.submit()
			l := w.lease()
			w.swap(l, func(j jobs.Job) (jobs.Job, error) { return j.Checked(c.passed, time.Now()) })
			j, err := w.feed.Job(t.Context(), id)
			require.NoError(t, err)
			require.Empty(t, j.Warning, "before it is ready there is nothing to keep")
			w.complete(l)
			j, err = w.feed.Job(t.Context(), id)
			require.NoError(t, err)
			if c.warned {
				require.Contains(t, j.Warning, "the claim itself was not tried")
			} else {
				require.Empty(t, j.Warning)
			}
		})
	}
}
