package network

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	wire "claimprover/prover/network/internal/spn/common"
)

// earlier knows the requests that this account made before this process began, whose journals are lost.
//
// What the process before sent in its last moments may come to light late: it can be under way still, and be listed only
// some time after it was taken. So nothing is bought before the list is of a time when all of it must have come to
// light. There is one short cut, by the counter of nonces: an account that has signed nothing yet had no process before.
// Something that was under way then shows as a gap in the counter, and the time has to pass after all.
type earlier struct {
	began   time.Time
	durable bool          // none are lost
	appears time.Duration // after this process began, within which all requests of the one before come to light
	counts  bool          // the network holds the account to its nonces

	mu      sync.Mutex
	ids     map[[32]byte]bool  // guarded by mu: requests of this process
	orphans map[[32]byte]Known // guarded by mu, by id
	listed  time.Time          // guarded by mu: when the list began that was last read to its end
	sure    bool               // guarded by mu: whatever has a nonce below floor is known
	floor   uint64             // guarded by mu
}

// errUnsure says that a request of the process before may be hidden.
var errUnsure = errors.New("an earlier request may not have come to light yet")

func newEarlier(now time.Time, o Options) *earlier {
	e := &earlier{began: now, durable: o.DurableJournals, appears: 2 * o.look, counts: o.Mode != Cluster,
		ids: map[[32]byte]bool{}, orphans: map[[32]byte]Known{}}
	if o.Mode == Cluster {
		e.appears = o.look // its list is the cluster's own: what was taken is on it at once
	}
	return e
}

// ours notes a request that is nobody's but this process's. Once nothing can come to light any more, nobody asks for them.
func (e *earlier) ours(id [32]byte) {
	if e.durable {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.orphans, id)
	if e.completeLocked() {
		clear(e.ids)
	} else {
		e.ids[id] = true
	}
}

func (e *earlier) completeLocked() bool { return e.durable || !e.listed.Before(e.began.Add(e.appears)) }

func (e *earlier) complete() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.completeLocked()
}

// settled says whether nothing can come to light any more, as far as is known.
func (e *earlier) settled() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.completeLocked() || e.sure
}

// untouched notes that the account's next nonce is its first one.
func (e *earlier) untouched() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sure, e.floor = true, 0
}

// covers says whether everything with a smaller nonce is known. If not, somebody else has used one: nothing is sure.
func (e *earlier) covers(nonce uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sure = e.sure && (!e.counts || nonce <= e.floor)
	return e.completeLocked() || e.sure
}

func (e *earlier) used(nonce uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if nonce == e.floor {
		e.floor++
	}
}

func (e *earlier) learned(all []Known, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range all {
		if !e.ids[k.ID] && (k.mayDeliver() || k.status == wire.FulfillmentStatus_FULFILLED) {
			e.orphans[k.ID] = k.with(e.orphans[k.ID])
		} else {
			delete(e.orphans, k.ID)
		}
	}
	e.listed = at
}

func (e *earlier) all() (all []Known) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.orphans {
		all = append(all, k)
	}
	return all
}

// forget drops a request for good, also from later lists.
func (e *earlier) forget(id [32]byte) { e.ours(id) }

func (e *earlier) update(k Known) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, there := e.orphans[k.ID]; there {
		e.orphans[k.ID] = k
	}
}

// Earlier asks the network, until everything must have come to light, for the requests that an earlier process left, and
// gives those that are not taken up yet. Where journals are durable there are none.
func (c *Client) Earlier(ctx context.Context) ([]Known, error) {
	if !c.before.complete() {
		at := time.Now()
		all, err := c.List(ctx, at.Add(-c.opts.Timeout-overdueTime-time.Hour))
		if err != nil {
			return nil, fmt.Errorf("asking for earlier requests: %w", err)
		}
		c.before.learned(all, at)
	}
	return c.before.all(), nil
}

// caughtUp says whether the list that was last read has everything that an earlier process sent.
func (c *Client) caughtUp(ctx context.Context) (bool, error) {
	if c.before.settled() {
		return true, nil
	}
	release, err := c.account.take(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	if c.before.settled() {
		return true, nil
	}
	// A cluster's gateway counts the questions themselves, from its start, and each purchase begins with one.
	if n, err := c.nonce(ctx); err != nil || n > 0 {
		return false, err
	}
	c.before.untouched()
	return true, nil
}

// adopt takes up a request for this claim that an earlier process left. While there may be one that is not on the list
// yet, or of which the network does not say yet what for, it waits: better late than twice.
func (j *job) adopt(ctx context.Context) (bool, error) {
	for {
		orphans, err := j.Earlier(ctx)
		if err != nil {
			return false, err
		}
		waits := false
		for _, k := range orphans {
			switch j.mine(ctx, k) {
			case yes:
				j.before.forget(k.ID)
				j.log.Info("earlier request taken up", "request", common.Hash(k.ID))
				j.entry = entry{
					Version: entryVersion, Endpoint: j.endpoint.String(), Mode: j.opts.Mode, Address: k.Requester,
					StdinURI: k.StdinURI, Deadline: uint64(k.Deadline.Unix()), Sent: k.Created.Unix(),
				}
				j.resumed = true
				return true, j.took(ctx, k.ID)
			case perhaps:
				waits = true
			}
		}
		if !waits {
			if all, err := j.caughtUp(ctx); all || err != nil {
				return false, err
			}
		}
		j.tell("looking for earlier requests")
		if err := pause(ctx, j.opts.look/20); err != nil {
			return false, err
		}
	}
}
