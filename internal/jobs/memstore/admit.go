package memstore

import (
	"context"
	"time"

	"claimprover/internal/jobs"
)

// Admit gives a claim its job; see [jobs.Store].
func (s *Store) Admit(_ context.Context, j jobs.Job) (jobs.Job, jobs.Disposition, error) {
	s.mu.Lock()
	now := time.Now()
	s.sweepLocked(now, perWrite)
	given, disposition, written := s.joinLocked(&j, now)
	if given == nil {
		if s.waiting.len() >= s.capacity {
			s.mu.Unlock()
			return jobs.Job{}, "", jobs.QueueFull(s.capacity)
		}
		given, disposition, written = s.queueLocked(j), jobs.Queued, true
	}
	s.mu.Unlock()
	if written {
		s.tell(given)
	}
	return *given, disposition, nil
}

// Join gives a claim the job or the proof that is there already; see [jobs.Store].
func (s *Store) Join(_ context.Context, j jobs.Job) (jobs.Job, jobs.Disposition, bool, error) {
	s.mu.Lock()
	now := time.Now()
	s.sweepLocked(now, perWrite)
	given, disposition, written := s.joinLocked(&j, now)
	s.mu.Unlock()
	if given == nil {
		return jobs.Job{}, "", false, nil
	}
	if written {
		s.tell(given)
	}
	return *given, disposition, true, nil
}

// joinLocked answers without taking a place, or gives nil. Written says that followers see what was written.
func (s *Store) joinLocked(j *jobs.Job, now time.Time) (given *jobs.Job, d jobs.Disposition, written bool) {
	if given, d = s.againLocked(j.ID, now); given != nil {
		return given, d, false
	}
	owner := j.Owners[0]
	if e := s.inFlight[j.Identity]; e != nil {
		if joined, err := e.job.Joined(owner); err == nil {
			s.writeLocked(e, joined, now)
		}
		s.rememberLocked(j.ID, e.job.ID, jobs.Joined, now)
		return e.job, jobs.Joined, false
	}
	p := s.proofs[j.Identity]
	if p == nil || !now.Before(p.gone) {
		return nil, "", false
	}
	if e := s.findLocked(p.of.ID, now); e != nil && e.job.OwnedBy(owner) {
		s.rememberLocked(j.ID, e.job.ID, jobs.CachedAnswer, now)
		return e.job, jobs.CachedAnswer, false
	}
	e := s.addLocked(jobs.FromCache(j.ID, *p.of, owner, now))
	s.keepEndedLocked(e, now)
	return e.job, jobs.CachedAnswer, true
}

// queueLocked writes j as pending, with the journal that its identity's last job left.
func (s *Store) queueLocked(j jobs.Job) *jobs.Job {
	if journal, left := s.journals[j.Identity]; left {
		j.Journal = journal
		delete(s.journals, j.Identity)
	}
	e := s.addLocked(j)
	s.inFlight[j.Identity] = e
	s.waitLocked(e)
	return e.job
}

func (s *Store) addLocked(j jobs.Job) *entry {
	s.admitted++
	e := &entry{id: j.ID, seq: s.admitted, job: &j}
	s.byID[j.ID] = e
	s.fileLocked(e, nil, e.job)
	return e
}

// againLocked is the answer that the same admission got the first time.
func (s *Store) againLocked(id jobs.ID, now time.Time) (*jobs.Job, jobs.Disposition) {
	disposition := jobs.Queued
	if a := s.answers[id]; a != nil {
		id, disposition = a.given, a.disposition
	}
	e := s.findLocked(id, now)
	if e == nil {
		return nil, ""
	}
	if e.job.Cached {
		disposition = jobs.CachedAnswer
	}
	return e.job, disposition
}

func (s *Store) rememberLocked(asked, given jobs.ID, d jobs.Disposition, now time.Time) {
	a := &answer{asked, given, d, now.Add(jobs.AnswerTime)}
	s.answers[asked] = a
	s.answered.PushBack(a)
	s.wakeSweeperLocked()
}
