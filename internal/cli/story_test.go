package cli

import (
	"bytes"
	"path/filepath"
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

func TestAWarningIsToldOnceAndAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	job := func(status, warning string) api.Event {
		return api.Event{Type: status, Job: api.Job{Status: status, Warning: warning}}
	}
	events := []api.Event{
		job("pending", ""), job("pending", "Closes\x1b soon."), job("running", "Closes\x1b soon."), job("running", "Too late?"), job("completed", "Too late!"),
	}
	tell := func(v view) {
		for _, e := range events {
			v.show(e)
		}
		v.close()
	}
	var plain, moving bytes.Buffer
	tell(&plainLines{out: &plain})
	require.Equal(t, "in line      1/4\n! Closes\uFFFD soon.\nproving      2/4\n! Too late?\n", plain.String())
	tell(newMovingLine(&moving))
	require.Contains(t, moving.String(), "! Closes\uFFFD soon.\n")
	require.Contains(t, moving.String(), "! Too late?\n")
	require.NotContains(t, moving.String(), "Too late!", "at the end it stands beside the result")
}

func TestTheResultHasItsWarningBesideIt(t *testing.T) {
	t.Parallel()
	verified := true
	job := api.Job{
		JobID: "7f3a91c2-0000-4000-8000-000000000001", Status: "completed", ProverMode: "local", Verified: &verified,
		VerifiedBy: []string{"groth16"}, Warning: "The claim was not tried.",
	}
	for name, c := range map[string]struct {
		output   Output
		out, err string
	}{
		"a story": {Output{}, "✓ proof ready in a while   checked: groth16   → ", "! The claim was not tried.\n"},
		"JSON":    {Output{JSON: true}, `"warning":"The claim was not tried."`, ""},
		"quiet":   {Output{Quiet: true}, "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, err bytes.Buffer
			w := &watching{Output: c.output, std: Streams{Out: &out, Err: &err}, out: filepath.Join(t.TempDir(), "proof.json")}
			require.NoError(t, w.finish(job))
			require.Contains(t, out.String(), c.out)
			require.Equal(t, c.err, err.String())
		})
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	for d, says := range map[time.Duration]string{
		400 * time.Millisecond: "0s", 59 * time.Second: "59s", 341 * time.Second: "5m41s", 62 * time.Minute: "1h02m",
	} {
		require.Equal(t, says, clock(d))
	}
}
