package network

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// MaxArtifactBytes bounds an artifact, packed and unpacked. A Groth16 proof has 2 kB, a PLONK proof 5 kB.
const MaxArtifactBytes = 32 << 20

var errFrame = errors.New("a packed artifact that is not one whole zstd frame")

var errTooLarge = fmt.Errorf("an artifact of more than %d MiB", MaxArtifactBytes>>20)

const zstdMagic = "\x28\xb5\x2f\xfd"

// newPacker packs what is uploaded, at zstd's level 3 as SP1's own tools do. Its tables take more than all else of a job,
// so all jobs share it: its EncodeAll may be called from many goroutines, and keeps no claim waiting for long.
func newPacker() *zstd.Encoder {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(zstd.MinWindowSize<<6), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic("network: zstd's options must always do: " + err.Error())
	}
	return w
}

// Decompress unpacks one artifact; what is not packed it gives as it is. It counts before it keeps anything, so that
// what has more than [MaxArtifactBytes] costs no more memory than the window.
func Decompress(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte(zstdMagic)) {
		return b, nil
	}
	if !oneFrame(b) {
		return nil, errFrame
	}
	r, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, io.LimitReader(r, MaxArtifactBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("decompressing: %w", err)
	case n > MaxArtifactBytes:
		return nil, errTooLarge
	}
	unpacked := make([]byte, n)
	if err = r.Reset(bytes.NewReader(b)); err == nil {
		_, err = io.ReadFull(r, unpacked)
	}
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	return unpacked, nil
}

// oneFrame says whether b is one zstd frame and nothing behind it, by the sizes of its blocks (RFC 8878, section 3.1.1).
func oneFrame(b []byte) bool {
	var h zstd.Header
	if h.Decode(b) != nil || h.Skippable {
		return false
	}
	rest := b[h.HeaderSize:]
	for last := false; !last; {
		if len(rest) < 3 {
			return false
		}
		block := int(rest[0]) | int(rest[1])<<8 | int(rest[2])<<16
		size := block >> 3
		if block>>1&3 == 1 { // one byte, repeated
			size = 1
		}
		if len(rest)-3 < size {
			return false
		}
		rest, last = rest[3+size:], block&1 == 1
	}
	if h.HasCheckSum {
		return len(rest) == 4
	}
	return len(rest) == 0
}

// readBounded reads to the end, or until it is too much.
func readBounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxArtifactBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading an artifact: %w", err)
	case len(b) > MaxArtifactBytes:
		return nil, errTooLarge
	}
	return b, nil
}
