package cli

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

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
