package audit

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const day = `{"time":"2026-11-24T11:00:00.000Z","event":"submission","owner":"key:alice","outcome":"queued","seconds":0.1}
{"time":"2026-11-24T11:00:01.000Z","event":"submission","owner":"key:alice","outcome":"queued","seconds":0.1}
{"time":"2026-11-24T11:00:02.000Z","event":"submission","owner":"key:alice","outcome":"rate_limited","seconds":0.1}
{"time":"2026-11-24T11:00:03.000Z","event":"submission","owner":"token:alice:one","outcome":"joined","seconds":0.1}
{"time":"2026-11-24T11:00:03.000Z","event":"submission","owner":"token:alice:two","outcome":"joined","seconds":0.1}
{"time":"2026-11-24T11:00:04.000Z","event":"lost","lines":3,"seconds":0}
{"time":"2026-11-24T11:02:00.000Z","event":"end","owner":"key:alice","outcome":"completed","seconds":3,"waitedSeconds":1,"ranSeconds":2,"cost":"18446744073709551615"}
{"time":"2026-11-24T11:03:00.000Z","event":"end","owner":"key:alice","outcome":"completed","seconds":7,"waitedSeconds":3,"ranSeconds":4,"cost":"1","later":"a field of a later release"}
{"time":"2026-11-24T11:04:00.000Z","event":"end","owner":"key:alice","outcome":"cancelled","seconds":7}
`

func TestSums(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return at
	}

	t.Run("are by owner and outcome, browser tokens with their key's name", func(t *testing.T) {
		t.Parallel()
		var s Summary
		require.NoError(t, s.Read(strings.NewReader(day)))
		cost, _ := new(big.Int).SetString("18446744073709551616", 10)
		require.Equal(t, []Sum{
			{Owner: "key:alice", Event: Submitted, Outcome: "queued", Count: 2},
			{Owner: "key:alice", Event: Submitted, Outcome: "rate_limited", Count: 1},
			{Owner: "key:alice", Event: Ended, Outcome: "cancelled", Count: 1},
			{Owner: "key:alice", Event: Ended, Outcome: "completed", Count: 2, Waited: 2 * time.Second, Ran: 3 * time.Second, Cost: cost},
			{Owner: "token:alice", Event: Submitted, Outcome: "joined", Count: 2},
		}, s.Sums())
		require.EqualValues(t, 3, s.Lost)
		require.Equal(t, 8, s.Counted)
		require.Zero(t, s.Unread)
		require.Equal(t, at("2026-11-24T11:00:00Z"), s.Earliest)
		require.Equal(t, at("2026-11-24T11:04:00Z"), s.Latest)
	})

	t.Run("leave out what is older, and go over several files", func(t *testing.T) {
		t.Parallel()
		s := Summary{Since: at("2026-11-24T11:03:00Z")}
		require.NoError(t, s.Read(strings.NewReader(day)))
		require.NoError(t, s.Read(strings.NewReader(day)))
		require.Zero(t, s.Lost)
		require.Equal(t, 4, s.Counted)
		require.Equal(t, 2, s.Sums()[0].Count)
	})

	t.Run("step over what is no line, and say how much it was", func(t *testing.T) {
		t.Parallel()
		var s Summary
		junk := "{\"time\":\"20\n\n\n" + strings.Repeat("x", 3*maxLine) + "\n[]\n{}\n" + `{"time":"2026-11-24T11:00:00.000Z","event":"other"}` + "\n\x00\n"
		require.NoError(t, s.Read(strings.NewReader(junk+day+strings.TrimSpace(strings.Split(day, "\n")[0]))))
		require.Equal(t, 6, s.Unread)
		require.Equal(t, 9, s.Counted, "a last line without an end counts too")
	})

	t.Run("print nothing that moves a cursor", func(t *testing.T) {
		t.Parallel()
		var s Summary
		require.NoError(t, s.Read(strings.NewReader(`{"time":"2026-11-24T11:00:00.000Z","event":"end","owner":"jwt:\u001b[2J\u202e","outcome":"a\nb"}`)))
		require.Equal(t, "jwt:�[2J�", s.Sums()[0].Owner)
		require.Equal(t, "a�b", s.Sums()[0].Outcome)
	})
}

// Whatever stands in a file: every line that is not empty is either counted, left out by its age, missing or unread.
func FuzzSummary(f *testing.F) {
	for _, line := range strings.Split(day, "\n") {
		f.Add(line)
	}
	f.Add("{}\n\n[1]\n" + day)
	f.Fuzz(func(t *testing.T, text string) {
		var s Summary
		require.NoError(t, s.Read(strings.NewReader(text)))
		n := 0
		for _, sum := range s.Sums() {
			n += sum.Count
		}
		require.Equal(t, s.Counted, n)
		lines := 0
		for line := range strings.SplitSeq(text, "\n") {
			if strings.TrimSpace(line) != "" {
				lines++
			}
		}
		require.LessOrEqual(t, s.Counted+s.Unread, lines)
	})
}
