package verify

import (
	"crypto/sha256"
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"claimprover/internal/verify/internal/registry"
)

// What SP1 puts before the proof itself: the selector, and from v6 on three words that are public inputs.
const (
	selectorBytes = 4
	inputsAfterV6 = 5
	inputsBefore  = 2
	digestInput   = 1 // where the digest of the public values stands among them
)

// circuit is a registered circuit whose key is ready. It is not written to after it was made.
type circuit struct {
	Circuit
	key    key
	root   *[32]byte
	prefix int // where the proof itself begins
}

// key is a verifying key of either system.
type key interface {
	inputs() int
	bodyBytes() int
	// check refuses a body that is not a proof of inputs, with an [*Error] but for what cannot happen.
	check(body []byte, inputs []fr.Element) error
}

func newCircuit(entry registry.Circuit) (*circuit, error) {
	hash := sha256.Sum256(entry.Key)
	c := &circuit{
		Circuit: Circuit{Version: entry.Version, System: string(entry.System), Selector: [4]byte(hash[:4])},
		root:    entry.VKRoot, prefix: selectorBytes,
	}
	want := inputsBefore
	if c.root != nil {
		want, c.prefix = inputsAfterV6, selectorBytes+3*wordBytes
	}
	var err error
	switch entry.System {
	case registry.Groth16:
		c.key, err = newGroth16Key(entry.Key)
	case registry.PLONK:
		c.key, err = newPlonkKey(entry.Key)
	default:
		err = fmt.Errorf("unknown proof system %q", entry.System)
	}
	if err != nil {
		return nil, err
	}
	if got := c.key.inputs(); got != want {
		return nil, fmt.Errorf("a key for %d public inputs, where the circuit has %d", got, want)
	}
	return c, nil
}

// check refuses proof unless it proves that program committed to digest and ended well. Cheap steps come first, so
// that garbage never reaches a pairing.
func (c *circuit) check(proof []byte, program, digest [32]byte) error {
	if want := c.prefix + c.key.bodyBytes(); len(proof) != want {
		return refuse(BadLength, "the proof has %d bytes; %s has exactly %d", len(proof), c.Circuit, want)
	}
	if err := judgeKey(program); err != nil {
		return refuse(NonCanonical, "the program key: %v", err)
	}
	inputs := make([]fr.Element, 2, inputsAfterV6)
	var err error
	if inputs[0], err = decodeScalar("program key", program[:]); err != nil {
		return err
	}
	digest[0] &= 0x1f // the low 253 bits, which are smaller than the modulus
	if inputs[digestInput], err = decodeScalar("digest", digest[:]); err != nil {
		return err
	}
	if c.root != nil {
		words := proof[selectorBytes:c.prefix]
		if inputs, err = c.appendWords(inputs, words[:32], words[32:64], words[64:96]); err != nil {
			return err
		}
	}
	return c.key.check(proof[c.prefix:], inputs)
}

// appendWords judges the three words that travel in a proof from v6 on: the pairing takes whatever the prover put there.
func (c *circuit) appendWords(inputs []fr.Element, exitCode, root, nonce []byte) ([]fr.Element, error) {
	if [32]byte(exitCode) != ([32]byte{}) {
		return nil, refuse(ExitCode, "the program did not end well: its exit code is 0x%x", exitCode)
	}
	if [32]byte(root) != *c.root {
		return nil, refuse(VKRoot, "the proof's recursion keys are not those of %s: its root is 0x%x", c.Circuit, root)
	}
	for _, word := range [...]struct {
		name  string
		bytes []byte
	}{{"exit code", exitCode}, {"root", root}, {"nonce", nonce}} {
		input, err := decodeScalar(word.name, word.bytes)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, input)
	}
	return inputs, nil
}
