package cli

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/claim"
	"claimprover/internal/client"
	"claimprover/internal/config"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
	"claimprover/internal/verify"
	"claimprover/internal/verify/verifytest"
	"claimprover/prover"
)

// onChain is a claim contract on a node of its own, with a list of two accounts, and what a service needs to serve it.
type onChain struct {
	*chaintest.Stage
	circuit *verifytest.Circuit
	list    *eligibility.List
	alice   claim.Wallet
	bob     claim.Wallet
	domain  claim.Domain
}

func newOnChain(t *testing.T) *onChain {
	t.Helper()
	o := &onChain{circuit: verifytest.New(t)}
	var err error
	o.alice, err = claim.WalletFromSeed([32]byte(common.FromHex("e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"))) // everybody's //Alice
	require.NoError(t, err)
	o.bob, err = claim.NewWallet()
	require.NoError(t, err)
	entry := func(w claim.Wallet) string {
		key := w.PublicKey()
		return fmt.Sprintf(`%q:{"pubkey":"0x%x","balance":"1000"}`, w.Address(42), key)
	}
	o.list, err = eligibility.Load(strings.NewReader(`{"entries":{`+entry(o.alice)+`,`+entry(o.bob)+`}}`), 0)
	require.NoError(t, err)
	node := chaintest.New(t)
	o.Stage = node.Stage(t, testProgram, o.list.Root())
	o.domain = claim.Domain{Contract: o.Claims.Address, ChainID: 1337}
	return o
}

func (o *onChain) settings() *config.Config {
	cfg := testSettings()
	cfg.ClaimContract, cfg.VerifyOnchain, cfg.VerifierContract = o.Claims.Address, true, o.Gateway.Address
	rpc, err := config.ParseURLs(o.Node.URL, "http")
	if err != nil {
		panic(err)
	}
	cfg.RPCURL = rpc
	return cfg
}

func (o *onChain) submission(t *testing.T, w claim.Wallet) api.Submission {
	t.Helper()
	c, err := w.Claim(o.domain, 42, common.HexToAddress("0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2"), *uint256.NewInt(1000))
	require.NoError(t, err)
	return submission(c)
}

// serve wires the service to the chain as the command does, with the test circuit's own control.
func (o *onChain) serve(t *testing.T, cfg *config.Config, p prover.Prover) *client.Client {
	t.Helper()
	all := testParts(t, cfg, o.circuit, p)
	all.list = o.list
	require.NoError(t, o.ask(t, cfg, &all))
	c, _ := serveInProcess(t, cfg, all)
	return c
}

func (o *onChain) ask(t *testing.T, cfg *config.Config, all *parts) error {
	values := []byte("control")
	v := &config.Verdict{}
	control := verify.Subject{Program: testProgram, PublicValues: values, Proof: o.circuit.Prove(testProgram, values)}
	return all.askChain(t.Context(), cfg, control, v, slog.New(slog.DiscardHandler))
}

func (o *onChain) proves() prover.Prover {
	return proving(func(in prover.Input) (prover.Proof, error) {
		return prover.Proof{Bytes: o.circuit.Prove(testProgram, in.PublicValues[:]), PublicValues: in.PublicValues[:]}, nil
	})
}

func codeOf(t *testing.T, err error) fault.Code {
	t.Helper()
	require.Error(t, err)
	return fault.Of(err).Code
}

func TestAClaimGoesFromSubmissionToTheContract(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	c := o.serve(t, o.settings(), o.proves())
	body := o.submission(t, o.alice)
	j, err := c.Submit(t.Context(), body)
	require.NoError(t, err)
	j, err = c.Wait(t.Context(), j.JobID)
	require.NoError(t, err)
	require.Equal(t, "completed", j.Status, j.Message)
	require.Equal(t, []string{"groth16", "onchain", "claim"}, j.VerifiedBy)

	require.EqualValues(t, 1337, j.Transaction.ChainID)
	to := common.BytesToAddress(j.Transaction.To)
	receipt, err := o.Node.Send(&to, j.Transaction.Data) // sent exactly as the job says, by somebody who is not the claimant
	require.NoError(t, err)
	require.Equal(t, types.ReceiptStatusSuccessful, receipt.Status)

	again := o.submission(t, o.bob)
	_, err = c.Submit(t.Context(), again)
	require.NoError(t, err, "the other account's claim is still open")
	other := body
	other.EVMAddress = "0x00000000000000000000000000000000000000aa"
	signed, err := o.alice.Claim(o.domain, 42, common.HexToAddress(other.EVMAddress), *uint256.NewInt(1000))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := c.Submit(t.Context(), submission(signed))
		return err != nil && fault.Of(err).Code == fault.AlreadyClaimed
	}, 20*time.Second, 200*time.Millisecond, "for one account there is one claim, whatever the recipient")
}

