package chain_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	plonk "github.com/consensys/gnark/backend/plonk/bn254"
	"github.com/consensys/gnark/backend/solidity"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/fault"
	"claimprover/internal/verify"
	"claimprover/internal/verify/verifytest"
)

// What SP1 shipped as version 6.1.0 of its circuits. The hash of a circuit is that of its verifying key.
var (
	shippedHash = map[string][32]byte{
		"groth16": [32]byte(common.FromHex("4388a21c687fdd5f218d7e3d13190cac4c5355818d3605fd5fb811df468ee696")),
		"plonk":   [32]byte(common.FromHex("5a093a2fcb46394f5cadfe55c44d4d572fad9cec7aeb38026b0278322ef07fac")),
	}
	shippedRoot = [32]byte(common.FromHex("002f850ee998974d6cc00e50cd0814b098c05bfade466d28573240d057f25352"))
)

// recorded are the real proofs of such a circuit which package verify is tested with.
func recorded(t testing.TB, system string) map[string]verify.Subject {
	t.Helper()
	raw, err := os.ReadFile("../verify/testdata/proofs.json")
	require.NoError(t, err)
	var all []struct{ Name, System, CircuitVersion, VKey, PublicValues, Proof string }
	require.NoError(t, json.Unmarshal(raw, &all))
	proofs := map[string]verify.Subject{}
	for _, p := range all {
		if p.System == system && p.CircuitVersion == "v6.1.0" {
			proofs[p.Name] = verify.Subject{Program: [32]byte(fromHex(t, p.VKey)), PublicValues: fromHex(t, p.PublicValues), Proof: fromHex(t, p.Proof)}
		}
	}
	require.NotEmpty(t, proofs)
	return proofs
}

func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	require.NoError(t, err)
	return b
}

// shippedGateway deploys a gateway with the contract that gnark exports for the shipped key.
func shippedGateway(t testing.TB, n *chaintest.Node, system string) *chaintest.Deployed {
	t.Helper()
	var key interface {
		io.ReaderFrom
		ExportSolidity(io.Writer, ...solidity.ExportOption) error
	} = new(groth16.VerifyingKey)
	if system == "plonk" {
		key = new(plonk.VerifyingKey)
	}
	f, err := os.Open("../verify/keys/v6.1.0/" + system + "_vk.bin")
	require.NoError(t, err)
	defer f.Close()
	_, err = key.ReadFrom(f)
	require.NoError(t, err)
	var source strings.Builder
	require.NoError(t, key.ExportSolidity(&source, solidity.WithPragmaVersion("^0.8.20")))
	exported, err := chaintest.CompileVerifier(source.String())
	require.NoError(t, err)
	return n.GatewayOf(t, exported, shippedHash[system], shippedRoot)
}

