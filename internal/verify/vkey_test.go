package verify

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseProgramKey(t *testing.T) {
	t.Parallel()
	const key = "0x000d744400000000000000000000000000000000000000000000000000001234"
	for _, text := range []string{key, key[2:], strings.ToUpper(key[2:])} {
		got, err := ParseProgramKey(text)
		require.NoError(t, err)
		require.Equal(t, key, "0x"+hex.EncodeToString(got[:]))
	}
	slip := hex.EncodeToString([]byte(key))
	for _, c := range []struct{ name, text, want string }{
		{"the hex of the key's text", "0x" + slip, "this is the hex of the text " + key + ":"},
		{"without its 0x", slip, "the hex of the text " + key + ":"},
		{"of a text without 0x", hex.EncodeToString([]byte(key[2:])), "the hex of the text " + key + ":"},
		{"the network's vk_hash", "252af69e1e81f40867404e4f0a8b7ff8340ffdea747b11e538312cde6e693090",
			"the same key as bytes32 is 0x004a55ed3c7a07d0233a027278a8b7ff8681ffbd5d1ec4795c18966f6e693090"},
		{"a number that is neither", "0x" + strings.Repeat("ff", 32), "its first byte is 00"},
		{"one digit missing", key[:65], "64 hex digits"},
		{"two digits missing", key[:64], "these are 62"},
		{"two digits too many", key + "00", "these are 66"},
		{"no hex", "0x" + strings.Repeat("g", 64), "64 hex digits"},
		{"nothing", "", "these are 0"},
		{"the zero key", strings.Repeat("0", 64), "no program's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseProgramKey(c.text)
			require.ErrorContains(t, err, c.want)
			require.Zero(t, got)
		})
	}
}

func TestWhoAsksAboutAProofMayNameAnyKey(t *testing.T) {
	t.Parallel()
	r := recorded(t, "v6.1.0", "groth16")
	for text, want := range map[string]struct {
		reason Reason
		says   string
	}{
		"0x" + strings.Repeat("ff", 32):                                    {NonCanonical, "has 248 bits"},
		"252af69e1e81f40867404e4f0a8b7ff8340ffdea747b11e538312cde6e693090": {NonCanonical, "the same key as bytes32 is 0x004a55ed"},
		strings.Repeat("0", 64):                                            {Invalid, "proves nothing"},
	} {
		key, err := ParseKey(text)
		require.NoError(t, err)
		_, err = ParseProgramKey(text)
		require.Error(t, err, "no service proves with it")
		err = verifier(t).Check(r.proof, r.values, key)
		require.Equal(t, want.reason, ReasonOf(err), "%v", err)
		require.ErrorContains(t, err, want.says)
	}
}
