package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"claimprover/internal/api"
	"claimprover/internal/chain"
	"claimprover/internal/config"
	"claimprover/internal/fault"
	"claimprover/internal/verify"
)

// VerifyCmd checks a proof on this machine, without asking any service.
type VerifyCmd struct {
	Fixture      string `arg:"" optional:"" type:"existingfile" help:"JSON file with proof, publicValues and vkey, as SP1's fixtures have them."`
	Proof        string `name:"proof" help:"The proof: hex, or a file that holds it, or such a JSON file."`
	PublicValues string `name:"public-values" help:"What the program committed, likewise."`
	VKey         string `name:"vkey" help:"The program's verifying key, likewise."`
	Hash         string `name:"hash" enum:"sha256,blake3" default:"sha256" help:"How the program hashes its public values; blake3 is for a guest built with that feature."`
	RPCURL       string `name:"rpc-url" help:"JSON-RPC endpoint of a chain whose verifier contract is asked too."`
	Verifier     string `name:"verifier" help:"SP1's verifier gateway on that chain; unset means the usual one of the proof's system, for Groth16 and PLONK have gateways of their own."`
	JSON         bool   `name:"json" help:"Print one JSON object." group:"Common flags"`
	Quiet        bool   `name:"quiet" short:"q" help:"Print nothing; the exit code says it." group:"Common flags"`
}

// Help is shown below the sentence.
func (*VerifyCmd) Help() string {
	return `Knows the Groth16 and PLONK proofs of SP1 v4.0.0-rc.3, v5.0.0, v6.0.0 and v6.1.0. Exit code 0: valid, 1: not.

    claimprover verify docs/examples/proof.json
    claimprover verify docs/examples/proof.json --rpc-url https://rpc.example.org
    claimprover verify --proof 0x4388… --public-values values.hex --vkey 0x00…`
}

// verdict is what verify --json prints.
type verdict struct {
	api.Verdict
	Circuit string  `json:"circuit,omitempty"`
	Millis  float64 `json:"milliseconds"`
}

// Run checks.
func (cmd *VerifyCmd) Run(ctx context.Context, std Streams) error {
	if cmd.Verifier != "" && cmd.RPCURL == "" {
		return usage(errors.New("--verifier is a contract on a chain: name an endpoint of it with --rpc-url"))
	}
	subject, err := cmd.subject()
	if err != nil {
		return usage(err)
	}
	verifier, err := verify.New(digestOf(cmd.Hash))
	if err != nil {
		return fmt.Errorf("the verifier failed its own test: %w", err)
	}
	checks := []verify.Check{verifier.Native}
	if cmd.RPCURL != "" {
		contract, closeRPC, err := cmd.contract(verifier, subject.Proof)
		if err != nil {
			return usage(err)
		}
		defer closeRPC()
		checks = append(checks, contract)
	}
	began := time.Now()
	findings, err := verify.Examine(ctx, subject, checks...)
	took := time.Since(began)
	switch {
	case fault.Is(err, fault.RPCUnavailable):
		return &ended{exitLater, string(fault.RPCUnavailable), "The verifier contract could not be asked. Check --rpc-url and --verifier, or try again later.", err}
	case err != nil:
		return err
	}
	out := verdict{Verdict: verify.Verdict(findings), Millis: float64(took.Microseconds()) / 1000}
	if circuit, err := verifier.Circuit(subject.Proof); err == nil {
		out.Circuit = circuit.Version
	}
	switch {
	case cmd.JSON:
		fmt.Fprintf(std.Out, "%s\n", api.Encode(out))
	case !cmd.Quiet:
		out.print(std.Out)
	}
	if !out.Valid {
		return &ended{exit: exitFailed, code: "not_valid", message: "The proof is not valid."}
	}
	return nil
}

// digestOf is for a program whose public values are hashed with that.
func digestOf(hash string) (o verify.Options) {
	if hash == "blake3" {
		o.Digest = verify.Blake3
	}
	return o
}

// askTime bounds how long the contract is asked for an answer.
const askTime = 15 * time.Second

// SP1's gateways, where it has deployed them itself. On Sepolia PLONK's is another by now
// (sp1-contracts, contracts/deployments).
const (
	groth16Gateway = "0x397A5f7f3dBd538f23DE225B51f532c34448dA9B"
	plonkGateway   = "0x3B6041173B80E77f038f3F2C0f9744f04837185e"
)

