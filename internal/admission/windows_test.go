package admission_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/admission"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

func TestWindows(t *testing.T) {
	t.Parallel()

	t.Run("200 at once for one key with a limit of 3 give exactly 3 jobs", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 500, func(o *admission.Options) { o.PerEVMAddress.Limit = 1000 })
		claims := make([]claim.Claim, 200)
		for i := range claims {
			claims[i] = signed(t, 1, uint64(i)+1) // one key, 200 recipients: distinct claims on one bucket
		}
		var queued, limited atomic.Int32
		atOnce(len(claims), func(i int) {
			switch a, err := g.Admit(t.Context(), "key:a", claims[i]); {
			case err == nil && a.Disposition == jobs.Queued:
				queued.Add(1)
			case codeOf(err) == fault.RateLimited:
				limited.Add(1)
			}
		})
		require.EqualValues(t, 3, queued.Load())
		require.EqualValues(t, 197, limited.Load())
	})

	t.Run("60 keys for one recipient at one instant, limit 3: exactly 3 jobs", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 500, func(o *admission.Options) { o.PerEVMAddress.Limit = 3 })
		claims := make([]claim.Claim, 60)
		for i := range claims {
			claims[i] = signed(t, byte(i)+1, 7)
		}
		var queued atomic.Int32
		atOnce(len(claims), func(i int) {
			if _, err := g.Admit(t.Context(), "key:a", claims[i]); err == nil {
				queued.Add(1)
			}
		})
		require.EqualValues(t, 3, queued.Load())
	})

	t.Run("one claim under 20 signatures at one instant is one job", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 500, nil)
		atOnce(20, func(int) { _, _ = g.Admit(t.Context(), "key:a", signed(t, 1, 7)) })
		f, err := g.store.Figures(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, f.Pending)
	})

	t.Run("a full queue spends nothing", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 1, nil)
		_, err := g.Admit(t.Context(), "key:a", signed(t, 1, 1))
		require.NoError(t, err)
		for range 10 {
			a, err := g.Admit(t.Context(), "key:a", signed(t, 2, 2))
			require.Equal(t, fault.QueueFull, codeOf(err))
			require.EqualValues(t, 3, a.Windows[0].Remaining)
		}
		g.finish(t)
		a, err := g.Admit(t.Context(), "key:a", signed(t, 2, 2))
		require.NoError(t, err)
		require.EqualValues(t, 2, a.Windows[0].Remaining)
	})

	t.Run("a full queue says when a place will be free, if that is known", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 1, func(o *admission.Options) { o.Freed = func() time.Duration { return 70 * time.Second } })
		_, err := g.Admit(t.Context(), "key:a", signed(t, 1, 1))
		require.NoError(t, err)
		_, err = g.Admit(t.Context(), "key:a", signed(t, 2, 2))
		require.Equal(t, fault.QueueFull, codeOf(err))
		require.Equal(t, 70*time.Second, fault.Of(err).RetryAfter)
	})

	t.Run("a refusal says when to come back, and the window then is new", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := gate(t, 10, nil)
			for i := range uint64(3) {
				_, err := g.Admit(t.Context(), "key:a", signed(t, 1, i+1))
				require.NoError(t, err)
			}
			_, err := g.Admit(t.Context(), "key:a", signed(t, 1, 9))
			require.Equal(t, fault.RateLimited, codeOf(err))
			time.Sleep(fault.Of(err).RetryAfter)
			_, err = g.Admit(t.Context(), "key:a", signed(t, 1, 9))
			require.NoError(t, err)
		})
	})

	t.Run("a job that never ran gives its tokens back when it ends, one that ran keeps them", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, func(o *admission.Options) { o.ProofsPerHour = 2 })
		store := jobs.Ending(g.store, func(j jobs.Job) { g.Ended(context.Background(), j) })
		admit := func(recipient uint64) jobs.ID {
			a, err := g.Admit(t.Context(), "key:a", signed(t, 1, recipient))
			require.NoError(t, err)
			return a.Job.ID
		}
		for i := range uint64(10) { // cancelled while pending: costs nothing, again and again
			_, err := store.Leave(t.Context(), admit(i+1), "key:a")
			require.NoError(t, err)
		}
		admit(1)
		g.finish(t)
		second := admit(2)
		lease, err := store.Lease(t.Context(), "w")
		require.NoError(t, err)
		_, err = store.Swap(t.Context(), lease.ID, &lease, func(j jobs.Job) (jobs.Job, error) {
			return j.Failed(fault.New(fault.ProofFailed, "No."), time.Now())
		})
		require.NoError(t, err)
		require.Equal(t, second, lease.ID)
		_, err = g.Admit(t.Context(), "key:a", signed(t, 1, 3))
		require.Equal(t, fault.BudgetExhausted, codeOf(err), "both proofs were made or tried here, and cost what they cost")
	})

	t.Run("a network job that never sent a request gives its budget back", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, func(o *admission.Options) {
			o.ProofsPerDay = 1
			network := domain
			network.ProverMode = "network"
			o.Domain = known(network)
		})
		store := jobs.Ending(g.store, func(j jobs.Job) { g.Ended(context.Background(), j) })
		_, err := g.Admit(t.Context(), "key:a", signed(t, 1, 1))
		require.NoError(t, err)
		lease, err := store.Lease(t.Context(), "w")
		require.NoError(t, err)
		_, err = store.Swap(t.Context(), lease.ID, &lease, func(j jobs.Job) (jobs.Job, error) {
			return j.Failed(fault.New(fault.ProofFailed, "The network is away."), time.Now())
		})
		require.NoError(t, err)
		_, err = g.Admit(t.Context(), "key:a", signed(t, 1, 1))
		require.NoError(t, err)
	})

	t.Run("1,000 fresh keys get no more than the budget", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 2000, func(o *admission.Options) { o.ProofsPerDay, o.UnsignedAdmitted = 50, true })
		var queued atomic.Int32
		atOnce(1000, func(i int) {
			c := claim.Claim{PublicKey: [32]byte{byte(i), byte(i >> 8), 1}, EVMAddress: common.Address{byte(i), byte(i >> 8), 1}, Amount: *uint256.NewInt(1)}
			c.Challenge = domain.Challenge(c.EVMAddress, c.Amount)
			if _, err := g.Admit(t.Context(), "key:a", c); err == nil {
				queued.Add(1)
			}
		})
		require.EqualValues(t, 50, queued.Load())
	})
}
