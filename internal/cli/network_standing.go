package cli

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/holiman/uint256"

	"claimprover/internal/config"
	"claimprover/prover/network"
)

// standing is how the paying account and its network stand to each other: what is there, and what is wrong.
type standing struct {
	found  []found
	faults []config.Finding // keep claims from being proved, or soon will
	doubts []config.Finding
	away   error // why the network could not be asked; nil: it could

	balance *uint256.Int // nil: not known yet
	report  networkReport
}

// networkReport is what network status --json prints.
type networkReport struct {
	Well       bool             `json:"well"`
	Endpoint   string           `json:"endpoint"`
	Mode       network.Mode     `json:"mode"`
	Account    string           `json:"account"`
	Balance    string           `json:"balance,omitempty"` // in the smallest unit of PROVE, or in credits
	Proofs     *uint64          `json:"proofs,omitempty"`  // that it is enough for at the worst
	Program    string           `json:"program"`           // as the network names it
	Registered *bool            `json:"registered,omitempty"`
	Domain     string           `json:"domain,omitempty"` // what is signed for, which the network confirmed; mainnet only
	Terms      *termsReport     `json:"terms,omitempty"`
	Open       *int             `json:"openRequests,omitempty"`
	Faults     []config.Finding `json:"faults"`
	Doubts     []config.Finding `json:"doubts"`
}

// termsReport is what a proof costs on mainnet, in the smallest unit of PROVE.
type termsReport struct {
	BaseFee     string `json:"baseFee"`
	PricePerPGU string `json:"maxPricePerPgu"`
	Cost        string `json:"maxCost"`
}

func (s *standing) add(name, format string, args ...any) {
	s.found = append(s.found, found{name, fmt.Sprintf(format, args...)})
}

func (s *standing) fault(setting, format string, args ...any) {
	s.faults = append(s.faults, config.Finding{Setting: setting, Text: fmt.Sprintf(format, args...)})
}

// askNetwork asks a client's network for everything that a purchase depends on, one after the other, until it cannot be
// asked.
func askNetwork(ctx context.Context, c *network.Client, p *config.Prover) *standing {
	ctx, cancel := patience(ctx)
	defer cancel()
	s := &standing{report: networkReport{
		Endpoint: c.Endpoint(), Mode: network.Mode(p.NetworkMode), Account: c.Address().Hex(), Program: fmt.Sprintf("0x%x", c.VKHash()),
	}}
	for _, ask := range []func(context.Context, *network.Client, *config.Prover) error{s.askAccount, s.askProgram, s.askTerms} {
		if err := ask(ctx, c, p); err != nil {
			s.away = err
			s.fault("NETWORK_RPC_URL", "The prover network cannot be asked: %v. Nothing can be bought meanwhile. Wait, if it was there before; else look at the endpoint, and whether NETWORK_MODE is the one that it speaks.", err)
			break
		}
	}
	return s
}

// askAccount asks for the balance, which is the first question and so shows whether anybody answers.
func (s *standing) askAccount(ctx context.Context, c *network.Client, p *config.Prover) error {
	balance, err := c.Balance(ctx)
	if err != nil {
		return err
	}
	s.balance = balance
	s.add("prover network", "%s answers, mode %s", s.report.Endpoint, s.report.Mode)
	switch s.report.Mode {
	case network.Mainnet: // told with what a proof costs
		s.report.Balance = balance.Dec()
	case network.Reserved:
		s.report.Balance = balance.Dec()
		s.add("paying account", "%s, balance %s; what a proof costs is between you and Succinct", s.report.Account, balance.Dec())
	default:
		s.add("signing account", "%s; a cluster keeps no balance", s.report.Account)
	}
	return nil
}

func (s *standing) askProgram(ctx context.Context, c *network.Client, p *config.Prover) error {
	known, err := c.Registered(ctx)
	if err != nil {
		return err
	}
	s.report.Registered = &known
	switch {
	case known:
		s.add("program at the network", "registered as %s", s.report.Program)
	case p.ProgramELFFile != "":
		s.add("program at the network", "not registered as %s; the first claim registers it, and so does claimprover network register", s.report.Program)
	default:
		s.fault("SP1_PROGRAM_VKEY", "The network does not know the program as %s. If the key is right, set SP1_PROGRAM_VK_FILE and SP1_PROGRAM_ELF_FILE, and run claimprover network register.", s.report.Program)
	}
	return nil
}

// askTerms asks for the domain and the price, and what the balance is enough for.
func (s *standing) askTerms(ctx context.Context, c *network.Client, p *config.Prover) error {
	if s.report.Mode != network.Mainnet {
		return nil
	}
	terms, err := c.Terms(ctx)
	switch {
	case errors.Is(err, network.ErrDomain):
		s.fault("NETWORK_RPC_URL", "The endpoint is that of another network than mainnet: %v. Nothing is signed for it. Set the right endpoint, or leave it out.", err)
	case errors.Is(err, network.ErrTerms):
		s.domain(c)
		s.fault("NETWORK_MAX_COST", "%v. Nothing is bought until the network asks for less. Raise NETWORK_MAX_COST, NETWORK_MAX_BASE_FEE or NETWORK_MAX_PRICE_PER_PGU, or lower NETWORK_GAS_LIMIT, if that is what a proof may cost.", err)
	case err != nil:
		return err
	default:
		s.domain(c)
		s.report.Terms = &termsReport{terms.BaseFee.Dec(), terms.PricePerPGU.Dec(), terms.Cost.Dec()}
		s.add("price of a proof", "at most %s PROVE, of which %s are the base fee", config.ProveOf(terms.Cost), config.ProveOf(terms.BaseFee))
	}
	s.money(terms, fundsOf(p))
	return nil
}

func (s *standing) domain(c *network.Client) {
	s.report.Domain = fmt.Sprintf("0x%x", c.Domain())
	s.add("domain", "as expected, %s", s.report.Domain)
}

// money says what is there; terms may be nil.
func (s *standing) money(terms *network.Terms, f funds) {
	has := config.ProveOf(s.balance).String() + " PROVE"
	if n, known := (network.Standing{Balance: s.balance, Terms: terms}).Proofs(); known {
		s.report.Proofs = &n
		if n < math.MaxUint64 {
			has += fmt.Sprintf(", enough for %d proofs at the worst", n)
		}
	}
	s.add("paying account", "%s has %s", s.report.Account, has)
	switch f.judge(s.balance, terms) {
	case purseEmpty:
		s.fault("", "The balance is not enough for a proof that costs %s PROVE: no claim is proved. Deposit PROVE for %s.", config.ProveOf(terms.Cost), s.report.Account)
	case purseLow:
		s.fault("NETWORK_BALANCE_FLOOR", "The balance is under %s PROVE. Deposit some for %s, or lower the floor.", config.ProveOf(f.floor), s.report.Account)
	case purseHigh:
		s.doubts = append(s.doubts, config.Finding{Setting: "NETWORK_BALANCE_CEILING", Text: fmt.Sprintf(
			"The balance is over %s PROVE, all of it to lose with a key that is online. Withdraw some, or raise the ceiling.", config.ProveOf(f.ceiling))})
	}
}
