package audit

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"claimprover/internal/api"
)

const (
	queued    = 4096            // lines that wait for the writer
	lastWords = 2 * time.Second // that the writer has for them once the service has ended
	quiet     = time.Minute     // at least, between two complaints of one kind
)

// Log writes lines to a file or a stream. A nil one writes nothing.
type Log struct {
	log    *slog.Logger
	out    *sink // owned by the writer
	lines  chan []byte
	reopen chan struct{} // one slot

	missing atomic.Uint64 // lost since the last line that said so
	lost    atomic.Uint64 // ever
	full    complaint     // of a full queue
	failing bool          // owned by the writer: the last write failed
}

// Stdout is the path that stands for standard output.
const Stdout = "-"

// Open makes a log that appends to the file at path, which it creates if it is not there, or for the path [Stdout]
// writes to stdout. Nothing is written before [Log.Run]. No path is no log: nil.
func Open(path string, stdout io.Writer, log *slog.Logger) (*Log, error) {
	if path == "" {
		return nil, nil
	}
	l := &Log{log: log, lines: make(chan []byte, queued), reopen: make(chan struct{}, 1)}
	if path == Stdout {
		l.out = &sink{Writer: stdout}
		return l, nil
	}
	out, err := openFile(path)
	l.out = out
	return l, err
}

// Register adds the metric of lost lines.
func (l *Log) Register(r prometheus.Registerer) {
	if l == nil {
		return
	}
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "claimprover_audit_lines_lost_total", Help: "Lines that the audit log should have and has not.",
	}, func() float64 { return float64(l.lost.Load()) }))
}

// Reopen opens the file anew, after it was moved away. It returns at once. When that fails the old one stays in use.
func (l *Log) Reopen() {
	if l == nil {
		return
	}
	select {
	case l.reopen <- struct{}{}:
	default: // asked for already
	}
}

// add puts a line into the queue, or loses it.
func (l *Log) add(line Line) {
	if l == nil {
		return
	}
	select {
	case l.lines <- encoded(line):
	default:
		l.lose()
		if l.full.due() {
			l.log.Error("audit lines lost: they come faster than they can be written")
		}
	}
}

func (l *Log) lose() {
	l.missing.Add(1)
	l.lost.Add(1)
}

func encoded(line Line) []byte { return append(api.Encode(line), '\n') }

// Run writes until ctx ends, then what is still queued, and closes the file. It waits a bounded time for a disk or a
// pipe that takes nothing any more. It is to be called once.
func (l *Log) Run(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.write(ctx.Done())
	}()
	<-ctx.Done()
	select {
	case <-done:
	case <-time.After(lastWords):
		l.log.Error("audit lines lost: nothing takes them", "lines", len(l.lines))
	}
	return nil
}

func (l *Log) write(ending <-chan struct{}) {
	defer l.out.close()
	for {
		select {
		case line := <-l.lines:
			l.put(line)
		case <-l.reopen:
			l.again()
		case <-ending:
			for len(l.lines) > 0 {
				l.put(<-l.lines)
			}
			l.confess()
			return
		}
	}
}

// put writes a line, after one that says what is missing before it.
func (l *Log) put(line []byte) {
	l.confess()
	if err := l.out.write(line); err != nil {
		l.lose()
		l.fail(err)
		return
	}
	if l.failing {
		l.failing = false
		l.log.Info("audit log is written again")
	}
}

func (l *Log) confess() {
	n := l.missing.Swap(0)
	if n == 0 {
		return
	}
	if err := l.out.write(encoded(Line{Time: api.Time(time.Now()), Event: Lost, Lines: n})); err != nil {
		l.missing.Add(n)
		l.fail(err)
	}
}

// fail complains once, until a line could be written again.
func (l *Log) fail(err error) {
	if !l.failing {
		l.failing = true
		l.log.Error("audit log cannot be written", "err", err)
	}
}

func (l *Log) again() {
	if err := l.out.reopen(); err != nil {
		l.log.Error("audit log cannot be opened again, the old file stays in use", "err", err)
		return
	}
	l.log.Info("audit log opened again")
}

// complaint is due once in a while.
type complaint struct{ last atomic.Pointer[time.Time] }

func (c *complaint) due() bool {
	now, last := time.Now(), c.last.Load() // compared on the monotonic clock
	return (last == nil || now.Sub(*last) >= quiet) && c.last.CompareAndSwap(last, &now)
}
