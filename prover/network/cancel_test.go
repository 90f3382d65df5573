package network_test

import (
	"context"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

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
