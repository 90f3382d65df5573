package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"claimprover/internal/client"

	"github.com/stretchr/testify/require"
)

// process is a command that runs while the test looks at what it says.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}

	mu   sync.Mutex
	said bytes.Buffer  // guarded by mu; both outputs
	more chan struct{} // one slot: something was said
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
	return p.said.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func start(t *testing.T, program string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), done: make(chan struct{}), more: make(chan struct{}, 1)}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = t.TempDir(), append([]string{endsAtOnce, "PATH=" + os.Getenv("PATH")}, env...), p, p
	writeClaims(t, p.cmd.Dir)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.done })
	return p
}

// until waits for words.
func (p *process) until(words string) {
	p.t.Helper()
	for deadline := time.After(time.Minute); !strings.Contains(p.text(), words); {
		select {
		case <-p.more:
		case <-p.done:
			require.Contains(p.t, p.text(), words)
		case <-deadline:
			require.Contains(p.t, p.text(), words)
		}
	}
}

// ends waits for the exit code.
func (p *process) ends() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.t.Fatalf("it does not end:\n%s", p.text())
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) interrupt() { require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGINT)) }

func TestTheDemoEndsWithAProofAndLeavesNothing(t *testing.T) {
	t.Parallel()
	p := start(t, program(t), []string{"WORKER_COUNT=none"}, "demo", "--delay", "100ms")
	require.Zero(t, p.ends(), p.text())

	require.Contains(t, p.text(), "✓ proof ready in")
	require.Contains(t, p.text(), "  zkProof        0x\n")
	require.Contains(t, p.text(), "over SSE")
	url := between(p.text(), "✓ service    ", "\n")
	require.Contains(t, p.text(), "  status page    "+url+"/#job=")
	requireGone(t, url)
}

func TestTheDemoIsKeptOnDemand(t *testing.T) {
	t.Parallel()
	p := start(t, program(t), []string{"DEMO_KEEP=1"}, "demo", "--delay", "100ms")
	p.until("The service goes on until Ctrl-C.")
	url, key := between(p.text(), "✓ service    ", "\n"), between(p.text(), "Its API key: ", "\n")

	service, err := client.New(url, key, client.Options{})
	require.NoError(t, err)
	defer service.Close()
	jobs, err := service.List(t.Context(), client.Query{})
	require.NoError(t, err, "the printed key works")
	require.Len(t, jobs.Jobs, 1)

	p.interrupt()
	require.Zero(t, p.ends(), p.text())
	requireGone(t, url)
}

func TestAnInterruptedDemoLeavesNothing(t *testing.T) {
	t.Parallel()
	p := start(t, program(t), nil, "demo", "--delay", "1h")
	p.until("executing")
	p.interrupt()
	require.Equal(t, exitInterrupted, p.ends(), p.text())
	requireGone(t, between(p.text(), "✓ service    ", "\n"))
}

func TestADemoWhoseServiceCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	binary := program(t)
	taken := running(t, binary)
	p := start(t, binary, nil, "demo", "--port", taken.url[strings.LastIndex(taken.url, ":")+1:])
	require.Equal(t, exitFailed, p.ends())
	require.Contains(t, p.text(), "the service ended at once")
	require.Contains(t, p.text(), "address already in use")
}

func TestCtrlCLeavesTheJobRunning(t *testing.T) {
	t.Parallel()
	binary := program(t)
	service := running(t, binary)
	p := start(t, binary, []string{"CLAIMPROVER_URL=" + service.url, "CLAIMPROVER_API_KEY=" + testKey}, "submit", "endless.json", "--watch")
	p.until("executing")
	p.interrupt()
	require.Equal(t, exitInterrupted, p.ends())
	id := between(p.text(), "accepted   job ", " ")
	require.Contains(t, p.text(), "The job goes on. Come back with: claimprover watch "+id+" --url "+service.url+"\n")
	require.Equal(t, "running", statusOf(t, service, id))
}

func TestCtrlCCancelsOnDemand(t *testing.T) {
	t.Parallel()
	binary := program(t)
	service := running(t, binary)
	env := []string{"CLAIMPROVER_URL=" + service.url, "CLAIMPROVER_API_KEY=" + testKey}
	p := start(t, binary, env, "submit", "endless.json", "--watch", "--cancel-on-interrupt")
	p.until("executing")
	p.interrupt()
	require.Equal(t, exitInterrupted, p.ends())
	require.Contains(t, p.text(), "claimprover: Cancelled.\n")
	require.Equal(t, "failed", statusOf(t, service, between(p.text(), "accepted   job ", " ")))
}

func TestAPipedStoryHasNoControlCodes(t *testing.T) {
	t.Parallel()
	binary := program(t)
	service := running(t, binary)
	p := start(t, binary, []string{"CLAIMPROVER_URL=" + service.url, "CLAIMPROVER_API_KEY=" + testKey}, "submit", "claim.json", "-w")
	require.Zero(t, p.ends(), p.text())
	require.NotContains(t, p.text(), "\x1b")
	require.Contains(t, p.text(), "proving      2/4\n")
	require.Equal(t, strings.Count(p.text(), "proving"), 1, "one line per change")
	file := between(p.text(), "→ ", "\n")
	require.FileExists(t, filepath.Join(p.cmd.Dir, file))
}

func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}

func statusOf(t *testing.T, service *child, id string) string {
	t.Helper()
	c, err := client.New(service.url, testKey, client.Options{})
	require.NoError(t, err)
	defer c.Close()
	job, err := c.Get(t.Context(), id)
	require.NoError(t, err)
	return job.Status
}

func requireGone(t *testing.T, url string) {
	t.Helper()
	c, err := client.New(url, "", client.Options{})
	require.NoError(t, err)
	defer c.Close()
	require.Error(t, c.Live(t.Context()), "the service is gone")
}
