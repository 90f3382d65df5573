package memstore

import (
	"container/list"
	"time"
)

const (
	perWrite = 4  // entries of each kind that a write drops on its way: more than it adds
	perSweep = 64 // entries of each kind that the timer drops at once

	sweepPause   = time.Second      // between sweeps
	backlogPause = time.Millisecond // between sweeps while there is a backlog: others want the mutex too
)

// sweepLocked drops up to most entries of each kind that have expired.
func (s *Store) sweepLocked(now time.Time, most int) (dropped int) {
	dropped += sweep(s.ended, most, func(e *entry) bool {
		if now.Before(e.gone) {
			return false
		}
		delete(s.byID, e.job.ID)
		s.fileLocked(e, e.job, nil)
		return true
	})
	dropped += sweep(s.made, most, func(p *proof) bool {
		if now.Before(p.gone) {
			return false
		}
		if s.proofs[p.of.Identity] == p { // else a later job has made a new one
			delete(s.proofs, p.of.Identity)
		}
		return true
	})
	dropped += sweep(s.answered, most, func(a *answer) bool {
		if now.Before(a.gone) {
			return false
		}
		delete(s.answers, a.asked)
		return true
	})
	return dropped
}

// sweep takes values from the front of l while drop says that they were dropped.
func sweep[T any](l *list.List, most int, drop func(T) bool) (dropped int) {
	for ; dropped < most; dropped++ {
		front := l.Front()
		if front == nil || !drop(front.Value.(T)) {
			break
		}
		l.Remove(front)
	}
	return dropped
}

// wakeSweeperLocked sees to it that what is kept now is dropped even if nobody writes any more.
func (s *Store) wakeSweeperLocked() {
	if s.sweeper == nil && !s.closed {
		s.sweeper = time.AfterFunc(sweepPause, s.sweepUp)
	}
}

// sweepUp is called by the timer, and sets it again unless nothing is kept any more.
func (s *Store) sweepUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	backlog := s.sweepLocked(time.Now(), perSweep) >= perSweep
	switch {
	case s.closed:
	case backlog:
		s.sweeper.Reset(backlogPause)
	case s.ended.Len()+s.made.Len()+s.answered.Len() > 0:
		s.sweeper.Reset(sweepPause)
	default:
		s.sweeper = nil
	}
}
