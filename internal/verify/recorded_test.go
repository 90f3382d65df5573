package verify

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// recording is one entry of testdata/proofs.json: a proof found in a public repository, made by the SDK or the network.
type recording struct {
	Name, Source, System, CircuitVersion, Selector, VKey, PublicValuesHash string

	program       [32]byte
	proof, values []byte
}

var readRecordings = sync.OnceValues(func() ([]recording, error) {
	raw, err := os.ReadFile("testdata/proofs.json")
	if err != nil {
		return nil, err
	}
	var entries []struct {
		recording
		PublicValues, Proof string
	}
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, err
	}
	var all []recording
	for _, e := range entries {
		r := e.recording
		if r.program, err = ParseProgramKey(r.VKey); err != nil {
			return nil, err
		}
		if r.proof, err = hex.DecodeString(strings.TrimPrefix(e.Proof, "0x")); err != nil {
			return nil, err
		}
		if r.values, err = hex.DecodeString(strings.TrimPrefix(e.PublicValues, "0x")); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
})

// recordings gives every recorded proof.
func recordings(t testing.TB) []recording {
	all, err := readRecordings()
	require.NoError(t, err)
	return all
}

// oneOfEach gives one recording of each circuit, the one with the fewest public values, committed to by SHA-256.
func oneOfEach(t testing.TB) (some []recording) {
	all := slices.DeleteFunc(slices.Clone(recordings(t)), func(r recording) bool { return r.PublicValuesHash != "sha256" })
	slices.SortStableFunc(all, func(a, b recording) int {
		return cmp.Or(cmp.Compare(a.Selector, b.Selector), cmp.Compare(len(a.values), len(b.values)))
	})
	some = slices.CompactFunc(all, func(a, b recording) bool { return a.Selector == b.Selector })
	require.Len(t, some, len(shipped))
	return some
}

var sharedVerifier = sync.OnceValues(func() (*Verifier, error) { return New(Options{}) })

func verifier(t testing.TB) *Verifier {
	v, err := sharedVerifier()
	require.NoError(t, err)
	return v
}
