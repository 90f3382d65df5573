package chain_test

import (
	"encoding/json"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/verify/verifytest"
)

// fitting compares the contract with what claims of the stage come with.
func (s stage) fitting(t *testing.T) chain.ClaimsOptions {
	return chain.ClaimsOptions{FreshFor: time.Nanosecond, ListRoot: s.list.Root(), Program: program, Selector: verifytest.New(t).Selector()}
}

// routed deploys another verifier for the program, with the stage's gateway; routeless one with an empty gateway.
func routed(t *testing.T, s stage) common.Address { return zkVerifier(t, s, s.Gateway.Address) }

func routeless(t *testing.T, s stage) common.Address {
	contracts, err := chaintest.Contracts()
	require.NoError(t, err)
	empty, err := s.Node.Deploy(contracts["Gateway"])
	require.NoError(t, err)
	return zkVerifier(t, s, empty.Address)
}

func zkVerifier(t *testing.T, s stage, gateway common.Address) common.Address {
	contracts, err := chaintest.Contracts()
	require.NoError(t, err)
	v, err := s.Node.Deploy(contracts["SP1ZKVerifier"], gateway, program)
	require.NoError(t, err)
	return v.Address
}

func TestAContractThatNoProofMadeHereFits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*testing.T, stage)
		says   string // empty: it fits, as far as can be told
	}{
		"it pays by another list": {sends("setMerkleRoot", [32]byte{1}), "another list"},
		"its verifier is for another program": {func(t *testing.T, s stage) {
			contracts, err := chaintest.Contracts()
			require.NoError(t, err)
			other, err := s.Node.Deploy(contracts["SP1ZKVerifier"], s.Gateway.Address, [32]byte{31: 9})
			require.NoError(t, err)
			require.NoError(t, s.Claims.Send("setZKVerifier", other.Address))
		}, "another program"},
		"its gateway has no route for such proofs": {func(t *testing.T, s stage) {
			require.NoError(t, s.Claims.Send("setZKVerifier", routeless(t, s)))
		}, "no proofs of the kind"},
		"its gateway has frozen their route": {func(t *testing.T, s stage) {
			frozen := routed(t, s)
			require.NoError(t, s.Gateway.Send("freezeRoute", verifytest.New(t).Selector()))
			require.NoError(t, s.Claims.Send("setZKVerifier", frozen))
		}, "no proofs of the kind"},
		"its verifier is of another kind": {func(t *testing.T, s stage) {
			require.NoError(t, s.Claims.Send("setZKVerifier", s.Token.Address))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, shared.get(t))
			claims := s.claims(t, s.fitting(t))
			require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
			c.change(t, s) // after the start, as its owner may
			err := claims.Open(t.Context(), s.claim(t, 1))
			refusals, errAgain := claims.Again(t.Context(), []claim.Claim{s.claim(t, 1)})
			require.NoError(t, errAgain)
			if c.says == "" {
				require.NoError(t, err)
				require.NoError(t, refusals[0])
				return
			}
			require.Equal(t, fault.ClaimsClosed, codeOf(err))
			require.ErrorContains(t, err, c.says)
			require.Equal(t, fault.ClaimsClosed, codeOf(refusals[0]))
			require.NoError(t, s.claims(t, always).Open(t.Context(), s.claim(t, 1)), "what is not known is not compared")
		})
	}
}

func TestTheVerifierIsReadOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, chaintest.New(t)) // nobody else makes blocks
	p := newProxy(t, s.Node.URL)
	claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, s.fitting(t))

	ofVerifier := func(l lie) lie {
		return func(w http.ResponseWriter, r *http.Request, e exchange) {
			if len(e.calls) == 2 { // its two views
				l(w, r, e)
				return
			}
			_ = json.NewEncoder(w).Encode(e.truth())
		}
	}
	p.lie(ofVerifier(status(http.StatusBadGateway)))
	require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 1))), "trouble is no answer")
	p.lie(ofVerifier(answering("eth_call", `"0x"`)))
	require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
	p.lie(nil)
	asked := int(p.asked.Load())
	require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
	require.Equal(t, 3, int(p.asked.Load())-asked, "an answer that says nothing is not kept: verifier and route are asked for")
	for range 5 {
		require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
	}
	require.Equal(t, 8, int(p.asked.Load())-asked)
}

func TestAWorkerAsksAnew(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	var proof time.Duration
	claims := s.claims(t, chain.ClaimsOptions{
		FreshFor: time.Hour,
		Wait:     func() time.Duration { return 24 * time.Hour }, // of those who come behind
		Proof:    func() time.Duration { return proof },
	})
	c := s.claim(t, 1)
	require.NoError(t, claims.Open(t.Context(), c))
	require.NoError(t, s.Claims.Send("setClaimDeadline", big.NewInt(time.Now().Add(time.Hour).Unix())))
	require.NoError(t, claims.Open(t.Context(), c), "what is remembered")
	require.NoError(t, claims.StillOpen(t.Context(), c), "who is at the head of the queue does not wait for those behind")
	require.Equal(t, fault.ClaimsClosed, codeOf(claims.Open(t.Context(), c)), "who comes last does")
	proof = 2 * time.Hour
	require.Equal(t, fault.ClaimsClosed, codeOf(claims.StillOpen(t.Context(), c)))
	s.pay(t, 1)
	require.Equal(t, fault.AlreadyClaimed, codeOf(claims.StillOpen(t.Context(), c)))
}
