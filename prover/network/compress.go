package network

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// MaxArtifactBytes bounds an artifact, packed and unpacked. A Groth16 proof has 2 kB, a PLONK proof 5 kB.
const MaxArtifactBytes = 32 << 20

var errTooLarge = fmt.Errorf("an artifact of more than %d MiB", MaxArtifactBytes>>20)

const zstdMagic = "\x28\xb5\x2f\xfd"

// compress packs what is uploaded, at zstd's level 3 as SP1's own tools do.
func compress(b []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(zstd.MinWindowSize<<6), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil), nil
}

// Decompress unpacks one artifact; what is not packed it gives as it is. It holds and gives no more than
// [MaxArtifactBytes] and its window.
func Decompress(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte(zstdMagic)) {
		return b, nil
	}
	r, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	defer r.Close()
	return readBounded(r)
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
