package config_test

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"claimprover/internal/config"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings is an environment of a test: set variables, and which were unset.
type settings map[string]string

// mock is the least that starts.
var mock = settings{"SP1_PROVER": "mock", "ALLOW_MOCK": "true"}

// network is the least that may cost money.
var network = settings{
	"SP1_PROVER": "network", "NETWORK_PRIVATE_KEY": strings.Repeat("11", 32),
	"SP1_PROGRAM_VKEY":     "0x000d74444f16d75f72527687a36c1bd4c49e6799816dac4989be3bc175e86fd7",
	"CORS_ALLOWED_ORIGINS": "https://app.example.org", "CLAIM_CONTRACT_ADDRESS": "0x25e02490ff74668543f167aab838c835ed202db7",
	"CHAIN_ID": "84532", "ELIGIBILITY_FILE": "list.json", "API_KEYS": "0123456789abcdef",
	"NETWORK_MAX_COST": "1000000000000000000",
}

// with gives a copy of base with changes; an empty text takes a variable out.
func (base settings) with(changes settings) settings {
	all := maps.Clone(base)
	maps.Copy(all, changes)
	return all
}

// read fills and judges a Config as a command does.
func read(t *testing.T, env settings, args ...string) (*config.Config, *config.Verdict, *config.Reader) {
	t.Helper()
	return readWith(t, config.Environment{
		Lookup: func(name string) (string, bool) { text, ok := env[name]; return text, ok },
		Unset:  func(name string) error { delete(env, name); return nil },
	}, args...)
}

func readWith(t *testing.T, env config.Environment, args ...string) (*config.Config, *config.Verdict, *config.Reader) {
	t.Helper()
	reader := config.NewReader(env)
	var command struct {
		Serve struct{ config.Config } `cmd:"" default:"withargs"`
	}
	parser, err := kong.New(&command, reader.Options()...)
	require.NoError(t, err)
	_, err = parser.Parse(args)
	require.NoError(t, err)
	return &command.Serve.Config, reader.Judge(&command.Serve.Config), reader
}

func TestDefaultsAreTheContract(t *testing.T) {
	t.Parallel()
	c, verdict, _ := read(t, mock.with(nil))
	require.NoError(t, verdict.Err())

	require.EqualValues(t, 8080, c.Port)
	require.Equal(t, "127.0.0.1:9464", c.AdminAddr)
	require.Equal(t, time.Hour, c.CacheTTL)
	require.Equal(t, time.Hour, c.JobsTTL)
	require.Equal(t, 5*time.Minute, c.RateWindow)
	require.EqualValues(t, 3, c.RateMax)
	require.EqualValues(t, 20, c.AddressRateMax)
	require.Equal(t, time.Minute, c.IPRateWindow)
	require.EqualValues(t, 10, c.IPRateMax)
	require.Equal(t, time.Minute, c.KeyRateWindow)
	require.EqualValues(t, 600, c.KeyRateMax)
	require.Equal(t, 50, c.QueueCapacity)
	require.Equal(t, 4, c.WorkerCount)
	require.Equal(t, 10*time.Minute, c.ProofTimeout)
	require.Equal(t, 10*time.Second, c.RPCTimeout)
	require.EqualValues(t, 4096, c.MaxBodyBytes)
	require.Equal(t, 30, c.AuthFailures)
	require.Equal(t, 30*time.Second, c.ShutdownTimeout)
	require.Equal(t, 20000, c.MaxStreams)
	require.Equal(t, 200, c.StreamsPerIP)
	require.Equal(t, 5*time.Second, c.MockDelay)
	require.Equal(t, "0x397A5f7f3dBd538f23DE225B51f532c34448dA9B", c.VerifierContract.Hex())
	require.True(t, c.VerifySignatures)
	require.True(t, c.CORSOrigins.All())
	require.True(t, c.NeedsKey(), "a mock service without credentials makes a key")
	require.False(t, c.VerifiesProofs())
	require.Empty(t, c.ClaimRPCs())

	c, _, _ = read(t, settings{})
	require.Equal(t, config.Local, c.Mode, "the default mode is the seed's")
}

