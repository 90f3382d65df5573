package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/solidity"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/chain/chaintest"
	"claimprover/internal/verify"
)

func TestEachProofSystemHasItsGateway(t *testing.T) {
	t.Parallel()
	v, err := verify.New(verify.Options{})
	require.NoError(t, err)
	for system, want := range map[string]string{"groth16": groth16Gateway, "plonk": plonkGateway} {
		for _, version := range []string{"v4.0.0-rc.3", "v5.0.0", "v6.0.0", "v6.1.0"} {
			control, err := verify.Control(version, system)
			require.NoError(t, err)
			got, err := (&VerifyCmd{}).gateway(v, control.Proof)
			require.NoError(t, err)
			require.Equal(t, want, got.Hex())
			got, err = (&VerifyCmd{Verifier: "0x00000000000000000000000000000000000000aa"}).gateway(v, control.Proof)
			require.NoError(t, err)
			require.Equal(t, common.Address{19: 0xaa}, got, "who names one is listened to")
		}
	}
	got, err := (&VerifyCmd{}).gateway(v, []byte{1, 2, 3, 4})
	require.NoError(t, err)
	require.Equal(t, groth16Gateway, got.Hex())
	_, err = (&VerifyCmd{Verifier: "0xaa"}).gateway(v, nil)
	require.ErrorContains(t, err, "--verifier")
}

// TestVerifyAsksTheContractOfARealProof has the contract that gnark exports for SP1's key behind a gateway.
func TestVerifyAsksTheContractOfARealProof(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../verify/keys/v6.1.0/groth16_vk.bin")
	require.NoError(t, err)
	var key groth16.VerifyingKey
	_, err = key.ReadFrom(bytes.NewReader(raw))
	require.NoError(t, err)
	var source strings.Builder
	require.NoError(t, key.ExportSolidity(&source, solidity.WithPragmaVersion("^0.8.20")))
	pairing, err := chaintest.CompileVerifier(source.String())
	require.NoError(t, err)
	node := chaintest.New(t)
	gateway := node.GatewayOf(t, pairing,
		common.HexToHash("0x4388a21c687fdd5f218d7e3d13190cac4c5355818d3605fd5fb811df468ee696"),
		common.HexToHash("0x002f850ee998974d6cc00e50cd0814b098c05bfade466d28573240d057f25352"))

	ask := func(change func(*VerifyCmd)) (string, error) {
		var out bytes.Buffer
		cmd := VerifyCmd{Fixture: "../../docs/examples/proof.json", RPCURL: node.URL, Verifier: gateway.Address.Hex()}
		change(&cmd)
		err := cmd.Run(t.Context(), Streams{Out: &out})
		return out.String(), err
	}
	out, err := ask(func(*VerifyCmd) {})
	require.NoError(t, err)
	require.Regexp(t, `(?m)^✓ groth16  passed\n✓ onchain  passed\nvalid: an SP1 v6\.1\.0 groth16 proof of these public values by this program, checked in [0-9.]+ ms$`, out)
	out, err = ask(func(c *VerifyCmd) { c.PublicValues = "0x00" })
	require.ErrorContains(t, err, "not valid")
	require.Regexp(t, `(?m)^✗ groth16  .*\n✗ onchain  the verifier contract refused the proof: ProofInvalid\nnot valid`, out)
	_, err = ask(func(c *VerifyCmd) { c.Verifier = chaintest.Nobody.Hex() })
	require.ErrorContains(t, err, "could not be asked", "an address without code says nothing of a proof")
}

func TestTheHashOfAProgramsPublicValuesIsAChoice(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../verify/testdata/proofs.json")
	require.NoError(t, err)
	type recording struct{ Proof, PublicValues, VKey, PublicValuesHash string }
	var recorded []recording
	require.NoError(t, json.Unmarshal(raw, &recorded))
	i := slices.IndexFunc(recorded, func(r recording) bool { return r.PublicValuesHash == "blake3" })
	for hash, valid := range map[string]bool{"sha256": false, "blake3": true} {
		cmd := VerifyCmd{Proof: recorded[i].Proof, PublicValues: recorded[i].PublicValues, VKey: recorded[i].VKey, Hash: hash}
		err := cmd.Run(t.Context(), Streams{Out: io.Discard})
		require.Equal(t, valid, err == nil, hash)
	}
}
