package cli

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/config"
)

// TestAVerifierContractThatWasAwayAtTheStartIsWaitedFor has the contract on an endpoint of its own, which comes back only
// when a proof has asked for it in vain so often that it is left alone for a while.
func TestAVerifierContractThatWasAwayAtTheStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	node, err := url.Parse(o.Node.URL)
	require.NoError(t, err)
	var up atomic.Bool
	var asked atomic.Int64
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
	cfg := o.settings()
	cfg.ClaimRPCURL = cfg.RPCURL
	cfg.VerifyRPCURL, err = config.ParseURLs(rpc.URL, "http")
	require.NoError(t, err)

	c := o.serve(t, cfg, o.proves())
	before := asked.Load()
	require.Positive(t, before, "it was asked at the start")
	j, err := c.Submit(t.Context(), o.submission(t, o.alice))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return asked.Load() >= before+2 }, 40*time.Second, 5*time.Millisecond)
	up.Store(true)
	j, err = c.Wait(t.Context(), j.JobID)
	require.NoError(t, err)
	require.Equal(t, "completed", j.Status, j.Message)
	require.Equal(t, []string{"groth16", "onchain", "claim"}, j.VerifiedBy)
}