func TestALaterSourceWins(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte("0123456789abcdef\n"), 0o600))

	c, verdict, reader := read(t, mock.with(settings{
		"PORT": "81", "WORKER_COUNT": "7", "QUEUE_CAPACITY": "", "API_KEYS_FILE": file,
	}), "--port=82", "--require-auth-for-reads")

	require.NoError(t, verdict.Err())
	require.EqualValues(t, 82, c.Port)
	require.Equal(t, 7, c.WorkerCount)
	require.Equal(t, 50, c.QueueCapacity, "an empty variable is unset")
	require.Equal(t, "0123456789abcdef", c.APIKeys.Reveal(), "the newline at the end of a file is not part of it")

	sources := map[string]config.Source{}
	for _, s := range reader.List(c) {
		sources[s.Name] = s.Source
	}
	require.Equal(t, config.FromFlag, sources["PORT"])
	require.Equal(t, config.FromFlag, sources["REQUIRE_AUTH_FOR_READS"])
	require.Equal(t, config.FromEnv, sources["WORKER_COUNT"])
	require.Equal(t, config.FromDefault, sources["QUEUE_CAPACITY"])
	require.Equal(t, config.FromFile, sources["API_KEYS"])
}

// A text that does not parse is a problem and never the default; all of them are said at once.
func TestEveryProblemIsListed(t *testing.T) {
	t.Parallel()
	_, verdict, _ := read(t, settings{
		"SP1_PROVER": "gpu", "PORT": "80a", "ALLOW_MOCK": "1", "RATE_LIMIT_WINDOW_SECONDS": "-5", "MOCK_DELAY": "5",
		"LOG_LEVEL": "loud", "CORS_ALLOWED_ORIGINS": "*,https://a.example",
	}, "--worker-count=0")

	require.EqualError(t, verdict.Err(), strings.Join([]string{
		`PORT: "80a" is not a whole number from 0 to 65535.`,
		`LOG_LEVEL: "loud" is none of debug, info, warn, error.`,
		`CORS_ALLOWED_ORIGINS: * already means every origin: give either * or the list.`,
		`RATE_LIMIT_WINDOW_SECONDS: "-5" is not a whole number of seconds from 1 to 1000000000.`,
		`WORKER_COUNT: "0" is not a whole number from 1 to 10000.`,
		`SP1_PROVER: "gpu" is none of mock, local, network.`,
		`ALLOW_MOCK: "1" is neither true nor false.`,
		`MOCK_DELAY: "5" is not a duration such as 5s or 250ms.`,
	}, "\n"))
}

