package e2e

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// eventSource follows a URL with the npm package, and gives its lines as they come.
func eventSource(t *testing.T, url string) (lines func() (string, bool), end func() error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "testdata/eventsource.mjs", url)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = t.Output()
	require.NoError(t, cmd.Start())
	scanner := bufio.NewScanner(out)
	return func() (string, bool) {
		more := scanner.Scan()
		return scanner.Text(), more
	}, cmd.Wait
}

func TestAnEventSource(t *testing.T) {
	t.Parallel()

	t.Run("comes back to a server that was full", func(t *testing.T) {
		t.Parallel()
		s := start(t, "MOCK_DELAY=30s", "MAX_STREAMS_PER_IP=1")
		j := s.submit(newClaim(t))
		held := s.sse(j.URLs.Events)
		next, end := eventSource(t, s.url+j.URLs.Events)
		line, _ := next()
		require.Equal(t, "status 200", line, "full: any other status would have stopped it for good")
		require.NoError(t, held.Body.Close())
		for !strings.HasPrefix(line, "running") {
			var more bool
			line, more = next()
			require.True(t, more, "it must come back and be told where the job stands")
		}
		require.Equal(t, 200, s.call("DELETE", j.URLs.Self, "", withKey).StatusCode)
		for !strings.HasPrefix(line, "failed") {
			var more bool
			line, more = next()
			require.True(t, more)
		}
		require.NoError(t, end())
	})

	t.Run("sees the end of its job while the server drains", func(t *testing.T) {
		t.Parallel()
		s := start(t, "MOCK_DELAY=3s")
		j := s.submit(newClaim(t))
		s.draining()
		next, end := eventSource(t, s.url+j.URLs.Events)
		line, more := next()
		for more && !strings.HasPrefix(line, "completed") {
			line, more = next()
		}
		require.Equal(t, "completed 6", line)
		require.NoError(t, end())
		s.stop()
	})

	t.Run("is told to stop with 204 when it has seen the end", func(t *testing.T) {
		t.Parallel()
		s := start(t, "MOCK_DELAY=1ms")
		j := s.submit(newClaim(t), "Prefer: wait=20")
		next, end := eventSource(t, s.url+j.URLs.Events+"?lastEventId="+jsonOf(j.Version))
		line, _ := next()
		require.Equal(t, "status 204", line)
		require.Error(t, end(), "closed for good: the script exits with 1")
	})
}
