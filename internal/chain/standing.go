package chain

import (
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"claimprover/internal/fault"
)

// Terms are what the claim contract says for everybody, at one block.
type Terms struct {
	ChainID     uint64
	Block       Block
	Paused      bool
	Deadline    time.Time // zero: none
	MerkleRoot  [32]byte
	ZKVerifier  common.Address // zero: none, and nothing can be claimed
	UnlockedBps uint16         // of 10,000: what a claim pays at once; the rest vests

	unfit string // why no proof made here can be claimed; empty: it can
}

// Standing is what the claim contract says of one account.
type Standing struct {
	Terms
	Claimed    uint256.Int // in the token's smallest unit; zero: not yet
	Final      bool        // claimed at the finalized block: for good
	Restricted bool        // nothing of it is paid at once
}

// Left is the time from the block to the deadline, below zero when it has passed; false when there is none.
func (t Terms) Left() (time.Duration, bool) {
	if t.Deadline.IsZero() {
		return 0, false
	}
	return t.Deadline.Sub(t.Block.Time), true
}

// Refusal says why the contract would not pay the account a claim whose proof takes about wait from now: already_claimed
// or claims_closed. Nil: it would. All times are the chain's.
func (s Standing) Refusal(wait time.Duration) error {
	if !s.Claimed.IsZero() {
		return fault.New(fault.AlreadyClaimed, "This account has been claimed already: the contract has paid it out.")
	}
	return s.Terms.refusal(wait)
}

func (t Terms) refusal(wait time.Duration) error {
	left, limited := t.Left()
	switch {
	case t.Paused:
		return fault.New(fault.ClaimsClosed, "The contract is paused and takes no claims. Come back when it is open again.")
	case limited && left < 0:
		return fault.New(fault.ClaimsClosed, "The claims have ended: the contract took them until %s.", t.Deadline.Format(time.RFC3339))
	case t.ZKVerifier == (common.Address{}):
		return fault.New(fault.ClaimsClosed, "The contract has no verifier yet and can pay no claim. Come back when it has one.")
	case t.unfit != "":
		return fault.New(fault.ClaimsClosed, "%s", t.unfit)
	case limited && left < wait:
		return fault.New(fault.ClaimsClosed, "The contract takes claims until %s only, and a proof asked for now would not be ready before.",
			t.Deadline.Format(time.RFC3339))
	}
	return nil
}

// Shares are how the contract divides the account's amount: what it pays at once, and what vests. Rounding
// favours the latter, as in the contract.
func (s Standing) Shares(amount uint256.Int) (unlocked, vesting uint256.Int) {
	unlocked.MulDivOverflow(&amount, uint256.NewInt(uint64(s.UnlockedNow())), uint256.NewInt(maxBasisPoint))
	vesting.Sub(&amount, &unlocked)
	return unlocked, vesting
}

// UnlockedNow is the account's own share that is paid at once, of 10,000.
func (s Standing) UnlockedNow() uint16 {
	if s.Restricted {
		return 0
	}
	return s.UnlockedBps
}

// termViews are asked of everybody's terms, in the order in which readTerms reads them.
func termViews(contract common.Address) []call {
	return []call{viewPaused.call(contract), viewClaimDeadline.call(contract), viewMerkleRoot.call(contract),
		viewZKVerifier.call(contract), viewUnlockedBps.call(contract)}
}

const (
	numTerms      = 5       // calls of termViews
	farAway       = 1 << 40 // in Unix seconds
	maxBasisPoint = 10_000
)

// accountViews are asked of one account, in the order in which readStanding reads them.
func accountViews(contract common.Address, key [32]byte) []call {
	final := viewClaimed.call(contract, key)
	final.finalized = true
	return []call{viewClaimed.call(contract, key), viewRestrictedUnlock.call(contract, key), final}
}

// readTerms takes every view or none. What is no answer of such a contract is an error.
func readTerms(a answer) (t Terms, err error) {
	var words [numTerms]uint256.Int
	for i := range words {
		var failed error
		words[i], failed = a.outputs[i].word()
		err = errors.Join(err, failed)
	}
	if err != nil {
		return t, errWord
	}
	t = Terms{ChainID: a.chainID, Block: a.block, MerkleRoot: words[2].Bytes32()}
	paused, err := flag(words[0])
	if err != nil {
		return t, fmt.Errorf("paused: %w", err)
	}
	t.Paused = paused
	t.Deadline = deadline(words[1])
	if t.ZKVerifier, err = address(words[3]); err != nil {
		return t, fmt.Errorf("zkVerifier: %w", err)
	}
	if !words[4].IsUint64() || words[4].Uint64() > maxBasisPoint {
		return t, fmt.Errorf("unlockedBps: %w", errWord)
	}
	t.UnlockedBps = uint16(words[4].Uint64())
	return t, nil
}

// deadline reads Unix seconds. What is farther away than time.Time can tell is as good as none.
func deadline(w uint256.Int) time.Time {
	if w.IsZero() || !w.IsUint64() || w.Uint64() > farAway {
		return time.Time{}
	}
	return time.Unix(int64(w.Uint64()), 0).UTC()
}

// readStanding takes everybody's terms and, behind them, the views of one account.
func readStanding(a answer) (s Standing, err error) {
	if s.Terms, err = readTerms(a); err != nil {
		return s, err
	}
	account := a.outputs[numTerms:]
	if s.Claimed, err = account[0].word(); err != nil {
		return s, fmt.Errorf("claimed: %w", err)
	}
	restricted, err := account[1].word()
	if err != nil {
		return s, fmt.Errorf("restrictedUnlock: %w", err)
	}
	if s.Restricted, err = flag(restricted); err != nil {
		return s, fmt.Errorf("restrictedUnlock: %w", err)
	}
	final, err := account[2].word() // at a block before the contract's there is no word
	s.Final = err == nil && !final.IsZero() && !s.Claimed.IsZero()
	return s, nil
}
