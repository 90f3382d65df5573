package networktest

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// signer recovers who signed, as the network does it: v may be 0 or 1, 27 or 28, or an EIP-155 value from 35 on, of
// which the parity counts.
func signer(message, signature []byte) (common.Address, error) {
	if len(signature) != 65 {
		return common.Address{}, errors.New("a signature has 65 bytes")
	}
	plain := append([]byte(nil), signature...)
	switch v := signature[64]; {
	case v <= 1:
	case v == 27 || v == 28:
		plain[64] = v - 27
	case v >= 35:
		plain[64] = (v - 35) % 2
	default:
		return common.Address{}, fmt.Errorf("v is %d", v)
	}
	digest := crypto.Keccak256([]byte("\x19Ethereum Signed Message:\n"+strconv.Itoa(len(message))), message)
	key, err := crypto.SigToPub(digest, plain)
	if err != nil {
		return common.Address{}, err
	}
	return crypto.PubkeyToAddress(*key), nil
}
