package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/client"
)

// ClaimStatusCmd asks the service how an account's claim stands.
type ClaimStatusCmd struct {
	Account    string `arg:"" name:"ss58" help:"SS58 address of the account."`
	EVMAddress string `name:"evm-address" placeholder:"0x…" help:"Who shall be paid: shows the challenge and the bytes to sign."`
	Amount     string `name:"amount" placeholder:"UNITS" help:"What is to be claimed, where the service has no list."`
	JSON       bool   `name:"json" help:"Print one JSON object." group:"Common flags"`
	Connection
}

// Help is shown below the sentence.
func (*ClaimStatusCmd) Help() string {
	return `Says what the list and the contract say. Exit code 0: there is an answer, also when the claim is not open.

    claimprover claim-status 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
    claimprover claim-status 5Grwva… --evm-address 0x742d… --json`
}

// Run asks.
func (cmd *ClaimStatusCmd) Run(ctx context.Context, std Streams) error {
	service, err := cmd.open(nil)
	if err != nil {
		return err
	}
	defer service.Close()
	status, err := service.ClaimStatus(ctx, cmd.Account, client.ClaimQuery{EVMAddress: cmd.EVMAddress, Amount: cmd.Amount})
	if err != nil {
		return asked(ctx, err)
	}
	if cmd.JSON {
		fmt.Fprintf(std.Out, "%s\n", api.Encode(status))
		return nil
	}
	return printClaim(std.Out, status)
}

func printClaim(w io.Writer, s api.ClaimStatus) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "  %s\t%s\n", name, printable(fmt.Sprintf(format, args...)))
	}
	fmt.Fprintln(table, printable(headline(s)))
	row("account", "%s", s.SS58Address)
	if s.Amount != "" {
		row("amount", "%s", s.Amount)
	}
	if c := s.OnChain; c != nil {
		printOnChain(row, c)
	}
	if s.Contract != nil {
		row("contract", "%s on chain %d", hexText(*s.Contract), s.ChainID)
	}
	if s.Sign != nil {
		row("recipient", "%s", hexText(s.Sign.EVMAddress))
		row("challenge", "%s", hexText(s.Sign.Challenge))
		row("to sign", "%s", hexText(s.Sign.Bytes))
	}
	return table.Flush()
}

func headline(s api.ClaimStatus) string {
	switch {
	case s.Refusal != nil:
		return "✗ not open: " + s.Refusal.Message + " (" + s.Refusal.Code + ")"
	case s.Open == nil:
		return "- nothing known against it: this service asks no contract"
	default:
		return "✓ open"
	}
}

func printOnChain(row func(name, format string, args ...any), c *api.ClaimOnChain) {
	if c.Unlocked != "" {
		row("paid at once", "%s", c.Unlocked)
		row("vesting", "%s", c.Vesting)
	} else {
		row("paid at once", "%g %%, the rest vests", float64(c.UnlockedBps)/100)
	}
	if c.Claimed {
		row("claimed", "%s%s", c.ClaimedAmount, map[bool]string{true: ", final", false: ", not final yet"}[c.Final])
	}
	if c.Deadline != nil {
		row("deadline", "%s", time.Time(*c.Deadline).Format(time.RFC3339))
	}
	row("block", "%d", c.Block)
}

func hexText(h api.Hex) string {
	text, _ := h.MarshalText()
	return string(text)
}
