package admission

import (
	"context"
	"fmt"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// Try says what [Gate.Admit] would do with a claim now: its disposition, or its refusal, by the same guards in the same
// order. It takes no place, spends no token and makes nobody an owner; the Job of the answer is empty.
func (g *Gate) Try(ctx context.Context, c claim.Claim) (Admission, error) {
	leave, err := g.enter()
	if err != nil {
		return Admission{}, err
	}
	defer leave()
	domain, err := g.pass(c)
	if err != nil {
		return Admission{}, err
	}
	disposition, full := g.store.Peek(ctx, domain.Identity(c))
	switch {
	case full != nil && !fault.Is(full, fault.QueueFull):
		return Admission{}, fmt.Errorf("looking for the same claim: %w", full)
	case full == nil && disposition != jobs.Queued:
		return Admission{Disposition: disposition, Windows: g.windows.peek(ctx, c)}, nil
	}
	if err := g.askChain(ctx, c); err != nil {
		return Admission{}, err
	}
	states, err := g.windows.try(ctx, c)
	if err != nil {
		return Admission{Windows: states}, err
	}
	return Admission{Disposition: disposition, Windows: states}, full
}
