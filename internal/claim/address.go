package claim

import (
	"errors"
	"fmt"

	"github.com/decred/base58"
	"golang.org/x/crypto/blake2b"
)

// MaxPrefix is the greatest SS58 network prefix: two bytes carry 14 bits.
const MaxPrefix = 16383

const (
	maxAddressText = 64 // no 36 bytes need more than 50; base58 decoding is quadratic in the length
	checksumBytes  = 2
)

// ParseAddress reads an SS58 address of any network and gives its 32-byte account, which for the accounts in question is
// an sr25519 public key. Each prefix has exactly one spelling of a key that passes. The error completes a sentence
// that begins with the field's name.
//
// It does not use go-subkey's SS58Decode, which panics on some texts and refuses 64 of the prefixes.
func ParseAddress(text string) (publicKey [32]byte, err error) {
	switch {
	case text == "":
		return publicKey, errors.New("is empty; send the account's SS58 address as the wallet shows it")
	case len(text) > maxAddressText:
		return publicKey, fmt.Errorf("has %d characters; an SS58 address has about 48", len(text))
	}
	raw := base58.Decode(text)
	if len(raw) == 0 {
		return publicKey, errors.New("is not base58; copy the SS58 address from the wallet as it is")
	}
	prefix, ok := prefixBytes(raw)
	if !ok {
		return publicKey, errors.New("has a network prefix that SS58 does not know; copy the address from the wallet as it is")
	}
	if len(raw) != prefix+len(publicKey)+checksumBytes {
		return publicKey, errors.New("does not hold exactly a 32-byte account; copy the SS58 address from the wallet as it is")
	}
	body, sum := raw[:prefix+len(publicKey)], raw[prefix+len(publicKey):]
	if [checksumBytes]byte(sum) != checksum(body) {
		return publicKey, errors.New("has a wrong checksum, so a character is wrong or missing; copy the SS58 address from the wallet again")
	}
	return [32]byte(body[prefix:]), nil
}

// FormatAddress gives the SS58 text of an account on the network with that prefix, which must not exceed [MaxPrefix].
func FormatAddress(prefix uint16, key [32]byte) string {
	if prefix > MaxPrefix {
		panic(fmt.Sprintf("claim: SS58 prefix %d is greater than %d", prefix, MaxPrefix))
	}
	body := make([]byte, 0, 2+len(key)+checksumBytes)
	if prefix < 64 {
		body = append(body, byte(prefix))
	} else {
		body = append(body, byte(prefix&0xfc>>2)|0x40, byte(prefix>>8)|byte(prefix&3<<6))
	}
	body = append(body, key[:]...)
	sum := checksum(body)
	return base58.Encode(append(body, sum[:]...))
}

// prefixBytes says how many bytes of an address are its prefix. A prefix below 64 spelled in two bytes is no prefix: it
// would give one account a second text on the same network.
func prefixBytes(raw []byte) (n int, ok bool) {
	switch {
	case raw[0] < 64:
		return 1, true
	case raw[0] < 128 && len(raw) > 1:
		prefix := uint16(raw[0]&0x3f)<<2 | uint16(raw[1]>>6) | uint16(raw[1]&0x3f)<<8
		return 2, prefix >= 64
	}
	return 0, false
}

// checksum is the first two bytes of BLAKE2b-512 over "SS58PRE", prefix and account.
func checksum(body []byte) [checksumBytes]byte {
	sum := blake2b.Sum512(append([]byte("SS58PRE"), body...))
	return [checksumBytes]byte(sum[:])
}
