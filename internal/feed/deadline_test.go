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
