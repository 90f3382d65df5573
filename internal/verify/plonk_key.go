package verify

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	plonk "github.com/consensys/gnark/backend/plonk/bn254"
)

// plonkKey is a verifying key made ready for many checks; it is not written to after it was made. The letters are those
// of the PLONK paper, of gnark's key and of SP1's contract.
type plonkKey struct {
	doublings int          // the domain has 2^doublings elements
	sizeInv   fr.Element   // 1/2^doublings
	omega     fr.Element   // the domain's generator
	shift     fr.Element   // of the cosets
	rows      []fr.Element // ωⁱ of the public inputs' rows, then of the commitment's

	transcript []byte // the key's share of the challenge γ
	permuted   []byte // S1, S2, Qcp: its share of the folding challenge

	qk                  bn254.G1Affine
	ql, qr, qm, qo, qcp *fixedPoint
	s1, s2, s3          *fixedPoint
	one                 *fixedPoint // the trusted setup's first point, which is not (1, 2)
	setup               *fixedPairs // its points of G2
}

func newPlonkKey(raw []byte) (*plonkKey, error) {
	var vk plonk.VerifyingKey
	n, err := vk.ReadFrom(bytes.NewReader(raw))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading a PLONK key: %w", err)
	case n != int64(len(raw)):
		return nil, fmt.Errorf("reading a PLONK key: %d of %d bytes are one", n, len(raw))
	case len(vk.Qcp) != 1 || len(vk.CommitmentConstraintIndexes) != 1:
		return nil, fmt.Errorf("a PLONK key with %d commitments, where SP1's have one", len(vk.Qcp))
	case bits.OnesCount64(vk.Size) != 1:
		return nil, errors.New("a PLONK key whose domain is no power of two")
	}
	k := &plonkKey{
		doublings: bits.TrailingZeros64(vk.Size), sizeInv: vk.SizeInv, omega: vk.Generator, shift: vk.CosetShift,
		qk: vk.Qk, ql: fix(vk.Ql), qr: fix(vk.Qr), qm: fix(vk.Qm), qo: fix(vk.Qo), qcp: fix(vk.Qcp[0]),
		s1: fix(vk.S[0]), s2: fix(vk.S[1]), s3: fix(vk.S[2]), one: fix(vk.Kzg.G1),
		// Not vk.Kzg.Lines: those are all zero in the keys that SP1 ships, and with them every proof of anything passes.
		setup: precompute(vk.Kzg.G2[0], vk.Kzg.G2[1]),
	}
	k.transcript = pointBytes(vk.S[0], vk.S[1], vk.S[2], vk.Ql, vk.Qr, vk.Qm, vk.Qo, vk.Qk, vk.Qcp[0])
	k.permuted = pointBytes(vk.S[0], vk.S[1], vk.Qcp[0])
	for i := range vk.NbPublicVariables {
		k.rows = append(k.rows, k.root(i))
	}
	k.rows = append(k.rows, k.root(vk.NbPublicVariables+vk.CommitmentConstraintIndexes[0]))
	return k, nil
}

func (k *plonkKey) inputs() int    { return len(k.rows) - 1 }
func (k *plonkKey) bodyBytes() int { return plonkBodyBytes }

// root is ωⁱ.
func (k *plonkKey) root(i uint64) (w fr.Element) {
	w.Exp(k.omega, new(big.Int).SetUint64(i))
	return w
}

// pointBytes are the points as the transcript has them, x || y each.
func pointBytes(points ...bn254.G1Affine) (b []byte) {
	for i := range points {
		raw := points[i].RawBytes()
		b = append(b, raw[:]...)
	}
	return b
}
