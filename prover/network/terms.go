package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/holiman/uint256"
	"google.golang.org/protobuf/proto"

	"claimprover/prover/network/internal/spn"
	"claimprover/prover/network/internal/spn/auction"
	"claimprover/prover/network/internal/spn/base"
	wire "claimprover/prover/network/internal/spn/common"
)

// ErrTerms says that the network asks for something that the options do not allow.
var ErrTerms = errors.New("the network's terms are not ours")

// ErrDomain says that it is another network than the one that the options are for. It comes with [ErrTerms].
var ErrDomain = errors.New("another network's domain")

// Terms are what the network asks for a proof on mainnet.
type Terms struct {
	BaseFee     *uint256.Int // in wei of PROVE
	PricePerPGU *uint256.Int // most that a request would offer
	Cost        *uint256.Int // most that a request can cost: base fee, and all gas at that price

	params    *auction.GetParamsResponse
	whitelist [][]byte
}

// Terms asks for them and refuses what is over a ceiling or for another domain; only mainnet has any.
func (c *Client) Terms(ctx context.Context) (*Terms, error) {
	t := &Terms{params: new(auction.GetParamsResponse)}
	err := c.read(ctx, spn.GetParams, &auction.GetParamsRequest{Mode: c.opts.ProofMode.wire()}, t.params)
	if err != nil {
		return nil, fmt.Errorf("asking for the terms: %w", err)
	}
	if err := c.judgeTerms(t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTerms, err)
	}
	if t.whitelist, err = c.whitelist(ctx); err != nil {
		return nil, fmt.Errorf("asking for provers: %w", err)
	}
	return t, nil
}

func (c *Client) judgeTerms(t *Terms) error {
	p, o := t.params, c.opts
	if string(p.Domain) != string(o.Domain[:]) {
		return fmt.Errorf("%w: 0x%.64x, not 0x%x", ErrDomain, p.Domain, o.Domain)
	}
	for _, party := range [][]byte{p.Auctioneer, p.Executor, p.Verifier, p.Treasury} {
		if len(party) != 20 {
			return errors.New("a party has no address")
		}
	}
	var err1, err2 error
	t.BaseFee, err1 = amount(p.BaseFee)
	proposed, err2 := amount(p.MaxPricePerPgu)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if over(t.BaseFee, o.MaxBaseFee) {
		return fmt.Errorf("its base fee is %s, over our %s", t.BaseFee.Dec(), o.MaxBaseFee.Dec())
	}
	if t.PricePerPGU, err1 = c.offer(proposed, p.TickSize); err1 != nil {
		return err1
	}
	var overflow1, overflow2 bool
	t.Cost, overflow1 = new(uint256.Int).MulOverflow(t.PricePerPGU, uint256.NewInt(o.GasLimit))
	t.Cost, overflow2 = t.Cost.AddOverflow(t.Cost, t.BaseFee)
	if overflow1 || overflow2 || over(t.Cost, o.MaxCost) {
		return fmt.Errorf("a request could cost %s, over our ceiling", t.Cost.Dec())
	}
	return nil
}

// offer is the most that is paid for a unit: a fifth over what the network proposes, but not over the ceiling, which
// the proposal itself has to keep; a multiple of the tick.
func (c *Client) offer(proposed *uint256.Int, tick uint64) (*uint256.Int, error) {
	if over(proposed, c.opts.MaxPricePerPGU) {
		return nil, fmt.Errorf("its price is %s for a unit, over our %s", proposed.Dec(), c.opts.MaxPricePerPGU.Dec())
	}
	price := new(uint256.Int).Mul(proposed, uint256.NewInt(120))
	price.Div(price, uint256.NewInt(100))
	if over(price, c.opts.MaxPricePerPGU) {
		price.Set(c.opts.MaxPricePerPGU)
	}
	if tick > 1 {
		price.Sub(price, new(uint256.Int).Mod(price, uint256.NewInt(tick)))
	}
	if price.IsZero() {
		return nil, errors.New("its price is nothing")
	}
	return price, nil
}

func over(a, ceiling *uint256.Int) bool { return ceiling != nil && a.Gt(ceiling) }

// amount reads a number of base units; more than 2^200 of them there cannot be.
func amount(text string) (*uint256.Int, error) {
	n, err := uint256.FromDecimal(text)
	if err != nil || n.BitLen() > 200 {
		return nil, fmt.Errorf("%.32q is no amount", text)
	}
	return n, nil
}

func (c *Client) whitelist(ctx context.Context) (list [][]byte, err error) {
	if c.opts.Whitelist != nil {
		for _, a := range c.opts.Whitelist {
			list = append(list, a.Bytes())
		}
		return list, nil
	}
	var out auction.GetProversByUptimeResponse
	err = c.read(ctx, spn.GetProversUptime, &auction.GetProversByUptimeRequest{}, &out)
	for _, p := range out.Provers {
		if len(p) != 20 {
			return nil, errors.New("a prover has no address")
		}
	}
	return out.Provers, err
}

// draft is a request but for its nonce.
type draft struct {
	stdinURI string
	deadline uint64
	values   [32]byte // SHA-256 of the public values
	terms    *Terms   // mainnet only
}

// body is what is signed.
func (c *Client) body(d draft, nonce uint64) ([]byte, error) {
	version, mode := "sp1-"+c.opts.Version, c.opts.ProofMode.wire()
	var message proto.Message
	if c.opts.Mode == Mainnet {
		p := d.terms.params
		message = &auction.RequestProofBody{
			Nonce: nonce, VkHash: c.vkHash[:], Version: version, Mode: mode, Strategy: wire.Strategy_AUCTION,
			StdinUri: d.stdinURI, Deadline: d.deadline, CycleLimit: c.opts.CycleLimit, GasLimit: c.opts.GasLimit,
			MinAuctionPeriod: uint64(c.opts.AuctionPeriod.Seconds()), Whitelist: d.terms.whitelist, Domain: p.Domain,
			Auctioneer: p.Auctioneer, Executor: p.Executor, Verifier: p.Verifier, Treasury: p.Treasury,
			PublicValuesHash: d.values[:], BaseFee: p.BaseFee, MaxPricePerPgu: d.terms.PricePerPGU.Dec(),
			StdinPrivate: !c.opts.PublicStdin,
		}
	} else {
		strategy := wire.Strategy_RESERVED
		if c.opts.Credits {
			strategy = wire.Strategy_HOSTED
		}
		message = &base.RequestProofBody{
			Nonce: nonce, VkHash: c.vkHash[:], Version: version, Mode: mode, Strategy: strategy, StdinUri: d.stdinURI,
			Deadline: d.deadline, CycleLimit: c.opts.CycleLimit, GasLimit: c.opts.GasLimit, StdinPrivate: !c.opts.PublicStdin,
		}
	}
	return encode(message)
}
