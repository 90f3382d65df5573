package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/api/apitest"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func (s *service) hangUp() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGHUP))
}

// says waits until the log has said something n times.
func (s *service) says(text string, n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return strings.Count(s.logged(), text) >= n }, patience, 5*time.Millisecond, text)
}

// operate asks the operator's listener.
func (s *service) operate(method, path, body string) answer {
	s.t.Helper()
	return s.send(http.DefaultClient, method, s.admin+path, body, []string{"X-Claimprover-Admin: 1"})
}

func (s *service) mint(body string) string {
	s.t.Helper()
	a := s.call("POST", "/v1/tokens", body, withKey)
	require.Equal(s.t, 201, a.StatusCode, "%s", a.body)
	var token api.Token
	require.NoError(s.t, json.Unmarshal(a.body, &token))
	return token.Token
}

func TestKeysAreReadAgain(t *testing.T) {
	t.Parallel()
	const carolKey, daveKey = "e2e-key-of-carol-012345", "e2e-key-of-dave-0123456"
	as := func(credential string) string { return "Authorization: Bearer " + credential }
	file := filepath.Join(t.TempDir(), "keys")
	write := func(content string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		require.NoError(t, os.Chmod(file, mode))
	}
	write("alice:"+apiKey+"\nbob:"+otherKey+"\n", 0o600)
	s := start(t, "API_KEYS=", "API_KEYS_FILE="+file, "AUTH_FAILURES_PER_MINUTE=0")
	status := func(credential string) int { return s.call("GET", "/v1/jobs", "", as(credential)).StatusCode }
	token := s.mint(`{}`)
	theirs := s.submit(newClaim(t), as(token))
	require.Equal(t, 401, status(carolKey))

	write("carol:"+carolKey+"\nbob:"+otherKey+"\n", 0o600)
	s.hangUp()
	s.says("API keys read again", 1)
	require.Equal(t, 200, status(carolKey), "a new key is good")
	require.Equal(t, 200, status(otherKey), "one that stayed too")
	require.Equal(t, 401, status(apiKey), "one that is gone is not")
	require.Equal(t, 401, s.call("POST", "/v1/jobs", newClaim(t), as(token)).StatusCode, "nor is the token that it minted")
	require.Equal(t, 200, s.call("GET", theirs.URLs.Self, "").StatusCode, "its jobs are there all the same")

	bad := 0
	for _, file := range []struct {
		content string
		mode    os.FileMode
	}{
		{"dave:" + daveKey, 0o644},
		{"dave:" + daveKey + "\ncarol:short", 0o600},
		{"", 0o600},
		{"dave:" + daveKey + "\ndave:" + carolKey, 0o600},
	} {
		write(file.content, file.mode)
		s.hangUp()
		bad++
		s.says("API keys stay as they are", bad)
		require.Equal(t, 200, status(carolKey), "after a bad file the old keys are good")
		require.Equal(t, 401, status(daveKey))
	}
	require.NoError(t, os.Remove(file))
	s.hangUp()
	s.says("API keys stay as they are", bad+1)
	require.Equal(t, 200, status(carolKey))

	write("dave:"+daveKey, 0o600)
	s.hangUp()
	s.says("API keys read again", 2)
	require.Equal(t, 200, status(daveKey))
	for _, key := range []string{apiKey, otherKey, carolKey, daveKey, "short"} {
		require.NotContains(t, s.logged(), key)
	}
	s.stop()

	plain := start(t)
	plain.hangUp()
	plain.says("did not come from API_KEYS_FILE", 1)
	require.Equal(t, 200, plain.call("GET", "/v1/jobs", "", withKey).StatusCode)
}

