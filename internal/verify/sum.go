package verify

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// sum adds up multiples of points of G1; the zero value is the point at infinity. For the dozen points of a proof this
// is faster than gnark-crypto's MultiExp, which is made for thousands.
type sum struct{ total bn254.G1Jac }

// add adds by times p, at about twice the cost of a [fixedPoint].
func (s *sum) add(by *fr.Element, p *bn254.G1Affine) {
	var term bn254.G1Jac
	var n big.Int
	term.FromAffine(p)
	term.ScalarMultiplication(&term, by.BigInt(&n))
	s.total.AddAssign(&term)
}

// addFixed adds by times a point of the key.
func (s *sum) addFixed(by *fr.Element, p *fixedPoint) {
	words := by.Bits()
	for i := range p {
		if digit := words[i/16] >> (4 * (i % 16)) & 15; digit != 0 {
			s.total.AddMixed(&p[i][digit-1])
		}
	}
}

func (s *sum) affine() (p bn254.G1Affine) {
	p.FromJacobian(&s.total)
	return p
}

// fixedPoint is a point of a key with its multiples d·16^i at [i][d-1], 60 KiB, so that multiplying it takes at most 64
// additions and no doubling.
type fixedPoint [64][15]bn254.G1Affine

func fix(p bn254.G1Affine) *fixedPoint {
	multiples := make([]bn254.G1Jac, 0, 64*15)
	var base bn254.G1Jac
	base.FromAffine(&p)
	for range 64 {
		multiple := base
		for range 15 {
			multiples = append(multiples, multiple)
			multiple.AddAssign(&base)
		}
		base = multiple
	}
	table := new(fixedPoint)
	for i, q := range bn254.BatchJacobianToAffineG1(multiples) {
		table[i/15][i%15] = q
	}
	return table
}

// fixedPairs holds the pairing lines of two points of G2.
type fixedPairs [2][2][len(bn254.LoopCounter)]bn254.LineEvaluationAff

func precompute(q0, q1 bn254.G2Affine) *fixedPairs {
	return &fixedPairs{bn254.PrecomputeLines(q0), bn254.PrecomputeLines(q1)}
}

// millerLoop is that of p0 and p1 with the two points, which must not be part of a key's own lines: gnark-crypto
// overwrites the lines it is given, so each call gets a copy.
func (f *fixedPairs) millerLoop(p0, p1 bn254.G1Affine) (bn254.GT, error) {
	lines := *f
	return bn254.MillerLoopFixedQ([]bn254.G1Affine{p0, p1}, lines[:])
}
