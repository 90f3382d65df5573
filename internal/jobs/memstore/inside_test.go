package memstore

import (
	"cmp"
	"container/list"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"claimprover/internal/claim"
	"claimprover/internal/jobs"
	"claimprover/prover"
)

// The contract is held by jobstest. Here is what is this store's own: its settings, exact times, and how much it does
// while others wait.

const alice = jobs.Owner("key:alice")

func jobOf(n int, o jobs.Owner) jobs.Job {
	identity := claim.Identity{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	return jobs.New(uuid.New(), identity, claim.Claim{SS58: "5F"}, "mock", o, time.Now())
}

func queued(t testing.TB, s *Store, n int, o jobs.Owner) jobs.Job {
	j, _, err := s.Admit(t.Context(), jobOf(n, o))
	require.NoError(t, err)
	return j
}

// cancelled gives n ended jobs of o.
func cancelled(t testing.TB, s *Store, from, n int, o jobs.Owner) {
	for i := range n {
		_, err := s.Leave(t.Context(), queued(t, s, from+i, o).ID, o)
		require.NoError(t, err)
	}
}

func proved(t testing.TB, s *Store, n int, o jobs.Owner) jobs.Job {
	queued(t, s, n, o)
	l, err := s.Lease(t.Context(), "worker")
	require.NoError(t, err)
	j, err := s.Swap(t.Context(), l.ID, &l, ended)
	require.NoError(t, err)
	return j
}

func ended(j jobs.Job) (jobs.Job, error) {
	return j.Completed(prover.Proof{Bytes: []byte{1}}, time.Now())
}

// lenOf counts a list of the store's; the timer may be at it.
func (s *Store) lenOf(l *list.List) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.Len()
}

func TestOptions(t *testing.T) {
	t.Parallel()
	t.Run("the zero value has 50 places, and keeps jobs and proofs for an hour", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{})
			defer s.Close()
			done := proved(t, s, 0, alice)
			for n := range 50 {
				queued(t, s, n+1, alice)
			}
			_, _, err := s.Admit(t.Context(), jobOf(51, alice))
			require.ErrorContains(t, err, "All 50 places")

			time.Sleep(time.Hour - 1)
			_, err = s.Get(t.Context(), done.ID)
			require.NoError(t, err)
			_, _, found, _ := s.Join(t.Context(), jobOf(0, alice))
			require.True(t, found)

			time.Sleep(time.Nanosecond)
			_, err = s.Get(t.Context(), done.ID)
			require.ErrorIs(t, err, jobs.ErrNotFound)
			_, _, found, _ = s.Join(t.Context(), jobOf(0, alice))
			require.False(t, found)
		})
	})
	t.Run("below zero no proof is kept", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{CacheTTL: -1})
			defer s.Close()
			proved(t, s, 0, alice)
			_, _, found, _ := s.Join(t.Context(), jobOf(0, alice))
			require.False(t, found)
			require.Empty(t, s.proofs)
		})
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	t.Run("a write drops a few of what has expired, not all", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{JobsTTL: time.Minute + time.Second/2})
			defer s.Close()
			cancelled(t, s, 0, 100, alice)
			time.Sleep(time.Minute + time.Second/2) // between two sweeps
			queued(t, s, 100, alice)
			require.Equal(t, 100-perWrite, s.lenOf(s.ended))
		})
	})
	t.Run("the timer drops a backlog, and stops when nothing is left to drop", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{QueueCapacity: 1000, JobsTTL: time.Minute, CacheTTL: 2 * time.Minute})
			cancelled(t, s, 0, 10*perSweep, alice)
			proved(t, s, 0, alice)
			open := queued(t, s, 1, alice)
			_, _, err := s.Admit(t.Context(), jobOf(1, "key:bob"))
			require.NoError(t, err)

			time.Sleep(time.Minute + 2*sweepPause)
			require.Zero(t, s.lenOf(s.ended), "a backlog is not left to the slow pace")
			time.Sleep(time.Minute)
			synctest.Wait()
			require.Nil(t, s.sweeper)
			require.Len(t, s.byID, 1)
			for d := range s.owned {
				require.Equal(t, jobs.Pending, d.state, "no list has an ended job")
			}
			require.Empty(t, s.proofs)
			require.Empty(t, s.answers)
			require.Zero(t, s.ended.Len()+s.made.Len()+s.answered.Len())
			_, err = s.Get(t.Context(), open.ID)
			require.NoError(t, err)
		})
	})
	t.Run("an old proof that expires does not take a newer one with it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{CacheTTL: time.Minute + time.Second/2})
			defer s.Close()
			last := 10 * perWrite
			for n := range last + 1 {
				proved(t, s, n, alice)
			}
			time.Sleep(time.Minute + time.Second/2)
			proved(t, s, last, alice)
			require.Greater(t, s.lenOf(s.made), 2, "the old proof is still to be dropped")
			time.Sleep(2 * sweepPause)
			require.Equal(t, 1, s.lenOf(s.made))
			_, _, found, _ := s.Join(t.Context(), jobOf(last, alice))
			require.True(t, found)
		})
	})
	t.Run("what has expired is not seen, also while a backlog of it is still there", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{JobsTTL: time.Minute + time.Second/2, CacheTTL: 2*time.Minute + time.Second/2})
			defer s.Close()
			var last jobs.Job
			for n := range 10 * perWrite {
				last = proved(t, s, n, alice)
			}
			time.Sleep(time.Minute + time.Second/2)
			require.Contains(t, s.byID, last.ID)
			_, err := s.Get(t.Context(), last.ID)
			require.ErrorIs(t, err, jobs.ErrNotFound)
			mine, _, err := s.Admit(t.Context(), jobOf(10*perWrite-1, alice))
			require.NoError(t, err)
			require.NotEqual(t, last.ID, mine.ID)

			time.Sleep(time.Minute)
			_, _, found, _ := s.Join(t.Context(), jobOf(10*perWrite-1, alice))
			require.False(t, found)
			require.Contains(t, s.proofs, last.Identity)
		})
	})
	t.Run("a list steps over what has expired and is not dropped yet, however much", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{JobsTTL: time.Minute + time.Second/2})
			defer s.Close()
			oldest := queued(t, s, 0, alice)
			cancelled(t, s, 1, 3*visitsAtOnce, alice)
			time.Sleep(time.Minute + time.Second/2)
			page, err := s.List(t.Context(), alice, jobs.Query{Limit: 10})
			require.NoError(t, err)
			require.Greater(t, s.lenOf(s.ended), 2*visitsAtOnce)
			require.Len(t, page.Jobs, 1)
			require.Equal(t, oldest.ID, page.Jobs[0].ID)
			require.Empty(t, page.Next)
		})
	})
	t.Run("remembered answers are dropped too", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{})
			queued(t, s, 0, alice)
			queued(t, s, 0, alice)
			require.Equal(t, 1, s.lenOf(s.answered))
			time.Sleep(jobs.AnswerTime + 2*sweepPause)
			synctest.Wait()
			require.Empty(t, s.answers)
			require.Nil(t, s.sweeper)
		})
	})
	t.Run("only a journal that names something is kept", func(t *testing.T) {
		t.Parallel()
		s := New(Options{})
		defer s.Close()
		cancelled(t, s, 0, 10, alice)
		require.Empty(t, s.journals)
	})
	t.Run("a request that comes after Close does no harm", func(t *testing.T) {
		t.Parallel()
		s := New(Options{})
		require.NoError(t, s.Close())
		cancelled(t, s, 0, 1, alice)
		require.Nil(t, s.sweeper)
	})
	t.Run("Close stops the timer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{JobsTTL: time.Minute})
			cancelled(t, s, 0, 1, alice)
			require.NoError(t, s.Close())
			s.sweepUp() // it had just gone off
			time.Sleep(time.Hour)
			require.Equal(t, 1, s.ended.Len())
		})
	})
}

