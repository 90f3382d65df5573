package admission_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/admission"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/jobs/jobstest"
)

func TestTry(t *testing.T) {
	t.Parallel()

	t.Run("says what Admit does, and leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, nil)
		c := signed(t, 1, 7)
		try := func(want jobs.Disposition, left int64) {
			t.Helper()
			a, err := g.Try(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, want, a.Disposition)
			require.Equal(t, left, a.Windows[0].Remaining)
			require.Zero(t, a.Job.ID)
		}
		for range 10 {
			try(jobs.Queued, 3)
		}
		f, err := g.store.Figures(t.Context())
		require.NoError(t, err)
		require.Zero(t, f.Kept)

		a, err := g.Admit(t.Context(), "key:a", c)
		require.NoError(t, err)
		try(jobs.Joined, 2)
		j, err := g.store.Get(t.Context(), a.Job.ID)
		require.NoError(t, err)
		require.Equal(t, []jobs.Owner{"key:a"}, j.Owners)
		g.finish(t)
		try(jobs.CachedAnswer, 2)
	})

	t.Run("refuses what Admit refuses", func(t *testing.T) {
		t.Parallel()
		forged := signed(t, 1, 7)
		forged.Signature[5] ^= 1
		c := signed(t, 1, 7)
		once := func(o *admission.Options) { o.PerPublicKey.Limit = 1 }
		for name, refused := range map[string]struct {
			change  func(*admission.Options)
			prepare func(gateAt)
			forged  bool
			want    fault.Code
		}{
			"a signature that is not the account's": {nil, func(gateAt) {}, true, fault.InvalidSignature},
			"what the chain says is claimed":        {func(o *admission.Options) { o.Chain = &chain{answer: fault.New(fault.AlreadyClaimed, "Claimed.")} }, func(gateAt) {}, false, fault.AlreadyClaimed},
			"a window that is used up": {once, func(g gateAt) {
				_, err := g.Admit(t.Context(), "key:a", signed(t, 1, 8))
				require.NoError(t, err)
			}, false, fault.RateLimited},
			"a budget that is used up": {func(o *admission.Options) { o.ProofsPerDay = 1 }, func(g gateAt) {
				_, err := g.Admit(t.Context(), "key:a", signed(t, 2, 8))
				require.NoError(t, err)
			}, false, fault.BudgetExhausted},
			"a full queue": {nil, func(g gateAt) {
				for seed := range byte(10) {
					_, err := g.Admit(t.Context(), "key:a", signed(t, seed+2, 8))
					require.NoError(t, err)
				}
			}, false, fault.QueueFull},
			"a window comes before the queue": {once, func(g gateAt) {
				for seed := range byte(10) {
					_, err := g.Admit(t.Context(), "key:a", signed(t, seed+1, 8))
					require.NoError(t, err)
				}
			}, false, fault.RateLimited},
			"everybody, while paused": {nil, func(g gateAt) { g.Pause("Later.") }, false, fault.Unavailable},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g, tried := gate(t, 10, refused.change), c
				if refused.forged {
					tried = forged
				}
				refused.prepare(g)
				_, err := g.Try(t.Context(), tried)
				require.Equal(t, refused.want, codeOf(err))
				_, err = g.Admit(t.Context(), "key:a", tried)
				require.Equal(t, refused.want, codeOf(err))
			})
		}
	})

	t.Run("a store that is away is no answer", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, nil)
		store := jobstest.Faulty(g.store)
		store.Break()
		_, err := admission.New(store, admission.Options{Domain: known(domain)}).Try(t.Context(), signed(t, 1, 7))
		require.ErrorIs(t, err, jobstest.ErrFault)
	})

	t.Run("a window is free again when it is over", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, func(o *admission.Options) { o.PerPublicKey.Limit, o.PerPublicKey.Window = 1, time.Second })
		_, err := g.Admit(t.Context(), "key:a", signed(t, 1, 8))
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			a, err := g.Try(t.Context(), signed(t, 1, 7))
			return err == nil && a.Disposition == jobs.Queued
		}, 10*time.Second, 100*time.Millisecond)
	})
}
