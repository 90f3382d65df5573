package chain_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

func TestOpen(t *testing.T) {
	t.Parallel()

	t.Run("a claim nobody has made yet is open, one that is paid is not", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		claims := s.claims(t, always)
		require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
		s.pay(t, 1)
		require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
		require.NoError(t, claims.Open(t.Context(), s.claim(t, 2)), "another account's is still open")
	})

	t.Run("a paused contract takes no claims, and takes them again when it goes on", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		claims := s.claims(t, always)
		require.NoError(t, s.Claims.Send("setPaused", true))
		err := claims.Open(t.Context(), s.claim(t, 1))
		require.Equal(t, fault.ClaimsClosed, codeOf(err))
		require.Contains(t, err.Error(), "paused")
		require.NoError(t, s.Claims.Send("setPaused", false))
		require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
	})

	t.Run("without a verifier there is nothing to claim with", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		require.NoError(t, s.Claims.Send("setZKVerifier", common.Address{}))
		err := s.claims(t, always).Open(t.Context(), s.claim(t, 1))
		require.Equal(t, fault.ClaimsClosed, codeOf(err))
		require.Contains(t, err.Error(), "verifier")
	})

	t.Run("an address without a contract is trouble, not an account that has not claimed", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, s.Node.URL), chaintest.Nobody, always)
		require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
	})

	t.Run("a contract of another kind is trouble", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, s.Node.URL), s.Token.Address, always)
		require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
	})

	t.Run("over a WebSocket too", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, "ws"+s.Node.URL[len("http"):]), s.Claims.Address, always)
		require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
	})
}

func TestTheDeadlineIsTheChainsOwnTime(t *testing.T) {
	t.Parallel()
	s := newStage(t, chaintest.New(t))
	head, err := s.Node.Client.HeaderByNumber(t.Context(), nil)
	require.NoError(t, err)
	const far = 1000
	require.NoError(t, s.Node.Mine(1))
	require.NoError(t, s.Claims.Send("setClaimDeadline", new(big.Int).SetUint64(head.Time+far)))

	claims := s.claims(t, always)
	require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
	patient := s.claims(t, chain.ClaimsOptions{FreshFor: time.Nanosecond, Wait: func() time.Duration { return far * time.Second }})
	err = patient.Open(t.Context(), s.claim(t, 1))
	require.Equal(t, fault.ClaimsClosed, codeOf(err), "a proof that would come too late is not begun")
	require.Contains(t, err.Error(), "would not be ready")

	standing, err := claims.Standing(t.Context(), s.claim(t, 1).PublicKey)
	require.NoError(t, err)
	at := standing.Block.Time.Add(4 * time.Second)
	require.NoError(t, s.Claims.Send("setClaimDeadline", big.NewInt(at.Unix())))
	for {
		standing, err := claims.Standing(t.Context(), s.claim(t, 1).PublicKey)
		require.NoError(t, err)
		closed := codeOf(claims.Open(t.Context(), s.claim(t, 1)))
		if standing.Block.Time.After(at) { // the contract compares block.timestamp > claimDeadline
			require.Equal(t, fault.ClaimsClosed, closed)
			break
		}
		require.Empty(t, closed, "until the deadline itself the claim is open")
		require.NoError(t, s.Node.Mine(1)) // a second of the chain's time, in no time
	}
}

func TestTheDeadlineIsHeardWithEveryAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	at := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	require.NoError(t, s.Claims.Send("setClaimDeadline", big.NewInt(at.Unix())))
	asks := map[string]func(*chain.Claims) error{
		"facts":      func(c *chain.Claims) error { _, err := c.Facts(t.Context()); return err },
		"an account": func(c *chain.Claims) error { return c.Open(t.Context(), s.claim(t, 1)) },
		"in flight":  func(c *chain.Claims) error { _, err := c.Again(t.Context(), []claim.Claim{s.claim(t, 1)}); return err },
	}
	all := map[string]*chain.Claims{}
	for name, ask := range asks {
		all[name] = s.claims(t, always)
		require.Zero(t, all[name].Deadline(), "nothing was heard yet")
		require.NoError(t, ask(all[name]), name)
		require.Equal(t, at, all[name].Deadline(), name)
	}
	require.NoError(t, s.Claims.Send("setClaimDeadline", big.NewInt(0)))
	for name, ask := range asks {
		require.NoError(t, ask(all[name]), name)
		require.Zero(t, all[name].Deadline(), name)
	}
}

func TestAClaimThatIsReorganisedAway(t *testing.T) {
	t.Parallel()
	s := newStage(t, chaintest.New(t))
	claims := s.claims(t, always)
	before, err := s.Node.Client.BlockNumber(t.Context())
	require.NoError(t, err)
	s.pay(t, 1)
	require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
	require.NoError(t, s.Node.Rewind(before))
	require.NoError(t, s.Node.Mine(1))
	require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)), "it never happened")
}

