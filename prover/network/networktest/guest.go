package networktest

import (
	"encoding/binary"

	"github.com/vedhavyas/go-subkey/v2"
)

// Guest reads the one entry of the migration program's input byte by byte and gives what the program would commit. It
// does not check the claimant's signature.
func Guest(entry []byte) (publicValues []byte, ok bool) {
	if len(entry) < 8 {
		return nil, false
	}
	n := binary.LittleEndian.Uint64(entry)
	if n > 64 || uint64(len(entry)) != 156+n {
		return nil, false
	}
	_, key, err := subkey.SS58Decode(string(entry[8 : 8+n]))
	if err != nil || len(key) != 32 {
		return nil, false
	}
	rest := entry[8+n+64:]
	publicValues = append(publicValues, key...)
	publicValues = append(publicValues, make([]byte, 12)...)
	return append(publicValues, rest...), true
}
