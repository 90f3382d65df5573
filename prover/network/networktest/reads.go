package networktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"claimprover/prover/network"
	"claimprover/prover/network/internal/spn/auction"
	"claimprover/prover/network/internal/spn/base"
	wire "claimprover/prover/network/internal/spn/common"
)

func unknownRequest(id []byte) error {
	return status.Errorf(codes.NotFound, "proof request %x not found", id)
}

// valuesHash is what the network says of the public values: what the request said, and from its execution on the truth.
func (s *Server) valuesHash(r *request) []byte {
	if s.opts.Mode != network.Cluster && s.state(r).execution == wire.ExecutionStatus_EXECUTED {
		h := sha256.Sum256(r.values)
		return h[:]
	}
	return r.terms.valuesHash
}

func (s *Server) getStatus(_ context.Context, in *wire.GetStatusRequest) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.findLocked(in.RequestId)
	if r == nil {
		return nil, unknownRequest(in.RequestId)
	}
	at := s.state(r)
	out := &wire.GetStatusResponse{
		FulfillmentStatus: at.fulfillment, ExecutionStatus: at.execution, Deadline: r.terms.deadline, PublicValuesHash: s.valuesHash(r),
		RequestTxHash: make([]byte, 32),
	}
	if at.fulfillment == wire.FulfillmentStatus_FULFILLED {
		out.ProofUri = proto.String(s.proofURL(r))
		r.named = true
	}
	return out, nil
}

// failed is the cause of a failure as the network knows it; a cluster never names one.
func (s *Server) failed(r *request) (wire.ExecuteFailureCause, wire.RequestError) {
	at := s.state(r)
	switch {
	case s.opts.Mode == network.Cluster, at.execution <= wire.ExecutionStatus_EXECUTED && r.fate.Error == 0:
		return 0, 0
	case r.overdrawn() != 0:
		return r.overdrawn(), wire.RequestError_EXECUTION_FAILURE
	case r.fate.Error == 0 && r.mismatched():
		return 0, wire.RequestError_PUBLIC_VALUES_MISMATCH
	case r.fate.Cause == 0 && r.fate.Error == 0:
		return wire.ExecuteFailureCause_HALT_WITH_NON_ZERO_EXIT_CODE, wire.RequestError_EXECUTION_FAILURE
	}
	return r.fate.Cause, r.fate.Error
}

func (s *Server) auctioned(r *request) *auction.ProofRequest {
	at := s.state(r)
	cause, failure := s.failed(r)
	out := &auction.ProofRequest{
		RequestId: r.id[:], VkHash: s.vkHash[:], Version: r.terms.version, Mode: r.terms.mode, Strategy: r.terms.strategy,
		StdinUri: r.terms.stdinURI, Deadline: r.terms.deadline, CycleLimit: r.terms.cycles, GasLimit: r.terms.gas,
		FulfillmentStatus: at.fulfillment, ExecutionStatus: at.execution, Requester: r.requester[:], CreatedAt: uint64(r.taken.Add(s.opts.Ahead).Unix()),
		PublicValuesHash: s.valuesHash(r), ExecuteFailCause: cause, Error: failure, IsCanceled: !r.cancelled.IsZero(), StdinPrivate: r.terms.private,
	}
	if at.execution == wire.ExecutionStatus_EXECUTED {
		out.Cycles, out.GasUsed = proto.Uint64(cyclesUsed), proto.Uint64(gasUsed)
	}
	if at.fulfillment == wire.FulfillmentStatus_FULFILLED || r.fate.Charged && r.cancelled.IsZero() {
		out.DeductionAmount = proto.String(r.cost.Dec())
	}
	return out
}

func (s *Server) based(r *request) *base.ProofRequest {
	at := s.state(r)
	cause, failure := s.failed(r)
	out := &base.ProofRequest{
		RequestId: r.id[:], VkHash: s.vkHash[:], Version: r.terms.version, Mode: r.terms.mode, Strategy: r.terms.strategy,
		StdinUri: r.terms.stdinURI, Deadline: r.terms.deadline, CycleLimit: r.terms.cycles, GasLimit: r.terms.gas,
		FulfillmentStatus: at.fulfillment, ExecutionStatus: at.execution, Requester: r.requester[:], CreatedAt: uint64(r.taken.Add(s.opts.Ahead).Unix()),
		PublicValuesHash: s.valuesHash(r), ExecuteFailCause: cause, Error: failure, StdinPrivate: r.terms.private,
	}
	if s.opts.Mode == network.Cluster {
		out.Version, out.Strategy = "", wire.Strategy_RESERVED
	}
	if r.shown != nil {
		out.Requester = r.shown[:]
	}
	if at.execution == wire.ExecutionStatus_EXECUTED {
		out.Cycles = proto.Uint64(cyclesUsed)
	}
	return out
}

func (s *Server) getDetails(_ context.Context, in *wire.GetDetailsRequest) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.findLocked(in.RequestId)
	switch {
	case r == nil:
		return nil, unknownRequest(in.RequestId)
	case s.opts.Mode == network.Mainnet:
		return &auction.GetDetailsResponse{Request: s.auctioned(r)}, nil
	}
	return &base.GetDetailsResponse{Request: s.based(r)}, nil
}

// filter is what both variants can be asked for.
type filter struct {
	deadline, from    *uint64
	vkHash, requester []byte
	limit, page       *uint32
}

// filteredLocked gives a page: the newest first, and at a cluster the oldest, of all that its deadline lets through.
func (s *Server) filteredLocked(f filter) (page []*request) {
	var all []*request
	for _, r := range s.requests {
		switch {
		case s.hidden(r), f.deadline != nil && r.terms.deadline < *f.deadline:
			continue
		case s.opts.Mode == network.Cluster:
		case f.vkHash != nil && !bytes.Equal(f.vkHash, s.vkHash[:]), f.requester != nil && !bytes.Equal(f.requester, r.requester[:]),
			f.from != nil && uint64(r.taken.Unix()) < *f.from:
			continue
		}
		all = append(all, r)
	}
	if s.opts.Mode != network.Cluster {
		slices.Reverse(all)
	}
	limit, at := uint32(10), uint32(1)
	if f.limit != nil {
		limit = min(*f.limit, 100)
		if f.page != nil {
			at = max(*f.page, 1)
		}
	}
	first := min(int((at-1)*limit), len(all))
	return all[first:min(first+int(limit), len(all))]
}

func (s *Server) filteredByAuction(_ context.Context, in *auction.GetFilteredRequest) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := new(auction.GetFilteredResponse)
	for _, r := range s.filteredLocked(filter{in.MinimumDeadline, in.From, in.VkHash, in.Requester, in.Limit, in.Page}) {
		out.Requests = append(out.Requests, s.auctioned(r))
	}
	return out, nil
}

func (s *Server) filteredByBase(_ context.Context, in *base.GetFilteredRequest) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := new(base.GetFilteredResponse)
	for _, r := range s.filteredLocked(filter{in.MinimumDeadline, in.From, in.VkHash, in.Requester, in.Limit, in.Page}) {
		shown := s.based(r)
		if s.opts.Mode == network.Cluster {
			shown.RequestId = bytes.TrimRight(shown.RequestId, "\x00")
		}
		out.Requests = append(out.Requests, shown)
	}
	return out, nil
}
