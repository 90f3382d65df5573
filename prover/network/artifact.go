package network

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Artifact is a proof as the network delivers it.
type Artifact struct {
	Mode         ProofMode
	Inputs       [5][32]byte // program key, digest of the public values, exit code, vk root, proof nonce
	Encoded      []byte      // exit code, vk root, nonce, then gnark's proof, as the verifier contract reads it
	KeyHash      [32]byte    // of the circuit's verifying key; its first four bytes are the selector
	PublicValues []byte
	Version      string // of the circuit: v6.1.0
}

// tags of a proof's kind; they are not the numbers of ProofMode.
const (
	tagPLONK   = 2
	tagGroth16 = 3
)

// ErrMockProof says that an artifact holds no proof: it comes from a mock prover.
var ErrMockProof = errors.New("the artifact is a mock proof")

// DecodeArtifact reads a proof artifact of SP1 6, as sp1-sdk's SP1ProofWithPublicValues is written by bincode 1.3. It
// keeps parts of b.
func DecodeArtifact(b []byte) (Artifact, error) {
	r := reader{rest: b}
	var a Artifact
	switch tag := r.u32(); {
	case r.err != nil:
		return Artifact{}, r.err
	case tag == tagPLONK:
		a.Mode = PLONK
	case tag == tagGroth16:
		a.Mode = Groth16
	default:
		return Artifact{}, fmt.Errorf("a proof with tag %d, neither Groth16 nor PLONK", tag)
	}
	for i := range a.Inputs {
		word, err := decimal(r.bytes())
		if r.err == nil && err != nil {
			return Artifact{}, fmt.Errorf("public input %d (a proof before SP1 6 has two): %w", i, err)
		}
		a.Inputs[i] = word
	}
	encoded := r.bytes()
	r.bytes() // gnark's own encoding, which nobody needs
	copy(a.KeyHash[:], r.take(32))
	a.PublicValues = r.bytes()
	a.Version = string(r.bytes())
	r.skipTEE()
	switch {
	case r.err != nil:
		return Artifact{}, r.err
	case len(r.rest) > 0:
		return Artifact{}, errors.New("bytes after the proof")
	case len(encoded) == 0:
		return Artifact{}, ErrMockProof
	}
	var err error
	if a.Encoded, err = hex.DecodeString(string(encoded)); err != nil {
		return Artifact{}, fmt.Errorf("encoded proof: %w", err)
	}
	return a, a.consistent()
}

// skipTEE passes over the field that files of the SDK have at their end, and artifacts of the network have not.
func (r *reader) skipTEE() {
	if r.err != nil || len(r.rest) == 0 {
		return
	}
	if present := r.take(1)[0]; present == 1 {
		r.bytes()
	} else if present > 1 {
		r.err = errors.New("bytes after the proof")
	}
}

// sizes of the encoded proofs of SP1 6 in bytes.
var sizes = map[ProofMode]int{Groth16: 96 + 256, PLONK: 96 + 864}

func (a Artifact) consistent() error {
	if !strings.HasPrefix(a.Version, "v") || len(a.Version) > 32 {
		return fmt.Errorf("a circuit version of %.32q", a.Version)
	}
	if len(a.Encoded) != sizes[a.Mode] {
		return fmt.Errorf("an encoded %s proof of %d bytes instead of %d; its version is %s", a.Mode, len(a.Encoded), sizes[a.Mode], a.Version)
	}
	for i, word := range a.Inputs[2:] {
		if string(word[:]) != string(a.Encoded[32*i:32*i+32]) {
			return fmt.Errorf("public input %d is not what the encoded proof says", i+2)
		}
	}
	return nil
}

// Program is the key of the program that was proved.
func (a Artifact) Program() [32]byte { return a.Inputs[0] }

// OnChain is what the verifier contract takes: 356 bytes of Groth16, 964 of PLONK.
func (a Artifact) OnChain() []byte { return slices.Concat(a.KeyHash[:4], a.Encoded) }

// EncodeArtifact is the reverse of [DecodeArtifact], for those who stand in for the network.
func EncodeArtifact(a Artifact) []byte {
	tag := uint32(tagGroth16)
	if a.Mode == PLONK {
		tag = tagPLONK
	}
	out := binary.LittleEndian.AppendUint32(nil, tag)
	for _, word := range a.Inputs {
		out = appendBytes(out, []byte(new(big.Int).SetBytes(word[:]).String()))
	}
	out = appendBytes(out, hex.AppendEncode(nil, a.Encoded))
	out = appendBytes(out, nil)
	out = append(out, a.KeyHash[:]...)
	out = appendBytes(out, a.PublicValues)
	return appendBytes(out, []byte(a.Version))
}

// decimal reads a public input: canonical decimal digits of at most 256 bits.
func decimal(text []byte) (word [32]byte, err error) {
	if len(text) == 0 || len(text) > 78 {
		return word, errors.New("not a number of 256 bits")
	}
	n, ok := new(big.Int).SetString(string(text), 10)
	if !ok || n.Sign() < 0 || n.BitLen() > 256 || n.String() != string(text) {
		return word, errors.New("not a number of 256 bits")
	}
	n.FillBytes(word[:])
	return word, nil
}
