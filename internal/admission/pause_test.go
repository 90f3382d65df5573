package admission_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

func TestPause(t *testing.T) {
	t.Parallel()

	t.Run("everybody is refused with the reason, also who would join or hit the cache, until it is over", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, nil)
		require.NoError(t, g.Refusing())
		c := signed(t, 1, 1)
		running, _ := g.Admit(t.Context(), "key:a", c)
		g.Pause("The program is replaced: 100% done soon.")
		require.Equal(t, "The program is replaced: 100% done soon.", g.Paused())

		_, err := g.Admit(t.Context(), "key:b", c)
		for _, err := range []error{err, g.Refusing()} {
			f := fault.Of(err)
			require.Equal(t, fault.Unavailable, f.Code)
			require.Equal(t, "The program is replaced: 100% done soon.", f.Message, "a reason is no format")
			require.Equal(t, time.Minute, f.RetryAfter)
			require.True(t, f.Retryable)
		}
		require.NoError(t, g.Draining(), "the service is not ending")
		require.Equal(t, running.Job.ID, g.finish(t).ID, "jobs go on")

		g.Resume()
		require.Empty(t, g.Paused())
		admitted, err := g.Admit(t.Context(), "key:b", c)
		require.NoError(t, err)
		require.Equal(t, jobs.CachedAnswer, admitted.Disposition)
	})

	t.Run("a service that ends says so, paused or not", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, nil)
		g.Pause("For a moment.")
		g.Close()
		require.True(t, fault.Is(g.Refusing(), fault.ShuttingDown))
		_, err := g.Admit(t.Context(), "key:a", signed(t, 1, 1))
		require.True(t, fault.Is(err, fault.ShuttingDown))
	})
}
