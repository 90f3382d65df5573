package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSeedScript goes through the eight steps of the Rust service's test-api.sh, which sends no credential, in the
// profile that the contract names for it.
func TestSeedScript(t *testing.T) {
	t.Parallel()
	s := start(t, "ALLOW_ANONYMOUS=true", "VERIFY_SIGNATURES=false", "API_KEYS=", "MOCK_DELAY=2s")
	body := func(change func(map[string]string)) string {
		c := map[string]string{
			"ss58Address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
			"signature":   "0x" + strings.Repeat("ab", 64),
			"evmAddress":  "0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2",
			"challenge":   "0x" + strings.Repeat("12", 32),
			"amount":      "1000000000000000000",
		}
		change(c)
		return jsonOf(c)
	}

	health := s.call("GET", "/health", "")
	require.Equal(t, 200, health.StatusCode)
	require.Contains(t, string(health.body), `"status":"ok"`)
	require.Contains(t, string(health.body), `"prover_mode":"mock"`)

	require.Equal(t, 400, s.call("POST", "/", `{"ss58Address":""}`).StatusCode)
	for field, bad := range map[string]string{"signature": "0x1234", "amount": "0x1234", "ss58Address": "invalid_address_here"} {
		require.Equal(t, 400, s.call("POST", "/", body(func(c map[string]string) { c[field] = bad })).StatusCode, field)
	}
	require.Equal(t, 404, s.call("GET", "/status/non-existent-job-id", "").StatusCode)

	good := body(func(map[string]string) {})
	accepted := s.call("POST", "/", good)
	require.Equal(t, 200, accepted.StatusCode, "%s", accepted.body)
	_, id, _ := strings.Cut(string(accepted.body), `"jobId":"`)
	id, _, _ = strings.Cut(id, `"`)
	completed := false
	poll := time.NewTicker(time.Second) // as the script does, ten times
	defer poll.Stop()
	for range 10 {
		<-poll.C
		if completed = strings.Contains(string(s.call("GET", "/status/"+id, "").body), `"status":"completed"`); completed {
			break
		}
	}
	require.True(t, completed)

	var last answer
	for range 5 { // with what was sent before these are ten, the limit by address
		last = s.call("POST", "/", good)
		require.Contains(t, []int{200, 429}, last.StatusCode)
	}
	require.Equal(t, 200, last.StatusCode, "ten submissions just fit, and polls do not count")
	require.Equal(t, 429, s.call("POST", "/", good).StatusCode)
}
