package stream

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"claimprover/hub"
	"claimprover/internal/fault"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestAcquire(t *testing.T) {
	t.Parallel()

	take := func(t *testing.T, s *Streams, from string) func() {
		t.Helper()
		release, err := s.Acquire(netip.MustParseAddr(from))
		require.NoError(t, err)
		return release
	}
	full := func(t *testing.T, s *Streams, from string) {
		t.Helper()
		_, err := s.Acquire(netip.MustParseAddr(from))
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.Positive(t, fault.Of(err).RetryAfter)
	}

	t.Run("a place is free again when it is released, once", func(t *testing.T) {
		t.Parallel()
		s := New(hub.New(), Options{MaxStreams: 2})
		first, _ := take(t, s, "192.0.2.1"), take(t, s, "192.0.2.2")
		full(t, s, "192.0.2.3")
		first()
		first()
		require.Equal(t, 1, s.Held())
		take(t, s, "192.0.2.3")
		full(t, s, "192.0.2.4")
	})

	t.Run("an address has its own cap, and an IPv6 /64 is one address", func(t *testing.T) {
		t.Parallel()
		s := New(hub.New(), Options{MaxPerIP: 1})
		release := take(t, s, "192.0.2.1")
		full(t, s, "192.0.2.1")
		full(t, s, "::ffff:192.0.2.1")
		take(t, s, "192.0.2.2")
		take(t, s, "2001:db8:0:1::1")
		full(t, s, "2001:db8:0:1:ffff::2")
		take(t, s, "2001:db8:0:2::1")
		release()
		take(t, s, "192.0.2.1")
		require.Len(t, s.perIP, 4)
	})

	t.Run("as many as there are places get one, at one instant", func(t *testing.T) {
		t.Parallel()
		s := New(hub.New(), Options{MaxStreams: 10})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { _, _ = s.Acquire(netip.MustParseAddr("192.0.2.1")) })
		}
		all.Wait()
		require.Equal(t, 10, s.Held())
	})

	t.Run("nobody gets one after StopAccepting", func(t *testing.T) {
		t.Parallel()
		s := New(hub.New(), Options{})
		s.StopAccepting()
		_, err := s.Acquire(netip.MustParseAddr("192.0.2.1"))
		require.True(t, fault.Is(err, fault.ShuttingDown))
	})
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := loopback(t, Options{Registerer: registry})
	w.store(event("1", 1, 1, "running"))
	s, e := w.ws("/jobs/1"), w.sse("/jobs/1")
	s.next()
	e.next()
	figure := func(want map[string]float64) {
		t.Helper()
		require.Eventually(t, func() bool {
			got := values(t, registry)
			for name, value := range want {
				if counted, known := got[name]; !known || counted != value {
					return false
				}
			}
			return true
		}, 10*time.Second, time.Millisecond, "%v", want)
	}
	figure(map[string]float64{
		"subscribers websocket": 1, "subscribers sse": 1, "events_total websocket": 1, "events_total sse": 1,
	})
	w.publish(event("1", 2, 1, "completed"))
	s.next()
	e.next()
	require.Equal(t, "closed 1000", s.next())
	w.untilHeld(0)
	figure(map[string]float64{
		"subscribers websocket": 0, "subscribers sse": 0, "events_total websocket": 2, "events_total sse": 2,
		"closed_total finished": 2, "replaced_total": 0,
	})
	require.Positive(t, values(t, registry)["lag_seconds"])
	for why := open + 1; why < endings; why++ {
		require.NotEmpty(t, farewell[why].label)
		require.NotZero(t, farewell[why].code)
	}
}

// values reads all figures of streams by name and label; of a histogram, how many it counted.
func values(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "claimprover_stream_")
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}
