package claim

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"claimprover/internal/fault"
)

// Domain is what a proof is good for: the contract that pays, and the program and mode that prove. It is fixed before the
// first claim is admitted. Contract and ChainID are zero where no contract is configured.
type Domain struct {
	Contract      common.Address
	ChainID       uint64
	ProverMode    string   // a mock proof never serves a real service
	Program       [32]byte // verifying key of the guest program
	BindSignature bool     // signatures are not verified, so another signature is another claim
}

// Known says whether the challenge that the contract will recompute can be computed here.
func (d Domain) Known() bool { return d.Contract != (common.Address{}) && d.ChainID != 0 }

// Challenge is what the contract recomputes: keccak256(abi.encode(contract, chainid, recipient, amount)). The claiming
// key is not in it. (TangleMigration.claimWithZKProof)
func (d Domain) Challenge(recipient common.Address, amount uint256.Int) [32]byte {
	var encoded [128]byte
	copy(encoded[12:32], d.Contract[:])
	binary.BigEndian.PutUint64(encoded[56:64], d.ChainID)
	copy(encoded[76:96], recipient[:])
	value := amount.Bytes32()
	copy(encoded[96:128], value[:])
	return crypto.Keccak256Hash(encoded[:])
}

// CheckChallenge refuses with [fault.ChallengeMismatch] a challenge that the contract would not recompute: a proof for it
// could never be redeemed. It is nil where the contract or the chain is not known.
func (d Domain) CheckChallenge(c Claim) error {
	if !d.Known() {
		return nil
	}
	want := d.Challenge(c.EVMAddress, c.Amount)
	if c.Challenge == want {
		return nil
	}
	return fault.New(fault.ChallengeMismatch,
		"The challenge was made for another recipient, amount or network. Sign again: recipient %s, amount %s and network (contract %s on chain %d) must be the ones submitted, which makes the challenge %s.",
		hexutil.Encode(c.EVMAddress[:]), c.Amount.Dec(), hexutil.Encode(d.Contract[:]), d.ChainID, hexutil.Encode(want[:]))
}
