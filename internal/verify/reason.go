package verify

import (
	"errors"
	"fmt"
)

// Reason says in one word why a proof was refused, so that a wrong SP1 version can be told from a forgery. The set is
// closed: a Reason may be a metric's label.
type Reason string

// Why a proof is refused. All but the first four need someone to have changed a proof's bytes, or to have built them.
const (
	NoProof         Reason = "no_proof"         // empty, as a mock prover's
	UnknownSelector Reason = "unknown_selector" // another SP1 version, or no SP1 proof
	PublicValues    Reason = "public_values"    // a proof of something else than the claim
	Invalid         Reason = "invalid"          // well formed, and no proof of these public values by this program
	ExitCode        Reason = "exit_code"        // a proof that the program failed
	VKRoot          Reason = "vk_root"          // made with recursion keys that SP1 did not ship
	BadLength       Reason = "bad_length"       // shorter or longer than its circuit's proofs
	NonCanonical    Reason = "non_canonical"    // a number that is not smaller than its bound
	Infinity        Reason = "infinity"
	NotOnCurve      Reason = "not_on_curve"
	NotInSubgroup   Reason = "not_in_subgroup"
)

// Error refuses a proof. Its text says all there is to say without the reason before it.
type Error struct {
	Reason Reason
	Detail string
}

func (e *Error) Error() string { return e.Detail }

// ReasonOf finds the reason in a chain of errors; "" when there is none, because nothing was found out about the proof.
func ReasonOf(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

func refuse(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
