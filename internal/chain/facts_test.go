package chain_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/fault"
	"claimprover/internal/verify/verifytest"
)

// expected is what a service would be set up for on a stage.
func (s stage) expected() chain.Expected {
	return chain.Expected{
		ChainID: chaintest.ChainID, Program: program, ListRoot: s.list.Root(), FileRoot: s.list.Root(), Gateway: s.Gateway.Address,
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	selector := verifytest.New(t).Selector()

	t.Run("of a contract where all is well", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		f, err := s.claims(t, always).Facts(t.Context(), selector)
		require.NoError(t, err)
		require.EqualValues(t, chaintest.ChainID, f.ChainID)
		require.True(t, f.Code && f.Readable)
		require.Equal(t, program, f.Program)
		require.Equal(t, s.Gateway.Address, f.Gateway)
		require.Len(t, f.Routes, 1)
		require.NotZero(t, f.Routes[0].Verifier)
		require.Len(t, f.Endpoints, 1)
		require.Empty(t, f.Endpoints[0].Trouble)
		require.True(t, f.Endpoints[0].Code)
		require.Equal(t, s.list.Root(), f.Terms.MerkleRoot)
		require.Empty(t, f.Judge(s.expected()))
		require.Empty(t, f.Judge(chain.Expected{}), "what is not expected is not compared")
	})

	for name, c := range map[string]struct {
		before func(*testing.T, *stage)
		want   func(*chain.Expected)
		says   string
		at     string // setting
		fatal  bool
	}{
		"another root than the list's": {want: func(w *chain.Expected) { w.ListRoot[0] ^= 1; w.FileRoot = w.ListRoot }, says: "pays by the list with root", at: "ELIGIBILITY_FILE", fatal: true},
		"another root, not checked":    {want: func(w *chain.Expected) { w.ListRoot[0] ^= 1; w.FileRoot = w.ListRoot; w.RootUnchecked = true }, says: "pays by the list with root", at: "ELIGIBILITY_ROOT_CHECK"},
		"a file that names another":    {want: func(w *chain.Expected) { w.FileRoot[0] ^= 1 }, says: "The file names the root", at: "ELIGIBILITY_FILE"},
		"another program":              {want: func(w *chain.Expected) { w.Program[31] ^= 1 }, says: "takes proofs of program", at: "SP1_PROGRAM_VKEY", fatal: true},
		"another gateway":              {want: func(w *chain.Expected) { w.Gateway[0] ^= 1 }, says: "asks the gateway", at: "SP1_VERIFIER_ADDRESS"},
		"another chain":                {want: func(w *chain.Expected) { w.ChainID = 5 }, says: "serves chain 1337, and 5 is set", at: "CHAIN_ID", fatal: true},
		"no contract":                  {before: func(_ *testing.T, s *stage) { s.Claims.Address = chaintest.Nobody }, says: "no contract at", at: "CLAIM_CONTRACT_ADDRESS", fatal: true},
		"a contract of another kind":   {before: func(_ *testing.T, s *stage) { s.Claims = s.Token }, says: "not TangleMigration", at: "CLAIM_CONTRACT_ADDRESS", fatal: true},
		"no verifier":                  {before: sendsTo("setZKVerifier", common.Address{}), says: "has no verifier"},
		"a verifier of another kind":   {before: func(t *testing.T, s *stage) { require.NoError(t, s.Claims.Send("setZKVerifier", s.Token.Address)) }, says: "not an SP1ZKVerifier"},
		"a paused contract":            {before: sendsTo("setPaused", true), says: "is paused"},
		"a deadline that has passed":   {before: sendsTo("setClaimDeadline", common.Big1), says: "deadline passed"},
		"a deadline that is near": {before: func(t *testing.T, s *stage) {
			require.NoError(t, s.Claims.Send("setClaimDeadline", big.NewInt(time.Now().Unix()+3600)))
		}, says: "only"},
		"a frozen route": {before: func(t *testing.T, s *stage) { require.NoError(t, s.Gateway.Send("freezeRoute", selector)) }, want: func(w *chain.Expected) { w.Routed = true }, says: "has frozen the route", at: "SP1_CIRCUIT_VERSION", fatal: true},
		"a frozen route, and proofs that are for no chain": {before: func(t *testing.T, s *stage) { require.NoError(t, s.Gateway.Send("freezeRoute", selector)) }, says: "has frozen the route", at: "SP1_CIRCUIT_VERSION"},
	} {
		t.Run("of "+name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, shared.get(t))
			want := s.expected()
			if c.before != nil {
				c.before(t, &s)
			}
			if c.want != nil {
				c.want(&want)
			}
			f, err := s.claims(t, always).Facts(t.Context(), selector)
			require.NoError(t, err)
			findings := f.Judge(want)
			require.Len(t, findings, 1, "%v", findings)
			require.Contains(t, findings[0].Text, c.says)
			require.Equal(t, c.at, findings[0].Setting)
			require.Equal(t, c.fatal, findings[0].Fatal)
			require.True(t, strings.HasSuffix(strings.TrimSuffix(findings[0].Text, ")"), "."))
		})
	}

	t.Run("of a gateway without a route for our proofs", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		f, err := s.claims(t, always).Facts(t.Context(), [4]byte{1, 2, 3, 4})
		require.NoError(t, err)
		findings := f.Judge(s.expected())
		require.Len(t, findings, 1)
		require.Contains(t, findings[0].Text, "no route for proofs that begin with 0x01020304")
	})
}

