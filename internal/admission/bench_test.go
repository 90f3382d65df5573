package admission_test

import (
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/admission"
	"claimprover/internal/claim"
	"claimprover/internal/jobs"
	"claimprover/internal/rate"
)

// BenchmarkAdmit is a submission from the parsed claim to its answer. The signature check, by far the most of it, is
// measured apart: claim's BenchmarkCheckSignature.
func BenchmarkAdmit(b *testing.B) {
	open := func(b *testing.B, signed bool) gateAt {
		return gate(b, 1<<30, func(o *admission.Options) {
			o.UnsignedAdmitted = !signed
			o.PerPublicKey = rate.Policy{Name: "pubkey", Limit: 1 << 40, Window: time.Hour}
			o.PerEVMAddress = rate.Policy{Name: "address", Limit: 1 << 40, Window: time.Hour}
		})
	}
	admit := func(b *testing.B, g gateAt, c claim.Claim, want jobs.Disposition) {
		a, err := g.Admit(b.Context(), "key:a", c)
		if err != nil || a.Disposition != want {
			b.Fatal(a.Disposition, err)
		}
	}
	for _, signed := range []bool{false, true} {
		name := map[bool]string{false: "signature=unchecked", true: "signature=checked"}[signed]
		c := signedClaim(b)
		b.Run("answer=joined/"+name, func(b *testing.B) {
			g := open(b, signed)
			admit(b, g, c, jobs.Queued)
			b.ReportAllocs()
			for b.Loop() {
				admit(b, g, c, jobs.Joined)
			}
		})
		b.Run("answer=cached/"+name, func(b *testing.B) {
			g := open(b, signed)
			admit(b, g, c, jobs.Queued)
			g.finish(b)
			b.ReportAllocs()
			for b.Loop() {
				admit(b, g, c, jobs.CachedAnswer)
			}
		})
	}
	b.Run("answer=new/signature=unchecked", func(b *testing.B) {
		g := open(b, false)
		c := signedClaim(b)
		b.ReportAllocs()
		for n := uint64(0); b.Loop(); n++ {
			c.EVMAddress = common.BigToAddress(common.Big1)
			for i := range 8 {
				c.EVMAddress[i] = byte(n >> (8 * i))
			}
			c.Challenge = domain.Challenge(c.EVMAddress, c.Amount)
			admit(b, g, c, jobs.Queued)
		}
	})
}

func signedClaim(b *testing.B) claim.Claim {
	b.Helper()
	c := signed(b, 1, 7)
	require.NoError(b, c.CheckSignature())
	return c
}
