package claim_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

func TestSignature(t *testing.T) {
	t.Parallel()

	t.Run("a wallet's signature verifies", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, signed(t).CheckSignature())
	})

	t.Run("every byte counts, and of the last one every bit", func(t *testing.T) {
		t.Parallel()
		c := signed(t)
		for i := range c.Signature {
			spoiled := c
			spoiled.Signature[i] ^= 1 << (i % 8)
			require.Equal(t, fault.InvalidSignature, fault.Of(spoiled.CheckSignature()).Code, "signature, byte %d", i)
		}
		for bit := range 8 {
			spoiled := c
			spoiled.Signature[63] ^= 1 << bit
			require.Error(t, spoiled.CheckSignature(), "signature, byte 63, bit %d", bit)
		}
		for i := range c.Challenge {
			spoiled := c
			spoiled.Challenge[i] ^= 1 << (i % 8)
			require.Error(t, spoiled.CheckSignature(), "challenge, byte %d", i)
			spoiled = c
			spoiled.PublicKey[i] ^= 1 << (i % 8)
			require.Error(t, spoiled.CheckSignature(), "key, byte %d", i)
		}
	})

	t.Run("s must be reduced", func(t *testing.T) {
		t.Parallel()
		// s + L verifies in the equation; a decoder must refuse it. L is the order of the group, little endian.
		order, err := hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
		require.NoError(t, err)
		c := signed(t)
		c.Signature[63] &= 0x7f
		carry := 0
		for i, b := range order {
			sum := int(c.Signature[32+i]) + int(b) + carry
			c.Signature[32+i], carry = byte(sum), sum>>8
		}
		c.Signature[63] |= 0x80
		require.Equal(t, fault.InvalidSignature, fault.Of(c.CheckSignature()).Code)
	})
}

func TestSignatureSlipsAreNamed(t *testing.T) {
	t.Parallel()
	c := signed(t)
	bytes, text := string(c.Challenge[:]), hex.EncodeToString(c.Challenge[:])
	wrap := func(s string) string { return "<Bytes>" + s + "</Bytes>" }

	for _, slip := range []struct{ name, message, says string }{
		{"the bare bytes", bytes, "without the <Bytes> wrapper"},
		{"the wrapped hex text", wrap(text), "fits the challenge's hex text:"},
		{"the wrapped hex text with 0x", wrap("0x" + text), "hex text with 0x:"},
		{"the bare hex text", text, "hex text without the <Bytes> wrapper"},
		{"the bare hex text with 0x", "0x" + text, "hex text with 0x and without"},
		{"something else", "something else", "Sign the challenge again"},
	} {
		t.Run("sr25519 over "+slip.name, func(t *testing.T) {
			t.Parallel()
			c := c
			var err error
			c.Signature, err = alice(t).Sign([]byte(slip.message))
			require.NoError(t, err)
			requireRefusal(t, c, slip.says)
		})
	}

	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	for _, message := range []string{wrap(bytes), bytes, wrap(text), wrap("0x" + text), text, "0x" + text} {
		t.Run("ed25519 over "+message, func(t *testing.T) {
			t.Parallel()
			c := c
			c.PublicKey, c.Signature = [32]byte(public), [64]byte(ed25519.Sign(private, []byte(message)))
			requireRefusal(t, c, "ed25519")
		})
	}

	t.Run("an account that is no sr25519 key", func(t *testing.T) {
		t.Parallel()
		c := c
		c.PublicKey[0] |= 1 // canonical encodings of ristretto255 are even
		requireRefusal(t, c, "not that of an sr25519 account")
	})
}

func requireRefusal(t *testing.T, c claim.Claim, says string) {
	t.Helper()
	err := c.CheckSignature()
	require.Equal(t, fault.InvalidSignature, fault.Of(err).Code)
	require.Contains(t, fault.Of(err).Message, says)
	requireAdvice(t, err)
}
