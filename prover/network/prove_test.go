package network_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/internal/verify/verifytest"
	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"

	wire "claimprover/prover/network/internal/spn/common"
)

func TestAClaimIsProved(t *testing.T) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			verifier := verifytest.New(t).Verifier()
			in(t, mode, nil, func(t *testing.T, w *world) {
				var j provertest.Journal
				proof, phases, err := w.prove(inputs[1], &j, time.Hour)
				require.NoError(t, err)
				require.Equal(t, []string{"uploading", "requesting", "requested", "proving", "downloading"}, phases)
				require.Equal(t, inputs[1].PublicValues[:], proof.PublicValues)
				require.NoError(t, verifier.Check(proof.Bytes, proof.PublicValues, program))
				require.Regexp(t, "^0x[0-9a-f]{64}$", proof.Request.ID)
				require.EqualValues(t, 1_234_567, proof.Request.Cycles)
				require.Equal(t, map[network.Mode]string{network.Mainnet: "332800000000000000"}[mode], proof.Request.Cost)
				if mode == network.Mainnet {
					require.Equal(t, "https://explorer.succinct.xyz/request/"+proof.Request.ID, proof.Request.Explorer)
				}
				require.Equal(t, 1, w.server.Bought(inputs[1].PublicValues[:]))
				require.Empty(t, w.server.Refused())
				require.Empty(t, w.server.Lost())
			})
		})
	}
}

func TestEachPhaseIsToldWithItsRequest(t *testing.T) {
	for mode, phases := range map[network.Mode][]string{
		network.Mainnet:  {"uploading", "requesting", "requested", "no bids yet", "assigned", "proving", "downloading"},
		network.Reserved: {"uploading", "requesting", "requested", "assigned", "proving", "downloading"},
		network.Cluster:  {"uploading", "requesting", "requested", "proving", "downloading"}, // it never says who has it
	} {
		in(t, mode, func(o *networktest.Options, _ *network.Options) {
			o.Assigned, o.Executed, o.Fulfilled = 30*time.Second, time.Minute, 2*time.Minute
		}, func(t *testing.T, w *world) {
			var p told
			proof, err := w.client.Prove(t.Context(), inputs[1], &provertest.Journal{}, p.report)
			require.NoError(t, err)
			require.Equal(t, phases, p.phases(), mode)
			for i, r := range p.all {
				if i < 2 {
					require.Empty(t, r.Request)
					continue
				}
				require.Equal(t, proof.Request.ID, r.Request.ID, r.Phase)
				require.Equal(t, proof.Request.Explorer, r.Request.Explorer, r.Phase)
			}
			require.Equal(t, proof.Request, p.all[len(p.all)-1].Request, "with cycles and cost, where the network tells")
		})
	}
}

// failing are claims that go wrong, by the public values of the claim, with what the network says of them.
var failing = map[int]networktest.Fate{
	20: {Executes: wire.ExecutionStatus_UNEXECUTABLE, Cause: wire.ExecuteFailureCause_EXCEEDED_GAS_LIMIT},
	21: {Executes: wire.ExecutionStatus_VALIDATION_FAILED, Error: wire.RequestError_PUBLIC_VALUES_MISMATCH},
	22: {Ends: wire.FulfillmentStatus_UNFULFILLABLE},
	23: {Ends: wire.FulfillmentStatus_UNFULFILLABLE, Error: wire.RequestError_VERIFICATION_KEY_MISMATCH},
	24: {Ends: wire.FulfillmentStatus_REVERTED},
	25: {Ends: wire.FulfillmentStatus_EXPIRED},
	26: {Bad: networktest.OfAnotherClaim, BadTimes: -1},
	27: {Stuck: true, Slow: time.Second},
	28: {Executes: wire.ExecutionStatus_UNEXECUTABLE},
}

func fates(_ int, values []byte) networktest.Fate {
	for n, fate := range failing {
		if bytes.Equal(inputs[n].PublicValues[:], values) {
			return fate
		}
	}
	return networktest.Fate{}
}

func TestContract(t *testing.T) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			p := prove(t)
			fails := []provertest.Failure{
				{Input: inputs[20], Code: fault.ProofFailed}, {Input: inputs[22], Code: fault.ProofFailed, Retryable: true},
				{Input: inputs[24], Code: fault.ProofFailed}, {Input: inputs[25], Code: fault.ProofFailed, Retryable: true},
				{Input: inputs[26], Code: fault.ProofFailed, Owes: true}, {Input: inputs[28], Code: fault.ProofFailed},
			}
			if mode != network.Cluster {
				fails = append(fails, provertest.Failure{Input: inputs[21], Code: fault.ProofFailed}, provertest.Failure{Input: inputs[23], Code: fault.ProofFailed})
			}
			provertest.RunInBubble(t, func(t *testing.T) provertest.Subject {
				w := newWorld(t, mode, p, func(o *networktest.Options, _ *network.Options) { o.Faults.Request = fates })
				return provertest.Subject{
					Prover:  w.client,
					Input:   inputs[1],
					Others:  []prover.Input{inputs[2], inputs[3]},
					Paid:    func() int { return w.server.Bought(inputs[1].PublicValues[:]) },
					Restart: func() prover.Prover { return w.restart() },
					Endless: &inputs[27],
					Failing: fails,
				}
			})
		})
	}
}
