package memstore

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// drawer holds the jobs of one owner that are in one state.
type drawer struct {
	owner jobs.Owner
	state jobs.State
}

// drawers are where a job is listed: with each of its owners, and with the key that minted an owner's token.
func drawers(j *jobs.Job) map[drawer]struct{} {
	if j == nil {
		return nil
	}
	in := make(map[drawer]struct{}, len(j.Owners)+1)
	for _, o := range j.Owners {
		if o != jobs.Anonymous {
			in[drawer{o, j.State}] = struct{}{}
		}
		if minter, ok := o.Minter(); ok {
			in[drawer{minter, j.State}] = struct{}{}
		}
	}
	return in
}

// fileLocked moves a job between drawers when its state or its owners have changed. Nil: it comes, or goes.
func (s *Store) fileLocked(e *entry, before, after *jobs.Job) {
	if before != nil && after != nil && before.State == after.State && slices.Equal(before.Owners, after.Owners) {
		return
	}
	if before != nil {
		s.everyone[before.State].remove(e)
	}
	if after != nil {
		s.everyone[after.State].insert(e)
	}
	from, to := drawers(before), drawers(after)
	for d := range from {
		if _, stays := to[d]; !stays {
			if s.owned[d].remove(e); s.owned[d].len() == 0 {
				delete(s.owned, d)
			}
		}
	}
	for d := range to {
		if _, stayed := from[d]; !stayed {
			if s.owned[d] == nil {
				s.owned[d] = new(ordered)
			}
			s.owned[d].insert(e)
		}
	}
}

// visitsAtOnce bounds the jobs, expired ones mostly, that List looks at before it lets others have the mutex.
const visitsAtOnce = 1000

// List pages through the jobs of an owner; see [jobs.Store].
func (s *Store) List(ctx context.Context, o jobs.Owner, q jobs.Query) (jobs.Page, error) {
	below, err := readCursor(q.Cursor)
	if err != nil {
		return jobs.Page{}, err
	}
	limit := min(max(q.Limit, 1), 100)
	states := []jobs.State{jobs.Pending, jobs.Running, jobs.Completed, jobs.Failed}
	if q.Status != nil {
		states = []jobs.State{*q.Status}
	}

	var page jobs.Page
	var last uint64 // seq of the last job in the page
	for below > 0 {
		if err := ctx.Err(); err != nil { // few of many may be asked for
			return jobs.Page{}, err
		}
		var found []listed
		found, below = s.listed(o, states, below)
		for _, f := range found {
			if !q.Takes(*f.job) {
				continue
			}
			if len(page.Jobs) == limit {
				page.Next = writeCursor(last)
				return page, nil
			}
			page.Jobs, last = append(page.Jobs, *f.job), f.seq
		}
	}
	return page, nil
}

type listed struct {
	seq uint64
	job *jobs.Job
}

// listed looks at up to visitsAtOnce jobs admitted before the seq below, newest first, and gives those that are still
// kept and the seq to go on from; 0: that was all.
func (s *Store) listed(o jobs.Owner, states []jobs.State, below uint64) (found []listed, next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	heads := make([]descent, 0, len(states))
	for _, state := range states {
		set := s.owned[drawer{o, state}]
		if o == jobs.Everyone {
			set = &s.everyone[state]
		}
		if set != nil {
			heads = append(heads, set.below(below))
		}
	}
	for range visitsAtOnce {
		e := newest(heads)
		if e == nil {
			return found, 0
		}
		if below = e.seq; !e.expired(now) {
			found = append(found, listed{e.seq, e.job})
		}
		if len(found) > 100 { // a full page, and the one that says there is more
			break
		}
	}
	return found, below
}

// newest takes the newest of what the heads come to next; nil when all are at their end.
func newest(heads []descent) *entry {
	var best *descent
	for i := range heads {
		if e := heads[i].peek(); e != nil && (best == nil || e.seq > best.peek().seq) {
			best = &heads[i]
		}
	}
	if best == nil {
		return nil
	}
	e := best.peek()
	best.step()
	return e
}

// A cursor is the order of admission of the last job given, so what is admitted later shifts nothing.

func writeCursor(seq uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, seq))
}

func readCursor(cursor string) (below uint64, err error) {
	if cursor == "" {
		return math.MaxUint64, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != 8 {
		return 0, fault.New(fault.InvalidInput, "The cursor is not one that a list gave. Start again without a cursor.").Because(err)
	}
	return binary.BigEndian.Uint64(raw), nil
}
