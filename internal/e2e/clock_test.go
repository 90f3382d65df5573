package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/claim"

	"github.com/ethereum/go-ethereum/common"
)

// jumping builds the program with a package time whose wall clock can be set: an hour forward by SIGUSR1, an hour back by
// SIGUSR2, while the monotonic clock goes on as it does. Go asks the kernel itself, so nothing from outside can do that.
func jumping(t *testing.T) (program string) {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	original := filepath.Join(strings.TrimSpace(string(goroot)), "src/time/time.go")
	source, err := os.ReadFile(original)
	require.NoError(t, err)
	for _, change := range [][2]string{
		{"	sec, nsec, mono := runtimeNow()\n	if mono == 0 {", "	sec, nsec, mono := runtimeNow()\n	sec += jumped.Load()\n	if mono == 0 {"},
		{`	_ "unsafe" // for go:linkname`, "	\"sync/atomic\"\n	_ \"unsafe\" // for go:linkname"},
	} {
		require.Equal(t, 1, strings.Count(string(source), change[0]), "this Go's package time is another one")
		source = bytes.Replace(source, []byte(change[0]), []byte(change[1]), 1)
	}
	source = append(source, "\nvar jumped atomic.Int64\n\n// Jump moves the wall clock.\nfunc Jump(seconds int64) { jumped.Add(seconds) }\n"...)
	clock, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(clock, source, 0o600))
	require.NoError(t, os.WriteFile(overlay, api.Encode(map[string]any{"Replace": map[string]string{
		original: clock, filepath.Join(root, "jump.go"): filepath.Join(root, "internal/e2e/testdata/clock/jump.go"),
	}}), 0o600))
	program = filepath.Join(dir, "claimprover")
	out, err := exec.Command("go", "build", "-overlay", overlay, "-o", program, "claimprover").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// TestTheWallClockJumps by an hour, forward and back: nothing but timestamps changes. An hour is what ended jobs and
// proofs are kept for, and more than any window.
func TestTheWallClockJumps(t *testing.T) {
	if !siege {
		t.Skip("builds the standard library anew; see make siege")
	}
	s := startProgram(t, jumping(t), nil, "MOCK_DELAY=3s", "RATE_LIMIT_MAX_REQUESTS=1", "AUTH_FAILURES_PER_MINUTE=2", "AUDIT_LOG=-")
	proved := newClaim(t)
	ended := s.submit(proved, "Prefer: wait=30")
	require.Equal(t, "completed", ended.Status)
	account, err := claim.NewWallet()
	require.NoError(t, err)
	s.submit(claimOf(t, account, common.Address{19: 1}))
	now := time.Now()

	for _, jump := range []struct {
		signal syscall.Signal
		offset time.Duration
	}{{syscall.SIGUSR1, time.Hour}, {syscall.SIGUSR2, 0}, {syscall.SIGUSR2, -time.Hour}, {syscall.SIGUSR1, 0}} {
		running := s.submit(newClaim(t))
		follower := s.sse(running.URLs.Events)
		begin := time.Now()
		require.NoError(t, s.cmd.Process.Signal(jump.signal))

		require.Eventually(t, func() bool {
			at := time.Time(s.submit(newClaim(t)).CreatedAt)
			return at.Sub(time.Now().Add(jump.offset)).Abs() < time.Minute
		}, patience, 10*time.Millisecond, "timestamps follow")
		seen := events(t, follower.Body)
		require.Equal(t, "completed", seen[len(seen)-1].Type)
		require.Greater(t, time.Since(begin), 2*time.Second, "a proof takes its time, and no less")
		require.Less(t, time.Since(begin), 30*time.Second)

		require.Equal(t, 200, s.call("GET", ended.URLs.Self, "").StatusCode, "an ended job is kept for as long as it was to be")
		require.Equal(t, 200, s.call("POST", "/v1/jobs", proved, withKey).StatusCode, "and so is its proof")
		refused := s.call("POST", "/v1/jobs", claimOf(t, account, common.Address{19: 2}), withKey)
		require.Equal(t, 429, refused.StatusCode, "a window is as long as it was")
		wait, err := strconv.Atoi(refused.Header.Get("Retry-After"))
		require.NoError(t, err)
		require.InDelta(t, 300-time.Since(now).Seconds(), wait, 10)
		held := time.Now()
		long := s.submit(newClaim(t))
		s.call("GET", long.URLs.Self, "", `If-None-Match: "1-1"`, "Prefer: wait=1")
		require.Less(t, time.Since(held), 10*time.Second)
		for _, path := range []string{"/health", "/readyz", "/v1/stats"} {
			require.Equal(t, 200, s.call("GET", path, "").StatusCode, path)
		}
	}

	s.stop()
	lines := 0
	for line := range strings.Lines(s.logged()) {
		var l struct {
			Event                              string
			WaitedSeconds, RanSeconds, Seconds float64
		}
		if json.Unmarshal([]byte(line), &l) != nil || l.Event != "end" {
			continue
		}
		lines++
		for _, seconds := range []float64{l.WaitedSeconds, l.RanSeconds, l.Seconds} {
			require.True(t, seconds >= 0 && seconds < 120, "durations are no times of day: %s", line)
		}
	}
	require.Greater(t, lines, 5)
}
