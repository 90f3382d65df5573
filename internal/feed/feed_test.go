package feed_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/uuid"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/hub"
	"claimprover/internal/api"
	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
	"claimprover/internal/feed"
	"claimprover/internal/jobs"
	"claimprover/internal/jobs/memstore"
	"claimprover/prover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a store whose writes a feed tells to a hub.
type wire struct {
	t     *testing.T
	store *memstore.Store
	hub   *hub.Hub
	feed  *feed.Feed
	n     byte
}

func newWire(t *testing.T, o feed.Options) *wire {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	o.Capacity, o.Workers = 100, max(1, o.Workers)
	if o.Domain == nil {
		o.Domain = known(claim.Domain{})
	}
	w := &wire{t: t, store: memstore.New(memstore.Options{QueueCapacity: 100, JobsTTL: time.Hour, CacheTTL: time.Hour}), hub: hub.New()}
	t.Cleanup(func() { require.NoError(t, w.store.Close()) })
	w.feed = feed.New(w.store, w.hub, o)
	w.store.Announce(w.feed.Heard)
	return w
}

func known(d claim.Domain) func() (claim.Domain, error) {
	return func() (claim.Domain, error) { return d, nil }
}

func (w *wire) submit() jobs.ID {
	w.t.Helper()
	w.n++
	j, _, err := w.store.Admit(w.t.Context(), jobs.New(uuid.New(), claim.Identity{w.n}, claim.Claim{}, "mock", "key:a", time.Now()))
	require.NoError(w.t, err)
	return j.ID
}

func (w *wire) lease() jobs.Lease {
	w.t.Helper()
	l, err := w.store.Lease(w.t.Context(), "w")
	require.NoError(w.t, err)
	return l
}

func (w *wire) swap(l jobs.Lease, next func(jobs.Job) (jobs.Job, error)) {
	w.t.Helper()
	_, err := w.store.Swap(w.t.Context(), l.ID, &l, next)
	require.NoError(w.t, err)
}

func (w *wire) complete(l jobs.Lease) {
	w.swap(l, func(j jobs.Job) (jobs.Job, error) {
		return j.Completed(prover.Proof{Bytes: []byte{1}, PublicValues: []byte{2}}, time.Now())
	})
}

func (w *wire) follow(topics ...hub.Topic) *hub.Follower {
	f := w.hub.NewFollower(nil)
	w.t.Cleanup(f.Close)
	for _, topic := range topics {
		f.Follow(topic)
	}
	return f
}

// told takes what a follower was told since he last looked.
func told(t *testing.T, f *hub.Follower) (events []api.Event) {
	t.Helper()
	for m, ok := f.Next(); ok; m, ok = f.Next() {
		var e api.Event
		require.NoError(t, json.Unmarshal(m.Data, &e))
		require.Equal(t, m.Type, e.Type)
		require.Equal(t, m.Version, e.ID)
		require.Equal(t, e.ID, e.Job.Version)
		events = append(events, e)
	}
	return events
}

func types(events []api.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.Type)
	}
	return all
}

// run keeps the feed's ticks going until the bubble ends.
func (w *wire) run() {
	go func() { _ = w.feed.Run(w.t.Context()) }()
}

