package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/prover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// trail is a log that runs, and what the service's log says of it.
type trail struct {
	*Log
	t      *testing.T
	told   bytes.Buffer // read after end alone
	cancel context.CancelFunc
	done   chan error
}

func run(t *testing.T, path string, out io.Writer) *trail {
	t.Helper()
	tr := &trail{t: t, done: make(chan error, 1)}
	var err error
	tr.Log, err = Open(path, out, slog.New(slog.NewJSONHandler(&tr.told, nil)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	tr.cancel = cancel
	go func() { tr.done <- tr.Run(ctx) }()
	return tr
}

// end stops the log and gives what the service's log says.
func (tr *trail) end() string {
	tr.t.Helper()
	tr.cancel()
	require.NoError(tr.t, <-tr.done)
	return tr.told.String()
}

func linesOf(t *testing.T, text []byte) (all []Line) {
	t.Helper()
	for raw := range bytes.Lines(text) {
		var l Line
		require.NoError(t, json.Unmarshal(raw, &l), "%s", raw)
		all = append(all, l)
	}
	return all
}

func fileOf(t *testing.T, path string) []Line {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return linesOf(t, text)
}

var theClaim = claim.Claim{
	SS58: "5F", PublicKey: [32]byte{1, 2}, EVMAddress: [20]byte{3, 4}, Amount: *uint256.NewInt(42), Signature: [64]byte{0xde, 0xad, 0xbe, 0xef},
}

func theJob() jobs.Job {
	return jobs.New(uuid.New(), claim.Identity{1}, theClaim, "network", "key:alice", time.Now())
}

func asked(owner string) Submission {
	return Submission{Owner: owner, Claim: &theClaim, RequestID: "request-1", Began: time.Now()}
}

func TestWhatIsWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	l := run(t, path, nil)
	j := theJob()
	l.Admitted(asked("key:alice"), j, jobs.Queued)
	l.Refused(Submission{Owner: "key:bob", RequestID: "request-2", Began: time.Now()}, fault.RateLimited)
	l.Refused(Submission{RequestID: "request-3", Began: time.Now()}, fault.Unauthorized)
	at := j.CreatedAt
	started, err := j.Started(at.Add(2 * time.Second))
	require.NoError(t, err)
	done, err := started.Completed(prover.Proof{Request: prover.Request{ID: "0x9c", Cycles: 7, Cost: "1200"}}, at.Add(5*time.Second))
	require.NoError(t, err)
	l.Ended(done)
	cancelled, err := j.Left("key:alice", at.Add(time.Second))
	require.NoError(t, err)
	l.Ended(cancelled)
	require.Empty(t, l.end())

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := linesOf(t, text)
	require.Len(t, lines, 4, "who has not passed authentication has no line")

	in := lines[0]
	require.WithinDuration(t, time.Now(), time.Time(in.Time), time.Minute)
	require.Less(t, in.Seconds, 60.0)
	in.Time, in.Seconds = Line{}.Time, 0
	require.Equal(t, Line{
		Event: Submitted, Owner: "key:alice", PublicKey: theClaim.PublicKey[:], Recipient: theClaim.EVMAddress[:], Amount: "42",
		Outcome: "queued", Job: jobs.Label(j.ID), RequestID: "request-1",
	}, in)
	require.Equal(t, "rate_limited", lines[1].Outcome)
	require.Empty(t, lines[1].PublicKey, "the body was not read")
	require.NotContains(t, strings.Split(string(text), "\n")[1], "publicKey")

	end := lines[2]
	require.Equal(t, at.Add(5*time.Second).UTC().Truncate(time.Millisecond), time.Time(end.Time))
	waited, ran := 2.0, 3.0
	end.Time = Line{}.Time
	require.Equal(t, Line{
		Event: Ended, Owner: "key:alice", Owners: 1, PublicKey: theClaim.PublicKey[:], Recipient: theClaim.EVMAddress[:], Amount: "42",
		Outcome: "completed", Seconds: 5, Waited: &waited, Ran: &ran, Job: jobs.Label(j.ID), Request: "0x9c", Cycles: 7, Cost: "1200",
	}, end)
	require.Equal(t, "cancelled", lines[3].Outcome)
	require.Nil(t, lines[3].Ran, "it never ran")

	for _, secret := range []string{j.ID.String(), strings.ReplaceAll(j.ID.String(), "-", ""), hex.EncodeToString(theClaim.Signature[:])} {
		require.NotContains(t, string(text), secret)
	}
}

func TestTheFile(t *testing.T) {
	t.Parallel()

	t.Run("is made for its owner alone, and appended to", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "audit.log")
		for range 2 {
			l := run(t, path, nil)
			l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
			l.end()
		}
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
		require.Len(t, fileOf(t, path), 2)
	})

	t.Run("a line that a crash cut short is ended first", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "audit.log")
		require.NoError(t, os.WriteFile(path, []byte(`{"time":"20`), 0o600))
		l := run(t, path, nil)
		l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
		l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
		l.end()
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		cut, rest, _ := bytes.Cut(text, []byte("\n"))
		require.Equal(t, `{"time":"20`, string(cut))
		require.Len(t, linesOf(t, rest), 2)
	})

	t.Run("is opened anew when asked, so that it can be moved away", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "audit.log")
		l := run(t, path, nil)
		l.Admitted(asked("key:before"), theJob(), jobs.Queued)
		require.Eventually(t, func() bool { return len(fileOf(t, path)) == 1 }, time.Minute, time.Millisecond)
		require.NoError(t, os.Rename(path, path+".1"))
		l.Reopen()
		require.Eventually(t, func() bool { _, err := os.Stat(path); return err == nil }, time.Minute, time.Millisecond)
		l.Admitted(asked("key:after"), theJob(), jobs.Queued)
		require.Contains(t, l.end(), "audit log opened again")
		require.Equal(t, "key:before", fileOf(t, path+".1")[0].Owner)
		require.Equal(t, "key:after", fileOf(t, path)[0].Owner)
	})

	t.Run("that cannot be opened anew leaves the old one in use", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "audit.log")
		l := run(t, path, nil)
		require.NoError(t, os.Rename(path, path+".1"))
		require.NoError(t, os.Mkdir(path, 0o700))
		l.Reopen()
		require.Eventually(t, func() bool { return len(l.reopen) == 0 }, time.Minute, time.Millisecond)
		l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
		require.Contains(t, l.end(), "the old file stays in use")
		require.Len(t, fileOf(t, path+".1"), 1)
	})

	t.Run("has whole lines, also when two processes write it", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "audit.log")
		one, other := run(t, path, nil), run(t, path, nil)
		var wg sync.WaitGroup
		for _, l := range []*trail{one, other} {
			for range 20 {
				wg.Go(func() {
					for range 50 {
						l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
					}
				})
			}
		}
		wg.Wait()
		require.Empty(t, one.end()+other.end())
		require.Len(t, fileOf(t, path), 2000)
	})

	t.Run("is judged without being made", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		file := func(name string) string { return filepath.Join(dir, name) }
		require.NoError(t, syscall.Mkfifo(file("pipe"), 0o600))
		require.NoError(t, os.WriteFile(file("there"), []byte("x"), 0o600))
		for _, good := range []string{"", Stdout, file("there"), file("new")} {
			require.NoError(t, Check(good), good)
		}
		require.NoFileExists(t, file("new"))
		for _, bad := range []string{dir, file("pipe"), file("none/new"), file("there/new"), "/dev/null"} {
			require.Error(t, Check(bad), bad)
			_, err := Open(bad, nil, slog.New(slog.DiscardHandler))
			require.Error(t, err, bad)
		}
	})
}

