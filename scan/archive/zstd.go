package archive

import (
	"encoding/binary"
	"fmt"
	"io"

	"qguard/scan"
)

const (
	zstdMagic     = "\x28\xb5\x2f\xfd"
	lz4Magic      = "\x04\x22\x4d\x18"
	skippableTail = "\x2a\x4d\x18" // behind 0x50 to 0x5f (RFC 8878 3.1.2)

	zstdBlockMax = 128 << 10 // bytes in a block, packed or not (RFC 8878 3.1.1.2.4)
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

// unzstd reads the frames of a zstd file (RFC 8878) in a row, those to be skipped
// too. Sums and content sizes are not compared; other bytes behind the last frame
// are skipped: zstd(1) complains of them and has written its output. What was
// unpacked before an error is given. A frame made with a dictionary is unreadable,
// one whose window is larger than limit.memory is limit.size.
func unzstd(raw *io.SectionReader, room *room) (io.Reader, error) {
	// What zstdBlock holds of one block: packed, literals, output.
	if err := room.hold(3 * zstdBlockMax); err != nil {
		return nil, err
	}
	return &zstdRun{src: newFeed(raw), room: room}, nil
}

// zstdRun unpacks block after block, never more than one ahead of its reader.
type zstdRun struct {
	src     *feed
	room    *room
	frames  int
	inFrame bool
	sum     bool // behind the frame
	block   zstdBlock
	i       int // first byte of block.out not given
	err     error
}

func (z *zstdRun) Read(p []byte) (int, error) {
	for z.i == len(z.block.out) {
		if z.err != nil {
			return 0, z.err
		}
		if z.err = z.room.b.Time(); z.err == nil {
			z.err = z.next()
		}
	}
	n := copy(p, z.block.out[z.i:])
	z.i += n
	return n, nil
}

// next takes a frame's header or the next block of the present frame; what was
// unpacked before an error counts.
func (z *zstdRun) next() error {
	if !z.inFrame {
		return z.frame()
	}
	if err := z.remember(); err != nil {
		return err
	}
	var h [3]byte // Block_Header (3.1.1.2)
	if _, err := io.ReadFull(z.src, h[:]); err != nil {
		return cut(err)
	}
	v := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
	if err := z.block.read(z.src, v>>1&3, v>>3); err != nil {
		return err
	}
	if v&1 == 0 {
		return nil
	}
	z.inFrame = false
	if z.sum {
		z.src.skip(4) // cut off there, all data were read
	}
	return nil
}

// cut makes an end in the middle an error.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// remember keeps the block that was given as history of the next. The window's
// memory grows with what is in it.
func (z *zstdRun) remember() error {
	w := &z.block.window
	if more := w.growth(len(z.block.out)); more > 0 {
		if err := z.room.hold(int64(more)); err != nil {
			return err
		}
		w.grow(more)
	}
	w.add(z.block.out)
	z.block.out, z.i = z.block.out[:0], 0
	return nil
}

// frame takes the header of the next frame, or skips one that has no data
// (3.1.2); io.EOF when there is none.
func (z *zstdRun) frame() error {
	h, err := z.src.peek(18) // the longest header
	switch {
	case err != nil:
		return err
	case len(h) == 0:
		return io.EOF
	case len(h) >= 8 && string(h[1:4]) == skippableTail && isSkippable(h):
		return z.src.skip(8 + u32(h[4:]))
	case len(h) >= 4 && string(h[:4]) == zstdMagic:
		return z.descriptor(h)
	case z.frames > 0 && goesOn(h):
		return unreadable("zstd file goes on in another format")
	case z.frames > 0:
		return io.EOF
	}
	return unreadable("damaged archive: zstd frame header")
}

// goesOn reports the beginning of a format that zstd(1) reads on with behind a
// frame: gzip, xz, LZMA, lz4 and zstd before 0.8.
func goesOn(h []byte) bool {
	for _, magic := range []string{"\x1f\x8b", "\xfd7zXZ", "\x5d\x00", lz4Magic} {
		if len(h) >= len(magic) && string(h[:len(magic)]) == magic {
			return true
		}
	}
	return len(h) >= 4 && h[0] >= 0x1e && h[0] < 0x28 && string(h[1:4]) == zstdMagic[1:]
}

// descriptor takes a frame's header (3.1.1.1).
func (z *zstdRun) descriptor(h []byte) error {
	if len(h) < 5 {
		return io.ErrUnexpectedEOF
	}
	flags := h[4]
	if flags&8 != 0 {
		return unreadable("zstd frame of an unknown kind")
	}
	single := flags&0x20 != 0 // no Window_Descriptor: the window is the content
	length := 5
	if !single {
		length++
	}
	id := length
	length += [4]int{0, 1, 2, 4}[flags&3]
	content := length
	length += [4]int{0, 2, 4, 8}[flags>>6]
	if single && flags>>6 == 0 {
		length++
	}
	if len(h) < length {
		return io.ErrUnexpectedEOF
	}
	for _, c := range h[id:content] {
		if c != 0 {
			return unreadable("zstd frame needs a dictionary")
		}
	}
	window := zstdContent(h[content:length])
	if !single {
		base := uint64(1) << (10 + h[5]>>3)
		window = base + base/8*uint64(h[5]&7)
	}
	if memory := uint64(z.room.b.Limit.Memory); window > memory {
		return &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("zstd: window of more than %d bytes", memory)}
	}
	// A window of a block costs nothing more, and gives what is there when the
	// content size is too small.
	z.block.reset(max(int(window), zstdBlockMax))
	z.frames, z.inFrame, z.sum, z.i = z.frames+1, true, flags&4 != 0, 0
	return z.src.skip(int64(length))
}

// zstdContent returns Frame_Content_Size (3.1.1.1.4).
func zstdContent(field []byte) uint64 {
	var size [8]byte
	copy(size[:], field)
	v := binary.LittleEndian.Uint64(size[:])
	if len(field) == 2 {
		v += 256
	}
	return v
}

// zstdWindow is the last size bytes of earlier blocks of a frame: a ring, once
// it is full.
type zstdWindow struct {
	buf  []byte
	at   int // where the oldest byte stands in a full ring
	size int
}

// growth returns how many bytes of memory the window needs to take n more, and
// some to spare.
func (w *zstdWindow) growth(n int) int {
	n = min(w.size, len(w.buf)+n)
	if n <= cap(w.buf) {
		return 0
	}
	return min(w.size, max(n, 2*cap(w.buf))) - cap(w.buf)
}

func (w *zstdWindow) grow(more int) {
	buf := make([]byte, len(w.buf), cap(w.buf)+more)
	copy(buf, w.buf)
	w.buf = buf
}

func (w *zstdWindow) add(p []byte) {
	n := min(len(p), w.size-len(w.buf))
	w.buf, p = append(w.buf, p[:n]...), p[n:]
	for len(p) > 0 {
		n := copy(w.buf[w.at:], p)
		p = p[n:]
		if w.at += n; w.at == w.size {
			w.at = 0
		}
	}
}

// last returns bytes from the window that begin back bytes before its end, as
// many as stand in one piece. back is 1 to len(buf).
func (w *zstdWindow) last(back int) []byte {
	from := w.at - back
	if from < 0 {
		from += len(w.buf)
	}
	return w.buf[from:]
}
