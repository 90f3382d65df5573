//go:build linux

package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover/provertest"
)

// marked are the processes that were started by a program of this test's, and did not drop their mark. Other packages'
// tests run programs at the same time.
func marked() (found []process) {
	for _, p := range processes() {
		environ, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/environ")
		if err == nil && bytes.Contains(environ, []byte(mark+"=")) && bytes.Contains(environ, []byte(testMark+"="+os.Getenv(testMark)+"\x00")) {
			found = append(found, p)
		}
	}
	return found
}

// ofThisBinary are the processes of this test's binary, marked or not, without this one.
func ofThisBinary() (found []process) {
	for _, p := range processes() {
		command, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/cmdline")
		if err == nil && p.pid != os.Getpid() && bytes.HasPrefix(command, []byte(os.Args[0]+"\x00host\x00")) {
			found = append(found, p)
		}
	}
	return found
}

// TestNothingIsLeft is serial: every marked process there is must be gone after each mode.
func TestNothingIsLeft(t *testing.T) {
	for _, mode := range []string{
		"hangs", "ignores SIGTERM", "leaves a child in a session of its own", "leaves a daemon",
		"leaves a child without an environment",
	} {
		t.Run(mode, func(t *testing.T) {
			_, _, free, err := run(t, mode, Options{})
			require.ErrorIs(t, err, errStop)
			require.Empty(t, marked())
			require.Empty(t, ofThisBinary())
			require.Less(t, free, 10*time.Second, "on however busy a machine")
			t.Logf("free %v after its time was up", free)
		})
	}
	t.Run("proves and leaves a daemon", func(t *testing.T) {
		_, _, _, err := run(t, "proves and leaves a daemon", Options{})
		require.NoError(t, err)
		require.Empty(t, ofThisBinary())
	})
	t.Run("lingers after its proof", func(t *testing.T) {
		proof, _, _, err := run(t, "lingers after its proof", Options{})
		require.NoError(t, err, "the proof counts all the same")
		require.NotEmpty(t, proof.Bytes)
		require.Empty(t, ofThisBinary())
	})
}

// TestWhatCannotBeFoundHoldsNobodyUp is the limit of what is promised, and serial as it has to kill what is left.
func TestWhatCannotBeFoundHoldsNobodyUp(t *testing.T) {
	began := time.Now()
	_, _, _, err := run(t, "exits and leaves what cannot be found", Options{})
	require.Equal(t, fault.ProofFailed, fault.Of(err).Code)
	require.Less(t, time.Since(began), 20*time.Second, "though it holds the output open")
	left := ofThisBinary()
	require.Len(t, left, 1)
	orphan, err := os.FindProcess(left[0].pid)
	require.NoError(t, err)
	require.NoError(t, orphan.Kill())
	_, err = orphan.Wait()
	require.NoError(t, err)
}

// TestTimeoutsLeaveNothing is serial as TestNothingIsLeft is. The program ignores SIGTERM, and what it starts leaves its
// session.
func TestTimeoutsLeaveNothing(t *testing.T) {
	const runs, atOnce, grace = 500, 4, 2 * time.Millisecond
	p, err := New([]string{"/bin/sh", "-c", `trap "" TERM; setsid sleep 1000 & while :; do sleep 1; done`}, Options{Grace: grace})
	require.NoError(t, err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var free []time.Duration // after the time was up
	for range atOnce {
		wg.Go(func() {
			for range runs / atOnce {
				ctx, stop := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, errStop)
				_, err := p.Prove(ctx, provertest.Input(1), nil, nil)
				deadline, _ := ctx.Deadline()
				after := time.Since(deadline)
				stop()
				if !errors.Is(err, errStop) {
					t.Errorf("it ended with %v", err)
				}
				mu.Lock()
				free = append(free, after)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Empty(t, marked())
	require.Len(t, free, runs)
	slices.Sort(free)
	require.Less(t, free[runs-1], 10*time.Second, "on however busy a machine")
	t.Logf("%d timeouts, %d at once, grace %v: free after %v (median), %v (the slowest)", runs, atOnce, grace, free[runs/2], free[runs-1])
}

func TestTheProgramDiesWithTheService(t *testing.T) {
	t.Parallel()
	service := exec.Command(os.Args[0], "host", "service")
	out, err := service.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, service.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "ready ")))
	require.NoError(t, err)

	require.NoError(t, service.Process.Kill())
	_ = service.Wait()
	orphan, err := os.FindProcess(pid) // ours by now, as this process inherits orphans
	require.NoError(t, err)
	gone := make(chan error, 1)
	go func() {
		_, err := orphan.Wait()
		gone <- err
	}()
	select {
	case err = <-gone:
	case <-time.After(20 * time.Second):
		_ = orphan.Kill()
		<-gone
		err = errors.New("it lives on without its service")
	}
	require.NoError(t, err)
}
