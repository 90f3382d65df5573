package rate_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ulule/limiter/v3"
	"go.uber.org/goleak"

	"claimprover/internal/rate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var pubkey = rate.Policy{Name: "pubkey", Limit: 3, Window: 5 * time.Minute}

// inBubble runs a case on a clock of its own.
func inBubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, f)
	})
}

func spend(t testing.TB, w *rate.Window, key string) (rate.Receipt, rate.State) {
	t.Helper()
	r, s, err := w.Spend(t.Context(), key)
	require.NoError(t, err)
	return r, s
}

func peek(t testing.TB, w *rate.Window, key string) rate.State {
	t.Helper()
	s, err := w.Peek(t.Context(), key)
	require.NoError(t, err)
	return s
}

// exhaust spends what key has left and gives the receipts.
func exhaust(t testing.TB, w *rate.Window, key string) []rate.Receipt {
	t.Helper()
	var receipts []rate.Receipt
	for {
		r, s := spend(t, w, key)
		if s.Refused {
			return receipts
		}
		receipts = append(receipts, r)
	}
}

func TestSpend(t *testing.T) {
	t.Parallel()
	inBubble(t, "the limit is let through and not one more", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		for left := int64(2); left >= 0; left-- {
			r, s := spend(t, w, "a")
			require.False(t, s.Refused)
			require.Equal(t, left, s.Remaining)
			require.Equal(t, rate.Receipt{Policy: "pubkey", Key: "a", Amount: 1, Reset: s.Reset}, r)
		}
		r, s := spend(t, w, "a")
		require.True(t, s.Refused)
		require.Zero(t, s.Remaining)
		require.Zero(t, r, "nothing was taken, so there is nothing to give back")
	})
	inBubble(t, "keys do not share a window", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		exhaust(t, w, "a")
		_, s := spend(t, w, "b")
		require.False(t, s.Refused)
	})
	inBubble(t, "a window begins with the first spend and its end frees the key", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		time.Sleep(time.Hour)
		exhaust(t, w, "a")
		time.Sleep(5*time.Minute - time.Nanosecond)
		_, s := spend(t, w, "a")
		require.True(t, s.Refused)
		time.Sleep(time.Nanosecond)
		_, s = spend(t, w, "a")
		require.Equal(t, int64(2), s.Remaining)
	})
	inBubble(t, "a refused spend neither counts nor prolongs the window", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		receipts := exhaust(t, w, "a")
		for range 100 {
			spend(t, w, "a")
			time.Sleep(time.Second)
		}
		require.NoError(t, w.Refund(t.Context(), receipts[0]))
		_, s := spend(t, w, "a")
		require.False(t, s.Refused)
		require.Equal(t, receipts[0].Reset, s.Reset)
	})
	t.Run("200 at one instant get exactly the limit", func(t *testing.T) {
		t.Parallel()
		w := rate.New(pubkey, rate.Options{})
		var admitted atomic.Int64
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if _, s, err := w.Spend(t.Context(), "a"); err == nil && !s.Refused {
					admitted.Add(1)
				}
			})
		}
		wg.Wait()
		require.Equal(t, int64(3), admitted.Load())
	})
	inBubble(t, "a limit below one counts as one and a window below a second as one second", func(t *testing.T) {
		w := rate.New(rate.Policy{Name: "tight"}, rate.Options{})
		require.Equal(t, rate.Policy{Name: "tight", Limit: 1, Window: time.Second}, w.Policy())
		require.Len(t, exhaust(t, w, "a"), 1)
		time.Sleep(time.Second)
		require.Len(t, exhaust(t, w, "a"), 1)
	})
}

func TestRefund(t *testing.T) {
	t.Parallel()
	inBubble(t, "what is given back can be spent again", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		for _, r := range exhaust(t, w, "a") {
			require.NoError(t, w.Refund(t.Context(), r))
		}
		require.Len(t, exhaust(t, w, "a"), 3)
	})
	inBubble(t, "an ended window is not opened again", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		receipts := exhaust(t, w, "a")
		time.Sleep(5 * time.Minute)
		for _, r := range receipts {
			require.NoError(t, w.Refund(t.Context(), r))
		}
		require.Len(t, exhaust(t, w, "a"), 3)
	})
	inBubble(t, "a later window of the same key is not lifted", func(t *testing.T) {
		// One second is the shortest window and so the one whose resets are closest together.
		w := rate.New(rate.Policy{Name: "short", Limit: 3, Window: time.Second}, rate.Options{})
		time.Sleep(300 * time.Millisecond)
		old := exhaust(t, w, "a")
		time.Sleep(time.Second)
		exhaust(t, w, "a")
		for _, r := range old {
			require.NoError(t, w.Refund(t.Context(), r))
		}
		_, s := spend(t, w, "a")
		require.True(t, s.Refused)
	})
	inBubble(t, "more than was spent cannot be given back", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		r, _ := spend(t, w, "a")
		for range 10 {
			require.NoError(t, w.Refund(t.Context(), r))
		}
		require.Len(t, exhaust(t, w, "a"), 3)
	})
	inBubble(t, "a receipt survives being stored as text", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		time.Sleep(123456789 * time.Nanosecond)
		r := exhaust(t, w, "a")[0]
		text, err := r.Reset.MarshalText()
		require.NoError(t, err)
		r.Reset = time.Time{}
		require.NoError(t, r.Reset.UnmarshalText(text))
		require.NoError(t, w.Refund(t.Context(), r))
		require.Equal(t, int64(1), peek(t, w, "a").Remaining)
	})
	t.Run("spends and refunds at once never let more in than the limit", func(t *testing.T) {
		t.Parallel()
		w := rate.New(pubkey, rate.Options{})
		var inside, most atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for range 100 {
					r, s, err := w.Spend(t.Context(), "a")
					if err != nil || s.Refused {
						continue
					}
					n := inside.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					inside.Add(-1)
					_ = w.Refund(t.Context(), r)
				}
			})
		}
		wg.Wait()
		require.LessOrEqual(t, most.Load(), int64(3))
		require.Len(t, exhaust(t, w, "a"), 3, "everything was given back")
	})
}

