package verify

import (
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

const (
	wordBytes = 32
	g1Bytes   = 2 * wordBytes
	g2Bytes   = 4 * wordBytes
)

// decodeG1 reads x || y. gnark's own SetBytes is of no use here: in these 64 bytes it takes a compressed point and
// ignores half of them, and takes zeros for the point at infinity. G1 has cofactor 1, so on the curve is in the group.
func decodeG1(name string, b []byte) (p bn254.G1Affine, err error) {
	if p.X.SetBytesCanonical(b[:wordBytes]) != nil || p.Y.SetBytesCanonical(b[wordBytes:g1Bytes]) != nil {
		return p, refuse(NonCanonical, "a coordinate of %s is not smaller than the base field's modulus", name)
	}
	if p.IsInfinity() {
		return p, refuse(Infinity, "%s is the point at infinity", name)
	}
	if !p.IsOnCurve() {
		return p, refuse(NotOnCurve, "%s is not on its curve", name)
	}
	return p, nil
}

// decodeG2 reads x.A1 || x.A0 || y.A1 || y.A0, the imaginary part first. It does not look whether p is in the group of
// order r: that costs as much as all else here together, and is left to whoever can do it beside other work.
func decodeG2(name string, b []byte) (p bn254.G2Affine, err error) {
	if p.X.A1.SetBytesCanonical(b[0:32]) != nil || p.X.A0.SetBytesCanonical(b[32:64]) != nil ||
		p.Y.A1.SetBytesCanonical(b[64:96]) != nil || p.Y.A0.SetBytesCanonical(b[96:128]) != nil {
		return p, refuse(NonCanonical, "a coordinate of %s is not smaller than the base field's modulus", name)
	}
	if p.IsInfinity() {
		return p, refuse(Infinity, "%s is the point at infinity", name)
	}
	if !p.IsOnCurve() {
		return p, refuse(NotOnCurve, "%s is not on its curve", name)
	}
	return p, nil
}

func decodeScalar(name string, b []byte) (s fr.Element, err error) {
	if s.SetBytesCanonical(b) != nil {
		return s, refuse(NonCanonical, "the %s is not smaller than the scalar field's modulus", name)
	}
	return s, nil
}
