package cli

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/chain/chaintest"
	"claimprover/internal/claim"
	"claimprover/internal/config"
	"claimprover/prover"
)

// away gives a service's settings a verifier contract on an endpoint of its own, which is away until it is brought up.
func (o *onChain) away(t *testing.T) (cfg *config.Config, asked *atomic.Int64, bringUp func()) {
	t.Helper()
	node, err := url.Parse(o.Node.URL)
	require.NoError(t, err)
	var up atomic.Bool
	asked = new(atomic.Int64)
	forward := httputil.NewSingleHostReverseProxy(node)
	rpc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if !up.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(rpc.Close)
	cfg = o.settings()
	cfg.ClaimRPCURL = cfg.RPCURL
	cfg.VerifyRPCURL, err = config.ParseURLs(rpc.URL, "http")
	require.NoError(t, err)
	return cfg, asked, func() { up.Store(true) }
}

// TestAVerifierContractThatWasAwayAtTheStartIsWaitedFor has the contract come back only after a proof has asked for it
// in vain.
func TestAVerifierContractThatWasAwayAtTheStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	cfg, asked, bringUp := o.away(t)
	proved := make(chan int64, 1)
	c := o.serve(t, cfg, proving(func(in prover.Input) (prover.Proof, error) {
		proved <- asked.Load()
		return prover.Proof{Bytes: o.circuit.Prove(testProgram, in.PublicValues[:]), PublicValues: in.PublicValues[:]}, nil
	}))
	require.Positive(t, asked.Load(), "it was asked at the start")
	j, err := c.Submit(t.Context(), o.submission(t, o.alice))
	require.NoError(t, err)
	before := <-proved
	require.Eventually(t, func() bool { return asked.Load() > before }, 40*time.Second, 5*time.Millisecond)
	bringUp()
	j, err = c.Wait(t.Context(), j.JobID)
	require.NoError(t, err)
	require.Equal(t, "completed", j.Status, j.Message)
	require.Equal(t, []string{"groth16", "onchain", "claim"}, j.VerifiedBy)
}

// buying is a prover that pays once and is told at each call whether it has.
type buying func(in prover.Input, paid bool) prover.Proof

func (b buying) Prove(ctx context.Context, in prover.Input, journal prover.Journal, _ func(prover.Progress)) (prover.Proof, error) {
	paid := len(journal.Load()) > 0
	if err := journal.Save(ctx, []byte("paid")); err != nil {
		return prover.Proof{}, err
	}
	return b(in, paid), nil
}

// TestAVerifierContractThatIsNoneAfterAllLosesNothing has a contract come back that refuses the good proof it is tried on,
// or takes a spoiled one: that says nothing of a claimant's proof.
func TestAVerifierContractThatIsNoneAfterAllLosesNothing(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	contracts, err := chaintest.Contracts()
	require.NoError(t, err)
	for name, deploy := range map[string]func() (*chaintest.Deployed, error){
		"a gateway without the route":      func() (*chaintest.Deployed, error) { return o.Node.Deploy(contracts["Gateway"]) },
		"a verifier that takes everything": func() (*chaintest.Deployed, error) { return o.Node.Deploy(contracts["YesVerifier"], o.circuit.Hash()) },
		"a verifier of other recursion keys": func() (*chaintest.Deployed, error) {
			return o.Node.Deploy(contracts["SP1Verifier"], o.circuit.Hash(), [32]byte{1}, chaintest.Nobody)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, _, bringUp := o.away(t)
			verifier, err := deploy()
			require.NoError(t, err)
			cfg.VerifierContract = verifier.Address
			paid := make(chan bool, 3)
			c := o.serve(t, cfg, buying(func(in prover.Input, already bool) prover.Proof {
				paid <- already
				bringUp()
				return prover.Proof{Bytes: o.circuit.Prove(testProgram, in.PublicValues[:]), PublicValues: in.PublicValues[:]}
			}))
			for _, wallet := range []claim.Wallet{o.alice, o.alice, o.bob} { // the last when the contract is known to be none
				j, err := c.Submit(t.Context(), o.submission(t, wallet))
				require.NoError(t, err)
				j, err = c.Wait(t.Context(), j.JobID)
				require.NoError(t, err)
				require.Equal(t, "rpc_unavailable", j.Code)
				require.True(t, *j.Retryable)
				require.Nil(t, j.ZKProof)
			}
			close(paid)
			var calls []bool
			for already := range paid {
				calls = append(calls, already)
			}
			require.Equal(t, []bool{false, true}, calls, "what was paid for is kept, and nothing is bought that nobody could check")
		})
	}
}
