package chain

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Facts are what an operator wants to know of the chain before anything is served. A part that could not be read is its
// zero value, and Readable says so.
type Facts struct {
	ChainID  uint64
	Head     Block
	Contract common.Address
	Code     bool // there is a contract at its address
	Readable bool // and it has the views of TangleMigration
	Terms    Terms

	Program   [32]byte       // zkVerifier().programVKey(); zero: could not be read
	Gateway   common.Address // zkVerifier().sp1Verifier(); zero: could not be read
	Routes    []Route        // of that gateway, for each selector asked
	Endpoints []Endpoint     // each one's own answer, in order of preference
}

// Route is where a gateway sends proofs of a circuit. A frozen one refuses them, for ever.
type Route struct {
	Selector [4]byte
	Verifier common.Address // zero: none
	Frozen   bool
}

// Endpoint is how one RPC endpoint does.
type Endpoint struct {
	Name    string // RPC 1; where it is, is a secret
	Trouble string // why it cannot be used; empty: it can
	ChainID uint64
	Head    Block
	Code    bool // the claim contract's
	Took    time.Duration
}

// Facts reads everything anew; with an error they are what could be read. selectors are of the circuits whose proofs the service gives out.
func (c *Claims) Facts(ctx context.Context, selectors ...[4]byte) (Facts, error) {
	f := Facts{Contract: c.contract}
	a, err := c.rpc.ask(ctx, question{calls: termViews(c.contract), codes: []common.Address{c.contract}})
	f.Endpoints = c.rpc.endpoints(ctx, c.contract)
	if err != nil {
		return f, fmt.Errorf("reading the claim contract: %w", err)
	}
	f.ChainID, f.Head, f.Code = a.chainID, a.head, a.code[0]
	f.Terms, err = readTerms(a)
	if err == nil {
		c.heard(f.Terms)
	}
	if err != nil || !f.Code || f.Terms.ZKVerifier == (common.Address{}) {
		f.Readable = err == nil
		return f, nil
	}
	f.Readable = true
	verifier, err := c.readVerifier(ctx, f.Terms)
	if err != nil {
		return f, fmt.Errorf("reading what zkVerifier is: %w", err)
	}
	f.Program, f.Gateway = verifier.program, verifier.gateway
	if f.Gateway == (common.Address{}) {
		return f, nil
	}
	if f.Routes, err = c.rpc.routes(ctx, f.Gateway, a.block, selectors); err != nil {
		return f, fmt.Errorf("reading the gateway's routes: %w", err)
	}
	return f, nil
}

func (r *RPC) routes(ctx context.Context, gateway common.Address, at Block, selectors [][4]byte) ([]Route, error) {
	if len(selectors) == 0 {
		return nil, nil
	}
	q := question{at: at.Hash}
	for _, s := range selectors {
		var word [32]byte
		copy(word[:], s[:])
		q.calls = append(q.calls, viewRoutes.call(gateway, word))
	}
	a, err := r.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	routes := make([]Route, len(selectors))
	for i, s := range selectors {
		routes[i].Selector = s
		if words, err := a.outputs[i].words(2); err == nil {
			routes[i].Verifier, _ = address(words[0])
			routes[i].Frozen, _ = flag(words[1])
		}
	}
	return routes, nil
}

// Routes says where the gateway sends proofs of the circuits with these selectors.
func (g *Gateway) Routes(ctx context.Context, selectors ...[4]byte) ([]Route, error) {
	a, err := g.rpc.ask(ctx, question{codes: []common.Address{g.address}, judge: func(a answer) error {
		if !a.code[0] {
			return trouble{badAnswer, "there is no verifier contract at its address"}
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	return g.rpc.routes(ctx, g.address, a.block, selectors)
}

// endpoints asks each endpoint by itself, all at once, whether it may be asked or not.
func (r *RPC) endpoints(ctx context.Context, contract common.Address) []Endpoint {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	found := make([]Endpoint, len(r.nodes))
	done := make(chan int)
	for i, n := range r.nodes {
		go func() {
			began := time.Now()
			a, err := n.ask(ctx, question{codes: []common.Address{contract}})
			found[i] = Endpoint{Name: n.name, ChainID: a.chainID, Head: a.head, Took: time.Since(began)}
			if err != nil {
				found[i].Trouble = err.Error()
			} else {
				found[i].Code = a.code[0]
			}
			done <- i
		}()
	}
	for range r.nodes {
		<-done
	}
	r.compare(found)
	return found
}

// compare finds the trouble that shows only beside the others.
func (r *RPC) compare(found []Endpoint) {
	for i := range found {
		e := &found[i]
		if e.Trouble != "" {
			continue
		}
		if err := r.compareOne(answer{chainID: e.ChainID, head: e.Head}); err != nil {
			e.Trouble = err.Error()
		}
	}
}

// compareOne holds an endpoint's chain and newest block against what is known of the chain by now.
func (r *RPC) compareOne(a answer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.chainID != 0 && a.chainID != r.chainID {
		return troublef(otherChain, "it serves chain %d, not %d", a.chainID, r.chainID)
	}
	if behind := r.newest.Time.Sub(a.head.Time); behind > r.opts.MaxLag {
		return troublef(leftBehind, "its newest block is %v older than one seen before", behind)
	}
	return nil
}
