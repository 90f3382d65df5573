package verify

import (
	"math/big"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
)

// recorded is the first recording of one circuit.
func recorded(t testing.TB, version, system string) recording {
	for _, r := range oneOfEach(t) {
		if r.CircuitVersion == version && r.System == system {
			return r
		}
	}
	t.Fatalf("nothing recorded of %s %s", version, system)
	return recording{}
}

// with gives a copy of b with other bytes at a place.
func with(b []byte, at int, other []byte) []byte {
	b = slices.Clone(b)
	copy(b[at:], other)
	return b
}

// plus gives a copy of b whose 32-byte number at a place is larger by n: the same number modulo n, spelled in another way.
func plus(b []byte, at int, n *big.Int) []byte {
	var word [32]byte
	new(big.Int).Add(new(big.Int).SetBytes(b[at:at+32]), n).FillBytes(word[:])
	return with(b, at, word[:])
}

func TestEveryDefectHasItsReason(t *testing.T) {
	t.Parallel()
	groth, plonk := recorded(t, "v6.1.0", "groth16"), recorded(t, "v6.1.0", "plonk")
	old := recorded(t, "v5.0.0", "groth16")
	outside := bn254.GeneratePointNotInG2(bn254.E2{A0: fp.NewElement(7), A1: fp.NewElement(3)})
	var outsideAffine bn254.G2Affine
	outsideAffine.FromJacobian(&outside)
	outsideBytes := outsideAffine.RawBytes()
	compressed := func(b []byte) []byte {
		var p bn254.G1Affine
		_, err := p.SetBytes(b)
		require.NoError(t, err)
		short := p.Bytes()
		return append(short[:], make([]byte, 32)...)
	}
	zero := make([]byte, 128)

	for _, c := range []struct {
		name   string
		of     recording
		proof  []byte
		reason Reason
	}{
		{"a mock proof", groth, nil, NoProof},
		{"no whole selector", groth, groth.proof[:3], BadLength},
		{"a selector alone", groth, groth.proof[:4], BadLength},
		{"one byte missing", groth, groth.proof[:355], BadLength},
		{"one byte too many", groth, append(slices.Clone(groth.proof), 0), BadLength},
		{"32 bytes too many, which the contract tolerates", groth, append(slices.Clone(groth.proof), zero[:32]...), BadLength},
		{"one byte too many, PLONK", plonk, append(slices.Clone(plonk.proof), 0), BadLength},
		{"one byte too many, before v6", old, append(slices.Clone(old.proof), 0), BadLength},
		{"an unknown selector", groth, with(groth.proof, 0, []byte{1, 2, 3, 4}), UnknownSelector},
		{"a byte before the selector", groth, append([]byte{0}, groth.proof...), UnknownSelector},
		{"the selector of the other system", groth, with(groth.proof, 0, plonk.proof[:4]), BadLength},

		{"exit code 1", groth, with(groth.proof, 35, []byte{1}), ExitCode},
		{"exit code 1, PLONK", plonk, with(plonk.proof, 35, []byte{1}), ExitCode},
		{"exit code r, which is 0 modulo r", groth, plus(groth.proof, 4, fr.Modulus()), ExitCode},
		{"another root", groth, with(groth.proof, 67, []byte{1}), VKRoot},
		{"the root of v6.0.0", plonk, with(plonk.proof, 36, recorded(t, "v6.0.0", "plonk").proof[36:68]), VKRoot},
		{"root + r", groth, plus(groth.proof, 36, fr.Modulus()), VKRoot},
		{"nonce + r", groth, plus(groth.proof, 68, fr.Modulus()), NonCanonical},
		{"nonce + r, PLONK", plonk, plus(plonk.proof, 68, fr.Modulus()), NonCanonical},
		{"another nonce", groth, with(groth.proof, 99, []byte{1}), Invalid},
		{"another nonce, PLONK", plonk, with(plonk.proof, 99, []byte{1}), Invalid},

		{"x + p in G1", groth, plus(groth.proof, 100, fp.Modulus()), NonCanonical},
		{"y + p in G1", groth, plus(groth.proof, 132, fp.Modulus()), NonCanonical},
		{"x.A1 + p in G2", groth, plus(groth.proof, 164, fp.Modulus()), NonCanonical},
		{"x.A0 + p in G2", groth, plus(groth.proof, 196, fp.Modulus()), NonCanonical},
		{"y.A1 + p in G2", groth, plus(groth.proof, 228, fp.Modulus()), NonCanonical},
		{"y.A0 + p in G2", groth, plus(groth.proof, 260, fp.Modulus()), NonCanonical},
		{"x + p in PLONK", plonk, plus(plonk.proof, 100+704, fp.Modulus()), NonCanonical},
		{"a scalar + r", plonk, plus(plonk.proof, 100+384, fr.Modulus()), NonCanonical},
		{"qcp(ζ) + r", plonk, plus(plonk.proof, 100+768, fr.Modulus()), NonCanonical},
		{"a compressed point", groth, with(groth.proof, 100, compressed(groth.proof[100:164])), NonCanonical},
		{"a compressed point, PLONK", plonk, with(plonk.proof, 100, compressed(plonk.proof[100:164])), NonCanonical},

		{"Ar at infinity", groth, with(groth.proof, 100, zero[:64]), Infinity},
		{"Bs at infinity", groth, with(groth.proof, 164, zero[:128]), Infinity},
		{"Krs at infinity", groth, with(groth.proof, 292, zero[:64]), Infinity},
		{"all three at infinity", groth, with(groth.proof, 100, make([]byte, 256)), Infinity},
		{"Ar off the curve", groth, with(groth.proof, 163, []byte{groth.proof[163] ^ 1}), NotOnCurve},
		{"Bs off the curve", groth, with(groth.proof, 291, []byte{groth.proof[291] ^ 1}), NotOnCurve},
		{"Bs outside the group", groth, with(groth.proof, 164, outsideBytes[:]), NotInSubgroup},
		{"G2 with its halves the other way round", groth, with(groth.proof, 164,
			slices.Concat(groth.proof[196:228], groth.proof[164:196], groth.proof[260:292], groth.proof[228:260])), NotOnCurve},
		{"Ar and Krs exchanged", groth,
			with(with(groth.proof, 100, groth.proof[292:356]), 292, groth.proof[100:164]), Invalid},
		{"a scalar changed", plonk, with(plonk.proof, 100+415, []byte{plonk.proof[100+415] ^ 1}), Invalid},
		{"L and R exchanged", plonk,
			with(with(plonk.proof, 100, plonk.proof[164:228]), 164, plonk.proof[100:164]), Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := verifier(t).Check(c.proof, c.of.values, c.of.program)
			require.Equal(t, c.reason, ReasonOf(err), "%v", err)
		})
	}
}

