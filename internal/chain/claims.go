package chain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"claimprover/internal/claim"
)

// ClaimsOptions tune [Claims]; the zero value is ready for use.
type ClaimsOptions struct {
	FreshFor time.Duration // how long an answer that may change is given again without asking; 0: 3 s
	Size     int           // accounts remembered; 0: 100,000
	// Wait says how long a claim admitted now will take to be proved, and Proof how long one that a worker begins now
	// will, as far as can be told. Nil: no time at all.
	Wait, Proof func() time.Duration
	// What claims come with: Merkle proofs of a list, and proofs of a program. Zero: not compared with the contract's.
	ListRoot, Program [32]byte
	Selector          [4]byte // that those proofs begin with; zero: the gateway is not asked for their route
}

// Claims asks the claim contract about accounts. However many ask about one, one question is on its way; what may change
// is remembered for seconds, "claimed" for good once its block is final, and trouble never.
type Claims struct {
	rpc      *RPC
	contract common.Address
	opts     ClaimsOptions

	cache  *otter.Cache[[32]byte, kept]
	flight singleflight.Group
	asking sync.WaitGroup

	deadline atomic.Int64                // as last heard, in Unix seconds; 0: none, or not heard yet
	verifier atomic.Pointer[sp1Verifier] // the last one that was read; it cannot change
}

// kept is an answer with the time it came.
type kept struct {
	Standing
	at time.Time
}

const forGood = 10 * 365 * 24 * time.Hour