// Safe start: settings that refuse, and the sentence that says what to do.
func TestUnsafeSettingsRefuseToStart(t *testing.T) {
	t.Parallel()
	const vkey = "0x000d74444f16d75f72527687a36c1bd4c49e6799816dac4989be3bc175e86fd7"
	local := settings{"PROVER_COMMAND": "/opt/prover", "SP1_PROGRAM_VKEY": vkey, "API_KEYS": "0123456789abcdef"}

	for name, c := range map[string]struct {
		env     settings
		setting string
		says    string
	}{
		"mock that nobody allowed":            {settings{"SP1_PROVER": "mock"}, "ALLOW_MOCK", "Set ALLOW_MOCK=true"},
		"local without a program":             {local.with(settings{"PROVER_COMMAND": ""}), "PROVER_COMMAND", "Name it here"},
		"local without a verifying key":       {local.with(settings{"SP1_PROGRAM_VKEY": ""}), "SP1_PROGRAM_VKEY", "Set it to the 32 bytes"},
		"on-chain check without a key":        {local.with(settings{"VERIFY_ONCHAIN": "true", "VERIFY_PROOF": "false", "SP1_PROGRAM_VKEY": ""}), "SP1_PROGRAM_VKEY", "Set it to the 32 bytes"},
		"bought proofs that hash with BLAKE3": {network.with(settings{"SP1_PUBLIC_VALUES_HASH": "blake3"}), "SP1_PUBLIC_VALUES_HASH", "a contract that refuses them"},
		"BLAKE3 proofs for a contract":        {local.with(settings{"VERIFY_ONCHAIN": "true", "SP1_PUBLIC_VALUES_HASH": "blake3"}), "SP1_PUBLIC_VALUES_HASH", "leave VERIFY_ONCHAIN out"},
		"an unknown hash":                     {local.with(settings{"SP1_PUBLIC_VALUES_HASH": "keccak"}), "SP1_PUBLIC_VALUES_HASH", "blake3"},
		"on-chain check of mock proofs":       {mock.with(settings{"VERIFY_ONCHAIN": "true", "SP1_PROGRAM_VKEY": vkey}), "VERIFY_ONCHAIN", "no contract takes them"},
		"a verifying key as hex of its hex":   {local.with(settings{"SP1_PROGRAM_VKEY": "0x" + hexOf(vkey)}), "SP1_PROGRAM_VKEY", "the hex of the text " + vkey},
		"a short verifying key":               {local.with(settings{"SP1_PROGRAM_VKEY": "0x1234"}), "SP1_PROGRAM_VKEY", "64 hex digits"},
		"nobody may call":                     {local.with(settings{"API_KEYS": ""}), "API_KEYS", "Nobody could submit"},
		"a JWKS without an audience":          {local.with(settings{"JWT_JWKS_URL": "https://id.example/jwks"}), "JWT_AUDIENCE", "Set the audience"},
		"a JWKS by another scheme":            {local.with(settings{"JWT_JWKS_URL": "file:///etc/jwks", "JWT_AUDIENCE": "a"}), "JWT_JWKS_URL", "This is not a URL with a host"},
		"a contract without its chain":        {mock.with(settings{"CLAIM_CONTRACT_ADDRESS": "0x25e02490ff74668543f167aab838c835ed202db7"}), "CHAIN_ID", "Set the id of its chain"},
		"the zero contract":                   {mock.with(settings{"CLAIM_CONTRACT_ADDRESS": "0x0000000000000000000000000000000000000000"}), "CLAIM_CONTRACT_ADDRESS", "The zero address is no contract"},
		"an RPC by another scheme":            {mock.with(settings{"RPC_URL": "ftp://node.example"}), "RPC_URL", "Its scheme must be http or https or ws or wss"},
		"an admin address without a port":     {mock.with(settings{"ADMIN_ADDR": "127.0.0.1"}), "ADMIN_ADDR", "not host:port"},
		"everybody as a proxy":                {mock.with(settings{"TRUSTED_PROXIES": "0.0.0.0/0"}), "TRUSTED_PROXIES", "Name your proxies"},
		"a proxy that is no network":          {mock.with(settings{"TRUSTED_PROXIES": "10.0.0.0/8, proxy.example"}), "TRUSTED_PROXIES", `"proxy.example" is neither`},
		"a number too large":                  {mock.with(settings{"PORT": "65536"}), "PORT", "from 0 to 65535"},
		"a number that overflows":             {mock.with(settings{"JOBS_TTL_SECONDS": "9223372036854775807"}), "JOBS_TTL_SECONDS", "whole number of seconds"},
		"a delay before time":                 {mock.with(settings{"MOCK_DELAY": "-1s"}), "MOCK_DELAY", "It must be between 0s and 24h0m0s"},
		"a delay of days":                     {mock.with(settings{"MOCK_DELAY": "25h"}), "MOCK_DELAY", "It must be between 0s and 24h0m0s"},
		"a proxy of one network card":         {mock.with(settings{"TRUSTED_PROXIES": "fe80::1%eth0"}), "TRUSTED_PROXIES", "neither an address nor a CIDR"},
		"an RPC with a fragment":              {mock.with(settings{"RPC_URL": "https://node.example/#key"}), "RPC_URL", "has no fragment"},
		"a verifying key of zeros":            {local.with(settings{"SP1_PROGRAM_VKEY": strings.Repeat("00", 32)}), "SP1_PROGRAM_VKEY", "no program's"},
		"a text of any length":                {mock.with(settings{"NETWORK_MODE": strings.Repeat("x", 99)}), "NETWORK_MODE", `"` + strings.Repeat("x", 61) + `..." is none of`},
		"every origin and a list":             {mock.with(settings{"CORS_ALLOWED_ORIGINS": "*,https://app.example"}), "CORS_ALLOWED_ORIGINS", "either * or the list"},

		"network without an account":            {network.with(settings{"NETWORK_PRIVATE_KEY": ""}), "NETWORK_PRIVATE_KEY", "NETWORK_PRIVATE_KEY_FILE"},
		"network with half a key":               {network.with(settings{"NETWORK_PRIVATE_KEY": strings.Repeat("11", 16)}), "NETWORK_PRIVATE_KEY", "32 bytes of hex"},
		"network without a verifying key":       {network.with(settings{"SP1_PROGRAM_VKEY": ""}), "SP1_PROGRAM_VKEY", "Set it to the 32 bytes"},
		"network without checking proofs":       {network.with(settings{"VERIFY_PROOF": "false"}), "VERIFY_PROOF", "Leave it out"},
		"network without signatures":            {network.with(settings{"VERIFY_SIGNATURES": "false"}), "VERIFY_SIGNATURES", "Leave it out"},
		"network without origins":               {network.with(settings{"CORS_ALLOWED_ORIGINS": ""}), "CORS_ALLOWED_ORIGINS", "say which browser origins"},
		"network without a contract":            {network.with(settings{"CLAIM_CONTRACT_ADDRESS": ""}), "CLAIM_CONTRACT_ADDRESS", "Set the migration contract's address"},
		"network without a chain":               {network.with(settings{"CHAIN_ID": ""}), "CHAIN_ID", "Set the id of the contract's chain"},
		"network without list and budget":       {network.with(settings{"ELIGIBILITY_FILE": ""}), "MAX_PROOFS_PER_DAY", "Set the list, or"},
		"network with credits on mainnet":       {network.with(settings{"NETWORK_CREDITS": "true"}), "NETWORK_CREDITS", "NETWORK_MODE=reserved"},
		"network with private addresses":        {network.with(settings{"NETWORK_ARTIFACT_NETS": "10.0.0.0/8"}), "NETWORK_ARTIFACT_NETS", "Leave it out"},
		"network with a floor over its ceiling": {network.with(settings{"NETWORK_BALANCE_FLOOR": "501"}), "NETWORK_BALANCE_FLOOR", "Lower the one"},
		"network on a mode that is not there":   {network.with(settings{"NETWORK_MODE": "testnet"}), "NETWORK_MODE", "none of mainnet, reserved, cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, verdict, _ := read(t, c.env.with(nil))
			require.Len(t, verdict.Problems, 1, "%v", verdict.Err())
			require.Equal(t, c.setting, verdict.Problems[0].Setting)
			require.Contains(t, verdict.Problems[0].Text, c.says)
		})
	}
}

