// Package feed tells followers what was written: it turns each written change of a job into one message, once, and
// gives it to the hub; it sends the place in the queue once a second to whoever waits; it keeps the public figures.
//
// All methods may be called from many goroutines. The feed keeps no job: what it tells is read from the store.
package feed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"claimprover/hub"
	"claimprover/internal/api"
	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
	"claimprover/internal/jobs"
)

// Options are the facts that views and figures state.
type Options struct {
	// Domain is what proofs are good for. While the chain's id is not known it gives what is, and an error.
	Domain   func() (claim.Domain, error)
	List     *eligibility.List // nil: no list, so no Merkle proofs
	JobsTTL  time.Duration
	Capacity int
	Workers  int
	Verifies []string // names of the checks that proofs must pass
	// Anonymous is said on the page: submissions need no credential.
	Anonymous bool
	// Paused says why submissions are refused for now, empty if they are not; nil: they never are.
	Paused func() string
	// ChainAway says that the chain, and so every new claim, cannot be judged for now; nil: it is never asked.
	ChainAway func() bool
	// Deadline is until when the contract takes claims, zero if it says no such time; nil: nobody knows. It must not block.
	Deadline func() time.Time
	Version  string
	Logger   *slog.Logger
}

// Feed is the way out of the store.
type Feed struct {
	store jobs.Store
	hub   *hub.Hub
	opts  Options
	past  *history

	tick     atomic.Uint64 // taken before places are read; orders messages of one version
	draining atomic.Bool

	places    map[jobs.ID]int // owned by Run: places as last told
	published uint64          // owned by Run: version of the figures as last told

	mu      sync.Mutex
	service serviceState // guarded by mu
}

// New makes a feed; the caller registers [Feed.Heard] with the store and runs [Feed.Run].
func New(store jobs.Store, h *hub.Hub, o Options) *Feed {
	return &Feed{store: store, hub: h, opts: o, past: newHistory(), places: make(map[jobs.ID]int)}
}

// ServiceTopic is the hub's topic of the public figures. No job's id, random or zero, is equal to it.
var ServiceTopic = hub.Topic([]byte("public figures\x00\x00"))

// Heard tells followers of a written change. It is called by the store and does not block: a pending job, whose place
// would have to be read, is left to the next tick.
func (f *Feed) Heard(j jobs.Job) {
	if j.Ended() && !j.Cached {
		f.past.ended(j)
	}
	if j.State == jobs.Pending {
		return
	}
	f.hub.Publish(f.message(j, place{}, 0))
}

// Snapshot is a job as it stands, as the message a late follower starts with.
func (f *Feed) Snapshot(ctx context.Context, id jobs.ID) (*hub.Message, error) {
	tick := f.tick.Add(1)
	j, at, err := f.read(ctx, id)
	if err != nil {
		return nil, err
	}
	return f.message(j, at, tick), nil
}

// Job is a job as its readers see it, with its place in the queue.
func (f *Feed) Job(ctx context.Context, id jobs.ID) (api.Job, error) {
	j, at, err := f.read(ctx, id)
	if err != nil {
		return api.Job{}, err
	}
	return f.view(j, at), nil
}

// View is the same of a job already at hand.
func (f *Feed) View(ctx context.Context, j jobs.Job) (api.Job, error) {
	at, err := f.placeOf(ctx, j)
	if err != nil {
		return api.Job{}, err
	}
	return f.view(j, at), nil
}

// place is where a pending job stands; the zero place is that of any other job.
type place struct{ position, queued int }

func (f *Feed) read(ctx context.Context, id jobs.ID) (jobs.Job, place, error) {
	j, err := f.store.Get(ctx, id)
	if err != nil {
		return jobs.Job{}, place{}, fmt.Errorf("reading job %s: %w", jobs.Label(id), err)
	}
	at, err := f.placeOf(ctx, j)
	return j, at, err
}

func (f *Feed) placeOf(ctx context.Context, j jobs.Job) (place, error) {
	if j.State != jobs.Pending {
		return place{}, nil
	}
	places, queued, err := f.store.Places(ctx, []jobs.ID{j.ID})
	if err != nil {
		return place{}, fmt.Errorf("reading the place of job %s: %w", jobs.Label(j.ID), err)
	}
	return place{places[j.ID], queued}, nil
}

// message is the one encoding of a job at one version. Only a pending job's may be followed by another of the same
// version, a later tick's.
func (f *Feed) message(j jobs.Job, at place, tick uint64) *hub.Message {
	event := j.LastEvent()
	pending := j.State == jobs.Pending
	if !pending {
		tick = 0
	}
	return &hub.Message{
		Topic: hub.Topic(j.ID), Version: j.Version, Tick: tick, Last: j.Ended(), Volatile: pending, Type: string(event), At: time.Now(),
		Data: api.Encode(api.Event{Type: string(event), ID: j.Version, Job: f.view(j, at)}),
	}
}

// Run sends places and figures once a second until ctx ends.
func (f *Feed) Run(ctx context.Context) error {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		if err := f.beat(ctx); err != nil && ctx.Err() == nil {
			f.opts.Logger.Warn("followers not told", "err", err)
		}
	}
}

// beat tells each followed pending job's new place, and the figures when they have changed. With nobody watching it
// reads nothing.
func (f *Feed) beat(ctx context.Context) error {
	followed := f.hub.Followed()
	if len(followed) == 0 {
		clear(f.places)
		return nil
	}
	ids := make([]jobs.ID, 0, len(followed))
	figures := false
	for _, topic := range followed {
		if topic == ServiceTopic {
			figures = true
			continue
		}
		ids = append(ids, jobs.ID(topic))
	}
	if figures {
		if err := f.publishService(ctx); err != nil {
			return err
		}
	}
	return f.publishPlaces(ctx, ids)
}

func (f *Feed) publishPlaces(ctx context.Context, ids []jobs.ID) error {
	tick := f.tick.Add(1)
	places, queued, err := f.store.Places(ctx, ids)
	if err != nil {
		return fmt.Errorf("reading places: %w", err)
	}
	for id, position := range places {
		if f.places[id] == position {
			continue
		}
		j, err := f.store.Get(ctx, id)
		if err != nil || j.State != jobs.Pending {
			continue // it went on meanwhile, and its own event has told so
		}
		f.hub.Publish(f.message(j, place{position, queued}, tick))
	}
	f.places = places
	return nil
}

// Drain makes the figures say that the service is ending.
func (f *Feed) Drain() { f.draining.Store(true) }
