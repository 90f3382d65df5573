package admission

import (
	"context"
	"encoding/hex"
	"log/slog"
	"slices"
	"time"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/rate"
)

// windows are what a place in the queue costs: a token of the public key's window, one of the recipient's, one of each
// proof budget.
type windows struct {
	all []window
	log *slog.Logger
}

// window is one of them, with the key that a claim has in it.
type window struct {
	*rate.Window
	key    func(claim.Claim) string
	budget bool // of the whole service, not of somebody
}

func newWindows(o Options) *windows {
	w := &windows{log: o.Logger}
	add := func(p rate.Policy, budget bool, key func(claim.Claim) string) {
		if p.Limit > 0 {
			w.all = append(w.all, window{rate.New(p, rate.Options{}), key, budget})
		}
	}
	everybody := func(claim.Claim) string { return "" }
	add(o.PerPublicKey, false, func(c claim.Claim) string { return hex.EncodeToString(c.PublicKey[:]) })
	add(o.PerEVMAddress, false, func(c claim.Claim) string { return hex.EncodeToString(c.EVMAddress[:]) })
	add(rate.Policy{Name: "proofs-per-hour", Limit: o.ProofsPerHour, Window: time.Hour}, true, everybody)
	add(rate.Policy{Name: "proofs-per-day", Limit: o.ProofsPerDay, Window: 24 * time.Hour}, true, everybody)
	return w
}

// spend takes a token of every window, or of none.
func (w *windows) spend(ctx context.Context, c claim.Claim) (receipts []jobs.Receipt, states []rate.State, err error) {
	for _, window := range w.all {
		receipt, state, err := window.Spend(ctx, window.key(c))
		if err == nil && state.Refused {
			err = refusal(window, state)
		}
		if !window.budget { // what the whole service has left is nobody's business
			states = append(states, state)
		}
		if err != nil {
			w.refund(ctx, receipts)
			return nil, states, err
		}
		receipts = append(receipts, jobs.Receipt{
			Window: receipt.Policy, Key: receipt.Key, Amount: receipt.Amount, Reset: receipt.Reset, Budget: window.budget,
		})
	}
	return receipts, states, nil
}

func refusal(w window, s rate.State) error {
	if w.budget {
		return fault.New(fault.BudgetExhausted, "All the proofs that may be made for now are made. Try again later; nothing was charged.").
			RetryIn(s.RetryAfter())
	}
	whose := "this account"
	if s.Policy.Name == "address" {
		whose = "this recipient"
	}
	return fault.New(fault.RateLimited, "Too many claims for %s: %d in %s are allowed. Try again later; nothing was charged.",
		whose, s.Policy.Limit, fault.Span(s.Policy.Window)).RetryIn(s.RetryAfter())
}

// peek says what a claim's keys have left, without spending.
func (w *windows) peek(ctx context.Context, c claim.Claim) (states []rate.State) {
	for _, window := range w.all {
		if window.budget {
			continue
		}
		if state, err := window.Peek(ctx, window.key(c)); err == nil {
			states = append(states, state)
		}
	}
	return states
}

// try says whether spend would refuse, without spending.
func (w *windows) try(ctx context.Context, c claim.Claim) (states []rate.State, err error) {
	for _, window := range w.all {
		state, err := window.Peek(ctx, window.key(c))
		if err == nil && state.Refused {
			err = refusal(window, state)
		}
		if !window.budget {
			states = append(states, state)
		}
		if err != nil {
			return states, err
		}
	}
	return states, nil
}

// refund gives tokens back, whether or not the caller is still there. One that cannot be given back is a token less
// until its window ends: it is logged and no more.
func (w *windows) refund(ctx context.Context, receipts []jobs.Receipt) {
	ctx = context.WithoutCancel(ctx)
	for _, r := range receipts {
		i := slices.IndexFunc(w.all, func(window window) bool { return window.Policy().Name == r.Window })
		if i < 0 {
			continue // of a policy that no longer is
		}
		err := w.all[i].Refund(ctx, rate.Receipt{Policy: r.Window, Key: r.Key, Amount: r.Amount, Reset: r.Reset})
		if err != nil {
			w.log.Warn("token not given back", "policy", r.Window, "err", err)
		}
	}
}
