package verify

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/kzg"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	plonk "github.com/consensys/gnark/backend/plonk/bn254"
	"github.com/stretchr/testify/require"

	"claimprover/internal/verify/internal/registry"
)

// inputs are the public inputs of a recorded proof.
func (r recording) inputs(t testing.TB) fr.Vector {
	digest := sha256.Sum256(r.values)
	digest[0] &= 0x1f
	words := [][]byte{r.program[:], digest[:]}
	if len(r.proof) == 356 || len(r.proof) == 964 {
		words = append(words, r.proof[4:36], r.proof[36:68], r.proof[68:100])
	}
	inputs := make(fr.Vector, len(words))
	for i, word := range words {
		require.NoError(t, inputs[i].SetBytesCanonical(word))
	}
	return inputs
}

// gnarkVerify is gnark's own verifier for a recorded proof, the other opinion on what we compute ourselves.
func gnarkVerify(t testing.TB, r recording) func(inputs fr.Vector) error {
	raw, err := files.ReadFile(fmt.Sprintf("keys/%s/%s_vk.bin", r.CircuitVersion, r.System))
	require.NoError(t, err)
	if r.System == "groth16" {
		var vk groth16.VerifyingKey
		_, err := vk.ReadFrom(bytes.NewReader(raw))
		require.NoError(t, err)
		proof := gnarkGroth16(t, r)
		return func(inputs fr.Vector) error { return groth16.Verify(proof, &vk, inputs) }
	}
	var vk plonk.VerifyingKey
	_, err = vk.ReadFrom(bytes.NewReader(raw))
	require.NoError(t, err)
	for i := range vk.Kzg.Lines {
		vk.Kzg.Lines[i] = bn254.PrecomputeLines(vk.Kzg.G2[i])
	}
	proof := gnarkPlonk(t, r)
	return func(inputs fr.Vector) error { return plonk.Verify(proof, &vk, inputs) }
}

func gnarkGroth16(t testing.TB, r recording) *groth16.Proof {
	body := r.proof[len(r.proof)-256:]
	var p groth16.Proof
	var err [3]error
	p.Ar, err[0] = decodeG1("Ar", body)
	p.Bs, err[1] = decodeG2("Bs", body[64:])
	p.Krs, err[2] = decodeG1("Krs", body[192:])
	require.Equal(t, [3]error{}, err)
	return &p
}

// gnarkPlonk also fills in the value that SP1 leaves out; gnark compares it with its own.
func gnarkPlonk(t testing.TB, r recording) *plonk.Proof {
	p, err := decodePlonk(r.proof[len(r.proof)-plonkBodyBytes:])
	require.NoError(t, err)
	k := verifier(t).circuits[[4]byte(r.proof)].key.(*plonkKey)
	inputs := r.inputs(t)
	c := p.challenges(k, inputs)
	d, err := k.domainAt(c.zeta)
	require.NoError(t, err)
	_, linAt, err := k.linearised(p, c, d, inputs)
	require.NoError(t, err)

	return &plonk.Proof{
		LRO: [3]kzg.Digest{p.l, p.r, p.o}, H: p.h, Z: p.z,
		Bsb22Commitments: []kzg.Digest{p.commitment},
		BatchedProof: kzg.BatchOpeningProof{
			H:             p.opening,
			ClaimedValues: []fr.Element{linAt, p.lAt, p.rAt, p.oAt, p.s1At, p.s2At, p.qcpAt},
		},
		ZShiftedOpening: kzg.OpeningProof{H: p.shiftedOpening, ClaimedValue: p.zAt},
	}
}

// TestTheStatementIsTheSumWhateverCameBefore: a key remembers what the inputs without the digest came to last time.
func TestTheStatementIsTheSumWhateverCameBefore(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v5.0.0", "v6.1.0"} {
		r := recorded(t, version, "groth16")
		e := entry(t, version, registry.Groth16)
		k, err := newGroth16Key(e.Key)
		require.NoError(t, err)
		var vk groth16.VerifyingKey
		_, err = vk.ReadFrom(bytes.NewReader(e.Key))
		require.NoError(t, err)
		holds := func(inputs fr.Vector) {
			t.Helper()
			var want bn254.G1Jac
			want.FromAffine(&vk.G1.K[0])
			for i := range inputs {
				var term bn254.G1Jac
				term.FromAffine(&vk.G1.K[i+1])
				term.ScalarMultiplication(&term, inputs[i].BigInt(new(big.Int)))
				want.AddAssign(&term)
			}
			got := k.statement(inputs)
			require.True(t, got.Equal(new(bn254.G1Affine).FromJacobian(&want)))
		}
		inputs := r.inputs(t)
		holds(inputs)
		for i := range inputs {
			other := append(fr.Vector(nil), inputs...)
			other[i].SetRandom()
			holds(other)
			holds(other) // now it is remembered
			holds(inputs)
		}
	}
}
