package claim

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/holiman/uint256"
)

// DecodeHex fills dst from hex digits of either case, which may follow a lower-case 0x and must be exactly as many as dst
// needs. The error completes a sentence that begins with the field's name. The text is not kept.
func DecodeHex(dst, text []byte) error {
	digits := text
	if len(digits) >= 2 && digits[0] == '0' && digits[1] == 'x' {
		digits = digits[2:]
	}
	want := hex.EncodedLen(len(dst))
	if len(digits) != want {
		return fmt.Errorf("must be %d bytes as %d hex digits, with or without 0x in front; it has %d digits", len(dst), want, len(digits))
	}
	if _, err := hex.Decode(dst, digits); err != nil {
		return fmt.Errorf("must be %d bytes as %d hex digits, with or without 0x in front; it has a character that is no hex digit", len(dst), want)
	}
	return nil
}

// ParseAmount reads decimal text up to 2^256-1, leading zeros allowed, in the token's smallest unit. Zero passes: whether
// it may be claimed is not a question of spelling. The error completes a sentence that begins with the field's name.
func ParseAmount(text string) (amount uint256.Int, err error) {
	if text == "" {
		return amount, errors.New("is empty; send the whole listed amount in the smallest unit, as decimal digits")
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return amount, errors.New("must be decimal digits and nothing else: the whole listed amount in the smallest unit, without sign, point, exponent or blanks")
		}
	}
	// uint256 looks at the length before it calculates.
	if amount.SetFromDecimal(text) != nil {
		return uint256.Int{}, errors.New("is greater than 2^256-1; send the listed amount in the smallest unit")
	}
	return amount, nil
}
