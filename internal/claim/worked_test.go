package claim_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

// The values below were accepted by the compiled contract, or made by other implementations.

func TestChallengeIsWhatTheContractRecomputes(t *testing.T) {
	t.Parallel()
	var greatest uint256.Int
	greatest.SetAllOne()
	dead := common.HexToAddress("0x000000000000000000000000000000000000dEaD")
	local := claim.Domain{Contract: common.HexToAddress("0x5FbDB2315678afecb367f032d93F642f64180aa3"), ChainID: 31337}
	tempo := claim.Domain{Contract: common.HexToAddress("0x090853d08ac6dfb9496e1f6fa828469e41eac64d"), ChainID: 42431}
	for _, c := range []struct {
		domain    claim.Domain
		recipient common.Address
		amount    uint256.Int
		want      string
	}{
		{domain, recipient, amount, "0x4dc2472128ed1ae7c2504500509735c528f8132877a93f469d7aa35e75d17838"},
		{tempo, recipient, amount, "0x6ca2557f56f2308af276219d1206afb731ec221b36706b3752c758b2ce2f7ac1"},
		{local, dead, *uint256.NewInt(1), "0x4f1acd0c52fe6da03049b9718fb031b5ef53733fb3474d5df7566c925d27407e"},
		{local, dead, greatest, "0xf56d03a05fe17d0b79d2b6d41ef4778f2a5211251cf3e8aa014d3b9d892bdc25"},
	} {
		got := c.domain.Challenge(c.recipient, c.amount)
		require.Equal(t, c.want, hexutil.Encode(got[:]))
	}
}

func TestPublicValuesAreWhatTheGuestCommits(t *testing.T) {
	t.Parallel()
	values := signed(t).PublicValues()
	require.Equal(t, "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d000000000000000000000000742d35cc6634c0532925a3b844bc9e7595f4a3b200000000000000000000000000000000000000000000000045857f7b7a2ac6f84dc2472128ed1ae7c2504500509735c528f8132877a93f469d7aa35e75d17838",
		hexutil.Encode(values[:]))
}

func TestGuestStdinIsOneBincodeEntry(t *testing.T) {
	t.Parallel()
	c, err := claim.Parse(readVectors(t).Valid[0].Request)
	require.NoError(t, err)
	stdin := c.GuestStdin()
	require.Len(t, stdin, 204)
	require.Equal(t, "0x3000000000000000"+
		hexutil.Encode([]byte("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"))[2:]+
		"9a70aec361649c389c97ea8324bd75224c173e76837b5a096fe75524b1644431f14022e01fc6d7319683032bb3ffcb1f073ccf609d6fc983fba05ba1e7c6688b"+
		"92e07fe987d561f2e40d0b983b66bd0fe4fcbfb0"+
		"0000000000000000000000000000000000000000000000000000000000000001"+
		"c113a73060eaa5c7bdfe70e37a980cff65021257607b5b9125b5c50e493b7046", hexutil.Encode(stdin))
}

func TestASecondValidSignatureIsTheSameClaim(t *testing.T) {
	t.Parallel()
	c := signed(t)
	identity := domain.Identity(c)
	for _, signature := range []string{
		"0x8426bfaffc0b2da11bc7fcd0630499700ffb2a51450cbd0a716c5b841025bb5306e22df16d35af38a912d67f9b359764277cc2fd3160a0d96777af35a3728082",
		"0x5e9b080bfb86a5f4d0a8d1529258cb8496425204769fd4dfc25c993a561a4e1fef34378e02993d093e6e7cbbe1ce0fac642d37db0ca6396aa2621c889c085086",
	} {
		c.Signature = [64]byte(hexutil.MustDecode(signature))
		require.NoError(t, c.CheckSignature())
		require.Equal(t, identity, domain.Identity(c))
	}
}

func TestASignatureThatFitsEveryMessageIsRefused(t *testing.T) {
	t.Parallel()
	forgery := [64]byte(hexutil.MustDecode("0xe2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d760100000000000000000000000000000000000000000000000000000000000080"))
	err := claim.Claim{Signature: forgery, Challenge: [32]byte{1}}.CheckSignature()
	require.Equal(t, fault.InvalidSignature, fault.Of(err).Code)
}
