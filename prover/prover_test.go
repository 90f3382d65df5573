package prover_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/prover"
)

// TestGuestStdinIsOneBincodeEntry is the first claim of testdata/claims.json, as the guest's own host writes it.
func TestGuestStdinIsOneBincodeEntry(t *testing.T) {
	t.Parallel()
	const (
		ss58      = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
		signature = "9a70aec361649c389c97ea8324bd75224c173e76837b5a096fe75524b1644431f14022e01fc6d7319683032bb3ffcb1f073ccf609d6fc983fba05ba1e7c6688b"
		recipient = "92e07fe987d561f2e40d0b983b66bd0fe4fcbfb0"
		challenge = "c113a73060eaa5c7bdfe70e37a980cff65021257607b5b9125b5c50e493b7046"
	)
	in := prover.Input{
		SS58: ss58, Signature: [64]byte(hexutil.MustDecode("0x" + signature)), EVMAddress: common.HexToAddress(recipient),
		Amount: *uint256.NewInt(1), Challenge: common.HexToHash(challenge),
	}
	require.Len(t, in.GuestStdin(), 204)
	require.Equal(t, "0x3000000000000000"+hexutil.Encode([]byte(ss58))[2:]+signature+recipient+
		"0000000000000000000000000000000000000000000000000000000000000001"+challenge, hexutil.Encode(in.GuestStdin()))
}
