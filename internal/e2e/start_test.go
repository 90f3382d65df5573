package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	programKey = "SP1_PROGRAM_VKEY=0x000d74444f16d75f72527687a36c1bd4c49e6799816dac4989be3bc175e86fd7"
	payingKey  = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
	nobody     = "http://127.0.0.1:1" // an address where nobody listens
)

// withNetwork is the least that may cost money. Nobody listens at its addresses.
var withNetwork = []string{
	"SP1_PROVER=network", "NETWORK_PRIVATE_KEY=0x" + payingKey, "NETWORK_RPC_URL=" + nobody, "RPC_URL=" + nobody + "/rpc-key-of-a-node-operator",
	withContract, withChain, "MAX_PROOFS_PER_DAY=10", "CORS_ALLOWED_ORIGINS=https://app.example", programKey,
}

// TestASafeStart starts the program with settings that would be dangerous: it ends with status 2, and says what to do.
func TestASafeStart(t *testing.T) {
	t.Parallel()
	readable := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(readable, []byte("alice:"+apiKey), 0o600))
	require.NoError(t, os.Chmod(readable, 0o640))
	mock := []string{"SP1_PROVER=mock", "ALLOW_MOCK=true", "API_KEYS=alice:" + apiKey}
	local := []string{"SP1_PROVER=local", "PROVER_COMMAND=true", programKey, "API_KEYS=alice:" + apiKey}
	network := append([]string{"API_KEYS=alice:" + apiKey}, withNetwork...)
	for name, c := range map[string]struct {
		base    []string
		change  string
		setting string
		says    string
	}{
		"mock proofs that nobody allowed":         {mock, "ALLOW_MOCK=", "ALLOW_MOCK", "Set ALLOW_MOCK=true"},
		"nobody may call":                         {local, "API_KEYS=", "API_KEYS", "Set API_KEYS"},
		"an API key that can be guessed":          {mock, "API_KEYS=alice:fifteen-letters", "API_KEYS", "fewer than 16: make one"},
		"a key file that others can read":         {mock[:2], "API_KEYS_FILE=" + readable, "API_KEYS", "chmod 600"},
		"a key and a key file":                    {mock, "API_KEYS_FILE=" + readable, "API_KEYS", "keep one of them"},
		"a JWT secret that can be guessed":        {mock, "JWT_SECRET=" + strings.Repeat("short", 6), "JWT_SECRET", "make one"},
		"a JWT secret that repeats itself":        {mock, "JWT_SECRET=" + strings.Repeat("0123456789", 6), "JWT_SECRET", "make one"},
		"token keys of everybody's issuer":        {mock, "JWT_JWKS_URL=https://id.example/keys", "JWT_AUDIENCE", "Set the audience"},
		"token keys without TLS":                  {mock, "JWT_JWKS_URL=http://id.example/keys", "JWT_JWKS_URL", "must be an https URL"},
		"everybody is a trusted proxy":            {mock, "TRUSTED_PROXIES=::/0", "TRUSTED_PROXIES", "Name your proxies"},
		"an operator's address that is none":      {mock, "ADMIN_ADDR=loopback", "ADMIN_ADDR", "host:port"},
		"an origin that is none":                  {mock, "CORS_ALLOWED_ORIGINS=app.example", "CORS_ALLOWED_ORIGINS", "scheme://host"},
		"local proofs of any program":             {local, "SP1_PROGRAM_VKEY=", "SP1_PROGRAM_VKEY", "Set it to the 32 bytes"},
		"network without a key to pay with":       {network, "NETWORK_PRIVATE_KEY=", "NETWORK_PRIVATE_KEY", "NETWORK_PRIVATE_KEY_FILE"},
		"network with half a key":                 {network, "NETWORK_PRIVATE_KEY=" + payingKey[:32], "NETWORK_PRIVATE_KEY", "32 bytes of hex"},
		"network without checking signatures":     {network, "VERIFY_SIGNATURES=false", "VERIFY_SIGNATURES", "Leave it out"},
		"network without checking proofs":         {network, "VERIFY_PROOF=false", "VERIFY_PROOF", "Leave it out"},
		"network without the contract":            {network, "CLAIM_CONTRACT_ADDRESS=", "CLAIM_CONTRACT_ADDRESS", "Set the migration contract's address"},
		"network without the chain":               {network, "CHAIN_ID=", "CHAIN_ID", "Set the id of the contract's chain"},
		"network without origins":                 {network, "CORS_ALLOWED_ORIGINS=", "CORS_ALLOWED_ORIGINS", "say which browser origins"},
		"network without a list and a budget":     {network, "MAX_PROOFS_PER_DAY=", "MAX_PROOFS_PER_DAY", "Set the list, or"},
		"network where nobody may call":           {network, "API_KEYS=", "API_KEYS", "Set API_KEYS"},
		"a list of accounts that cannot be read":  {mock, "ELIGIBILITY_FILE=" + readable + ".none", "ELIGIBILITY_FILE", "no such file"},
		"an audit log that cannot be written":     {mock, "AUDIT_LOG=" + readable + "/none", "AUDIT_LOG", "appended to"},
		"a number that is none":                   {mock, "MAX_BODY_BYTES=4k", "MAX_BODY_BYTES", "whole number"},
		"a switch that is neither true nor false": {mock, "REQUIRE_AUTH_FOR_READS=yes", "REQUIRE_AUTH_FOR_READS", "neither true nor false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), binary, "serve")
			cmd.Env = append(append([]string{"PATH=" + os.Getenv("PATH"), "PORT=0", "ADMIN_ADDR=127.0.0.1:0"}, c.base...), c.change)
			out, err := cmd.CombinedOutput()
			require.Error(t, err)
			require.Equal(t, 2, cmd.ProcessState.ExitCode(), "%s", out)
			require.Contains(t, string(out), "\n  "+c.setting+"\n")
			require.Contains(t, string(out), c.says)
			require.NotContains(t, string(out), `"serving"`)
			for _, secret := range []string{apiKey, payingKey, payingKey[:32], "fifteen-letters", "shortshort", "0123456789012"} {
				require.NotContains(t, string(out), secret)
			}
		})
	}
}

