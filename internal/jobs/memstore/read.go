package memstore

import (
	"context"
	"time"

	"claimprover/internal/claim"
	"claimprover/internal/jobs"
)

// findLocked gives the entry of a job, or nil once the job has expired.
func (s *Store) findLocked(id jobs.ID, now time.Time) *entry {
	e := s.byID[id]
	if e == nil || e.expired(now) {
		return nil
	}
	return e
}

func (e *entry) expired(now time.Time) bool { return e.job.Ended() && !now.Before(e.gone) }

// Get gives a job; see [jobs.Store].
func (s *Store) Get(_ context.Context, id jobs.ID) (jobs.Job, error) {
	s.mu.Lock()
	e := s.findLocked(id, time.Now())
	if e == nil {
		s.mu.Unlock()
		return jobs.Job{}, jobs.ErrNotFound
	}
	j := e.job
	s.mu.Unlock()
	return *j, nil
}

// Peek looks for the same claim and for a place; see [jobs.Store].
func (s *Store) Peek(_ context.Context, of claim.Identity) (jobs.Disposition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.proofs[of]
	switch {
	case s.inFlight[of] != nil:
		return jobs.Joined, nil
	case p != nil && time.Now().Before(p.gone):
		return jobs.CachedAnswer, nil
	case s.waiting.len() >= s.capacity:
		return "", jobs.QueueFull(s.capacity)
	}
	return jobs.Queued, nil
}

// Places counts places in the queue; see [jobs.Store]. Only a copy of the queue is made while others wait.
func (s *Store) Places(_ context.Context, ids []jobs.ID) (map[jobs.ID]int, int, error) {
	asked := make(map[jobs.ID]struct{}, len(ids))
	for _, id := range ids {
		asked[id] = struct{}{}
	}
	s.mu.Lock()
	queue := s.waiting.all()
	s.mu.Unlock()

	places := make(map[jobs.ID]int, min(len(ids), len(queue)))
	for i, e := range queue {
		if _, ok := asked[e.id]; ok {
			places[e.id] = i + 1
		}
	}
	return places, len(queue), nil
}

// Pending gives the queue; see [jobs.Store].
func (s *Store) Pending(context.Context) ([]jobs.Job, error) {
	s.mu.Lock()
	queue := s.waiting.all()
	pending := make([]jobs.Job, len(queue))
	for i, e := range queue {
		pending[i] = *e.job
	}
	s.mu.Unlock()
	return pending, nil
}

// Figures counts; see [jobs.Store].
func (s *Store) Figures(context.Context) (jobs.Figures, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := jobs.Figures{Pending: s.waiting.len(), Running: s.leased.Len(), Kept: len(s.byID), Cached: len(s.proofs)}
	if e := s.waiting.oldest(); e != nil {
		f.OldestPending = e.job.CreatedAt
	}
	return f, nil
}
