package chain

import (
	"context"

	"github.com/ethereum/go-ethereum/common"
)

// sp1Verifier is what zkVerifier points to. Both parts are zero where it is something else.
type sp1Verifier struct {
	address common.Address
	program [32]byte
	gateway common.Address
	closed  bool // the gateway has no route for the proofs that are asked about
}

// unfit says why no proof made here can be claimed on these terms; empty: it can, as far as can be told. Who runs the
// service hears of it at the start; but the chain may be away then, and a contract's owner may change it.
func (c *Claims) unfit(ctx context.Context, t Terms) (string, error) {
	zero := [32]byte{}
	if c.opts.ListRoot != zero && t.MerkleRoot != c.opts.ListRoot {
		return "The contract pays by another list than this service has, and would refuse the claim. Its operator must look after that.", nil
	}
	if c.opts.Program == zero || t.ZKVerifier == (common.Address{}) {
		return "", nil
	}
	v, err := c.readVerifier(ctx, t)
	if err != nil {
		return "", err
	}
	if v.program != zero && v.program != c.opts.Program {
		return "The contract takes proofs of another program than this service makes. Its operator must look after that.", nil
	}
	if v.closed {
		return "The contract's gateway takes no proofs of the kind that this service makes. Its operator must look after that.", nil
	}
	return "", nil
}

// readVerifier asks what zkVerifier is, once for each that it ever is and that has a route.
func (c *Claims) readVerifier(ctx context.Context, t Terms) (sp1Verifier, error) {
	v := sp1Verifier{address: t.ZKVerifier}
	if known := c.verifier.Load(); known != nil && known.address == v.address {
		return *known, nil
	}
	a, err := c.rpc.ask(ctx, question{
		calls: []call{viewProgramVKey.call(v.address), viewSP1Verifier.call(v.address)}, at: t.Block.Hash,
	})
	if err != nil {
		return v, err
	}
	key, errKey := a.outputs[0].word()
	if errKey == nil {
		v.program = key.Bytes32()
	}
	gateway, errGateway := a.outputs[1].word()
	if errGateway == nil {
		v.gateway, _ = address(gateway)
	}
	if c.opts.Selector != [4]byte{} && v.gateway != (common.Address{}) {
		routes, err := c.rpc.routes(ctx, v.gateway, t.Block, [][4]byte{c.opts.Selector})
		if err != nil {
			return v, err
		}
		v.closed = routes[0].Verifier == (common.Address{}) || routes[0].Frozen
	}
	another := a.outputs[0].revert != nil && a.outputs[1].revert != nil
	if another || errKey == nil && errGateway == nil && !v.closed { // and not an answer that says nothing
		c.verifier.Store(&v)
	}
	return v, nil
}
