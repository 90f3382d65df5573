package chain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
)

// Revert is a call that the contract refused.
type Revert struct {
	Name string // of the error, as in Solidity; empty: it has none that is known here
	Data []byte // the selector and its arguments; empty: the contract said nothing
}

// String names the error, or says what there is of it.
func (r *Revert) String() string {
	switch {
	case r.Name != "":
		return r.Name
	case len(r.Data) < 4:
		return "a revert without a reason"
	}
	return fmt.Sprintf("an error unknown here, 0x%x", r.Data[:4])
}

// The errors that a claim or a proof can meet, by the contract that raises them.
var reverts = named(
	// SP1VerifierGateway
	"RouteNotFound(bytes4)", "RouteIsFrozen(bytes4)",
	// SP1Verifier and the pairing contracts below it
	"WrongVerifierSelector(bytes4,bytes4)", "InvalidExitCode()", "InvalidVkRoot()", "InvalidProof()", "ProofInvalid()",
	"PublicInputNotInField()",
	// TangleMigration.claimWithZKProof
	"ClaimsPaused()", "ClaimDeadlinePassed()", "NoZKVerifier()", "ZeroAddress()", "ZeroAmount()", "AlreadyClaimed()",
	"InvalidMerkleProof()", "InvalidZKProof()",
	// OpenZeppelin and the token below it
	"ReentrancyGuardReentrantCall()", "SafeERC20FailedOperation(address)",
	"ERC20InsufficientBalance(address,uint256,uint256)",
)

func named(signatures ...string) map[[4]byte]string {
	names := map[[4]byte]string{}
	for _, s := range signatures {
		name, _, _ := strings.Cut(s, "(")
		names[[4]byte(crypto.Keccak256([]byte(s)))] = name
	}
	return names
}

// codeReverted is go-ethereum's JSON-RPC error code of a call that reverted. Others use it too, or say so in the text, or
// give the error's data.
const codeReverted = 3

// revertOf tells a contract's refusal from an endpoint's trouble.
func revertOf(err error) (*Revert, bool) {
	var coded rpc.Error
	if !errors.As(err, &coded) {
		return nil, false
	}
	data := revertData(err)
	if coded.ErrorCode() != codeReverted && !strings.HasPrefix(coded.Error(), "execution reverted") && len(data) < 4 {
		return nil, false
	}
	return newRevert(data), true
}

func revertData(err error) []byte {
	var carrier rpc.DataError
	if !errors.As(err, &carrier) {
		return nil
	}
	text, _ := carrier.ErrorData().(string)
	data, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		return nil
	}
	return data
}

// maxReason bounds what is kept of a text that a contract gives as its reason, in bytes.
const maxReason = 100

func newRevert(data []byte) *Revert {
	r := &Revert{Data: data}
	if len(data) < 4 {
		return r
	}
	r.Name = reverts[[4]byte(data)]
	if reason, err := abi.UnpackRevert(data); err == nil && r.Name == "" {
		r.Name = fmt.Sprintf("%q", reason[:min(len(reason), maxReason)])
	}
	return r
}
