package auth

import (
	"context"
	"net/netip"
	"time"

	"claimprover/internal/fault"
	"claimprover/internal/rate"
)

// failures counts wrong credentials by address. A nil one counts nothing.
type failures struct{ window *rate.Window }

func newFailures(perMinute int64) *failures {
	if perMinute <= 0 {
		return nil
	}
	return &failures{rate.New(rate.Policy{Name: "auth-failures", Limit: perMinute, Window: time.Minute}, rate.Options{})}
}

// lockedOut refuses an address that has used up its failures. Many requests at one instant may all pass here, but each
// must still pass count with what it got wrong.
func (f *failures) lockedOut(ctx context.Context, ip netip.Addr) error {
	if f == nil {
		return nil
	}
	state, err := f.window.Peek(ctx, rate.IPKey(ip))
	return refuse(state, err)
}

// count takes one failure from the address, and refuses it if that was one too many.
func (f *failures) count(ctx context.Context, ip netip.Addr) error {
	if f == nil {
		return nil
	}
	_, state, err := f.window.Spend(ctx, rate.IPKey(ip))
	return refuse(state, err)
}

func refuse(state rate.State, err error) error {
	switch {
	case err != nil:
		return err
	case state.Refused:
		return fault.New(fault.RateLimited, "Too many wrong credentials came from this address. Wait a minute, then send a valid one.").
			RetryIn(state.RetryAfter())
	default:
		return nil
	}
}
