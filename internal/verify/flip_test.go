package verify

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryFlippedByteIsRefused flips each byte of proof, public values and program key, one after the other, of one
// proof of each circuit, and a sample of those of all other recorded proofs; with FLIPS=all (make flips) every byte of
// every one.
func TestEveryFlippedByteIsRefused(t *testing.T) {
	t.Parallel()
	total := 0
	every := map[string]bool{}
	for _, r := range oneOfEach(t) {
		every[r.Name] = true
	}
	for _, r := range recordings(t) {
		places := len(r.proof) + len(r.values) + len(r.program)
		sample := rand.New(rand.NewPCG(uint64(len(r.proof)), 1)).Perm(places)
		if !every[r.Name] && os.Getenv("FLIPS") != "all" {
			sample = sample[:20]
		}
		total += len(sample)
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			for _, place := range sample {
				flip(t, r, place, byte(1+place%255))
			}
		})
	}
	require.Greater(t, total, 5_000)
	t.Logf("%d bytes flipped", total)
}

// flip changes the byte at a place of proof, public values and key, seen as one row, by a mask.
func flip(t *testing.T, r recording, place int, mask byte) {
	proof, values, program := slices.Clone(r.proof), slices.Clone(r.values), r.program
	switch {
	case place < len(proof):
		proof[place] ^= mask
	case place < len(proof)+len(values):
		values[place-len(proof)] ^= mask
	default:
		program[place-len(proof)-len(values)] ^= mask
	}
	require.NotEmpty(t, ReasonOf(verifier(t).Check(proof, values, program)), "byte %d with mask %#x", place, mask)
}

func FuzzCheck(f *testing.F) {
	type statement struct {
		program [32]byte
		values  string
	}
	proven := map[statement]bool{}
	for _, r := range oneOfEach(f) {
		f.Add(r.proof, r.values, r.program[:])
		proven[statement{r.program, string(r.values)}] = true
	}
	f.Add([]byte{}, []byte{}, make([]byte, 32))
	v := verifier(f)
	f.Fuzz(func(t *testing.T, proof, values, key []byte) {
		var program [32]byte
		copy(program[:], key)
		before := slices.Clone(proof)
		err := v.Check(proof, values, program)
		require.Equal(t, before, proof, "what is checked is not written to")
		if err == nil {
			require.Contains(t, proven, statement{program, string(values)}, "nobody proved this")
			return
		}
		require.NotEmpty(t, ReasonOf(err), "%v", err)
	})
}
