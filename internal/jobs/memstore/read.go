package memstore

import (
	"context"
	"time"

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

// queue gives the jobs that are pending, next one first. A written job is never changed, so they may be read at leisure.
func (s *Store) queue() []*jobs.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := make([]*jobs.Job, 0, s.waiting.Len())
	for at := s.waiting.Front(); at != nil; at = at.Next() {
		queue = append(queue, at.Value.(*entry).job)
	}
	return queue
}

// Places counts places in the queue; see [jobs.Store].
func (s *Store) Places(_ context.Context, ids []jobs.ID) (map[jobs.ID]int, int, error) {
	asked := make(map[jobs.ID]struct{}, len(ids))
	for _, id := range ids {
		asked[id] = struct{}{}
	}
	queue := s.queue()
	places := make(map[jobs.ID]int, min(len(ids), len(queue)))
	for i, j := range queue {
		if _, ok := asked[j.ID]; ok {
			places[j.ID] = i + 1
		}
	}
	return places, len(queue), nil
}

// Pending gives the queue; see [jobs.Store].
func (s *Store) Pending(context.Context) ([]jobs.Job, error) {
	queue := s.queue()
	pending := make([]jobs.Job, len(queue))
	for i, j := range queue {
		pending[i] = *j
	}
	return pending, nil
}

// Figures counts; see [jobs.Store].
func (s *Store) Figures(context.Context) (jobs.Figures, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := jobs.Figures{Pending: s.waiting.Len(), Running: s.leased.Len(), Kept: len(s.byID), Cached: len(s.proofs)}
	if front := s.waiting.Front(); front != nil {
		f.OldestPending = front.Value.(*entry).job.CreatedAt
	}
	return f, nil
}
