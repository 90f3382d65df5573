package network

import (
	"encoding/binary"
	"fmt"
	"math/big"
)

// koalaBear is the field of SP1's program keys: eight elements below it.
const koalaBear = 0x7f000001

// VKHash is the network's form of a program key: the eight field elements as big-endian words, where the contract's
// bytes32 packs the same elements into 31 bits each. What is no key of SP1 6 is refused.
func VKHash(program [32]byte) (hash [32]byte, err error) {
	rest, mask := new(big.Int).SetBytes(program[:]), big.NewInt(1<<31-1)
	for i := 7; i >= 0; i-- {
		word := new(big.Int).And(rest, mask).Uint64()
		if word >= koalaBear {
			return [32]byte{}, fmt.Errorf("0x%x is no SP1 program key: its word %d is not below 0x%x", program, i, koalaBear)
		}
		binary.BigEndian.PutUint32(hash[4*i:], uint32(word))
		rest.Rsh(rest, 31)
	}
	if rest.Sign() != 0 {
		return [32]byte{}, fmt.Errorf("0x%x is no SP1 program key: it has more than 248 bits", program)
	}
	return hash, nil
}
