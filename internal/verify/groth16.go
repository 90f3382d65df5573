package verify

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
)

// groth16Key is a verifying key made ready for many checks. But for what it remembers it is not written to after it was
// made.
type groth16Key struct {
	constant  bn254.G1Affine // K[0]
	points    []*fixedPoint  // K[1:], one for each public input
	alphaBeta bn254.GT       // e(α, β)
	lines     *fixedPairs    // of -γ and -δ

	usual atomic.Pointer[usual] // of the last proof
}

// usual is what all public inputs but the digest come to. A service's proofs are of one program, which ends well, with
// one root and mostly the nonce zero: only the digest is another each time.
type usual struct {
	inputs [inputsAfterV6]fr.Element // the digest left out
	sum    bn254.G1Jac               // K[0] + Σ wᵢ·K[i+1] of those
}

func newGroth16Key(raw []byte) (*groth16Key, error) {
	var vk groth16.VerifyingKey
	n, err := vk.ReadFrom(bytes.NewReader(raw))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading a Groth16 key: %w", err)
	case n != int64(len(raw)):
		return nil, fmt.Errorf("reading a Groth16 key: %d of %d bytes are one", n, len(raw))
	case len(vk.CommitmentKeys) != 0 || len(vk.PublicAndCommitmentCommitted) != 0:
		return nil, errors.New("a Groth16 key with commitments, which SP1's proofs have no room for")
	case vk.G2.Delta.Equal(&vk.G2.Gamma):
		return nil, errors.New("a Groth16 key with δ = γ: whoever likes can forge proofs for it")
	}
	alphaBeta, err := bn254.Pair([]bn254.G1Affine{vk.G1.Alpha}, []bn254.G2Affine{vk.G2.Beta})
	if err != nil {
		return nil, fmt.Errorf("pairing α and β: %w", err)
	}
	var gammaNeg, deltaNeg bn254.G2Affine
	gammaNeg.Neg(&vk.G2.Gamma)
	deltaNeg.Neg(&vk.G2.Delta)
	k := &groth16Key{constant: vk.G1.K[0], alphaBeta: alphaBeta, lines: precompute(gammaNeg, deltaNeg)}
	for _, p := range vk.G1.K[1:] {
		k.points = append(k.points, fix(p))
	}
	return k, nil
}

func (k *groth16Key) inputs() int    { return len(k.points) }
func (k *groth16Key) bodyBytes() int { return 2*g1Bytes + g2Bytes }

// check holds e(Ar, Bs) · e(K[0] + Σ wᵢ·K[i+1], -γ) · e(Krs, -δ) against e(α, β). The first pairing has no fixed point
// and takes as long as the other two together, so it has a goroutine of its own.
func (k *groth16Key) check(body []byte, inputs []fr.Element) error {
	ar, err := decodeG1("Ar", body[:64])
	if err != nil {
		return err
	}
	bs, err := decodeG2("Bs", body[64:192])
	if err != nil {
		return err
	}
	krs, err := decodeG1("Krs", body[192:256])
	if err != nil {
		return err
	}

	var arBs bn254.GT
	var variable error
	var wg sync.WaitGroup
	wg.Go(func() { arBs, variable = bn254.MillerLoop([]bn254.G1Affine{ar}, []bn254.G2Affine{bs}) })
	rest, fixed := k.lines.millerLoop(k.statement(inputs), krs)
	inGroup := bs.IsInSubGroup()
	wg.Wait()

	if err := errors.Join(variable, fixed); err != nil {
		return fmt.Errorf("pairing: %w", err)
	}
	if !inGroup {
		return refuse(NotInSubgroup, "Bs is on its curve, but outside the group of order r")
	}
	if product := bn254.FinalExponentiation(&arBs, &rest); !product.Equal(&k.alphaBeta) {
		return refuse(Invalid, "the proof is well formed, but proves nothing of these public values and this program")
	}
	return nil
}

// statement is K[0] + Σ wᵢ·K[i+1].
func (k *groth16Key) statement(inputs []fr.Element) bn254.G1Affine {
	s := sum{k.withoutDigest(inputs)}
	s.addFixed(&inputs[digestInput], k.points[digestInput])
	return s.affine()
}

func (k *groth16Key) withoutDigest(inputs []fr.Element) bn254.G1Jac {
	var others [inputsAfterV6]fr.Element
	copy(others[:], inputs)
	others[digestInput].SetZero()
	if last := k.usual.Load(); last != nil && last.inputs == others {
		return last.sum
	}
	var s sum
	s.total.FromAffine(&k.constant)
	for i := range k.points {
		s.addFixed(&others[i], k.points[i])
	}
	k.usual.Store(&usual{others, s.total})
	return s.total
}
