package chain

import (
	"errors"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// migrationABI is the part of TangleMigration that the service speaks (TangleMigration.sol).
var migrationABI = mustParse(`[{"type":"function","name":"claimWithZKProof","stateMutability":"nonpayable","inputs":[
	{"name":"pubkey","type":"bytes32"},{"name":"amount","type":"uint256"},{"name":"merkleProof","type":"bytes32[]"},
	{"name":"zkProof","type":"bytes"},{"name":"recipient","type":"address"}],"outputs":[]}]`)

// gatewayABI is that of SP1VerifierGateway (ISP1Verifier.sol).
var gatewayABI = mustParse(`[{"type":"function","name":"verifyProof","stateMutability":"view","inputs":[
	{"name":"programVKey","type":"bytes32"},{"name":"publicValues","type":"bytes"},{"name":"proofBytes","type":"bytes"}],"outputs":[]}]`)

func mustParse(text string) abi.ABI {
	parsed, err := abi.JSON(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return parsed
}

// view is the selector of a function that takes nothing, or one word, and gives words.
type view [4]byte

// The views of TangleMigration.
var (
	viewClaimed          = view{0xcc, 0x3c, 0x0f, 0x06} // claimed(bytes32) → uint256
	viewPaused           = view{0x5c, 0x97, 0x5a, 0xbb} // paused() → bool
	viewClaimDeadline    = view{0x3b, 0xa8, 0x6c, 0x44} // claimDeadline() → uint256, Unix seconds
	viewMerkleRoot       = view{0x2e, 0xb4, 0xa7, 0xab} // merkleRoot() → bytes32
	viewZKVerifier       = view{0xd6, 0xdf, 0x09, 0x6d} // zkVerifier() → address
	viewUnlockedBps      = view{0x6b, 0x8f, 0xc1, 0xd6} // unlockedBps() → uint16
	viewRestrictedUnlock = view{0x05, 0x0f, 0x9b, 0x84} // restrictedUnlock(bytes32) → bool
)

// The views of SP1ZKVerifier, and of SP1VerifierGateway.
var (
	viewSP1Verifier = view{0x52, 0xa0, 0x7f, 0xa3} // sp1Verifier() → address
	viewProgramVKey = view{0x1d, 0xdb, 0x5d, 0x29} // programVKey() → bytes32
	viewRoutes      = view{0x51, 0xc7, 0x09, 0x4f} // routes(bytes4) → (address verifier, bool frozen)
)

func (v view) call(to common.Address, words ...[32]byte) call {
	data := v[:]
	for _, w := range words {
		data = append(data, w[:]...)
	}
	return call{to: to, data: data}
}

// errWord is what comes of everything that is not exactly the words that the view gives: of an empty answer, as an
// address without code gives, before all.
var errWord = errors.New("not the answer of such a contract")

// words cuts an output into exactly n of them.
func (o output) words(n int) ([]uint256.Int, error) {
	if o.revert != nil || len(o.bytes) != 32*n {
		return nil, errWord
	}
	words := make([]uint256.Int, n)
	for i := range words {
		words[i].SetBytes32(o.bytes[32*i:])
	}
	return words, nil
}

func (o output) word() (uint256.Int, error) {
	words, err := o.words(1)
	if err != nil {
		return uint256.Int{}, err
	}
	return words[0], nil
}

// flag reads a bool, which Solidity encodes as 0 or 1.
func flag(w uint256.Int) (bool, error) {
	if !w.IsUint64() || w.Uint64() > 1 {
		return false, errWord
	}
	return w.Uint64() == 1, nil
}

// address reads an address, whose upper twelve bytes must be zero.
func address(w uint256.Int) (common.Address, error) {
	if w.BitLen() > 160 {
		return common.Address{}, errWord
	}
	return w.Bytes20(), nil
}
