package provertest

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"claimprover/prover"
)

// Input makes the n-th of many different claims for provers that do not look at the signature, which is not a true one.
func Input(n uint16) prover.Input {
	in := prover.Input{
		SS58:   "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
		Amount: *uint256.NewInt(1_000_000 + uint64(n)),
	}
	in.PublicKey[0], in.Signature[63], in.Challenge[0] = 1, 0x80, 2
	binary.BigEndian.PutUint16(in.PublicKey[30:], n)
	binary.BigEndian.PutUint16(in.Challenge[30:], n)
	return To(in, common.Address{0: 3, 18: byte(n >> 8), 19: byte(n)})
}

// To is the same claim for another recipient.
func To(in prover.Input, recipient common.Address) prover.Input {
	in.EVMAddress = recipient
	copy(in.PublicValues[0:32], in.PublicKey[:])
	copy(in.PublicValues[44:64], recipient[:])
	amount := in.Amount.Bytes32()
	copy(in.PublicValues[64:96], amount[:])
	copy(in.PublicValues[96:128], in.Challenge[:])
	return in
}
