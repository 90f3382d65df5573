package network

import (
	"encoding/binary"
	"errors"
)

// EncodeStdin is SP1's stdin as bincode 1.3 writes it: the buffers, a read pointer of 0, and no proofs.
func EncodeStdin(buffers ...[]byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(buffers)))
	for _, b := range buffers {
		out = appendBytes(out, b)
	}
	return append(out, make([]byte, 16)...)
}

// DecodeStdin is the reverse of [EncodeStdin]. It takes nothing but what that writes.
func DecodeStdin(b []byte) (buffers [][]byte, err error) {
	r := reader{rest: b}
	for n := r.u64(); n > 0 && r.err == nil; n-- {
		buffers = append(buffers, r.bytes())
	}
	pointer, proofs := r.u64(), r.u64()
	switch {
	case r.err != nil:
		return nil, r.err
	case pointer != 0 || proofs != 0:
		return nil, errors.New("a stdin that has been read from, or holds proofs")
	case len(r.rest) > 0:
		return nil, errors.New("bytes after the stdin")
	}
	return buffers, nil
}

// encodeELF is a program's artifact before compression.
func encodeELF(elf []byte) []byte { return appendBytes(nil, elf) }

func appendBytes(to, b []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(to, uint64(len(b))), b...)
}

var errShort = errors.New("the data ends too early")

// reader reads bincode 1.3. After the first error everything it gives is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.rest)) {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) bytes() []byte { return r.take(r.u64()) }