// plonkPoints is where a PLONK proof's points begin, after what SP1 puts before it.
var plonkPoints = []int{0, 64, 128, 192, 256, 320, 544, 640, 704, 800}

func TestPlonkPointsAreNeverInfinity(t *testing.T) {
	t.Parallel()
	r := recorded(t, "v5.0.0", "plonk")
	for _, at := range plonkPoints {
		err := verifier(t).Check(with(r.proof, 4+at, make([]byte, 64)), r.values, r.program)
		require.Equal(t, Infinity, ReasonOf(err), "at %d: %v", at, err)
	}
}

// TestEveryPartOfAPlonkProofCounts puts other points that are on the curve, and other scalars, into a proof: no flipped
// byte of a point gets as far as the pairing.
func TestEveryPartOfAPlonkProofCounts(t *testing.T) {
	t.Parallel()
	for _, r := range oneOfEach(t) {
		if r.System != "plonk" {
			continue
		}
		body := verifier(t).circuits[[4]byte(r.proof)].prefix
		for i, at := range plonkPoints {
			other := body + plonkPoints[(i+1)%len(plonkPoints)]
			err := verifier(t).Check(with(r.proof, body+at, r.proof[other:other+g1Bytes]), r.values, r.program)
			require.Equal(t, Invalid, ReasonOf(err), "%s, the point at %d: %v", r.CircuitVersion, at, err)
		}
		for _, at := range []int{384, 416, 448, 480, 512, 608, 768} {
			last := body + at + wordBytes - 1
			err := verifier(t).Check(with(r.proof, last, []byte{r.proof[last] ^ 1}), r.values, r.program)
			require.Equal(t, Invalid, ReasonOf(err), "%s, the scalar at %d: %v", r.CircuitVersion, at, err)
		}
	}
}

