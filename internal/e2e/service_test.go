// Package e2e tests the built program from outside, over loopback: the wire contract as its clients meet it.
package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/api/apitest"
	"claimprover/internal/claim"
)

// binary is the program under test, built once with the flags of all tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	if !slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-test.parallel=") }) {
		_ = flag.Set("test.parallel", "8") // most of them wait for something
	}
	if siege {
		binary, _ = filepath.Abs("../../bin/claimprover")
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "claimprover-e2e-")
	if err != nil {
		log.Fatal(err)
	}
	binary = filepath.Join(dir, "claimprover")
	build := exec.Command("go", "build", "-race", "-o", binary, "claimprover")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		log.Fatalf("building the program: %v", err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const (
	apiKey   = "e2e-key-0123456789abcdef"
	otherKey = "e2e-key-of-somebody-else"
)

// service is a running process and a client that holds every answer against openapi.json.
type service struct {
	t     *testing.T
	url   string
	admin string
	http  *http.Client
	cmd   *exec.Cmd
	done  chan error // the process has ended
	ends  sync.Once  // SIGTERM was sent

	mu     sync.Mutex
	log    bytes.Buffer    // guarded by mu
	untold map[string]bool // guarded by mu; ids, credentials and signatures that were sent or answered
}

// start runs the program with a mock prover; settings are NAME=value and win over the usual ones.
func start(t *testing.T, settings ...string) *service {
	t.Helper()
	return startOn(t, nil, settings...)
}

// startOn has its standard output go to a file; nil: it is kept with the log.
func startOn(t *testing.T, stdout *os.File, settings ...string) *service {
	t.Helper()
	return startProgram(t, binary, stdout, settings...)
}

func startProgram(t *testing.T, program string, stdout *os.File, settings ...string) *service {
	t.Helper()
	s := &service{t: t, done: make(chan error, 1), untold: map[string]bool{}}
	s.cmd = exec.Command(program, "serve")
	s.cmd.Dir = t.TempDir()
	s.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"SP1_PROVER=mock", "ALLOW_MOCK=true", "MOCK_DELAY=200ms", "PORT=0", "ADMIN_ADDR=127.0.0.1:0", "LOG_FORMAT=json",
		"API_KEYS=alice:" + apiKey + ",bob:" + otherKey,
	}, settings...)
	errs, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	s.cmd.Stdout = s
	if stdout != nil {
		s.cmd.Stdout = stdout
	}
	require.NoError(t, s.cmd.Start())
	serving := make(chan struct{})
	go s.watch(errs, serving)
	t.Cleanup(func() {
		s.toldNothing()
		_ = s.cmd.Process.Kill()
		<-s.done
		if t.Failed() {
			t.Logf("the program's log:\n%s", s.logged())
		}
	})
	select {
	case <-serving:
	case err := <-s.done:
		s.done <- err
		t.Fatalf("the program ended: %v\n%s", err, s.logged())
	}
	s.http = apitest.New(t).Client(t, &http.Transport{})
	return s
}

// Write keeps what the program prints to standard output.
func (s *service) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

// addresses are told when the service serves, in either format of the log.
var addresses = regexp.MustCompile(`\bmsg"?[=:]"?serving\b.*?\baddress"?[=:]"?\S*?:(\d+)\b.*\badmin"?[=:]"?([\d.:]+)`)

// watch keeps the log, finds the addresses in it, and waits for the process.
func (s *service) watch(errs io.Reader, serving chan<- struct{}) {
	lines := bufio.NewScanner(errs)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, _ = s.Write(append(lines.Bytes(), '\n'))
		if found := addresses.FindStringSubmatch(lines.Text()); found != nil {
			s.url, s.admin = "http://127.0.0.1:"+found[1], "http://"+found[2]
			close(serving)
		}
	}
	s.done <- s.cmd.Wait()
}

func (s *service) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// stop sends SIGTERM and waits for the end; the exit status must be 0.
func (s *service) stop() {
	s.t.Helper()
	s.terminate()
	select {
	case err := <-s.done:
		s.done <- err
		require.NoError(s.t, err)
	case <-time.After(time.Minute):
		s.t.Fatal("the program did not end within a minute of SIGTERM")
	}
}

func (s *service) terminate() {
	s.t.Helper()
	s.ends.Do(func() { require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM)) })
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) job(t *testing.T) (j api.Job) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.body, &j), "%s", a.body)
	return j
}

func (a answer) fault(t *testing.T) (e api.Error) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.body, &e), "%s", a.body)
	return e
}

// call sends a request with the given headers ("Name: value").
func (s *service) call(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.send(s.http, method, s.url+path, body, headers)
}

func (s *service) send(client *http.Client, method, url, body string, headers []string) answer {
	s.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, url, reader)
	require.NoError(s.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	s.mustNotTell(body, string(read), req.Header.Get("X-API-Key"), strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
	return answer{res, read}
}

const withKey = "Authorization: Bearer " + apiKey

// submit sends a claim with the usual key and wants it accepted.
func (s *service) submit(body string, headers ...string) api.Job {
	s.t.Helper()
	a := s.call("POST", "/v1/jobs", body, append([]string{withKey}, headers...)...)
	require.Contains(s.t, []int{200, 202}, a.StatusCode, "%s", a.body)
	return a.job(s.t)
}

// ended waits for the end of a job by long-polling.
func (s *service) ended(id string) api.Job {
	s.t.Helper()
	etag := `"0"`
	for {
		a := s.call("GET", "/v1/jobs/"+id, "", "If-None-Match: "+etag, "Prefer: wait=30")
		if a.StatusCode == http.StatusNotModified {
			continue
		}
		require.Equal(s.t, 200, a.StatusCode, "%s", a.body)
		if j := a.job(s.t); j.FinishedAt != nil {
			return j
		}
		etag = a.Header.Get("ETag")
	}
}

// claimant signs claims in a domain; each is another account.
var domain = claim.Domain{Contract: common.HexToAddress("0x5FbDB2315678afecb367f032d93F642f64180aa3"), ChainID: 84532}

const (
	withContract = "CLAIM_CONTRACT_ADDRESS=0x5FbDB2315678afecb367f032d93F642f64180aa3"
	withChain    = "CHAIN_ID=84532"
)

func newClaim(t testing.TB) string {
	t.Helper()
	return newClaimFor(t, common.HexToAddress("0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2"))
}

func newClaimFor(t testing.TB, recipient common.Address) string {
	t.Helper()
	wallet, err := claim.NewWallet()
	require.NoError(t, err)
	return claimOf(t, wallet, recipient)
}

func claimOf(t testing.TB, wallet claim.Wallet, recipient common.Address) string {
	t.Helper()
	c, err := wallet.Claim(domain, 42, recipient, *uint256.NewInt(1_000_000))
	require.NoError(t, err)
	return string(api.Encode(api.Submission{
		SS58Address: c.SS58, Signature: hexutil.Encode(c.Signature[:]), EVMAddress: hexutil.Encode(c.EVMAddress[:]),
		Challenge: hexutil.Encode(c.Challenge[:]), Amount: fmt.Sprint(c.Amount.Dec()),
	}))
}
