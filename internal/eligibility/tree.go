package eligibility

import (
	"bytes"
	"runtime"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/crypto"
)

// tree is OpenZeppelin's StandardMerkleTree of (bytes32 pubkey, uint256 amount) in its own array layout, so that root and
// proofs are those of npm @openzeppelin/merkle-tree: the root first, the children of i at 2i+1 and 2i+2, and at the end
// the leaves from the greatest hash to the smallest.
type tree [][32]byte

func newTree(entries []entry) tree {
	n := len(entries)
	if n == 0 {
		return nil
	}
	t := make(tree, 2*n-1)
	leaves := t[n-1:]
	inParallel(0, n, func(from, to int) {
		h := newHasher()
		for i := from; i < to; i++ {
			leaves[i] = h.leaf(entries[i])
		}
	})
	slices.SortFunc(leaves, func(a, b [32]byte) int { return bytes.Compare(b[:], a[:]) })
	for to := n - 1; to > 0; {
		from := to / 2 // the children of from..to-1 are all at to or behind it
		inParallel(from, to, func(from, to int) {
			h := newHasher()
			for i := from; i < to; i++ {
				t[i] = h.pair(t[2*i+1], t[2*i+2])
			}
		})
		to = from
	}
	return t
}

func (t tree) root() [32]byte {
	if len(t) == 0 {
		return [32]byte{}
	}
	return t[0]
}

// proof gives the siblings on the way up from a leaf that is in the tree.
func (t tree) proof(leaf [32]byte) [][32]byte {
	first := len(t) / 2
	at, _ := slices.BinarySearchFunc(t[first:], leaf, func(a, b [32]byte) int { return bytes.Compare(b[:], a[:]) })
	steps := [][32]byte{}
	for i := first + at; i > 0; i = (i - 1) / 2 {
		sibling := i + 1
		if i%2 == 0 {
			sibling = i - 1
		}
		steps = append(steps, t[sibling])
	}
	return steps
}

// hasher hashes with one Keccak state and one buffer; it belongs to one goroutine.
type hasher struct {
	keccak crypto.KeccakState
	in     [64]byte
	out    [32]byte
}

func newHasher() *hasher { return &hasher{keccak: crypto.NewKeccakState()} }

// leaf is keccak256(keccak256(abi.encode(bytes32 pubkey, uint256 amount))): hashed twice, so that no inner node, which is
// 64 bytes as well, can pass for a leaf.
func (h *hasher) leaf(e entry) [32]byte {
	amount := e.amount.Bytes32()
	copy(h.in[:32], e.key[:])
	copy(h.in[32:], amount[:])
	h.sum(h.in[:])
	h.sum(h.out[:])
	return h.out
}

// pair hashes two siblings, the smaller one first, which is why a proof needs no directions.
func (h *hasher) pair(a, b [32]byte) [32]byte {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	copy(h.in[:32], a[:])
	copy(h.in[32:], b[:])
	h.sum(h.in[:])
	return h.out
}

func (h *hasher) sum(in []byte) {
	h.keccak.Reset()
	_, _ = h.keccak.Write(in)
	_, _ = h.keccak.Read(h.out[:])
}

// inParallel cuts from..to into one piece for each processor and returns when all are done.
func inParallel(from, to int, work func(from, to int)) {
	pieces := runtime.GOMAXPROCS(0)
	if to-from < 1024 {
		pieces = 1
	}
	var wg sync.WaitGroup
	for p := range pieces {
		wg.Go(func() { work(from+(to-from)*p/pieces, from+(to-from)*(p+1)/pieces) })
	}
	wg.Wait()
}
