package memstore

import (
	"context"
	"time"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// Leave takes an owner away; see [jobs.Store].
func (s *Store) Leave(_ context.Context, id jobs.ID, o jobs.Owner) (jobs.Job, error) {
	return s.change(id, nil, func(j jobs.Job, now time.Time) (jobs.Job, error) { return j.Left(o, now) })
}

// Save keeps a prover's journal; see [jobs.Store].
func (s *Store) Save(_ context.Context, l jobs.Lease, journal []byte) error {
	_, err := s.change(l.ID, &l, func(j jobs.Job, _ time.Time) (jobs.Job, error) { return j.Journaled(journal) })
	return err
}

// Release gives a job back to the queue; see [jobs.Store].
func (s *Store) Release(_ context.Context, l jobs.Lease) error {
	_, err := s.change(l.ID, &l, jobs.Job.Released)
	return err
}

// change writes a transition of package jobs in one step.
func (s *Store) change(id jobs.ID, l *jobs.Lease, next func(jobs.Job, time.Time) (jobs.Job, error)) (jobs.Job, error) {
	s.mu.Lock()
	now := time.Now()
	s.sweepLocked(now, perWrite)
	e, err := s.writableLocked(id, l, now)
	if err != nil {
		s.mu.Unlock()
		return jobs.Job{}, err
	}
	written, err := next(*e.job, now)
	if err != nil {
		s.mu.Unlock()
		return jobs.Job{}, err
	}
	return s.writeAndUnlock(e, written, now), nil
}

// Swap writes what next makes of a job; see [jobs.Store].
func (s *Store) Swap(_ context.Context, id jobs.ID, l *jobs.Lease, next func(jobs.Job) (jobs.Job, error)) (jobs.Job, error) {
	for {
		seen, again, err := s.toSwap(id, l)
		if err != nil || again {
			return seen, err
		}
		written, err := next(seen)
		if err != nil {
			return jobs.Job{}, err
		}
		if written.State == jobs.Running && seen.State != jobs.Running {
			return jobs.Job{}, fault.New(fault.Internal, "Only a lease starts a job.")
		}

		s.mu.Lock()
		now := time.Now()
		s.sweepLocked(now, perWrite)
		e, err := s.writableLocked(id, l, now)
		if err == nil && e.job.Rev == seen.Rev {
			e.endedByHolder = l != nil && written.Ended()
			return s.writeAndUnlock(e, written, now), nil
		}
		s.mu.Unlock() // somebody else wrote in between
	}
}

// toSwap reads what Swap starts from. Again: it is the ending that this lease has written before.
func (s *Store) toSwap(id jobs.ID, l *jobs.Lease) (seen jobs.Job, again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.writableLocked(id, l, time.Now())
	switch {
	case e != nil && err == fault.ErrStale && e.endedByHolder && l.ID == id && l.Token == e.token:
		return *e.job, true, nil
	case err == nil && l == nil && e.job.Ended():
		return jobs.Job{}, false, jobs.ErrEnded
	case err != nil:
		return jobs.Job{}, false, err
	}
	return *e.job, false, nil
}

// writableLocked finds a job and, if there is a lease, says whether it still holds: ErrStale comes with the job.
func (s *Store) writableLocked(id jobs.ID, l *jobs.Lease, now time.Time) (*entry, error) {
	e := s.findLocked(id, now)
	switch {
	case l != nil && (e == nil || l.ID != id || e.job.State != jobs.Running || e.token != l.Token):
		return e, fault.ErrStale
	case e == nil:
		return nil, jobs.ErrNotFound
	}
	return e, nil
}

// writeAndUnlock writes next, unless it is no news, lets go of the mutex and tells followers of what they see.
func (s *Store) writeAndUnlock(e *entry, next jobs.Job, now time.Time) jobs.Job {
	before := e.job
	if next.Rev != before.Rev {
		s.writeLocked(e, next, now)
	}
	written := e.job
	s.mu.Unlock()
	if written.Version != before.Version {
		s.tell(written)
	}
	return *written
}

// writeLocked is the one place where a job changes: it moves the job to where its new state keeps it.
func (s *Store) writeLocked(e *entry, next jobs.Job, now time.Time) {
	before := e.job
	e.job = &next
	s.fileLocked(e, before, e.job)
	if next.State == before.State {
		return
	}
	switch before.State {
	case jobs.Pending:
		s.waiting.remove(e)
	case jobs.Running:
		s.leased.Remove(e.at)
	}
	switch {
	case next.State == jobs.Pending:
		s.waitLocked(e)
	case next.State == jobs.Running:
		e.at = s.leased.PushBack(e)
	case next.Ended():
		delete(s.inFlight, next.Identity)
		s.keepEndedLocked(e, now)
		s.keepLeftLocked(e, now)
	}
}

// waitLocked puts a job into the queue by its order of admission, and wakes those who wait for work.
func (s *Store) waitLocked(e *entry) {
	s.waiting.insert(e)
	if !s.closed {
		close(s.arrived)
		s.arrived = make(chan struct{})
	}
}

// keepEndedLocked starts the time to live of an ended job.
func (s *Store) keepEndedLocked(e *entry, now time.Time) {
	e.gone = now.Add(s.jobsTTL)
	e.at = s.ended.PushBack(e)
	s.wakeSweeperLocked()
}

// keepLeftLocked keeps what a job leaves to later ones of its identity: its proof, and its journal.
func (s *Store) keepLeftLocked(e *entry, now time.Time) {
	j := e.job
	if len(j.Journal) > 0 {
		s.journals[j.Identity] = j.Journal
	}
	if j.State == jobs.Completed {
		p := &proof{of: j, gone: now.Add(s.cacheTTL)}
		s.proofs[j.Identity] = p
		s.made.PushBack(p)
	}
}
