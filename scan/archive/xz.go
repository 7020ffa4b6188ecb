package archive

import (
	"encoding/binary"
	"io"

	"qguard/scan"
)

const xzMagic = "\xfd7zXZ\x00"

func openXZ(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return openStream(p, b, yield, trimmed(p, ".xz", ".txz"), unxz)
}

// unxz reads the streams of an xz file (xz file format 1.1.0): header, blocks,
// index, footer, zeros, and the next. Only the library's LZMA2 decoder is used:
// its reader of the container allots a dictionary for every block, however
// small. Sums are not checked: the bytes are judged, whatever they should have been.
func unxz(raw *io.SectionReader, room *room) (io.Reader, error) {
	x := &xzRun{raw: raw, room: room}
	return x, x.stream()
}

type xzRun struct {
	raw  *io.SectionReader
	at   int64
	room *room
	sum  int64 // bytes of the sum behind each block

	z     io.Reader // of the block; nil between blocks
	lzma  *lzmaStream
	ended bool
}

func (x *xzRun) Read(p []byte) (int, error) {
	for !x.ended {
		if x.z == nil {
			if err := x.block(); err != nil {
				return 0, err
			}
			continue
		}
		n, err := x.z.Read(p)
		if err != io.EOF {
			return n, err
		}
		x.at += (x.lzma.src.used+3)/4*4 + x.sum
		x.z = nil
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

// stream reads the header of the stream at x.at; x.ended is set when there is
// none.
func (x *xzRun) stream() error {
	h := make([]byte, 12)
	n, err := x.raw.ReadAt(h, x.at)
	if n < len(h) || string(h[:len(xzMagic)]) != xzMagic {
		x.ended = true
		return ended(x.at, err)
	}
	// Sums have 0, 4, 8, 16, 32 or 64 bytes, three types of each (2.1.1.2).
	x.sum = 0
	if kind := h[7] & 15; kind > 0 {
		x.sum = 4 << ((kind - 1) / 3)
	}
	x.at += int64(len(h))
	return nil
}

// block opens the block at x.at, or skips the index and what follows it.
func (x *xzRun) block() error {
	if err := x.room.b.Time(); err != nil {
		return err
	}
	h := make([]byte, 1024)
	n, err := x.raw.ReadAt(h, x.at)
	if err != nil && err != io.EOF {
		return err
	}
	h = h[:n]
	if n == 0 {
		return io.ErrUnexpectedEOF
	}
	if h[0] == 0 {
		return x.index()
	}
	size := (int(h[0]) + 1) * 4
	if n < size {
		return io.ErrUnexpectedEOF
	}
	x.at += int64(size)
	return x.filters(h[1 : size-4])
}

// filters opens the decoder that a block header asks for.
func (x *xzRun) filters(h []byte) error {
	r := &bytesReader{b: h}
	flags := r.byte()
	if flags&0x40 != 0 {
		r.varint()
	}
	if flags&0x80 != 0 {
		r.varint()
	}
	type filter struct {
		id    uint64
		props []byte
	}
	var chain []filter
	for range int(flags&3) + 1 {
		id := r.varint()
		chain = append(chain, filter{id, r.bytes(r.varint())})
	}
	last := chain[len(chain)-1]
	if r.bad || last.id != 0x21 || len(last.props) != 1 {
		return unreadable("damaged archive: xz block header")
	}
	z, err := lzma2(io.NewSectionReader(x.raw, x.at, x.raw.Size()-x.at), last.props[0], x.room)
	if err != nil {
		return err
	}
	x.z, x.lzma = z, z
	for i := len(chain) - 2; i >= 0; i-- {
		switch f := chain[i]; {
		case f.id == 3 && len(f.props) == 1:
			x.z = newDelta(x.z, f.props[0])
		case f.id == 4 && len(f.props) == 0:
			x.z = newBCJ(x.z)
		default:
			return unreadable("xz filter %d cannot be read", f.id)
		}
	}
	return nil
}

// index skips the index and the footer, and zeros in fours behind them.
func (x *xzRun) index() error {
	src := newFeed(io.NewSectionReader(x.raw, x.at, x.raw.Size()-x.at))
	src.ReadByte()
	count, err := binary.ReadUvarint(src)
	for i := uint64(0); err == nil && i < count*2; i++ {
		if i%1024 == 0 {
			err = x.room.b.Time()
		}
		if err == nil {
			_, err = binary.ReadUvarint(src)
		}
	}
	if err == nil {
		err = src.skip(-src.used&3 + 4 + 12)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	for {
		h, err := src.peek(1)
		if err != nil {
			return err
		}
		if len(h) == 0 || h[0] != 0 {
			break
		}
		src.ReadByte()
	}
	x.at += src.used
	return x.stream()
}

// bytesReader takes numbers from a header in memory. Past its end it is bad
// and gives zeros.
type bytesReader struct {
	b   []byte
	bad bool
}

func (r *bytesReader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *bytesReader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *bytesReader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *bytesReader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *bytesReader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// varint is a number in groups of seven bits, the lowest first.
func (r *bytesReader) varint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}