func TestRealProofsOnChain(t *testing.T) {
	t.Parallel()
	n := shared.get(t)
	r := rpcTo(t, chain.RPCOptions{}, n.URL)
	gateways := map[string]*chain.Gateway{}
	for _, system := range []string{"groth16", "plonk"} { // each has a gateway of its own
		gateways[system] = chain.NewGateway(r, shippedGateway(t, n, system).Address)
	}
	for system, gateway := range gateways {
		for name, proof := range recorded(t, system) {
			checked, err := gateway.Check(t.Context(), proof)
			require.NoError(t, err, name)
			require.Equal(t, "onchain", checked)
			require.NoError(t, gateway.Try(t.Context(), proof), name)
			hash := shippedHash[system]
			routes, err := gateway.Routes(t.Context(), [4]byte(hash[:]), [4]byte{1})
			require.NoError(t, err)
			require.NotZero(t, routes[0].Verifier)
			require.Zero(t, routes[1].Verifier)
		}
		for other, elsewhere := range gateways {
			if other == system {
				continue
			}
			_, err := elsewhere.Check(t.Context(), anyOf(recorded(t, system)))
			require.ErrorContains(t, err, "RouteNotFound", "a %s proof at the gateway of %s", system, other)
			require.ErrorContains(t, elsewhere.Try(t.Context(), anyOf(recorded(t, system))), "gateways of their own")
		}
	}

	type spoiled struct {
		spoil  func(*verify.Subject)
		reason verify.Reason
		says   string
	}
	cases := map[string]map[string]spoiled{
		"groth16": {
			"a point of the proof":   {func(s *verify.Subject) { s.Proof[len(s.Proof)-1] ^= 1 }, verify.Invalid, "ProofInvalid"},
			"the public values":      {func(s *verify.Subject) { s.PublicValues = append(s.PublicValues, 0) }, verify.Invalid, "ProofInvalid"},
			"the program":            {func(s *verify.Subject) { s.Program[31] ^= 1 }, verify.Invalid, "ProofInvalid"},
			"the nonce":              {func(s *verify.Subject) { s.Proof[99] ^= 1 }, verify.Invalid, "ProofInvalid"},
			"a program not in field": {func(s *verify.Subject) { s.Program[0] = 0xff }, verify.NonCanonical, "PublicInputNotInField"},
			"a proof cut short":      {func(s *verify.Subject) { s.Proof = s.Proof[:200] }, verify.Invalid, "without a reason"},
		},
		"plonk": {
			"the public values":      {func(s *verify.Subject) { s.PublicValues = append(s.PublicValues, 0) }, verify.Invalid, "InvalidProof"},
			"the program":            {func(s *verify.Subject) { s.Program[31] ^= 1 }, verify.Invalid, "InvalidProof"},
			"the nonce":              {func(s *verify.Subject) { s.Proof[99] ^= 1 }, verify.Invalid, "InvalidProof"},
			"an opening":             {func(s *verify.Subject) { s.Proof[100+384+31] ^= 1 }, verify.Invalid, "InvalidProof"},
			"a point of the proof":   {func(s *verify.Subject) { s.Proof[100+63] ^= 1 }, verify.Invalid, "error ec operation"},
			"a program not in field": {func(s *verify.Subject) { s.Program[0] = 0xff }, verify.Invalid, "inputs are bigger than r"},
			"a proof cut short":      {func(s *verify.Subject) { s.Proof = s.Proof[:200] }, verify.Invalid, "wrong proof size"},
		},
	}
	for system := range cases {
		for name, c := range map[string]spoiled{
			"the selector":           {func(s *verify.Subject) { s.Proof[0] ^= 1 }, verify.UnknownSelector, "RouteNotFound"},
			"the exit code":          {func(s *verify.Subject) { s.Proof[35] = 1 }, verify.ExitCode, "InvalidExitCode"},
			"the root":               {func(s *verify.Subject) { s.Proof[67] ^= 1 }, verify.VKRoot, "InvalidVkRoot"},
			"a proof of three bytes": {func(s *verify.Subject) { s.Proof = s.Proof[:3] }, verify.Invalid, "without a reason"},
			"an empty proof":         {func(s *verify.Subject) { s.Proof = nil }, verify.Invalid, "without a reason"},
		} {
			cases[system][name] = c
		}
		for name, c := range cases[system] {
			t.Run(system+", spoiled: "+name, func(t *testing.T) {
				t.Parallel()
				good := anyOf(recorded(t, system))
				s := verify.Subject{Program: good.Program, PublicValues: append([]byte{}, good.PublicValues...), Proof: append([]byte{}, good.Proof...)}
				c.spoil(&s)
				name, err := gateways[system].Check(t.Context(), s)
				require.Equal(t, "onchain", name)
				require.Equal(t, c.reason, verify.ReasonOf(err), "%v", err)
				require.ErrorContains(t, err, c.says)
			})
		}
	}
}

func anyOf(proofs map[string]verify.Subject) verify.Subject {
	for _, p := range proofs {
		return p
	}
	return verify.Subject{}
}

// toy is a gateway of the test circuit with a good proof.
func toy(t testing.TB, n *chaintest.Node) (*chaintest.Stage, verify.Subject) {
	t.Helper()
	s := verify.Subject{Program: program, PublicValues: []byte("anything")}
	s.Proof = verifytest.New(t).Prove(s.Program, s.PublicValues)
	return n.Stage(t, program, [32]byte{}), s
}

