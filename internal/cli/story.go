package cli

import (
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"claimprover/internal/api"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// steps are what a job goes through: in line, proving, checking, ready.
const steps = 4

// step tells which one an event stands for, and its word.
func step(e api.Event) (n int, word string) {
	switch {
	case e.Job.Status == "completed":
		return 4, "ready"
	case e.Type == "verified" || e.Job.Phase == "verified" || e.Job.Phase == "checking":
		return 3, "checking"
	case e.Job.Status == "running" && e.Job.Phase != "":
		return 2, short(printable(e.Job.Phase))
	case e.Job.Status == "running":
		return 2, "proving"
	default:
		return 1, "in line"
	}
}

// short cuts a prover's own word to what a line has room for.
func short(text string) string {
	if runes := []rune(text); len(runes) > 24 {
		return string(runes[:23]) + "…"
	}
	return text
}

// place is where a waiting job stands.
func place(job api.Job) string {
	if job.Position == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d", job.Position, max(job.QueueSize, job.Position))
}

// left says how long it will take from an ETA that was given a while ago; a rounded range, never a countdown.
func left(job api.Job, since time.Duration) string {
	if job.ETASeconds == nil {
		return "usually minutes"
	}
	low, high := float64(job.ETASeconds[0])-since.Seconds(), float64(job.ETASeconds[1])-since.Seconds()
	switch {
	case high <= 0:
		return "taking longer than usual, still running"
	case high < 90:
		return span(max(low, 0), high, 10, "s") + " left"
	default:
		return span(max(low, 0)/60, high/60, 1, "min") + " left"
	}
}

// span rounds a range outwards to whole units.
func span(low, high, unit float64, name string) string {
	from, to := math.Floor(low/unit)*unit, math.Ceil(high/unit)*unit
	if from == 0 {
		return fmt.Sprintf("up to %.0f %s", to, name)
	}
	return fmt.Sprintf("about %.0f–%.0f %s", from, to, name)
}

// checked says what a proof passed.
func checked(job api.Job) string {
	switch {
	case job.Verified != nil && *job.Verified:
		return "checked: " + printable(strings.Join(job.VerifiedBy, ", "))
	case job.ProverMode == "mock":
		return "test proof, not valid on chain"
	default:
		return "not checked by the service"
	}
}

// warningLine is a job's warning as a line of the story.
func warningLine(job api.Job) string { return "! " + printable(job.Warning) }

// clock prints a duration as people say it.
func clock(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}

// reconnecting stands where a state would, until the service is heard again.
const reconnecting = "reconnecting"

// nobody reads the story.
type nobody struct{}

func (nobody) show(api.Event) {}
func (nobody) lost()          {}
func (nobody) close()         {}

// plainLines write a line for each change, without control codes.
type plainLines struct {
	out    io.Writer
	last   string
	warned string // what was said last
}

func (p *plainLines) show(e api.Event) {
	n, word := step(e)
	if e.Job.Status == "failed" || n == steps {
		return // the end is the result, and told as such
	}
	if e.Job.Warning != p.warned && e.Job.Warning != "" {
		fmt.Fprintln(p.out, warningLine(e.Job))
	}
	p.warned = e.Job.Warning
	line := fmt.Sprintf("%-10s", word)
	switch {
	case n == 1 && place(e.Job) != "":
		line += "   " + place(e.Job) + "   " + left(e.Job, 0)
	case n == 3 && len(e.Job.VerifiedBy) > 0:
		line += "   " + printable(strings.Join(e.Job.VerifiedBy, ", "))
	default:
		line += fmt.Sprintf("   %d/%d", n, steps)
	}
	p.say(line)
}

func (p *plainLines) lost() { p.say(reconnecting) }

// say writes a line unless it was the last one already.
func (p *plainLines) say(line string) {
	if line != p.last {
		fmt.Fprintln(p.out, line)
	}
	p.last = line
}

func (p *plainLines) close() {}

// movingLine redraws one line of a terminal.
type movingLine struct {
	progress *mpb.Progress
	bar      *mpb.Bar

	mu    sync.Mutex
	event api.Event // guarded by mu; the newest
	warns string    // guarded by mu; the warning that was said last
	at    time.Time // guarded by mu; when it came
	since time.Time // guarded by mu; when its step began
	away  bool      // guarded by mu; the connection is lost
}

func newMovingLine(out io.Writer) *movingLine {
	now := time.Now()
	m := &movingLine{progress: mpb.New(mpb.WithOutput(out), mpb.WithWidth(24), mpb.WithAutoRefresh()), at: now, since: now}
	m.bar = m.progress.New(steps,
		mpb.BarStyle().Lbound("").Rbound("").Filler("━").Tip("╸").Padding("─"),
		mpb.PrependDecorators(decor.Spinner(nil), decor.Any(m.before)),
		mpb.AppendDecorators(decor.Any(m.after)),
	)
	return m
}

func (m *movingLine) show(e api.Event) {
	m.mu.Lock()
	was, _ := step(m.event)
	is, _ := step(e)
	if was != is || m.event.Job.Status == "" {
		m.since = time.Now()
	}
	m.event, m.at, m.away = e, time.Now(), false
	fresh := e.Job.Warning != "" && e.Job.Warning != m.warns && is < steps // at the end it stands beside the result
	m.warns = e.Job.Warning
	m.mu.Unlock()
	if fresh {
		fmt.Fprintln(m.progress, warningLine(e.Job)) // above the line
	}
	if is < steps { // a bar at its end counts as complete and is drawn once more
		m.bar.SetCurrent(int64(max(was, is)))
	}
}

func (m *movingLine) lost() {
	m.mu.Lock()
	m.away = true
	m.mu.Unlock()
}

func (m *movingLine) before(decor.Statistics) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, word := step(m.event)
	if m.away {
		word = reconnecting
	}
	return fmt.Sprintf(" %-12s ", word)
}

func (m *movingLine) after(decor.Statistics) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, _ := step(m.event)
	text := fmt.Sprintf("  %d/%d   %s", n, steps, clock(time.Since(m.since)))
	if at := place(m.event.Job); n == 1 && at != "" {
		text += "   " + at
	}
	return text + "   " + left(m.event.Job, time.Since(m.at))
}

// close takes the line away.
func (m *movingLine) close() {
	m.bar.Abort(true)
	m.progress.Wait()
}
