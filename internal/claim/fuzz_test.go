package claim_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/decred/base58"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

// FuzzParse: what is read, written out and read again is the same claim; what is refused is invalid input; and lenient
// reading takes everything that strict reading takes.
func FuzzParse(f *testing.F) {
	for _, list := range [][]vector{readVectors(f).Valid, readVectors(f).Invalid} {
		for _, entry := range list {
			f.Add([]byte(entry.Request))
		}
	}
	f.Add([]byte(`{"amount":"1","amount":"2"}`))
	f.Add([]byte(`{"x":{"a":1,"a":2},"y":[[[[]]]]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		lenient, lenientErr := claim.ParseLenient(text)
		c, err := claim.Parse(text)
		if err != nil {
			require.Zero(t, c)
			require.Equal(t, fault.InvalidInput, fault.Of(err).Code)
			return
		}
		require.NoError(t, lenientErr)
		require.Equal(t, c, lenient)
		again, err := claim.Parse(body(t, fields(c)))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

// FuzzAddress: an address that is accepted is the one spelling of its key under its prefix.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"", "NZoQ", "NqvQ", "PK4G", "4jS", "11", "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM"} {
		f.Add(text, uint16(42), keyAlice[:])
	}
	for _, prefix := range []uint16{0, 63, 64, 252, 255, 5845, 16383} {
		f.Add(claim.FormatAddress(prefix, keyAlice), prefix, keyAlice[:])
	}
	f.Fuzz(func(t *testing.T, text string, prefix uint16, account []byte) {
		if key, err := claim.ParseAddress(text); err == nil {
			first := base58.Decode(text)
			spelled := uint16(first[0])
			if spelled >= 64 {
				spelled = uint16(first[0]&0x3f)<<2 | uint16(first[1])>>6 | uint16(first[1]&0x3f)<<8
			}
			require.Equal(t, text, claim.FormatAddress(spelled, key))
		}
		var key [32]byte
		copy(key[:], account)
		got, err := claim.ParseAddress(claim.FormatAddress(prefix%(claim.MaxPrefix+1), key))
		require.NoError(t, err)
		require.Equal(t, key, got)
	})
}

// FuzzAmount holds the parser against math/big.
func FuzzAmount(f *testing.F) {
	greatest := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	for _, text := range []string{"", "0", "1", "01", "-1", "+1", "1_0", "0x1", "1e3", "١", greatest.String(), greatest.String() + "0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		digits := text != "" && strings.Trim(text, "0123456789") == ""
		want, ok := new(big.Int).SetString(text, 10)
		ok = ok && digits && want.Cmp(greatest) <= 0
		got, err := claim.ParseAmount(text)
		require.Equal(t, ok, err == nil)
		if ok {
			require.Equal(t, want.String(), got.Dec())
		} else {
			require.Zero(t, got)
		}
	})
}

// FuzzSignature: no bytes are a signature but those that a wallet made for this very key and challenge, and looking for
// the slip behind the others never panics.
func FuzzSignature(f *testing.F) {
	good := signed(f)
	f.Add(good.PublicKey[:], good.Challenge[:], good.Signature[:])
	f.Add(make([]byte, 32), make([]byte, 32), hexutil.MustDecode("0xe2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d760100000000000000000000000000000000000000000000000000000000000080"))
	for _, entry := range readVectors(f).Valid {
		c, err := claim.Parse(entry.Request)
		require.NoError(f, err)
		f.Add(c.PublicKey[:], c.Challenge[:], c.Signature[:])
	}
	f.Fuzz(func(t *testing.T, key, challenge, signature []byte) {
		var c claim.Claim
		copy(c.PublicKey[:], key)
		copy(c.Challenge[:], challenge)
		copy(c.Signature[:], signature)
		err := c.CheckSignature()
		if err != nil {
			require.Equal(t, fault.InvalidSignature, fault.Of(err).Code)
			return
		}
		for i := 0; i < len(c.Signature); i += 9 {
			spoiled := c
			spoiled.Signature[i] ^= 1
			require.Error(t, spoiled.CheckSignature())
		}
	})
}
