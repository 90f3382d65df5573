package network

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"claimprover/internal/fault"
)

func good(t *testing.T) Options {
	key, err := crypto.ToECDSA(vectors(t).Key)
	require.NoError(t, err)
	return Options{Endpoint: "https://rpc.mainnet.succinct.xyz", Mode: Mainnet, Key: key, Program: [32]byte(vectors(t).VKHash.Bytes32)}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	c, err := New(good(t))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	for says, spoil := range map[string]func(*Options){
		"no http or https URL":        func(o *Options) { o.Endpoint = "rpc.mainnet.succinct.xyz:443" },
		"more than a scheme":          func(o *Options) { o.Endpoint = "https://rpc.example/path" },
		"needs https":                 func(o *Options) { o.Endpoint = "http://rpc.example" },
		"not mainnet, reserved":       func(o *Options) { o.Mode = "auction" },
		"no key":                      func(o *Options) { o.Key = nil },
		"no SP1 program key":          func(o *Options) { o.Program = [32]byte{0xff} },
		"not groth16 or plonk":        func(o *Options) { o.ProofMode = "core" },
		"only those of SP1 6":         func(o *Options) { o.Version = "v5.0.0" },
		"one of them is missing":      func(o *Options) { o.ELF = []byte{1} },
		"between a minute":            func(o *Options) { o.Timeout = time.Second },
		"no time for bids":            func(o *Options) { o.AuctionPeriod = time.Hour },
		"number of requests is negat": func(o *Options) { o.MaxRequests = -1 },
	} {
		o := good(t)
		spoil(&o)
		_, err := New(o)
		require.ErrorContains(t, err, says)
	}
	o := good(t)
	o.Key, o.Mode = nil, "x"
	_, err = New(o)
	require.ErrorContains(t, err, "no key")
	require.ErrorContains(t, err, `the mode is "x"`)
	o = good(t)
	o.Endpoint, o.Mode = "http://cluster.internal:50061", Cluster
	c, err = New(o)
	require.NoError(t, err)
	require.NoError(t, c.Close())
}

func TestTheKeyIsNowhereInWhatIsPrinted(t *testing.T) {
	t.Parallel()
	o := good(t)
	secret := fmt.Sprintf("%x", crypto.FromECDSA(o.Key))
	c, err := New(o)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, v := range []any{o, &o, c} {
			text := fmt.Sprintf(verb, v)
			require.NotContains(t, text, secret)
			require.NotContains(t, text, new(big.Int).SetBytes(vectors(t).Key).String())
		}
	}
}

func TestAnswersToSignedCalls(t *testing.T) {
	t.Parallel()
	me := common.HexToAddress("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
	nonce := func(of common.Address, c codes.Code) error {
		return fmt.Errorf("calling: %w", status.Errorf(c, "failed nonce verification: invalid nonce for sender %s expected 138, got 137", of.Hex()))
	}
	for name, c := range map[string]struct {
		err  error
		want answer
	}{
		"none":                {nil, accepted},
		"nonce":               {nonce(me, codes.Aborted), misplaced},
		"nonce, another code": {nonce(me, codes.InvalidArgument), misplaced},
		"another's nonce":     {nonce(common.Address{1}, codes.Aborted), refused},
		"aborted":             {status.Error(codes.Aborted, "x"), ambiguous},
		"not gRPC":            {fmt.Errorf("x"), ambiguous},
	} {
		got, _ := answerOf(c.err, me)
		require.Equal(t, c.want, got, name)
	}
	quiet := status.Error(codes.Aborted, "failed nonce verification: expected 138, got 137")
	got, trouble := answerOf(quiet, me)
	require.Equal(t, misplaced, got, "it need not say whose")
	require.Equal(t, nonceTrouble{expected: 138, got: 137}, trouble)
	got, _ = answerOf(status.Error(codes.Aborted, "failed nonce verification: expected 137, got 137"), me)
	require.Equal(t, ambiguous, got, "it contradicts itself")
	definite := map[codes.Code]bool{codes.InvalidArgument: true, codes.Unauthenticated: true, codes.PermissionDenied: true,
		codes.FailedPrecondition: true, codes.ResourceExhausted: true, codes.Unimplemented: true}
	final := map[codes.Code]bool{codes.Unknown: true, codes.NotFound: true, codes.AlreadyExists: true, codes.OutOfRange: true, codes.DataLoss: true}
	for c := codes.Canceled; c <= codes.Unauthenticated; c++ {
		got, _ := answerOf(status.Error(c, "x"), me)
		require.Equal(t, definite[c], got == refused, c)
		require.Equal(t, final[c], got == doubtful, c)
		require.Equal(t, !definite[c] && !final[c], got == ambiguous, c)
	}
	_, trouble = answerOf(nonce(me, codes.Aborted), me)
	require.Equal(t, nonceTrouble{sender: me, expected: 138, got: 137}, trouble)
}

func TestWhyARequestWasNotTaken(t *testing.T) {
	t.Parallel()
	for says, err := range map[string]error{
		"not enough credit":      status.Error(codes.FailedPrecondition, "Insufficient funds"),
		"not accept":             status.Error(codes.PermissionDenied, "signer 0x1 not in allowlist"),
		"accept this service's":  status.Error(codes.Unauthenticated, "invalid signature bytes"),
		"does not accept":        status.Error(codes.Aborted, "failed nonce verification: invalid nonce for sender 0x0100000000000000000000000000000000000000 expected 0, got 7"),
		"does not support":       status.Error(codes.InvalidArgument, "unsupported version sp1-v6.9.0"),
		"did not take the reque": status.Error(codes.InvalidArgument, "a private reason"),
	} {
		j := &job{Client: &Client{opts: Options{}.withDefaults()}}
		j.log = j.opts.Logger
		f := fault.Of(j.refusal(fmt.Errorf("requesting: %w", err)))
		require.Contains(t, f.Message, says)
		require.NotContains(t, f.Message, status.Convert(err).Message())
		require.True(t, f.Retryable)
	}
}
