package provertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"claimprover/internal/fault"
	"claimprover/prover"
)

// errStopped is the cause with which the contract ends contexts.
var errStopped = errors.New("stopped by the test")

var contract = []sentence{
	{"delivers a proof of its own claim", delivers},
	{"delivers again, and pays nothing, when the answer is lost", deliversAgain},
	{"names each phase", namesPhases},
	{"pays at most once when a Save fails before the write", atEverySave(func(func()) Fault { return Fails })},
	{"pays at most once when the answer of a Save is lost", atEverySave(func(func()) Fault { return LosesAnswer })},
	{"pays at most once when its context ends before a Save's write", atEverySave(func(end func()) Fault { end(); return Fails })},
	{"pays at most once when its context ends in a Save", atEverySave(func(end func()) Fault { end(); return Works })},
	{"pays at most once when its context ends and the answer of a Save is lost", atEverySave(func(end func()) Fault { end(); return LosesAnswer })},
	{"pays at most once when it dies before a Save's write", diesAtEverySave(Fails)},
	{"pays at most once when it dies after a Save's write", diesAtEverySave(LosesAnswer)},
	{"pays at most once when its context ends at a phase", atEveryPhase},
	{"pays at most once when it dies again and again", diesAgainAndAgain},
	{"spends nothing under a context that has ended", endedBefore},
	{"spends nothing on a journal that it cannot read", unreadable},
	{"stops when its context ends while it waits", stopsWaiting},
	{"never reports after it has returned", reportsInTime},
	{"keeps claims apart that are proved at the same time", keepsApart},
	{"fails with a code, a message and nothing owed", failsWell},
}

// mostKills bounds the tables of kills; no prover has so many Saves or phases.
const mostKills = 100

func delivers(ctx context.Context, fresh func() Subject) error {
	s := fresh()
	c := first(s)
	got, wrong := c.prove(ctx)
	if got.err != nil {
		return errors.Join(fmt.Errorf("its claim was not proved: %w", got.err), wrong)
	}
	return errors.Join(wrong, paidOnce(s), c.late())
}

// deliversAgain: whoever receives the proof ends the journal, and may die before.
func deliversAgain(ctx context.Context, fresh func() Subject) error {
	s := fresh()
	c := first(s)
	if _, wrong := c.prove(ctx); wrong != nil {
		return wrong
	}
	return recovers(ctx, s, c.journal)
}

func namesPhases(ctx context.Context, fresh func() Subject) error {
	c := first(fresh())
	_, wrong := c.prove(ctx)
	for i := 1; i < len(c.phases); i++ {
		if c.phases[i] == c.phases[i-1] {
			wrong = errors.Join(wrong, fmt.Errorf("phase %q was reported twice in a row", c.phases[i].Phase))
		}
	}
	if len(c.phases) == 0 {
		wrong = errors.Join(wrong, errors.New("no phase was reported"))
	}
	return errors.Join(wrong, c.late())
}

// atEverySave befalls the first Save, then in another life the second, and so on, each time with what befall says.
func atEverySave(befall func(end func()) Fault) func(context.Context, func() Subject) error {
	return untilUntouched("Save", func(c *call, end func(), n int, hit *bool) {
		c.onSave = func(at int) Fault {
			if at != n {
				return Works
			}
			*hit = true
			return befall(end)
		}
	})
}

// diesAtEverySave is a crash: the context ends in the Save, and nothing is written any more.
func diesAtEverySave(fault Fault) func(context.Context, func() Subject) error {
	return untilUntouched("Save", func(c *call, end func(), n int, hit *bool) {
		c.onSave = func(at int) Fault {
			switch {
			case at < n:
				return Works
			case at > n:
				return Fails
			}
			*hit = true
			end()
			return fault
		}
	})
}

var atEveryPhase = untilUntouched("phase", func(c *call, end func(), n int, hit *bool) {
	c.onPhase = func(at int) {
		if at == n {
			*hit = true
			end()
		}
	}
})

// untilUntouched lives one life for each n from 1 on, in which arm does something to the first call at its n-th point,
// until a life goes by that has no such point.
func untilUntouched(point string, arm func(c *call, end func(), n int, hit *bool)) func(context.Context, func() Subject) error {
	return func(ctx context.Context, fresh func() Subject) error {
		for n := 1; n <= mostKills; n++ {
			hit := false
			err := live(ctx, fresh(), func(c *call, end func()) { arm(c, end, n, &hit) })
			if err != nil {
				return fmt.Errorf("%s %d: %w", point, n, err)
			}
			if !hit {
				return nil
			}
		}
		return fmt.Errorf("more than %d of %ss", mostKills, point)
	}
}

// live calls Prove once with what arm does to it, then new instances, undisturbed, until the proof is there.
func live(ctx context.Context, s Subject, arm func(c *call, end func())) error {
	c := first(s)
	ending, end := context.WithCancelCause(ctx)
	defer end(nil)
	arm(c, func() { end(errStopped) })
	got, wrong := c.prove(ending)
	if got.err == nil || wrong != nil {
		return errors.Join(wrong, paidOnce(s), c.late())
	}
	return errors.Join(recovers(ctx, s, c.journal), c.late())
}

