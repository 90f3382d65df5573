package rate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ulule/limiter/v3"
)

func TestAWindowThatWasGivenBackWholeIsGone(t *testing.T) {
	t.Parallel()
	m, rate := newMemory(100), limiter.Rate{Period: time.Minute, Limit: 3}
	for range 2 {
		_, err := m.Increment(t.Context(), "refused later", 1, rate)
		require.NoError(t, err)
	}
	c, err := m.Peek(t.Context(), "refused later", rate)
	require.NoError(t, err)
	require.NoError(t, m.Refund(t.Context(), "refused later", 1, c.Reset, rate))
	require.Len(t, m.index, 1, "one is still spent")
	require.NoError(t, m.Refund(t.Context(), "refused later", 1, c.Reset, rate))
	require.Empty(t, m.index, "a flood of refused callers leaves nothing behind")
}
