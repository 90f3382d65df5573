package cli

import (
	"github.com/holiman/uint256"

	"claimprover/internal/config"
	"claimprover/prover/network"
)

// funds are the bounds of what the paying account should have, in the smallest unit of PROVE; nil: none.
type funds struct{ floor, ceiling *uint256.Int }

func fundsOf(p *config.Prover) funds {
	return funds{floor: p.BalanceFloor.Amount(), ceiling: p.BalanceCeiling.Amount()}
}

// purse is how a balance is within its bounds.
type purse int

const (
	purseGood  purse = iota
	purseEmpty       // not enough for one proof at the worst
	purseLow         // under the floor
	purseHigh        // over the ceiling: much to lose with a key that is online
)

// judge looks at a balance; terms are what a proof costs, nil while that is not known.
func (f funds) judge(balance *uint256.Int, terms *network.Terms) purse {
	switch {
	case terms != nil && balance.Lt(terms.Cost):
		return purseEmpty
	case f.floor != nil && balance.Lt(f.floor):
		return purseLow
	case f.ceiling != nil && balance.Gt(f.ceiling):
		return purseHigh
	}
	return purseGood
}

// inProve is an amount in PROVE, for metrics.
func inProve(wei *uint256.Int) float64 { return wei.Float64() / 1e18 }
