package networktest_test

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"claimprover/prover/network"
	"claimprover/prover/network/internal/spn"
	"claimprover/prover/network/internal/spn/auction"
	wire "claimprover/prover/network/internal/spn/common"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller speaks to a server without any of the client's care.
type caller struct {
	t    *testing.T
	conn *grpc.ClientConn
	good *auction.RequestProofBody
}

func call(t *testing.T) *caller {
	var program [32]byte
	_, err := hex.Decode(program[:], []byte("004a55ed3c7a07d0233a027278a8b7ff8681ffbd5d1ec4795c18966f6e693090"))
	require.NoError(t, err)
	s := networktest.New(t, networktest.Options{Mode: network.Mainnet, Program: program, Tick: 10})
	conn, err := grpc.NewClient(strings.TrimPrefix(s.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	hash, err := network.VKHash(program)
	require.NoError(t, err)
	c := &caller{t: t, conn: conn}
	var params auction.GetParamsResponse
	require.NoError(t, conn.Invoke(t.Context(), string(spn.GetParams), &auction.GetParamsRequest{Mode: wire.ProofMode_GROTH16}, &params))
	c.good = &auction.RequestProofBody{
		VkHash: hash[:], Version: "sp1-v6.1.0", Mode: wire.ProofMode_GROTH16, Strategy: wire.Strategy_AUCTION,
		StdinUri: c.uploaded(network.EncodeStdin(provertest.Input(1).GuestStdin())), Deadline: uint64(time.Now().Add(time.Hour).Unix()),
		CycleLimit: 1e9, GasLimit: 1e9, Domain: params.Domain, Auctioneer: params.Auctioneer, Executor: params.Executor,
		Verifier: params.Verifier, Treasury: params.Treasury, BaseFee: params.BaseFee, MaxPricePerPgu: params.MaxPricePerPgu, StdinPrivate: true,
	}
	return c
}

func (c *caller) uploaded(stdin []byte) string {
	var place wire.CreateArtifactResponse
	require.NoError(c.t, c.conn.Invoke(c.t.Context(), string(spn.CreateArtifact),
		&wire.CreateArtifactRequest{Signature: append(make([]byte, 64), 54), ArtifactType: wire.ArtifactType_PRIVATE_STDIN}, &place))
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, w.Close()) }()
	packed := w.EncodeAll(stdin, nil)
	require.Equal(c.t, http.StatusOK, put(c.t, place.ArtifactPresignedUrl, packed))
	require.Equal(c.t, http.StatusForbidden, put(c.t, place.ArtifactPresignedUrl, packed), "a URL is good once")
	return place.ArtifactUri
}

func put(t *testing.T, url string, body []byte) int {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("User-Agent", "")
	transport := &http.Transport{DisableCompression: true} // no header but the length
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

// send signs body and sends it.
func (c *caller) send(body []byte, spoil func(*wire.Signed)) (*wire.Receipt, error) {
	key, err := crypto.ToECDSA(append(make([]byte, 31), 7))
	require.NoError(c.t, err)
	signature, err := crypto.Sign(accounts.TextHash(body), key)
	require.NoError(c.t, err)
	signature[64] += 27
	in := &wire.Signed{Format: wire.MessageFormat_BINARY, Signature: signature, Body: body}
	if spoil != nil {
		spoil(in)
	}
	var out wire.Receipt
	return &out, c.conn.Invoke(c.t.Context(), string(spn.RequestProof), in, &out)
}

func encoded(t *testing.T, b *auction.RequestProofBody) []byte {
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(b)
	require.NoError(t, err)
	return out
}

func TestTheServerRefusesWhatTheRealOneRefuses(t *testing.T) {
	c := call(t)
	for says, spoil := range map[string]func(*auction.RequestProofBody){
		"expected 0, got 1":      func(b *auction.RequestProofBody) { b.Nonce = 1 },
		"domain mismatch":        func(b *auction.RequestProofBody) { b.Domain = make([]byte, 32) },
		"party mismatch":         func(b *auction.RequestProofBody) { b.Executor = b.Verifier },
		"program not registered": func(b *auction.RequestProofBody) { b.VkHash = make([]byte, 32) },
		"base fee is too low":    func(b *auction.RequestProofBody) { b.BaseFee = "1" },
		"no multiple of 10":      func(b *auction.RequestProofBody) { b.MaxPricePerPgu = "1000000001" },
		"insufficient funds":     func(b *auction.RequestProofBody) { b.MaxPricePerPgu = "1000000000000000" },
		"proof mode":             func(b *auction.RequestProofBody) { b.Mode = wire.ProofMode_CORE },
		"strategy":               func(b *auction.RequestProofBody) { b.Strategy = wire.Strategy_RESERVED },
		"in the past":            func(b *auction.RequestProofBody) { b.Deadline = 1 },
		"version":                func(b *auction.RequestProofBody) { b.Version = "sp1-v5.0.0" },
		"no artifact":            func(b *auction.RequestProofBody) { b.StdinUri = "s3://elsewhere/private-stdins/artifact_1" },
		"whether it is private":  func(b *auction.RequestProofBody) { b.StdinPrivate = false },
		"not a stdin":            func(b *auction.RequestProofBody) { b.StdinUri = c.uploaded([]byte("rubbish")) },
	} {
		body := proto.CloneOf(c.good)
		spoil(body)
		_, err := c.send(encoded(t, body), nil)
		require.ErrorContains(t, err, says)
	}
	good := encoded(t, c.good)
	_, err := c.send(protowire.AppendVarint(protowire.AppendTag(good, 99, protowire.VarintType), 1), nil)
	require.ErrorContains(t, err, "field that is not known")
	_, err = c.send(good, func(s *wire.Signed) { s.Format = 0 })
	require.ErrorContains(t, err, "message format")
	_, err = c.send(good, func(s *wire.Signed) { s.Signature[64] = 29 })
	require.ErrorContains(t, err, "signature recovery failed")

	receipt, err := c.send(good, nil)
	require.NoError(t, err)
	require.Len(t, receipt.Body.RequestId, 32)
	_, err = c.send(good, nil)
	require.ErrorContains(t, err, "expected 1, got 0", "the same again is a matter of nonces")
	require.Equal(t, "Aborted", status.Code(err).String())
}

func TestASignatureOverOtherBytesThanTheCanonicalOnesIsAnothersSignature(t *testing.T) {
	c := call(t)
	c.good.Nonce = 0
	good := encoded(t, c.good)
	odd := append([]byte{0x08, 0x00}, good...) // a nonce of 0, which the canonical form leaves out
	receipt, err := c.send(odd, nil)
	require.NoError(t, err, "another account's first request")
	again, err := c.send(good, nil)
	require.NoError(t, err)
	require.NotEqual(t, receipt.Body.RequestId, again.Body.RequestId)
}
