package network

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
)

// octets is hex text in the vectors, with or without 0x.
type octets []byte

func (o *octets) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(bytes.TrimPrefix(text, []byte("0x"))))
	*o = b
	return err
}

type signed struct {
	Body      octets `json:"body"`
	Digest    octets `json:"eip191_digest"`
	Signature octets `json:"signature"`
	Request   octets `json:"request"`
	RequestID octets `json:"request_id"`
	Signer    octets `json:"signer"`
	KeccakID  octets `json:"keccak_of_address_and_body"`
	Nonce     uint64 `json:"nonce"`
	VK        octets `json:"vk_placeholder"`
}

type keyForms struct {
	Bytes32   octets `json:"bytes32"`
	HashBytes octets `json:"hash_bytes"`
}

type recordedProof struct {
	File         string `json:"file"`
	SHA256       octets `json:"sha256"`
	OnChain      octets `json:"onchain_proof"`
	PublicValues octets `json:"public_values"`
	VKey         octets `json:"vkey"`
}

type golden struct {
	Key            octets `json:"key"`
	Address        octets `json:"address"`
	Domain         octets `json:"domain_mainnet"`
	DomainSepolia  octets `json:"domain_sepolia"`
	Groth16Head    octets `json:"groth16_hexdump_head"`
	StdinEmpty     octets `json:"stdin_empty"`
	StdinTwo       stdin  `json:"stdin_two_buffers"`
	StdinFibonacci stdin  `json:"stdin_recorded_fibonacci"`
	ClaimStdin     []struct {
		Entry   octets `json:"program_input_bincode"`
		Stdin   octets `json:"stdin_bincode"`
		Values  octets `json:"public_values"`
		Hash    octets `json:"public_values_hash_sha256"`
		Request struct {
			SS58      string `json:"Ss58Address"`
			Signature octets
			EVM       octets `json:"EvmAddress"`
			Challenge octets
			Amount    json.Number
		} `json:"request"`
	} `json:"claim_stdin"`
	ELF struct {
		Bincode octets `json:"bincode"`
		ELF     octets `json:"elf"`
	} `json:"elf_artifact_before_zstd"`
	CreateArtifact struct {
		Digest   octets `json:"eip191_digest"`
		SDK      octets `json:"request_stdin_as_sp1_sdk_6_4"`
		Standard octets `json:"request_stdin_standard"`
	} `json:"create_artifact"`
	VKHash    keyForms      `json:"vk_hash"`
	VKHash000 keyForms      `json:"vk_hash_of_000d7444"`
	VKHash004 keyForms      `json:"vk_hash_of_0043b758"`
	Program   signed        `json:"create_program"`
	Auction   signed        `json:"request_proof_auction"`
	Private   signed        `json:"request_proof_auction_private"`
	Base      signed        `json:"request_proof_base"`
	Cancel    signed        `json:"cancel_request"`
	Recorded  signed        `json:"recorded_request_signature"`
	Groth16   recordedProof `json:"proof_from_network_groth16"`
	PLONK     recordedProof `json:"proof_from_network_plonk"`
}

type stdin struct {
	Bincode octets   `json:"bincode"`
	Buffers []octets `json:"buffers"`
	Zstd    octets   `json:"recorded_zstd_from_sp1_cluster"`
}

func vectors(t *testing.T) (g golden) {
	b, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &g))
	return g
}

func TestMainnetsDomainIsWhatItsNameComesTo(t *testing.T) {
	t.Parallel()
	separator := func(chain int64) []byte {
		text := func(s string) []byte { return crypto.Keccak256([]byte(s)) }
		return crypto.Keccak256(text("EIP712Domain(string name,string version,uint256 chainId)"), text("Succinct Prover Network"),
			text("1.0.0"), big.NewInt(chain).FillBytes(make([]byte, 32)))
	}
	g := vectors(t)
	require.Equal(t, []byte(g.Domain), separator(1))
	require.Equal(t, []byte(g.DomainSepolia), separator(11155111)) // which was recorded
	require.Equal(t, []byte(g.Domain), mainnetDomain[:])
}
