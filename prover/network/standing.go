package network

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"claimprover/prover/network/internal/spn"
	wire "claimprover/prover/network/internal/spn/common"
)

// Standing is how the client and its network stand to each other.
type Standing struct {
	Endpoint   string
	Mode       Mode
	Address    common.Address
	VKHash     [32]byte
	Registered bool         // the network knows the program; if not, the first claim registers it, where the options allow
	Balance    *uint256.Int // wei of PROVE, or credits; what a cluster says means nothing
	Terms      *Terms       // mainnet only
}

// Proofs is for how many proofs the balance is enough at the worst; false: nobody can say.
func (s Standing) Proofs() (n uint64, known bool) {
	if s.Terms == nil || s.Terms.Cost.IsZero() {
		return 0, false
	}
	q := new(uint256.Int).Div(s.Balance, s.Terms.Cost)
	if !q.IsUint64() {
		return 1<<64 - 1, true
	}
	return q.Uint64(), true
}

// Standing asks everything that a request would depend on. Its error says what is wrong, and is nil when a claim could be
// proved but for money.
func (c *Client) Standing(ctx context.Context) (s Standing, err error) {
	s = Standing{Endpoint: c.endpoint.String(), Mode: c.opts.Mode, Address: c.address, VKHash: c.vkHash}
	if s.Balance, err = c.Balance(ctx); err != nil {
		return s, err
	}
	if s.Registered, err = c.Registered(ctx); err != nil {
		return s, err
	}
	if c.opts.Mode == Mainnet {
		if s.Terms, err = c.Terms(ctx); err != nil {
			return s, err
		}
	}
	if !s.Registered && len(c.opts.ELF) == 0 {
		return s, ErrNotRegistered
	}
	return s, nil
}

// Balance is what the account has at the network.
func (c *Client) Balance(ctx context.Context) (*uint256.Int, error) {
	var out wire.GetBalanceResponse
	if err := c.read(ctx, spn.GetBalance, &wire.GetBalanceRequest{Address: c.address[:]}, &out); err != nil {
		return nil, fmt.Errorf("asking for the balance: %w", err)
	}
	balance, err := uint256.FromDecimal(out.Amount)
	if err != nil {
		return nil, fmt.Errorf("the balance: %.32q is no amount", out.Amount)
	}
	return balance, nil
}
