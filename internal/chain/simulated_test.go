package chain_test

import (
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/fault"
)

// head is the newest block.
func head(t *testing.T, n *chaintest.Node) (number uint64, hash common.Hash, at time.Time) {
	t.Helper()
	h, err := n.Client.HeaderByNumber(t.Context(), nil)
	require.NoError(t, err)
	return h.Number.Uint64(), h.Hash(), time.Unix(int64(h.Time), 0)
}

func TestClaimedIsForGoodOnlyOnceItIsFinal(t *testing.T) {
	t.Parallel()
	sim := chaintest.NewSimulated(t)
	s := newStage(t, sim.Node)
	p := newProxy(t, sim.URL)
	claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, always)
	c := s.claim(t, 1)
	at, _, _ := head(t, sim.Node)
	sim.Commit(int(32 - at)) // a contract that is final itself, without the claim
	s.pay(t, 1)
	final := func() bool {
		standing, err := claims.Standing(t.Context(), c.PublicKey)
		require.NoError(t, err)
		require.Equal(t, amount, standing.Claimed)
		return standing.Final
	}
	require.False(t, final(), "in a block that is not")
	sim.Commit(63 - 33)
	require.False(t, final(), "in the block before the next that is final")
	asked := p.asked.Load()
	require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), c)))
	require.EqualValues(t, 1, p.asked.Load()-asked, "what may change is asked again")

	sim.Commit(1) // the 64th block, which is final with all before it
	require.True(t, final())
	asked = p.asked.Load()
	sim.AdjustTime(400 * 24 * time.Hour)
	p.lie(hang)
	for range 3 {
		require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), c)))
		require.Equal(t, fault.AlreadyClaimed, codeOf(claims.StillOpen(t.Context(), c)))
	}
	require.Equal(t, asked, p.asked.Load(), "what is final is never asked again, whether the chain is there or not")
}

func TestAClaimThatIsReorganisedAwayCanBeMadeAgain(t *testing.T) {
	t.Parallel()
	sim := chaintest.NewSimulated(t)
	s := newStage(t, sim.Node)
	c := s.claim(t, 1)
	remembers, asks := s.claims(t, chain.ClaimsOptions{FreshFor: time.Hour}), s.claims(t, always)
	_, before, _ := head(t, sim.Node)
	s.pay(t, 1)
	sim.Commit(3)
	for _, claims := range []*chain.Claims{remembers, asks} {
		require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), c)))
	}

	sim.Fork(before)
	sim.Commit(4) // the other branch, which is longer
	require.NoError(t, asks.Open(t.Context(), c), "it never happened")
	require.Equal(t, fault.AlreadyClaimed, codeOf(remembers.Open(t.Context(), c)), "as long as an answer is good")
	require.NoError(t, remembers.StillOpen(t.Context(), c), "a worker asks anew")
	require.NoError(t, remembers.Open(t.Context(), c), "and everybody has his answer")

	s.pay(t, 1) // on the branch that won
	sim.Commit(32)
	require.Equal(t, fault.AlreadyClaimed, codeOf(asks.Open(t.Context(), c)))
	standing, err := asks.Standing(t.Context(), c.PublicKey)
	require.NoError(t, err)
	require.True(t, standing.Final)
}

func TestABlockTimeThatJumpsClosesTheClaims(t *testing.T) {
	t.Parallel()
	sim := chaintest.NewSimulated(t)
	s := newStage(t, sim.Node)
	claims := s.claims(t, always)
	_, _, now := head(t, sim.Node)
	deadline := now.Add(time.Hour)
	require.NoError(t, s.Claims.Send("setClaimDeadline", big.NewInt(deadline.Unix())))
	_, before, now := head(t, sim.Node)

	sim.AdjustTime(deadline.Sub(now))
	require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)), "in the deadline's own second")
	sim.AdjustTime(time.Second)
	require.Equal(t, fault.ClaimsClosed, codeOf(claims.Open(t.Context(), s.claim(t, 1))), "by the chain's time, an hour before ours")
	require.True(t, time.Now().Before(deadline))
	standing, err := claims.Standing(t.Context(), s.claim(t, 1).PublicKey)
	require.NoError(t, err)
	left, limited := standing.Left()
	require.True(t, limited)
	require.Equal(t, -time.Second, left)

	// The jump is reorganised away. An endpoint whose clock goes back an hour looks left behind, so patience is needed.
	patient := claimsAt(t, rpcTo(t, chain.RPCOptions{MaxLag: 24 * time.Hour}, sim.URL), s.Claims.Address, always)
	require.Equal(t, fault.ClaimsClosed, codeOf(patient.Open(t.Context(), s.claim(t, 1))))
	sim.Fork(before) // its own clock does not go back: a block after it would come after the deadline too
	require.NoError(t, patient.Open(t.Context(), s.claim(t, 1)))
	require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
}

func TestAnEndpointThatIsLeftBehindIsNotAsked(t *testing.T) {
	t.Parallel()
	ahead, behind := chaintest.NewSimulated(t), chaintest.NewSimulated(t)
	s, same := newStage(t, ahead.Node), newStage(t, behind.Node)
	require.Equal(t, s.Claims.Address, same.Claims.Address, "one history up to here")
	ahead.AdjustTime(2 * time.Minute)
	s.pay(t, 1) // which the other has not seen
	first := newProxy(t, ahead.URL)
	claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, first.URL, behind.URL), s.Claims.Address, always)
	c := s.claim(t, 1)
	require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), c)))

	first.lie(status(http.StatusBadGateway))
	require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), c)), "two minutes ago it was open, and that is no answer")
	behind.AdjustTime(2 * time.Minute)
	same.pay(t, 1)
	require.Eventually(t, func() bool { return codeOf(claims.Open(t.Context(), c)) == fault.AlreadyClaimed }, 20*time.Second, 10*time.Millisecond,
		"it has caught up")
}
