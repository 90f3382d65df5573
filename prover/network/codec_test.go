package network

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"runtime"
	"testing"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"claimprover/prover"
	"claimprover/prover/network/internal/spn/auction"
	"claimprover/prover/network/internal/spn/base"
	spn "claimprover/prover/network/internal/spn/common"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func repeated(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }

func TestBodiesAreEncodedAsTheNetworkDoes(t *testing.T) {
	t.Parallel()
	g := vectors(t)
	key, err := crypto.ToECDSA(g.Key)
	require.NoError(t, err)
	address := common.BytesToAddress(g.Address)
	auctioned := &auction.RequestProofBody{
		Nonce: 7, VkHash: g.VKHash.HashBytes, Version: "sp1-v6.1.0", Mode: spn.ProofMode_GROTH16, Strategy: spn.Strategy_AUCTION,
		StdinUri: "s3://example-bucket/stdins/artifact_01jqcgtjr7es883amkx30sqkg9", Deadline: 1800000000,
		CycleLimit: 1e12, GasLimit: 1e9, Whitelist: [][]byte{repeated(0xa1, 20), repeated(0xa2, 20)}, Domain: g.Domain,
		Auctioneer: repeated(0x13, 20), Executor: repeated(0x14, 20), Verifier: repeated(0x15, 20), Treasury: repeated(0x20, 20),
		BaseFee: "200000000000000000", MaxPricePerPgu: "1200000000",
	}
	private := proto.CloneOf(auctioned)
	private.StdinUri = "s3://example-bucket/private-stdins/artifact_01jqcgtjr7es883amkx30sqkg9"
	private.MinAuctionPeriod, private.Whitelist, private.PublicValuesHash, private.StdinPrivate = 1, nil, repeated(0x16, 32), true
	for name, c := range map[string]struct {
		body proto.Message
		want signed
	}{
		"auction":         {auctioned, g.Auction},
		"private auction": {private, g.Private},
		"base": {&base.RequestProofBody{
			Nonce: 7, VkHash: g.VKHash.HashBytes, Version: "sp1-v6.1.0", Mode: spn.ProofMode_GROTH16, Strategy: spn.Strategy_RESERVED,
			StdinUri: "http://127.0.0.1:8081/artifacts/stdin/artifact_01jqcgtjr7es883amkx30sqkg9", Deadline: 1800000000,
			CycleLimit: 1<<64 - 1, GasLimit: 1<<64 - 1,
		}, g.Base},
		"cancel":  {&auction.CancelRequestBody{Nonce: g.Cancel.Nonce, RequestId: g.Auction.RequestID}, g.Cancel},
		"program": {&spn.CreateProgramBody{Nonce: 8, VkHash: g.VKHash.HashBytes, Vk: g.Program.VK, ProgramUri: programURI(t, g)}, g.Program},
	} {
		body, err := encode(c.body)
		require.NoError(t, err)
		require.Equal(t, []byte(c.want.Body), body, name)
		require.Equal(t, []byte(c.want.Digest), accounts.TextHash(body), name)
		signature, err := sign(key, body)
		require.NoError(t, err)
		require.Equal(t, []byte(c.want.Signature), signature, name)
		if c.want.Request != nil {
			request, err := encode(envelope(body, signature))
			require.NoError(t, err)
			require.Equal(t, []byte(c.want.Request), request, name)
		}
		if id := append(c.want.RequestID, c.want.KeccakID...); id != nil {
			got := requestID(address, body)
			require.Equal(t, []byte(id), got[:], name)
		}
	}
}

// programURI is not among the vector's fields.
func programURI(t *testing.T, g golden) string {
	var body spn.CreateProgramBody
	require.NoError(t, proto.Unmarshal(g.Program.Body, &body))
	return body.ProgramUri
}

func TestARecordedRequestIsEncodedToItself(t *testing.T) {
	t.Parallel()
	g := vectors(t).Recorded
	var body auction.RequestProofBody
	require.NoError(t, proto.UnmarshalOptions{}.Unmarshal(g.Body, &body))
	require.Empty(t, body.ProtoReflect().GetUnknown())
	again, err := encode(&body)
	require.NoError(t, err)
	require.Equal(t, []byte(g.Body), again)
	require.Equal(t, []byte(g.Digest), accounts.TextHash(again))
	signer, err := recoverSigner(again, g.Signature)
	require.NoError(t, err)
	require.Equal(t, []byte(g.Signer), signer[:])
	id := requestID(signer, again)
	require.Equal(t, []byte(g.RequestID), id[:])
}

