//go:build linux

package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"claimprover/internal/fault"
	"claimprover/prover"
	"claimprover/prover/provertest"
)

const testGrace = 100 * time.Millisecond

var (
	errStop    = errors.New("stopped by the test")
	errEndless = errors.New("after a minute it still goes on")
)

// run proves one claim with a host of a mode. When the host says that it is ready, the context ends; free is how long
// Prove took to return after that.
func run(t *testing.T, mode string, o Options) (proof prover.Proof, phases []string, free time.Duration, err error) {
	t.Helper()
	o.Grace = cmp.Or(o.Grace, testGrace)
	p, err := New(program(mode), o)
	require.NoError(t, err)
	bounded, over := context.WithTimeoutCause(t.Context(), time.Minute, errEndless)
	defer over()
	ctx, stop := context.WithCancelCause(bounded)
	defer stop(nil)
	var ended time.Time
	proof, err = p.Prove(ctx, provertest.Input(1), nil, func(at prover.Progress) {
		phases = append(phases, at.Phase)
		if strings.HasPrefix(at.Phase, "ready") {
			ended = time.Now()
			stop(errStop)
		}
	})
	return proof, phases, time.Since(ended), err
}

func TestAGoodProgramProves(t *testing.T) {
	t.Parallel()
	in := provertest.Input(1)
	proof, phases, _, err := run(t, "good", Options{})
	require.NoError(t, err)
	require.Equal(t, prover.Proof{Bytes: in.GuestStdin(), PublicValues: in.PublicValues[:]}, proof)
	require.Equal(t, []string{"executing", "proving"}, phases)
}

func TestContract(t *testing.T) {
	t.Parallel()
	provertest.Run(t, func(t *testing.T) provertest.Subject {
		p, err := New(program("contract"), Options{Grace: testGrace})
		require.NoError(t, err)
		return provertest.Subject{
			Prover: p, Input: provertest.Input(1), Others: []prover.Input{provertest.Input(2), provertest.Input(3)},
			Endless: &endless, Failing: []provertest.Failure{{Input: broken, Code: fault.ProofFailed}}, Stops: 10 * time.Second,
		}
	})
}

func TestARequestIsOneLineThatNobodyNeedsToRead(t *testing.T) {
	t.Parallel()
	proof, _, _, err := run(t, "reads nothing", Options{})
	require.NoError(t, err)
	require.Equal(t, []byte{1}, proof.Bytes)

	line, err := encodeRequest(provertest.Input(1))
	require.NoError(t, err)
	require.Less(t, len(line), maxRequest)
	require.Equal(t, 1, bytes.Count(line, []byte("\n")))
	golden, err := os.ReadFile("testdata/request.json")
	require.NoError(t, err)
	require.Equal(t, string(golden), string(line))

	long := provertest.Input(1)
	long.SS58 = strings.Repeat("x", maxRequest)
	_, err = encodeRequest(long)
	require.ErrorContains(t, err, "a request of")
}

func TestProgramsThatFail(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]struct {
		cause     string
		retryable bool
	}{
		"says an error":      {"the program says: the guest [31mrefused /home/operator", false},
		"says to try again":  {"the program says: out of memory", true},
		"exits":              {"its output ended without a proof", true},
		"crashes":            {"its output ended without a proof", true},
		"closes its output":  {"its output ended without a proof", true},
		"says garbage":       {"a line that is not of the protocol", true},
		"says another type":  {`a message of unknown type "result"`, true},
		"says no phase":      {"progress without a phase", true},
		"says half a proof":  {"a proof without its bytes or its public values", true},
		"says odd hex":       {"a line that is not of the protocol", true},
		"floods with a line": {"token too long", true},
		"floods with lines":  {"10000 lines of output without a proof", true},
		"floods with phases": {"10000 lines of output without a proof", true},
		"exits and leaves a daemon that holds its output": {"its output ended without a proof", true},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			proof, phases, _, err := run(t, mode, Options{})
			require.Zero(t, proof)
			require.ErrorContains(t, err, want.cause)
			f := fault.Of(err)
			require.Equal(t, fault.ProofFailed, f.Code)
			require.Equal(t, want.retryable, f.Retryable)
			require.NotContains(t, f.Message, "operator", "what the program says is for the log")
			require.LessOrEqual(t, len(phases), maxPhases)
		})
	}
}

func TestAProgramEndsByItselfAfterItsLastWord(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	_, _, _, err := run(t, "talks on after its proof", Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Grace: time.Minute})
	require.NoError(t, err)
	require.Contains(t, log.String(), "cleaned up")
}

func TestAProgramIsAskedToEndBeforeItIsKilled(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	_, _, free, err := run(t, "ends when told", Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Grace: time.Minute})
	require.ErrorIs(t, err, errStop)
	require.Contains(t, log.String(), "told to end")
	require.NotContains(t, log.String(), "killed")
	require.Less(t, free, 30*time.Second, "the grace is not waited for")
}

// TestTheProgramOutlivesOtherThreads: the kernel kills a program when the thread that started it ends, and Go's threads
// do. There are several at once, as the goroutine that waits for a program may happen to hold its thread.
func TestTheProgramOutlivesOtherThreads(t *testing.T) {
	t.Parallel()
	const programs = 12
	p, err := New(program("proves on SIGUSR1"), Options{Grace: testGrace})
	require.NoError(t, err)
	running, lost := make(chan int, programs), make(chan struct{})
	var all sync.WaitGroup
	for range programs {
		all.Go(func() {
			told := false
			_, err := p.Prove(t.Context(), provertest.Input(1), nil, func(at prover.Progress) {
				if text, is := strings.CutPrefix(at.Phase, "ready "); is {
					pid, _ := strconv.Atoi(text)
					told = true
					running <- pid
					<-lost
				}
			})
			if err != nil {
				t.Errorf("it was killed: %v", err)
			}
			if !told {
				running <- 0
			}
		})
	}
	var pids []int
	for range programs {
		pids = append(pids, <-running)
	}
	loseThreads(t)
	close(lost)
	for _, pid := range pids {
		if pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGUSR1)
		}
	}
	all.Wait()
}

