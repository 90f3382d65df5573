// Package claim knows what is claimed: how a submission is read, whose signature it carries, what the guest program
// will commit for it, and when two submissions are the same claim.
//
// A [Claim] is a comparable value without a string that could be spelled in two ways, apart from the SS58 address,
// which the guest program gets as it was submitted. The package knows neither HTTP nor jobs.
package claim

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Claim is a submission that was read and found well formed; its signature is not checked yet.
type Claim struct {
	SS58       string // as submitted; strict parsing lets exactly one spelling per prefix through
	PublicKey  [32]byte
	Signature  [64]byte
	EVMAddress common.Address
	Amount     uint256.Int
	Challenge  [32]byte
}

// PublicValues are the 128 bytes that the guest commits: abi.encode(bytes32 pubkey, address evmAddress, uint256 amount,
// bytes32 challenge).
func (c Claim) PublicValues() (values [128]byte) {
	copy(values[0:32], c.PublicKey[:])
	copy(values[44:64], c.EVMAddress[:])
	amount := c.Amount.Bytes32()
	copy(values[64:96], amount[:])
	copy(values[96:128], c.Challenge[:])
	return values
}

// GuestStdin is the one entry of the guest program's stdin, as bincode 1.3 writes it: the SS58 text behind its length
// (u64, little endian), then signature, EVM address, amount (big endian) and challenge without one: 156 bytes and the text.
func (c Claim) GuestStdin() []byte {
	amount := c.Amount.Bytes32()
	entry := make([]byte, 0, 156+len(c.SS58))
	entry = binary.LittleEndian.AppendUint64(entry, uint64(len(c.SS58)))
	entry = append(entry, c.SS58...)
	entry = append(entry, c.Signature[:]...)
	entry = append(entry, c.EVMAddress[:]...)
	entry = append(entry, amount[:]...)
	return append(entry, c.Challenge[:]...)
}
