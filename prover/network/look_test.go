package network_test

import (
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/prover/network"
	wire "claimprover/prover/network/internal/spn/common"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

func TestRecentRequestsAreTheAccountsOwnAndTheNewestFirst(t *testing.T) {
	stuck := func(n int, _ []byte) networktest.Fate { return networktest.Fate{Stuck: n == 4} }
	eachMode(t, func(o *networktest.Options, _ *network.Options) {
		o.Faults.Request = stuck
		o.Allowlist = []common.Address{addressOf(testKey(t, 1)), addressOf(testKey(t, 2))} // so that a cluster knows who asks
	}, func(t *testing.T, w *world) {
		began := time.Now()
		for n := range 4 {
			time.Sleep(time.Minute)
			_, _, err := w.prove(inputs[n], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
		}
		mine := w.client
		other := w.opts
		other.Key = testKey(t, 2)
		w.opts = other
		theirs, err := network.New(w.opts)
		require.NoError(t, err)
		defer theirs.Close()
		w.client = theirs
		_, _, err = w.prove(inputs[5], &provertest.Journal{}, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		w.client = mine

		all, err := mine.Recent(t.Context(), began, 100)
		require.NoError(t, err)
		require.Len(t, all, 4)
		for i, k := range all {
			require.Equal(t, addressOf(testKey(t, 1)), k.Requester)
			require.Equal(t, "done", k.Stage())
			if i > 0 {
				require.True(t, k.Created.Before(all[i-1].Created))
			}
		}
		few, err := mine.Recent(t.Context(), began, 1)
		require.NoError(t, err)
		require.Equal(t, all[:1], few)
		late, err := mine.Recent(t.Context(), all[1].Created, 100)
		require.NoError(t, err)
		require.Equal(t, all[:2], late)

		open, err := mine.Open(t.Context())
		require.NoError(t, err)
		require.Empty(t, open)
		open, err = theirs.Open(t.Context())
		require.NoError(t, err)
		require.Len(t, open, 1)
	})
}

func TestAStageSaysWhetherAProofMayCome(t *testing.T) {
	for stage, fate := range map[string]networktest.Fate{
		"done": {}, "waiting": {NoBids: true}, "failed": {Ends: wire.FulfillmentStatus_REVERTED}, "expired": {Ends: wire.FulfillmentStatus_EXPIRED},
		"proving": {Stuck: true}, "unknown": {Odd: true, Slow: time.Hour},
	} {
		in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
			o.Faults.Request = func(int, []byte) networktest.Fate { return fate }
			if fate.Odd {
				o.Assigned, o.Executed, o.Fulfilled = -time.Hour, time.Second, time.Hour
			}
		}, func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, _ = w.prove(inputs[1], &j, 10*time.Second)
			all, err := w.client.Recent(t.Context(), time.Now().Add(-time.Hour), 1)
			require.NoError(t, err)
			require.Equal(t, stage, all[0].Stage())
			if stage == "waiting" {
				require.NoError(t, w.client.Withdraw(t.Context(), j.Load()))
				k, found, err := w.client.Request(t.Context(), all[0].ID)
				require.NoError(t, err)
				require.True(t, found)
				require.Equal(t, "withdrawn", k.Stage())
			}
			open, err := w.client.Open(t.Context())
			require.NoError(t, err)
			require.Equal(t, stage == "proving" || stage == "unknown", len(open) == 1, stage)
		})
	}
}

func TestAClusterWithoutAuthenticationListsWhatItHas(t *testing.T) {
	in(t, network.Cluster, nil, func(t *testing.T, w *world) {
		began := time.Now()
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
		require.NoError(t, err)
		all, err := w.client.Recent(t.Context(), began, 100)
		require.NoError(t, err)
		require.Len(t, all, 1, "its requests are nobody's")
		require.Equal(t, common.Address{}, all[0].Requester)
	})
}
