package cli

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/config"
	"claimprover/prover"
)

// with gives a proof with other bytes at a place.
func with(p prover.Proof, at int, other ...byte) prover.Proof {
	p.Bytes = slices.Clone(p.Bytes)
	copy(p.Bytes[at:], other)
	return p
}

// flipped gives a proof whose byte at a place has another last bit.
func flipped(p prover.Proof, at int) prover.Proof { return with(p, at, p.Bytes[at]^1) }

// TestEachThingSpoiledEndsTheJobWithoutAProof has the whole service prove, check natively, and ask contracts on a node.
// It judges by both, by the contract alone, and natively alone: whichever is asked, nothing of a bad proof gets out.
func TestEachThingSpoiledEndsTheJobWithoutAProof(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	shipped := []byte{0x43, 0x88, 0xa2, 0x1c} // SP1 v6.1.0, Groth16
	other := func(in prover.Input) (values [128]byte) {
		values = in.PublicValues
		values[63] ^= 1
		return values
	}
	const invalid = "proves nothing of these public values"
	cases := []struct {
		name             string
		spoil            func(prover.Proof, prover.Input) prover.Proof
		native, contract string // the reason in the log; no contract: it tolerates this, and only the native check refuses
	}{
		{"a selector that nobody has", func(p prover.Proof, _ prover.Input) prover.Proof { return with(p, 0, 0xde, 0xad, 0xbe, 0xef) },
			"selector 0xdeadbeef is of no circuit known here", "RouteNotFound"},
		{"the selector of a retired SP1", func(p prover.Proof, _ prover.Input) prover.Proof { return with(p, 0, 0x09, 0x06, 0x90, 0x90) },
			"that of SP1 v3.0.0", "RouteNotFound"},
		{"the selector of another circuit", func(p prover.Proof, _ prover.Input) prover.Proof { return with(p, 0, shipped...) },
			"recursion keys are not those", "RouteNotFound"},
		{"the exit code", func(p prover.Proof, _ prover.Input) prover.Proof { return flipped(p, 35) }, "exit code is", "InvalidExitCode"},
		{"a proof that the program failed", func(_ prover.Proof, in prover.Input) prover.Proof {
			return prover.Proof{Bytes: o.circuit.ProveExit(testProgram, in.PublicValues[:], 1), PublicValues: in.PublicValues[:]}
		}, "exit code is", "InvalidExitCode"},
		{"the root", func(p prover.Proof, _ prover.Input) prover.Proof { return flipped(p, 67) }, "its root is", "InvalidVkRoot"},
		{"the nonce", func(p prover.Proof, _ prover.Input) prover.Proof { return flipped(p, 99) }, invalid, "ProofInvalid"},
		{"a nonce not in the field", func(p prover.Proof, _ prover.Input) prover.Proof { return with(p, 68, 0xff) },
			"nonce is not smaller", "PublicInputNotInField"},
		{"the point Ar", func(p prover.Proof, _ prover.Input) prover.Proof { return flipped(p, 163) }, "Ar is not on its curve", "ProofInvalid"},
		{"the point Bs", func(p prover.Proof, _ prover.Input) prover.Proof { return flipped(p, 291) }, "Bs is not on its curve", "ProofInvalid"},
		{"the point Krs", func(p prover.Proof, _ prover.Input) prover.Proof { return flipped(p, 355) }, "Krs is not on its curve", "ProofInvalid"},
		{"two points exchanged", func(p prover.Proof, _ prover.Input) prover.Proof {
			return with(with(p, 100, p.Bytes[292:356]...), 292, p.Bytes[100:164]...)
		}, invalid, "ProofInvalid"},
		{"the last byte missing", func(p prover.Proof, _ prover.Input) prover.Proof { p.Bytes = p.Bytes[:355]; return p },
			"has 355 bytes", "without a reason"},
		{"a selector alone", func(p prover.Proof, _ prover.Input) prover.Proof { p.Bytes = p.Bytes[:4]; return p },
			"has 4 bytes", "without a reason"},
		{"a byte too many", func(p prover.Proof, _ prover.Input) prover.Proof { p.Bytes = append(p.Bytes, 0); return p }, "has 357 bytes", ""},
		{"a mock's empty proof", func(p prover.Proof, _ prover.Input) prover.Proof { p.Bytes = nil; return p },
			"the proof is empty", "without a reason"},
		{"a good proof of another claim", func(_ prover.Proof, in prover.Input) prover.Proof {
			values := other(in)
			return prover.Proof{Bytes: o.circuit.Prove(testProgram, values[:]), PublicValues: values[:]}
		}, "other public values than the claim's", "other public values than the claim's"},
		{"another claim's proof under this claim's public values", func(_ prover.Proof, in prover.Input) prover.Proof {
			values := other(in)
			return prover.Proof{Bytes: o.circuit.Prove(testProgram, values[:]), PublicValues: in.PublicValues[:]}
		}, invalid, "ProofInvalid"},
		{"a byte after the public values", func(p prover.Proof, _ prover.Input) prover.Proof {
			p.PublicValues = append(slices.Clone(p.PublicValues), 0)
			return p
		}, "other public values than the claim's", "other public values than the claim's"},
		{"a good proof by another program", func(_ prover.Proof, in prover.Input) prover.Proof {
			return prover.Proof{Bytes: o.circuit.Prove([32]byte{0, 1}, in.PublicValues[:]), PublicValues: in.PublicValues[:]}
		}, invalid, "ProofInvalid"},
	}

	for _, judges := range []string{"both", "the contract alone", "the native check alone"} {
		t.Run("judged by "+judges, func(t *testing.T) {
			t.Parallel()
			p := spoiler{o.circuit, map[common.Address]*spoiled{}}
			for i, c := range cases {
				p.cases[common.Address{0: 1, 19: byte(i)}] = &spoiled{spoil: c.spoil, released: make(chan struct{})}
			}
			cfg := o.settings()
			by := []string{"groth16", "onchain", "claim"}
			change := func(*parts) {}
			switch judges {
			case "the contract alone":
				no := false
				cfg.VerifyProof, by = &no, []string{"onchain"}
				change = func(p *parts) { p.proofs.claim, p.proofs.names = nil, nil }
			case "the native check alone":
				cfg.VerifyOnchain, by = false, []string{"groth16", "claim"}
			}
			w := o.watch(t, cfg, p, change)
			for i, c := range cases {
				reason := c.native
				if judges == "the contract alone" {
					reason = c.contract
				}
				if reason == "" {
					continue
				}
				to := common.Address{0: 1, 19: byte(i)}
				signed, err := o.alice.Claim(o.domain, 42, to, *uint256.NewInt(1000))
				require.NoError(t, err)
				body := string(api.Encode(submission(signed)))
				t.Run(c.name, func(t *testing.T) {
					w.t = t
					w.refuses(body, func() { close(p.cases[to].released) }, reason)
				})
			}
			w.t = t
			signed, err := o.alice.Claim(o.domain, 42, common.Address{0: 1}, *uint256.NewInt(1000))
			require.NoError(t, err)
			j := w.submit(string(api.Encode(submission(signed)))) // it is free again, and now its proof is good
			sse, _ := w.follow(j.JobID, func() {})
			require.Contains(t, sse, `"status":"completed"`)
			verifiedBy, _ := json.Marshal(by)
			require.Contains(t, sse, `"verifiedBy":`+string(verifiedBy))
		})
	}
}

