package network

import (
	"context"

	"claimprover/prover/network/internal/spn"
	wire "claimprover/prover/network/internal/spn/common"
)

// account is the one sequence of nonces that all signed calls share.
type account struct {
	turn chan struct{} // one slot: whoever fills it makes signed calls, nobody else

	// Owned by whoever has the turn.
	next uint64 // the nonce after the last one that is known to be used
	told bool   // the network itself said that it is next, which counts for more than GetNonce
}

func newAccount() *account { return &account{turn: make(chan struct{}, 1)} }

// take waits for the turn; release gives it on, and may be called again.
func (a *account) take(ctx context.Context) (release func(), err error) {
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	held := true
	return func() {
		if held {
			held = false
			<-a.turn
		}
	}, nil
}

// used notes that this process used a nonce up, so that the next one is what follows. The caller has the turn.
func (c *Client) used(nonce uint64) {
	c.account.next, c.account.told = max(c.account.next, nonce+1), false
	c.before.used(nonce)
}

// expects notes what the network says of the next nonce: a refused call is the only answer that is never stale.
func (a *account) expects(nonce uint64) { a.next, a.told = nonce, true }

// nonce is the one for the next signed call. The caller has the turn.
func (c *Client) nonce(ctx context.Context) (uint64, error) {
	if c.account.told {
		return c.account.next, nil
	}
	var out wire.GetNonceResponse
	if err := c.read(ctx, spn.GetNonce, &wire.GetNonceRequest{Address: c.address[:]}, &out); err != nil {
		return 0, err
	}
	if c.opts.Mode == Cluster {
		return out.Nonce, nil // it counts calls there, and nobody looks at it
	}
	return max(out.Nonce, c.account.next), nil // GetNonce may lag behind
}
