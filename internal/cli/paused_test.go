package cli

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover"
)

func TestAPauseLosesNoProofThatWasPaidFor(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	made := 0
	c := o.serve(t, o.settings(), proving(func(in prover.Input) (prover.Proof, error) {
		made++
		require.NoError(t, o.Claims.Send("setPaused", true)) // while it is proved
		return o.proves().(proving)(in)
	}))
	body := o.submission(t, o.alice)
	j, err := c.Submit(t.Context(), body)
	require.NoError(t, err)
	j, err = c.Wait(t.Context(), j.JobID)
	require.NoError(t, err)
	require.Equal(t, "completed", j.Status, j.Message)
	require.Equal(t, []string{"groth16", "onchain"}, j.VerifiedBy, "nobody says that the contract would take it")
	require.Contains(t, j.Warning, "the claim itself was not tried")

	again, err := c.Submit(t.Context(), body)
	require.NoError(t, err, "who comes back during the pause has his proof")
	require.Equal(t, j.JobID, again.JobID)
	require.Equal(t, 1, made)
	_, err = c.Submit(t.Context(), o.submission(t, o.bob))
	require.Equal(t, fault.ClaimsClosed, codeOf(t, err), "and nothing new is begun")

	require.NoError(t, o.Claims.Send("setPaused", false))
	to := common.BytesToAddress(j.Transaction.To)
	_, err = o.Node.Send(&to, j.Transaction.Data)
	require.NoError(t, err, "after it the contract pays")
}