// NewClaims asks contract through rpc. Close ends what it started, but not rpc.
func NewClaims(rpc *RPC, contract common.Address, o ClaimsOptions) (*Claims, error) {
	o.FreshFor = cmp.Or(o.FreshFor, 3*time.Second)
	if o.Wait == nil {
		o.Wait = func() time.Duration { return 0 }
	}
	if o.Proof == nil {
		o.Proof = func() time.Duration { return 0 }
	}
	cache, err := otter.New(&otter.Options[[32]byte, kept]{
		MaximumSize: cmp.Or(o.Size, 100_000),
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[[32]byte, kept]) time.Duration {
			if e.Value.Final {
				return forGood
			}
			return o.FreshFor
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("making the cache of the chain's answers: %w", err)
	}
	return &Claims{rpc: rpc, contract: contract, opts: o, cache: cache}, nil
}

// Close waits for questions on their way, which end within the time for one.
func (c *Claims) Close() {
	c.asking.Wait()
	c.cache.StopAllGoroutines()
}

// Open is nil when the contract would pay the claim if its proof were ready in time; else already_claimed, claims_closed,
// or rpc_unavailable when there is no sure answer. An answer may be as old as FreshFor.
func (c *Claims) Open(ctx context.Context, cl claim.Claim) error {
	return c.open(ctx, cl, c.Standing, c.opts.Wait)
}

// StillOpen is [Claims.Open] for a worker that is about to prove the claim: whatever is remembered is asked anew, but for
// what is final, and nobody is before it any more.
func (c *Claims) StillOpen(ctx context.Context, cl claim.Claim) error {
	return c.open(ctx, cl, c.askOne, c.opts.Proof)
}

func (c *Claims) open(ctx context.Context, cl claim.Claim, standing func(context.Context, [32]byte) (Standing, error), left func() time.Duration) error {
	if k, ok := c.cache.GetIfPresent(cl.PublicKey); ok && k.Final {
		return k.Refusal(0)
	}
	s, err := standing(ctx, cl.PublicKey)
	if err != nil {
		return err
	}
	return s.Refusal(left())
}

// Deadline is until when the contract takes claims, as it said last; zero when it said no such time, or nothing yet.
// Nobody is asked.
func (c *Claims) Deadline() time.Time {
	at := c.deadline.Load()
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(at, 0).UTC()
}

// Away says that the chain cannot be asked: every endpoint has failed too often in a row, and none has answered since.
// Nobody is asked.
func (c *Claims) Away() bool { return c.rpc.away() }

// heard remembers what everybody's terms say.
func (c *Claims) heard(t Terms) {
	if t.Deadline.IsZero() {
		c.deadline.Store(0)
	} else {
		c.deadline.Store(t.Deadline.Unix())
	}
}

// Standing gives what the contract says of an account, or said at most FreshFor ago.
func (c *Claims) Standing(ctx context.Context, key [32]byte) (Standing, error) {
	if k, ok := c.cache.GetIfPresent(key); ok && time.Since(k.at) < c.opts.FreshFor {
		return k.Standing, nil
	}
	return c.askOne(ctx, key)
}

// askOne asks about an account, or waits for the answer to somebody else's question about it.
func (c *Claims) askOne(ctx context.Context, key [32]byte) (Standing, error) {
	c.asking.Add(1)
	answered := c.flight.DoChan(string(key[:]), func() (any, error) {
		// Whoever put the question may leave, while others wait for the answer too.
		return c.ask(context.WithoutCancel(ctx), key)
	})
	select {
	case r := <-answered:
		c.asking.Done()
		if r.Err != nil {
			return Standing{}, r.Err
		}
		return r.Val.(Standing), nil
	case <-ctx.Done():
		go func() {
			<-answered
			c.asking.Done()
		}()
		return Standing{}, fmt.Errorf("asking the chain: %w", context.Cause(ctx))
	}
}

// ask puts one batch about an account and remembers what came.
func (c *Claims) ask(ctx context.Context, key [32]byte) (s Standing, err error) {
	ctx, cancel := c.rpc.within(ctx)
	defer cancel()
	_, err = c.rpc.ask(ctx, question{
		calls: append(termViews(c.contract), accountViews(c.contract, key)...),
		judge: func(a answer) (err error) {
			s, err = readStanding(a)
			return err
		},
	})
	if err == nil {
		s.unfit, err = c.unfit(ctx, s.Terms)
	}
	if err != nil {
		return Standing{}, err
	}
	c.cache.Set(key, kept{s, time.Now()})
	c.heard(s.Terms)
	return s, nil
}

// maxInBatch is how many accounts are asked about at once: a batch stays below the hundred calls that many providers
// allow.
const maxInBatch = 90

// Again asks anew, whatever is remembered, about all of claims in one batch (of 90 each), and gives for each what
// [Claims.Open] would say, but that it has no time to wait any more. An error means that nothing is known about any.
func (c *Claims) Again(ctx context.Context, claims []claim.Claim) ([]error, error) {
	refusals := make([]error, 0, len(claims))
	for part := range slices.Chunk(claims, maxInBatch) {
		some, err := c.again(ctx, part)
		if err != nil {
			return nil, err
		}
		refusals = append(refusals, some...)
	}
	return refusals, nil
}

func (c *Claims) again(ctx context.Context, claims []claim.Claim) ([]error, error) {
	ctx, cancel := c.rpc.within(ctx)
	defer cancel()
	claimed := make([]uint256.Int, len(claims))
	var terms Terms
	q := question{calls: termViews(c.contract), judge: func(a answer) (err error) {
		if terms, err = readTerms(a); err != nil {
			return err
		}
		for i := range claims {
			if claimed[i], err = a.outputs[numTerms+i].word(); err != nil {
				return fmt.Errorf("claimed: %w", err)
			}
		}
		return nil
	}}
	for _, cl := range claims {
		q.calls = append(q.calls, viewClaimed.call(c.contract, cl.PublicKey))
	}
	_, err := c.rpc.ask(ctx, q)
	if err == nil {
		terms.unfit, err = c.unfit(ctx, terms)
	}
	if err != nil {
		return nil, err
	}
	c.heard(terms)
	refusals := make([]error, len(claims))
	for i := range claims {
		refusals[i] = Standing{Terms: terms, Claimed: claimed[i]}.Refusal(0)
	}
	return refusals, nil
}
