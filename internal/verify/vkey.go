package verify

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// ParseProgramKey reads a program's verifying key as SP1's vk.bytes32() prints it: 64 hex digits, 0x before them or not.
// Of the two usual slips, the hex of that text and the network's vk_hash, its error names the right value.
func ParseProgramKey(text string) (key [32]byte, err error) {
	if key, err = ParseKey(text); err != nil {
		return key, err
	}
	if key == [32]byte{} {
		return key, errors.New("the zero key is no program's")
	}
	if err := judgeKey(key); err != nil {
		return [32]byte{}, err
	}
	return key, nil
}

// ParseKey is [ParseProgramKey] for whoever asks about a proof: it takes any 32 bytes, and if they are no program's key,
// the check says so.
func ParseKey(text string) (key [32]byte, err error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		return key, errors.New("a program key is 0x and 64 hex digits")
	}
	if inner, ok := spelledOut(raw); ok {
		return key, fmt.Errorf("this is the hex of the text %s: the program key is that text itself", inner)
	}
	if len(raw) != len(key) {
		return key, fmt.Errorf("a program key is 0x and 64 hex digits; these are %d", 2*len(raw))
	}
	return [32]byte(raw), nil
}

// judgeKey refuses what is no program's key: those are eight words of 31 bits.
func judgeKey(key [32]byte) error {
	if key[0] == 0 {
		return nil
	}
	if packed, ok := packVKHash(key); ok {
		return fmt.Errorf("this looks like the prover network's vk_hash; the same key as bytes32 is 0x%x", packed)
	}
	return errors.New("a program key has 248 bits: its first byte is 00")
}

// spelledOut recognises bytes that are the ASCII text of a key.
func spelledOut(raw []byte) (string, bool) {
	digits, found := strings.CutPrefix(string(raw), "0x")
	if len(digits) != 64 {
		return "", false
	}
	if _, err := hex.DecodeString(digits); err != nil {
		return "", false
	}
	if found {
		return string(raw), true
	}
	return "0x" + digits, true
}

// koalaBear is the modulus of the words of a key's digest.
const koalaBear = 0x7f000001

// packVKHash makes bytes32 of the network's form, which has the same eight 31-bit words in four bytes each.
func packVKHash(hash [32]byte) (packed [32]byte, ok bool) {
	var n big.Int
	for i := 0; i < len(hash); i += 4 {
		word := binary.BigEndian.Uint32(hash[i:])
		if word >= koalaBear {
			return packed, false
		}
		n.Lsh(&n, 31).Or(&n, new(big.Int).SetUint64(uint64(word)))
	}
	n.FillBytes(packed[:])
	return packed, true
}
