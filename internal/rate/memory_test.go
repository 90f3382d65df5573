package rate

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ulule/limiter/v3"
)

func TestMemoryFreesEndedWindowsAFewAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, perMinute := newMemory(1000), limiter.Rate{Limit: 1, Period: time.Minute}
		for i := range 1000 {
			_, _ = m.Get(t.Context(), fmt.Sprint(i), perMinute)
		}
		time.Sleep(time.Minute)
		_, _ = m.Get(t.Context(), "new", perMinute)
		require.Len(t, m.index, 1000-sweepPerOp+1)
		for range 1000 {
			_, _ = m.Get(t.Context(), "new", perMinute)
		}
		require.Len(t, m.index, 1)
		require.Len(t, m.slots, 1001, "places are used again")
	})
}

func TestMemoryKeepsTheLibrarysContract(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, threeAMinute := newMemory(10), limiter.Rate{Limit: 3, Period: time.Minute}
		l := limiter.New(m, threeAMinute)
		end := time.Now().Add(time.Minute).Unix()

		c, err := l.Increment(t.Context(), "a", 2)
		require.NoError(t, err)
		require.Equal(t, limiter.Context{Limit: 3, Remaining: 1, Reset: end}, c)
		c, _ = l.Increment(t.Context(), "a", 2)
		require.Equal(t, limiter.Context{Limit: 3, Remaining: 1, Reset: end, Reached: true}, c, "refused as a whole")
		c, _ = l.Get(t.Context(), "a")
		require.Equal(t, limiter.Context{Limit: 3, Remaining: 0, Reset: end}, c)
		c, _ = l.Increment(t.Context(), "a", -5)
		require.Equal(t, limiter.Context{Limit: 3, Remaining: 3, Reset: end}, c, "never more than the limit")
		c, _ = l.Get(t.Context(), "a")
		require.Equal(t, int64(2), c.Remaining)
		c, _ = l.Reset(t.Context(), "a")
		require.Equal(t, int64(3), c.Remaining)
		c, _ = l.Peek(t.Context(), "a")
		require.Equal(t, int64(3), c.Remaining)
	})
}
