package admission

import (
	"context"
	"fmt"
	"net/netip"

	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/rate"
)

// Flood bounds how often a caller may submit at all, before his body is read: every submission counts, whatever comes
// of it.
type Flood struct {
	perCaller, perIP *rate.Window
}

// NewFlood makes the guard with the window of a caller with a credential, and that of a client address.
func NewFlood(perCaller, perIP rate.Policy) *Flood {
	return &Flood{rate.New(perCaller, rate.Options{}), rate.New(perIP, rate.Options{})}
}

// Enter counts a submission: of a caller with a credential on himself, without one on his address. A browser token
// counts on the key that minted it and on the address. It says what is left, also when it refuses.
func (f *Flood) Enter(ctx context.Context, owner jobs.Owner, ip netip.Addr) ([]rate.State, error) {
	minter, isToken := owner.Minter()
	if isToken {
		owner = minter
	}
	var states []rate.State
	var spent rate.Receipt
	if owner != jobs.Anonymous {
		receipt, state, err := f.perCaller.Spend(ctx, string(owner))
		if err != nil {
			return nil, fmt.Errorf("flood guard: %w", err)
		}
		states = append(states, state)
		if state.Refused {
			return states, tooOften(state)
		}
		spent = receipt
	}
	if owner == jobs.Anonymous || isToken {
		_, state, err := f.perIP.Spend(ctx, rate.IPKey(ip))
		if err != nil {
			return nil, fmt.Errorf("flood guard: %w", err)
		}
		states = append(states, state)
		if state.Refused {
			if isToken { // one address must not use up what its key has for all others
				_ = f.perCaller.Refund(ctx, spent) // the window is in memory; what cannot be given back is one token less
			}
			return states, tooOften(state)
		}
	}
	return states, nil
}

func tooOften(s rate.State) error {
	return fault.New(fault.RateLimited, "Too many submissions: %d in %v are allowed. Try again when the time is over.",
		s.Policy.Limit, s.Policy.Window).RetryIn(s.RetryAfter())
}
