package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"claimprover/internal/api"
	"claimprover/internal/config"
	"claimprover/prover/network"
)

// NetworkCancelCmd withdraws a request.
type NetworkCancelCmd struct {
	ID string `arg:"" name:"id" help:"Id of the request, as the job, the log and the explorer show it."`
}

// Help is shown below the sentence.
func (*NetworkCancelCmd) Help() string {
	return `Waits until the network has confirmed it. Only mainnet can, and only before a prover has taken the request.

To give a job up cancel the job: the service withdraws its request by itself. A job that still runs makes a new request
when its old one is withdrawn, up to NETWORK_MAX_REQUESTS.

    claimprover network cancel 0x9c…`
}

// errUnconfirmed ends the waiting for a confirmation.
var errUnconfirmed = fmt.Errorf("no confirmation within %v", withdrawTime)

// Run withdraws it.
func (cmd *NetworkCancelCmd) Run(ctx context.Context, of *NetworkCmd, settings *config.Reader, std Streams) error {
	c, _, err := of.open(settings)
	if err != nil {
		return err
	}
	defer c.Close()
	k, err := findRequest(ctx, c, cmd.ID)
	if err == nil {
		err = cancellable(c, k, network.Mode(of.NetworkMode))
	}
	if err != nil {
		return err
	}
	if k.Stage() != "withdrawn" {
		if !of.JSON {
			fmt.Fprintln(std.Err, "Waiting for the network to confirm it.")
		}
		if err := withdraw(ctx, c, k.ID); err != nil {
			return err
		}
		if k, err = findRequest(ctx, c, cmd.ID); err != nil {
			return err
		}
	}
	report := reportOf(k, network.Mode(of.NetworkMode))
	if of.JSON {
		fmt.Fprintf(std.Out, "%s\n", api.Encode(report))
	} else {
		fmt.Fprintf(std.Out, "✓ %s: nothing will come of %s\n", report.Stage, report.ID)
	}
	return nil
}

// cancellable says why a request cannot be withdrawn; nil: it may be.
func cancellable(c *network.Client, k network.Known, mode network.Mode) error {
	no := func(code, format string, args ...any) error {
		return &ended{exit: exitRefused, code: code, message: fmt.Sprintf(format, args...)}
	}
	switch stage := k.Stage(); {
	case mode == network.Reserved:
		return no("not_withdrawn", "Reserved capacity has no way to withdraw a request: it goes on until it is proved, or until its deadline, %s.", utc(api.At(k.Deadline)))
	case mode == network.Cluster:
		return no("not_withdrawn", "A cluster's gateway has no way to withdraw a request: it goes on until it is proved, or until its deadline, %s. The cluster's own API has (ProofRequestCancel), where its operator opens it.", utc(api.At(k.Deadline)))
	case k.Requester != c.Address():
		return no("forbidden", "The request was made by %s, and this is the key of %s.", k.Requester.Hex(), c.Address().Hex())
	case stage == "proving", stage == "unknown":
		return no("not_withdrawn", "A prover has taken the request, so it cannot be withdrawn any more. Its proof is kept for the next time that the claim is submitted.")
	case stage == "done", stage == "failed", stage == "expired":
		return no("already_finished", "The request has ended already: %s.", stage)
	}
	return nil
}

func withdraw(ctx context.Context, c *network.Client, id common.Hash) error {
	waiting, cancel := context.WithTimeoutCause(ctx, withdrawTime, errUnconfirmed)
	defer cancel()
	err := c.Cancel(waiting, id)
	switch {
	case errors.Is(err, network.ErrNotWithdrawn):
		return &ended{exitRefused, "not_withdrawn", "It was too late: there is a proof, or there may come one.", err}
	case ctx.Err() != nil:
		return interrupted("Interrupted. The request may be withdrawn, or not: claimprover network request %s says which.", id.Hex())
	case errors.Is(err, errUnconfirmed):
		return &ended{exitLater, "unconfirmed", fmt.Sprintf("The network has not confirmed it within %v, and the request may go on. Try again later.", withdrawTime), err}
	}
	return sorted(ctx, err)
}