func TestListIsNeverLongerThanAsked(t *testing.T) {
	t.Parallel()
	s := New(Options{QueueCapacity: 300})
	defer s.Close()
	for n := range 250 {
		queued(t, s, n, alice)
	}
	for limit, want := range map[int]int{-1: 1, 0: 1, 1: 1, 99: 99, 100: 100, 101: 100, 1 << 40: 100} {
		page, err := s.List(t.Context(), alice, jobs.Query{Limit: limit})
		require.NoError(t, err)
		require.Len(t, page.Jobs, want)
		require.NotEmpty(t, page.Next)
	}
}

// TestOrdered holds the chunked set against a sorted slice.
func TestOrdered(t *testing.T) {
	t.Parallel()
	bySeq := func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) }
	rapid.Check(t, func(t *rapid.T) {
		var set ordered
		var want []*entry
		last := uint64(0)
		for range rapid.IntRange(1, 20).Draw(t, "rounds") {
			n := rapid.IntRange(1, 2*chunkSize).Draw(t, "n")
			switch rapid.SampledFrom([]string{"append", "insert", "remove"}).Draw(t, "do") {
			case "append":
				for range n {
					last += 10
					e := &entry{seq: last}
					set.insert(e)
					want = append(want, e)
				}
			case "insert": // into one neighbourhood, so that chunks split
				at := rapid.Uint64Range(0, last).Draw(t, "at")
				for i := range uint64(n) {
					e := &entry{seq: at + i}
					where, taken := slices.BinarySearchFunc(want, e, bySeq)
					if taken {
						continue
					}
					set.insert(e)
					want = slices.Insert(want, where, e)
				}
				last = max(last, at+uint64(n))
			case "remove":
				from := rapid.IntRange(0, len(want)).Draw(t, "from")
				upTo := min(from+n, len(want))
				for _, e := range want[from:upTo] {
					set.remove(e)
				}
				want = slices.Delete(want, from, upTo)
			}
			below := rapid.Uint64Range(0, last+1).Draw(t, "below")
			require.Equal(t, olderThan(want, below), walk(&set, below))
			require.Equal(t, len(want), set.len())
			require.True(t, slices.Equal(want, set.all()))
			if len(want) > 0 {
				require.Same(t, want[0], set.oldest())
			} else {
				require.Nil(t, set.oldest())
			}
			for _, c := range set.chunks {
				require.NotEmpty(t, c)
				require.LessOrEqual(t, len(c), chunkSize)
			}
		}
	})
}

func walk(o *ordered, below uint64) (seqs []uint64) {
	for d := o.below(below); d.peek() != nil; d.step() {
		seqs = append(seqs, d.peek().seq)
	}
	return seqs
}

func olderThan(all []*entry, below uint64) (seqs []uint64) {
	for _, e := range slices.Backward(all) {
		if e.seq < below {
			seqs = append(seqs, e.seq)
		}
	}
	return seqs
}
