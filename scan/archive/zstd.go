package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"qguard/scan"
)

const (
	zstdMagic     = "\x28\xb5\x2f\xfd"
	lz4Magic      = "\x04\x22\x4d\x18"
	skippableTail = "\x2a\x4d\x18" // behind 0x50 to 0x5f (RFC 8878 3.1.2)
)

// isSkippable reports a frame that zstd and lz4 files may begin with.
func isSkippable(head []byte) bool { return head[0]&0xf0 == 0x50 }

// openSkippable opens what stands behind frames to be skipped.
func openSkippable(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	h := make([]byte, 8)
	for at := int64(0); ; at += 8 + u32(h[4:]) {
		if err := b.Time(); err != nil {
			return err
		}
		if n, err := raw.ReadAt(h, at); n < len(h) {
			if err == io.EOF {
				err = unreadable("zstd or lz4 file without data")
			}
			return err
		}
		switch {
		case string(h[:4]) == lz4Magic:
			return openLZ4(p, b, yield)
		case string(h[1:4]) != skippableTail || !isSkippable(h):
			return openZstd(p, b, yield)
		}
	}
}

func openZstd(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return openStream(p, b, yield, trimmed(p, ".zst", ".zstd", ".tzst", ".tzs"), unzstd)
}

// unzstd reads the frames of a zstd file (RFC 8878) in a row. Other bytes behind
// the last are skipped: zstd(1) complains of them and has written its output.
func unzstd(raw *io.SectionReader, room *room) (io.Reader, error) {
	memory := room.b.Limit.Memory
	src := newFeed(raw)
	h, err := src.peek(18)
	if err != nil {
		return nil, err
	}
	if err := room.hold(min(zstdWindow(h), int64(memory)) + 128<<10); err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(src,
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.IgnoreChecksum(true),
		zstd.WithDecoderMaxMemory(1<<40), zstd.WithDecoderMaxWindow(max(uint64(memory), zstd.MinWindowSize)))
	if err != nil {
		return nil, err
	}
	return &zstdRun{z: z}, nil
}

type zstdRun struct {
	z   *zstd.Decoder
	out int64
}

func (z *zstdRun) Read(p []byte) (int, error) {
	n, err := z.z.Read(p)
	z.out += int64(n)
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		err = &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("zstd: %v", err)}
	case errors.Is(err, zstd.ErrMagicMismatch) && z.out > 0:
		err = io.EOF
	}
	return n, err
}

// zstdWindow returns the window of the frame that begins with h, 0 when h is none
// (RFC 8878 3.1.1.1).
func zstdWindow(h []byte) int64 {
	if len(h) < 14 || string(h[:4]) != zstdMagic {
		return 0
	}
	flags, rest := h[4], h[5:]
	if flags&0x20 == 0 {
		base := int64(1) << (10 + rest[0]>>3)
		return base + base/8*int64(rest[0]&7)
	}
	rest = rest[[4]int{0, 1, 2, 4}[flags&3]:]
	var size [8]byte
	n := [4]int{1, 2, 4, 8}[flags>>6]
	if len(rest) < n {
		return 0
	}
	copy(size[:], rest[:n])
	v := binary.LittleEndian.Uint64(size[:])
	if n == 2 {
		v += 256
	}
	return int64(min(v, 1<<40))
}
