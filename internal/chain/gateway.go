package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"claimprover/internal/fault"
	"claimprover/internal/verify"
)

// Gateway asks SP1's verifier contract about proofs: SP1VerifierGateway, which passes a proof on by its selector, or one
// verifier itself. Groth16 and PLONK have gateways of their own.
type Gateway struct {
	rpc     *RPC
	address common.Address
}

// NewGateway asks the contract at address through rpc. Before its word counts it must have passed [Gateway.Try].
func NewGateway(rpc *RPC, address common.Address) *Gateway {
	return &Gateway{rpc: rpc, address: address}
}

// Check is the verify.Check named onchain: verifyProof(bytes32,bytes,bytes) by eth_call. A revert refuses the proof, by
// the name of its error. Trouble is asked away for as long as ctx has time, and then is rpc_unavailable; it never passes
// a proof, and neither does an address without code, which would answer as a success does.
func (g *Gateway) Check(ctx context.Context, s verify.Subject) (string, error) {
	return onchainName, persist(ctx, func(ctx context.Context) error { return g.verify(ctx, s) })
}

// CheckOnce is [Gateway.Check] for whoever would rather hear of trouble than wait for its end.
func (g *Gateway) CheckOnce(ctx context.Context, s verify.Subject) (string, error) {
	return onchainName, g.verify(ctx, s)
}

const onchainName = "onchain"

func (g *Gateway) verify(ctx context.Context, s verify.Subject) error {
	data, err := gatewayABI.Pack("verifyProof", s.Program, s.PublicValues, s.Proof)
	if err != nil {
		return fmt.Errorf("encoding a call of verifyProof: %w", err)
	}
	a, err := g.rpc.ask(ctx, question{
		calls: []call{{to: g.address, data: data}},
		codes: []common.Address{g.address},
		judge: func(a answer) error { return judgeSilent(a, "verifier contract") },
	})
	if err != nil {
		return err
	}
	if revert := a.outputs[0].revert; revert != nil {
		return &verify.Error{Reason: reasonOf(revert), Detail: fmt.Sprintf("the verifier contract refused the proof: %s", revert)}
	}
	return nil
}

// judgeSilent demands of the first call, to a contract that answers nothing when all is well, that there is a contract
// and that it says nothing.
func judgeSilent(a answer, what string) error {
	switch {
	case !a.code[0]:
		return troublef(badAnswer, "there is no %s at its address", what)
	case a.outputs[0].revert == nil && len(a.outputs[0].bytes) != 0:
		return troublef(badAnswer, "what is at its address is no %s", what)
	}
	return nil
}

func reasonOf(r *Revert) verify.Reason {
	switch r.Name {
	case "RouteNotFound", "RouteIsFrozen", "WrongVerifierSelector":
		return verify.UnknownSelector
	case "InvalidExitCode":
		return verify.ExitCode
	case "InvalidVkRoot":
		return verify.VKRoot
	case "PublicInputNotInField":
		return verify.NonCanonical
	}
	return verify.Invalid
}

// Try is for the start: a proof that is known to be good must pass, and must not for other public values, else the
// contract's word is worth nothing. (A point that is spoiled would eat all the gas that a provider grants, and look like
// trouble.)
//
// An error of rpc_unavailable says that nothing could be found out; with every other the service must not start. It never
// has a verify.Reason, as it refuses the contract and no proof.
func (g *Gateway) Try(ctx context.Context, good verify.Subject) error {
	a, err := g.rpc.ask(ctx, question{codes: []common.Address{g.address}})
	if err != nil {
		return fmt.Errorf("looking for the verifier contract: %w", err)
	}
	if !a.code[0] {
		return fmt.Errorf("there is no verifier contract at %s: set SP1_VERIFIER_ADDRESS, or the RPC URL of its chain", g.address)
	}
	switch err := g.verify(ctx, good); {
	case verify.ReasonOf(err) == verify.UnknownSelector:
		return fmt.Errorf("the verifier contract has no use for a good proof: %v. Groth16 and PLONK have gateways of their own: "+
			"set SP1_VERIFIER_ADDRESS to that of SP1_PROOF_MODE, or SP1_CIRCUIT_VERSION to one that it knows", err)
	case verify.ReasonOf(err) != "":
		return fmt.Errorf("the verifier contract and a good proof: %v", err)
	case err != nil:
		return fmt.Errorf("the verifier contract and a good proof: %w", err)
	}
	spoiled := good
	spoiled.PublicValues = slices.Concat(good.PublicValues, []byte{0})
	switch err := g.verify(ctx, spoiled); {
	case err == nil:
		return errors.New("the verifier contract passes a proof of something else too: it is a mock. " +
			"Set SP1_VERIFIER_ADDRESS to SP1's gateway")
	case verify.ReasonOf(err) == "":
		return fmt.Errorf("the verifier contract and a spoiled proof: %w", err)
	}
	return nil
}

// Insist is [Gateway.Try] for whoever has time: trouble is asked away as [Gateway.Check] does it.
func (g *Gateway) Insist(ctx context.Context, good verify.Subject) error {
	return persist(ctx, func(ctx context.Context) error { return g.Try(ctx, good) })
}

// How trouble is asked away. The last part of the time is kept for writing down how it went.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 10 * time.Second
	keptBack     = time.Second
	withoutEnd   = 5 * time.Minute // of a ctx that has no deadline
)

// persist puts a question again until it has no trouble, as long as ctx has time.
func persist(ctx context.Context, ask func(context.Context) error) error {
	patience := withoutEnd
	if deadline, ok := ctx.Deadline(); ok {
		patience = time.Until(deadline)
		patience -= min(keptBack, patience/10)
	}
	asking, cancel := context.WithTimeoutCause(ctx, patience, errTime)
	defer cancel()
	retry := retrypolicy.NewBuilder[any]().WithMaxAttempts(-1).WithBackoff(firstPause, longestPause).ReturnLastFailure().
		HandleIf(func(_ any, err error) bool { return fault.Is(err, fault.RPCUnavailable) }).Build()
	trouble := unavailable(errTime)
	err := failsafe.With[any](retry).WithContext(asking).Run(func() error {
		err := ask(asking)
		if fault.Is(err, fault.RPCUnavailable) {
			trouble = err
		}
		return err
	})
	switch {
	case err == nil || asking.Err() == nil:
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("asking the chain: %w", context.Cause(ctx))
	}
	return trouble
}
