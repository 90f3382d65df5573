package claim

import (
	"crypto/ed25519"
	"encoding/hex"

	"github.com/vedhavyas/go-subkey/v2/sr25519"

	"claimprover/internal/fault"
)

// What a wallet's signRaw puts around the bytes, so that they can never be a transaction.
const (
	wrapOpen  = "<Bytes>"
	wrapClose = "</Bytes>"
)

// CheckSignature verifies the sr25519 signature, context "substrate", over <Bytes>, the 32 bytes of the challenge,
// </Bytes>, as the guest program does: marker bit, canonical s, canonical R and key. The identity key, which fits
// signatures that anybody can make, is refused beyond that. The refusal is [fault.InvalidSignature], and its message
// says which slip would explain it.
func (c Claim) CheckSignature() error {
	if sr25519Verifies(c.PublicKey, wrapped(c.Challenge[:]), c.Signature) {
		return nil
	}
	return fault.New(fault.InvalidSignature, "The signature does not match this account and challenge. %s", c.advice())
}

// sr25519Verifies wants 64 bytes in its type: go-subkey would cut a longer signature and call it good.
func sr25519Verifies(key [32]byte, message []byte, signature [64]byte) bool {
	public, err := sr25519.Scheme{}.FromPublicKey(key[:])
	return err == nil && public.Verify(message, signature[:])
}

// SignedBytes are what a wallet signs of a challenge: <Bytes>, its 32 bytes, </Bytes>.
func SignedBytes(challenge [32]byte) []byte { return wrapped(challenge[:]) }

func wrapped(message []byte) []byte {
	return append(append([]byte(wrapOpen), message...), wrapClose...)
}

// advice looks a step further at a signature that did not verify. It costs a few verifications, and only bad ones.
func (c Claim) advice() string {
	text := hex.AppendEncode(nil, c.Challenge[:])
	prefixed := append([]byte("0x"), text...)
	slips := []struct {
		message []byte
		advice  string
	}{
		{c.Challenge[:], "It fits the challenge without the <Bytes> wrapper: sign with the wallet's signRaw of type bytes, or put <Bytes> and </Bytes> around the 32 bytes."},
		{wrapped(text), "It fits the challenge's hex text: sign the 32 bytes themselves (the wallet's signRaw takes them as hex that begins with 0x)."},
		{wrapped(prefixed), "It fits the challenge's hex text with 0x: sign the 32 bytes themselves, not their spelling."},
		{text, "It fits the challenge's hex text without the <Bytes> wrapper: sign <Bytes>, the 32 bytes themselves, </Bytes>."},
		{prefixed, "It fits the challenge's hex text with 0x and without the <Bytes> wrapper: sign <Bytes>, the 32 bytes themselves, </Bytes>."},
	}
	for _, slip := range slips {
		if sr25519Verifies(c.PublicKey, slip.message, c.Signature) {
			return slip.advice
		}
	}
	for _, message := range [][]byte{wrapped(c.Challenge[:]), c.Challenge[:], wrapped(text), wrapped(prefixed), text, prefixed} {
		if ed25519.Verify(c.PublicKey[:], message, c.Signature[:]) {
			return "It is an ed25519 signature: only sr25519 accounts can be proved; sign with the sr25519 account that holds the balance."
		}
	}
	if _, err := (sr25519.Scheme{}).FromPublicKey(c.PublicKey[:]); err != nil {
		return "The address is not that of an sr25519 account: sign with the sr25519 account that holds the balance."
	}
	return "Sign the challenge again with the sr25519 account that holds the balance, as raw bytes (the wallet's signRaw)."
}
