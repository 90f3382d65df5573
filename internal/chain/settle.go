package chain

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"claimprover/internal/fault"
	"claimprover/internal/verify"
)

// SettlesName is what verifiedBy calls the check that [Claims.Settles] makes.
const SettlesName = "claim"

// Settles is the verify.Check named claim: the finished claimWithZKProof by eth_call, from nobody's address, for the
// sender plays no part. merkleProof gives an account's proof, and false for one that is not listed.
//
// A revert that is about the claim and not about its proof is already_claimed or claims_closed; where it may pass, as a
// pause does, it is a verify.ErrNotNow too. Every other refuses the proof. Trouble is as with [Gateway.Check].
func (c *Claims) Settles(merkleProof func(key [32]byte) ([][32]byte, bool)) verify.Check {
	return func(ctx context.Context, s verify.Subject) (string, error) {
		data, err := settlement(s, merkleProof)
		if err != nil {
			return SettlesName, err
		}
		return SettlesName, persist(ctx, func(ctx context.Context) error { return c.settles(ctx, data) })
	}
}

// settlement is the call that the claimant's wallet will send.
func settlement(s verify.Subject, merkleProof func(key [32]byte) ([][32]byte, bool)) ([]byte, error) {
	if len(s.PublicValues) != 128 {
		return nil, &verify.Error{Reason: verify.PublicValues, Detail: "the public values are not those of a claim"}
	}
	key := [32]byte(s.PublicValues[:32])
	amount := new(uint256.Int).SetBytes32(s.PublicValues[64:96])
	proof, listed := merkleProof(key)
	if !listed {
		return nil, fmt.Errorf("trying the claim: account 0x%x is not on the list", key)
	}
	return ClaimCall(key, *amount, proof, s.Proof, common.Address(s.PublicValues[44:64]))
}

func (c *Claims) settles(ctx context.Context, data []byte) error {
	a, err := c.rpc.ask(ctx, question{
		calls: []call{{to: c.contract, data: data}},
		codes: []common.Address{c.contract},
		judge: func(a answer) error { return judgeSilent(a, "claim contract") },
	})
	if err != nil {
		return err
	}
	revert := a.outputs[0].revert
	if revert == nil {
		return nil
	}
	switch revert.Name {
	case "AlreadyClaimed":
		return fault.New(fault.AlreadyClaimed, "This account was claimed while its proof was made: the contract has paid it out.")
	case "ClaimDeadlinePassed":
		return fault.New(fault.ClaimsClosed, "The proof came too late: the contract takes no claims any more (%s).", revert)
	case "ClaimsPaused", "NoZKVerifier", "ERC20InsufficientBalance", "SafeERC20FailedOperation":
		return fault.New(fault.ClaimsClosed, "The proof is ready, but the contract would not pay the claim now (%s).", revert).
			Because(verify.ErrNotNow)
	}
	return &verify.Error{Reason: verify.Invalid, Detail: fmt.Sprintf("the claim contract would refuse the claim: %s", revert)}
}
