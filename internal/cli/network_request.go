package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"claimprover/internal/api"
	"claimprover/internal/config"
	"claimprover/prover/network"
)

// requestReport is what network request --json prints, and list many of. Costs are in the smallest unit of PROVE.
type requestReport struct {
	ID         string    `json:"id"`
	Explorer   string    `json:"explorer,omitempty"`
	Stage      string    `json:"stage"`  // waiting, proving, done, withdrawn, failed, expired, unknown
	Status     string    `json:"status"` // as the network calls it
	Execution  string    `json:"execution"`
	Cause      string    `json:"cause,omitempty"`
	Error      string    `json:"error,omitempty"`
	Requester  string    `json:"requester"`
	CreatedAt  *api.Time `json:"createdAt,omitempty"`
	Deadline   *api.Time `json:"deadline,omitempty"`
	Fulfilled  *api.Time `json:"fulfilledAt,omitempty"`
	Cycles     uint64    `json:"cycles,omitempty"`
	Gas        uint64    `json:"gas,omitempty"` // PGU
	Cost       string    `json:"cost,omitempty"`
	ValuesHash *api.Hex  `json:"publicValuesHash,omitempty"`
}

func reportOf(k network.Known, mode network.Mode) requestReport {
	r := requestReport{
		ID: common.Hash(k.ID).Hex(), Explorer: mode.Explorer(k.ID), Stage: k.Stage(), Status: k.Status, Execution: k.Execution,
		Cause: k.Cause, Error: k.Error, Requester: k.Requester.Hex(), CreatedAt: api.At(k.Created), Deadline: api.At(k.Deadline),
		Fulfilled: api.At(k.Fulfilled), Cycles: k.Cycles, Gas: k.Gas, Cost: k.Cost,
	}
	if len(k.ValuesHash) > 0 {
		hash := api.Hex(k.ValuesHash)
		r.ValuesHash = &hash
	}
	return r
}

// stages say what each stage means to whoever pays.
var stages = map[string]string{
	"waiting":   "● waiting: no prover has it yet",
	"proving":   "● proving: a prover has taken it",
	"done":      "✓ done: the proof is there, and the service fetches it for its job, or when the claim is submitted again",
	"withdrawn": "✗ withdrawn: nothing will come of it",
	"failed":    "✗ failed: there will be no proof",
	"expired":   "✗ expired: there was no proof by its deadline",
	"unknown":   "● under way, with a status that is not known here",
}

// failures say what the network's words mean.
var failures = map[string]string{
	"HALT_WITH_NON_ZERO_EXIT_CODE": "the guest program refused the claim",
	"EXCEEDED_CYCLE_LIMIT":         "NETWORK_CYCLE_LIMIT is too low for the program",
	"EXCEEDED_GAS_LIMIT":           "NETWORK_GAS_LIMIT is too low for the program",
	"VERIFICATION_KEY_MISMATCH":    "the key that the program was registered with is not that of its ELF",
	"PUBLIC_VALUES_MISMATCH":       "the program committed other public values than the service expects",
}

func (r requestReport) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(table, "  %s\t%s\n", name, printable(text))
		}
	}
	number := func(n uint64, unit string) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n, unit)
	}
	meaning := func(word string) string {
		if failures[word] != "" {
			return word + ": " + failures[word]
		}
		return word
	}
	fmt.Fprintln(table, stages[r.Stage])
	row("request", r.ID)
	row("explorer", r.Explorer)
	row("status", r.Status+", "+r.Execution)
	row("cause", meaning(r.Cause))
	row("error", meaning(r.Error))
	row("requester", r.Requester)
	row("created", utc(r.CreatedAt))
	row("deadline", utc(r.Deadline))
	row("fulfilled", utc(r.Fulfilled))
	row("cycles", number(r.Cycles, ""))
	row("gas", number(r.Gas, " PGU"))
	row("cost", costText(r.Cost))
	if r.ValuesHash != nil {
		row("public values", "SHA-256 "+hexText(*r.ValuesHash))
	}
	return table.Flush()
}

func utc(t *api.Time) string {
	if t == nil {
		return ""
	}
	return time.Time(*t).UTC().Format(time.RFC3339)
}

func costText(cost string) string {
	n, err := uint256.FromDecimal(cost)
	if err != nil {
		return ""
	}
	return config.ProveOf(n).String() + " PROVE"
}

