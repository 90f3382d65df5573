package claim_test

import (
	"strings"
	"testing"

	"github.com/decred/base58"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/blake2b"

	"claimprover/internal/claim"
)

// spell makes an address with a right checksum out of any bytes.
func spell(body []byte) string {
	sum := blake2b.Sum512(append([]byte("SS58PRE"), body...))
	return base58.Encode(append(body, sum[:2]...))
}

func TestAddress(t *testing.T) {
	t.Parallel()

	t.Run("one key reads the same under every prefix, and only in the one spelling", func(t *testing.T) {
		t.Parallel()
		texts := make(map[string]bool)
		for prefix := range uint16(claim.MaxPrefix + 1) {
			text := claim.FormatAddress(prefix, keyAlice)
			key, err := claim.ParseAddress(text)
			require.NoError(t, err, "prefix %d", prefix)
			require.Equal(t, keyAlice, key, "prefix %d", prefix)
			texts[text] = true
		}
		require.Len(t, texts, claim.MaxPrefix+1)
	})

	t.Run("Alice's addresses are those that wallets show", func(t *testing.T) {
		t.Parallel()
		for prefix, text := range map[uint16]string{
			5845: "tgGmBRR5yM53bvq8tTzgsUirpPtfCXngYYU7uiihmWFJhmYGM",
			42:   "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
			0:    "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
			2:    "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F",
		} {
			require.Equal(t, text, claim.FormatAddress(prefix, keyAlice))
		}
	})

	t.Run("a key of zeros and a key of ones have addresses", func(t *testing.T) {
		t.Parallel()
		ones := [32]byte([]byte(strings.Repeat("\xff", 32)))
		for _, key := range [][32]byte{{}, ones} {
			for _, prefix := range []uint16{0, 63, 64, 255, 16383} {
				got, err := claim.ParseAddress(claim.FormatAddress(prefix, key))
				require.NoError(t, err)
				require.Equal(t, key, got)
			}
		}
	})

	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		alice := claim.FormatAddress(42, keyAlice)
		body := func(prefix ...byte) []byte { return append(prefix, keyAlice[:]...) }
		for name, text := range map[string]string{
			"nothing":                                        "",
			"texts that go-subkey panics on (1)":             "NZoQ",
			"texts that go-subkey panics on (2)":             "NqvQ",
			"texts that go-subkey panics on (3)":             "PK4G",
			"texts that go-subkey panics on (4)":             "4jS",
			"a checksum of nothing":                          spell(nil),
			"one byte":                                       "1",
			"a one-byte prefix spelled in two":               spell(body(0x40|42>>2, 42&3<<6)),
			"the greatest one-byte prefix spelled in two":    spell(body(0x40|63>>2, 63&3<<6)),
			"a first byte of 128":                            spell(body(128)),
			"a first byte of 255 and another":                spell(body(255, 1)),
			"an account of 31 bytes":                         spell(body(42)[:32]),
			"an account of 33 bytes":                         spell(append(body(42), 1)),
			"an account of 8 bytes":                          spell(body(42)[:9]),
			"a two-byte prefix with an account of 31 bytes":  spell(body(0x50, 1)[:33]),
			"a byte behind the checksum":                     base58.Encode(append(base58.Decode(alice), 0)),
			"a leading 1":                                    "1" + alice,
			"a blank in front":                               " " + alice,
			"a newline behind":                               alice + "\n",
			"another case of a character":                    "5gr" + alice[3:],
			"a character outside base58":                     "0" + alice[1:],
			"a long text":                                    strings.Repeat("5", 65),
			"the hex of the key":                             "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
			"a text of ones, which decodes to a zero prefix": strings.Repeat("1", 35),
		} {
			_, err := claim.ParseAddress(text)
			require.Error(t, err, name)
		}
	})

	t.Run("a prefix beyond two bytes is a mistake of the program", func(t *testing.T) {
		t.Parallel()
		require.Panics(t, func() { claim.FormatAddress(claim.MaxPrefix+1, keyAlice) })
	})
}
