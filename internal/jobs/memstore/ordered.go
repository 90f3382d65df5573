package memstore

import (
	"cmp"
	"slices"
)

// chunkSize bounds what an insert or a removal moves.
const chunkSize = 512

// ordered is a set of entries by seq, in chunks of up to chunkSize. Finding is by bisection, first among the chunks, then
// in one; adding and removing move at most one chunk, and one pointer for each chunk.
type ordered struct {
	chunks [][]*entry // ascending, none empty
	count  int
}

func (o *ordered) len() int { return o.count }

// oldest is the entry of the smallest seq; nil if there is none.
func (o *ordered) oldest() *entry {
	if o.count == 0 {
		return nil
	}
	return o.chunks[0][0]
}

// all gives the entries, oldest first, in a slice of the caller's.
func (o *ordered) all() []*entry {
	all := make([]*entry, 0, o.count)
	for _, c := range o.chunks {
		all = append(all, c...)
	}
	return all
}

// find gives where the first entry stands that is not older than seq; past the last, a chunk that does not exist.
func (o *ordered) find(seq uint64) (chunk, at int) {
	chunk, _ = slices.BinarySearchFunc(o.chunks, seq, func(c []*entry, seq uint64) int {
		return cmp.Compare(c[len(c)-1].seq, seq)
	})
	if chunk == len(o.chunks) {
		return chunk, 0
	}
	at, _ = slices.BinarySearchFunc(o.chunks[chunk], seq, func(e *entry, seq uint64) int { return cmp.Compare(e.seq, seq) })
	return chunk, at
}

// insert adds an entry that is not in the set.
func (o *ordered) insert(e *entry) {
	o.count++
	c, at := o.find(e.seq)
	if c == len(o.chunks) { // the newest of all, as nearly always
		if c == 0 || len(o.chunks[c-1]) == chunkSize {
			o.chunks = append(o.chunks, []*entry{e})
			return
		}
		c, at = c-1, len(o.chunks[c-1])
	}
	o.chunks[c] = slices.Insert(o.chunks[c], at, e)
	if full := o.chunks[c]; len(full) > chunkSize {
		o.chunks = slices.Insert(o.chunks, c+1, slices.Clone(full[chunkSize/2:]))
		o.chunks[c] = slices.Delete(full, chunkSize/2, len(full))
	}
}

// remove takes away an entry that is in the set.
func (o *ordered) remove(e *entry) {
	o.count--
	c, at := o.find(e.seq)
	o.chunks[c] = slices.Delete(o.chunks[c], at, at+1)
	if len(o.chunks[c]) == 0 {
		o.chunks = slices.Delete(o.chunks, c, c+1)
	}
}

// descent walks from newer to older entries. It is good until the set changes.
type descent struct {
	of        *ordered
	chunk, at int // just above the next entry
}

// below starts at the newest entry that is older than seq.
func (o *ordered) below(seq uint64) descent {
	c, at := o.find(seq)
	return descent{o, c, at}
}

// peek is the next entry; nil at the end.
func (d *descent) peek() *entry {
	if d.at == 0 {
		if d.chunk == 0 {
			return nil
		}
		d.chunk--
		d.at = len(d.of.chunks[d.chunk])
	}
	return d.of.chunks[d.chunk][d.at-1]
}

func (d *descent) step() { d.at-- }