func TestProgramKeyIsNotReduced(t *testing.T) {
	t.Parallel()
	for _, r := range oneOfEach(t) {
		key := [32]byte(plus(r.program[:], 0, fr.Modulus()))
		require.Equal(t, NonCanonical, ReasonOf(verifier(t).Check(r.proof, r.values, key)))
	}
}

func TestProofsServeNoOtherStatement(t *testing.T) {
	t.Parallel()
	each := oneOfEach(t)
	for i, r := range each {
		other := each[(i+1)%len(each)]
		if string(other.values) != string(r.values) { // two recordings are of the same run of the same template
			require.Equal(t, Invalid, ReasonOf(verifier(t).Check(r.proof, other.values, r.program)), "other public values")
		}
		if other.program != r.program {
			require.Equal(t, Invalid, ReasonOf(verifier(t).Check(r.proof, r.values, other.program)), "another program")
		}
		require.Equal(t, Invalid, ReasonOf(verifier(t).Check(r.proof, nil, r.program)), "no public values")
	}
}

func TestProofsServeNoOtherCircuit(t *testing.T) {
	t.Parallel()
	each := oneOfEach(t)
	for _, r := range each {
		for _, other := range each {
			if r.Selector == other.Selector {
				continue
			}
			prefix := verifier(t).circuits[[4]byte(other.proof)].prefix // exit code and root go with their selector
			err := verifier(t).Check(with(r.proof, 0, other.proof[:prefix]), r.values, r.program)
			require.Error(t, err, "%s as %s", r.Name, other.Name)
			if len(r.proof) == len(other.proof) {
				require.Equal(t, Invalid, ReasonOf(err), "%s as %s", r.Name, other.Name)
			}
		}
	}
}

// TestProofsAreMalleable is why proof bytes must not be anybody's identity: (s·A, s⁻¹·B, C) proves what (A, B, C) does.
func TestProofsAreMalleable(t *testing.T) {
	t.Parallel()
	r := recorded(t, "v6.1.0", "groth16")
	p := gnarkGroth16(t, r)
	s := big.NewInt(3)
	p.Ar.ScalarMultiplication(&p.Ar, s)
	p.Bs.ScalarMultiplication(&p.Bs, s.ModInverse(s, fr.Modulus()))
	ar, bs := p.Ar.RawBytes(), p.Bs.RawBytes()
	require.NoError(t, verifier(t).Check(with(with(r.proof, 100, ar[:]), 164, bs[:]), r.values, r.program))
}

func TestUnknownSelectorsAreNamed(t *testing.T) {
	t.Parallel()
	_, err := verifier(t).Circuit([]byte{0x09, 0x06, 0x90, 0x90, 0})
	require.EqualError(t, err, "selector 0x09069090 is that of SP1 v3.0.0 (Groth16), whose key is not kept here; "+
		"known are v4.0.0-rc.3, v5.0.0, v6.0.0, v6.1.0")
	_, err = verifier(t).Circuit([]byte{0xde, 0xad, 0xbe, 0xef})
	require.ErrorContains(t, err, "selector 0xdeadbeef is of no circuit known here (v4.0.0-rc.3, v5.0.0, v6.0.0, v6.1.0)")
	for selector := range retired {
		require.NotContains(t, verifier(t).circuits, selector)
	}
}
