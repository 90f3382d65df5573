package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuestionsToTheChainAreCounted(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	cfg := o.settings()
	all := testParts(t, cfg, o.circuit, o.proves())
	all.list = o.list
	require.NoError(t, o.ask(t, cfg, &all))
	require.Len(t, all.chain.rpcs, 1, "one opinion of an endpoint, whatever it is asked about")
	_, s := serveInProcess(t, cfg, all)
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/metrics", nil)
	scraped := httptest.NewRecorder()
	s.admin.Handler.ServeHTTP(scraped, r)
	require.Equal(t, http.StatusOK, scraped.Code)
	require.Regexp(t, `(?m)^claimprover_rpc_requests_total\{result="ok"\} [1-9]`, scraped.Body.String())
	require.Contains(t, scraped.Body.String(), "claimprover_rpc_requests_total{result=\"other_chain\"} 0\n")
	require.Contains(t, scraped.Body.String(), "\nclaimprover_rpc_breaker_open 0\n")
}
