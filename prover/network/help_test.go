package network_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"claimprover/internal/verify/verifytest"
	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

// program is the worked key of the protocol's vectors.
var program = func() (key [32]byte) {
	_, _ = hex.Decode(key[:], []byte("004a55ed3c7a07d0233a027278a8b7ff8681ffbd5d1ec4795c18966f6e693090"))
	return key
}()

var modes = []network.Mode{network.Mainnet, network.Reserved, network.Cluster}

// testKey is the n-th account.
func testKey(t testing.TB, n byte) *ecdsa.PrivateKey {
	key, err := crypto.ToECDSA(append(make([]byte, 31), n))
	require.NoError(t, err)
	return key
}

func addressOf(key *ecdsa.PrivateKey) common.Address { return crypto.PubkeyToAddress(key.PublicKey) }

// proofs makes each proof once in a process: a bubble need not wait for the arithmetic.
type proofs struct {
	mu   sync.Mutex
	made map[string][]byte
}

var made = proofs{made: map[string][]byte{}}

func prove(t testing.TB) func([32]byte, []byte) []byte {
	circuit := verifytest.New(t)
	return func(program [32]byte, values []byte) []byte {
		made.mu.Lock()
		defer made.mu.Unlock()
		name := string(program[:]) + string(values)
		if made.made[name] == nil {
			made.made[name] = circuit.Prove(program, values)
		}
		return made.made[name]
	}
}

// guest runs the program on the claims of provertest, whose addresses are not those of their keys.
func guest(known ...prover.Input) func([]byte) ([]byte, bool) {
	values := map[string][]byte{}
	for _, in := range known {
		values[string(in.GuestStdin())] = in.PublicValues[:]
	}
	return func(entry []byte) ([]byte, bool) {
		v, ok := values[string(entry)]
		return v, ok
	}
}

var inputs = func() (all []prover.Input) {
	for n := range uint16(60) {
		all = append(all, provertest.Input(n))
	}
	return all
}()

// world is a network in memory with a client.
type world struct {
	t      *testing.T
	server *networktest.Server
	opts   network.Options
	client *network.Client
}

// in runs a story in a bubble, with a network of that mode; adjust may be nil.
func in(t *testing.T, mode network.Mode, adjust func(*networktest.Options, *network.Options), story func(t *testing.T, w *world)) {
	t.Helper()
	prove := prove(t) // set up outside
	synctest.Test(t, func(t *testing.T) { story(t, newWorld(t, mode, prove, adjust)) })
}

func newWorld(t *testing.T, mode network.Mode, prove func([32]byte, []byte) []byte, adjust func(*networktest.Options, *network.Options)) *world {
	so := networktest.Options{Mode: mode, Program: program, Prove: prove, Guest: guest(inputs...), InMemory: true}
	co := network.Options{Mode: mode, Key: testKey(t, 1), Program: program, Logger: slog.New(slog.DiscardHandler)}
	if adjust != nil {
		adjust(&so, &co)
	}
	w := &world{t: t, server: networktest.New(t, so)}
	co.Endpoint = w.server.URL
	w.opts = co.DialedBy(w.server.Dial)
	w.restart()
	return w
}

// restart gives the world a new client, as after a crash.
func (w *world) restart() *network.Client {
	if w.client != nil {
		require.NoError(w.t, w.client.Close())
	}
	c, err := network.New(w.opts)
	require.NoError(w.t, err)
	w.client = c
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// told keeps what was reported.
type told struct {
	mu  sync.Mutex
	all []prover.Progress
}

func (p *told) report(r prover.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, r)
}

func (p *told) phases() (phases []string) {
	for _, r := range p.all {
		phases = append(phases, r.Phase)
	}
	return slices.Compact(phases)
}

// errOverrun is what ends a Prove that takes too long.
var errOverrun = errors.New("its time is over")

// prove proves with the world's client, for at most d of the bubble's time.
func (w *world) prove(in prover.Input, j *provertest.Journal, d time.Duration) (prover.Proof, []string, error) {
	ctx, cancel := context.WithTimeoutCause(w.t.Context(), d, errOverrun)
	defer cancel()
	var p told
	proof, err := w.client.Prove(ctx, in, j, p.report)
	return proof, p.phases(), err
}

type adjust = func(*networktest.Options, *network.Options)

// times makes a fault befall the first n calls of a method.
func times(method string, n int32, f networktest.CallFault) func(string) networktest.CallFault {
	var seen atomic.Int32
	return func(m string) networktest.CallFault {
		if m == method && seen.Add(1) <= n {
			return f
		}
		return networktest.Works
	}
}

// counting counts calls.
func counting(method string, n *atomic.Int32) func(string) networktest.CallFault {
	return func(m string) networktest.CallFault {
		if m == method {
			n.Add(1)
		}
		return networktest.Works
	}
}

func eachMode(t *testing.T, a adjust, story func(t *testing.T, w *world)) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) { in(t, mode, a, story) })
	}
}

func (w *world) bought(i int) int { return w.server.Bought(inputs[i].PublicValues[:]) }