func sendsTo(method string, args ...any) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) { require.NoError(t, s.Claims.Send(method, args...)) }
}

func TestFactsOfEndpoints(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	good, elsewhere, behind, dead := newProxy(t, s.Node.URL), newProxy(t, s.Node.URL), newProxy(t, s.Node.URL), newProxy(t, s.Node.URL)
	elsewhere.lie(answering("eth_chainId", `"0x5"`))
	behind.lie(laggingHead)
	dead.lie(status(500))

	t.Run("each is judged by itself, and none is told where it is", func(t *testing.T) {
		t.Parallel()
		r := rpcTo(t, chain.RPCOptions{}, elsewhere.URL, good.URL, behind.URL, dead.URL)
		f, err := claimsAt(t, r, s.Claims.Address, always).Facts(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 5, f.ChainID, "without a setting the first answer says which chain it is")

		r = rpcTo(t, chain.RPCOptions{ChainID: chaintest.ChainID}, elsewhere.URL, good.URL, behind.URL, dead.URL)
		f, err = claimsAt(t, r, s.Claims.Address, always).Facts(t.Context())
		require.NoError(t, err)
		var troubles []string
		for _, e := range f.Endpoints {
			troubles = append(troubles, e.Trouble)
			requireNoSecret(t, e.Name+e.Trouble)
		}
		require.Contains(t, troubles[0], "chain 5, not 1337")
		require.Empty(t, troubles[1])
		require.Contains(t, troubles[2], "older than one seen before")
		require.Contains(t, troubles[3], "HTTP status 500")
		require.Len(t, f.Judge(s.expected()), 3)
	})

	t.Run("when all are of another chain the setting is wrong", func(t *testing.T) {
		t.Parallel()
		f, err := claimsAt(t, rpcTo(t, chain.RPCOptions{ChainID: 84532}, good.URL), s.Claims.Address, always).Facts(t.Context())
		require.Equal(t, fault.RPCUnavailable, codeOf(err))
		want := s.expected()
		want.ChainID = 84532
		findings := f.Judge(want)
		require.True(t, findings[len(findings)-1].Fatal)
		require.Equal(t, "CHAIN_ID", findings[len(findings)-1].Setting)
	})

	t.Run("when none answers nothing is known, and it may start", func(t *testing.T) {
		t.Parallel()
		f, err := claimsAt(t, rpcTo(t, chain.RPCOptions{}, dead.URL), s.Claims.Address, always).Facts(t.Context())
		require.Equal(t, fault.RPCUnavailable, codeOf(err))
		for _, finding := range f.Judge(s.expected()) {
			require.False(t, finding.Fatal, finding.Text)
		}
	})
}