func TestAnAccountIsToldHowItsClaimStands(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	c := o.serve(t, o.settings(), o.proves())
	got, err := c.ClaimStatus(t.Context(), o.alice.Address(42), client.ClaimQuery{EVMAddress: "0xbb000000000000000000000000000000000000bb"})
	require.NoError(t, err)
	require.True(t, *got.Open)
	require.Equal(t, []string{"1000", "100", "900"}, []string{got.Amount, got.OnChain.Unlocked, got.OnChain.Vesting})
	require.EqualValues(t, 1337, got.ChainID)
	require.EqualValues(t, o.Claims.Address[:], *got.Contract)
	require.NotNil(t, got.Sign)

	require.NoError(t, o.Claims.Send("setPaused", true))
	require.Eventually(t, func() bool { // an answer is good for a second
		got, err = c.ClaimStatus(t.Context(), o.alice.Address(42), client.ClaimQuery{})
		return err == nil && !*got.Open
	}, 20*time.Second, 200*time.Millisecond)
	require.Equal(t, "claims_closed", got.Refusal.Code)
}

func TestAJobIsWarnedOfACloseDeadline(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	deadline := time.Now().Add(12 * time.Hour).Truncate(time.Second)
	require.NoError(t, o.Claims.Send("setClaimDeadline", big.NewInt(deadline.Unix())))
	c := o.serve(t, o.settings(), o.proves())
	j, err := c.Submit(t.Context(), o.submission(t, o.alice))
	require.NoError(t, err)
	j, err = c.Wait(t.Context(), j.JobID)
	require.NoError(t, err)
	require.Equal(t, "completed", j.Status, j.Message)
	require.Contains(t, j.Warning, deadline.UTC().Format(time.RFC3339))
}

func TestAClaimThatLandsMeanwhileIsNotProved(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	stopped := make(chan error, 1)
	running := make(chan struct{})
	slow := blocking(func(ctx context.Context) error {
		close(running)
		<-ctx.Done()
		stopped <- context.Cause(ctx)
		return context.Cause(ctx)
	})
	cfg := o.settings()
	all := testParts(t, cfg, o.circuit, slow)
	all.list = o.list
	require.NoError(t, o.ask(t, cfg, &all))
	c, s := serveInProcess(t, cfg, all)
	j, err := c.Submit(t.Context(), o.submission(t, o.alice))
	require.NoError(t, err)
	<-running

	// Somebody else claims for the account: the owner of the contract may, without a proof.
	key := o.alice.PublicKey()
	steps, _ := o.list.Proof(key)
	values, err := o.alice.Claim(o.domain, 42, common.HexToAddress("0xbb"), *uint256.NewInt(1000))
	require.NoError(t, err)
	public := values.PublicValues()
	call, err := chain.ClaimCall(key, *uint256.NewInt(1000), steps, o.circuit.Prove(testProgram, public[:]), common.HexToAddress("0xbb"))
	require.NoError(t, err)
	_, err = o.Node.Send(&o.Claims.Address, call)
	require.NoError(t, err)

	require.NoError(t, s.chain.sweep(t.Context(), s.store))
	require.Error(t, <-stopped)
	j, err = c.Get(t.Context(), j.JobID)
	require.NoError(t, err)
	require.Equal(t, "already_claimed", j.Code)
}

