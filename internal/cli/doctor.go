package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"claimprover/internal/api"
	"claimprover/internal/auth"
	"claimprover/internal/chain"
	"claimprover/internal/config"
	"claimprover/internal/eligibility"
	"claimprover/internal/verify"
	"claimprover/prover/network"
)

// DoctorCmd asks what serve would depend on.
type DoctorCmd struct {
	config.Config
	JSON bool `name:"json" help:"Print one JSON object." group:"Common flags"`
}

// Help is shown below the sentence.
func (*DoctorCmd) Help() string {
	return `Reads the settings as serve does, asks each dependency and starts nothing. ✓ is as it should be, ✗ keeps serve from
starting or from working, ! is a doubtful setting. Exit code 0: all is well, 1: not.

    claimprover doctor
    CLAIM_CONTRACT_RPC_URL=https://… claimprover doctor --json`
}

// diagnosis is what doctor --json prints.
type diagnosis struct {
	Well     bool             `json:"well"`
	Found    []found          `json:"found"`    // what is there
	Doubts   []config.Finding `json:"doubts"`   // settings that may be meant so
	Troubles []config.Finding `json:"troubles"` // what the dependencies say; serve starts with it
	Problems []config.Finding `json:"problems"` // serve refuses to start
}

// found is a dependency as it is.
type found struct {
	Name string `json:"name"`
	Text string `json:"message"`
}

func (d *diagnosis) add(name, format string, args ...any) {
	d.Found = append(d.Found, found{name, fmt.Sprintf(format, args...)})
}

// Run asks.
func (cmd *DoctorCmd) Run(ctx context.Context, settings *config.Reader, std Streams) error {
	verdict, silent := settings.Judge(&cmd.Config), slog.New(slog.DiscardHandler)
	parts := judgeParts(&cmd.Config, verdict, silent)
	control, err := verify.Control(cmd.CircuitVersion, cmd.ProofMode)
	if err != nil {
		return err
	}
	if cmd.Mode == config.Network && settings.JudgeNetwork(&cmd.Prover).Err() == nil {
		if parts.network, err = networkAsker(&cmd.Prover); err != nil {
			verdict.Refuse("SP1_PROVER", "%v.", err)
		} else {
			defer parts.network.Close()
		}
	}
	d, err := examine(ctx, &cmd.Config, parts, control, verdict, silent)
	if err != nil {
		return err
	}
	if cmd.JSON {
		fmt.Fprintf(std.Out, "%s\n", api.Encode(d))
	} else {
		d.print(std.Out)
	}
	if !d.Well {
		return &ended{exit: exitFailed, code: "not_well", message: "Not all is well."}
	}
	return nil
}

// examine asks every dependency. The verdict is on the settings, and has at the end what the dependencies add to it.
func examine(ctx context.Context, cfg *config.Config, p parts, control verify.Subject, v *config.Verdict, log *slog.Logger) (diagnosis, error) {
	d, doubts := diagnosis{Found: []found{}}, len(v.Warnings)
	d.own(cfg, p)
	d.askTokens(ctx, cfg, v, log)
	side, err := newChainSide(cfg, p.list, p.wait, control, log)
	if err != nil {
		return d, err
	}
	defer side.close()
	d.chain(side, side.judge(ctx, p.anchor, v))
	d.Doubts, d.Troubles = append([]config.Finding{}, v.Warnings[:doubts]...), append([]config.Finding{}, v.Warnings[doubts:]...)
	d.network(ctx, cfg, p.network)
	d.Problems = append([]config.Finding{}, v.Problems...)
	d.Well = len(d.Problems)+len(d.Troubles) == 0
	return d, nil
}

// own is what is on this machine.
func (d *diagnosis) own(cfg *config.Config, p parts) {
	if p.prover != nil {
		d.add("prover", "%s", cfg.Mode)
	}
	if len(p.proofs.list) > 0 {
		d.add("verifier", "passed its own test with the proof systems of every SP1 version it knows")
	}
	if p.list != nil {
		d.add("eligibility list", "%d accounts, Merkle root 0x%x, %s", p.list.Len(), p.list.Root(), statedText(p.list))
	}
}

func (d *diagnosis) askTokens(ctx context.Context, cfg *config.Config, v *config.Verdict, log *slog.Logger) {
	if !cfg.JWTJWKSURL.IsSet() {
		return
	}
	const remedy = "Until they can, tokens are answered unavailable. Repair their issuer, or set the right URL."
	jwks, err := auth.NewJWKS(cfg.JWTJWKSURL.Reveal(), log)
	if err != nil {
		v.Refuse("JWT_JWKS_URL", "%v.", err)
		return
	}
	keys, err := jwks.Try(ctx)
	if err != nil {
		v.Warn("JWT_JWKS_URL", "The keys of tokens cannot be fetched: %v. %s", err, remedy)
		return
	}
	d.add("token keys", "%d", keys)
}

// network is what the prover network says; nothing where there is none.
func (d *diagnosis) network(ctx context.Context, cfg *config.Config, c *network.Client) {
	if c == nil {
		return
	}
	s := askNetwork(ctx, c, &cfg.Prover)
	d.Found, d.Doubts, d.Troubles = append(d.Found, s.found...), append(d.Doubts, s.doubts...), append(d.Troubles, s.faults...)
}

// chain is what the EVM side says of itself.
func (d *diagnosis) chain(side *chainSide, f chain.Facts) {
	if side.gateway != nil && side.hasTried() {
		d.add("verifier contract", "%s passed a good proof and refused a spoiled one", side.want.Gateway)
	}
	if side.claims == nil {
		d.add("claim contract", "not asked: it needs CLAIM_CONTRACT_ADDRESS, and in mock mode an RPC URL")
		return
	}
	for _, e := range f.Endpoints {
		if e.Trouble == "" {
			d.add(e.Name, "chain %d, block %d, answered in %v", e.ChainID, e.Head.Number, e.Took.Round(time.Millisecond))
		}
	}
	if !f.Code || !f.Readable {
		return
	}
	d.add("claim contract", "%s on chain %d, Merkle root 0x%x, %s", f.Contract, f.ChainID, f.Terms.MerkleRoot, deadlineText(f.Terms))
	if f.Gateway == (common.Address{}) {
		return
	}
	d.add("its program", "0x%x", f.Program)
	for _, r := range f.Routes {
		if r.Verifier != (common.Address{}) && !r.Frozen {
			d.add("its gateway", "%s, which has proofs that begin with 0x%x checked by %s", f.Gateway, r.Selector, r.Verifier)
		}
	}
}

func statedText(l *eligibility.List) string {
	switch l.Stated() {
	case [32]byte{}:
		return "its file states none"
	case l.Root():
		return "as its file states"
	default:
		return fmt.Sprintf("its file states 0x%x", l.Stated())
	}
}

func deadlineText(t chain.Terms) string {
	left, limited := t.Left()
	if !limited {
		return "no deadline"
	}
	return fmt.Sprintf("deadline %s, %v from its newest block", t.Deadline.Format(time.RFC3339), left)
}

func (d diagnosis) print(w io.Writer) {
	for _, f := range d.Found {
		fmt.Fprintf(w, "✓ %s: %s\n", f.Name, printable(f.Text))
	}
	for _, list := range []struct {
		mark     string
		findings []config.Finding
	}{{"!", d.Doubts}, {"✗", d.Troubles}, {"✗", d.Problems}} {
		for _, f := range list.findings {
			if f.Setting != "" {
				f.Setting += ": "
			}
			fmt.Fprintf(w, "%s %s%s\n", list.mark, f.Setting, printable(f.Text))
		}
	}
}