func TestCreateArtifactIsSignedInTwoForms(t *testing.T) {
	t.Parallel()
	g := vectors(t)
	key, err := crypto.ToECDSA(g.Key)
	require.NoError(t, err)
	require.Equal(t, []byte(g.CreateArtifact.Digest), accounts.TextHash([]byte(artifactText)))
	for sdk, want := range map[bool]octets{true: g.CreateArtifact.SDK, false: g.CreateArtifact.Standard} {
		signature, err := signArtifact(key, sdk)
		require.NoError(t, err)
		request, err := encode(&spn.CreateArtifactRequest{Signature: signature, ArtifactType: spn.ArtifactType_STDIN})
		require.NoError(t, err)
		require.Equal(t, []byte(want), request)
	}
}

func TestVKHash(t *testing.T) {
	t.Parallel()
	g := vectors(t)
	for _, forms := range []keyForms{g.VKHash, g.VKHash000, g.VKHash004} {
		got, err := VKHash([32]byte(forms.Bytes32))
		require.NoError(t, err)
		require.Equal(t, []byte(forms.HashBytes), got[:])
	}
	_, err := VKHash([32]byte(bytes.Repeat([]byte{0xff}, 32)))
	require.ErrorContains(t, err, "no SP1 program key")
	_, err = VKHash([32]byte{1})
	require.ErrorContains(t, err, "more than 248 bits")
	_, err = VKHash([32]byte([]byte("0x000d74444f16d75f72527687a36c1b")[:32]))
	require.Error(t, err, "a key that is the hex of its own text")
}

func TestStdin(t *testing.T) {
	t.Parallel()
	g := vectors(t)
	require.Equal(t, []byte(g.StdinEmpty), EncodeStdin())
	for _, v := range []stdin{g.StdinTwo, g.StdinFibonacci} {
		var buffers [][]byte
		for _, b := range v.Buffers {
			buffers = append(buffers, b)
		}
		require.Equal(t, []byte(v.Bincode), EncodeStdin(buffers...))
		read, err := DecodeStdin(v.Bincode)
		require.NoError(t, err)
		require.Equal(t, buffers, read)
	}
	unpacked, err := Decompress(g.StdinFibonacci.Zstd)
	require.NoError(t, err)
	require.Equal(t, []byte(g.StdinFibonacci.Bincode), unpacked)
	require.Equal(t, []byte(g.ELF.Bincode), encodeELF(g.ELF.ELF))
	for _, c := range g.ClaimStdin {
		in := prover.Input{
			SS58: c.Request.SS58, Signature: [64]byte(c.Request.Signature), EVMAddress: common.BytesToAddress(c.Request.EVM),
			Challenge: [32]byte(c.Request.Challenge),
		}
		require.NoError(t, in.Amount.SetFromDecimal(c.Request.Amount.String()))
		require.Equal(t, []byte(c.Entry), in.GuestStdin())
		require.Equal(t, []byte(c.Stdin), EncodeStdin(in.GuestStdin()))
		hash := sha256.Sum256(c.Values)
		require.Equal(t, []byte(c.Hash), hash[:])
	}
}

func TestAStdinIsReadStrictly(t *testing.T) {
	t.Parallel()
	good := EncodeStdin([]byte("a"))
	for name, bad := range map[string][]byte{
		"cut": good[:len(good)-1], "longer": append(bytes.Clone(good), 0), "empty": {},
		"pointer":            append(bytes.Clone(good[:17]), append([]byte{1}, good[18:]...)...),
		"a length beyond it": append(binary.LittleEndian.AppendUint64(nil, 1), bytes.Repeat([]byte{0xff}, 24)...),
	} {
		_, err := DecodeStdin(bad)
		require.Error(t, err, name)
	}
}

func TestProofArtifacts(t *testing.T) {
	t.Parallel()
	g := vectors(t)
	for mode, v := range map[ProofMode]recordedProof{Groth16: g.Groth16, PLONK: g.PLONK} {
		b, err := os.ReadFile("testdata/" + v.File)
		require.NoError(t, err)
		if mode == Groth16 {
			require.True(t, bytes.HasPrefix(b, g.Groth16Head))
		}
		sum := sha256.Sum256(b)
		require.Equal(t, []byte(v.SHA256), sum[:])
		a, err := DecodeArtifact(b)
		require.NoError(t, err)
		require.Equal(t, mode, a.Mode)
		require.Equal(t, []byte(v.OnChain), a.OnChain())
		require.Equal(t, []byte(v.PublicValues), a.PublicValues)
		program := a.Program()
		require.Equal(t, []byte(v.VKey), program[:])
		require.Equal(t, "v6.0.0", a.Version)

		again, err := DecodeArtifact(EncodeArtifact(a))
		require.NoError(t, err)
		require.Equal(t, a, again)
		for n := range len(b) {
			_, err := DecodeArtifact(b[:n])
			require.Error(t, err, "cut at %d", n)
		}
		_, err = DecodeArtifact(append(bytes.Clone(b), 0))
		require.NoError(t, err, "a file of the SDK without a TEE's signature")
		_, err = DecodeArtifact(append(bytes.Clone(b), 1, 2, 0, 0, 0, 0, 0, 0, 0, 7, 7))
		require.NoError(t, err, "a file of the SDK with one")
		for _, tail := range [][]byte{{2}, {0, 0}, {1}} {
			_, err = DecodeArtifact(append(bytes.Clone(b), tail...))
			require.Error(t, err, "%x", tail)
		}
	}
}

