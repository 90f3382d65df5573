package network

import (
	"context"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	wire "claimprover/prover/network/internal/spn/common"
)

// Recent gives the account's own requests for the program that were made since, newest first, and at most n of them.
func (c *Client) Recent(ctx context.Context, since time.Time, n int) (newest []Known, err error) {
	since = since.Truncate(time.Second) // as the network counts
	err = c.list(ctx, c.address, since, uint64(max(0, since.Unix())), func(k Known) bool {
		ours := k.Requester == c.address || c.opts.Mode == Cluster && k.Requester == (common.Address{}) // where nobody has to say who he is
		ours = ours && string(k.vkHash) == string(c.vkHash[:])
		if ours && !k.Created.Before(since) { // a cluster leaves all of that to us
			newest = append(newest, k)
		}
		if len(newest) > 2*n {
			newest = cut(newest, n)
		}
		return false
	})
	return cut(newest, n), err
}

func cut(all []Known, n int) []Known {
	slices.SortStableFunc(all, func(a, b Known) int { return b.Created.Compare(a.Created) })
	return all[:min(n, len(all))]
}

// Open gives the account's requests for the program that may still end in a proof, newest first.
func (c *Client) Open(ctx context.Context) ([]Known, error) {
	all, err := c.Recent(ctx, time.Now().Add(-c.opts.Timeout-overdueTime), mostPages*pageSize)
	return slices.DeleteFunc(all, func(k Known) bool { return !k.open() }), err
}

// Stage says in a word how far a request has come: waiting, proving, done, withdrawn, failed, expired, or unknown for a
// status that is not known here.
func (k Known) Stage() string {
	switch {
	case k.status == wire.FulfillmentStatus_FULFILLED:
		return "done"
	case k.Cancelled:
		return "withdrawn"
	case k.status == wire.FulfillmentStatus_EXPIRED:
		return "expired"
	case k.status == wire.FulfillmentStatus_UNFULFILLABLE, k.status == wire.FulfillmentStatus_REVERTED,
		k.execution == wire.ExecutionStatus_UNEXECUTABLE, k.execution == wire.ExecutionStatus_VALIDATION_FAILED:
		return "failed"
	case !k.open():
		return "expired"
	case k.status == wire.FulfillmentStatus_ASSIGNED:
		return "proving"
	case k.status == wire.FulfillmentStatus_REQUESTED:
		return "waiting"
	}
	return "unknown"
}

// Endpoint is where the network listens; no secret is in it.
func (c *Client) Endpoint() string { return c.endpoint.String() }

// VKHash is the program's name at the network.
func (c *Client) VKHash() [32]byte { return c.vkHash }

// Domain is the one that is signed for on mainnet.
func (c *Client) Domain() [32]byte { return c.opts.Domain }