func TestGateway(t *testing.T) {
	t.Parallel()
	n := shared.get(t)
	s, good := toy(t, n)
	contracts, err := chaintest.Contracts()
	require.NoError(t, err)
	selector := verifytest.New(t).Selector()
	r := rpcTo(t, chain.RPCOptions{Timeout: time.Second}, n.URL)

	t.Run("an address without code passes nothing, and does not start", func(t *testing.T) {
		t.Parallel()
		nowhere := func() *chain.Gateway { // each with breakers of its own
			return chain.NewGateway(rpcTo(t, chain.RPCOptions{Timeout: time.Second}, n.URL), chaintest.Nobody)
		}
		err := nowhere().Try(t.Context(), good)
		require.ErrorContains(t, err, "no verifier contract")
		require.NotEqual(t, fault.RPCUnavailable, codeOf(err))
		_, err = nowhere().Routes(t.Context(), selector)
		require.ErrorContains(t, err, "no verifier contract")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err = nowhere().Check(ctx, good)
		require.Equal(t, fault.RPCUnavailable, codeOf(err))
	})

	t.Run("a contract that takes everything does not start", func(t *testing.T) {
		t.Parallel()
		yes, err := n.Deploy(contracts["YesVerifier"], verifytest.New(t).Hash())
		require.NoError(t, err)
		require.ErrorContains(t, chain.NewGateway(r, yes.Address).Try(t.Context(), good), "it is a mock")
	})

	t.Run("a contract that takes nothing does not start", func(t *testing.T) {
		t.Parallel()
		empty, err := n.Deploy(contracts["Gateway"])
		require.NoError(t, err)
		require.ErrorContains(t, chain.NewGateway(r, empty.Address).Try(t.Context(), good), "RouteNotFound")
	})

	t.Run("a contract that answers something is no verifier", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, n.URL)
		p.lie(answering("eth_call", `"0x01"`))
		err := chain.NewGateway(rpcTo(t, chain.RPCOptions{}, p.URL), s.Gateway.Address).Try(t.Context(), good)
		require.Equal(t, fault.RPCUnavailable, codeOf(err))
	})

	t.Run("its routes are told apart", func(t *testing.T) {
		t.Parallel()
		s, good := toy(t, n)
		gateway := chain.NewGateway(r, s.Gateway.Address)
		routes, err := gateway.Routes(t.Context(), selector, [4]byte{1})
		require.NoError(t, err)
		require.Len(t, routes, 2)
		require.NotZero(t, routes[0].Verifier)
		require.Equal(t, selector, routes[0].Selector)
		require.False(t, routes[0].Frozen)
		require.Zero(t, routes[1].Verifier)
		require.NoError(t, s.Gateway.Send("freezeRoute", selector))
		routes, err = gateway.Routes(t.Context(), selector)
		require.NoError(t, err)
		require.True(t, routes[0].Frozen)
		_, err = gateway.Check(t.Context(), good)
		require.ErrorContains(t, err, "RouteIsFrozen")
		require.Equal(t, verify.UnknownSelector, verify.ReasonOf(err))
	})

	t.Run("a verifier asked itself says when a proof is of another circuit", func(t *testing.T) {
		t.Parallel()
		routes, err := chain.NewGateway(r, s.Gateway.Address).Routes(t.Context(), selector)
		require.NoError(t, err)
		verifier := chain.NewGateway(r, routes[0].Verifier)
		require.NoError(t, verifier.Try(t.Context(), good))
		other := good
		other.Proof = append([]byte{1}, good.Proof[1:]...)
		_, err = verifier.Check(t.Context(), other)
		require.ErrorContains(t, err, "WrongVerifierSelector")
	})
}

func TestTroubleIsNeverVerified(t *testing.T) {
	t.Parallel()
	n := shared.get(t)
	s, good := toy(t, n)
	for name, l := range map[string]lie{
		"the call has no answer":       answering("eth_call", "null"),
		"the call fails":               failing("eth_call", `{"code":-32000,"message":"out of gas at `+secret+`"}`),
		"one element is missing":       oneMissing,
		"the code is not there":        answering("eth_getCode", `"0x"`),
		"the code has no answer":       answering("eth_getCode", "null"),
		"the chain is another":         answering("eth_chainId", `"0x5"`),
		"it answers where none is due": answering("eth_call", `"0x01"`),
	} {
		t.Run("when "+name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, n.URL)
			p.lie(l)
			gateway := chain.NewGateway(rpcTo(t, chain.RPCOptions{ChainID: chaintest.ChainID, Timeout: 600 * time.Millisecond}, p.URL), s.Gateway.Address)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := gateway.Check(ctx, good)
			require.Equal(t, fault.RPCUnavailable, codeOf(err), "%v", err)
			require.NoError(t, ctx.Err(), "with time left to write it down")
			requireNoSecret(t, err.Error())
		})
	}

	t.Run("and is asked away for as long as the job has time", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, n.URL)
		gateway := chain.NewGateway(rpcTo(t, chain.RPCOptions{}, p.URL), s.Gateway.Address)
		p.lie(status(503))
		checked := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := gateway.Check(ctx, good)
			checked <- err
		}()
		require.Eventually(t, func() bool { return p.asked.Load() >= 5 }, 20*time.Second, 5*time.Millisecond)
		p.lie(nil)
		require.NoError(t, <-checked)
	})

	t.Run("and a job that ends otherwise ends the asking", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, n.URL)
		gateway := chain.NewGateway(rpcTo(t, chain.RPCOptions{}, p.URL), s.Gateway.Address)
		p.lie(status(503))
		ctx, stop := contextWithCause(t)
		checked := make(chan error, 1)
		go func() {
			_, err := gateway.Check(ctx, good)
			checked <- err
		}()
		require.Eventually(t, func() bool { return p.asked.Load() >= 1 }, 20*time.Second, 5*time.Millisecond)
		stop(errLeft)
		require.ErrorIs(t, <-checked, errLeft)
	})
}
