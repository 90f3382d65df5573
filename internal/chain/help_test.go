package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
)

func TestMain(m *testing.M) {
	code := m.Run()
	shared.stop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// shared is the node of all tests that only add to it.
var shared sharedNode

type sharedNode struct {
	once sync.Once
	node *chaintest.Node
	err  error
}

func (s *sharedNode) get(t testing.TB) *chaintest.Node {
	t.Helper()
	s.once.Do(func() { s.node, s.err = chaintest.Start() })
	require.NoError(t, s.err)
	return s.node
}

func (s *sharedNode) stop() {
	if s.node != nil {
		s.node.Stop()
	}
}

var (
	program = [32]byte{1: 0x0d, 31: 7}
	amount  = *uint256.NewInt(1_000_000)
	tester  = common.HexToAddress("0x00000000000000000000000000000000000a11ce")
)

func wallet(t testing.TB, seed byte) claim.Wallet {
	t.Helper()
	w, err := claim.WalletFromSeed([32]byte{seed, 9})
	require.NoError(t, err)
	return w
}

// listed is a list of the wallets 1 to 9, each with amount.
func listed(t testing.TB) *eligibility.List {
	t.Helper()
	type entry struct {
		Pubkey  string `json:"pubkey"`
		Balance string `json:"balance"`
	}
	entries := map[string]entry{}
	for seed := range byte(9) {
		w := wallet(t, seed+1)
		key := w.PublicKey()
		entries[w.Address(42)] = entry{hexutil.Encode(key[:]), amount.Dec()}
	}
	text, err := json.Marshal(map[string]any{"entries": entries})
	require.NoError(t, err)
	list, err := eligibility.Load(strings.NewReader(string(text)), 0)
	require.NoError(t, err)
	return list
}

// stage is a claim contract for the list.
type stage struct {
	*chaintest.Stage
	list *eligibility.List
}

func newStage(t testing.TB, n *chaintest.Node) stage {
	t.Helper()
	list := listed(t)
	return stage{n.Stage(t, program, list.Root()), list}
}

func (s stage) domain() claim.Domain {
	return claim.Domain{Contract: s.Claims.Address, ChainID: chaintest.ChainID, Program: program}
}

func (s stage) claim(t testing.TB, seed byte) claim.Claim {
	t.Helper()
	c, err := wallet(t, seed).Claim(s.domain(), 42, tester, amount)
	require.NoError(t, err)
	return c
}

// pay has the contract pay a wallet's claim, as its owner may.
func (s stage) pay(t testing.TB, seed byte) {
	t.Helper()
	key := wallet(t, seed).PublicKey()
	proof, ok := s.list.Proof(key)
	require.True(t, ok)
	require.NoError(t, s.Claims.Send("adminClaim", key, amount.ToBig(), proof, tester))
}

func rpcTo(t testing.TB, o chain.RPCOptions, urls ...string) *chain.RPC {
	t.Helper()
	r, err := chain.NewRPC(urls, o)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// always asks anew, for tests that change the contract.
var always = chain.ClaimsOptions{FreshFor: time.Nanosecond}

func claimsAt(t testing.TB, r *chain.RPC, contract common.Address, o chain.ClaimsOptions) *chain.Claims {
	t.Helper()
	c, err := chain.NewClaims(r, contract, o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// claims asks the stage's own node.
func (s stage) claims(t testing.TB, o chain.ClaimsOptions) *chain.Claims {
	t.Helper()
	return claimsAt(t, rpcTo(t, chain.RPCOptions{}, s.Node.URL), s.Claims.Address, o)
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

var errLeft = errors.New("the caller has left")

func contextWithCause(t testing.TB) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, cancel
}
