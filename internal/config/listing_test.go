package config_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"claimprover/internal/config"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the settings table into README.md")

// The names of the service before and the new ones; a name never disappears.
func TestEverySettingOfTheContractIsThere(t *testing.T) {
	t.Parallel()
	c, _, reader := read(t, mock.with(nil))
	var names []string
	for _, s := range reader.List(c) {
		names = append(names, s.Name)
		require.NotEmpty(t, s.Help, s.Name)
		require.True(t, strings.HasSuffix(s.Help, "."), s.Name)
		require.NotEmpty(t, s.Group, s.Name)
	}
	slices.Sort(names)
	require.Equal(t, strings.Fields(`
		ADDRESS_RATE_LIMIT_MAX_REQUESTS ADMIN_ADDR ALLOW_ANONYMOUS ALLOW_ANY_CLAIM ALLOW_MOCK API_KEYS AUDIT_LOG
		AUTH_FAILURES_PER_MINUTE CACHE_TTL_SECONDS CHAIN_ID CLAIM_CONTRACT_ADDRESS CLAIM_CONTRACT_RPC_URL
		CLAIM_FRESH_SECONDS CORS_ALLOWED_ORIGINS DATABASE_URL ELIGIBILITY_FILE ELIGIBILITY_ROOT_CHECK
		IP_RATE_LIMIT_MAX_REQUESTS IP_RATE_LIMIT_WINDOW_SECONDS JOBS_TTL_SECONDS JWT_AUDIENCE JWT_ISSUER JWT_JWKS_URL
		JWT_SECRET KEY_RATE_LIMIT_MAX_REQUESTS KEY_RATE_LIMIT_WINDOW_SECONDS LOG_FORMAT LOG_LEVEL MAX_BODY_BYTES
		MAX_PROOFS_PER_DAY MAX_PROOFS_PER_HOUR MAX_STREAMS MAX_STREAMS_PER_IP MOCK_DELAY NETWORK_ARTIFACT_NETS NETWORK_AUCTION_PERIOD_SECONDS
		NETWORK_AUCTION_TIMEOUT_SECONDS NETWORK_BALANCE_CEILING NETWORK_BALANCE_FLOOR NETWORK_CREDITS NETWORK_CYCLE_LIMIT NETWORK_GAS_LIMIT NETWORK_MAX_BASE_FEE NETWORK_MAX_COST
		NETWORK_MAX_PRICE_PER_PGU NETWORK_MAX_REQUESTS NETWORK_MODE NETWORK_PRIVATE_KEY NETWORK_PRIVATE_STDIN
		NETWORK_REQUEST_TIMEOUT_SECONDS NETWORK_RPC_URL NETWORK_WHITELIST PORT PROOF_TIMEOUT_SECONDS PROVER_COMMAND
		QUEUE_CAPACITY RATE_LIMIT_MAX_REQUESTS RATE_LIMIT_WINDOW_SECONDS REQUIRE_AUTH_FOR_READS RPC_TIMEOUT_SECONDS RPC_URL
		SHUTDOWN_TIMEOUT_SECONDS SP1_CIRCUIT_VERSION SP1_PROGRAM_ELF_FILE SP1_PROGRAM_VKEY SP1_PROGRAM_VK_FILE
		SP1_PROOF_MODE SP1_PROVER SP1_PUBLIC_VALUES_HASH SP1_VERIFIER_ADDRESS TRUSTED_PROXIES TRUST_PROXY_HEADERS VERIFY_ONCHAIN
		VERIFY_ONCHAIN_RPC_URL VERIFY_PROOF VERIFY_SIGNATURES WORKER_COUNT`), names)
}

func TestAListedValueCanBeSetAgain(t *testing.T) {
	t.Parallel()
	env := network.with(settings{
		"PORT": "81", "LOG_LEVEL": "WARN", "TRUSTED_PROXIES": "10.0.0.0/8", "VERIFY_PROOF": "true", "MOCK_DELAY": "250ms",
		"RATE_LIMIT_WINDOW_SECONDS": "60", "PROVER_COMMAND": `["/opt/my prover"]`, "CORS_ALLOWED_ORIGINS": "https://a.example,https://b.example",
	})
	c, verdict, reader := read(t, env.with(nil))
	require.NoError(t, verdict.Err())

	again := settings{}
	for _, s := range reader.List(c) {
		again[s.Name] = s.Value
		if s.Secret {
			again[s.Name] = env[s.Name]
		}
	}
	same, verdict, _ := read(t, again)
	require.NoError(t, verdict.Err())
	for _, secret := range []*config.Secret{&c.APIKeys, &c.NetworkPrivateKey, &same.APIKeys, &same.NetworkPrivateKey} {
		*secret = config.Secret{} // closures are never equal
	}
	require.Equal(t, c, same)
}

// The README's table is written by: go test ./internal/config -run README -update
func TestTheREADMETableIsFresh(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../README.md", "<!-- settings:start -->\n", "<!-- settings:end -->"
	readme, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skip("there is no README.md")
	}
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(readme), begin)
	require.True(t, found, "README.md has no line %q", begin)
	table, after, found := strings.Cut(rest, end)
	require.True(t, found, "README.md has no line %q", end)

	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+config.Markdown()+end+after), 0o644))
		return
	}
	require.Equal(t, config.Markdown(), table, "run: go test ./internal/config -run README -update")
}
