package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/prover"
)

// Subject is what a check looks at: a proof that Program committed PublicValues.
type Subject struct {
	Program      [32]byte
	PublicValues []byte
	Proof        []byte
}

// Check is one way to look at a proof. It always gives its name, the one that verifiedBy lists (groth16, plonk, onchain);
// nil means that the proof passed, an [*Error] that it is none. Any other error says nothing about the proof: the check
// could not be made, and what may be shown of that is a fault.Error in its chain.
type Check func(ctx context.Context, s Subject) (name string, err error)

// ErrNotNow is wrapped by the error of a [Check] that could not be made because whoever it asks takes nothing for the
// time being: a contract that is paused. The proof is as good as the other checks say.
var ErrNotNow = errors.New("not to be checked for now")

// Native is the [Check] of the proof's own mathematics; its name is the proof's system, or "selector" when there is none.
func (v *Verifier) Native(_ context.Context, s Subject) (string, error) {
	c, err := v.Circuit(s.Proof)
	if err != nil {
		return "selector", err
	}
	return c.System, v.Check(s.Proof, s.PublicValues, s.Program)
}

// Checks is the list that a proof must pass for a claim, each for itself: none overrules another.
type Checks struct {
	program [32]byte
	list    []Check
}

// NewChecks binds checks to the program that makes this service's proofs. With an empty list no proof is ever called
// verified.
func NewChecks(program [32]byte, list ...Check) *Checks {
	return &Checks{program: program, list: list}
}

// OfClaim checks a prover's proof of a claim and gives the names of the checks that it passed, which are all but those
// that ended with [ErrNotNow]; if these are all there are, their error is the answer. A proof that is none, or is of
// something else, is a verification_failed with the [Reason] below it. When ctx has ended the error wraps its cause.
func (c *Checks) OfClaim(ctx context.Context, cl claim.Claim, p prover.Proof) (verifiedBy []string, err error) {
	want := cl.PublicValues()
	if !bytes.Equal(want[:], p.PublicValues) {
		return nil, failed("public_values", refuse(PublicValues, "the proof commits to other public values than the claim's"))
	}
	s := Subject{Program: c.program, PublicValues: want[:], Proof: p.Bytes}
	var later error
	for _, check := range c.list {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("checking the proof: %w", context.Cause(ctx))
		}
		switch name, err := check(ctx, s); {
		case err == nil:
			verifiedBy = append(verifiedBy, name)
		case errors.Is(err, ErrNotNow):
			later = failed(name, err)
		default:
			return nil, failed(name, err)
		}
	}
	if len(verifiedBy) == 0 {
		return nil, later
	}
	return verifiedBy, nil
}

// failed turns a refusal into what a claimant may see; other errors keep what they carry.
func failed(name string, err error) error {
	err = fmt.Errorf("checking %s: %w", name, err)
	if ReasonOf(err) == "" {
		return err
	}
	return fault.New(fault.VerificationFailed, "The proof did not pass its check, so nothing was released. "+
		"The claim is free again: submit it once more, and if that fails too, send us the job id.").Because(err)
}
