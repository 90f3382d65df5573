package claim_test

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
)

// question and order are what testdata/sr25519.mjs takes.
type question struct {
	Key       string `json:"key"`
	Message   string `json:"message"`
	Signature string `json:"signature"`
}

type order struct {
	Seed    string `json:"seed"`
	Message string `json:"message"`
}

type answers struct {
	Verified []bool
	Signed   []struct{ Key, Signature string }
}

func askScure(t *testing.T, questions []question, orders []order) (a answers) {
	t.Helper()
	_, err := os.Stat("../../node_modules/@scure/sr25519")
	require.NoError(t, err, "the second sr25519 implementation is not installed: run make test, which does it, or npm ci")
	input, err := json.Marshal(map[string]any{"verify": questions, "sign": orders})
	require.NoError(t, err)
	node := exec.CommandContext(t.Context(), "node", "testdata/sr25519.mjs")
	var trouble bytes.Buffer
	node.Stdin, node.Stderr = bytes.NewReader(input), &trouble
	output, err := node.Output()
	require.NoError(t, err, trouble.String())
	require.NoError(t, json.Unmarshal(output, &a))
	return a
}

// TestAnotherImplementationAgrees holds ours against @scure/sr25519: over signatures that are good, spoiled in one or a
// few bits, cut together out of two, unmarked, not reduced or random. SIGNATURES sets how many, 400 otherwise.
func TestAnotherImplementationAgrees(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	count, err := strconv.Atoi(cmp.Or(os.Getenv("SIGNATURES"), "400"))
	require.NoError(t, err)
	var claims []claim.Claim
	for range count {
		w, err := claim.WalletFromSeed(randomBytes[[32]byte](random))
		require.NoError(t, err)
		c, err := w.Claim(domain, 42, recipient, amount)
		require.NoError(t, err)
		mutate(random, &c, claims)
		claims = append(claims, c)
	}
	questions := make([]question, len(claims))
	for i, c := range claims {
		message := "<Bytes>" + string(c.Challenge[:]) + "</Bytes>"
		questions[i] = question{hex.EncodeToString(c.PublicKey[:]), hex.EncodeToString([]byte(message)), hex.EncodeToString(c.Signature[:])}
	}
	orders := make([]order, 50)
	for i := range orders {
		seed := randomBytes[[32]byte](random)
		orders[i] = order{hex.EncodeToString(seed[:]), hex.EncodeToString([]byte("<Bytes>" + string(claims[i].Challenge[:]) + "</Bytes>"))}
	}

	theirs := askScure(t, questions, orders)
	require.Len(t, theirs.Verified, len(claims))
	good := 0
	for i, c := range claims {
		ours := c.CheckSignature() == nil
		require.Equal(t, theirs.Verified[i], ours, "key %x, challenge %x, signature %x", c.PublicKey, c.Challenge, c.Signature)
		if ours {
			good++
		}
	}
	require.Greater(t, good, len(claims)/20)
	require.Less(t, good, len(claims)/2)

	require.Len(t, theirs.Signed, len(orders))
	for i, s := range theirs.Signed {
		c := claim.Claim{Challenge: claims[i].Challenge}
		decodeHex(t, c.PublicKey[:], s.Key)
		decodeHex(t, c.Signature[:], s.Signature)
		require.NoError(t, c.CheckSignature())
		var seed [32]byte
		decodeHex(t, seed[:], orders[i].Seed)
		w, err := claim.WalletFromSeed(seed)
		require.NoError(t, err)
		require.Equal(t, c.PublicKey, w.PublicKey())
	}
}

// mutate leaves one in eight claims alone and spoils the others, each in a way of its own.
func mutate(random *rand.Rand, c *claim.Claim, others []claim.Claim) {
	flip := func(b []byte, times int) {
		for range times {
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		}
	}
	switch way := random.IntN(8); {
	case way == 1:
		flip(c.Signature[:32], 1)
	case way == 2:
		flip(c.Signature[32:], 1)
	case way == 3:
		flip(c.Signature[:], 1+random.IntN(8))
	case way == 4:
		flip(c.PublicKey[:], 1)
	case way == 5:
		c.Signature[63] ^= byte(random.IntN(16)) << 4 // the marker bit and what makes s too great
	case way == 6 && len(others) > 0:
		other := others[random.IntN(len(others))].Signature
		copy(c.Signature[32*random.IntN(2):], other[:32])
	case way == 7:
		c.Signature = randomBytes[[64]byte](random)
		c.Signature[63] |= 0x80
	}
}

func randomBytes[T [32]byte | [64]byte](random *rand.Rand) (out T) {
	for i := range len(out) {
		out[i] = byte(random.Uint32())
	}
	return out
}

func decodeHex(t *testing.T, dst []byte, text string) {
	t.Helper()
	require.NoError(t, claim.DecodeHex(dst, []byte(text)))
}
