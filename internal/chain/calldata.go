// Package chain is the EVM side: what the claim contract, TangleMigration, is asked and told.
package chain

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// contract is the part of TangleMigration that the service speaks (TangleMigration.sol).
var contract = mustParse(`[{"type":"function","name":"claimWithZKProof","stateMutability":"nonpayable","inputs":[
	{"name":"pubkey","type":"bytes32"},{"name":"amount","type":"uint256"},{"name":"merkleProof","type":"bytes32[]"},
	{"name":"zkProof","type":"bytes"},{"name":"recipient","type":"address"}],"outputs":[]}]`)

func mustParse(text string) abi.ABI {
	parsed, err := abi.JSON(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return parsed
}

// ClaimCall is the call data of claimWithZKProof, selector 0x29b6d5f2: what a wallet or a relayer sends to the contract.
func ClaimCall(pubkey [32]byte, amount uint256.Int, merkleProof [][32]byte, zkProof []byte, recipient common.Address) ([]byte, error) {
	data, err := contract.Pack("claimWithZKProof", pubkey, bigOf(amount), merkleProof, zkProof, recipient)
	if err != nil {
		return nil, fmt.Errorf("encoding the claim's call data: %w", err)
	}
	return data, nil
}

func bigOf(n uint256.Int) *big.Int { return n.ToBig() }
