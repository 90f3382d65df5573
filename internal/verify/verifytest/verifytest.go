// Package verifytest proves any public values in SP1's envelope, in milliseconds, for tests.
//
// It makes its own Groth16 key, once in a process, for a tiny circuit with SP1's five public inputs, and a
// verify.Verifier that knows it beside the shipped circuits. Such proofs prove nothing: whoever runs this package can
// make one of any statement. That is why its circuit can be registered from here only, and why a test sees to it that
// no program of ours links it.
package verifytest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/solidity"
	constraint "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"

	"claimprover/internal/verify"
	"claimprover/internal/verify/internal/registry"
)

// Version is the circuit version that the test circuit is registered under.
const Version = "v0.0.0-test"

// Circuit makes proofs. Its methods may be called from many goroutines.
type Circuit struct {
	t testing.TB
	*setup
}

// setup is what all Circuits of a process share.
type setup struct {
	system   *constraint.R1CS
	proving  groth16.ProvingKey
	key      groth16.VerifyingKey
	hash     [32]byte // of the key as it would be shipped; its first four bytes are the selector
	root     [32]byte
	verifier *verify.Verifier
}

var shared = sync.OnceValues(newSetup)

// New gives the process's test circuit; what goes wrong with a proof is an error of t.
func New(t testing.TB) *Circuit {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("setting up the test circuit: %v", err)
	}
	return &Circuit{t: t, setup: s}
}

// Verifier knows the test circuit and every shipped one.
func (c *Circuit) Verifier() *verify.Verifier { return c.verifier }

// Selector is what the circuit's proofs begin with.
func (c *Circuit) Selector() [4]byte { return [4]byte(c.hash[:4]) }

// Hash is what a contract for this circuit answers as VERIFIER_HASH.
func (c *Circuit) Hash() [32]byte { return c.hash }

// VKRoot is what the circuit's proofs carry, and what a contract for it demands.
func (c *Circuit) VKRoot() [32]byte { return c.root }

// WriteSolidity writes gnark's verifier contract for the circuit's key, named Verifier, for solc from 0.8.20 on.
func (c *Circuit) WriteSolidity(w io.Writer) error {
	return c.key.ExportSolidity(w, solidity.WithPragmaVersion("^0.8.20"))
}

// Prove proves that program committed publicValues and ended well: 356 bytes as SP1 6 would send them to its contract.
func (c *Circuit) Prove(program [32]byte, publicValues []byte) []byte {
	c.t.Helper()
	return c.ProveExit(program, publicValues, 0)
}

// ProveExit is Prove for a program that ended with an exit code. The proof is sound, and must be refused unless it is 0.
func (c *Circuit) ProveExit(program [32]byte, publicValues []byte, exitCode byte) []byte {
	c.t.Helper()
	proof, err := c.prove(program, publicValues, exitCode)
	if err != nil {
		c.t.Errorf("proving: %v", err)
	}
	return proof
}

// statement has SP1's public inputs, each bound to a secret of the same value.
type statement struct {
	Public [5]frontend.Variable `gnark:",public"` // program, digest, exit code, root, nonce
	Secret [5]frontend.Variable
}

func (s *statement) Define(api frontend.API) error {
	for i := range s.Public {
		api.AssertIsEqual(s.Public[i], s.Secret[i])
	}
	return nil
}

func newSetup() (*setup, error) {
	compiled, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, &statement{})
	if err != nil {
		return nil, fmt.Errorf("compiling: %w", err)
	}
	s := &setup{system: compiled.(*constraint.R1CS), root: [32]byte{31: 1}}
	if err := groth16.Setup(s.system, &s.proving, &s.key); err != nil {
		return nil, fmt.Errorf("making the keys: %w", err)
	}
	var key bytes.Buffer
	if _, err := s.key.WriteTo(&key); err != nil {
		return nil, fmt.Errorf("writing the key: %w", err)
	}
	s.hash = sha256.Sum256(key.Bytes())

	control := registry.Control{Program: [32]byte{31: 1}, PublicValues: []byte("control")}
	if control.Proof, err = s.prove(control.Program, control.PublicValues, 0); err != nil {
		return nil, err
	}
	s.verifier, err = verify.NewWith(verify.Options{}, registry.Circuit{
		Version: Version, System: registry.Groth16, Key: key.Bytes(), VKRoot: &s.root, Control: control,
	})
	return s, err
}

func (s *setup) prove(program [32]byte, publicValues []byte, exitCode byte) ([]byte, error) {
	digest := sha256.Sum256(publicValues)
	digest[0] &= 0x1f
	words := [5][32]byte{program, digest, {31: exitCode}, s.root, {}}
	var assigned statement
	for i := range words {
		assigned.Public[i], assigned.Secret[i] = words[i][:], words[i][:]
	}
	witness, err := frontend.NewWitness(&assigned, ecc.BN254.ScalarField())
	if err != nil {
		return nil, fmt.Errorf("assigning: %w", err)
	}
	proof, err := groth16.Prove(s.system, &s.proving, witness)
	if err != nil {
		return nil, fmt.Errorf("proving: %w", err)
	}
	ar, bs, krs := proof.Ar.RawBytes(), proof.Bs.RawBytes(), proof.Krs.RawBytes() // uncompressed, as the contract reads them
	return slices.Concat(s.hash[:4], words[2][:], words[3][:], words[4][:], ar[:], bs[:], krs[:]), nil
}
