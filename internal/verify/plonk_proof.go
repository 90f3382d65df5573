package verify

import (
	"crypto/sha256"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// plonkBodyBytes is a PLONK proof with one commitment, without what SP1 puts before it.
const plonkBodyBytes = 10*g1Bytes + 7*wordBytes

// plonkProof is a decoded body. Its points are on the curve and none of them is infinity.
type plonkProof struct {
	body []byte

	l, r, o        bn254.G1Affine    // the wires
	h              [3]bn254.G1Affine // the quotient's parts
	z              bn254.G1Affine    // the permutation
	opening        bn254.G1Affine    // of everything at ζ
	shiftedOpening bn254.G1Affine    // of z at ωζ
	commitment     bn254.G1Affine    // BSB22

	lAt, rAt, oAt, s1At, s2At, qcpAt fr.Element // at ζ
	zAt                              fr.Element // at ωζ
}

// decodePlonk reads the order of the contract, which is not that of gnark's WriteRawTo.
func decodePlonk(body []byte) (*plonkProof, error) {
	p := &plonkProof{body: body}
	for _, f := range [...]struct {
		name string
		at   int
		to   *bn254.G1Affine
	}{
		{"L", 0, &p.l}, {"R", 64, &p.r}, {"O", 128, &p.o},
		{"H0", 192, &p.h[0]}, {"H1", 256, &p.h[1]}, {"H2", 320, &p.h[2]},
		{"Z", 544, &p.z}, {"the opening at ζ", 640, &p.opening}, {"the opening at ωζ", 704, &p.shiftedOpening},
		{"the commitment", 800, &p.commitment},
	} {
		var err error
		if *f.to, err = decodeG1(f.name, body[f.at:f.at+g1Bytes]); err != nil {
			return nil, err
		}
	}
	for _, f := range [...]struct {
		name string
		at   int
		to   *fr.Element
	}{
		{"l(ζ)", 384, &p.lAt}, {"r(ζ)", 416, &p.rAt}, {"o(ζ)", 448, &p.oAt},
		{"s1(ζ)", 480, &p.s1At}, {"s2(ζ)", 512, &p.s2At}, {"z(ωζ)", 608, &p.zAt}, {"qcp(ζ)", 768, &p.qcpAt},
	} {
		var err error
		if *f.to, err = decodeScalar(f.name, body[f.at:f.at+wordBytes]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// challenges are drawn from the proof itself (Fiat-Shamir).
type challenges struct{ gamma, beta, alpha, zeta fr.Element }

// challenges follow each other: each hash goes unreduced into the next.
func (p *plonkProof) challenges(k *plonkKey, inputs []fr.Element) (c challenges) {
	wires, quotient, z, commitment := p.body[0:192], p.body[192:384], p.body[544:608], p.body[800:864]
	public := make([]byte, 0, len(inputs)*wordBytes)
	for i := range inputs {
		word := inputs[i].Bytes()
		public = append(public, word[:]...)
	}
	var last [sha256.Size]byte
	last, c.gamma = challenge("gamma", k.transcript, public, wires)
	last, c.beta = challenge("beta", last[:])
	last, c.alpha = challenge("alpha", last[:], commitment, z)
	_, c.zeta = challenge("zeta", last[:], quotient)
	return c
}

// folding is the challenge that makes one opening of many. lin is the linearised polynomial's digest, linAt its value.
func (p *plonkProof) folding(k *plonkKey, zeta fr.Element, lin bn254.G1Affine, linAt fr.Element) fr.Element {
	digest, at, value := lin.RawBytes(), zeta.Bytes(), linAt.Bytes()
	values, zAt, qcpAt := p.body[384:544], p.body[608:640], p.body[768:800]
	_, v := challenge("gamma", at[:], digest[:], p.body[0:192], k.permuted, value[:], values, qcpAt, zAt)
	return v
}

// challenge is SHA-256(name || parts), whole and as a scalar.
func challenge(name string, parts ...[]byte) (digest [sha256.Size]byte, reduced fr.Element) {
	h := sha256.New()
	h.Write([]byte(name))
	for _, part := range parts {
		h.Write(part)
	}
	h.Sum(digest[:0])
	reduced.SetBytes(digest[:])
	return digest, reduced
}
