package server_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/fault"
	"claimprover/internal/verify"
)

func TestAChainThatIsAwayIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	var left time.Duration
	w := open(t, settings{checks: []verify.Check{func(ctx context.Context, _ verify.Subject) (string, error) {
		deadline, ok := ctx.Deadline()
		if ok {
			left = time.Until(deadline)
		}
		return "onchain", fault.New(fault.RPCUnavailable, "The chain cannot be asked right now.")
	}}})
	proof, err := os.ReadFile("../docs/examples/proof.json")
	require.NoError(t, err)
	r := w.call("POST", "/v1/verify", string(proof), withAlice)
	require.Equal(t, 503, r.StatusCode)
	require.Equal(t, "rpc_unavailable", into[api.Error](t, r).Code)
	require.Positive(t, left, "a request has no time of its own")
	require.Less(t, left, 20*time.Second)
}

func TestEveryCheckSaysItsOwnOfAProof(t *testing.T) {
	t.Parallel()
	says := func(name string, err error) verify.Check {
		return func(context.Context, verify.Subject) (string, error) { return name, err }
	}
	refusal := &verify.Error{Reason: verify.Invalid, Detail: "the contract reverted"}
	for _, list := range [][]verify.Check{{says("groth16", nil), says("onchain", refusal)}, {says("onchain", refusal), says("groth16", nil)}} {
		w := open(t, settings{checks: list})
		var v api.Verdict
		r := w.call("POST", "/v1/verify", `{"proof":"0x","publicValues":"0x","vkey":"`+"0x000d74444f16d75f72527687a36c1bd4c49e6799816dac4989be3bc175e86fd7"+`"}`, withAlice)
		require.NoError(t, json.Unmarshal(r.body, &v))
		require.False(t, v.Valid)
		require.ElementsMatch(t, []api.Check{{Name: "groth16", OK: true}, {Name: "onchain", Reason: "invalid", Detail: "the contract reverted"}}, v.Checks)
	}
}