func TestFeed(t *testing.T) {
	t.Parallel()
	in := func(t *testing.T, name string, rule func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, rule)
		})
	}

	in(t, "every written change is told once, in order, verified before completed", func(t *testing.T) {
		w := newWire(t, feed.Options{})
		id := w.submit()
		f := w.follow(hub.Topic(id))
		l := w.lease()
		w.swap(l, func(j jobs.Job) (jobs.Job, error) {
			return j.Progressed(prover.Progress{Phase: "proving"}, time.Now())
		})
		w.swap(l, func(j jobs.Job) (jobs.Job, error) { return j.Checked([]string{"groth16"}, time.Now()) })
		w.complete(l)
		events := told(t, f)
		require.Equal(t, []string{"running", "running", "verified", "completed"}, types(events))
		require.Equal(t, "proving", events[1].Job.Phase)
		require.True(t, *events[3].Job.Verified)
		require.Equal(t, api.Hex{1}, *events[3].Job.ZKProof)
	})

	in(t, "what followers do not see is not told", func(t *testing.T) {
		w := newWire(t, feed.Options{})
		id := w.submit()
		l := w.lease()
		f := w.follow(hub.Topic(id))
		require.NoError(t, w.store.Save(t.Context(), l, []byte("journal")))
		require.NoError(t, w.store.Renew(t.Context(), l))
		require.Empty(t, told(t, f))
	})

	in(t, "a place in the queue is told when it has changed, at most once a second", func(t *testing.T) {
		w := newWire(t, feed.Options{})
		w.run()
		w.submit()
		w.submit()
		third := w.submit()
		f := w.follow(hub.Topic(third))
		time.Sleep(1500 * time.Millisecond)
		require.Equal(t, []string{"position"}, types(told(t, f)))
		w.lease()
		w.lease() // two steps within one second are one event
		time.Sleep(time.Second)
		events := told(t, f)
		require.Equal(t, []string{"position"}, types(events))
		require.Equal(t, 1, events[0].Job.Position)
		require.Equal(t, 1, events[0].Job.QueueSize)
		require.EqualValues(t, 1, events[0].ID, "a place has no version of its own")
		time.Sleep(10 * time.Second)
		require.Empty(t, told(t, f), "nothing changed")
	})

	in(t, "a place read earlier never follows one read later, nor what happened after it", func(t *testing.T) {
		w := newWire(t, feed.Options{})
		w.submit()
		id := w.submit()
		before, err := w.feed.Snapshot(t.Context(), id)
		require.NoError(t, err)
		w.lease()
		after, err := w.feed.Snapshot(t.Context(), id)
		require.NoError(t, err)
		f := w.follow(hub.Topic(id))
		require.True(t, f.Saw(after))
		require.False(t, f.Saw(before))
		w.lease()
		require.Equal(t, []string{"running"}, types(told(t, f)))
		require.False(t, f.Saw(after))
	})

	in(t, "a snapshot of an ended job is the last word", func(t *testing.T) {
		w := newWire(t, feed.Options{})
		id := w.submit()
		w.complete(w.lease())
		m, err := w.feed.Snapshot(t.Context(), id)
		require.NoError(t, err)
		require.True(t, m.Last)
		require.Equal(t, "completed", m.Type)
		_, err = w.feed.Snapshot(t.Context(), uuid.New())
		require.True(t, fault.Is(err, fault.NotFound))
	})

	in(t, "the figures are told when they have changed, at most once a second", func(t *testing.T) {
		w := newWire(t, feed.Options{Domain: known(claim.Domain{ProverMode: "mock"})})
		w.run()
		f := w.follow(feed.ServiceTopic)
		first, err := w.feed.ServiceSnapshot(t.Context())
		require.NoError(t, err)
		require.True(t, f.Saw(first))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		_, more := f.Next()
		require.False(t, more, "nothing changed")
		w.submit()
		w.submit()
		time.Sleep(time.Second)
		synctest.Wait()
		m, ok := f.Next()
		require.True(t, ok)
		require.Contains(t, string(m.Data), `"queued":2`)
		_, more = f.Next()
		require.False(t, more)
	})

	in(t, "a newcomer's look at the figures takes no change away from the others", func(t *testing.T) {
		w := newWire(t, feed.Options{})
		w.run()
		f := w.follow(feed.ServiceTopic)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, ok := f.Next(); ok; _, ok = f.Next() {
		}
		w.submit()
		_, err := w.feed.ServiceSnapshot(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Second)
		synctest.Wait()
		m, ok := f.Next()
		require.True(t, ok)
		require.Contains(t, string(m.Data), `"queued":1`)
	})

	in(t, "the time a proof will take is a range from what proofs took in the last hour", func(t *testing.T) {
		w := newWire(t, feed.Options{Workers: 1})
		id := w.submit()
		view, err := w.feed.Job(t.Context(), id)
		require.NoError(t, err)
		require.Nil(t, view.ETASeconds, "without data nothing is promised")
		l := w.lease()
		time.Sleep(time.Minute)
		w.complete(l)
		w.submit()
		second := w.submit()
		view, err = w.feed.Job(t.Context(), second)
		require.NoError(t, err)
		require.Equal(t, &[2]int{120, 180}, view.ETASeconds)
		l = w.lease()
		time.Sleep(45 * time.Second)
		view, err = w.feed.Job(t.Context(), l.ID)
		require.NoError(t, err)
		require.Equal(t, &[2]int{15, 15}, view.ETASeconds)
		time.Sleep(time.Minute)
		view, err = w.feed.Job(t.Context(), l.ID)
		require.NoError(t, err)
		require.Equal(t, &[2]int{0, 0}, view.ETASeconds, "taking longer than usual")
		time.Sleep(2 * time.Hour)
		view, err = w.feed.Job(t.Context(), l.ID)
		require.NoError(t, err)
		require.Nil(t, view.ETASeconds, "an hour without a proof")
	})

	in(t, "the last hour counts what ended, cached answers apart", func(t *testing.T) {
		w := newWire(t, feed.Options{})
		w.submit()
		w.complete(w.lease())
		w.submit()
		w.swap(w.lease(), func(j jobs.Job) (jobs.Job, error) {
			return j.Failed(fault.New(fault.Timeout, "Too long."), time.Now())
		})
		again, disposition, err := w.store.Admit(t.Context(), jobs.New(uuid.New(), claim.Identity{1}, claim.Claim{}, "mock", "key:b", time.Now()))
		require.NoError(t, err)
		require.Equal(t, jobs.CachedAnswer, disposition)
		require.True(t, again.Cached)
		stats, err := w.feed.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, stats.CompletedLastHour)
		require.Equal(t, map[string]int{"timeout": 1}, stats.FailedLastHour)
		require.Len(t, stats.History, 60)
		require.Equal(t, 1, stats.History[59].Completed)
		time.Sleep(61 * time.Minute)
		stats, err = w.feed.Stats(t.Context())
		require.NoError(t, err)
		require.Zero(t, stats.CompletedLastHour)
		require.Empty(t, stats.FailedLastHour)
	})
}

