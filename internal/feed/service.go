package feed

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"claimprover/hub"
	"claimprover/internal/api"
)

// serviceState is the figures as last seen, and how often they have changed.
type serviceState struct {
	version uint64
	figures api.Service
}

// Service are the public figures as they stand.
func (f *Feed) Service(ctx context.Context) (api.Service, error) {
	figures, err := f.store.Figures(ctx)
	if err != nil {
		return api.Service{}, fmt.Errorf("reading the figures: %w", err)
	}
	domain, _ := f.opts.Domain() // a chain that is not known yet is left out
	s := api.Service{
		Queued: figures.Pending, Running: figures.Running, Capacity: f.opts.Capacity, Workers: f.opts.Workers,
		ProverMode: domain.ProverMode, Verifies: append([]string{}, f.opts.Verifies...), ChainID: domain.ChainID,
		Anonymous: f.opts.Anonymous, Draining: f.draining.Load(), Version: f.opts.Version,
	}
	if f.opts.Paused != nil {
		s.Paused = f.opts.Paused()
	}
	s.ChainAway = f.opts.ChainAway != nil && f.opts.ChainAway()
	if oldest := figures.OldestPending; !oldest.IsZero() {
		s.OldestWaitSeconds = int(time.Since(oldest).Seconds())
	}
	s.CompletedLastHour, s.FailedLastHour, s.ProofSeconds = f.past.hour()
	return s, nil
}

// Stats are the figures with the last hour by the minute.
func (f *Feed) Stats(ctx context.Context) (api.Stats, error) {
	s, err := f.Service(ctx)
	return api.Stats{Service: s, History: f.past.byMinute()}, err
}

// ServiceSnapshot is the figures as the message a new follower starts with. Its version grows when the figures change.
func (f *Feed) ServiceSnapshot(ctx context.Context) (*hub.Message, error) {
	figures, err := f.Service(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.service
	if s.version == 0 || !same(s.figures, figures) {
		s.version++
		s.figures = figures
	}
	return &hub.Message{
		Topic: ServiceTopic, Version: s.version, Type: "service", At: time.Now(),
		Data: api.Encode(api.ServiceEvent{Type: "service", ID: s.version, Service: s.figures}),
	}, nil
}

// publishService is called by Run alone.
func (f *Feed) publishService(ctx context.Context) error {
	m, err := f.ServiceSnapshot(ctx)
	if err != nil {
		return err
	}
	if m.Version > f.published {
		f.published = m.Version
		f.hub.Publish(m)
	}
	return nil
}

// same leaves out that the oldest job's waiting time grows by itself, but for every ten seconds of it.
func same(a, b api.Service) bool {
	a.OldestWaitSeconds /= 10
	b.OldestWaitSeconds /= 10
	return reflect.DeepEqual(a, b)
}
