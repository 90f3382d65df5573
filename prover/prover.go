// Package prover says what a prover is: something that turns one claim's guest input into one proof.
//
// It knows neither jobs nor claims nor HTTP. The provers live beside it, one package each; package provertest is the
// contract below as tests, which every one of them passes.
package prover

import (
	"context"
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Input is what a proof is made of. It is a value: two equal inputs ask for the same proof.
type Input struct {
	SS58         string // as the claimant spelled it: the guest program gets it to the letter
	PublicKey    [32]byte
	Signature    [64]byte // sr25519 over "<Bytes>" ++ Challenge ++ "</Bytes>"
	EVMAddress   common.Address
	Amount       uint256.Int
	Challenge    [32]byte
	PublicValues [128]byte // what the guest will commit: abi.encode(bytes32, address, uint256, bytes32)
}

// GuestStdin is the one entry of the guest program's stdin, as bincode 1.3 writes it: the SS58 text behind its length
// (u64, little endian), then signature, EVM address, amount (big endian) and challenge without one: 156 bytes and the text.
func (in Input) GuestStdin() []byte {
	amount := in.Amount.Bytes32()
	entry := make([]byte, 0, 156+len(in.SS58))
	entry = binary.LittleEndian.AppendUint64(entry, uint64(len(in.SS58)))
	entry = append(entry, in.SS58...)
	entry = append(entry, in.Signature[:]...)
	entry = append(entry, in.EVMAddress[:]...)
	entry = append(entry, amount[:]...)
	return append(entry, in.Challenge[:]...)
}

// Prover makes proofs. Its methods may be called from many goroutines.
type Prover interface {
	// Prove blocks until the proof is there, has failed, or ctx has ended, and leaves nothing running behind.
	//
	// It must not spend anything before a Save that says so has returned nil. Called again with a journal that an
	// earlier call left, it must pay at most once in all: it picks up what was paid for, also after a success whose
	// answer was lost; whoever receives the proof ends the journal. When nothing is owed any more without a proof (the
	// request was refused or is dead) it saves nil.
	//
	// It calls report at each new phase, never after it has returned.
	//
	// A failure that may be shown is a *fault.Error (proof_failed, already with its MayRetry; timeout; rpc_unavailable);
	// anything else is internal_error. When ctx ended it returns an error that wraps context.Cause(ctx).
	Prove(ctx context.Context, in Input, journal Journal, report func(Progress)) (Proof, error)
}

// Journal is what a prover must not forget, kept with the job it belongs to.
type Journal interface {
	// Load gives what was saved last, by this call of Prove or one before it; nil: nothing.
	Load() []byte
	// Save replaces it, durably where the store is durable. An error means that it may or may not be written.
	Save(ctx context.Context, entry []byte) error
}

// Progress is what a prover tells while it works.
type Progress struct {
	Phase   string // a short word or two of the prover's own: "executing", "proving", "no bids yet"
	Request Request
}

// Request names a proof bought elsewhere. The zero value: nothing was bought.
type Request struct {
	ID       string // 0x + hex
	Explorer string // an https URL, or nothing
	Cycles   uint64
	Cost     string // base units of the network's token, decimal; nothing while unknown
}

// Proof is what a prover delivers. Nobody outside gets it before it has been checked against its claim.
type Proof struct {
	Bytes        []byte // what the verifier contract takes: selector, then the proof; empty from the mock prover
	PublicValues []byte // what the guest committed
	Request      Request
}
