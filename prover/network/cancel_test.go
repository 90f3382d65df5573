package network_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

func TestACancelThatIsForbiddenIsNotAskedForAgain(t *testing.T) {
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
		o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{NoBids: true} }
	}, func(t *testing.T, w *world) {
		var p told
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errOverrun)
		defer cancel()
		_, err := w.client.Prove(ctx, inputs[1], &provertest.Journal{}, p.report)
		require.ErrorIs(t, err, errOverrun)
		theirs := w.opts
		theirs.Key = testKey(t, 2)
		c, err := network.New(theirs)
		require.NoError(t, err)
		defer c.Close()
		began := time.Now()
		err = c.Cancel(t.Context(), common.HexToHash(p.all[len(p.all)-1].Request.ID))
		require.Equal(t, "permission_denied", network.Trouble(err))
		require.Less(t, time.Since(began), time.Minute)
	})
}

func TestWithoutBids(t *testing.T) {
	noBids := func(first int) adjust {
		return func(o *networktest.Options, _ *network.Options) {
			o.Faults.Request = func(n int, _ []byte) networktest.Fate { return networktest.Fate{NoBids: n < first} }
		}
	}
	t.Run("a request is withdrawn and made anew once", func(t *testing.T) {
		in(t, network.Mainnet, noBids(1), func(t *testing.T, w *world) {
			_, phases, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Contains(t, phases, "no bids yet")
			require.Contains(t, phases, "withdrawing")
			require.Equal(t, 2, w.bought(1))
			require.Empty(t, w.server.Twice())
			require.Equal(t, uint256.NewInt(332_800_000_000_000_000), w.server.Spent(w.client.Address()))
		})
	})
	t.Run("no more are made than one job may make", func(t *testing.T) {
		in(t, network.Mainnet, noBids(100), func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, time.Hour)
			require.True(t, fault.Of(err).Retryable)
			require.Contains(t, fault.Of(err).Message, "No prover offered")
			require.Nil(t, j.Load())
			require.Equal(t, 2, w.bought(1))
			require.Empty(t, w.server.Twice())
			require.True(t, w.server.Spent(w.client.Address()).IsZero())
		})
	})
	t.Run("nothing new is made before the cancel is confirmed", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, c *network.Options) {
			noBids(1)(o, c)
			o.Faults.Call = times("CancelRequest", 5, networktest.Exhausted)
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Empty(t, w.server.Twice())
		})
	})
	t.Run("nothing new is made where the cancel is never confirmed", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, c *network.Options) {
			noBids(1)(o, c)
			c.Timeout = 10 * time.Minute
			o.Faults.Call = times("CancelRequest", 1000, networktest.Exhausted)
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.True(t, fault.Of(err).Retryable, "%v", err)
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("one that its prover gave up waits for the next from then on", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
			o.Executed, o.Assigned, o.Fulfilled = time.Second, time.Minute, 10*time.Minute
			o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{Back: 2 * time.Minute} }
		}, func(t *testing.T, w *world) {
			_, phases, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.NotContains(t, phases, "withdrawing")
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("a cluster may take its time", func(t *testing.T) {
		in(t, network.Cluster, func(o *networktest.Options, _ *network.Options) { o.Fulfilled, o.Assigned = 3*time.Hour, 3*time.Hour }, func(t *testing.T, w *world) {
			_, phases, err := w.prove(inputs[1], &provertest.Journal{}, 4*time.Hour)
			require.NoError(t, err)
			require.NotContains(t, phases, "no bids yet")
			require.Equal(t, 1, w.bought(1))
		})
	})
}

func TestCancel(t *testing.T) {
	var cancels atomic.Int32
	slow := func(o *networktest.Options, _ *network.Options) {
		o.Assigned, o.Fulfilled = 2*time.Minute, 4*time.Minute
		o.Faults.Call = counting("CancelRequest", &cancels)
	}
	t.Run("the end of Prove's context cancels nothing", func(t *testing.T) {
		eachMode(t, slow, func(t *testing.T, w *world) {
			cancels.Store(0)
			var j provertest.Journal
			ctx, stop := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Minute, func() { stop(errors.New("the service is shutting down")) })
			_, err := w.client.Prove(ctx, inputs[1], &j, func(prover.Progress) {})
			require.ErrorContains(t, err, "shutting down")
			require.Zero(t, cancels.Load())
			_, _, err = w.prove(inputs[1], &j, time.Hour)
			require.NoError(t, err)
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("a request that nobody took is withdrawn, and the next submission buys anew", func(t *testing.T) {
		in(t, network.Mainnet, slow, func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, time.Minute)
			require.ErrorIs(t, err, errOverrun)
			require.NoError(t, w.client.Withdraw(t.Context(), j.Load()))
			require.NoError(t, w.client.Withdraw(t.Context(), j.Load()), "twice is as once")
			require.True(t, w.server.Spent(w.client.Address()).IsZero())

			began := time.Now()
			_, _, err = w.prove(inputs[1], &j, time.Hour)
			require.NoError(t, err)
			require.Less(t, time.Since(began), 6*time.Minute)
			require.Equal(t, 2, w.bought(1))
			require.Empty(t, w.server.Twice())
		})
	})
	t.Run("a request that a prover took is kept", func(t *testing.T) {
		in(t, network.Mainnet, slow, func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, 3*time.Minute)
			require.ErrorIs(t, err, errOverrun)
			require.ErrorIs(t, w.client.Withdraw(t.Context(), j.Load()), network.ErrNotWithdrawn)
			_, _, err = w.prove(inputs[1], &j, time.Hour)
			require.NoError(t, err)
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("there is none without an auction, and nothing to withdraw of nothing", func(t *testing.T) {
		in(t, network.Cluster, slow, func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, time.Minute)
			require.ErrorIs(t, err, errOverrun)
			require.ErrorIs(t, w.client.Withdraw(t.Context(), j.Load()), network.ErrNotWithdrawn)
			require.NoError(t, w.client.Withdraw(t.Context(), nil))
			require.ErrorIs(t, w.client.Withdraw(t.Context(), []byte("{}")), network.ErrJournal)
		})
	})
}

func TestRequestsAreListedAndCancelledByHand(t *testing.T) {
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) { o.Assigned, o.Fulfilled = 2*time.Hour, 3*time.Hour }, func(t *testing.T, w *world) {
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		all, err := w.client.List(t.Context(), time.Now().Add(-time.Hour))
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, "REQUESTED", all[0].Status)
		require.NoError(t, w.client.Cancel(t.Context(), all[0].ID))
		k, found, err := w.client.Request(t.Context(), all[0].ID)
		require.NoError(t, err)
		require.True(t, found)
		require.True(t, k.Cancelled)
		_, found, err = w.client.Request(t.Context(), [32]byte{1})
		require.NoError(t, err)
		require.False(t, found)
	})
}