// stubborn takes nothing until it is let go.
type stubborn struct {
	bytes.Buffer
	free chan struct{}
}

func (s *stubborn) Write(p []byte) (int, error) {
	<-s.free
	return s.Buffer.Write(p)
}

// broken fails as it is told: each write takes the next count of bytes, and less than all is an error.
type broken struct {
	bytes.Buffer
	takes []int // -1: everything
}

func (b *broken) Write(p []byte) (int, error) {
	n := -1
	if len(b.takes) > 0 {
		n, b.takes = b.takes[0], b.takes[1:]
	}
	if n < 0 {
		return b.Buffer.Write(p)
	}
	b.Buffer.Write(p[:n])
	return n, errors.New("no space left on device")
}

func TestNobodyWaits(t *testing.T) {
	t.Parallel()

	t.Run("for a writer that is stuck; what is lost is counted, complained of once, and written down later", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			out := &stubborn{free: make(chan struct{})}
			l := run(t, Stdout, out)
			registry := prometheus.NewRegistry()
			l.Register(registry)
			l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
			synctest.Wait() // one is stuck, and the queue is empty
			for range queued + 10 {
				l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
			}
			metrics, err := registry.Gather()
			require.NoError(t, err)
			require.Equal(t, "claimprover_audit_lines_lost_total", metrics[0].GetName())
			require.EqualValues(t, 10, metrics[0].GetMetric()[0].GetCounter().GetValue())
			close(out.free)
			synctest.Wait()
			require.Equal(t, 1, strings.Count(l.end(), "audit lines lost"))
			lines := linesOf(t, out.Bytes())
			require.Len(t, lines, 1+1+queued)
			require.Equal(t, Lost, lines[1].Event)
			require.EqualValues(t, 10, lines[1].Lines)
		})
	})

	t.Run("at the end, beyond a moment", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			out := &stubborn{free: make(chan struct{})}
			l := run(t, Stdout, out)
			l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
			l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
			synctest.Wait()
			began := time.Now()
			l.cancel()
			require.NoError(t, <-l.done)
			require.Equal(t, lastWords, time.Since(began))
			require.Contains(t, l.told.String(), "nothing takes them")
			close(out.free)
		})
	})

	t.Run("and what is queued is written before the end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			out := &stubborn{free: make(chan struct{})}
			l := run(t, Stdout, out)
			for range 100 {
				l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
			}
			l.cancel()
			synctest.Wait()
			close(out.free)
			require.Empty(t, l.end())
			require.Len(t, linesOf(t, out.Bytes()), 100)
		})
	})
}

func TestAWriteThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The first line is cut, the second is not taken at all, nor is what the third would say of them.
		out := &broken{takes: []int{5, 0, 0, 0, 0}}
		l := run(t, Stdout, out)
		for range 3 {
			l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
			synctest.Wait()
		}
		l.Admitted(asked("key:bob"), theJob(), jobs.Queued)
		synctest.Wait()
		told := l.end()
		require.Equal(t, 1, strings.Count(told, "audit log cannot be written"), told)
		require.Equal(t, 1, strings.Count(told, "audit log is written again"), told)
		cut, rest, _ := bytes.Cut(out.Bytes(), []byte("\n"))
		require.Len(t, cut, 5)
		lines := linesOf(t, rest)
		require.Len(t, lines, 2)
		require.EqualValues(t, 3, lines[0].Lines)
		require.Equal(t, "key:bob", lines[1].Owner)
	})
}

func TestNoLog(t *testing.T) {
	t.Parallel()
	l, err := Open("", nil, nil)
	require.NoError(t, err)
	require.Nil(t, l)
	l.Admitted(asked("key:alice"), theJob(), jobs.Queued)
	l.Refused(asked("key:alice"), fault.QueueFull)
	l.Reopen()
	l.Register(prometheus.NewRegistry())
}
