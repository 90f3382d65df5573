// Package registry holds what a circuit is registered with.
//
// It lies where only package verify and its test support can import it: no setting, and no other package, can add a
// circuit to those that are compiled in.
package registry

// System is a proof system; its text is the name of the native check in verifiedBy.
type System string

// The proof systems that SP1 wraps its proofs in.
const (
	Groth16 System = "groth16"
	PLONK   System = "plonk"
)

// Circuit is one version of SP1's wrapper circuit in one proof system.
type Circuit struct {
	Version string
	System  System
	Key     []byte    // as SP1 ships it: gnark's compressed form; its SHA-256 starts with the selector
	VKRoot  *[32]byte // what proofs must carry; nil: a circuit with two public inputs, as before v6
	Control Control
}

// Control is a good proof, committed to by SHA-256, that must pass at start, and must not once it is spoiled.
type Control struct {
	Program      [32]byte
	PublicValues []byte
	Proof        []byte
}
