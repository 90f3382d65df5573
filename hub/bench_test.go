package hub

import (
	"fmt"
	"runtime"
	"testing"
)

// A publish to readers who keep up: each takes his message before the next one comes, which is part of the figure.
func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("followers=%d", n), func(b *testing.B) {
			h, followers := crowd(b, n)
			m := at(1, 1, 1)
			b.ReportAllocs()
			for b.Loop() {
				m.Tick++
				h.Publish(m)
				for _, f := range followers {
					f.Next()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
		})
	}
}

// The same to readers who never read: each delivery replaces an older message.
func BenchmarkPublishToStalled(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("followers=%d", n), func(b *testing.B) {
			h, _ := crowd(b, n)
			m := at(1, 1, 1)
			for range mailbox {
				m.Tick++
				h.Publish(m)
			}
			b.ReportAllocs()
			for b.Loop() {
				m.Tick++
				h.Publish(m)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
		})
	}
}

// What a follower of one topic costs while nothing happens.
func BenchmarkIdleFollower(b *testing.B) {
	var before, after runtime.MemStats
	h := New()
	followers := make([]*Follower, 0, b.N)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		f := h.NewFollower(nil)
		f.Follow(id(1))
		followers = append(followers, f)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(followers)), "B/follower")
}

func crowd(b *testing.B, n int) (*Hub, []*Follower) {
	h := New()
	followers := make([]*Follower, n)
	for i := range followers {
		followers[i] = h.NewFollower(nil)
		followers[i].Follow(id(1))
	}
	return h, followers
}
