package hub

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFollower(t *testing.T) {
	t.Parallel()

	t.Run("who keeps up sees every message in order", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1)
		for v := range uint64(100) {
			h.Publish(at(1, v+1, 1))
			require.Equal(t, []string{fmt.Sprintf("1:%d.1", v+1)}, drain(f))
		}
		require.Equal(t, Counts{Delivered: 100}, h.Counts())
	})

	t.Run("a mailbox keeps sixteen in order, then replaces the oldest", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1)
		for v := range uint64(20) {
			h.Publish(at(1, v+1, 1))
		}
		got := drain(f)
		require.Len(t, got, 16)
		require.Equal(t, "1:5.1", got[0])
		require.Equal(t, "1:20.1", got[15])
		require.Equal(t, Counts{Delivered: 20, Replaced: 4}, h.Counts())
	})

	t.Run("a full mailbox gives up only what has a newer message of the same topic", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1, 2)
		h.Publish(at(1, 1, 1))
		for v := range uint64(40) {
			h.Publish(at(2, v+1, 1))
		}
		got := drain(f)
		require.Len(t, got, 16)
		require.Equal(t, "1:1.1", got[0])
		require.Equal(t, "2:40.1", got[15])
	})

	t.Run("a topic without a message in a full mailbox takes the place of another's older one", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1, 2)
		for v := range uint64(16) {
			h.Publish(at(2, v+1, 1))
		}
		h.Publish(at(1, 1, 1))
		got := drain(f)
		require.Equal(t, "2:2.1", got[0])
		require.Equal(t, "1:1.1", got[15])
	})

	t.Run("each of a hundred topics has its place", func(t *testing.T) {
		t.Parallel()
		var topics []byte
		for i := range 100 {
			topics = append(topics, byte(i))
		}
		h, f := follow(t, topics...)
		for v := range uint64(3) {
			for _, topic := range topics {
				h.Publish(at(topic, v+1, 1))
			}
		}
		got := drain(f)
		require.Len(t, got, 100)
		for i := range 100 {
			require.Equal(t, fmt.Sprintf("%d:3.1", i), got[i])
		}
	})

	t.Run("what is not newer is ignored, version before tick", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1)
		h.Publish(at(1, 2, 5))
		h.Publish(at(1, 2, 5))
		h.Publish(at(1, 2, 4))
		h.Publish(at(1, 1, 9))
		h.Publish(at(1, 2, 6))
		h.Publish(at(1, 3, 1))
		require.Equal(t, []string{"1:2.5", "1:2.6", "1:3.1"}, drain(f))
		h.Publish(at(1, 3, 1))
		require.Empty(t, drain(f))
		require.Equal(t, Counts{Delivered: 3}, h.Counts())
	})

	t.Run("a snapshot that is newer overtakes what waits in the mailbox", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1)
		h.Publish(at(1, 1, 1))
		h.Publish(at(1, 3, 1))
		require.True(t, f.Saw(at(1, 2, 1)))
		require.Equal(t, []string{"1:3.1"}, drain(f))
	})

	t.Run("a snapshot that is not newer must not be sent", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1)
		h.Publish(at(1, 2, 2))
		drain(f)
		require.False(t, f.Saw(at(1, 2, 2)))
		require.False(t, f.Saw(at(1, 1, 3)))
		require.False(t, f.Saw(at(9, 7, 7)), "a topic not followed")
		require.True(t, f.Saw(at(1, 2, 3)))
		h.Publish(at(1, 2, 3))
		require.Empty(t, drain(f))
	})

	t.Run("nothing of a topic is delivered after Unfollow, and following anew starts anew", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1, 2)
		h.Publish(at(1, 1, 1))
		h.Publish(at(2, 1, 1))
		f.Unfollow(id(1))
		f.Unfollow(id(1))
		h.Publish(at(1, 2, 1))
		require.Equal(t, []string{"2:1.1"}, drain(f))

		f.Follow(id(1))
		f.Follow(id(1))
		h.Publish(at(1, 1, 1))
		require.Equal(t, []string{"1:1.1"}, drain(f))
	})

	t.Run("a message that comes between the two steps of Unfollow is not delivered", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1)
		f.following[0].gone = true // the first step: the follower's side; the topic still has it
		h.Publish(at(1, 1, 1))
		require.Empty(t, drain(f))
	})

	t.Run("a closed follower gets and follows nothing", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1, 2, 3)
		h.Publish(at(1, 1, 1))
		f.Close()
		f.Close()
		f.Follow(id(1))
		h.Publish(at(1, 2, 1))
		require.Empty(t, drain(f))
		require.Empty(t, h.Followed())
		require.Zero(t, h.Followers())
	})

	t.Run("a delivery into an empty mailbox wakes the reader, those that join it do not", func(t *testing.T) {
		t.Parallel()
		h, woken := New(), 0
		f := h.NewFollower(func() { woken++ })
		defer f.Close()
		f.Follow(id(1))
		h.Publish(at(1, 1, 1))
		h.Publish(at(1, 2, 1))
		require.Equal(t, 1, woken)
		require.Len(t, drain(f), 2)
		h.Publish(at(1, 3, 1))
		require.Equal(t, 2, woken)
		h.Publish(at(1, 3, 1))
		require.Equal(t, 2, woken, "what is not newer comes into no mailbox")
	})

	t.Run("an emptied mailbox holds on to no message", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 1)
		for v := range uint64(3) {
			h.Publish(at(1, v+1, 1))
		}
		drain(f)
		require.Equal(t, letter{}, f.slot[0])
		require.Equal(t, 1, cap(f.queue))
	})
}

