// Package verify knows whether bytes are a proof: whether an SP1 program committed these public values, and whether they
// are a claim's.
//
// It checks SP1's on-chain Groth16 and PLONK proofs natively, in half a millisecond, for every circuit version whose key
// is compiled in. A [Verifier] and [Checks] may be used from many goroutines; a check of a proof starts one goroutine and
// waits for it. What is in the public values, the package does not know: it compares them with a claim's, byte for byte.
//
// Proof bytes are malleable: anybody can make other bytes of a Groth16 proof that prove the same. They are never an
// identity, nor a guard against replay.
package verify

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/consensys/gnark/logger"
	"github.com/zeebo/blake3"

	"claimprover/internal/verify/internal/registry"
)

// Options tune a [Verifier]; the zero value is right for every program that SP1's contracts can verify.
type Options struct {
	// Digest is how the program commits to its public values; nil means SHA-256.
	Digest func(publicValues []byte) [32]byte
}

// Blake3 is the digest of a guest that was built with sp1-zkvm's feature blake3. Its proofs are valid, but every SP1
// contract refuses them.
func Blake3(publicValues []byte) [32]byte { return blake3.Sum256(publicValues) }

// Verifier checks proofs. It is not written to after [New].
type Verifier struct {
	digest   func([]byte) [32]byte
	circuits map[[4]byte]*circuit
	versions []string // known circuit versions, as a message lists them
}

// Circuit names a version of SP1's wrapper circuit in one proof system. The version is the circuit's, not the SDK's:
// sp1-sdk 6.1 to 6.4 all make proofs of v6.1.0.
type Circuit struct {
	Version  string // v6.1.0
	System   string // groth16 or plonk
	Selector [4]byte
}

func (c Circuit) String() string { return fmt.Sprintf("an SP1 %s %s proof", c.Version, c.System) }

// gnark reports each proof it sees on standard output, through a logger that is set without a lock: so once, before
// anything runs.
func init() { logger.Disable() }

// New makes a Verifier and tries it: of each circuit a good proof must pass and a spoiled one must not. An error means
// that nothing may be verified with this program, and so that it must not start.
func New(o Options) (*Verifier, error) { return NewWith(o) }

// NewWith is [New] with further circuits. Only this package's test support can name what it takes.
func NewWith(o Options, extra ...registry.Circuit) (*Verifier, error) {
	shipped, err := shippedCircuits(files)
	if err != nil {
		return nil, err
	}
	return build(o, append(shipped, extra...))
}

func build(o Options, entries []registry.Circuit) (*Verifier, error) {
	v := &Verifier{digest: o.Digest, circuits: map[[4]byte]*circuit{}}
	if v.digest == nil {
		v.digest = func(b []byte) [32]byte { return sha256.Sum256(b) }
	}
	for _, entry := range entries {
		c, err := newCircuit(entry)
		if err != nil {
			return nil, fmt.Errorf("circuit %s %s: %w", entry.Version, entry.System, err)
		}
		if _, doubled := v.circuits[c.Selector]; doubled {
			return nil, fmt.Errorf("circuit %s %s: its selector 0x%x is taken", entry.Version, entry.System, c.Selector)
		}
		v.circuits[c.Selector] = c
		if !slices.Contains(v.versions, entry.Version) {
			v.versions = append(v.versions, entry.Version)
		}
	}
	return v, v.selfTest(entries)
}

// Check gives nil when proof is what SP1's contracts take for program having committed publicValues, else an [*Error]
// with the [Reason]. It keeps none of its arguments.
func (v *Verifier) Check(proof, publicValues []byte, program [32]byte) error {
	c, err := v.circuit(proof)
	if err != nil {
		return err
	}
	return c.check(proof, program, v.digest(publicValues))
}

// Circuit says which circuit a proof is of, by its first four bytes alone.
func (v *Verifier) Circuit(proof []byte) (Circuit, error) {
	c, err := v.circuit(proof)
	if err != nil {
		return Circuit{}, err
	}
	return c.Circuit, nil
}

func (v *Verifier) circuit(proof []byte) (*circuit, error) {
	switch {
	case len(proof) == 0:
		return nil, refuse(NoProof, "the proof is empty, as a mock prover's is; it proves nothing")
	case len(proof) < selectorBytes:
		return nil, refuse(BadLength, "the proof has %d bytes, too few for a selector", len(proof))
	}
	selector := [4]byte(proof)
	if c, ok := v.circuits[selector]; ok {
		return c, nil
	}
	if owner, ok := retired[selector]; ok {
		return nil, refuse(UnknownSelector, "selector 0x%x is that of SP1 %s, whose key is not kept here; known are %s",
			selector, owner, strings.Join(v.versions, ", "))
	}
	return nil, refuse(UnknownSelector, "selector 0x%x is of no circuit known here (%s): the proof may come from a newer SP1, "+
		"carry something before its selector, or be none", selector, strings.Join(v.versions, ", "))
}
