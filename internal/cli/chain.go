package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"claimprover/internal/chain"
	"claimprover/internal/claim"
	"claimprover/internal/config"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/verify"
)

// anchor holds what proofs of this service are good for. It is fixed once: at start, or, where the chain's id is not set
// and its endpoint away, when the chain has told it. Until then nothing is admitted.
type anchor struct {
	given claim.Domain // as set; without a chain id if that is to be asked
	fixed atomic.Pointer[claim.Domain]
}

func newAnchor(cfg *config.Config) *anchor {
	a := &anchor{given: claim.Domain{
		Contract: cfg.ClaimContract, ChainID: cfg.ChainID, ProverMode: string(cfg.Mode), Program: cfg.VKey,
		BindSignature: !cfg.VerifySignatures,
	}}
	if cfg.ChainID != 0 || len(cfg.ClaimRPCs()) == 0 {
		a.fix(cfg.ChainID)
	}
	return a
}

func (a *anchor) fix(chainID uint64) {
	d := a.given
	d.ChainID = chainID
	a.fixed.CompareAndSwap(nil, &d)
}

// domain gives what is known also with its error.
func (a *anchor) domain() (claim.Domain, error) {
	if d := a.fixed.Load(); d != nil {
		return *d, nil
	}
	return a.given, fault.New(fault.RPCUnavailable, "The chain cannot be asked right now. Try again shortly; nothing was charged.").
		RetryIn(5 * time.Second)
}

// chainSide is the EVM chain as the service asks it. A nil part is not asked.
type chainSide struct {
	claims  *chain.Claims
	gateway *chain.Gateway
	control verify.Subject // a proof that the gateway must pass, and must not when it is spoiled
	want    chain.Expected
	rpcs    []*chain.RPC
	metrics *chain.Metrics // nil: nobody is asked
	log     *slog.Logger

	mu    sync.Mutex
	tried bool // guarded by mu: the gateway's word counts
}

// newChainSide makes it; nothing is asked yet. wait says how long a claim admitted now will take.
func newChainSide(cfg *config.Config, list *eligibility.List, wait func() time.Duration, control verify.Subject, log *slog.Logger) (*chainSide, error) {
	c := &chainSide{control: control, metrics: chain.NewMetrics(), log: log, want: chain.Expected{
		ChainID: cfg.ChainID, Program: cfg.VKey, RootUnchecked: cfg.RootCheck == "off",
	}}
	if list != nil {
		c.want.ListRoot = list.Root()
	}
	if cfg.VerifyOnchain {
		c.want.Gateway = cfg.VerifierContract
	}
	dial := func(urls []string) (*chain.RPC, error) {
		if len(c.rpcs) > 0 && slices.Equal(urls, cfg.ClaimRPCs()) { // one limit, and one opinion of each endpoint
			return c.rpcs[0], nil
		}
		rpc, err := chain.NewRPC(urls, chain.RPCOptions{ChainID: cfg.ChainID, Timeout: cfg.RPCTimeout, Metrics: c.metrics, Logger: log})
		if err == nil {
			c.rpcs = append(c.rpcs, rpc)
		}
		return rpc, err
	}
	if urls := cfg.ClaimRPCs(); len(urls) > 0 {
		rpc, err := dial(urls)
		if err != nil {
			return nil, fmt.Errorf("CLAIM_CONTRACT_RPC_URL: %w", err)
		}
		if c.claims, err = chain.NewClaims(rpc, cfg.ClaimContract, chain.ClaimsOptions{FreshFor: cfg.ClaimFresh, Wait: wait}); err != nil {
			return nil, err
		}
	}
	if urls := cfg.VerifyRPCs(); len(urls) > 0 {
		rpc, err := dial(urls)
		if err != nil {
			return nil, fmt.Errorf("VERIFY_ONCHAIN_RPC_URL: %w", err)
		}
		c.gateway = chain.NewGateway(rpc, cfg.VerifierContract)
	}
	return c, nil
}

// open is what a worker asks before it proves; nil when there is nobody to ask.
func (c *chainSide) open() func(context.Context, claim.Claim) error {
	if c.claims == nil {
		return nil
	}
	return c.claims.Open
}

// deadline is what the contract said last of until when it takes claims; nil when there is nobody to ask.
func (c *chainSide) deadline() func() time.Time {
	if c.claims == nil {
		return nil
	}
	return c.claims.Deadline
}

// away says that claims cannot be judged for now, since the chain does not answer.
func (c *chainSide) away() bool { return c.claims != nil && c.claims.Away() }

func (c *chainSide) close() {
	if c.claims != nil {
		c.claims.Close()
	}
	for _, rpc := range c.rpcs {
		rpc.Close()
	}
}

// checks are what the chain says of a proof, after the native check: the verifier contract, and, where proofs are checked
// and there is a list, the whole claim as the contract will take it.
func (c *chainSide) checks(cfg *config.Config, list *eligibility.List) (checks []verify.Check, names []string) {
	if c.gateway != nil {
		checks, names = append(checks, c.onchain), append(names, "onchain")
	}
	if c.claims != nil && list != nil && cfg.VerifiesProofs() {
		checks, names = append(checks, c.claims.Settles(list.Proof)), append(names, "claim")
	}
	return checks, names
}