func TestHub(t *testing.T) {
	t.Parallel()

	t.Run("knows which topics are followed", func(t *testing.T) {
		t.Parallel()
		h, f := follow(t, 0, 1)
		g := h.NewFollower(nil)
		g.Follow(id(1))
		require.ElementsMatch(t, []Topic{id(0), id(1)}, h.Followed())
		require.Equal(t, 2, h.Followers())
		f.Close()
		require.Equal(t, []Topic{id(1)}, h.Followed())
		require.True(t, h.IsFollowed(id(1)))
		require.False(t, h.IsFollowed(id(0)))
		g.Close()
		require.Empty(t, h.Followed())
	})

	t.Run("a topic that has just lost its last follower takes the next one", func(t *testing.T) {
		t.Parallel()
		h, leaving := follow(t, 1)
		last := leaving.following[0]
		dead := last.topic
		dead.gone = true // as it stands between the two steps of leave
		f := h.NewFollower(nil)
		defer f.Close()
		f.Follow(id(1))
		require.NotSame(t, dead, h.topics[id(1)])

		h.leave(last)
		h.Publish(at(1, 1, 1))
		require.Equal(t, []string{"1:1.1"}, drain(f))
		dead.gone = false // the clean-up takes it off once more
		require.True(t, dead.add(last))
	})
}

func TestPublishingAllocatesNothing(t *testing.T) { // not parallel: it counts the allocations of the process
	h := New()
	for range 1000 {
		f := h.NewFollower(nil)
		defer f.Close()
		f.Follow(id(1))
	}
	for v := range uint64(mailbox) {
		h.Publish(at(1, v+1, 1)) // the mailboxes of readers who do not keep up grow once
	}
	m := at(1, 100, 1)
	require.Zero(t, testing.AllocsPerRun(100, func() { m.Tick++; h.Publish(m) }))
}

// Everybody who stays gets every message, however many come and leave while it is being delivered.
func TestComingAndLeavingWhilePublishing(t *testing.T) {
	t.Parallel()
	const stayers, versions = 2000, 30
	h := New()
	var staying []*Follower
	for range stayers {
		f := h.NewFollower(nil)
		defer f.Close()
		f.Follow(id(1))
		staying = append(staying, f)
	}

	var coming sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		coming.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				f := h.NewFollower(nil)
				f.Follow(id(1))
				f.Follow(id(2))
				f.Unfollow(id(1))
				f.Close()
			}
		})
	}
	for v := range uint64(versions) {
		var leavers []*Follower
		for range 2000 {
			f := h.NewFollower(nil)
			f.Follow(id(1))
			leavers = append(leavers, f)
		}
		coming.Go(func() {
			for _, f := range leavers {
				f.Close()
			}
		})
		h.Publish(at(1, v+1, 1))
		for _, f := range staying {
			m, ok := f.Next()
			require.True(t, ok)
			require.Equal(t, v+1, m.Version)
		}
	}
	close(done)
	coming.Wait()
	require.Equal(t, []Topic{id(1)}, h.Followed())
	require.Equal(t, stayers, h.Followers())
}

