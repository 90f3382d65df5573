package chain_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/verify"
	"claimprover/internal/verify/verifytest"
	"claimprover/prover"
)

// proved is a claim's proof by the test circuit.
func proved(t testing.TB, c claim.Claim) prover.Proof {
	t.Helper()
	values := c.PublicValues()
	return prover.Proof{Bytes: verifytest.New(t).Prove(program, values[:]), PublicValues: values[:]}
}

func TestTheClaimAsTheLastCheck(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	r := rpcTo(t, chain.RPCOptions{}, s.Node.URL)
	claims := claimsAt(t, r, s.Claims.Address, always)
	checks := verify.NewChecks(program, verifytest.New(t).Verifier().Native, chain.NewGateway(r, s.Gateway.Address).Check, claims.Settles(s.list.Proof))

	c := s.claim(t, 1)
	proof := proved(t, c)
	verifiedBy, err := checks.OfClaim(t.Context(), c, proof)
	require.NoError(t, err)
	require.Equal(t, []string{"groth16", "onchain", "claim"}, verifiedBy)

	// And so it is: the transaction as a wallet sends it is accepted.
	merkle, ok := s.list.Proof(c.PublicKey)
	require.True(t, ok)
	data, err := chain.ClaimCall(c.PublicKey, c.Amount, merkle, proof.Bytes, c.EVMAddress)
	require.NoError(t, err)
	_, err = s.Node.Send(&s.Claims.Address, data)
	require.NoError(t, err)
	require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), c)))

	_, err = checks.OfClaim(t.Context(), c, proof)
	require.Equal(t, fault.AlreadyClaimed, codeOf(err), "claimed while it was proved")
}

func TestTheClaimIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(*testing.T, stage)
		spoil  func(*verify.Subject)
		code   fault.Code
		notNow bool // and it may be otherwise later
		says   string
	}{
		"when the contract is paused meanwhile":    {before: sends("setPaused", true), code: fault.ClaimsClosed, notNow: true, says: "ClaimsPaused"},
		"when the deadline passes meanwhile":       {before: sends("setClaimDeadline", common.Big1), code: fault.ClaimsClosed, says: "ClaimDeadlinePassed"},
		"when the verifier is taken away":          {before: sends("setZKVerifier", common.Address{}), code: fault.ClaimsClosed, notNow: true, says: "NoZKVerifier"},
		"when it is claimed meanwhile":             {before: func(t *testing.T, s stage) { s.pay(t, 1) }, code: fault.AlreadyClaimed},
		"when the list is another":                 {before: sends("setMerkleRoot", [32]byte{1}), says: "InvalidMerkleProof"},
		"when the amount is another":               {spoil: func(s *verify.Subject) { s.PublicValues[95] ^= 1 }, says: "InvalidMerkleProof"},
		"when the recipient is another":            {spoil: func(s *verify.Subject) { s.PublicValues[63] ^= 1 }, says: "InvalidZKProof"},
		"when the proof is spoiled":                {spoil: func(s *verify.Subject) { s.Proof[355] ^= 1 }, says: "InvalidZKProof"},
		"when the public values are not a claim's": {spoil: func(s *verify.Subject) { s.PublicValues = s.PublicValues[:96] }, says: "not those of a claim"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, shared.get(t))
			proof := proved(t, s.claim(t, 1))
			subject := verify.Subject{Program: program, PublicValues: proof.PublicValues, Proof: proof.Bytes}
			if c.before != nil {
				c.before(t, s)
			}
			if c.spoil != nil {
				c.spoil(&subject)
			}
			checked, err := s.claims(t, always).Settles(s.list.Proof)(t.Context(), subject)
			require.Equal(t, "claim", checked)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, c.notNow, errors.Is(err, verify.ErrNotNow))
			if c.code != "" {
				require.Equal(t, c.code, codeOf(err))
				require.Empty(t, verify.ReasonOf(err), "that says nothing about the proof")
				return
			}
			require.NotEmpty(t, verify.ReasonOf(err))
		})
	}

	t.Run("when the contract cannot pay", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		contracts, err := chaintest.Contracts()
		require.NoError(t, err)
		poor, err := s.Node.Deploy(contracts["Token"])
		require.NoError(t, err)
		s.Claims, err = s.Node.Deploy(contracts["TangleMigration"], poor.Address, s.list.Root(), s.ZKVerifier.Address, common.Big0)
		require.NoError(t, err)
		proof := proved(t, s.claim(t, 1))
		_, err = s.claims(t, always).Settles(s.list.Proof)(t.Context(), verify.Subject{Program: program, PublicValues: proof.PublicValues, Proof: proof.Bytes})
		require.Equal(t, fault.ClaimsClosed, codeOf(err))
		require.ErrorContains(t, err, "ERC20InsufficientBalance")
		require.ErrorIs(t, err, verify.ErrNotNow, "its owner may fund it")
	})

	t.Run("but trouble is no refusal, and no success: an address without code", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		proof := proved(t, s.claim(t, 1))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		nowhere := claimsAt(t, rpcTo(t, chain.RPCOptions{Timeout: time.Second}, s.Node.URL), chaintest.Nobody, always)
		_, err := nowhere.Settles(s.list.Proof)(ctx, verify.Subject{Program: program, PublicValues: proof.PublicValues, Proof: proof.Bytes})
		require.Equal(t, fault.RPCUnavailable, codeOf(err))
	})

	t.Run("when the account is not on the list", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		proof := proved(t, s.claim(t, 200))
		_, err := s.claims(t, always).Settles(s.list.Proof)(t.Context(), verify.Subject{Program: program, PublicValues: proof.PublicValues, Proof: proof.Bytes})
		require.ErrorContains(t, err, "not on the list")
	})
}

func sends(method string, args ...any) func(*testing.T, stage) {
	return func(t *testing.T, s stage) { require.NoError(t, s.Claims.Send(method, args...)) }
}
