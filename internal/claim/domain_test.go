package claim_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

func TestCheckChallenge(t *testing.T) {
	t.Parallel()

	t.Run("passes the challenge of the submitted recipient and amount", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, domain.CheckChallenge(signed(t)))
	})

	t.Run("says what to sign when recipient, amount or network is another", func(t *testing.T) {
		t.Parallel()
		other := map[string]func(*claim.Claim, *claim.Domain){
			"recipient": func(c *claim.Claim, _ *claim.Domain) { c.EVMAddress[0] ^= 1 },
			"amount":    func(c *claim.Claim, _ *claim.Domain) { c.Amount.SetUint64(1) },
			"chain":     func(_ *claim.Claim, d *claim.Domain) { d.ChainID = 1 },
			"contract":  func(_ *claim.Claim, d *claim.Domain) { d.Contract[0] ^= 1 },
		}
		for name, change := range other {
			c, d := signed(t), domain
			change(&c, &d)
			err := d.CheckChallenge(c)
			require.Equal(t, fault.ChallengeMismatch, fault.Of(err).Code, name)
			requireAdvice(t, err)
			for _, word := range []string{"recipient", "amount", "network", c.Amount.Dec()} {
				require.Contains(t, fault.Of(err).Message, word)
			}
		}
	})

	t.Run("asks nothing where contract or chain is not known", func(t *testing.T) {
		t.Parallel()
		c := signed(t)
		c.Challenge = [32]byte{1}
		for _, d := range []claim.Domain{{}, {Contract: domain.Contract}, {ChainID: domain.ChainID}} {
			require.False(t, d.Known())
			require.NoError(t, d.CheckChallenge(c))
		}
		require.True(t, domain.Known())
	})
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	base := signed(t)

	t.Run("is the same under another spelling or signature", func(t *testing.T) {
		t.Parallel()
		again := signed(t)
		require.NotEqual(t, base.Signature, again.Signature)
		again.SS58 = claim.FormatAddress(5845, again.PublicKey)
		require.Equal(t, domain.Identity(base), domain.Identity(again))
	})

	t.Run("is another one for whatever makes another proof", func(t *testing.T) {
		t.Parallel()
		seen := map[claim.Identity]string{domain.Identity(base): "base"}
		for name, change := range map[string]func(*claim.Claim, *claim.Domain){
			"contract":            func(_ *claim.Claim, d *claim.Domain) { d.Contract = common.Address{1} },
			"chain":               func(_ *claim.Claim, d *claim.Domain) { d.ChainID++ },
			"prover mode":         func(_ *claim.Claim, d *claim.Domain) { d.ProverMode = "network" },
			"longer prover mode":  func(_ *claim.Claim, d *claim.Domain) { d.ProverMode = "mock\x00" },
			"program":             func(_ *claim.Claim, d *claim.Domain) { d.Program[31] = 1 },
			"bound signature":     func(_ *claim.Claim, d *claim.Domain) { d.BindSignature = true },
			"public key":          func(c *claim.Claim, _ *claim.Domain) { c.PublicKey[0] ^= 1 },
			"recipient":           func(c *claim.Claim, _ *claim.Domain) { c.EVMAddress[0] ^= 1 },
			"amount":              func(c *claim.Claim, _ *claim.Domain) { c.Amount = *uint256.NewInt(1) },
			"challenge":           func(c *claim.Claim, _ *claim.Domain) { c.Challenge[0] ^= 1 },
			"all of nothing":      func(c *claim.Claim, d *claim.Domain) { *c, *d = claim.Claim{}, claim.Domain{} },
			"nothing but a chain": func(c *claim.Claim, d *claim.Domain) { *c, *d = claim.Claim{}, claim.Domain{ChainID: 1} },
		} {
			c, d := base, domain
			change(&c, &d)
			id := d.Identity(c)
			require.Empty(t, seen[id], name)
			seen[id] = name
		}
	})

	t.Run("has the signature in it where signatures are not verified", func(t *testing.T) {
		t.Parallel()
		d := domain
		d.BindSignature = true
		require.NotEqual(t, d.Identity(base), d.Identity(signed(t)))
		require.Equal(t, d.Identity(base), d.Identity(base))
	})
}
