package cli

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"claimprover/internal/config"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
)

// TestAClaimIsBoughtOnceAndPaidOut takes a claim through the whole service in network mode: from submission, over a
// prover network that is as strict as the real one, the native check, the verifier contract and the claim contract, to
// the transaction.
func TestAClaimIsBoughtOnceAndPaidOut(t *testing.T) {
	t.Parallel()
	for _, mode := range []network.Mode{network.Mainnet, network.Cluster} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			o := newOnChain(t)
			seller := networktest.New(t, networktest.Options{
				Mode: mode, Program: testProgram, Prove: o.circuit.Prove,
				Executed: 100 * time.Millisecond, Assigned: 200 * time.Millisecond, Fulfilled: 300 * time.Millisecond,
			})
			cfg := o.settings()
			cfg.Mode, cfg.NetworkMode = config.Network, string(mode)
			cfg.ProofMode, cfg.CircuitVersion, cfg.PrivateStdin = "groth16", "v6.1.0", mode != network.Cluster
			cfg.NetworkPrivateKey = config.NewSecret("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
			cfg.RequestTimeout, cfg.AuctionPeriod, cfg.AuctionTimeout, cfg.MaxRequests = time.Hour, 15*time.Second, time.Minute, 2
			var err error
			cfg.NetworkRPCURL, err = config.ParseURL(seller.URL, "http")
			require.NoError(t, err)

			buyer, err := networkOf(cfg, slog.New(slog.DiscardHandler))
			require.NoError(t, err)
			t.Cleanup(func() { _ = buyer.Close() })
			all := testParts(t, cfg, o.circuit, buyer)
			all.network, all.list = buyer, o.list
			require.NoError(t, o.ask(t, cfg, &all))
			c, _ := serveInProcess(t, cfg, all)

			body := o.submission(t, o.alice)
			j, err := c.Submit(t.Context(), body)
			require.NoError(t, err)
			again, err := c.Submit(t.Context(), o.submission(t, o.alice)) // signed anew
			require.NoError(t, err)
			require.Equal(t, j.JobID, again.JobID)
			j, err = c.Wait(t.Context(), j.JobID)
			require.NoError(t, err)
			require.Equal(t, "completed", j.Status, j.Message)
			require.Equal(t, []string{"groth16", "onchain", "claim"}, j.VerifiedBy)
			require.Len(t, j.Request.ID, 66)
			if mode == network.Mainnet {
				require.Contains(t, j.Request.Explorer, j.Request.ID)
			}
			require.Equal(t, 1, seller.Bought(*j.PublicValues))
			require.Empty(t, seller.Twice())
			require.Empty(t, seller.Lost())

			to := common.BytesToAddress(j.Transaction.To)
			receipt, err := o.Node.Send(&to, j.Transaction.Data)
			require.NoError(t, err)
			require.Equal(t, types.ReceiptStatusSuccessful, receipt.Status)

			ready, err := c.Ready(t.Context())
			require.NoError(t, err)
			require.Equal(t, "ok", ready.Checks["prover network"])
		})
	}
}

func TestAKeyThatCannotPayIsNotRepeated(t *testing.T) {
	t.Parallel()
	cfg := testSettings()
	cfg.NetworkPrivateKey = config.NewSecret("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690dff")
	var log bytes.Buffer
	_, err := networkOf(cfg, slog.New(slog.NewTextHandler(&log, nil)))
	require.ErrorContains(t, err, "NETWORK_PRIVATE_KEY")
	require.NotContains(t, err.Error()+log.String(), "59c6995e")
}
