package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/ethereum/go-ethereum/common"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/config"
	"claimprover/internal/jobs"
	"claimprover/internal/verify/verifytest"
	"claimprover/prover"
)

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// lineOf gives the line that says how a job ended.
func (j *journal) lineOf(id string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.text.String()) {
		if strings.Contains(line, "job="+jobs.Label(uuid.MustParse(id))) && strings.Contains(line, "outcome=") {
			return line
		}
	}
	return ""
}

// spoiler is a prover whose first proof for each recipient is spoiled as that recipient's case says, and whose second is
// good. It delivers nothing before the case is released.
type spoiler struct {
	circuit *verifytest.Circuit
	cases   map[common.Address]*spoiled
}

type spoiled struct {
	spoil    func(prover.Proof, prover.Input) prover.Proof // nil: not at all
	released chan struct{}
	again    bool // only its worker
}

func (s spoiler) Prove(ctx context.Context, in prover.Input, _ prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
	report(prover.Progress{Phase: "proving"})
	c := s.cases[in.EVMAddress]
	select {
	case <-c.released:
	case <-ctx.Done():
		return prover.Proof{}, context.Cause(ctx)
	}
	p := prover.Proof{Bytes: s.circuit.Prove(testProgram, in.PublicValues[:]), PublicValues: in.PublicValues[:]}
	if c.spoil != nil && !c.again {
		p = c.spoil(p, in)
	}
	c.again = true
	return p, nil
}

// watchedService is a service of which everything is seen: its answers as bytes, its log, its metrics.
type watchedService struct {
	*service
	t   *testing.T
	url string
	log *journal
	web *http.Client
}

func (o *onChain) watch(t *testing.T, cfg *config.Config, p prover.Prover, change func(*parts)) watchedService {
	t.Helper()
	cfg.WorkerCount, cfg.QueueCapacity = 8, 100
	all := testParts(t, cfg, o.circuit, p)
	all.list = o.list
	change(&all)
	require.NoError(t, o.ask(t, cfg, &all))
	log := &journal{}
	s, url := serveLogged(t, cfg, all, slog.New(slog.NewTextHandler(log, nil)))
	web := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	return watchedService{s, t, url, log, web}
}

func (w watchedService) call(method, path, body string) (status int, answer string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(w.t, err)
	r.Header.Set("Authorization", "Bearer "+proofsKey)
	r.Header.Set("Content-Type", "application/json")
	a, err := w.web.Do(r)
	require.NoError(w.t, err)
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	require.NoError(w.t, err)
	return a.StatusCode, string(text)
}

func (w watchedService) submit(body string) api.Job {
	w.t.Helper()
	status, answer := w.call("POST", "/v1/jobs", body)
	require.Equal(w.t, 202, status, answer)
	var j api.Job
	require.NoError(w.t, json.Unmarshal([]byte(answer), &j))
	return j
}

// follow gives all that an SSE and a WebSocket follower are sent, once both are known to follow and release was called.
func (w watchedService) follow(id string, release func()) (sse, socket string) {
	w.t.Helper()
	path := w.url + "/v1/jobs/" + id + "/events"
	r, err := http.NewRequestWithContext(w.t.Context(), "GET", path, nil)
	require.NoError(w.t, err)
	stream, err := w.web.Do(r)
	require.NoError(w.t, err)
	defer stream.Body.Close()
	lines := bufio.NewReader(stream.Body)
	ws, _, err := websocket.Dial(w.t.Context(), path, &websocket.DialOptions{HTTPClient: w.web})
	require.NoError(w.t, err)
	defer func() { _ = ws.CloseNow() }()

	for !strings.HasPrefix(sse, "data:") {
		sse, err = lines.ReadString('\n')
		require.NoError(w.t, err)
	}
	_, first, err := ws.Read(w.t.Context())
	require.NoError(w.t, err)
	socket = string(first)
	release()
	rest, err := io.ReadAll(lines)
	require.NoError(w.t, err)
	for {
		_, message, err := ws.Read(w.t.Context())
		if err != nil {
			require.Equal(w.t, websocket.StatusNormalClosure, websocket.CloseStatus(err), "%v", err)
			return sse + string(rest), socket
		}
		socket += "\n" + string(message)
	}
}

// ended counts the jobs that ended so.
func (w watchedService) ended(outcome string) (n int) {
	families, err := w.registry.Gather()
	require.NoError(w.t, err)
	for _, f := range families {
		if f.GetName() != "claimprover_jobs_ended_total" {
			continue
		}
		for _, m := range f.Metric {
			if m.Label[0].GetValue() == outcome {
				n += int(m.Counter.GetValue())
			}
		}
	}
	return n
}

// refuses has a claim's proof refused, and sees to it that nothing of it gets out.
func (w watchedService) refuses(body string, release func(), reason string) {
	w.t.Helper()
	before := w.ended("verification_failed")
	j := w.submit(body)
	sse, socket := w.follow(j.JobID, release)
	_, job := w.call("GET", "/v1/jobs/"+j.JobID, "")
	_, status := w.call("GET", "/status/"+j.JobID, "")
	_, list := w.call("GET", "/v1/jobs", "")
	for _, seen := range []string{sse, socket, job, status} {
		require.Contains(w.t, seen, `"status":"failed"`)
		require.Contains(w.t, seen, `"code":"verification_failed"`)
		require.NotContains(w.t, seen, reason, "it is for the log")
	}
	for _, seen := range []string{sse, socket, job, status, list} {
		for _, word := range []string{"completed", "zkProof", "publicValues", "verifiedBy", `"verified"`, "transaction", "cached"} {
			require.NotContains(w.t, seen, word)
		}
	}
	line := ""
	require.Eventually(w.t, func() bool { // it is written just after the followers were told
		line = w.log.lineOf(j.JobID)
		return line != ""
	}, 20*time.Second, time.Millisecond)
	require.Contains(w.t, line, "level=WARN")
	require.Contains(w.t, line, "outcome=verification_failed")
	require.Contains(w.t, line, reason)
	require.Equal(w.t, before+1, w.ended("verification_failed"))
	_, health := w.call("GET", "/health", "")
	require.Contains(w.t, health, `"cache_size":0`)
}