func TestSafeSettingsStart(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]settings{
		"mock":                     mock,
		"network":                  network,
		"network with a budget":    network.with(settings{"ELIGIBILITY_FILE": "", "MAX_PROOFS_PER_HOUR": "5"}),
		"network with any claim":   network.with(settings{"ELIGIBILITY_FILE": "", "ALLOW_ANY_CLAIM": "true"}),
		"network with every site":  network.with(settings{"CORS_ALLOWED_ORIGINS": "*"}),
		"network with tokens only": network.with(settings{"API_KEYS": "", "JWT_SECRET": strings.Repeat("x", 32)}),
		"local without a check":    {"PROVER_COMMAND": "/opt/prover --fast", "VERIFY_PROOF": "false", "ALLOW_ANONYMOUS": "true"},
		"a JWKS on loopback":       mock.with(settings{"JWT_JWKS_URL": "http://127.0.0.1:9/jwks", "JWT_AUDIENCE": "a"}),
		"a contract and its chain": mock.with(settings{"CLAIM_CONTRACT_ADDRESS": "25E02490FF74668543F167AAB838C835ED202DB7", "CHAIN_ID": "1"}),
		"a contract and an RPC":    mock.with(settings{"CLAIM_CONTRACT_ADDRESS": "0x25e02490ff74668543f167aab838c835ed202db7", "RPC_URL": "http://localhost:8545"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, verdict, _ := read(t, env.with(nil))
			require.NoError(t, verdict.Err())
		})
	}
}

