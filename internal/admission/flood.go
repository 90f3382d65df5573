package admission

import (
	"context"
	"fmt"
	"net/netip"

	"claimprover/internal/fault"
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

// Enter counts a submission on key, the caller's name, if he has one, and on address, if that is valid: a caller without
// a credential counts on his address, one with an API key or a JWT on himself, a browser token on both the key that
// minted it and the address. It says what is left, also when it refuses.
func (f *Flood) Enter(ctx context.Context, key string, address netip.Addr) ([]rate.State, error) {
	var states []rate.State
	var spent rate.Receipt
	if key != "" {
		receipt, state, err := f.perCaller.Spend(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("flood guard: %w", err)
		}
		states = append(states, state)
		if state.Refused {
			return states, tooOften(state)
		}
		spent = receipt
	}
	if !address.IsValid() {
		return states, nil
	}
	_, state, err := f.perIP.Spend(ctx, rate.IPKey(address))
	if err != nil {
		return nil, fmt.Errorf("flood guard: %w", err)
	}
	states = append(states, state)
	if !state.Refused {
		return states, nil
	}
	if key != "" { // one address must not use up what its key has for all others
		if err := f.perCaller.Refund(ctx, spent); err != nil {
			return nil, fmt.Errorf("flood guard: %w", err)
		}
	}
	return states, tooOften(state)
}

func tooOften(s rate.State) error {
	return fault.New(fault.RateLimited, "Too many submissions: %d in %s are allowed. Try again when the time is over.",
		s.Policy.Limit, fault.Span(s.Policy.Window)).RetryIn(s.RetryAfter())
}
