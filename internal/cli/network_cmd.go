package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/config"
	"claimprover/prover/network"
)

// NetworkCmd asks the prover network, with the settings of the service. SP1_PROVER need not be set for it.
type NetworkCmd struct {
	config.Prover `group:"prover"`
	JSON          bool `name:"json" help:"Print one JSON object." group:"Common flags"`

	Status   NetworkStatusCmd   `cmd:"" help:"Say whether a claim could be proved now, and how often."`
	Request  NetworkRequestCmd  `cmd:"" help:"Show what became of a request."`
	List     NetworkListCmd     `cmd:"" help:"List the account's newest requests for the program."`
	Register NetworkRegisterCmd `cmd:"" help:"Make the network know the program."`
	Cancel   NetworkCancelCmd   `cmd:"" help:"Withdraw a request that no prover has taken yet; mainnet only."`
}

// Help is shown below the sentence.
func (*NetworkCmd) Help() string {
	return `Reads the settings of the service: NETWORK_PRIVATE_KEY or NETWORK_PRIVATE_KEY_FILE, NETWORK_MODE, NETWORK_RPC_URL and
SP1_PROGRAM_VKEY at least.

    claimprover network status
    claimprover network request 0x9c…`
}

// open makes a client, once the settings of the network are judged.
func (cmd *NetworkCmd) open(settings *config.Reader) (*network.Client, *config.Verdict, error) {
	verdict := settings.JudgeNetwork(&cmd.Prover)
	if err := verdict.Err(); err != nil {
		return nil, nil, err
	}
	c, err := networkAsker(&cmd.Prover)
	if err != nil {
		return nil, nil, usage(err)
	}
	return c, verdict, nil
}

// answerTime is for how long somebody waits for the network to answer some questions.
const answerTime = 45 * time.Second

var errNoAnswer = fmt.Errorf("no answer within %v", answerTime)

func patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, answerTime, errNoAnswer)
}

// sorted gives what came of asking the network its exit code.
func sorted(ctx context.Context, err error) error {
	trouble := network.Trouble(err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return interrupted("Interrupted.")
	case errors.Is(err, network.ErrNotRegistered):
		return usage(errors.New("the network does not know the program: set SP1_PROGRAM_VK_FILE and SP1_PROGRAM_ELF_FILE, with which it is registered"))
	case errors.Is(err, errNoAnswer):
		trouble = "unavailable"
	}
	switch trouble {
	case "unavailable", "deadline_exceeded", "internal", "aborted", "canceled", "resource_exhausted", "transfer", "nonce":
		return &ended{exitLater, "unreachable", fmt.Sprintf("The prover network did not do it: %v. Check NETWORK_RPC_URL, or try again later.", err), err}
	case "unauthenticated", "permission_denied":
		return &ended{exitCredentials, trouble, fmt.Sprintf("The prover network does not take this account: %v.", err), err}
	case "unknown":
		return err
	}
	return &ended{exitRefused, trouble, fmt.Sprintf("The prover network refused: %v. Is NETWORK_MODE the one that the endpoint speaks?", err), err}
}

// NetworkStatusCmd says how the account and the network stand to each other.
type NetworkStatusCmd struct{}

// Help is shown below the sentence.
func (*NetworkStatusCmd) Help() string {
	return `✓ is as it should be, ✗ keeps claims from being proved or soon will, ! is doubtful. Exit code 0: all is well, 1: not, 5: the
network does not answer.

    claimprover network status
    NETWORK_MODE=cluster NETWORK_RPC_URL=http://gateway:50061 claimprover network status --json`
}

// Run asks.
func (*NetworkStatusCmd) Run(ctx context.Context, of *NetworkCmd, settings *config.Reader, std Streams) error {
	c, verdict, err := of.open(settings)
	if err != nil {
		return err
	}
	defer c.Close()
	s := askNetwork(ctx, c, &of.Prover)
	s.doubts = append(s.doubts, verdict.Warnings...)
	if s.away == nil {
		s.askOpen(ctx, c)
	}
	if ctx.Err() != nil {
		return interrupted("Interrupted.")
	}
	well := len(s.faults) == 0
	if of.JSON {
		s.report.Well = well
		s.report.Faults, s.report.Doubts = append([]config.Finding{}, s.faults...), append([]config.Finding{}, s.doubts...)
		fmt.Fprintf(std.Out, "%s\n", api.Encode(s.report))
	} else {
		diagnosis{Found: s.found, Doubts: s.doubts, Troubles: s.faults}.print(std.Out)
	}
	switch {
	case s.away != nil:
		return sorted(ctx, s.away)
	case !well:
		return &ended{exit: exitFailed, code: "not_well", message: "Not all is well."}
	}
	return nil
}

// askOpen asks how many requests are under way.
func (s *standing) askOpen(ctx context.Context, c *network.Client) {
	ctx, cancel := patience(ctx)
	defer cancel()
	open, err := c.Open(ctx)
	if err != nil {
		s.away = err
		s.fault("NETWORK_RPC_URL", "The requests that are under way cannot be listed: %v. Wait, if they could be before.", err)
		return
	}
	n := len(open)
	s.report.Open = &n
	s.add("requests under way", "%d", n)
}

// NetworkRegisterCmd registers the program.
type NetworkRegisterCmd struct{}

// Help is shown below the sentence.
func (*NetworkRegisterCmd) Help() string {
	return `Uploads SP1_PROGRAM_ELF_FILE and signs for it with SP1_PROGRAM_VK_FILE, unless the network knows the program already. The
service does the same by itself before its first request.

    SP1_PROGRAM_VK_FILE=vk.bin SP1_PROGRAM_ELF_FILE=program.elf claimprover network register`
}

// registerReport is what network register --json prints.
type registerReport struct {
	Program string `json:"program"`
	Changed bool   `json:"changed"` // it was not known before
}

// Run registers it.
func (*NetworkRegisterCmd) Run(ctx context.Context, of *NetworkCmd, settings *config.Reader, std Streams) error {
	c, _, err := of.open(settings)
	if err != nil {
		return err
	}
	defer c.Close()
	known, err := c.Registered(ctx)
	if err == nil && !known {
		err = c.Register(ctx)
	}
	if err != nil {
		return sorted(ctx, err)
	}
	report, says := registerReport{fmt.Sprintf("0x%x", c.VKHash()), !known}, "registered"
	if known {
		says = "known already"
	}
	if of.JSON {
		fmt.Fprintf(std.Out, "%s\n", api.Encode(report))
	} else {
		fmt.Fprintf(std.Out, "✓ %s: %s\n", says, report.Program)
	}
	return nil
}
