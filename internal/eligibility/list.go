// Package eligibility knows who may claim how much: the list of accounts, and the Merkle tree over it that the contract
// holds the root of.
//
// A [List] is read once and never changes, so any number of goroutines may ask it. It keeps 64 bytes an account and 64
// bytes of tree. The package knows claims, not where they come from.
package eligibility

import (
	"bytes"
	"slices"

	"github.com/holiman/uint256"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

// List is an eligibility list with its Merkle tree. [Open] and [Load] make one.
type List struct {
	entries []entry // by key
	tree    tree
	stated  [32]byte // by its file; zero: it states none
}

type entry struct {
	key    [32]byte
	amount uint256.Int
}

func byKey(a, b entry) int { return bytes.Compare(a.key[:], b.key[:]) }

// newList takes entries that are sorted by key and have no key twice.
func newList(entries []entry) *List { return &List{entries: entries, tree: newTree(entries)} }

// Len is how many accounts are listed.
func (l *List) Len() int { return len(l.entries) }

// Lookup gives the listed amount of a public key, in the token's smallest unit.
func (l *List) Lookup(key [32]byte) (uint256.Int, bool) {
	at, found := slices.BinarySearchFunc(l.entries, entry{key: key}, byKey)
	if !found {
		return uint256.Int{}, false
	}
	return l.entries[at].amount, true
}

// Root is the Merkle root that the contract must hold; zero for a list without entries.
func (l *List) Root() [32]byte { return l.tree.root() }

// Stated is the root that the list's file states, which is [List.Root] unless it was loaded with [Loader.AnyRoot]; zero:
// it states none.
func (l *List) Stated() [32]byte { return l.stated }

// Proof gives the hashes that lead from an account's leaf to the root, the leaf's sibling first. A list of one account
// has a proof without steps; an account that is not listed has none.
func (l *List) Proof(key [32]byte) ([][32]byte, bool) {
	amount, listed := l.Lookup(key)
	if !listed {
		return nil, false
	}
	return l.tree.proof(newHasher().leaf(entry{key, amount})), true
}

// Check refuses a claim whose account is not listed ([fault.NotEligible]) or is listed with another amount
// ([fault.AmountMismatch]). It does not say which: at this point nobody has shown that the account is theirs.
func (l *List) Check(c claim.Claim) error {
	if err := l.CheckAccount(c.PublicKey); err != nil {
		return err
	}
	if amount, _ := l.Lookup(c.PublicKey); amount != c.Amount {
		return fault.New(fault.AmountMismatch, "The listed amount is different. Claim the whole listed amount in the smallest unit, and check that this is the account from the snapshot; another account in the same wallet is the usual reason.")
	}
	return nil
}

// CheckAccount refuses an account that is not listed with [fault.NotEligible].
func (l *List) CheckAccount(key [32]byte) error {
	if _, listed := l.Lookup(key); listed {
		return nil
	}
	return fault.New(fault.NotEligible, "This account is not on the list. Check that it is the account from the snapshot; another account in the same wallet is the usual reason.")
}
