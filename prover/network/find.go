package network

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"claimprover/prover/network/internal/spn"
	"claimprover/prover/network/internal/spn/auction"
	"claimprover/prover/network/internal/spn/base"
	wire "claimprover/prover/network/internal/spn/common"
)

// Known is everything that is asked of a request.
type Known struct {
	ID           [32]byte
	Status       string // REQUESTED, ASSIGNED, FULFILLED, UNFULFILLABLE, REVERTED, EXPIRED, or a number
	Execution    string
	Cause        string // of a failed execution; "" if the network names none
	Error        string
	StdinURI     string
	Created      time.Time
	Fulfilled    time.Time // zero: it is not
	Deadline     time.Time
	ValuesHash   []byte // SHA-256 of the public values; empty while unknown
	Requester    common.Address
	Cycles, Gas  uint64
	Cost         string // deducted less refunded, in base units; "" while unknown
	Cancelled    bool
	status       wire.FulfillmentStatus
	execution    wire.ExecutionStatus
	failureCause wire.ExecuteFailureCause
	failure      wire.RequestError
	vkHash       []byte
	unread       time.Time // since when its artifact is not where it should be; zero: it was not missed
}

// proofRequest is what both variants' requests have.
type proofRequest interface {
	GetRequestId() []byte
	GetVkHash() []byte
	GetStdinUri() string
	GetDeadline() uint64
	GetFulfillmentStatus() wire.FulfillmentStatus
	GetExecutionStatus() wire.ExecutionStatus
	GetRequester() []byte
	GetCreatedAt() uint64
	GetFulfilledAt() uint64
	GetCycles() uint64
	GetPublicValuesHash() []byte
	GetDeductionAmount() string
	GetRefundAmount() string
	GetGasUsed() uint64
	GetExecuteFailCause() wire.ExecuteFailureCause
	GetError() wire.RequestError
}

func known(r proofRequest) Known {
	k := Known{
		ID: padded(r.GetRequestId()), Status: r.GetFulfillmentStatus().String(), Execution: r.GetExecutionStatus().String(),
		StdinURI: r.GetStdinUri(), Created: unix(r.GetCreatedAt()), Deadline: unix(r.GetDeadline()),
		ValuesHash: r.GetPublicValuesHash(), Requester: common.BytesToAddress(r.GetRequester()),
		Cycles: r.GetCycles(), Gas: r.GetGasUsed(), Cost: cost(r.GetDeductionAmount(), r.GetRefundAmount()),
		status: r.GetFulfillmentStatus(), execution: r.GetExecutionStatus(), failureCause: r.GetExecuteFailCause(), failure: r.GetError(),
		vkHash: r.GetVkHash(),
	}
	if at := r.GetFulfilledAt(); at != 0 {
		k.Fulfilled = unix(at)
	}
	if k.failureCause != 0 {
		k.Cause = k.failureCause.String()
	}
	if k.failure != 0 {
		k.Error = k.failure.String()
	}
	if cancellable, is := r.(interface{ GetIsCanceled() bool }); is {
		k.Cancelled = cancellable.GetIsCanceled()
	}
	return k
}

// padded is an id in its 32 bytes: a cluster's list leaves out the zero bytes at the end.
func padded(id []byte) (full [32]byte) {
	copy(full[:], id)
	return full
}

func unix(seconds uint64) time.Time { return time.Unix(int64(min(seconds, 1<<40)), 0) }

func cost(deducted, refunded string) string {
	d, err := amount(deducted)
	if err != nil {
		return ""
	}
	if r, err := amount(refunded); err == nil && !r.Gt(d) {
		d.Sub(d, r)
	}
	return d.Dec()
}

// Request asks for everything that the network knows of a request; found is false where it knows none of that id.
func (c *Client) Request(ctx context.Context, id [32]byte) (k Known, found bool, err error) {
	err = c.persist(ctx, func() error { k, found, err = c.details(ctx, id); return err })
	return k, found, err
}