func TestDangerousSettingsAreLoud(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env     settings
		setting string
	}{
		"mock proofs":                {mock, "SP1_PROVER"},
		"anonymous submissions":      {mock.with(settings{"ALLOW_ANONYMOUS": "true"}), "ALLOW_ANONYMOUS"},
		"unsigned claims":            {mock.with(settings{"VERIFY_SIGNATURES": "false"}), "VERIFY_SIGNATURES"},
		"unchecked local proofs":     {settings{"PROVER_COMMAND": "p", "VERIFY_PROOF": "false"}, "VERIFY_PROOF"},
		"proofs for no contract":     {settings{"PROVER_COMMAND": "p", "SP1_PUBLIC_VALUES_HASH": "blake3"}, "SP1_PUBLIC_VALUES_HASH"},
		"an open admin address":      {mock.with(settings{"ADMIN_ADDR": ":9464"}), "ADMIN_ADDR"},
		"forwarding headers of all":  {mock.with(settings{"TRUST_PROXY_HEADERS": "true"}), "TRUST_PROXY_HEADERS"},
		"every site in network mode": {network.with(settings{"CORS_ALLOWED_ORIGINS": "*"}), "CORS_ALLOWED_ORIGINS"},
		"any claim in network mode":  {network.with(settings{"ELIGIBILITY_FILE": "", "ALLOW_ANY_CLAIM": "true"}), "ALLOW_ANY_CLAIM"},
		"any price":                  {network.with(settings{"NETWORK_MAX_COST": ""}), "NETWORK_MAX_COST"},
		"any base fee":               {network.with(settings{"NETWORK_MAX_COST": "", "NETWORK_MAX_PRICE_PER_PGU": "1"}), "NETWORK_MAX_COST"},
		"an audience without tokens": {mock.with(settings{"JWT_AUDIENCE": "a"}), "JWT_AUDIENCE"},
		"anonymous who cannot read":  {mock.with(settings{"ALLOW_ANONYMOUS": "true", "REQUIRE_AUTH_FOR_READS": "true"}), "REQUIRE_AUTH_FOR_READS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, verdict, _ := read(t, c.env.with(nil))
			require.Contains(t, settingsIn(verdict.Warnings), c.setting)
		})
	}
	for _, quiet := range []settings{
		{}, {"NETWORK_MAX_COST": "", "NETWORK_MAX_BASE_FEE": "1", "NETWORK_MAX_PRICE_PER_PGU": "1"},
		{"NETWORK_MAX_COST": "", "NETWORK_MODE": "reserved"},
	} {
		_, verdict, _ := read(t, network.with(quiet))
		require.Empty(t, verdict.Warnings, "what is safe is quiet")
	}
}

func TestMaxStreamsFollowsTheOpenFileLimit(t *testing.T) {
	t.Parallel()
	for files, want := range map[uint64]int{0: 20000, 1 << 62: 20000, 21000: 20000, 20000: 19000, 1024: 512} {
		c, verdict, _ := readWith(t, config.Environment{
			Lookup:    func(name string) (string, bool) { return mock[name], true },
			Unset:     func(string) error { return nil },
			OpenFiles: files,
		})
		require.Equal(t, want, c.MaxStreams, "%d open files", files)
		require.Equal(t, want < 20000, settingsIn(verdict.Warnings)["MAX_STREAMS"], "lowering is said")
	}
}

func TestALimitOfZeroStillLetsOneThrough(t *testing.T) {
	t.Parallel()
	c, verdict, _ := read(t, mock.with(settings{"RATE_LIMIT_MAX_REQUESTS": "0", "IP_RATE_LIMIT_MAX_REQUESTS": "0"}))
	require.NoError(t, verdict.Err())
	require.EqualValues(t, 1, c.RateMax)
	require.EqualValues(t, 1, c.IPRateMax)
}

func TestTheFirstRPCURLThatIsSetWins(t *testing.T) {
	t.Parallel()
	const contract = "0x25e02490ff74668543f167aab838c835ed202db7"
	for name, c := range map[string]struct {
		env           settings
		claim, verify string
	}{
		"none, mock":   {settings{}, "", ""},
		"none, real":   {settings{"SP1_PROVER": "local"}, "http://localhost:8545", "http://localhost:8545"},
		"the common":   {settings{"RPC_URL": "http://c"}, "http://c", "http://c"},
		"to verify":    {settings{"RPC_URL": "http://c", "VERIFY_ONCHAIN_RPC_URL": "http://v"}, "http://v", "http://v"},
		"for claims":   {settings{"RPC_URL": "http://c", "CLAIM_CONTRACT_RPC_URL": "http://k"}, "http://k", "http://c"},
		"several":      {settings{"RPC_URL": "http://a, http://b"}, "http://a,http://b", "http://a,http://b"},
		"each its own": {settings{"VERIFY_ONCHAIN_RPC_URL": "http://v", "CLAIM_CONTRACT_RPC_URL": "http://k"}, "http://k", "http://v"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, _, _ := read(t, mock.with(settings{"CLAIM_CONTRACT_ADDRESS": contract, "VERIFY_ONCHAIN": "true"}).with(c.env))
			require.Equal(t, c.claim, strings.Join(config.ClaimRPCs(), ","))
			require.Equal(t, c.verify, strings.Join(config.VerifyRPCs(), ","))
		})
	}
	c, _, _ := read(t, mock.with(settings{"RPC_URL": "http://c"}))
	require.Empty(t, c.ClaimRPCs(), "without a contract there is nothing to ask")
	require.Empty(t, c.VerifyRPCs(), "nobody asked for the contract's check")
}

