package verify

import (
	"crypto/rand"
	"fmt"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// check is gnark's plonk.Verify on SP1's bytes: those leave out the linearised polynomial's value at ζ, which is
// computed here instead of compared.
func (k *plonkKey) check(body []byte, inputs []fr.Element) error {
	p, err := decodePlonk(body)
	if err != nil {
		return err
	}
	c := p.challenges(k, inputs)
	d, err := k.domainAt(c.zeta)
	if err != nil {
		return err
	}

	// The two openings, at ζ and at ωζ, become one by a random factor that the prover could not know.
	var random [16]byte
	rand.Read(random[:])
	var lambda fr.Element
	lambda.SetBytes(random[:])

	var quotients, shifted sum
	var wg sync.WaitGroup
	wg.Go(func() { quotients, shifted = k.openings(p, c.zeta, lambda) })
	lin, linAt, err := k.linearised(p, c, d, inputs)
	wg.Wait()
	if err != nil {
		return err
	}
	total := k.folded(p, c.zeta, lambda, lin, linAt)
	total.total.AddAssign(&shifted.total)
	quotients.total.Neg(&quotients.total)

	loop, err := k.setup.millerLoop(total.affine(), quotients.affine())
	if err != nil {
		return fmt.Errorf("pairing: %w", err)
	}
	one := new(bn254.GT).SetOne()
	if product := bn254.FinalExponentiation(&loop); !product.Equal(one) {
		return refuse(Invalid, "the proof is well formed, but proves nothing of these public values and this program")
	}
	return nil
}

// domain is what the domain's polynomials are at ζ.
type domain struct {
	power    fr.Element   // ζⁿ
	vanish   fr.Element   // ζⁿ - 1
	lagrange []fr.Element // Lᵢ(ζ) of the public inputs' rows, then of the commitment's
}

func (k *plonkKey) domainAt(zeta fr.Element) (d domain, err error) {
	d.power = zeta
	for range k.doublings {
		d.power.Square(&d.power)
	}
	one := fr.One()
	d.vanish.Sub(&d.power, &one)
	if d.vanish.IsZero() {
		return d, refuse(Invalid, "ζ is in the domain, which happens to no honest proof")
	}
	distances := make([]fr.Element, len(k.rows))
	for i := range k.rows {
		distances[i].Sub(&zeta, &k.rows[i])
	}
	d.lagrange = fr.BatchInvert(distances)
	var scale fr.Element
	scale.Mul(&d.vanish, &k.sizeInv)
	for i := range d.lagrange {
		d.lagrange[i].Mul(&d.lagrange[i], &k.rows[i]).Mul(&d.lagrange[i], &scale)
	}
	return d, nil
}

// linearised gives the linearised polynomial's digest, and the value that it must have at ζ.
func (k *plonkKey) linearised(p *plonkProof, c challenges, d domain, inputs []fr.Element) (bn254.G1Affine, fr.Element, error) {
	// perm = α·(l + β·s1 + γ)·(r + β·s2 + γ)·z(ωζ); first = α²·L₀(ζ)
	var perm, first, linAt, t fr.Element
	perm.Mul(&c.beta, &p.s1At).Add(&perm, &p.lAt).Add(&perm, &c.gamma)
	t.Mul(&c.beta, &p.s2At).Add(&t, &p.rAt).Add(&t, &c.gamma)
	perm.Mul(&perm, &t).Mul(&perm, &c.alpha).Mul(&perm, &p.zAt)
	first.Square(&c.alpha).Mul(&first, &d.lagrange[0])

	public, err := publicAt(p, d, inputs)
	if err != nil {
		return bn254.G1Affine{}, linAt, err
	}
	// -(perm·(o + γ) - first + PI)
	t.Add(&p.oAt, &c.gamma)
	linAt.Mul(&perm, &t).Sub(&linAt, &first).Add(&linAt, &public).Neg(&linAt)

	var s sum
	s.total.FromAffine(&k.qk)
	t.Mul(&p.lAt, &p.rAt)
	s.addFixed(&p.lAt, k.ql)
	s.addFixed(&p.rAt, k.qr)
	s.addFixed(&t, k.qm)
	s.addFixed(&p.oAt, k.qo)
	s.add(&p.qcpAt, &p.commitment)
	s.addFixed(t.Mul(&perm, &c.beta), k.s3)
	t = k.permutationFactor(p, c)
	s.add(t.Sub(&first, &t), &p.z)
	addQuotient(&s, p, c.zeta, d)
	return s.affine(), linAt, nil
}

// permutationFactor is α·(l + β·ζ + γ)·(r + β·u·ζ + γ)·(o + β·u²·ζ + γ).
func (k *plonkKey) permutationFactor(p *plonkProof, c challenges) (product fr.Element) {
	var shifted, t fr.Element
	product = c.alpha
	shifted.Mul(&c.beta, &c.zeta)
	for _, wire := range [...]*fr.Element{&p.lAt, &p.rAt, &p.oAt} {
		t.Add(wire, &shifted).Add(&t, &c.gamma)
		product.Mul(&product, &t)
		shifted.Mul(&shifted, &k.shift)
	}
	return product
}

// addQuotient adds -(ζⁿ - 1)·(H0 + ζⁿ⁺²·H1 + ζ²⁽ⁿ⁺²⁾·H2).
func addQuotient(s *sum, p *plonkProof, zeta fr.Element, d domain) {
	var step, factor fr.Element
	step.Square(&zeta).Mul(&step, &d.power)
	factor.Neg(&d.vanish)
	for i := range p.h {
		s.add(&factor, &p.h[i])
		factor.Mul(&factor, &step)
	}
}

// publicAt is the public inputs' polynomial at ζ, together with the term of the commitment.
func publicAt(p *plonkProof, d domain, inputs []fr.Element) (at fr.Element, err error) {
	hashed, err := fr.Hash(p.body[800:864], []byte("BSB22-Plonk"), 1)
	if err != nil {
		return at, fmt.Errorf("hashing the commitment: %w", err)
	}
	var t fr.Element
	for i := range inputs {
		at.Add(&at, t.Mul(&inputs[i], &d.lagrange[i]))
	}
	at.Add(&at, t.Mul(&hashed[0], &d.lagrange[len(inputs)]))
	return at, nil
}

// openings are W + λ·W' and λ·Z + ζ·W + λ·ωζ·W', with W and W' the openings at ζ and at ωζ.
func (k *plonkKey) openings(p *plonkProof, zeta, lambda fr.Element) (quotients, shifted sum) {
	quotients.total.FromAffine(&p.opening)
	quotients.add(&lambda, &p.shiftedOpening)
	shifted.add(&lambda, &p.z)
	shifted.add(&zeta, &p.opening)
	var t fr.Element
	t.Mul(&lambda, &zeta).Mul(&t, &k.omega)
	shifted.add(&t, &p.shiftedOpening)
	return quotients, shifted
}

// folded is Σ vⁱ·(digest − value·G1) over all that is opened at ζ, minus λ·z(ωζ)·G1.
func (k *plonkKey) folded(p *plonkProof, zeta, lambda fr.Element, lin bn254.G1Affine, linAt fr.Element) (s sum) {
	v := p.folding(k, zeta, lin, linAt)
	s.total.FromAffine(&lin)
	value, power := linAt, fr.One()
	var t fr.Element
	next := func(at *fr.Element) *fr.Element {
		power.Mul(&power, &v)
		value.Add(&value, t.Mul(&power, at))
		return &power
	}
	s.add(next(&p.lAt), &p.l)
	s.add(next(&p.rAt), &p.r)
	s.add(next(&p.oAt), &p.o)
	s.addFixed(next(&p.s1At), k.s1)
	s.addFixed(next(&p.s2At), k.s2)
	s.addFixed(next(&p.qcpAt), k.qcp)
	value.Add(&value, t.Mul(&lambda, &p.zAt)).Neg(&value)
	s.addFixed(&value, k.one)
	return s
}