// requestID reads an id as the log, a job and the explorer show it, or as a cluster names it.
func requestID(text string) (id common.Hash, err error) {
	if strings.HasPrefix(text, "req_") && len(text) <= len(id) {
		copy(id[:], text)
		return id, nil
	}
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(b) == 0 || len(b) > len(id) {
		return id, usage(errors.New("a request's id is 0x and 64 hexadecimal digits"))
	}
	copy(id[:], b) // a cluster's list leaves out the zeros at the end
	return id, nil
}

// findRequest asks for a request that must be there.
func findRequest(ctx context.Context, c *network.Client, text string) (k network.Known, err error) {
	id, err := requestID(text)
	if err != nil {
		return k, err
	}
	asking, cancel := patience(ctx)
	defer cancel()
	k, found, err := c.Request(asking, id)
	if err == nil && !found {
		return k, &ended{exit: exitRefused, code: "not_found", message: "The network knows no such request. Is NETWORK_MODE the one that it was made with?"}
	}
	return k, sorted(ctx, err)
}

// NetworkRequestCmd shows a request's life.
type NetworkRequestCmd struct {
	ID string `arg:"" name:"id" help:"Id of the request, as the job, the log and the explorer show it."`
}

// Help is shown below the sentence.
func (*NetworkRequestCmd) Help() string {
	return `Exit code 0: there is an answer, also when the request has failed.

    claimprover network request 0x9c…
    claimprover network request 0x9c… --json`
}

// Run asks.
func (cmd *NetworkRequestCmd) Run(ctx context.Context, of *NetworkCmd, settings *config.Reader, std Streams) error {
	c, _, err := of.open(settings)
	if err != nil {
		return err
	}
	defer c.Close()
	k, err := findRequest(ctx, c, cmd.ID)
	if err != nil {
		return err
	}
	report := reportOf(k, network.Mode(of.NetworkMode))
	if of.JSON {
		fmt.Fprintf(std.Out, "%s\n", api.Encode(report))
		return nil
	}
	return report.print(std.Out)
}

// NetworkListCmd lists requests.
type NetworkListCmd struct {
	Since time.Duration `name:"since" default:"24h" placeholder:"24h" help:"How far back to look, such as 90m or 168h."`
	Limit int           `name:"limit" default:"20" placeholder:"20" help:"How many to show, 1000 at most."`
}

// Help is shown below the sentence.
func (*NetworkListCmd) Help() string {
	return `The newest first; those of other accounts and programs are left out.

    claimprover network list
    claimprover network list --since 168h --limit 100 --json`
}

// listReport is what network list --json prints.
type listReport struct {
	Requests []requestReport `json:"requests"`
	More     bool            `json:"more,omitempty"` // than the limit
}

// Run lists them.
func (cmd *NetworkListCmd) Run(ctx context.Context, of *NetworkCmd, settings *config.Reader, std Streams) error {
	if cmd.Since <= 0 || cmd.Limit < 1 || cmd.Limit > 1000 {
		return usage(errors.New("--since must be positive, and --limit from 1 to 1000"))
	}
	c, _, err := of.open(settings)
	if err != nil {
		return err
	}
	defer c.Close()
	all, err := c.Recent(ctx, time.Now().Add(-cmd.Since), cmd.Limit+1)
	if err != nil {
		return sorted(ctx, err)
	}
	report := listReport{Requests: []requestReport{}, More: len(all) > cmd.Limit}
	for _, k := range all[:min(len(all), cmd.Limit)] {
		report.Requests = append(report.Requests, reportOf(k, network.Mode(of.NetworkMode)))
	}
	if of.JSON {
		fmt.Fprintf(std.Out, "%s\n", api.Encode(report))
		return nil
	}
	return report.print(std, cmd.Since)
}

func (l listReport) print(std Streams, since time.Duration) error {
	if len(l.Requests) == 0 {
		fmt.Fprintf(std.Err, "No request in the last %v.\n", since)
		return nil
	}
	table := tabwriter.NewWriter(std.Out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "created\tstage\tcost\trequest")
	for _, r := range l.Requests {
		cost := costText(r.Cost)
		if cost == "" {
			cost = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", utc(r.CreatedAt), r.Stage, cost, r.ID)
	}
	if l.More {
		fmt.Fprintf(std.Err, "There are more than %d.\n", len(l.Requests))
	}
	return table.Flush()
}
