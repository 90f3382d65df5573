// Package rate owns windows: how often a key (a caller, an address, an account) may do something within a while.
//
// A window is spent first and given back when nothing came of it; to look first and spend later would be a race.
// All methods may be called from many goroutines: of any number of spends at one instant exactly the limit succeeds.
// Memory is bounded whatever arrives. The package does not know what its keys mean, and keeps only their hashes.
package rate

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ulule/limiter/v3"
)

// Policy is a limit with the name that clients see in the RateLimit headers.
type Policy struct {
	Name   string        // a short word of ASCII letters, digits and hyphens
	Limit  int64         // spends of one key in one window; below 1 counts as 1, as it did in the service's predecessor
	Window time.Duration // whole seconds, rounded up; at least one
}

// Options tune a [Window]; the zero value is ready for use.
type Options struct {
	MaxKeys int   // windows kept in memory, the oldest goes first; 0 means 100,000
	Store   Store // where the counts live; nil means in memory
}

// Window counts the spends of each key in a fixed window that begins with the key's first spend.
type Window struct {
	policy  Policy
	limiter *limiter.Limiter
	store   Store
	started time.Time // ties the store's wall clock to our monotonic one
}

// New makes a window.
func New(p Policy, o Options) *Window {
	p.Limit = max(p.Limit, 1)
	p.Window = max(wholeSeconds(p.Window), time.Second)
	if o.Store == nil {
		o.Store = newMemory(cmp.Or(o.MaxKeys, 100_000))
	}
	return &Window{
		policy:  p,
		limiter: limiter.New(o.Store, limiter.Rate{Period: p.Window, Limit: p.Limit}),
		store:   o.Store,
		started: time.Now(),
	}
}

// Policy gives the limit as it is applied.
func (w *Window) Policy() Policy { return w.policy }

// Receipt is what was spent, to be given back at most once.
type Receipt struct {
	Policy string // the name of the window's policy
	Key    string
	Amount int64
	Reset  time.Time // when the window it was spent in ends
}

// Spend takes one token of key. When none is left, State.Refused is set, nothing was taken and there is no receipt.
// An error means that the store could not be asked.
func (w *Window) Spend(ctx context.Context, key string) (Receipt, State, error) {
	c, err := w.limiter.Increment(ctx, w.stored(key), 1)
	if err != nil {
		return Receipt{}, State{}, fmt.Errorf("spending of window %s: %w", w.policy.Name, err)
	}
	s := w.state(c)
	if s.Refused {
		return Receipt{}, s, nil
	}
	return Receipt{Policy: w.policy.Name, Key: key, Amount: 1, Reset: s.Reset}, s, nil
}

// Refund gives a receipt back. A window that has ended meanwhile is gone, and the one that may have followed it stays
// as it is.
func (w *Window) Refund(ctx context.Context, r Receipt) error {
	if err := w.store.Refund(ctx, w.stored(r.Key), r.Amount, r.Reset.Unix(), w.limiter.Rate); err != nil {
		return fmt.Errorf("giving back to window %s: %w", w.policy.Name, err)
	}
	return nil
}

// Peek looks without spending: State.Refused says whether a spend would be refused now. What it says may be over before
// it is read, so it is good for refusing early and never for letting through.
func (w *Window) Peek(ctx context.Context, key string) (State, error) {
	c, err := w.limiter.Peek(ctx, w.stored(key))
	if err != nil {
		return State{}, fmt.Errorf("looking at window %s: %w", w.policy.Name, err)
	}
	c.Reached = c.Remaining == 0 // the library says so only of the spend that was one too many
	return w.state(c), nil
}

// stored is the key in a store that may be shared by several windows.
func (w *Window) stored(key string) string { return w.policy.Name + ":" + key }

func (w *Window) state(c limiter.Context) State {
	return State{Policy: w.policy, Remaining: c.Remaining, Reset: w.at(c.Reset), Refused: c.Reached}
}

// at turns Unix seconds into a time with a monotonic reading, so that a jump of the wall clock changes no waiting time.
func (w *Window) at(unix int64) time.Time {
	return w.started.Add(time.Unix(unix, 0).Sub(w.started.Round(0)))
}

// State is what a caller may know of a key's window.
type State struct {
	Policy    Policy
	Remaining int64     // spends left in this window
	Reset     time.Time // when the window ends: whole seconds, rounded up
	Refused   bool
}

// RetryAfter is how long to wait for the next window: whole seconds, rounded up, from one second to the whole window.
func (s State) RetryAfter() time.Duration {
	return min(max(wholeSeconds(time.Until(s.Reset)), time.Second), s.Policy.Window)
}

// PolicyHeader is this policy's item of the RateLimit-Policy field (draft-ietf-httpapi-ratelimit-headers-10).
func (s State) PolicyHeader() string {
	return `"` + s.Policy.Name + `";q=` + strconv.FormatInt(s.Policy.Limit, 10) + ";w=" + seconds(s.Policy.Window)
}

// LimitHeader is this window's item of the RateLimit field (draft-ietf-httpapi-ratelimit-headers-10).
func (s State) LimitHeader() string {
	return `"` + s.Policy.Name + `";r=` + strconv.FormatInt(s.Remaining, 10) + ";t=" + seconds(s.RetryAfter())
}

func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
