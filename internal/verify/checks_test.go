package verify_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/verify"
	"claimprover/internal/verify/verifytest"
	"claimprover/prover"
)

var program = [32]byte{1: 0x43, 31: 0x9f}

func aClaim() claim.Claim {
	return claim.Claim{
		PublicKey: [32]byte{1, 2, 3}, EVMAddress: common.Address{4, 5, 6}, Amount: *uint256.NewInt(7), Challenge: [32]byte{8},
	}
}

// proofOf is what an honest prover delivers for a claim.
func proofOf(t *testing.T, c claim.Claim) prover.Proof {
	values := c.PublicValues()
	return prover.Proof{Bytes: verifytest.New(t).Prove(program, values[:]), PublicValues: values[:]}
}

// passes is a check of another kind, as the contract's will be.
func passes(context.Context, verify.Subject) (string, error) { return "onchain", nil }

func TestAProofOfItsClaimIsVerifiedByEveryCheck(t *testing.T) {
	t.Parallel()
	checks := verify.NewChecks(program, verifytest.New(t).Verifier().Native, passes)
	by, err := checks.OfClaim(t.Context(), aClaim(), proofOf(t, aClaim()))
	require.NoError(t, err)
	require.Equal(t, []string{"groth16", "onchain"}, by)
}

func TestEachThingSpoiledFailsTheJob(t *testing.T) {
	t.Parallel()
	v := verifytest.New(t)
	good := proofOf(t, aClaim())
	other := aClaim()
	other.EVMAddress[0] ^= 1
	otherValues := other.PublicValues()
	spoiled := func(b []byte) []byte {
		b = slices.Clone(b)
		b[len(b)-1] ^= 1
		return b
	}
	for _, c := range []struct {
		name   string
		proof  prover.Proof
		reason verify.Reason
	}{
		{"a valid proof of another claim", proofOf(t, other), verify.PublicValues},
		{"its proof with this claim's public values", prover.Proof{Bytes: proofOf(t, other).Bytes, PublicValues: good.PublicValues}, verify.Invalid},
		{"this claim's proof with its public values", prover.Proof{Bytes: good.Bytes, PublicValues: otherValues[:]}, verify.PublicValues},
		{"a byte after the public values", prover.Proof{Bytes: good.Bytes, PublicValues: append(slices.Clone(good.PublicValues), 0)}, verify.PublicValues},
		{"no public values", prover.Proof{Bytes: good.Bytes}, verify.PublicValues},
		{"a valid proof of another program", prover.Proof{Bytes: v.Prove([32]byte{31: 1}, good.PublicValues), PublicValues: good.PublicValues}, verify.Invalid},
		{"a proof that the program failed", prover.Proof{Bytes: v.ProveExit(program, good.PublicValues, 1), PublicValues: good.PublicValues}, verify.ExitCode},
		{"a mock proof", prover.Proof{PublicValues: good.PublicValues}, verify.NoProof},
		{"a spoiled proof", prover.Proof{Bytes: spoiled(good.Bytes), PublicValues: good.PublicValues}, verify.NotOnCurve},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			by, err := verify.NewChecks(program, v.Verifier().Native, passes).OfClaim(t.Context(), aClaim(), c.proof)
			require.Empty(t, by)
			require.Equal(t, c.reason, verify.ReasonOf(err), "%v", err)
			require.True(t, fault.Is(err, fault.VerificationFailed))
			require.NotContains(t, fault.Of(err).Message, string(c.reason), "the reason is for the log")
		})
	}
}

func TestNoCheckOverrulesAnother(t *testing.T) {
	t.Parallel()
	refuses := func(context.Context, verify.Subject) (string, error) {
		return "onchain", &verify.Error{Reason: verify.Invalid, Detail: "the contract reverted"}
	}
	native := verifytest.New(t).Verifier().Native
	for _, list := range [][]verify.Check{{native, refuses}, {refuses, native}, {passes, refuses, native}} {
		by, err := verify.NewChecks(program, list...).OfClaim(t.Context(), aClaim(), proofOf(t, aClaim()))
		require.True(t, fault.Is(err, fault.VerificationFailed))
		require.ErrorContains(t, err, "checking onchain: the contract reverted")
		require.Empty(t, by, "not even the checks that passed")
	}
}

func TestACheckThatCouldNotBeMadeIsNotARefusal(t *testing.T) {
	t.Parallel()
	away := func(context.Context, verify.Subject) (string, error) {
		return "onchain", fault.New(fault.RPCUnavailable, "The chain cannot be asked right now.")
	}
	_, err := verify.NewChecks(program, away).OfClaim(t.Context(), aClaim(), proofOf(t, aClaim()))
	require.True(t, fault.Is(err, fault.RPCUnavailable))
	require.False(t, fault.Is(err, fault.VerificationFailed))
}

func TestACheckThatCannotBeMadeForNowIsLeftOut(t *testing.T) {
	t.Parallel()
	closed := func(context.Context, verify.Subject) (string, error) {
		return "claim", fault.New(fault.ClaimsClosed, "The contract is paused.").Because(verify.ErrNotNow)
	}
	refuses := func(context.Context, verify.Subject) (string, error) {
		return "onchain", &verify.Error{Reason: verify.Invalid, Detail: "the contract reverted"}
	}
	native := verifytest.New(t).Verifier().Native
	for _, list := range [][]verify.Check{{native, closed}, {closed, native}} {
		by, err := verify.NewChecks(program, list...).OfClaim(t.Context(), aClaim(), proofOf(t, aClaim()))
		require.NoError(t, err, "a proof that was paid for is not lost to a pause")
		require.Equal(t, []string{"groth16"}, by, "nothing says that the claim was tried")
	}
	for _, list := range [][]verify.Check{{refuses, closed}, {closed, refuses}} {
		by, err := verify.NewChecks(program, list...).OfClaim(t.Context(), aClaim(), proofOf(t, aClaim()))
		require.True(t, fault.Is(err, fault.VerificationFailed), "a pause excuses no other check")
		require.Empty(t, by)
	}
	by, err := verify.NewChecks(program, closed).OfClaim(t.Context(), aClaim(), proofOf(t, aClaim()))
	require.True(t, fault.Is(err, fault.ClaimsClosed), "a proof that nobody has checked is not given out as unchecked")
	require.Empty(t, by)
}

func TestNothingIsCheckedAfterTheJobHasEnded(t *testing.T) {
	t.Parallel()
	timeout := errors.New("the job's time is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(timeout)
	by, err := verify.NewChecks(program, passes).OfClaim(ctx, aClaim(), proofOf(t, aClaim()))
	require.ErrorIs(t, err, timeout)
	require.Empty(t, by)
}

func TestWithoutChecksNothingIsVerified(t *testing.T) {
	t.Parallel()
	by, err := verify.NewChecks(program).OfClaim(t.Context(), aClaim(), proofOf(t, aClaim()))
	require.NoError(t, err)
	require.Empty(t, by)
}

func TestTheNativeCheckIsNamedForTheSystem(t *testing.T) {
	t.Parallel()
	native := verifytest.New(t).Verifier().Native
	for selector, want := range map[string]string{"\x43\x88\xa2\x1c": "groth16", "\x5a\x09\x3a\x2f": "plonk", "????": "selector", "": "selector"} {
		name, err := native(t.Context(), verify.Subject{Proof: []byte(selector)})
		require.Error(t, err)
		require.Equal(t, want, name)
	}
}