// A reader who subscribes, reads the state, then follows, among writers whose calls cross, never goes back and always
// ends at the newest state.
func TestSubscribeThenReadWhileWriting(t *testing.T) {
	t.Parallel()
	for range 50 {
		h := New()
		var state struct {
			sync.Mutex
			version uint64
		}
		write := func() {
			state.Lock()
			state.version++
			m := at(1, state.version, 1)
			state.Unlock()
			h.Publish(m)
		}
		var writers sync.WaitGroup
		for range 3 {
			writers.Go(func() {
				for range 100 {
					write()
				}
			})
		}
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				woken := make(chan struct{}, 1)
				f := h.NewFollower(func() {
					select {
					case woken <- struct{}{}:
					default:
					}
				})
				defer f.Close()
				f.Follow(id(1))
				state.Lock()
				snapshot := at(1, state.version, 1)
				state.Unlock()
				f.Saw(snapshot)
				for last := snapshot.Version; last < 300; {
					<-woken
					for m, ok := f.Next(); ok; m, ok = f.Next() {
						if m.Version <= last {
							t.Errorf("version %d after %d", m.Version, last)
						}
						last = m.Version
					}
				}
			})
		}
		writers.Wait()
		readers.Wait()
	}
}

// The mailbox against a model that keeps everything: what comes out is in order, is never older than what came out
// before, holds the newest of each topic, and leaves something out only when it was full.
func TestMailboxProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := New()
		f := h.NewFollower(nil)
		defer f.Close()
		topics := rapid.IntRange(1, 30).Draw(t, "topics")
		newest := make(map[Topic]mark)
		seen := make(map[Topic]mark)
		for i := range topics {
			f.Follow(id(byte(i)))
		}
		waiting := 0
		read := func(most int) {
			for range most {
				m, ok := f.Next()
				if !ok {
					waiting = 0
					for of, k := range newest {
						require.Equal(t, k, seen[of], "a drained mailbox has delivered the newest of each topic")
					}
					return
				}
				require.True(t, m.mark().after(seen[m.Topic]), "never back")
				seen[m.Topic] = m.mark()
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				m := at(byte(rapid.IntRange(0, topics-1).Draw(t, "topic")), uint64(rapid.IntRange(1, 9).Draw(t, "version")), uint64(rapid.IntRange(1, 9).Draw(t, "tick")))
				before := h.Counts()
				h.Publish(m)
				after := h.Counts()
				newer := m.mark().after(newest[m.Topic])
				require.Equal(t, newer, after.Delivered > before.Delivered)
				if newer {
					newest[m.Topic] = m.mark()
					waiting++
				}
				if after.Replaced > before.Replaced {
					require.Greater(t, waiting, max(mailbox, topics))
					waiting--
				}
				require.LessOrEqual(t, len(f.queue), max(mailbox, topics))
			},
			"snapshot": func(t *rapid.T) {
				m := at(byte(rapid.IntRange(0, topics-1).Draw(t, "topic")), uint64(rapid.IntRange(1, 9).Draw(t, "version")), uint64(rapid.IntRange(1, 9).Draw(t, "tick")))
				newer := m.mark().after(seen[m.Topic])
				require.Equal(t, newer, f.Saw(m))
				if newer {
					seen[m.Topic] = m.mark()
				}
				if m.mark().after(newest[m.Topic]) {
					newest[m.Topic] = m.mark()
				}
			},
			"read some": func(t *rapid.T) {
				read(rapid.IntRange(1, 5).Draw(t, "count"))
				waiting = len(f.queue)
			},
			"read all": func(*rapid.T) { read(1000) },
		})
	})
}

func id(b byte) Topic { return Topic{0: b} }

func at(of byte, version, tick uint64) *Message {
	return &Message{Topic: id(of), Version: version, Tick: tick}
}

func follow(t *testing.T, topics ...byte) (*Hub, *Follower) {
	t.Helper()
	h := New()
	f := h.NewFollower(nil)
	t.Cleanup(f.Close)
	for _, of := range topics {
		f.Follow(id(of))
	}
	return h, f
}

// drain reads all there is, as topic:version.tick.
func drain(f *Follower) (got []string) {
	for m, ok := f.Next(); ok; m, ok = f.Next() {
		got = append(got, fmt.Sprintf("%d:%d.%d", m.Topic[0], m.Version, m.Tick))
	}
	return got
}
