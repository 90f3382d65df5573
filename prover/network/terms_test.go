package network_test

import (
	"testing"
	"time"

	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

func TestTermsThatAreNotOursBuyNothing(t *testing.T) {
	for name, a := range map[string]adjust{
		"price":    func(_ *networktest.Options, c *network.Options) { c.MaxPricePerPGU = uint256.NewInt(999_999_999) },
		"base fee": func(_ *networktest.Options, c *network.Options) { c.MaxBaseFee = uint256.NewInt(1) },
		"cost": func(_ *networktest.Options, c *network.Options) {
			c.MaxCost = uint256.NewInt(1_400_000_000_000_000_000)
		},
		"domain":   func(o *networktest.Options, _ *network.Options) { o.Domain = [32]byte{1} },
		"no price": func(o *networktest.Options, _ *network.Options) { o.Price = new(uint256.Int) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, network.Mainnet, a, func(t *testing.T, w *world) {
				var j provertest.Journal
				_, _, err := w.prove(inputs[1], &j, time.Hour)
				require.ErrorIs(t, err, network.ErrTerms)
				require.True(t, fault.Is(err, fault.ProofFailed))
				require.Nil(t, j.Load())
				require.Zero(t, w.bought(1))
				_, err = w.client.Standing(t.Context())
				require.ErrorIs(t, err, network.ErrTerms)
			})
		})
	}
	t.Run("a ceiling under the usual addition lowers the offer", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, c *network.Options) {
			o.Tick, c.MaxPricePerPGU = 1000, uint256.NewInt(1_100_000_999)
		}, func(t *testing.T, w *world) {
			terms, err := w.client.Terms(t.Context())
			require.NoError(t, err)
			require.Equal(t, uint256.NewInt(1_100_000_000), terms.PricePerPGU)
			_, _, err = w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
		})
	})
}

func TestAnAccountWithoutMoneyIsSaidSo(t *testing.T) {
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) { o.Balance = uint256.NewInt(1e18) }, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, time.Hour)
		require.Contains(t, fault.Of(err).Message, "not enough credit")
		require.True(t, fault.Of(err).Retryable)
		require.Nil(t, j.Load())
		s, err := w.client.Standing(t.Context())
		require.NoError(t, err)
		n, known := s.Proofs()
		require.True(t, known)
		require.Zero(t, n)
	})
}

func TestStanding(t *testing.T) {
	in(t, network.Mainnet, nil, func(t *testing.T, w *world) {
		s, err := w.client.Standing(t.Context())
		require.NoError(t, err)
		require.True(t, s.Registered)
		require.Equal(t, w.client.Address(), s.Address)
		require.Equal(t, uint256.MustFromDecimal("1530000000000000000"), s.Terms.Cost)
		n, known := s.Proofs()
		require.True(t, known)
		require.EqualValues(t, 653, n)
	})
}

func TestReservedCapacityIsPaidForByContractOrWithCredits(t *testing.T) {
	for _, credits := range []bool{false, true} {
		for _, has := range []bool{false, true} {
			in(t, network.Reserved, func(o *networktest.Options, c *network.Options) { o.Credits, c.Credits = has, credits }, func(t *testing.T, w *world) {
				_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
				require.Equal(t, credits == has, err == nil, "%v", err)
			})
		}
	}
}
