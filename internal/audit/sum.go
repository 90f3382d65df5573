package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Sum is what one owner did with one outcome.
type Sum struct {
	Owner   string // browser tokens together, under the key that minted them: "token:<key>"
	Event   Event
	Outcome string
	Count   int
	Waited  time.Duration // of ended jobs that ran: the mean time in the queue
	Ran     time.Duration // the mean time a worker had them
	Cost    *big.Int      // in all, in base units of the network's token; nil: nothing was bought
}

// Summary adds up the lines that are read into it. Its zero value takes every line. It is used by one goroutine, and
// grows with the number of owners.
type Summary struct {
	Since    time.Time // older lines are left out
	Lost     uint64    // lines that the log says are missing
	Unread   int       // lines that are none of ours, or were cut
	Counted  int
	Earliest time.Time // of the lines that were counted; zero: none
	Latest   time.Time

	sums map[key]*total
}

type key struct {
	owner   string
	event   Event
	outcome string
}

type total struct {
	count, ran        int
	waitedAll, ranAll float64 // seconds
	cost              *big.Int
}

// maxLine is more than the longest line that a Log writes.
const maxLine = 64 << 10

// Read adds the lines of a file. What is no line is counted as Unread; the error is that of r.
func (s *Summary) Read(r io.Reader) error {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := lines.ReadSlice('\n')
		whole := !errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a line that is too long
			_, err = lines.ReadSlice('\n')
		}
		if text = bytes.TrimSpace(text); !whole {
			s.Unread++
		} else if len(text) > 0 {
			s.add(text)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (s *Summary) add(text []byte) {
	var l Line
	err := json.Unmarshal(text, &l)
	at := time.Time(l.Time)
	switch {
	case err != nil, at.IsZero(), l.Event != Submitted && l.Event != Ended && l.Event != Lost:
		s.Unread++
	case at.Before(s.Since):
	case l.Event == Lost:
		s.Lost += l.Lines
	default:
		s.count(l, at)
	}
}

func (s *Summary) count(l Line, at time.Time) {
	s.Counted++
	if s.Earliest.IsZero() || at.Before(s.Earliest) {
		s.Earliest = at
	}
	if at.After(s.Latest) {
		s.Latest = at
	}
	if s.sums == nil {
		s.sums = make(map[key]*total)
	}
	k := key{together(l.Owner), l.Event, printable(l.Outcome)}
	t := s.sums[k]
	if t == nil {
		t = new(total)
		s.sums[k] = t
	}
	t.count++
	if l.Waited != nil && l.Ran != nil {
		t.ran++
		t.waitedAll += *l.Waited
		t.ranAll += *l.Ran
	}
	if cost, ok := new(big.Int).SetString(l.Cost, 10); ok {
		if t.cost == nil {
			t.cost = new(big.Int)
		}
		t.cost.Add(t.cost, cost)
	}
}

// together leaves the number of a browser token out: each has its own, and lives for an hour at most.
func together(owner string) string {
	if rest, is := strings.CutPrefix(owner, "token:"); is {
		name, _, _ := strings.Cut(rest, ":")
		owner = "token:" + name
	}
	return printable(owner)
}

// printable takes out what could move a terminal's cursor: a file may have been written by anybody.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// Sums gives them by owner, what was submitted before what has ended, and by outcome.
func (s *Summary) Sums() []Sum {
	all := make([]Sum, 0, len(s.sums))
	for k, t := range s.sums {
		sum := Sum{Owner: k.owner, Event: k.event, Outcome: k.outcome, Count: t.count, Cost: t.cost}
		if t.ran > 0 {
			sum.Waited = time.Duration(t.waitedAll / float64(t.ran) * float64(time.Second))
			sum.Ran = time.Duration(t.ranAll / float64(t.ran) * float64(time.Second))
		}
		all = append(all, sum)
	}
	slices.SortFunc(all, func(a, b Sum) int {
		return cmp.Or(cmp.Compare(a.Owner, b.Owner), -cmp.Compare(a.Event, b.Event), cmp.Compare(a.Outcome, b.Outcome))
	})
	return all
}
