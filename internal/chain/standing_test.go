package chain

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// said is an answer of words.
func said(words ...*uint256.Int) answer {
	var a answer
	for _, w := range words {
		word := w.Bytes32()
		a.outputs = append(a.outputs, output{bytes: word[:]})
	}
	return a
}

func TestTerms(t *testing.T) {
	t.Parallel()
	n := uint256.NewInt
	huge := new(uint256.Int).Not(n(0))
	verifier := new(uint256.Int).Rsh(huge, 96)

	terms, err := readTerms(said(n(1), n(1_700_000_000), huge, verifier, n(10_000)))
	require.NoError(t, err)
	require.True(t, terms.Paused)
	require.EqualValues(t, 1_700_000_000, terms.Deadline.Unix())
	require.Equal(t, huge.Bytes32(), terms.MerkleRoot)
	require.Equal(t, common.MaxAddress, terms.ZKVerifier)
	require.EqualValues(t, 10_000, terms.UnlockedBps)

	for name, a := range map[string]answer{
		"a bool of 2":                   said(n(2), n(0), n(0), n(0), n(0)),
		"a bool of 2^64":                said(new(uint256.Int).Lsh(n(1), 64), n(0), n(0), n(0), n(0)),
		"an address of 21 bytes":        said(n(0), n(0), n(0), new(uint256.Int).Lsh(n(1), 160), n(0)),
		"more than all paid at once":    said(n(0), n(0), n(0), n(0), n(10_001)),
		"a share of more than 64 bits":  said(n(0), n(0), n(0), n(0), huge),
		"a word that is missing a byte": {outputs: append(said(n(0), n(0), n(0), n(0)).outputs, output{bytes: make([]byte, 31)})},
		"a revert":                      {outputs: append(said(n(0), n(0), n(0), n(0)).outputs, output{revert: &Revert{}, bytes: make([]byte, 32)})},
	} {
		_, err := readTerms(a)
		require.ErrorIs(t, err, errWord, name)
	}

	for name, w := range map[string]*uint256.Int{"zero": n(0), "beyond time": huge, "beyond reason": n(1 << 41)} {
		terms, err := readTerms(said(n(0), w, n(0), n(0), n(0)))
		require.NoError(t, err)
		_, limited := terms.Left()
		require.False(t, limited, name)
	}
}

func TestSharesAreTheContracts(t *testing.T) {
	t.Parallel()
	huge := *new(uint256.Int).Not(uint256.NewInt(0))
	for _, c := range []struct {
		bps        uint16
		restricted bool
		amount     uint256.Int
		unlocked   uint256.Int
	}{
		{1000, false, *uint256.NewInt(1005), *uint256.NewInt(100)},
		{1000, false, *uint256.NewInt(9), *uint256.NewInt(0)},
		{10_000, false, huge, huge},
		{0, false, huge, *uint256.NewInt(0)},
		{10_000, true, *uint256.NewInt(7), *uint256.NewInt(0)},
	} {
		unlocked, vesting := Standing{Terms: Terms{UnlockedBps: c.bps}, Restricted: c.restricted}.Shares(c.amount)
		require.Equal(t, c.unlocked, unlocked)
		require.Equal(t, c.amount, *new(uint256.Int).Add(&unlocked, &vesting))
	}
}

func TestADeadlineIncludesItsOwnSecond(t *testing.T) {
	t.Parallel()
	terms := Terms{Block: Block{Time: time.Unix(100, 0)}, ZKVerifier: common.MaxAddress}
	for deadline, open := range map[int64]bool{99: false, 100: true, 101: true} {
		terms.Deadline = time.Unix(deadline, 0)
		require.Equal(t, open, terms.refusal(0) == nil, deadline)
	}
}

func TestRevertsAreNamed(t *testing.T) {
	t.Parallel()
	for selector, name := range map[string]string{ // as Solidity's compiler gave them
		"0xf208777e": "RouteNotFound", "0xebf10823": "RouteIsFrozen", "0x988066a1": "WrongVerifierSelector",
		"0x1fcf9177": "InvalidExitCode", "0xd58aec58": "InvalidVkRoot", "0x09bde339": "InvalidProof",
		"0x7fcdd1f4": "ProofInvalid", "0xa54f8e27": "PublicInputNotInField", "0x7cdf17ad": "ClaimsPaused",
		"0xc831edf4": "ClaimDeadlinePassed", "0xb05e92fa": "InvalidMerkleProof", "0x076490f6": "InvalidZKProof",
		"0x646cf558": "AlreadyClaimed", "0x1f2a2005": "ZeroAmount", "0xd92e233d": "ZeroAddress", "0x3db4c649": "NoZKVerifier",
		"0x3ee5aeb5": "ReentrancyGuardReentrantCall", "0x5274afe7": "SafeERC20FailedOperation", "0xe450d38c": "ERC20InsufficientBalance",
		"0x08c379a0" + // Error(string)
			"0000000000000000000000000000000000000000000000000000000000000020" +
			"0000000000000000000000000000000000000000000000000000000000000004" +
			"6e6f0a6f00000000000000000000000000000000000000000000000000000000": `"no\no"`,
		"0x01020304": "an error unknown here, 0x01020304",
		"0x0102":     "a revert without a reason",
		"0x":         "a revert without a reason",
	} {
		require.Equal(t, name, newRevert(common.FromHex(selector)).String())
	}
}

// refusal is an endpoint's error of a call, as different programs word it.
type refusal struct {
	code int
	text string
	data any
}

func (r refusal) Error() string  { return r.text }
func (r refusal) ErrorCode() int { return r.code }
func (r refusal) ErrorData() any { return r.data }

func TestARevertIsNotTrouble(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"go-ethereum's":         refusal{3, "execution reverted", "0x646cf558"},
		"without data":          refusal{3, "execution reverted", nil},
		"by its code alone":     refusal{3, "VM Exception", nil},
		"by its text alone":     refusal{-32000, "execution reverted: no", nil},
		"by its data alone":     refusal{-32015, "VM execution error.", "0x646cf558"},
		"wrapped on its way up": fmt.Errorf("calling: %w", refusal{3, "execution reverted", "0x646cf558"}),
	} {
		_, ok := revertOf(err)
		require.True(t, ok, name)
	}
	for name, err := range map[string]error{
		"no error":           nil,
		"a lost connection":  io.ErrUnexpectedEOF,
		"out of gas":         refusal{-32000, "out of gas", nil},
		"over a limit":       refusal{-32005, "limit exceeded", map[string]any{"see": "https://node.example"}},
		"data that is none":  refusal{-32000, "header not found", "0x"},
		"data that is words": refusal{-32000, "missing trie node", "path 0102"},
	} {
		_, ok := revertOf(err)
		require.False(t, ok, name)
	}
}
