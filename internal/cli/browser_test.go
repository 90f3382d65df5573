package cli

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"claimprover/internal/client"
	"claimprover/server/stream"

	"github.com/stretchr/testify/require"
)

// The whole way, in a real browser: the example's page, its back end, the service with a proof that is checked, and a
// contract on a chain that is sent what the page hands to a wallet.
func TestAClaimGoesFromTheExamplesPageToTheContract(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	cfg := o.settings()
	cfg.ClaimFresh = time.Millisecond // at the end the contract is asked, not what it said before
	all := testParts(t, cfg, o.circuit, o.proves())
	all.list = o.list
	var err error
	all.origins, err = stream.ParseOrigins([]string{"*"})
	require.NoError(t, err)
	require.NoError(t, o.ask(t, cfg, &all))
	_, url := serveLogged(t, cfg, all, slog.New(slog.DiscardHandler))

	backEnd := filepath.Join(t.TempDir(), "example")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", backEnd, "../../web/example").CombinedOutput()
	require.NoError(t, err, "%s", built)
	run := exec.CommandContext(t.Context(), "node", "../../web/e2e/onchain.mjs", url, proofsKey, o.Node.URL)
	run.Env = append(os.Environ(), "EXAMPLE="+backEnd)
	output, err := run.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s", failed.Stderr)
	}
	require.NoError(t, err)
	var page struct {
		Note   string
		Faults []string
	}
	require.NoError(t, json.Unmarshal(output, &page), "%s", output)
	require.Empty(t, page.Faults)
	require.Contains(t, page.Note, "Claimed: the chain took")

	c, err := client.New(url, proofsKey, client.Options{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	status, err := c.ClaimStatus(t.Context(), o.alice.Address(42), client.ClaimQuery{})
	require.NoError(t, err)
	require.True(t, status.OnChain.Claimed)
	require.Equal(t, "1000", status.OnChain.ClaimedAmount)
	require.Equal(t, "already_claimed", status.Refusal.Code)
}
