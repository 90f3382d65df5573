package network_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/verify/verifytest"
	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/provertest"
)

var errOverrun = errors.New("ten minutes are over")

func TestAClaimIsProved(t *testing.T) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			verifier := verifytest.New(t).Verifier()
			in(t, mode, nil, func(t *testing.T, w *world) {
				var j provertest.Journal
				proof, phases, err := w.prove(inputs[1], &j, time.Hour)
				require.NoError(t, err)
				require.Equal(t, inputs[1].PublicValues[:], proof.PublicValues)
				require.NoError(t, verifier.Check(proof.Bytes, proof.PublicValues, program))
				t.Log(phases, proof.Request)
				require.Equal(t, 1, w.server.Bought(inputs[1].PublicValues[:]))
				require.Empty(t, w.server.Refused())
				require.Empty(t, w.server.Lost())
			})
		})
	}
}

func TestContract(t *testing.T) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			p := prove(t)
			provertest.RunInBubble(t, func(t *testing.T) provertest.Subject {
				w := newWorld(t, mode, p, nil)
				return provertest.Subject{
					Prover:  w.client,
					Input:   inputs[1],
					Others:  []prover.Input{inputs[2], inputs[3]},
					Paid:    func() int { return w.server.Bought(inputs[1].PublicValues[:]) },
					Restart: func() prover.Prover { return w.restart() },
				}
			})
		})
	}
}

var _ = network.Mainnet