// fickle is a verifier contract that its tester changes his mind about.
const fickle = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IVerifier {
    function verifyProof(bytes32 programVKey, bytes calldata publicValues, bytes calldata proofBytes) external view;
}

contract Fickle is IVerifier {
    error ProofInvalid();

    IVerifier immutable honest;
    uint256 mood;

    constructor(IVerifier verifier) {
        honest = verifier;
    }

    function become(uint256 to) external {
        mood = to;
    }

    function verifyProof(bytes32 programVKey, bytes calldata publicValues, bytes calldata proofBytes) external view {
        if (mood == 0) honest.verifyProof(programVKey, publicValues, proofBytes);
        if (mood == 1) revert ProofInvalid();
    }
}
`

// TestNoContractOverrulesTheNativeCheckNorItAContract changes the contracts under a service that has started.
func TestNoContractOverrulesTheNativeCheckNorItAContract(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	compiled, err := chaintest.Compile(fickle)
	require.NoError(t, err)
	contracts, err := chaintest.Contracts()
	require.NoError(t, err)

	for _, c := range []struct {
		name   string
		before func(t *testing.T, o *onChain, cfg *config.Config) (turn func() error)
		spoil  func(prover.Proof, prover.Input) prover.Proof
		reason string // in the log
	}{
		{"a good proof, when the gateway's route was frozen", func(_ *testing.T, o *onChain, _ *config.Config) func() error {
			return func() error { return o.Gateway.Send("freezeRoute", o.circuit.Selector()) }
		}, nil, "RouteIsFrozen"},
		{"a good proof, when the verifier has become one that refuses", func(t *testing.T, o *onChain, cfg *config.Config) func() error {
			verifier, err := o.Node.Deploy(compiled["Fickle"], o.Gateway.Address)
			require.NoError(t, err)
			cfg.VerifierContract = verifier.Address
			return func() error { return verifier.Send("become", uint256.NewInt(1).ToBig()) }
		}, nil, "the verifier contract refused the proof: ProofInvalid"},
		{"a spoiled proof, when the verifier has become one that takes everything", func(t *testing.T, o *onChain, cfg *config.Config) func() error {
			verifier, err := o.Node.Deploy(compiled["Fickle"], o.Gateway.Address)
			require.NoError(t, err)
			cfg.VerifierContract = verifier.Address
			return func() error { return verifier.Send("become", uint256.NewInt(2).ToBig()) }
		}, func(p prover.Proof, _ prover.Input) prover.Proof { return flipped(p, 355) }, "Krs is not on its curve"},
		{"a good proof, when the claim contract takes another program's", func(_ *testing.T, o *onChain, _ *config.Config) func() error {
			return func() error {
				verifier, err := o.Node.Deploy(contracts["SP1ZKVerifier"], o.Gateway.Address, [32]byte{0, 9})
				if err != nil {
					return err
				}
				return o.Claims.Send("setZKVerifier", verifier.Address)
			}
		}, nil, "the claim contract would refuse the claim"},
	} {
		t.Run("refused: "+c.name, func(t *testing.T) {
			t.Parallel()
			o := *o // on the same node, with contracts of its own
			o.Stage = o.Node.Stage(t, testProgram, o.list.Root())
			o.domain.Contract = o.Claims.Address
			to := common.Address{0: 1}
			p := spoiler{o.circuit, map[common.Address]*spoiled{to: {spoil: c.spoil, released: make(chan struct{})}}}
			cfg := o.settings()
			turn := c.before(t, &o, cfg)
			w := o.watch(t, cfg, p, func(*parts) {})
			signed, err := o.alice.Claim(o.domain, 42, to, *uint256.NewInt(1000))
			require.NoError(t, err)
			w.refuses(string(api.Encode(submission(signed))), func() {
				require.NoError(t, turn())
				close(p.cases[to].released)
			}, c.reason)
		})
	}
}

func TestAVerifierContractWhoseWordIsWorthNothingRefusesTheStart(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	contracts, err := chaintest.Contracts()
	require.NoError(t, err)
	deploy := func(t *testing.T, name string, args ...any) common.Address {
		d, err := o.Node.Deploy(contracts[name], args...)
		require.NoError(t, err)
		return d.Address
	}
	for name, c := range map[string]struct {
		verifier func(*testing.T) common.Address
		want     string
	}{
		"a gateway without the route": {func(t *testing.T) common.Address { return deploy(t, "Gateway") }, "RouteNotFound"},
		"a gateway whose route is frozen": {func(t *testing.T) common.Address {
			s := o.Node.Stage(t, testProgram, o.list.Root())
			require.NoError(t, s.Gateway.Send("freezeRoute", o.circuit.Selector()))
			return s.Gateway.Address
		}, "RouteIsFrozen"},
		"a verifier of another circuit": {func(t *testing.T) common.Address {
			return deploy(t, "SP1Verifier", [32]byte{1}, o.circuit.VKRoot(), chaintest.Nobody)
		}, "WrongVerifierSelector"},
		"a verifier of other recursion keys": {func(t *testing.T) common.Address {
			return deploy(t, "SP1Verifier", o.circuit.Hash(), [32]byte{1}, chaintest.Nobody)
		}, "InvalidVkRoot"},
		"a verifier that takes everything": {func(t *testing.T) common.Address {
			return deploy(t, "YesVerifier", o.circuit.Hash())
		}, "it is a mock"},
		"an address without code": {func(*testing.T) common.Address { return chaintest.Nobody }, "no verifier contract"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := o.settings()
			cfg.VerifierContract = c.verifier(t)
			all := testParts(t, cfg, o.circuit, o.proves())
			all.list = o.list
			err := o.ask(t, cfg, &all)
			require.ErrorContains(t, err, "SP1_VERIFIER_ADDRESS")
			require.ErrorContains(t, err, c.want)
		})
	}
}