func TestHandOver(t *testing.T) {
	t.Parallel()
	alice, err := claim.WalletFromSeed([32]byte{1})
	require.NoError(t, err)
	key := alice.PublicKey()
	list, err := eligibility.Load(strings.NewReader(`{"entries":{"`+alice.Address(42)+`":{"pubkey":"`+common.BytesToHash(key[:]).Hex()+`","balance":"1000"},"`+
		`5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty":{"pubkey":"0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48","balance":"5"}}}`), 0)
	require.NoError(t, err)
	domain := claim.Domain{Contract: common.HexToAddress("0x5FbDB2315678afecb367f032d93F642f64180aa3"), ChainID: 84532, ProverMode: "mock"}
	c, err := alice.Claim(domain, 42, common.HexToAddress("0xdead"), *uint256.NewInt(1000))
	require.NoError(t, err)

	completed := func(t *testing.T, o feed.Options) api.Job {
		w := newWire(t, o)
		j, _, err := w.store.Admit(t.Context(), jobs.New(uuid.New(), domain.Identity(c), c, "mock", "key:a", time.Now()))
		require.NoError(t, err)
		w.complete(w.lease())
		view, err := w.feed.Job(t.Context(), j.ID)
		require.NoError(t, err)
		return view
	}

	t.Run("a completed job carries what a relayer takes and what a wallet sends", func(t *testing.T) {
		t.Parallel()
		view := completed(t, feed.Options{List: list, Domain: known(domain)})
		require.Equal(t, api.Hex(key[:]), view.Claim.Pubkey)
		require.Equal(t, "1000", view.Claim.Amount)
		require.Len(t, view.Claim.MerkleProof, 1)
		require.Equal(t, api.Hex{1}, view.Claim.ZKProof)
		require.Equal(t, uint64(84532), view.Transaction.ChainID)
		require.Equal(t, api.Hex(domain.Contract[:]), view.Transaction.To)
		require.Equal(t, api.Hex{0x29, 0xb6, 0xd5, 0xf2}, view.Transaction.Data[:4], "claimWithZKProof")
	})
	t.Run("without a list or a contract it carries neither", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, completed(t, feed.Options{Domain: known(domain)}).Transaction)
		require.Nil(t, completed(t, feed.Options{List: list}).Claim)
	})
}