func TestWhatNoProofCouldSurviveRefusesTheStart(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	for name, c := range map[string]struct {
		change func(*config.Config, *parts)
		want   string
	}{
		"another chain id":           {func(cfg *config.Config, _ *parts) { cfg.ChainID = 1 }, "CHAIN_ID"},
		"no contract there":          {func(cfg *config.Config, _ *parts) { cfg.ClaimContract = chaintest.Nobody }, "CLAIM_CONTRACT_ADDRESS"},
		"another program":            {func(cfg *config.Config, _ *parts) { cfg.VKey = [32]byte{0, 9} }, "SP1_PROGRAM_VKEY"},
		"another list":               {func(_ *config.Config, p *parts) { p.list = otherList(t) }, "ELIGIBILITY_FILE"},
		"no verifier contract there": {func(cfg *config.Config, _ *parts) { cfg.VerifierContract = chaintest.Nobody }, "SP1_VERIFIER_ADDRESS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := o.settings()
			all := testParts(t, cfg, o.circuit, o.proves())
			all.list = o.list
			c.change(cfg, &all)
			all.anchor = newAnchor(cfg)
			require.ErrorContains(t, o.ask(t, cfg, &all), c.want)
		})
	}
}

func TestAChainThatIsAwayAdmitsNobody(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	cfg := o.settings()
	dead, err := config.ParseURLs("http://127.0.0.1:1", "http")
	require.NoError(t, err)
	cfg.RPCURL = dead
	c := o.serve(t, cfg, o.proves())
	_, err = c.Submit(t.Context(), o.submission(t, o.alice))
	require.Equal(t, fault.RPCUnavailable, codeOf(t, err))
	ready, err := c.Ready(t.Context())
	require.NoError(t, err)
	require.False(t, ready.Ready)
	require.NotEqual(t, "ok", ready.Checks["chain"])
}

func TestAChainThatGoesAwayIsSaidAndFoundAgain(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	node, err := url.Parse(o.Node.URL)
	require.NoError(t, err)
	var down atomic.Bool
	forward := httputil.NewSingleHostReverseProxy(node)
	rpc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(rpc.Close)
	cfg := o.settings()
	cfg.RPCURL, err = config.ParseURLs(rpc.URL, "http")
	require.NoError(t, err)
	c := o.serve(t, cfg, o.proves())
	says := func(away bool) func() bool {
		return func() bool {
			figures, err := c.Stats(t.Context())
			require.NoError(t, err)
			ready, err := c.Ready(t.Context())
			require.NoError(t, err)
			return figures.ChainAway == away && ready.Ready != away && (ready.Checks["chain"] == "ok") != away
		}
	}
	require.True(t, says(false)())
	down.Store(true)
	for range 2 {
		_, err = c.Submit(t.Context(), o.submission(t, o.alice))
		require.Equal(t, fault.RPCUnavailable, codeOf(t, err))
	}
	require.True(t, says(true)())
	down.Store(false) // and nobody submits
	require.Eventually(t, says(false), 20*time.Second, 50*time.Millisecond)
}

func otherList(t *testing.T) *eligibility.List {
	t.Helper()
	list, err := eligibility.Load(strings.NewReader(`{"entries":{"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY":{"pubkey":"0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d","balance":"1"}}}`), 0)
	require.NoError(t, err)
	return list
}

// blocking is a prover that waits for its time to end.
type blocking func(context.Context) error

func (b blocking) Prove(ctx context.Context, _ prover.Input, _ prover.Journal, _ func(prover.Progress)) (prover.Proof, error) {
	return prover.Proof{}, b(ctx)
}

func TestVerifyAsksTheContractToo(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	var out bytes.Buffer
	cmd := VerifyCmd{Fixture: "../../docs/examples/proof.json", RPCURL: o.Node.URL, Verifier: o.Gateway.Address.Hex(), JSON: true}
	err := cmd.Run(t.Context(), Streams{Out: &out})
	require.ErrorContains(t, err, "not valid", "this chain's gateway has no route for proofs of SP1 v6.1.0")
	require.Contains(t, out.String(), `{"name":"groth16","ok":true},{"name":"onchain","ok":false,"reason":"unknown_selector"`)
}
