package networktest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"claimprover/prover/network"
	wire "claimprover/prover/network/internal/spn/common"
)

// request is a request that was taken.
type request struct {
	id        [32]byte
	requester common.Address
	shown     *common.Address // in place of requester; nil: the same
	terms     terms
	fate      Fate
	taken     time.Time
	entry     []byte // of the input
	values    []byte // nil: the program panics
	cost      *uint256.Int
	cancelled time.Time
	fetched   int // whole downloads of its good proof
	tried     int
	named     bool // somebody was told where its proof is
}

// terms are what both variants' bodies say.
type terms struct {
	mode       wire.ProofMode
	strategy   wire.Strategy
	version    string
	stdinURI   string
	deadline   uint64
	cycles     uint64
	gas        uint64
	private    bool
	valuesHash []byte // empty: not said
	nonce      uint64
}

// state is what a request has come to.
type state struct {
	fulfillment wire.FulfillmentStatus
	execution   wire.ExecutionStatus
}

func (s *Server) hidden(r *request) bool {
	return r.fate.Dropped || time.Since(r.taken) < r.fate.Hidden
}

// overdrawn is the limit that a request's program runs into; zero: none.
func (r *request) overdrawn() wire.ExecuteFailureCause {
	switch {
	case r.values == nil:
	case r.terms.cycles < cyclesUsed:
		return wire.ExecuteFailureCause_EXCEEDED_CYCLE_LIMIT
	case r.terms.gas != 0 && r.terms.gas < gasUsed:
		return wire.ExecuteFailureCause_EXCEEDED_GAS_LIMIT
	}
	return 0
}

// mismatched says whether a request names other public values than its program commits.
func (r *request) mismatched() bool {
	hash := sha256.Sum256(r.values)
	return r.values != nil && len(r.terms.valuesHash) > 0 && !bytes.Equal(hash[:], r.terms.valuesHash)
}

// state is computed from the clock. A request that is cancelled before it is assigned stays requested, with its deadline
// in the past.
func (s *Server) state(r *request) state {
	age := time.Since(r.taken) - r.fate.Slow
	at := state{wire.FulfillmentStatus_REQUESTED, wire.ExecutionStatus_UNEXECUTED}
	if age >= s.opts.Executed {
		at.execution = wire.ExecutionStatus_EXECUTED
		if r.values == nil {
			at.execution = wire.ExecutionStatus_UNEXECUTABLE
		}
		if n := r.overdrawn(); r.fate.Executes != 0 {
			at.execution = r.fate.Executes
		} else if n != 0 {
			at.execution = wire.ExecutionStatus_UNEXECUTABLE
		} else if r.mismatched() {
			at.execution = wire.ExecutionStatus_VALIDATION_FAILED
		}
	}
	failed := at.execution == wire.ExecutionStatus_UNEXECUTABLE || at.execution == wire.ExecutionStatus_VALIDATION_FAILED
	assigned := age >= s.opts.Assigned && !r.fate.NoBids && r.cancelled.IsZero() && !failed
	switch {
	case !assigned:
	case age >= s.opts.Fulfilled && r.fate.Ends != 0:
		at.fulfillment = r.fate.Ends
	case age >= s.opts.Fulfilled && !r.fate.Stuck:
		at.fulfillment = wire.FulfillmentStatus_FULFILLED
	case r.fate.Back > 0 && age >= s.opts.Fulfilled-r.fate.Back:
	case r.fate.Odd:
		at = state{42, 42}
	case r.fate.Expired && age >= s.opts.Fulfilled-30*time.Second:
		at.fulfillment = wire.FulfillmentStatus_EXPIRED
	case s.opts.Mode == network.Cluster: // its gateway knows of no assignments
	default:
		at.fulfillment = wire.FulfillmentStatus_ASSIGNED
	}
	return at
}

// mayDeliver says whether a request may still end, or has ended, in a proof: whoever buys the same again pays twice.
func (s *Server) mayDeliver(r *request) bool {
	at := s.state(r)
	switch {
	case r.fate.Dropped:
		return false
	case at.fulfillment == wire.FulfillmentStatus_FULFILLED, at.fulfillment == wire.FulfillmentStatus_ASSIGNED:
		return true
	case at.fulfillment == wire.FulfillmentStatus_UNFULFILLABLE, at.fulfillment == wire.FulfillmentStatus_REVERTED:
		return false
	case at.execution == wire.ExecutionStatus_UNEXECUTABLE, at.execution == wire.ExecutionStatus_VALIDATION_FAILED:
		return false
	case !r.cancelled.IsZero():
		return false
	case r.fate.NoBids || r.fate.Stuck:
		return time.Now().Unix() <= int64(r.terms.deadline)
	}
	return true
}

// takeLocked takes a request, and notes when it is a second one.
func (s *Server) takeLocked(r *request) {
	for _, earlier := range s.requests {
		if r.values != nil && string(earlier.values) == string(r.values) && s.mayDeliver(earlier) {
			s.twice = append(s.twice, fmt.Sprintf("request %x while %x (%v, taken %v before) can deliver", r.id, earlier.id, s.state(earlier), r.taken.Sub(earlier.taken)))
		}
	}
	r.fate = s.fate(len(s.requests), r.values)
	s.requests = append(s.requests, r)
	if !r.fate.Dropped {
		s.balanceLocked(r.requester).Sub(s.balanceLocked(r.requester), r.cost)
	}
}

// findLocked gives the request that a read may know of.
func (s *Server) findLocked(id []byte) *request {
	var full [32]byte
	copy(full[:], id)
	for _, r := range s.requests {
		if r.id == full && !s.hidden(r) {
			return r
		}
	}
	return nil
}

// Lost names the requests with a proof that nobody has fetched.
func (s *Server) Lost() (lost []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if !r.fate.Dropped && s.state(r).fulfillment == wire.FulfillmentStatus_FULFILLED && r.fetched == 0 {
			lost = append(lost, fmt.Sprintf("%x", r.id))
		}
	}
	return lost
}
