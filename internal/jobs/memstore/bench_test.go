package memstore

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/jobs"
)

// keeping makes a store that keeps n ended jobs, all of one owner, as a back end with one key makes them.
func keeping(b *testing.B, n int) *Store {
	s := New(Options{QueueCapacity: math.MaxInt, JobsTTL: 24 * time.Hour, CacheTTL: 24 * time.Hour})
	b.Cleanup(func() { _ = s.Close() })
	for i := range n {
		proved(b, s, i, alice)
	}
	runtime.GC()
	return s
}

func BenchmarkAdmit(b *testing.B) {
	for _, kept := range []int{0, 10_000, 1_000_000} {
		s := keeping(b, kept)
		next := kept
		b.Run(fmt.Sprintf("answer=new/kept=%d", kept), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = s.Admit(b.Context(), jobOf(next, alice))
				next++
			}
		})
		b.Run(fmt.Sprintf("answer=joined/kept=%d", kept), func(b *testing.B) {
			queued(b, s, math.MaxUint32, alice)
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = s.Admit(b.Context(), jobOf(math.MaxUint32, alice))
			}
		})
		b.Run(fmt.Sprintf("answer=cached/kept=%d", kept), func(b *testing.B) {
			done := provedNext(b, s)
			b.ReportAllocs()
			for b.Loop() {
				j := jobOf(0, "key:bob")
				j.Identity = done
				_, _, _ = s.Admit(b.Context(), j)
			}
		})
	}
}

// provedNext has the job at the head of the queue proved, and gives its identity.
func provedNext(b *testing.B, s *Store) claim.Identity {
	l, err := s.Lease(b.Context(), "worker")
	require.NoError(b, err)
	j, err := s.Swap(b.Context(), l.ID, &l, ended)
	require.NoError(b, err)
	return j.Identity
}

// BenchmarkLife is a job from admission to its proof, with the writes of a worker; and what a kept job takes of the heap,
// its cached proof included.
func BenchmarkLife(b *testing.B) {
	for _, kept := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("kept=%d", kept), func(b *testing.B) {
			before := heap()
			s := keeping(b, kept)
			perJob := float64(heap()-before) / float64(kept)
			next := kept
			b.ReportAllocs()
			for b.Loop() {
				proved(b, s, next, alice)
				next++
			}
			b.ReportMetric(perJob, "B/kept")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkList(b *testing.B) {
	for _, kept := range []int{10_000, 1_000_000} {
		s := keeping(b, kept)
		for _, state := range []jobs.State{jobs.Completed, jobs.Failed} { // all of them, and none
			b.Run(fmt.Sprintf("status=%v/kept=%d", state, kept), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, _ = s.List(b.Context(), alice, jobs.Query{Status: &state, Limit: 20})
				}
			})
		}
	}
}

func BenchmarkPlaces(b *testing.B) {
	for _, followers := range []int{1, 10_000} {
		s := keeping(b, 0)
		var ids []jobs.ID
		for i := range 10_000 {
			ids = append(ids, queued(b, s, i, alice).ID)
		}
		b.Run(fmt.Sprintf("queued=10000/followers=%d", followers), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = s.Places(b.Context(), ids[:followers])
			}
		})
	}
}

// BenchmarkExpiry lets a million jobs and proofs expire at one instant while requests go on, and tells the longest that
// one of them took. Part of it is the scheduler's and the garbage collector's.
func BenchmarkExpiry(b *testing.B) {
	for _, expired := range []int{0, 1_000_000} {
		b.Run(fmt.Sprintf("expired=%d", expired), func(b *testing.B) {
			s := keeping(b, expired)
			expireAll(s)
			took := make([]time.Duration, 0, 1<<20)
			next := expired
			for b.Loop() {
				start := time.Now()
				j, _, _ := s.Admit(b.Context(), jobOf(next, "key:bob"))
				_, _ = s.Leave(b.Context(), j.ID, "key:bob")
				_, _ = s.List(b.Context(), "key:bob", jobs.Query{Limit: 20})
				_, _ = s.Get(b.Context(), j.ID)
				took = append(took, time.Since(start))
				next++
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*999/1000].Nanoseconds()), "p99.9-ns")
			b.ReportMetric(float64(took[len(took)-1].Nanoseconds()), "max-ns")
			b.ReportMetric(float64(s.ended.Len()), "left")
		})
	}
}

func expireAll(s *Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for at := s.ended.Front(); at != nil; at = at.Next() {
		at.Value.(*entry).gone = now
	}
	for at := s.made.Front(); at != nil; at = at.Next() {
		at.Value.(*proof).gone = now
	}
}
