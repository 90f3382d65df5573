package network

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc/codes"

	"claimprover/internal/fault"
	wire "claimprover/prover/network/internal/spn/common"
)

// ErrNotWithdrawn says that a request goes on, and that its journal must stay.
var ErrNotWithdrawn = fault.New(fault.ProofFailed, "The request cannot be withdrawn any more; its proof is kept for the next time that the claim is submitted.")

// Withdraw ends the request of a journal whose job was cancelled by its owner, where the network lets it: on mainnet,
// and while no prover has taken it. It blocks until the network has confirmed the end, or ctx has ended; a worker has no
// time for that, so whoever hears of the cancel calls it beside the workers, under a context of its own.
//
// Nil means that nothing is owed any more; a journal that is kept all the same does no harm. With any error the journal
// must be kept: the request goes on, or may, and the next submission of the claim takes it up.
func (c *Client) Withdraw(ctx context.Context, journal []byte) error {
	e, err := decodeEntry(journal)
	if err == nil {
		err = e.fits(c)
	}
	switch {
	case err != nil:
		return fmt.Errorf("network: withdrawing: %w", err)
	case e.State == "":
		return nil
	case c.opts.Mode != Mainnet || e.Address != c.address:
		return fmt.Errorf("network: withdrawing: %w", ErrNotWithdrawn)
	}
	if err := c.Cancel(ctx, e.ID); err != nil {
		return fmt.Errorf("network: withdrawing: %w", err)
	}
	c.metrics.end(e.ID, endWithdrawn)
	return nil
}

// Cancel ends a request on mainnet, and waits for the confirmation. It gives [ErrNotWithdrawn] where there is, or may
// come, a proof.
func (c *Client) Cancel(ctx context.Context, id common.Hash) error {
	if c.opts.Mode != Mainnet {
		return ErrNotWithdrawn
	}
	var missing, asked time.Time
	for {
		k, found, err := c.Request(ctx, id)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && !found:
			// Its sending may be under way. Nobody sends it again, and it cannot be told whether it arrives.
			if missing.IsZero() {
				missing = time.Now()
			} else if time.Since(missing) > c.opts.look {
				return ErrNotWithdrawn
			}
		case err == nil && (k.status == wire.FulfillmentStatus_FULFILLED || k.status == wire.FulfillmentStatus_ASSIGNED):
			return ErrNotWithdrawn
		case err == nil && !k.open():
			return nil
		case err == nil && time.Since(asked) > cancelEvery:
			asked = time.Now()
			err := c.cancel(ctx, id)
			switch code(err) {
			case codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
				return err // and the next time too
			}
			if err != nil && code(err) != codes.Unknown {
				c.opts.Logger.Warn("request not withdrawn", "request", id, "err", err)
			}
			continue
		}
		if err := pause(ctx, c.opts.look/20); err != nil {
			return err
		}
	}
}