// onchain asks the verifier contract. Its word counts once it has passed a good proof and refused a spoiled one, which
// is tried at start and, if the chain was away then, before the first proof.
func (c *chainSide) onchain(ctx context.Context, s verify.Subject) (string, error) {
	if err := c.try(ctx, c.gateway.Insist); err != nil {
		return "onchain", err
	}
	return c.gateway.Check(ctx, s)
}

func (c *chainSide) try(ctx context.Context, try func(context.Context, verify.Subject) error) error {
	if c.hasTried() {
		return nil
	}
	if err := try(ctx, c.control); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried = true
	return nil
}

// hasTried says whether the verifier contract has passed its test.
func (c *chainSide) hasTried() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tried
}

// judge asks everything that must be true before anything is served, and says it in one block. What no proof could
// survive is a problem that refuses the start; a chain that is away is not: it may come back.
func (c *chainSide) judge(ctx context.Context, a *anchor, v *config.Verdict) (facts chain.Facts) {
	if c.gateway != nil {
		if err := c.try(ctx, c.gateway.Try); err != nil && !fault.Is(err, fault.RPCUnavailable) {
			v.Refuse("SP1_VERIFIER_ADDRESS", "%v.", err)
		} else if err != nil {
			v.Warn("VERIFY_ONCHAIN_RPC_URL", "The verifier contract cannot be asked now. Until it can, no proof is given out.")
		}
	}
	if c.claims == nil {
		return facts
	}
	facts, err := c.claims.Facts(ctx, [4]byte(c.control.Proof))
	if err != nil {
		c.log.Debug("chain not read", "err", err)
	}
	if facts.ChainID != 0 {
		a.fix(facts.ChainID)
	}
	for _, f := range facts.Judge(c.want) {
		if f.Fatal {
			v.Refuse(f.Setting, "%s", f.Text)
		} else {
			v.Warn(f.Setting, "%s", f.Text)
		}
	}
	t := facts.Terms
	c.log.Info("claim contract", "contract", facts.Contract.Hex(), "chain_id", facts.ChainID, "block", facts.Head.Number,
		"paused", t.Paused, "deadline", t.Deadline, "merkle_root", fmt.Sprintf("0x%x", t.MerkleRoot),
		"verifier", t.ZKVerifier.Hex(), "program", fmt.Sprintf("0x%x", facts.Program), "gateway", facts.Gateway.Hex())
	return facts
}

// Times of what is asked again and again.
const (
	learnEvery = 2 * time.Second // the chain's id, while it is not known, and whether it is back, while it is away
	watchEvery = time.Minute     // whether a claim in flight has landed on chain
	inOneBatch = 100
)

// learn asks while the chain's id is not known or the chain is away: on a quiet service nobody else would find out that
// it is back.
func (c *chainSide) learn(ctx context.Context, a *anchor) error {
	every := time.NewTicker(learnEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		_, unknown := a.domain()
		if unknown == nil && !c.away() {
			continue
		}
		if facts, _ := c.claims.Facts(ctx); unknown != nil && facts.ChainID != 0 {
			a.fix(facts.ChainID)
			c.log.Info("chain known", "chain_id", facts.ChainID)
		}
	}
}

// watch asks once a minute about everything in flight, and ends the jobs whose claims have landed on chain: their proofs
// would be money burned.
func (c *chainSide) watch(ctx context.Context, store jobs.Store) error {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		if err := c.sweep(ctx, store); err != nil && ctx.Err() == nil {
			c.log.Warn("claims in flight not asked about", "err", err)
		}
	}
}

func (c *chainSide) sweep(ctx context.Context, store jobs.Store) error {
	for _, state := range []jobs.State{jobs.Running, jobs.Pending} {
		for cursor := ""; ; {
			page, err := store.List(ctx, jobs.Everyone, jobs.Query{Status: &state, Limit: inOneBatch, Cursor: cursor})
			if err != nil {
				return fmt.Errorf("reading jobs in flight: %w", err)
			}
			if err := c.settle(ctx, store, page.Jobs); err != nil {
				return err
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
	}
	return nil
}

func (c *chainSide) settle(ctx context.Context, store jobs.Store, inFlight []jobs.Job) error {
	if len(inFlight) == 0 {
		return nil
	}
	claims := make([]claim.Claim, len(inFlight))
	for i, j := range inFlight {
		claims[i] = j.Claim
	}
	answers, err := c.claims.Again(ctx, claims)
	if err != nil {
		return err
	}
	var trouble []error
	for i, j := range inFlight {
		if !fault.Is(answers[i], fault.AlreadyClaimed) {
			continue
		}
		_, err := store.Swap(ctx, j.ID, nil, func(j jobs.Job) (jobs.Job, error) {
			return j.Failed(fault.Of(answers[i]), time.Now())
		})
		if err != nil && !fault.Is(err, fault.AlreadyFinished) {
			trouble = append(trouble, fmt.Errorf("ending job %s: %w", jobs.Label(j.ID), err))
		}
	}
	return errors.Join(trouble...)
}