func TestAProofThatContradictsItselfIsRefused(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/proof_from_network_groth16_v6.0.0.bin")
	require.NoError(t, err)
	good, err := DecodeArtifact(b)
	require.NoError(t, err)
	for name, spoil := range map[string]func(*Artifact){
		"mock":      func(a *Artifact) { a.Encoded = nil },
		"exit code": func(a *Artifact) { a.Inputs[2][31] = 1 },
		"vk root":   func(a *Artifact) { a.Encoded = bytes.Clone(a.Encoded); a.Encoded[40]++ },
		"short":     func(a *Artifact) { a.Encoded = a.Encoded[:len(a.Encoded)-1] },
		"the other": func(a *Artifact) { a.Mode = PLONK },
		"version":   func(a *Artifact) { a.Version = "6.0.0" },
	} {
		a := good
		spoil(&a)
		_, err := DecodeArtifact(EncodeArtifact(a))
		require.Error(t, err, name)
	}
	_, err = DecodeArtifact(binary.LittleEndian.AppendUint32(nil, 1))
	require.ErrorContains(t, err, "neither Groth16 nor PLONK")
	_, err = DecodeArtifact(append(binary.LittleEndian.AppendUint32(nil, 3), appendBytes(nil, []byte("007"))...))
	require.ErrorContains(t, err, "public input 0")
}

func TestCompression(t *testing.T) {
	t.Parallel()
	packer := newPacker()
	for _, n := range []int{0, 1, 236, 1 << 20} {
		b := bytes.Repeat([]byte{7, 1}, n)
		unpacked, err := Decompress(packer.EncodeAll(b, nil))
		require.NoError(t, err)
		require.Equal(t, len(b), len(unpacked))
		require.True(t, bytes.Equal(b, unpacked))
	}
	plain, err := Decompress([]byte("plain"))
	require.NoError(t, err)
	require.Equal(t, "plain", string(plain))
	_, err = Decompress([]byte(zstdMagic + "rubbish"))
	require.Error(t, err)
}

// frame makes a zstd frame by hand: the blocks, each of which says the byte 0 so many times.
func frame(blocks, each int) []byte {
	out := []byte(zstdMagic + "\x00\x58") // no checksum, no size, a window of 2 MiB
	for i := range blocks {
		block := each<<3 | 1<<1
		if i == blocks-1 {
			block |= 1
		}
		out = append(out, byte(block), byte(block>>8), byte(block>>16), 0)
	}
	return out
}

// TestABombDoesNotGoOff is not parallel: it looks at what is allocated.
func TestABombDoesNotGoOff(t *testing.T) {
	bomb := frame(10<<20/4, 4096) // 10 MiB that say 10 GiB
	require.InDelta(t, 10<<20, len(bomb), 16)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decompress(bomb)
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, "more than 32 MiB")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(100<<20))
}

func TestAPackedArtifactIsOneFrame(t *testing.T) {
	t.Parallel()
	good := frame(3, 4096)
	unpacked, err := Decompress(good)
	require.NoError(t, err)
	require.Len(t, unpacked, 3*4096)
	summed, err := hex.DecodeString("28b52ffd24248500003801000400e8030003100073603c60019038a347")
	require.NoError(t, err)
	for name, bad := range map[string][]byte{
		"two frames":               append(bytes.Clone(good), good...),
		"a skippable one behind":   append(bytes.Clone(good), "\x50\x2a\x4d\x18\x00\x00\x00\x00"...),
		"bytes behind":             append(bytes.Clone(good), 0),
		"cut":                      good[:len(good)-1],
		"cut in a block's head":    good[:len(good)-2],
		"its beginning only":       good[:6],
		"a wrong checksum":         append(bytes.Clone(summed[:len(summed)-1]), 0),
		"bytes behind a checksum":  append(bytes.Clone(summed), 0),
		"a window beyond measure":  append([]byte(zstdMagic+"\x00\xf8"), good[6:]...),
		"a reserved kind of block": append([]byte(zstdMagic+"\x00\x58"), 7, 0, 0),
	} {
		_, err := Decompress(bad)
		require.Error(t, err, name)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
