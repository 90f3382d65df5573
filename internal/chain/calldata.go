package chain

import (
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// ClaimCall is the call data of claimWithZKProof, selector 0x29b6d5f2: what a wallet or a relayer sends to the contract.
func ClaimCall(pubkey [32]byte, amount uint256.Int, merkleProof [][32]byte, zkProof []byte, recipient common.Address) ([]byte, error) {
	data, err := migrationABI.Pack("claimWithZKProof", pubkey, bigOf(amount), merkleProof, zkProof, recipient)
	if err != nil {
		return nil, fmt.Errorf("encoding the claim's call data: %w", err)
	}
	return data, nil
}

func bigOf(n uint256.Int) *big.Int { return n.ToBig() }