func TestFinality(t *testing.T) {
	t.Parallel()
	s := newStage(t, chaintest.New(t))
	p := newProxy(t, s.Node.URL)
	claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, always)
	s.pay(t, 1)
	paid, open := s.claim(t, 1), s.claim(t, 2)

	standing, err := claims.Standing(t.Context(), paid.PublicKey)
	require.NoError(t, err)
	require.False(t, standing.Final)
	require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), paid)))
	require.EqualValues(t, 2, p.asked.Load(), "what may change is asked again")

	for i := 0; !standing.Final; i++ { // two epochs of 32 blocks
		require.Less(t, i, 20, "it must become final")
		require.NoError(t, s.Node.Mine(5))
		standing, err = claims.Standing(t.Context(), paid.PublicKey)
		require.NoError(t, err)
	}
	asked := p.asked.Load()
	for range 10 {
		require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), paid)))
	}
	require.Equal(t, asked, p.asked.Load(), "what is final is never asked again")
	require.NoError(t, claims.Open(t.Context(), open))
	require.NoError(t, claims.Open(t.Context(), open))
	require.Equal(t, asked+2, p.asked.Load(), "not to have claimed is never final")
	require.NoError(t, s.Claims.Send("setPaused", true))
	standing, err = claims.Standing(t.Context(), paid.PublicKey)
	require.NoError(t, err)
	require.True(t, standing.Paused, "what else the contract says is never final either")
}

func TestAChainWithoutFinality(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	s.pay(t, 1)
	for name, l := range map[string]lie{
		"that refuses the word":  failingAt("finalized", `{"code":-32602,"message":"invalid block tag"}`),
		"that has no such block": failingAt("finalized", `{"code":-39001,"message":"finalized block not found"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, s.Node.URL)
			p.lie(l)
			claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, always)
			require.NoError(t, claims.Open(t.Context(), s.claim(t, 2)))
			standing, err := claims.Standing(t.Context(), s.claim(t, 1).PublicKey)
			require.NoError(t, err)
			require.Equal(t, amount, standing.Claimed)
			require.False(t, standing.Final)
		})
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	key := s.claim(t, 3).PublicKey
	require.NoError(t, s.Claims.Send("setRestrictedUnlock", [][32]byte{key}, true))
	s.pay(t, 3)
	standing, err := s.claims(t, always).Standing(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, amount, standing.Claimed)
	require.True(t, standing.Restricted)
	require.EqualValues(t, 1000, standing.UnlockedBps)
	require.EqualValues(t, chaintest.ChainID, standing.ChainID)
	require.Equal(t, s.list.Root(), standing.MerkleRoot)
	require.Equal(t, s.ZKVerifier.Address, standing.ZKVerifier)
	_, limited := standing.Left()
	require.False(t, limited)
	block, err := s.Node.Client.HeaderByHash(t.Context(), standing.Block.Hash)
	require.NoError(t, err)
	require.Equal(t, block.Number.Uint64(), standing.Block.Number)
	require.EqualValues(t, block.Time, standing.Block.Time.Unix())
}

func TestAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	p := newProxy(t, s.Node.URL)
	claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, chain.ClaimsOptions{FreshFor: time.Hour})
	inFlight := []claim.Claim{s.claim(t, 1), s.claim(t, 2), s.claim(t, 3)}
	for _, c := range inFlight {
		require.NoError(t, claims.Open(t.Context(), c))
	}
	s.pay(t, 2)
	asked := p.firstBatches()
	refusals, err := claims.Again(t.Context(), inFlight)
	require.NoError(t, err)
	require.Equal(t, asked+1, p.firstBatches(), "one batch for all of them")
	require.Len(t, refusals, 3)
	require.NoError(t, refusals[0])
	require.Equal(t, fault.AlreadyClaimed, codeOf(refusals[1]), "whatever is remembered")
	require.NoError(t, refusals[2])

	p.lie(status(500))
	_, err = claims.Again(t.Context(), inFlight)
	require.Equal(t, fault.RPCUnavailable, codeOf(err))
	p.lie(answering("eth_call", `"0x"`))
	_, err = claims.Again(t.Context(), inFlight)
	require.Equal(t, fault.RPCUnavailable, codeOf(err))
	p.lie(nil)
	many := make([]claim.Claim, 200)
	many[150] = s.claim(t, 2)
	asked = p.firstBatches()
	require.Eventually(t, func() bool { refusals, err = claims.Again(t.Context(), many); return err == nil }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, asked+3, p.firstBatches(), "of ninety each")
	require.Equal(t, fault.AlreadyClaimed, codeOf(refusals[150]))
	none, err := claims.Again(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
}