// gateway is the contract to ask about a proof.
func (cmd *VerifyCmd) gateway(v *verify.Verifier, proof []byte) (common.Address, error) {
	usual := groth16Gateway
	if c, err := v.Circuit(proof); err == nil && c.System == "plonk" {
		usual = plonkGateway
	}
	address := cmp.Or(cmd.Verifier, usual)
	if !common.IsHexAddress(address) {
		return common.Address{}, errors.New("--verifier is not an address of 20 bytes of hex")
	}
	return common.HexToAddress(address), nil
}

// contract is the check by the verifier contract, and how to end it.
func (cmd *VerifyCmd) contract(v *verify.Verifier, proof []byte) (verify.Check, func(), error) {
	address, err := cmd.gateway(v, proof)
	if err != nil {
		return nil, nil, err
	}
	if _, err := config.ParseURL(cmd.RPCURL, "http", "https", "ws", "wss"); err != nil {
		return nil, nil, fmt.Errorf("--rpc-url: %w", err)
	}
	rpc, err := chain.NewRPC([]string{cmd.RPCURL}, chain.RPCOptions{Timeout: askTime})
	if err != nil {
		return nil, nil, err
	}
	return chain.NewGateway(rpc, address).CheckOnce, rpc.Close, nil
}

func (v verdict) print(w io.Writer) {
	for _, c := range v.Checks {
		mark, text := "✓", "passed"
		if !c.OK {
			mark, text = "✗", c.Detail
		}
		fmt.Fprintf(w, "%s %-8s %s\n", mark, c.Name, text)
	}
	if v.Valid {
		fmt.Fprintf(w, "valid: an SP1 %s %s proof of these public values by this program, checked in %.1f ms\n", v.Circuit, v.Checks[0].Name, v.Millis)
	} else {
		fmt.Fprintf(w, "not valid, checked in %.1f ms\n", v.Millis)
	}
}

// maxProofFile bounds what is read; a proof is under two kilobytes of hex.
const maxProofFile = 1 << 20

// subject reads what is to be checked from the flags, and what they leave out from the fixture.
func (cmd *VerifyCmd) subject() (s verify.Subject, err error) {
	texts, err := cmd.texts()
	if err != nil {
		return s, err
	}
	var problems []error
	read := func(flag, text string) []byte {
		var h api.Hex
		switch {
		case text == "":
			problems = append(problems, fmt.Errorf("%s is missing", flag))
		case h.UnmarshalText([]byte(text)) != nil:
			problems = append(problems, fmt.Errorf("%s is neither hex nor a file that holds hex", flag))
		}
		return h
	}
	s.Proof = read("--proof", texts.Proof)
	s.PublicValues = read("--public-values", texts.PublicValues)
	if texts.VKey == "" {
		problems = append(problems, errors.New("--vkey is missing"))
	} else if s.Program, err = verify.ParseKey(texts.VKey); err != nil {
		problems = append(problems, fmt.Errorf("--vkey: %w", err))
	}
	return s, errors.Join(problems...)
}

func (cmd *VerifyCmd) texts() (t api.VerifyRequest, err error) {
	var fixtures []api.VerifyRequest
	if cmd.Fixture != "" {
		content, err := readFile(cmd.Fixture, maxProofFile)
		if err != nil {
			return t, err
		}
		f, err := parseFixture(cmd.Fixture, content)
		if err != nil {
			return t, err
		}
		fixtures = append(fixtures, f)
	}
	for _, flag := range []struct {
		value string
		of    func(*api.VerifyRequest) *string
	}{
		{cmd.Proof, func(t *api.VerifyRequest) *string { return &t.Proof }},
		{cmd.PublicValues, func(t *api.VerifyRequest) *string { return &t.PublicValues }},
		{cmd.VKey, func(t *api.VerifyRequest) *string { return &t.VKey }},
	} {
		text := flag.value
		if content, err := readFile(flag.value, maxProofFile); flag.value != "" && err == nil {
			text = strings.TrimSpace(string(content))
			if strings.HasPrefix(text, "{") { // a fixture; what the other flags leave out is taken from it too
				f, err := parseFixture(flag.value, content)
				if err != nil {
					return t, err
				}
				fixtures = append(fixtures, f)
				text = *flag.of(&f)
			}
		}
		*flag.of(&t) = text
	}
	for _, f := range fixtures {
		t.Proof, t.PublicValues, t.VKey = cmp.Or(t.Proof, f.Proof), cmp.Or(t.PublicValues, f.PublicValues), cmp.Or(t.VKey, f.VKey)
	}
	return t, nil
}

func parseFixture(name string, content []byte) (f api.VerifyRequest, err error) {
	if err := json.Unmarshal(content, &f); err != nil {
		return f, fmt.Errorf("%s is not a JSON object with proof, publicValues and vkey: %w", name, err)
	}
	return f, nil
}