func TestAuditLog(t *testing.T) {
	t.Parallel()

	t.Run("a file that is moved away and opened anew has every line, and is summed up", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "audit.log")
		s := start(t, "AUDIT_LOG="+path, "MOCK_DELAY=1ms")
		lines := func(path string) int {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			return strings.Count(string(text), "\n")
		}
		s.ended(s.submit(newClaim(t)).JobID)
		require.Equal(t, 401, s.call("POST", "/v1/jobs", newClaim(t), "X-API-Key: not-a-key-of-anybody").StatusCode)
		require.Equal(t, 400, s.call("POST", "/v1/jobs", `{}`, withKey).StatusCode)
		require.Eventually(t, func() bool { return lines(path) == 3 }, patience, 5*time.Millisecond)
		require.NoError(t, os.Rename(path, path+".1"))
		s.hangUp()
		s.says("audit log opened again", 1)
		s.ended(s.submit(newClaim(t), "Authorization: Bearer "+otherKey).JobID)
		s.stop()
		require.Equal(t, 3, lines(path+".1"))
		require.Equal(t, 2, lines(path))

		out, err := exec.Command(binary, "audit", "--since", "1h", "--csv", path+".1", path).Output()
		require.NoError(t, err)
		require.Regexp(t, `^owner,event,outcome,count,meanWaitedSeconds,meanRanSeconds,cost
key:alice,submission,invalid_input,1,,,
key:alice,submission,queued,1,,,
key:alice,end,completed,1,[0-9.]+,[0-9.]+,
key:bob,submission,queued,1,,,
key:bob,end,completed,1,[0-9.]+,[0-9.]+,
$`, string(out))
	})

	t.Run("can be standard output, which may go away", func(t *testing.T) {
		t.Parallel()
		s := start(t, "AUDIT_LOG=-", "MOCK_DELAY=1ms")
		s.ended(s.submit(newClaim(t)).JobID)
		s.says(`"event":"submission","owner":"key:alice"`, 1)
		s.says(`"event":"end","owner":"key:alice"`, 1)

		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		broken := startOn(t, writer, "AUDIT_LOG=-", "MOCK_DELAY=1ms")
		require.NoError(t, writer.Close())
		require.NoError(t, reader.Close())
		for range 3 {
			require.Equal(t, "completed", broken.ended(broken.submit(newClaim(t)).JobID).Status)
		}
		broken.says("audit log cannot be written", 1)
		require.Contains(t, string(broken.operate("GET", "/metrics", "").body), "claimprover_audit_lines_lost_total ")
		broken.stop()
		require.Equal(t, 1, strings.Count(broken.logged(), "audit log cannot be written"), "said once")
	})

	t.Run("that cannot be kept refuses the start", func(t *testing.T) {
		t.Parallel()
		cmd := exec.Command(binary, "serve")
		cmd.Env = []string{"SP1_PROVER=mock", "ALLOW_MOCK=true", "PORT=0", "ADMIN_ADDR=127.0.0.1:0", "AUDIT_LOG=" + filepath.Join(t.TempDir(), "none", "audit.log")}
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 2, cmd.ProcessState.ExitCode(), "%s", out)
		require.Contains(t, string(out), "AUDIT_LOG")
	})
}

func TestOperatorsView(t *testing.T) {
	t.Parallel()
	const reason = "The contract is upgraded until 15:00 UTC."
	s := start(t, "MOCK_DELAY=30s", "WORKER_COUNT=1")
	running := s.submit(newClaim(t))
	pending := s.submit(newClaim(t), "Authorization: Bearer "+otherKey)
	page := s.webSocket("/v1/events", nil)
	stream := s.sse(running.URLs.Events)

	require.Equal(t, 200, s.operate("POST", "/admin/pause", `{"reason":"`+reason+`"}`).StatusCode)
	refused := s.call("POST", "/v1/jobs", newClaim(t), withKey)
	require.Equal(t, 503, refused.StatusCode)
	require.Equal(t, reason, refused.fault(t).Message)
	require.Equal(t, "60", refused.Header.Get("Retry-After"))
	require.Equal(t, reason, s.call("POST", "/", newClaim(t), withKey).fault(t).Message)
	require.Equal(t, 200, s.call("GET", "/readyz", "").StatusCode, "what reads is served")
	for {
		message, raw := s.read(page)
		require.NoError(t, apitest.New(t).Event(raw))
		if message["service"].(map[string]any)["paused"] == reason {
			break
		}
	}

	var list api.OperatorJobs
	require.NoError(t, json.Unmarshal(s.operate("GET", "/admin/jobs", "").body, &list))
	require.Len(t, list.Jobs, 2)
	require.Equal(t, pending.JobID, list.Jobs[0].JobID)
	require.Equal(t, []string{"key:bob"}, list.Jobs[0].Owners)
	require.Equal(t, 200, s.operate("DELETE", "/admin/jobs/"+running.JobID, "").StatusCode)
	all := events(t, stream.Body)
	require.Equal(t, "cancelled", all[len(all)-1].Job.Code, "its followers hear of it")
	moved := s.call("GET", pending.URLs.Self, "", `If-None-Match: "1-1"`, "Prefer: wait=10").job(t)
	require.Equal(t, "running", moved.Status, "its worker is free")

	require.Equal(t, 200, s.operate("POST", "/admin/resume", "").StatusCode)
	s.submit(newClaim(t))
	for _, id := range []string{running.JobID, pending.JobID} {
		require.NotContains(t, s.logged(), id)
	}
}