func TestProxiesAreNetworks(t *testing.T) {
	t.Parallel()
	c, verdict, _ := read(t, mock.with(settings{"TRUSTED_PROXIES": "192.0.2.7, 2001:db8::/32, 10.1.2.3/8"}))
	require.NoError(t, verdict.Err())
	require.Equal(t, "192.0.2.7/32,2001:db8::/32,10.0.0.0/8", c.TrustedProxies.String())
	require.Len(t, c.ProxyPrefixes(), 3)

	c, _, _ = read(t, mock.with(settings{"TRUST_PROXY_HEADERS": "true"}))
	trusted := func(addr string) bool {
		for _, p := range c.ProxyPrefixes() {
			if p.Contains(netip.MustParseAddr(addr)) {
				return true
			}
		}
		return false
	}
	require.True(t, trusted("127.0.0.1") && trusted("::1") && trusted("172.20.0.1") && trusted("fd00::1"))
	require.False(t, trusted("203.0.113.9") || trusted("2001:db8::1"))
}

func TestACommandIsWordsOrAnArray(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Command{
		"/opt/prover  --fast":          {"/opt/prover", "--fast"},
		`["/opt/my prover", "--fast"]`: {"/opt/my prover", "--fast"},
	} {
		var c config.Command
		require.NoError(t, c.UnmarshalText([]byte(text)))
		require.Equal(t, want, c)

		var again config.Command
		require.NoError(t, again.UnmarshalText([]byte(c.String())))
		require.Equal(t, want, again, "printed and read again it is the same")
	}
	require.Error(t, new(config.Command).UnmarshalText([]byte(`["/opt/prover", 1]`)))
}

func settingsIn(findings []config.Finding) map[string]bool {
	in := map[string]bool{}
	for _, f := range findings {
		in[f.Setting] = true
	}
	return in
}

func TestAnAmountOfPROVEIsReadExactly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "5": "5", "2.50": "2.5", "007.000000000000000001": "7.000000000000000001", "0.33": "0.33",
		"1000000000000000000000000000": "1000000000000000000000000000", "": "refused", ".5": "refused", "5.": "refused", "1.0000000000000000001": "refused",
		"-1": "refused", "1e18": "refused", "0x5": "refused", "1_0": "refused", "+5": "refused", "1,5": "refused",
		"1000000000000000000000000000000": "refused",
	} {
		var p config.Prove
		if err := p.UnmarshalText([]byte(text)); err != nil {
			require.Equal(t, "refused", want, "%q: %v", text, err)
			continue
		}
		require.Equal(t, want, p.String(), "%q", text)
		var again config.Prove
		require.NoError(t, again.UnmarshalText([]byte(p.String())))
		require.Equal(t, p, again)
	}
	var wei config.Prove
	require.NoError(t, wei.UnmarshalText([]byte("2.5")))
	require.Equal(t, "2500000000000000000", wei.Amount().Dec())
	require.NoError(t, wei.UnmarshalText([]byte("0")))
	require.Nil(t, wei.Amount(), "nothing is no bound")
}

func TestACommandThatAsksTheNetworkNeedsItsSettingsAlone(t *testing.T) {
	t.Parallel()
	env := settings{"NETWORK_PRIVATE_KEY": strings.Repeat("11", 32), "SP1_PROGRAM_VKEY": network["SP1_PROGRAM_VKEY"], "NETWORK_MAX_COST": "1"}
	judged := func(more settings) *config.Verdict {
		c, _, reader := read(t, env.with(more))
		return reader.JudgeNetwork(&c.Prover)
	}
	require.Equal(t, &config.Verdict{}, judged(nil))
	require.Equal(t, &config.Verdict{}, judged(settings{"SP1_PROVER": "mock", "WORKER_COUNT": "none"}))
	for setting, text := range map[string]string{
		"NETWORK_PRIVATE_KEY": "", "SP1_PROGRAM_VKEY": "", "NETWORK_RPC_URL": "ftp://example.org",
	} {
		require.Len(t, judged(settings{setting: text}).Problems, 1, setting)
	}
	require.Contains(t, settingsIn(judged(settings{"NETWORK_MAX_COST": ""}).Warnings), "NETWORK_MAX_COST")
}
