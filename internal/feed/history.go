package feed

import (
	"slices"
	"sync"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// keptDurations bounds the samples of one minute. At four workers a minute holds a handful.
const keptDurations = 256

// history is the last hour of ended jobs, by the minute.
type history struct {
	mu      sync.Mutex
	minutes [60]minute // guarded by mu; at index minute number mod 60
	typical typical    // guarded by mu: percentiles of the hour that ended with the minute they were taken in
}

// typical is what proofs took. Every view of a job asks for it, so it is reckoned once for each new sample or minute.
type typical struct {
	minute   int64 // zero: to be reckoned
	p50, p90 time.Duration
	ok       bool
}

type minute struct {
	number    int64 // minutes since the epoch
	completed int
	failed    map[fault.Code]int
	durations []time.Duration // of completed proofs, from a worker's taking the job to its end
}

func newHistory() *history { return &history{} }

// ended counts a job that a worker or its owner ended.
func (h *history) ended(j jobs.Job) {
	at := j.Outcome.At
	number := at.Unix() / 60
	h.mu.Lock()
	defer h.mu.Unlock()
	m := &h.minutes[number%60]
	if m.number != number {
		*m = minute{number: number, failed: make(map[fault.Code]int)}
	}
	if why := j.Outcome.Failure; why != nil {
		m.failed[why.Code]++
		return
	}
	m.completed++
	h.typical = typical{}
	if len(m.durations) < keptDurations {
		m.durations = append(m.durations, at.Sub(j.StartedAt))
	}
}

// lastLocked gives the minutes that are not older than an hour, oldest first; those without an end are zero but for their number.
func (h *history) lastLocked(now time.Time) []minute {
	this := now.Unix() / 60
	last := make([]minute, 0, 60)
	for number := this - 59; number <= this; number++ {
		m := h.minutes[number%60]
		if m.number != number {
			m = minute{number: number}
		}
		last = append(last, m)
	}
	return last
}

// durations are the median and the 90th percentile of what proofs took in the last hour; false: none was made.
func (h *history) durations() (p50, p90 time.Duration, ok bool) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.durationsLocked(now)
}

func (h *history) durationsLocked(now time.Time) (p50, p90 time.Duration, ok bool) {
	if t := &h.typical; t.minute != now.Unix()/60 {
		var all []time.Duration
		for _, m := range h.lastLocked(now) {
			all = append(all, m.durations...)
		}
		t.minute = now.Unix() / 60
		t.p50, t.p90, t.ok = percentiles(all)
	}
	return h.typical.p50, h.typical.p90, h.typical.ok
}

func percentiles(all []time.Duration) (p50, p90 time.Duration, ok bool) {
	if len(all) == 0 {
		return 0, 0, false
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*9/10], true
}

// hour sums the last hour up.
func (h *history) hour() (completed int, failed map[string]int, proofs *api.Percentiles) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	failed = make(map[string]int)
	for _, m := range h.lastLocked(now) {
		completed += m.completed
		for code, n := range m.failed {
			failed[string(code)] += n
		}
	}
	if p50, p90, ok := h.durationsLocked(now); ok {
		proofs = &api.Percentiles{P50: seconds(p50), P90: seconds(p90)}
	}
	return completed, failed, proofs
}

// byMinute is the last hour for a chart.
func (h *history) byMinute() []api.Minute {
	h.mu.Lock()
	defer h.mu.Unlock()
	chart := make([]api.Minute, 0, 60)
	for _, m := range h.lastLocked(time.Now()) {
		point := api.Minute{At: api.Time(time.Unix(m.number*60, 0)), Completed: m.completed}
		for _, n := range m.failed {
			point.Failed += n
		}
		p50, p90, _ := percentiles(slices.Clone(m.durations))
		point.P50, point.P90 = seconds(p50), seconds(p90)
		chart = append(chart, point)
	}
	return chart
}

// seconds to the tenth: what a reader wants to know.
func seconds(d time.Duration) float64 { return d.Round(100 * time.Millisecond).Seconds() }
