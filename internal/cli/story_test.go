package cli

import (
	"bytes"
	"testing"
	"time"

	"claimprover/internal/api"

	"github.com/stretchr/testify/require"
	"github.com/vbauerster/mpb/v8/decor"
)

func TestAnETAIsARoundedRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		low, high int
		since     time.Duration
		says      string
	}{
		{240, 420, 0, "about 4–7 min left"},
		{240, 420, 3 * time.Minute, "about 1–4 min left"},
		{240, 420, 4 * time.Minute, "up to 3 min left"},
		{25, 44, 0, "about 20–50 s left"},
		{25, 44, 20 * time.Second, "up to 30 s left"},
		{240, 420, 8 * time.Minute, "taking longer than usual, still running"},
	} {
		job := api.Job{ETASeconds: &[2]int{c.low, c.high}}
		require.Equal(t, c.says, left(job, c.since))
	}
	require.Equal(t, "usually minutes", left(api.Job{}, 0), "without data")
}

func TestPlainLinesTellEachChangeOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	lines := &plainLines{out: &out}
	job := func(status, phase string, position int) api.Job {
		return api.Job{Status: status, Phase: phase, Position: position, QueueSize: 12}
	}
	for _, e := range []api.Event{
		{Type: "position", Job: job("pending", "", 3)}, {Type: "position", Job: job("pending", "", 3)},
		{Type: "running", Job: job("running", "", 0)}, {Type: "running", Job: job("running", "no bids yet", 0)},
		{Type: "running", Job: job("running", "\x1b[2J\u202ewiped", 0)},
		{Type: "verified", Job: api.Job{Status: "running", VerifiedBy: []string{"groth16", "onchain"}}},
		{Type: "completed", Job: job("completed", "", 0)},
	} {
		lines.show(e)
		if e.Type == "position" {
			lines.lost()
			lines.lost()
		}
	}
	require.Equal(t, "in line      3 of 12   usually minutes\nreconnecting\nin line      3 of 12   usually minutes\nreconnecting\n"+
		"proving      2/4\nno bids yet   2/4\n\uFFFD[2J\uFFFDwiped   2/4\nchecking     groth16, onchain\n", out.String())
}

func TestAMovingLineEndsQuietly(t *testing.T) {
	t.Parallel()
	line := newMovingLine(&bytes.Buffer{})
	line.show(api.Event{Type: "running", Job: api.Job{Status: "running"}})
	line.lost()
	require.Contains(t, line.before(nothing), reconnecting)
	line.show(api.Event{Type: "verified", Job: api.Job{Status: "running"}})
	require.Contains(t, line.before(nothing), "checking")
	require.Contains(t, line.after(nothing), "3/4")
	line.show(api.Event{Type: "completed", Job: api.Job{Status: "completed"}})
	line.close()
}

var nothing decor.Statistics

func TestClock(t *testing.T) {
	t.Parallel()
	for d, says := range map[time.Duration]string{
		400 * time.Millisecond: "0s", 59 * time.Second: "59s", 341 * time.Second: "5m41s", 62 * time.Minute: "1h02m",
	} {
		require.Equal(t, says, clock(d))
	}
}