// details is [Client.Request] without patience.
func (c *Client) details(ctx context.Context, id [32]byte) (k Known, found bool, err error) {
	in := &wire.GetDetailsRequest{RequestId: id[:]}
	var r proofRequest
	var there bool
	if c.opts.Mode == Mainnet {
		var out auction.GetDetailsResponse
		err = c.invoke(ctx, spn.GetDetails, in, &out)
		r, there = out.Request, out.Request != nil
	} else {
		var out base.GetDetailsResponse
		err = c.invoke(ctx, spn.GetDetails, in, &out)
		r, there = out.Request, out.Request != nil
	}
	switch {
	case code(err) == codes.NotFound && err != nil, err == nil && !there:
		return Known{}, false, nil
	case err != nil:
		return Known{}, false, err
	}
	k = known(r)
	return k, k.ID == id, nil
}

const (
	pageSize  = 100
	mostPages = 500
)

// list asks for requests, page by page, until it has seen all or each says that it is enough. A cluster ignores all of
// the filter but the deadline.
func (c *Client) list(ctx context.Context, requester common.Address, from time.Time, deadline uint64, each func(Known) (enough bool)) error {
	for page := uint32(1); page <= mostPages; page++ {
		var requests []proofRequest
		var err error
		if c.opts.Mode == Mainnet {
			in := &auction.GetFilteredRequest{VkHash: c.vkHash[:], Requester: requester[:], From: proto.Uint64(uint64(from.Unix())),
				Limit: proto.Uint32(pageSize), Page: proto.Uint32(page)}
			var out auction.GetFilteredResponse
			err = c.read(ctx, spn.GetFiltered, in, &out)
			for _, r := range out.Requests {
				requests = append(requests, r)
			}
		} else {
			in := &base.GetFilteredRequest{VkHash: c.vkHash[:], Requester: requester[:], From: proto.Uint64(uint64(from.Unix())),
				Limit: proto.Uint32(pageSize), Page: proto.Uint32(page)}
			if c.opts.Mode == Cluster {
				in = &base.GetFilteredRequest{MinimumDeadline: proto.Uint64(deadline), Limit: proto.Uint32(pageSize), Page: proto.Uint32(page)}
			}
			var out base.GetFilteredResponse
			err = c.read(ctx, spn.GetFiltered, in, &out)
			for _, r := range out.Requests {
				requests = append(requests, r)
			}
		}
		if err != nil {
			return fmt.Errorf("listing requests: %w", err)
		}
		for _, r := range requests {
			if each(known(r)) {
				return nil
			}
		}
		if len(requests) < pageSize {
			return nil
		}
	}
	return fmt.Errorf("listing requests: more than %d", mostPages*pageSize)
}

// List gives the account's requests for the program that were made since.
func (c *Client) List(ctx context.Context, since time.Time) (all []Known, err error) {
	err = c.list(ctx, c.address, since, uint64(max(0, since.Unix())), func(k Known) bool {
		if string(k.vkHash) == string(c.vkHash[:]) {
			all = append(all, k)
		}
		return false
	})
	return all, err
}

// find looks whether the network has the request of an entry: by its id, then by the name of its input, which no other
// request has.
func (c *Client) find(ctx context.Context, e entry) (id common.Hash, found bool, err error) {
	if e.ID != (common.Hash{}) {
		_, found, err := c.Request(ctx, e.ID)
		if found || err != nil {
			return e.ID, found, err
		}
	}
	err = c.list(ctx, e.Address, time.Unix(e.Sent, 0).Add(-time.Minute), e.Deadline, func(k Known) bool {
		if c.sameStdin(k.StdinURI, e.StdinURI) {
			id, found = k.ID, true
		}
		return found
	})
	return id, found, err
}

// sameStdin compares names of inputs; a cluster gives them out below different bases.
func (c *Client) sameStdin(a, b string) bool {
	if c.opts.Mode != Cluster {
		return a == b
	}
	return a[strings.LastIndexByte(a, '/')+1:] == b[strings.LastIndexByte(b, '/')+1:]
}
