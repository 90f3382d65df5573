package verify

import (
	"encoding/json"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"claimprover/internal/verify/internal/registry"
)

// entry gives one shipped circuit as it is registered.
func entry(t *testing.T, version string, system registry.System) registry.Circuit {
	all, err := shippedCircuits(files)
	require.NoError(t, err)
	i := slices.IndexFunc(all, func(c registry.Circuit) bool { return c.Version == version && c.System == system })
	return all[i]
}

func TestZeroedPairingLinesDoNotStart(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v4.0.0-rc.3", "v5.0.0", "v6.0.0", "v6.1.0"} {
		e := entry(t, version, registry.PLONK)
		v, err := build(Options{}, []registry.Circuit{e})
		require.NoError(t, err)
		key := v.circuits[[4]byte(e.Control.Proof)].key.(*plonkKey)
		*key.setup = fixedPairs{} // as in the key that SP1 ships

		require.NoError(t, v.Check(e.Control.Proof, []byte("anything"), e.Control.Program), "with zeroed lines everything passes")
		require.ErrorContains(t, v.selfTest([]registry.Circuit{e}), "spoiled by other public values got <nil>")
	}
}

func TestSelfTestNeedsAGoodProof(t *testing.T) {
	t.Parallel()
	for _, system := range []registry.System{registry.Groth16, registry.PLONK} {
		e := entry(t, "v6.1.0", system)
		e.Control.PublicValues = []byte("of another run")
		_, err := build(Options{}, []registry.Circuit{e})
		require.ErrorContains(t, err, "a good proof was refused")

		e.Control = registry.Control{}
		_, err = build(Options{}, []registry.Circuit{e})
		require.Equal(t, NoProof, ReasonOf(err), "a circuit without a control proof is not to be trusted")
	}
}

func TestAlteredKeysDoNotStart(t *testing.T) {
	t.Parallel()
	for _, s := range shipped {
		name := "keys/" + s.version + "/" + string(s.system) + "_vk.bin"
		altered := fstest.MapFS{}
		require.NoError(t, fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := files.ReadFile(path)
			altered[path] = &fstest.MapFile{Data: data}
			return err
		}))
		altered[name].Data[40] ^= 1
		_, err := shippedCircuits(altered)
		require.ErrorContains(t, err, "verifying key "+name)
	}
}

func TestKeysThatAreNotWhatTheySay(t *testing.T) {
	t.Parallel()
	root := new([32]byte)
	groth, plonk := entry(t, "v5.0.0", registry.Groth16), entry(t, "v5.0.0", registry.PLONK)
	forgeable := slices.Clone(groth.Key)
	copy(forgeable[224:288], forgeable[128:192]) // δ = γ
	for _, c := range []struct {
		name, want string
		entry      registry.Circuit
	}{
		{"a Groth16 key that anybody can forge for", "δ = γ", registry.Circuit{System: registry.Groth16, Key: forgeable}},
		{"bytes after a Groth16 key", "396 of 397 bytes", registry.Circuit{System: registry.Groth16, Key: append(groth.Key, 0)}},
		{"bytes after a PLONK key", "34368 of 34369 bytes", registry.Circuit{System: registry.PLONK, Key: append(plonk.Key, 0)}},
		{"half a key", "reading a Groth16 key", registry.Circuit{System: registry.Groth16, Key: groth.Key[:200]}},
		{"half a key, PLONK", "reading a PLONK key", registry.Circuit{System: registry.PLONK, Key: plonk.Key[:200]}},
		{"no key", "unknown proof system", registry.Circuit{}},
		{"a v5 key as v6", "2 public inputs, where the circuit has 5", registry.Circuit{System: registry.PLONK, Key: plonk.Key, VKRoot: root}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := build(Options{}, []registry.Circuit{c.entry})
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := build(Options{}, []registry.Circuit{groth, groth})
	require.ErrorContains(t, err, "its selector 0xa4594c59 is taken")
}

func TestControlsAreRecordedProofs(t *testing.T) {
	t.Parallel()
	raw, err := files.ReadFile("keys/controls.json")
	require.NoError(t, err)
	var controls []struct{ Source, Proof string }
	require.NoError(t, json.Unmarshal(raw, &controls))
	require.Len(t, controls, len(shipped))
}
