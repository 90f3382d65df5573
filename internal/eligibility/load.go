package eligibility

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// manyEntries is the size from which a list is worth a garbage collection of its own.
const manyEntries = 100_000

// Loader reads lists; its zero value is what [Load] and [Open] use.
type Loader struct {
	// AnyRoot takes a list whose entries do not make the root that its file states. Such a list was changed after it was
	// made: proofs from it do not fit the contract that holds the stated root.
	AnyRoot bool
}

// Load reads a list; see [Loader.Load].
func Load(r io.Reader, size int64) (*List, error) { return Loader{}.Load(r, size) }

// Open reads a list from a file; see [Loader.Load].
func Open(path string) (*List, error) { return Loader{}.Open(path) }

// Open reads a list from a file.
func (l Loader) Open(path string) (*List, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the eligibility list: %w", err)
	}
	defer func() { _ = f.Close() }()
	stat, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the eligibility list %s: %w", path, err)
	}
	list, err := l.Load(f, stat.Size())
	if err != nil {
		return nil, fmt.Errorf("reading the eligibility list %s: %w", path, err)
	}
	return list, nil
}

// Load streams a list: {"root", "entries": {"<ss58>": {"pubkey", "balance"}}, "entriesByPubkey": {"<pubkey>": {"balance"}}}.
// entries must be there; entriesByPubkey, if there, is used instead of it. The object entries alone is a list too, and
// an entry may have its key as an SS58 name only and its amount as the second element of leaf. Whatever else is in the
// file is ignored. size is its length in bytes, from which the room for the entries is guessed; 0 if it is not known.
//
// Errors name the entry and what to put right. A key with two amounts is refused, and so is a list that is not the one
// whose root the file states.
func (l Loader) Load(r io.Reader, size int64) (*List, error) {
	f := newFile(r, size)
	if err := f.read(); err != nil {
		return nil, err
	}
	entries, err := distinct(f.entries)
	if err != nil {
		return nil, err
	}
	if len(entries) > manyEntries {
		debug.FreeOSMemory() // what reading left behind goes before the tree comes, which is as large as the entries
	}
	list := newList(entries)
	if root := list.Root(); f.root != nil && *f.root != root && !l.AnyRoot {
		return nil, fmt.Errorf("root says %s, but the entries make %s: the file was changed after it was made, make it again",
			hexutil.Encode(f.root[:]), hexutil.Encode(root[:]))
	}
	if f.root != nil {
		list.stated = *f.root
	}
	return list, nil
}

// distinct sorts entries by key and drops repetitions. It takes the slice over.
func distinct(entries []entry) ([]entry, error) {
	slices.SortFunc(entries, byKey)
	for i := 1; i < len(entries); i++ {
		if a, b := entries[i-1], entries[i]; a.key == b.key && a.amount != b.amount {
			return nil, fmt.Errorf("key %s is listed twice, with %s and with %s: leave one of them",
				hexutil.Encode(a.key[:]), a.amount.Dec(), b.amount.Dec())
		}
	}
	entries = slices.Compact(entries)
	if cap(entries)-len(entries) > len(entries)/8 {
		entries = append(make([]entry, 0, len(entries)), entries...) // let go of a guess that was far too high
	}
	return entries, nil
}

var errNoEntries = errors.New(`entries is missing: the file must be an object with "entries", as the snapshot's generator writes it`)