func TestPeek(t *testing.T) {
	t.Parallel()
	inBubble(t, "an unknown key has a whole window and stays unknown", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		s := peek(t, w, "a")
		require.False(t, s.Refused)
		require.Equal(t, int64(3), s.Remaining)
		time.Sleep(time.Minute)
		_, s = spend(t, w, "a")
		require.Equal(t, 5*time.Minute, time.Until(s.Reset), "the window began with the spend")
	})
	inBubble(t, "it refuses as soon as nothing is left", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		for range 3 {
			require.False(t, peek(t, w, "a").Refused)
			spend(t, w, "a")
		}
		require.True(t, peek(t, w, "a").Refused)
		time.Sleep(5 * time.Minute)
		require.False(t, peek(t, w, "a").Refused)
	})
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	inBubble(t, "they count in whole seconds that are never too few", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		time.Sleep(700 * time.Millisecond)
		_, s := spend(t, w, "a")
		require.Equal(t, `"pubkey";q=3;w=300`, s.PolicyHeader())
		require.Equal(t, `"pubkey";r=2;t=300`, s.LimitHeader(), "a whole window at most, although its end is rounded up")

		time.Sleep(258*time.Second + 500*time.Millisecond)
		exhaust(t, w, "a")
		_, s = spend(t, w, "a")
		require.Equal(t, `"pubkey";r=0;t=42`, s.LimitHeader())
		require.Equal(t, 42*time.Second, s.RetryAfter())
		time.Sleep(s.RetryAfter())
		_, s = spend(t, w, "a")
		require.False(t, s.Refused, "whoever waits as told is let in")
	})
	inBubble(t, "the advice is at least a second", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{})
		_, s := spend(t, w, "a")
		time.Sleep(time.Hour)
		require.Equal(t, time.Second, s.RetryAfter())
	})
}

func TestMemory(t *testing.T) {
	t.Run("a million callers cost less than 64 MiB", func(t *testing.T) {
		w := rate.New(rate.Policy{Name: "ip", Limit: 10, Window: time.Minute}, rate.Options{})
		before := heap()
		for i := range 1_000_000 {
			if _, _, err := w.Spend(t.Context(), fmt.Sprintf("2001:db8:%x:%x::/64", i>>16, i&0xffff)); err != nil {
				t.Fatal(err)
			}
		}
		grown := heap() - before
		t.Logf("%.1f MiB", float64(grown)/(1<<20))
		require.Less(t, grown, int64(64<<20))
		runtime.KeepAlive(w)
	})
	inBubble(t, "with all places taken the oldest window goes", func(t *testing.T) {
		w := rate.New(pubkey, rate.Options{MaxKeys: 2})
		exhaust(t, w, "first")
		exhaust(t, w, "second")
		exhaust(t, w, "third")
		require.False(t, peek(t, w, "first").Refused)
		require.True(t, peek(t, w, "second").Refused)
		require.True(t, peek(t, w, "third").Refused)
	})
	inBubble(t, "a window that began anew is the newest", func(t *testing.T) {
		w := rate.New(rate.Policy{Name: "x", Limit: 1, Window: time.Minute}, rate.Options{MaxKeys: 2})
		spend(t, w, "again")
		time.Sleep(time.Minute - time.Second)
		spend(t, w, "steady")
		time.Sleep(time.Second)
		spend(t, w, "again")
		spend(t, w, "third")
		require.True(t, peek(t, w, "again").Refused)
		require.False(t, peek(t, w, "steady").Refused)
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// away is a store that cannot be asked.
type away struct{ rate.Store }

var errAway = errors.New("connection refused")

func (away) Increment(context.Context, string, int64, limiter.Rate) (limiter.Context, error) {
	return limiter.Context{}, errAway
}
func (away) Peek(context.Context, string, limiter.Rate) (limiter.Context, error) {
	return limiter.Context{}, errAway
}
func (away) Refund(context.Context, string, int64, int64, limiter.Rate) error { return errAway }

func TestAStoreThatIsAwayIsAnErrorAndNoAnswer(t *testing.T) {
	t.Parallel()
	w := rate.New(pubkey, rate.Options{Store: away{}})
	_, _, err := w.Spend(t.Context(), "a")
	require.ErrorIs(t, err, errAway)
	_, err = w.Peek(t.Context(), "a")
	require.ErrorIs(t, err, errAway)
	require.ErrorIs(t, w.Refund(t.Context(), rate.Receipt{}), errAway)
}

func BenchmarkSpend(b *testing.B) {
	for _, keys := range []int{1, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			w := rate.New(rate.Policy{Name: "ip", Limit: 10, Window: time.Minute}, rate.Options{})
			names := make([]string, keys)
			for i := range names {
				names[i] = fmt.Sprintf("2001:db8:%x:%x::/64", i>>16, i&0xffff)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				_, _, _ = w.Spend(b.Context(), names[i%keys])
				i++
			}
		})
	}
}
