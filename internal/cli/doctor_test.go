package cli

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/chain/chaintest"
	"claimprover/internal/config"
	"claimprover/internal/verify"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
)

// examined gives what the doctor says of a service on this chain.
func (o *onChain) examined(t *testing.T, cfg *config.Config, change func(*parts)) (diagnosis, string) {
	t.Helper()
	all := testParts(t, cfg, o.circuit, o.proves())
	all.list = o.list
	change(&all)
	values := []byte("control")
	control := verify.Subject{Program: testProgram, PublicValues: values, Proof: o.circuit.Prove(testProgram, values)}
	d, err := examine(t.Context(), cfg, all, control, &config.Verdict{}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	var out strings.Builder
	d.print(&out)
	return d, out.String()
}

func TestTheDoctorSaysEachDependency(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	same := func(*parts) {}
	withRPC := func(url string) *config.Config {
		cfg := o.settings()
		rpc, err := config.ParseURLs(url, "http")
		require.NoError(t, err)
		cfg.RPCURL = rpc
		return cfg
	}

	d, text := o.examined(t, o.settings(), same)
	require.True(t, d.Well, text)
	for _, line := range []string{
		`✓ prover: local`, `✓ verifier: passed its own test`, `✓ eligibility list: 2 accounts, Merkle root 0x`,
		`✓ verifier contract: ` + o.Gateway.Address.Hex(), `✓ RPC 1: chain 1337, block `,
		`✓ claim contract: ` + o.Claims.Address.Hex() + ` on chain 1337, Merkle root 0x`, `✓ its program: 0x000d74`, `✓ its gateway: 0x`,
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, o.Node.URL)

	d, text = o.examined(t, withRPC("http://127.0.0.1:1,"+o.Node.URL), same)
	require.False(t, d.Well)
	require.Empty(t, d.Problems, "serve starts with one endpoint that is away")
	require.Contains(t, text, "✗ RPC_URL: RPC 1 cannot be used: ")
	require.Contains(t, text, "✓ RPC 2: chain 1337")

	d, text = o.examined(t, withRPC("http://127.0.0.1:1"), same)
	require.False(t, d.Well)
	require.Contains(t, text, "✗ RPC_URL: No endpoint answers")
	require.NotContains(t, text, "✓ claim contract")
	require.NotContains(t, text, "✓ verifier contract")

	cfg := o.settings()
	cfg.ChainID = 1
	d, text = o.examined(t, cfg, same)
	require.False(t, d.Well)
	require.Contains(t, text, "✗ CHAIN_ID: The RPC endpoint serves chain 1337, and 1 is set.")

	cfg = o.settings()
	cfg.VerifierContract = chaintest.Nobody
	d, text = o.examined(t, cfg, func(p *parts) { p.list = otherList(t) })
	require.False(t, d.Well)
	require.Contains(t, text, "✗ ELIGIBILITY_FILE: ", "everything that is wrong is said, not the first alone")
	require.Contains(t, text, "✗ SP1_VERIFIER_ADDRESS: ")
	require.NotContains(t, text, "✓ verifier contract")

	require.NoError(t, o.Claims.Send("setPaused", true))
	d, text = o.examined(t, o.settings(), same)
	require.False(t, d.Well)
	require.Contains(t, text, "✗ The contract is paused")
}

func TestTheDoctorFetchesTokenKeys(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	}))
	t.Cleanup(issuer.Close)
	ask := func() (diagnosis, *config.Verdict) {
		cfg, v := testSettings(), &config.Verdict{}
		require.NoError(t, cfg.JWTJWKSURL.UnmarshalText([]byte(issuer.URL+"/?key=hidden")))
		var d diagnosis
		d.askTokens(t.Context(), cfg, v, slog.New(slog.DiscardHandler))
		return d, v
	}
	d, v := ask()
	require.Empty(t, v.Warnings)
	require.Equal(t, []found{{"token keys", "1"}}, d.Found)

	status = http.StatusNotFound
	d, v = ask()
	require.Empty(t, d.Found)
	require.Contains(t, v.Warnings[0].Text, "status 404")
	require.NotContains(t, v.Warnings[0].Text, "hidden")
}

func TestTheDoctorAsksTheProverNetwork(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	asked := func(server networktest.Options) (diagnosis, string) {
		server.Mode, server.Program = network.Mainnet, testProgram
		seller := networktest.New(t, server)
		cfg := o.settings()
		buysAt(t, cfg, seller, network.Mainnet)
		cfg.BalanceFloor, cfg.BalanceCeiling = config.ProveOf(uint256.NewInt(5e18)), config.ProveOf(uint256.NewInt(10e18))
		return o.examined(t, cfg, func(p *parts) {
			var err error
			p.network, err = networkAsker(&cfg.Prover)
			require.NoError(t, err)
			t.Cleanup(func() { _ = p.network.Close() })
		})
	}
	d, text := asked(networktest.Options{Balance: uint256.NewInt(8e18)})
	require.True(t, d.Well, text)
	for _, line := range []string{
		"✓ prover network: http://127.0.0.1:", "✓ program at the network: registered as 0x", "✓ domain: as expected, 0x55ea",
		"✓ paying account: " + buyersAddress + " has 8 PROVE, enough for 5 proofs at the worst", "✓ claim contract: 0x",
	} {
		require.Contains(t, text, line)
	}

	d, text = asked(networktest.Options{Balance: uint256.NewInt(4e18), Unregistered: true})
	require.False(t, d.Well)
	require.Contains(t, text, "✗ SP1_PROGRAM_VKEY: The network does not know the program")
	require.Contains(t, text, "✗ NETWORK_BALANCE_FLOOR: The balance is under 5 PROVE. Deposit some for "+buyersAddress)

	d, text = asked(networktest.Options{Balance: uint256.NewInt(12e18)})
	require.True(t, d.Well, "a balance over the ceiling is a doubt")
	require.Contains(t, text, "! NETWORK_BALANCE_CEILING: ")
}