// TestAKeyIsNowhere starts with the key that pays, the keys of callers and an address that holds one, and looks for them
// wherever somebody on the machine, or whoever gets hold of its dumps, could find them.
func TestAKeyIsNowhere(t *testing.T) {
	t.Parallel()
	const jwtSecret = "the secret of this start has letters enough"
	keyFile := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(keyFile, []byte("0x"+payingKey+"\n"), 0o600))
	for way, settings := range map[string][]string{
		"in the environment": {"NETWORK_PRIVATE_KEY=0x" + payingKey},
		"as a file":          {"NETWORK_PRIVATE_KEY=", "NETWORK_PRIVATE_KEY_FILE=" + keyFile},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			settings := append(append([]string{"JWT_SECRET=" + jwtSecret, "GOTRACEBACK=crash", "LOG_LEVEL=debug"}, withNetwork...), settings...)
			u := &untold{t: t, texts: map[string]string{}}
			raw, err := hex.DecodeString(payingKey)
			require.NoError(t, err)
			for what, text := range map[string]string{
				"the paying key": payingKey, "the paying key in upper case": strings.ToUpper(payingKey), "the paying key's bytes": string(raw),
				"an API key": apiKey, "another API key": otherKey, "JWT_SECRET": jwtSecret, "the RPC's key": "rpc-key-of-a-node-operator",
			} {
				u.add(text, what)
			}
			s := start(t, settings...)
			pid := s.cmd.Process.Pid
			of := func(file string) string {
				text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
				require.NoError(t, err)
				return string(text)
			}
			require.Equal(t, 200, s.call("GET", "/v1/jobs", "", withKey).StatusCode, "it was started anew, and has them")
			refused := s.call("POST", "/v1/jobs", newClaim(t), withKey) // its chain is away
			require.Equal(t, "rpc_unavailable", refused.fault(t).Code)
			require.NotContains(t, string(refused.body), "127.0.0.1")
			u.in("the refusal", string(refused.body))
			u.in("its environment", of("environ"))
			u.in("its command line", of("cmdline"))
			require.Equal(t, "claimprover\n", of("comm"), "it is still called so")
			require.Regexp(t, `(?m)^Max core file size +0 +0 `, of("limits"))
			for _, path := range []string{"/metrics", "/admin", "/debug/pprof/heap", "/debug/pprof/heap?debug=1", "/debug/pprof/allocs?debug=1", "/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2"} {
				a := s.operate("GET", path, "")
				require.Equal(t, http.StatusOK, a.StatusCode, path)
				u.in(path, unpacked(t, a.body))
			}
			show := exec.CommandContext(t.Context(), binary, "config")
			show.Env = s.cmd.Env
			shown, err := show.CombinedOutput()
			require.NoError(t, err, "%s", shown)
			require.Contains(t, string(shown), "***")
			u.in("config", string(shown))

			require.NoError(t, s.cmd.Process.Signal(syscall.SIGQUIT)) // the crash of a Go program, with every stack
			select {
			case err := <-s.done:
				require.Error(t, err)
				s.done <- err
			case <-time.After(time.Minute):
				t.Fatal("it did not end")
			}
			require.Contains(t, s.logged(), "goroutine 1 ")
			u.in("the log and the stacks", s.logged())
			left, err := os.ReadDir(s.cmd.Dir)
			require.NoError(t, err)
			require.Empty(t, left, "no core was dumped")
		})
	}
}

// TestANewStartIsTheSameProcess: whoever supervises the process sees nothing of its starting anew.
func TestANewStartIsTheSameProcess(t *testing.T) {
	t.Parallel()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	s := start(t, "API_KEYS_FILE=", "MOCK_DELAY=1ms")
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.cmd.Process.Pid))
	require.NoError(t, err)
	require.False(t, bytes.Contains(environment, []byte("API_KEYS=")))
	require.True(t, bytes.Contains(environment, []byte("SP1_PROVER=mock")), "what is no secret stays where operators look for it")
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", s.cmd.Process.Pid))
	require.NoError(t, err)
	require.Regexp(t, fmt.Sprintf(`(?m)^Max open files +%d `, limit.Max), string(limits))
	s.hangUp()
	s.says("API keys stay as they are", 1)
	require.Equal(t, "completed", s.submit(newClaim(t), "Prefer: wait=20").Status)
	s.stop() // SIGTERM to the id that was started drains, and its exit status is 0
}
