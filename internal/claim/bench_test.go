package claim_test

import (
	"testing"

	"claimprover/internal/claim"
)

func BenchmarkParse(b *testing.B) {
	text := body(b, fields(signed(b)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := claim.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckSignature(b *testing.B) {
	good, bad := signed(b), signed(b)
	bad.Challenge[0] ^= 1
	for name, c := range map[string]claim.Claim{"signature=good": good, "signature=bad": bad} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = c.CheckSignature()
			}
		})
	}
}

func BenchmarkIdentity(b *testing.B) {
	c := signed(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = domain.Identity(c)
	}
}
