package memstore

import (
	"context"
	"fmt"
	"time"

	"claimprover/internal/jobs"
)

// Lease waits for work; see [jobs.Store]. Whoever finds none holds, from the same moment on, the channel that the next
// arrival closes, so that no arrival is missed however many wait.
func (s *Store) Lease(ctx context.Context, _ jobs.Worker) (jobs.Lease, error) {
	for {
		if ctx.Err() != nil {
			return jobs.Lease{}, fmt.Errorf("waiting for work: %w", context.Cause(ctx))
		}
		lease, wait, err := s.take()
		if err != nil {
			return jobs.Lease{}, err
		}
		if wait == nil {
			s.tell(&lease.Job)
			return lease, nil
		}
		wait.out(ctx)
	}
}

// wait is what may bring work: an arrival in the queue, or the end of the lease that ends first (zero: there is none).
// A lease taken meanwhile is of a job that arrived meanwhile, so the arrival sees to it.
type wait struct {
	arrival <-chan struct{}
	expiry  time.Time
}

func (w *wait) out(ctx context.Context) {
	var expired <-chan time.Time
	if !w.expiry.IsZero() {
		expired = time.After(time.Until(w.expiry))
	}
	select {
	case <-ctx.Done():
	case <-w.arrival:
	case <-expired:
	}
}

// take leases a job, or says what to wait for.
func (s *Store) take() (jobs.Lease, *wait, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return jobs.Lease{}, nil, errClosed
	}
	now := time.Now()
	s.sweepLocked(now, perWrite)
	e, w := s.nextLocked(now)
	if e == nil {
		return jobs.Lease{}, w, nil
	}
	started, err := e.job.Started(now)
	if err != nil {
		return jobs.Lease{}, nil, fmt.Errorf("starting a job: %w", err)
	}
	s.writeLocked(e, started, now)
	e.token++
	s.holdLocked(e, now)
	return jobs.Lease{ID: started.ID, Token: e.token, Job: started}, nil, nil
}

// nextLocked is the job to be worked on next: abandoned ones go before waiting ones.
func (s *Store) nextLocked(now time.Time) (*entry, *wait) {
	w := &wait{arrival: s.arrived}
	if front := s.leased.Front(); front != nil {
		e := front.Value.(*entry)
		if !now.Before(e.until) {
			return e, nil
		}
		w.expiry = e.until
	}
	if e := s.waiting.oldest(); e != nil {
		return e, nil
	}
	return nil, w
}

// holdLocked makes a lease last from now. All last equally long, so the one renewed last ends last.
func (s *Store) holdLocked(e *entry, now time.Time) {
	e.until = now.Add(jobs.LeaseTime)
	s.leased.MoveToBack(e.at)
}

// Renew makes a lease last; see [jobs.Store].
func (s *Store) Renew(_ context.Context, l jobs.Lease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	e, err := s.writableLocked(l.ID, &l, now)
	if err != nil {
		return err
	}
	s.holdLocked(e, now)
	return nil
}
