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
	"claimprover/internal/feed"
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

	mu     sync.Mutex
	tried  bool // guarded by mu: the gateway's word counts
	judged bool // guarded by mu: the contract was held against the settings
}

// newChainSide makes it; nothing is asked yet. The feed, once there is one, says how long proofs take.
func newChainSide(cfg *config.Config, list *eligibility.List, pace *atomic.Pointer[feed.Feed], control verify.Subject, log *slog.Logger) (*chainSide, error) {
	c := &chainSide{control: control, metrics: chain.NewMetrics(), log: log, want: chain.Expected{
		ChainID: cfg.ChainID, Program: cfg.VKey, RootUnchecked: cfg.RootCheck == "off", Routed: cfg.Mode != config.Mock,
	}}
	if list != nil {
		c.want.ListRoot, c.want.FileRoot = list.Root(), list.Stated()
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
		if c.claims, err = chain.NewClaims(rpc, cfg.ClaimContract, c.claimsOptions(cfg.ClaimFresh, pace)); err != nil {
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

func (c *chainSide) claimsOptions(fresh time.Duration, pace *atomic.Pointer[feed.Feed]) chain.ClaimsOptions {
	o := chain.ClaimsOptions{
		FreshFor: fresh, Program: c.want.Program,
		Wait: func() time.Duration {
			if f := pace.Load(); f != nil {
				return f.Wait(context.Background())
			}
			return 0
		},
		Proof: func() time.Duration {
			if f := pace.Load(); f != nil {
				return f.Proof()
			}
			return 0
		},
	}
	if !c.want.RootUnchecked {
		o.ListRoot = c.want.ListRoot
	}
	if c.want.Routed {
		o.Selector = [4]byte(c.control.Proof)
	}
	return o
}

// open is what a worker asks before it proves. Nothing is proved for a verifier contract that is known to be none; one
// that is away may be back by the time there is a proof.
func (c *chainSide) open(ctx context.Context, cl claim.Claim) error {
	if c.gateway != nil {
		if err := c.try(ctx, c.gateway.Try); err != nil && !fault.Is(err, fault.RPCUnavailable) {
			return unfit(ctx, err)
		}
	}
	if c.claims == nil {
		return nil
	}
	return c.claims.StillOpen(ctx, cl)
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
		return "onchain", unfit(ctx, err)
	}
	return c.gateway.Check(ctx, s)
}

// unfit is the failure of whoever needs a verifier contract that did not pass its test: it says nothing of his proof, so
// what he paid for is kept until there is a contract that can be asked.
func unfit(ctx context.Context, err error) error {
	if ctx.Err() != nil || fault.Is(err, fault.RPCUnavailable) {
		return err
	}
	return fault.New(fault.RPCUnavailable, "Proofs cannot be checked on chain right now. Submit the claim again later: what was "+
		"already paid for is picked up, not bought twice.").RetryIn(time.Minute).Because(err)
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
		c.log.Info("claim contract", c.lines(facts)...)
	}
	c.setJudged(facts.ChainID != 0 && err == nil)
	for _, f := range facts.Judge(c.want) {
		if f.Fatal {
			v.Refuse(f.Setting, "%s", f.Text)
		} else {
			v.Warn(f.Setting, "%s", f.Text)
		}
	}
	return facts
}

// lines are what the log says of a contract, as far as it could be read.
func (c *chainSide) lines(f chain.Facts) (attrs []any) {
	say := func(name string, value any) { attrs = append(attrs, name, value) }
	hash := func(name string, h [32]byte) {
		if h != [32]byte{} {
			say(name, fmt.Sprintf("0x%x", h))
		}
	}
	say("contract", f.Contract.Hex())
	say("chain_id", f.ChainID)
	say("block", f.Head.Number)
	say("code", f.Code)
	hash("list_root", c.want.ListRoot)
	hash("file_root", c.want.FileRoot)
	if !f.Code || !f.Readable {
		return attrs
	}
	hash("merkle_root", f.Terms.MerkleRoot)
	say("paused", f.Terms.Paused)
	if left, limited := f.Terms.Left(); limited {
		say("deadline", f.Terms.Deadline)
		say("deadline_left", left.String())
	}
	say("verifier", f.Terms.ZKVerifier.Hex())
	hash("program", f.Program)
	say("gateway", f.Gateway.Hex())
	for _, r := range f.Routes {
		say(fmt.Sprintf("route_0x%x", r.Selector), r.Verifier.Hex())
	}
	return attrs
}

func (c *chainSide) setJudged(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.judged = yes
}

func (c *chainSide) hasJudged() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.judged
}

// Times of what is asked again and again.
const (
	learnEvery = 2 * time.Second // the chain's id, while it is not known, and whether it is back, while it is away
	watchEvery = time.Minute     // whether a claim in flight has landed on chain
	onePage    = 100             // of jobs
)

// learn asks while the chain is away: on a quiet service nobody else would find out that it is back. What could not be
// held against the settings at the start is then, and what is wrong is said: claims that cannot be paid are refused.
func (c *chainSide) learn(ctx context.Context, a *anchor) error {
	every := time.NewTicker(learnEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		switch {
		case !c.hasJudged():
			c.judgeLate(ctx, a)
		case c.away():
			_, _ = c.claims.Facts(ctx)
		}
	}
}

func (c *chainSide) judgeLate(ctx context.Context, a *anchor) {
	v := &config.Verdict{}
	if c.judge(ctx, a, v); !c.hasJudged() {
		return // it is still away
	}
	for _, f := range v.Problems {
		c.log.Error("no proof made here can be claimed", "setting", f.Setting, "text", f.Text)
	}
	for _, f := range v.Warnings {
		c.log.Warn("the chain, now that it answers", "setting", f.Setting, "text", f.Text)
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
	var inFlight []jobs.Job
	for _, state := range []jobs.State{jobs.Pending, jobs.Running} { // in the order of life: none slips through in between
		for cursor := ""; ; {
			page, err := store.List(ctx, jobs.Everyone, jobs.Query{Status: &state, Limit: onePage, Cursor: cursor})
			if err != nil {
				return fmt.Errorf("reading jobs in flight: %w", err)
			}
			inFlight = append(inFlight, page.Jobs...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
	}
	return c.settle(ctx, store, inFlight)
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
