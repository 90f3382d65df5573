package feed_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/feed"
)

func TestAChainThatIsAwayIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := false
		w := newWire(t, feed.Options{ChainAway: func() bool { return away }})
		f := w.follow(feed.ServiceTopic)
		first, err := w.feed.ServiceSnapshot(t.Context())
		require.NoError(t, err)
		require.NotContains(t, string(first.Data), "chainAway")
		require.True(t, f.Saw(first))

		away = true
		w.run()
		time.Sleep(time.Second)
		synctest.Wait()
		m, ok := f.Next()
		require.True(t, ok, "within a second")
		require.Contains(t, string(m.Data), `"chainAway":true`)
	})
}

func TestAPauseIsToldWithItsReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reason := ""
		w := newWire(t, feed.Options{Paused: func() string { return reason }})
		f := w.follow(feed.ServiceTopic)
		first, err := w.feed.ServiceSnapshot(t.Context())
		require.NoError(t, err)
		require.NotContains(t, string(first.Data), "paused")
		require.True(t, f.Saw(first))

		reason = "The chain is upgraded."
		w.run()
		time.Sleep(time.Second)
		synctest.Wait()
		m, ok := f.Next()
		require.True(t, ok, "within a second")
		require.Contains(t, string(m.Data), `"paused":"The chain is upgraded."`)
		stats, err := w.feed.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, reason, stats.Paused)
	})
}
