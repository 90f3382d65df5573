package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/claim"
	"claimprover/prover/mock"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The test binary is also the program under test, and its prover: called by its name, it behaves like it.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "claimprover":
		os.Exit(Main())
	case "standin":
		standIn()
		return
	}
	goleak.VerifyTestMain(m)
}

// program puts the binary into a folder of the test, under its real name.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "claimprover")
	copySelf(t, path)
	return path
}

func copySelf(t *testing.T, path string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	if os.Link(self, path) != nil { // another file system
		content, err := os.ReadFile(self)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, content, 0o755))
	}
}

const testKey = "script-key-0123456789"

// endsAtOnce is for programs built with the race detector, which sleep a second before they end well.
const endsAtOnce = "GORACE=atexit_sleep_ms=0"

// running starts a mock service that one test has for itself.
func running(t *testing.T, program string, env ...string) *child {
	t.Helper()
	service, err := startService(t.Context(), program, append([]string{
		"PORT=0", "ADMIN_ADDR=127.0.0.1:0", "SP1_PROVER=mock", "ALLOW_MOCK=true", "MOCK_DELAY=200ms", "API_KEYS=script:" + testKey,
		"SHUTDOWN_TIMEOUT_SECONDS=1", endsAtOnce,
	}, env...))
	require.NoError(t, err)
	t.Cleanup(service.stop)
	return service
}

// scriptDomain is that of the scripts' service.
var scriptDomain = claim.Domain{Contract: common.HexToAddress("0x25E02490ff74668543f167aAb838c835eD202dB7"), ChainID: 84532}

// writeClaims puts signed claims into dir, each of a wallet of its own: one that is proved, one for each way to fail on
// demand, and one whose signature is somebody else's.
func writeClaims(t *testing.T, dir string) {
	t.Helper()
	for name, recipient := range map[string]common.Address{
		"claim.json": demoRecipient, "failing.json": mock.Recipient(mock.ProofFailed), "later.json": mock.Recipient(mock.RPCUnavailable),
		"endless.json": mock.Recipient(mock.Timeout), "hostile.json": mock.Recipient(mock.HostileMessage), "forged.json": demoRecipient,
	} {
		wallet, err := claim.NewWallet()
		require.NoError(t, err)
		c, err := wallet.Claim(scriptDomain, tanglePrefix, recipient, demoAmount)
		require.NoError(t, err)
		if name == "forged.json" {
			c.Signature[0] ^= 1
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), api.Encode(submission(c)), 0o600))
	}
}

// TestScripts runs testdata/*.txt, each in an empty folder with claims and a service of its own. A script is made of
//
//	# a comment                    what the next lines show
//	env NAME=VALUE                 for all commands after it
//	$ claimprover submit -q x      a command; it must exit with 0 unless told otherwise
//	exit 3                         its exit code
//	out REGEXP, err REGEXP         is found in its output; ^ and $ match at lines
//	no out, no err                 there is none
//	not REGEXP                     is found in neither
//	keep NAME                      its standard output is $NAME from now on
//	file NAME REGEXP               is found in a file
func TestScripts(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			newScript(t).run(path, string(text))
		})
	}
}

type script struct {
	t       *testing.T
	program string
	dir     string
	env     []string
	vars    map[string]string

	command  string // the last one, and what came of it
	out, err bytes.Buffer
	code     int
	judged   bool // its exit code was looked at
}

func newScript(t *testing.T) *script {
	s := &script{t: t, program: program(t), dir: t.TempDir(), vars: map[string]string{}, judged: true}
	writeClaims(t, s.dir)
	service := running(t, s.program, "CLAIM_CONTRACT_ADDRESS="+scriptDomain.Contract.Hex(), fmt.Sprintf("CHAIN_ID=%d", scriptDomain.ChainID))
	s.env = []string{endsAtOnce, "PATH=" + os.Getenv("PATH"), "CLAIMPROVER_URL=" + service.url, "CLAIMPROVER_API_KEY=" + testKey}
	examples, err := filepath.Abs("../../docs/examples")
	require.NoError(t, err)
	s.vars["EXAMPLES"] = examples
	logs, err := filepath.Abs("testdata/audit")
	require.NoError(t, err)
	s.vars["AUDIT"] = logs
	s.vars["URL"], s.vars["PORT"] = service.url, service.url[strings.LastIndex(service.url, ":")+1:]
	return s
}

func (s *script) run(path, text string) {
	for n, line := range strings.Split(text+"\n$", "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := fmt.Sprintf("%s:%d: %s\n(after: %s)\nexit %d\nout: %s\nerr: %s", path, n+1, line, s.command, s.code, &s.out, &s.err)
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "env":
			s.env = append(s.env, s.expand(rest))
		case "$":
			if !s.judged {
				require.Zero(s.t, s.code, at)
			}
			s.start(rest)
		case "exit":
			s.judged = true
			require.Equal(s.t, rest, strconv.Itoa(s.code), at)
		case "out":
			require.Regexp(s.t, s.pattern(rest), s.out.String(), at)
		case "err":
			require.Regexp(s.t, s.pattern(rest), s.err.String(), at)
		case "not":
			require.NotRegexp(s.t, s.pattern(rest), s.out.String()+s.err.String(), at)
		case "no":
			require.Empty(s.t, map[string]*bytes.Buffer{"out": &s.out, "err": &s.err}[rest].String(), at)
		case "keep":
			s.vars[rest] = strings.TrimSpace(s.out.String())
		case "file":
			name, pattern, _ := strings.Cut(rest, " ")
			content, err := os.ReadFile(filepath.Join(s.dir, s.expand(name)))
			require.NoError(s.t, err, at)
			require.Regexp(s.t, s.pattern(pattern), string(content), at)
		default:
			s.t.Fatalf("not a line of a script: %s", at)
		}
	}
}

// start runs a command to its end.
func (s *script) start(line string) {
	s.command, s.judged = line, true
	s.out.Reset()
	s.err.Reset()
	if line == "" {
		return
	}
	s.judged = false
	words := strings.Fields(s.expand(line))
	require.Equal(s.t, "claimprover", words[0])
	cmd := exec.Command(s.program, words[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, &s.out, &s.err
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok {
		require.NoError(s.t, err)
	} else {
		require.True(s.t, exit.Exited(), "%s: %v", line, err)
	}
	s.code = cmd.ProcessState.ExitCode()
}

func (s *script) expand(text string) string {
	return os.Expand(text, func(name string) string { return cmp.Or(s.vars[name], "$"+name) })
}

func (s *script) pattern(text string) *regexp.Regexp {
	quoted := os.Expand(text, func(name string) string {
		if value, ok := s.vars[name]; ok {
			return regexp.QuoteMeta(value)
		}
		return "$" + name
	})
	return regexp.MustCompile("(?m)" + quoted)
}
