package verify

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"sync"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/verify/internal/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRecordedProofs(t *testing.T) {
	t.Parallel()
	for _, r := range recordings(t) {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			c, err := verifier(t).Circuit(r.proof)
			require.NoError(t, err)
			require.Equal(t, r.CircuitVersion, c.Version)
			require.Equal(t, r.System, c.System)
			require.Equal(t, r.Selector, "0x"+hex.EncodeToString(c.Selector[:]))

			err = verifier(t).Check(r.proof, r.values, r.program)
			if r.PublicValuesHash == "blake3" {
				require.Equal(t, Invalid, ReasonOf(err), "no contract takes a Blake3 proof, so neither do we by default")
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestBlake3ProgramsAreAChoice(t *testing.T) {
	t.Parallel()
	v, err := New(Options{Digest: Blake3})
	require.NoError(t, err, "the self-test's proofs are SHA-256 all the same")
	for _, r := range recordings(t) {
		if r.PublicValuesHash == "blake3" {
			require.NoError(t, v.Check(r.proof, r.values, r.program))
		} else {
			require.Equal(t, Invalid, ReasonOf(v.Check(r.proof, r.values, r.program)), "the other digest is not tried as well")
		}
	}
}

// TestGnarkAgrees holds our own equations against gnark's, for what passes and for what does not.
func TestGnarkAgrees(t *testing.T) {
	t.Parallel()
	for _, r := range recordings(t) {
		if r.PublicValuesHash != "sha256" {
			continue
		}
		gnark, inputs := gnarkVerify(t, r), r.inputs(t)
		require.NoError(t, gnark(inputs), r.Name)
		key := verifier(t).circuits[[4]byte(r.proof)]
		for i := range inputs {
			spoiled := append(fr.Vector(nil), inputs...)
			spoiled[i].SetRandom()
			require.Error(t, gnark(spoiled), r.Name)
			require.Error(t, key.key.check(r.proof[key.prefix:], spoiled), r.Name)
		}
	}
}

func TestShippedCircuitsAreTheManifests(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/manifest.json")
	require.NoError(t, err)
	var manifest struct {
		Keys []struct {
			CircuitVersion, SHA256, Selector, VKRoot string
			System                                   registry.System
			PublicInputs, ProofLength                int
		}
	}
	require.NoError(t, json.Unmarshal(raw, &manifest))
	require.Len(t, manifest.Keys, len(shipped))
	for i, key := range manifest.Keys {
		require.Equal(t, key.CircuitVersion, shipped[i].version)
		require.Equal(t, key.System, shipped[i].system)
		require.Equal(t, key.SHA256, shipped[i].hash)
		if key.VKRoot != "" {
			require.Equal(t, key.VKRoot, "0x"+shipped[i].root)
		}
		selector, err := hex.DecodeString(key.SHA256[:8])
		require.NoError(t, err)
		c := verifier(t).circuits[[4]byte(selector)]
		require.Equal(t, key.PublicInputs, c.key.inputs())
		require.Equal(t, key.ProofLength, c.prefix+c.key.bodyBytes())
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	v := verifier(t)
	var wg sync.WaitGroup
	for _, r := range oneOfEach(t) {
		other := append([]byte("x"), r.values...)
		for range 8 {
			wg.Go(func() {
				if err := v.Check(r.proof, r.values, r.program); err != nil {
					t.Errorf("%s: %v", r.Name, err)
				}
				if err := v.Check(r.proof, other, r.program); ReasonOf(err) != Invalid {
					t.Errorf("%s with other public values: %v", r.Name, err)
				}
			})
		}
	}
	wg.Wait()
}
