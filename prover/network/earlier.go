package network

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	wire "claimprover/prover/network/internal/spn/common"
)

// earlier knows the requests that this account made before this process began, whose journals are lost.
type earlier struct {
	began   time.Time
	durable bool // none are lost

	mu      sync.Mutex
	ids     map[[32]byte]bool  // guarded by mu: requests of this process
	orphans map[[32]byte]Known // guarded by mu, by id
	listed  time.Time          // guarded by mu: when the list began that was last read to its end
}

// appears is how long after this process began a request of the one before may come to light.
const appears = 2 * time.Minute

func newEarlier(now time.Time, durable bool) *earlier {
	return &earlier{began: now, durable: durable, ids: map[[32]byte]bool{}, orphans: map[[32]byte]Known{}}
}

// ours notes a request of this process. Once nothing can come to light any more, nobody asks for them.
func (e *earlier) ours(id [32]byte) {
	if e.durable {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.orphans, id)
	if e.listed.Before(e.began.Add(appears)) {
		e.ids[id] = true
	} else {
		clear(e.ids)
	}
}

func (e *earlier) complete() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.durable || !e.listed.Before(e.began.Add(appears))
}

func (e *earlier) learned(all []Known, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range all {
		if !e.ids[k.ID] && (k.mayDeliver() || k.status == wire.FulfillmentStatus_FULFILLED) {
			e.orphans[k.ID] = k
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

func (e *earlier) forget(id [32]byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.orphans, id)
}

func (e *earlier) update(k Known) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, there := e.orphans[k.ID]; there {
		e.orphans[k.ID] = k
	}
}

// open says whether a request may still end in a proof.
func (k Known) open() bool {
	ended := k.status == wire.FulfillmentStatus_FULFILLED || k.status == wire.FulfillmentStatus_UNFULFILLABLE ||
		k.status == wire.FulfillmentStatus_REVERTED || k.status == wire.FulfillmentStatus_EXPIRED
	return !ended && k.execution != wire.ExecutionStatus_UNEXECUTABLE && k.execution != wire.ExecutionStatus_VALIDATION_FAILED &&
		!k.Cancelled && time.Now().Before(k.Deadline.Add(overdueTime))
}

// mayDeliver says whether a request may still end in a proof, also against what its status says: a proof can be on its
// way while the deadline passes.
func (k Known) mayDeliver() bool {
	late := k.status == wire.FulfillmentStatus_EXPIRED && !k.Cancelled && time.Now().Before(k.Deadline.Add(overdueTime))
	return k.open() || late
}

// Earlier asks the network, once after the start, for the requests that an earlier process left, and gives those that
// are not taken up yet. Where journals are durable there are none.
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

// adopt takes up a request for this claim that an earlier process left. While there is one of which the network does
// not say yet what for, it waits: better late than twice.
func (j *job) adopt(ctx context.Context) (bool, error) {
	for {
		orphans, err := j.Earlier(ctx)
		if err != nil {
			return false, err
		}
		unknown := false
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
				j.metrics.resumed.Inc()
				return true, j.took(ctx, k.ID)
			case perhaps:
				unknown = true
			}
		}
		if !unknown {
			return false, nil
		}
		j.tell("looking for earlier requests")
		if err := pause(ctx, lookEvery); err != nil {
			return false, err
		}
	}
}

type guess int

const (
	no guess = iota
	yes
	perhaps
)

// mine says whether an earlier request is for this job's claim.
func (j *job) mine(ctx context.Context, k Known) guess {
	if len(k.ValuesHash) == 0 && j.opts.Mode == Reserved {
		// Only executed requests tell there; ours on mainnet carry the hash from the beginning.
		now, found, err := j.details(ctx, k.ID)
		if err != nil || !found {
			return perhaps
		}
		if !now.mayDeliver() && len(now.ValuesHash) == 0 {
			j.before.forget(k.ID)
			return no
		}
		j.before.update(now)
		k = now
	}
	switch {
	case bytes.Equal(k.ValuesHash, j.values[:]):
		return yes
	case len(k.ValuesHash) > 0:
		return no
	case j.opts.Mode == Cluster && k.open():
		return j.sameClaim(ctx, k)
	case j.opts.Mode == Reserved && k.mayDeliver():
		return perhaps
	}
	return no
}

// sameClaim reads a request's input back, which a cluster's artifact store lets everybody do, and compares all of it but
// the signature, which differs each time a claimant signs.
func (j *job) sameClaim(ctx context.Context, k Known) guess {
	b, err := j.store.get(ctx, k.StdinURI)
	if err == nil {
		b, err = Decompress(b)
	}
	buffers, err2 := DecodeStdin(b)
	if err != nil || err2 != nil || len(buffers) != 1 {
		return no // it is gone as soon as the proof is done
	}
	theirs, ours := buffers[0], j.in.GuestStdin()
	at := 8 + len(j.in.SS58)
	if len(theirs) != len(ours) || !bytes.Equal(theirs[:at], ours[:at]) || !bytes.Equal(theirs[at+64:], ours[at+64:]) {
		return no
	}
	return yes
}
