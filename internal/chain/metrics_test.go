package chain_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/fault"
)

// counted gives the metrics by name, and those with a label by the label's value.
func counted(t *testing.T, m *chain.Metrics) map[string]float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(m)
	families, err := r.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, f := range families {
		for _, metric := range f.Metric {
			if len(metric.Label) == 0 {
				values[f.GetName()] = metric.Gauge.GetValue()
			} else {
				values[metric.Label[0].GetValue()] = metric.Counter.GetValue()
			}
		}
	}
	return values
}

const breakerOpen = "claimprover_rpc_breaker_open"

func TestWhatBecameOfAQuestionIsCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	for name, c := range map[string]struct {
		lie    lie
		result string
	}{
		"it hangs":             {hang, "timeout"},
		"it resets":            {reset, "connection"},
		"it says 429":          {status(http.StatusTooManyRequests), "status"},
		"a call fails":         {failing("eth_call", `{"code":-32000,"message":"header not found"}`), "error"},
		"one error for all":    {text(`{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"limit"}}`), "bad_answer"},
		"no JSON":              {text("<html>"), "bad_answer"},
		"a GiB":                {endless, "bad_answer"},
		"an element is away":   {oneMissing, "bad_answer"},
		"a call is empty":      {answering("eth_call", `"0x"`), "bad_answer"},
		"another chain":        {answering("eth_chainId", `"0x5"`), "other_chain"},
		"a head left behind":   {laggingHead, "behind"},
		"a view that reverts":  {failing("eth_call", `{"code":3,"message":"execution reverted","data":"0x"}`), "bad_answer"},
		"the chain id is away": {answering("eth_chainId", "null"), "bad_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, m := newProxy(t, s.Node.URL), chain.NewMetrics()
			r := rpcTo(t, chain.RPCOptions{ChainID: chaintest.ChainID, Timeout: 2 * time.Second, Metrics: m}, p.URL)
			claims := claimsAt(t, r, s.Claims.Address, always)
			require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
			p.lie(c.lie)
			require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
			got := counted(t, m)
			require.Positive(t, got[c.result])
			require.EqualValues(t, 1, got["ok"])
			for result, n := range got {
				require.True(t, n == 0 || result == "ok" || result == c.result || result == breakerOpen, "%s: %v", result, n)
			}
			require.Len(t, got, 9, "every result is there from the start")
		})
	}
}

func TestAnEndpointThatIsLeftAloneIsCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	p, q, m := newProxy(t, s.Node.URL), newProxy(t, s.Node.URL), chain.NewMetrics()
	claims := claimsAt(t, rpcTo(t, chain.RPCOptions{Metrics: m}, p.URL, q.URL), s.Claims.Address, always)
	require.Zero(t, counted(t, m)[breakerOpen])
	p.lie(status(http.StatusBadGateway))
	for range 5 {
		require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
	}
	require.EqualValues(t, 1, counted(t, m)[breakerOpen])
	q.lie(status(http.StatusBadGateway))
	require.Eventually(t, func() bool {
		return codeOf(claims.Open(t.Context(), s.claim(t, 1))) == fault.RPCUnavailable && counted(t, m)[breakerOpen] == 2
	}, 20*time.Second, 10*time.Millisecond)
	p.lie(nil)
	q.lie(nil)
	require.Eventually(t, func() bool {
		_ = claims.Open(t.Context(), s.claim(t, 1))
		return counted(t, m)[breakerOpen] == 1
	}, 20*time.Second, 10*time.Millisecond, "the preferred one answers, and the other is not asked")
}