// recovers calls a new instance with the journal that an earlier one left. It must deliver.
func recovers(ctx context.Context, s Subject, journal *Journal) error {
	c := again(s, journal)
	got, wrong := c.prove(ctx)
	if got.err != nil {
		return errors.Join(fmt.Errorf("called again it did not deliver: %w", got.err), wrong)
	}
	return errors.Join(wrong, paidOnce(s), c.late())
}

// diesAgainAndAgain dies once at the first Save that works, then at the second, each time with the journal that the
// last death left.
func diesAgainAndAgain(ctx context.Context, fresh func() Subject) error {
	s := fresh()
	journal := &Journal{}
	for n := range 6 {
		c := again(s, journal)
		ending, end := context.WithCancelCause(ctx)
		c.onSave = func(at int) Fault {
			if at <= n/2 {
				return Works
			}
			end(errStopped)
			return LosesAnswer
		}
		got, wrong := c.prove(ending)
		end(nil)
		if got.err == nil || wrong != nil {
			return errors.Join(wrong, paidOnce(s), c.late())
		}
	}
	return recovers(ctx, s, journal)
}

func endedBefore(ctx context.Context, fresh func() Subject) error {
	s := fresh()
	ended, end := context.WithCancelCause(ctx)
	end(errStopped)
	c := first(s)
	got, wrong := c.prove(ended)
	if got.err == nil {
		wrong = errors.Join(wrong, errors.New("it proved under a context that had ended"))
	}
	if n := s.paid(); n > 0 {
		wrong = errors.Join(wrong, fmt.Errorf("money was spent %d times", n))
	}
	return errors.Join(wrong, c.late())
}

// unreadable: what cannot be read may be a request that was paid for.
func unreadable(ctx context.Context, fresh func() Subject) error {
	s := fresh()
	c := first(s)
	if err := c.journal.Save(ctx, []byte("\x00not a journal")); err != nil {
		return err
	}
	_, wrong := c.prove(ctx)
	if n := s.paid(); n > 0 {
		wrong = errors.Join(wrong, fmt.Errorf("money was spent %d times", n))
	}
	return errors.Join(wrong, c.late())
}

func stopsWaiting(ctx context.Context, fresh func() Subject) error {
	s := fresh()
	if s.Endless == nil {
		return nil
	}
	c := first(s)
	c.input = *s.Endless
	ending, end := context.WithTimeoutCause(ctx, 50*time.Millisecond, errStopped)
	defer end()
	got, wrong := c.prove(ending)
	if got.err == nil {
		wrong = errors.Join(wrong, errors.New("the endless claim was proved"))
	}
	return errors.Join(wrong, c.late())
}

// reportsInTime holds up the first report until well after the context has ended: a Prove that does not wait for its
// reports is back before.
func reportsInTime(ctx context.Context, fresh func() Subject) error {
	s := fresh()
	c := first(s)
	ending, end := context.WithCancelCause(ctx)
	defer end(nil)
	c.onPhase = func(n int) {
		if n == 1 {
			end(errStopped)
			wait := time.NewTimer(s.stops() / 20)
			defer wait.Stop()
			<-wait.C
		}
	}
	_, wrong := c.prove(ending)
	return errors.Join(wrong, c.late())
}

func keepsApart(ctx context.Context, fresh func() Subject) error {
	s := fresh()
	var (
		all sync.WaitGroup
		mu  sync.Mutex
		bad []error
	)
	for _, in := range append([]prover.Input{s.Input}, s.Others...) {
		// Whether something was paid too early is not judged here: the counter is one for all.
		alone := s
		alone.Paid = nil
		c := &call{subject: alone, prover: s.Prover, input: in, journal: &Journal{}}
		all.Go(func() {
			got, wrong := c.prove(ctx)
			mu.Lock()
			defer mu.Unlock()
			bad = append(bad, got.err, wrong)
		})
	}
	all.Wait()
	return errors.Join(append(bad, paidOnce(s))...)
}

func failsWell(ctx context.Context, fresh func() Subject) error {
	for i := range fresh().Failing {
		s := fresh()
		if err := s.failsAs(ctx, s.Failing[i]); err != nil {
			return fmt.Errorf("%s: %w", s.Failing[i].Code, err)
		}
	}
	return nil
}

func (s Subject) failsAs(ctx context.Context, want Failure) error {
	c := first(s)
	c.input = want.Input
	got, wrong := c.prove(ctx)
	if got.err == nil {
		return errors.Join(wrong, errors.New("the claim was proved"))
	}
	f, ok := errors.AsType[*fault.Error](got.err)
	switch {
	case !ok:
		wrong = errors.Join(wrong, fmt.Errorf("the failure carries no code: %w", got.err))
	case f.Code != want.Code || f.Retryable != want.Retryable:
		wrong = errors.Join(wrong, fmt.Errorf("it failed as %s, retryable %t", f.Code, f.Retryable))
	case f.Message == "":
		wrong = errors.Join(wrong, errors.New("the failure has no message"))
	}
	if !want.Owes {
		wrong = errors.Join(wrong, owesNothing(c.journal))
	}
	return errors.Join(wrong, c.late())
}

func owesNothing(j *Journal) error {
	if entry := j.Load(); entry != nil {
		return fmt.Errorf("something is still owed: %q", entry)
	}
	return nil
}

func paidOnce(s Subject) error {
	if n := s.paid(); n > 1 {
		return fmt.Errorf("it was paid %d times", n)
	}
	return nil
}