// loseThreads ends a hundred threads, which are all that have nothing else to do and some new ones.
func loseThreads(t *testing.T) {
	const threads = 100
	ids := make(chan int, threads)
	end := make(chan struct{})
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			runtime.LockOSThread() // and it is never unlocked: the thread ends with its goroutine
			ids <- unix.Gettid()
			<-end
		})
	}
	for len(ids) < threads {
		runtime.Gosched()
	}
	close(end)
	all.Wait()
	for range threads {
		if id := <-ids; id != os.Getpid() { // the first thread stays
			require.Eventually(t, func() bool {
				_, err := os.Stat("/proc/self/task/" + strconv.Itoa(id))
				return err != nil
			}, 20*time.Second, time.Millisecond)
		}
	}
}

func TestTheProgramGetsNoSecrets(t *testing.T) {
	for name, value := range map[string]string{
		"NETWORK_PRIVATE_KEY": "secret", "API_KEYS": "secret", "JWT_SECRET": "secret", "DATABASE_URL": "secret", "RPC_URL": "secret",
		"SP1_PRIVATE_KEY": "secret", "SP1_PROVER": "local", "SP1_DUMP": "1", "RUST_LOG": "info", "RAYON_NUM_THREADS": "2", "HTTPS_PROXY": "secret",
	} {
		t.Setenv(name, value)
	}
	proof, _, _, err := run(t, "environment", Options{})
	require.NoError(t, err)
	environ := strings.Split(string(proof.Bytes), "\n")
	require.NotContains(t, string(proof.Bytes), "secret")
	require.NotContains(t, string(proof.Bytes), "SP1_PROVER=")
	require.Contains(t, environ, "RUST_LOG=info")
	require.Contains(t, environ, "RAYON_NUM_THREADS=2")
	require.Contains(t, environ, "SP1_DUMP=1")
	require.Contains(t, environ, "PATH="+os.Getenv("PATH"))
}

func TestWhatTheProgramWritesIsCutAndLimitedInTheLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	_, _, _, err := run(t, "floods the log", Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Less(t, len(lines), 2*logBurst)
	require.Contains(t, lines[0], "long long")
	require.NotContains(t, lines[1], "long long", "only the beginning of a line")
	for _, line := range lines {
		require.Less(t, len(line), 2*maxText)
	}
	require.Contains(t, lines[len(lines)-1], "dropped_lines=")
}

func TestAProgramThatIsNotThereShowsAtStart(t *testing.T) {
	t.Parallel()
	for _, argv := range [][]string{nil, {""}, {"/nowhere/prover"}, {os.DevNull}} {
		_, err := New(argv, Options{})
		require.Error(t, err)
	}
}

func TestAProgramThatCannotStartLeavesNothing(t *testing.T) {
	t.Parallel()
	p := &Prover{path: "/nowhere/prover", grace: testGrace, log: slog.New(slog.DiscardHandler)}
	_, err := p.Prove(t.Context(), provertest.Input(1), nil, nil)
	require.ErrorContains(t, err, "starting the prover program")
	require.Equal(t, fault.Internal, fault.Of(err).Code)
}

func TestNothingStartsAfterTheJobHasEnded(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errStop)
	p := &Prover{path: "/nowhere/prover", grace: testGrace, log: slog.New(slog.DiscardHandler)}
	_, err := p.Prove(ctx, provertest.Input(1), nil, nil)
	require.ErrorIs(t, err, errStop)
}

func TestAPhaseIsAWordOrTwo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"proving": "proving", " proving\n": "proving", "a\x1b[31mb\u202e": "a[31mb", "\xff\xfeok": "ok",
		strings.Repeat("é", 100): strings.Repeat("é", maxPhase),
	} {
		require.Equal(t, want, clean(text, maxPhase))
	}
}

// BenchmarkFree is how long a worker stays busy after a program's time is up, when the program ignores SIGTERM.
func BenchmarkFree(b *testing.B) {
	for _, grace := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond} {
		b.Run("grace="+grace.String(), func(b *testing.B) {
			p, err := New(program("ignores SIGTERM"), Options{Grace: grace})
			require.NoError(b, err)
			var after time.Duration
			for b.Loop() {
				ctx, stop := context.WithCancelCause(b.Context())
				var ended time.Time
				_, _ = p.Prove(ctx, provertest.Input(1), nil, func(prover.Progress) {
					ended = time.Now()
					stop(errStop)
				})
				after += time.Since(ended) - grace
			}
			b.ReportMetric(float64(after.Microseconds())/1000/float64(b.N), "ms-after-grace")
		})
	}
}

func TestTheDocumentNamesWhatIsPassed(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/local-prover.md")
	require.NoError(t, err)
	for _, name := range slices.Concat(passed, passedPrefixes, kept, []string{mark}) {
		require.Contains(t, string(doc), "`"+name+"`")
	}
	for _, kind := range []string{typeProgress, typeProof, typeError} {
		require.Contains(t, string(doc), `{"type":"`+kind+`"`)
	}
}
