package verify

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"claimprover/internal/verify/internal/registry"
)

// files are SP1's verifying keys as its releases ship them, and a recorded good proof for each.
//
//go:embed keys
var files embed.FS

// shipped is every circuit that a production Verifier knows. hash is the SHA-256 of the key file, which is also what the
// contract answers as VERIFIER_HASH; root is the contract's VK_ROOT.
var shipped = []struct {
	version string
	system  registry.System
	hash    string
	root    string
}{
	{"v4.0.0-rc.3", registry.Groth16, "11b6a09d63d255ad425ee3a7f6211d5ec63fbde9805b40551c3136275b6f4eb4", ""},
	{"v4.0.0-rc.3", registry.PLONK, "1b34fe11a637737f0c75c88241669dcf9ca3c03713659265b8241f398a2d286d", ""},
	{"v5.0.0", registry.Groth16, "a4594c59bbc142f3b81c3ecb7f50a7c34bc9af7c4c444b5d48b795427e285913", ""},
	{"v5.0.0", registry.PLONK, "d4e8ecd2357dd882209800acd6abb443d231cf287d77ba62b732ce937c8b56e7", ""},
	{"v6.0.0", registry.Groth16, "0e78f4db7a6771a3a6a7d9c3b0de6fe73d58781368967a7fe84d87aefffec896", rootV600},
	{"v6.0.0", registry.PLONK, "bb1a6f2930e94bfe8b35e794faf43133214534a17d2ad8e51358cad437b3c317", rootV600},
	{"v6.1.0", registry.Groth16, "4388a21c687fdd5f218d7e3d13190cac4c5355818d3605fd5fb811df468ee696", rootV610},
	{"v6.1.0", registry.PLONK, "5a093a2fcb46394f5cadfe55c44d4d572fad9cec7aeb38026b0278322ef07fac", rootV610},
}

const (
	rootV600 = "008cd56e10c2fe24795cff1e1d1f40d3a324528d315674da45d26afb376e8670"
	rootV610 = "002f850ee998974d6cc00e50cd0814b098c05bfade466d28573240d057f25352"
)

// retired are selectors that exist in old fixtures and on old gateways (VERIFIER_HASH in sp1-contracts), so that a
// refusal can name the version.
var retired = map[[4]byte]string{
	{0xfe, 0xdc, 0x1f, 0xcc}: "v1.0.1 (PLONK)",
	{0xc4, 0x30, 0xff, 0x7f}: "v1.1.0 (PLONK)",
	{0xc8, 0x65, 0xc1, 0xb6}: "v1.2.0 (PLONK)",
	{0x83, 0x76, 0x29, 0xd3}: "v1.2.0 (Groth16)",
	{0x4a, 0xca, 0x24, 0x0a}: "v2.0.0 (PLONK)",
	{0x6a, 0x29, 0x06, 0xac}: "v2.0.0 (Groth16)",
	{0x54, 0xbd, 0xca, 0xe3}: "v3.0.0 (PLONK)",
	{0x09, 0x06, 0x90, 0x90}: "v3.0.0 (Groth16)",
	{0x43, 0x3c, 0xef, 0x0e}: "v6.0.0-beta.1 (PLONK)",
	{0x58, 0xb7, 0xa3, 0xc3}: "v6.0.0-beta.1 (Groth16)",
}

func shippedCircuits(files fs.FS) ([]registry.Circuit, error) {
	controls, err := readControls(files)
	if err != nil {
		return nil, err
	}
	var circuits []registry.Circuit
	for _, s := range shipped {
		name := fmt.Sprintf("keys/%s/%s_vk.bin", s.version, s.system)
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("reading a verifying key: %w", err)
		}
		if hash := sha256.Sum256(raw); hex.EncodeToString(hash[:]) != s.hash {
			return nil, fmt.Errorf("verifying key %s: its SHA-256 is %x, not that of the contract", name, hash)
		}
		c := registry.Circuit{Version: s.version, System: s.system, Key: raw, Control: controls[s.version+" "+string(s.system)]}
		if s.root != "" {
			root, err := hex.DecodeString(s.root)
			if err != nil {
				return nil, fmt.Errorf("root of %s: %w", s.version, err)
			}
			c.VKRoot = (*[32]byte)(root)
		}
		circuits = append(circuits, c)
	}
	return circuits, nil
}

// readControls gives the recorded proofs by "version system".
func readControls(files fs.FS) (map[string]registry.Control, error) {
	raw, err := fs.ReadFile(files, "keys/controls.json")
	if err != nil {
		return nil, fmt.Errorf("reading the control proofs: %w", err)
	}
	var recorded []struct{ CircuitVersion, System, VKey, PublicValues, Proof string }
	if err := json.Unmarshal(raw, &recorded); err != nil {
		return nil, fmt.Errorf("reading the control proofs: %w", err)
	}
	controls := map[string]registry.Control{}
	for _, r := range recorded {
		program, err := ParseProgramKey(r.VKey)
		values, err1 := hex.DecodeString(strings.TrimPrefix(r.PublicValues, "0x"))
		proof, err2 := hex.DecodeString(strings.TrimPrefix(r.Proof, "0x"))
		if err := errors.Join(err, err1, err2); err != nil {
			return nil, fmt.Errorf("control proof of %s %s: %w", r.CircuitVersion, r.System, err)
		}
		controls[r.CircuitVersion+" "+r.System] = registry.Control{Program: program, PublicValues: values, Proof: proof}
	}
	return controls, nil
}

// Control is a recorded proof of a circuit version in a system, by somebody's program: what a contract for that circuit
// must pass.
func Control(version, system string) (Subject, error) {
	controls, err := readControls(files)
	if err != nil {
		return Subject{}, err
	}
	c, ok := controls[version+" "+system]
	if !ok {
		return Subject{}, fmt.Errorf("no control proof of %s %s", version, system)
	}
	return Subject{Program: c.Program, PublicValues: c.PublicValues, Proof: c.Proof}, nil
}
