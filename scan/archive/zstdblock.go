package archive

import (
	"encoding/binary"
	"io"
	"slices"
)

// zstdBlock unpacks the blocks of a zstd frame (RFC 8878 3.1.1.2) and has what
// one of them hands on to the next.
type zstdBlock struct {
	window zstdWindow
	out    []byte // of this block
	in     []byte
	lits   []byte
	repeat [3]int64 // Repeated_Offsets (3.1.1.5)

	tree    zstdTree
	lengths zstdTable // of literals
	offsets zstdTable
	matches zstdTable // lengths
}

// reset begins a frame.
func (b *zstdBlock) reset(window int) {
	b.window.buf, b.window.at, b.window.size = b.window.buf[:0], 0, window
	b.out = b.out[:0]
	b.repeat = [3]int64{1, 4, 8}
	b.tree.bits = 0
	b.lengths.entry, b.offsets.entry, b.matches.entry = b.lengths.entry[:0], b.offsets.entry[:0], b.matches.entry[:0]
}

func zstdDamaged(what string) error { return unreadable("damaged archive: zstd %s", what) }

// read unpacks a block to b.out: as it is, one byte so many times, or compressed
// (kinds 0 to 2; 3.1.1.2.2, 3.1.1.2.3).
func (b *zstdBlock) read(src io.Reader, kind, size int) error {
	if kind == 3 || size > zstdBlockMax {
		return zstdDamaged("block header")
	}
	packed := size
	if kind == 1 {
		packed = 1
	}
	b.in = slices.Grow(b.in[:0], packed)[:packed]
	n, err := io.ReadFull(src, b.in)
	err = cut(err)
	switch {
	case kind == 1 && err == nil:
		b.out = repeated(b.out, b.in[0], size)
		return nil
	case kind == 0:
		b.out = append(b.out, b.in[:n]...) // as far as it is there
		return err
	case err != nil || size == 0: // QUIRK: zstd(1) takes a compressed block of nothing
		return err
	}
	rest, err := b.literals(b.in)
	if err != nil {
		return err
	}
	return b.sequences(rest)
}

// repeated appends n times c.
func repeated(to []byte, c byte, n int) []byte {
	at := len(to)
	to = slices.Grow(to, n)[:at+n]
	for i := range to[at:] {
		to[at+i] = c
	}
	return to
}

// literals reads the Literals_Section (3.1.1.3.1) to b.lits and returns what
// stands behind it.
func (b *zstdBlock) literals(in []byte) (rest []byte, err error) {
	if len(in) == 0 {
		return nil, zstdDamaged("block")
	}
	var h [8]byte
	copy(h[:], in)
	v := binary.LittleEndian.Uint64(h[:])
	kind, format := v&3, v>>2&3
	if kind < 2 {
		return b.plain(in, v, kind == 1)
	}
	length, bits := 3, 10
	if format > 1 {
		length, bits = int(format)+2, 4*int(format)+6
	}
	size := int(v >> 4 & (1<<bits - 1))
	packed := int(v >> (4 + bits) & (1<<bits - 1))
	if size > zstdBlockMax || length+packed > len(in) {
		return nil, zstdDamaged("literals")
	}
	in, rest = in[length:length+packed], in[length+packed:]
	if kind == 2 {
		if in, err = b.tree.read(in); err != nil {
			return nil, err
		}
	}
	if b.tree.bits == 0 {
		return nil, zstdDamaged("block without a Huffman tree")
	}
	b.lits = slices.Grow(b.lits[:0], size)[:size]
	if format == 0 {
		return rest, b.tree.decode(b.lits, in)
	}
	return rest, b.streams(in)
}

// plain reads raw literals, or a single one that is repeated.
func (b *zstdBlock) plain(in []byte, v uint64, rle bool) (rest []byte, err error) {
	length, size := 1, int(v>>3&0x1f)
	switch v >> 2 & 3 {
	case 1:
		length, size = 2, int(v>>4&0xfff)
	case 3:
		length, size = 3, int(v>>4&0xfffff)
	}
	packed := size
	if rle {
		packed = 1
	}
	if size > zstdBlockMax || length+packed > len(in) {
		return nil, zstdDamaged("literals")
	}
	in, rest = in[length:length+packed], in[length+packed:]
	if rle {
		b.lits = repeated(b.lits[:0], in[0], size)
	} else {
		b.lits = append(b.lits[:0], in...)
	}
	return rest, nil
}

// streams reads literals in four streams behind a table of their lengths
// (3.1.1.3.1.6).
func (b *zstdBlock) streams(in []byte) error {
	each := (len(b.lits) + 3) / 4
	if len(in) < 6 || 3*each > len(b.lits) {
		return zstdDamaged("literals")
	}
	table, out := in[:6], b.lits
	in = in[6:]
	for i := range 4 {
		packed, n := len(in), len(out)
		if i < 3 {
			packed, n = u16(table[2*i:]), each
		}
		if packed > len(in) {
			return zstdDamaged("literals")
		}
		if err := b.tree.decode(out[:n], in[:packed]); err != nil {
			return err
		}
		in, out = in[packed:], out[n:]
	}
	return nil
}

// sequences reads the Sequences_Section (3.1.1.3.2) and does what it says (3.1.1.4).
func (b *zstdBlock) sequences(in []byte) error {
	var h [4]byte
	copy(h[:], in)
	count, length := int(h[0]), 1
	switch {
	case count == 255:
		count, length = int(h[1])+int(h[2])<<8+0x7f00, 3
	case count > 127:
		count, length = (count-128)<<8+int(h[1]), 2
	}
	if len(in) < length || count == 0 && len(in) > length {
		return zstdDamaged("sequences")
	}
	left := b.lits
	if count > 0 {
		modes := h[length]
		// QUIRK: zstd before 1.5.6 reads on when the two reserved bits are set.
		if len(in) == length {
			return zstdDamaged("sequences")
		}
		in, err := b.tables(in[length+1:], modes)
		if err != nil {
			return err
		}
		if left, err = b.execute(in, count); err != nil {
			return err
		}
	}
	if len(b.out)+len(left) > zstdBlockMax {
		return zstdDamaged("block too long")
	}
	b.out = append(b.out, left...)
	return nil
}

// tables reads the three tables that sequences are decoded with (3.1.1.3.2.1).
func (b *zstdBlock) tables(in []byte, modes byte) (rest []byte, err error) {
	if in, err = b.lengths.update(in, modes>>6, &zstdLengths); err != nil {
		return nil, err
	}
	if in, err = b.offsets.update(in, modes>>4&3, &zstdOffsets); err != nil {
		return nil, err
	}
	return b.matches.update(in, modes>>2&3, &zstdMatches)
}

// execute decodes sequences (3.1.1.3.2.1.2), copies their literals and matches
// to b.out and returns the literals that are left.
func (b *zstdBlock) execute(in []byte, count int) (left []byte, err error) {
	s, ok := newZstdBits(in)
	if !ok {
		return nil, zstdDamaged("sequences")
	}
	left, b.out = b.lits, slices.Grow(b.out, zstdBlockMax)
	l, o, m := s.take(b.lengths.bits), s.take(b.offsets.bits), s.take(b.matches.bits)
	for ; count > 0; count-- {
		length, offset, match := &b.lengths.entry[l], &b.offsets.entry[o], &b.matches.entry[m]
		s.fill()
		value := int64(offset.base) + int64(s.take(offset.extra))
		matched := int(match.base) + s.take(match.extra)
		s.fill()
		lits := int(length.base) + s.take(length.extra)
		if count > 1 {
			l = int(length.next) + s.take(length.bits)
			m = int(match.next) + s.take(match.bits)
			o = int(offset.next) + s.take(offset.bits)
		}
		if lits > len(left) || len(b.out)+lits+matched > zstdBlockMax {
			return nil, zstdDamaged("sequence")
		}
		b.paste(left, lits)
		left = left[lits:]
		back := b.offset(value, lits)
		if back > int64(len(b.out)+len(b.window.buf)) {
			return nil, zstdDamaged("offset")
		}
		b.match(int(back), matched)
	}
	// QUIRK: zstd before 1.5.6 reads zeros behind the bits: given, then refused.
	if !s.ended() {
		return nil, zstdDamaged("sequences")
	}
	return left, nil
}

// offset returns how far back a match is (3.1.1.5).
func (b *zstdBlock) offset(value int64, lits int) int64 {
	r := &b.repeat
	if value > 3 {
		*r = [3]int64{value - 3, r[0], r[1]}
		return r[0]
	}
	if lits == 0 {
		value++
	}
	switch value {
	case 2:
		r[0], r[1] = r[1], r[0]
	case 3:
		*r = [3]int64{r[2], r[0], r[1]}
	case 4: // QUIRK: 0 is an error there, zstd before 1.5.6 makes it 1
		*r = [3]int64{max(1, r[0]-1), r[0], r[1]}
	}
	return r[0]
}

// match repeats n bytes from so far back, which are or will be there.
func (b *zstdBlock) match(back, n int) {
	for n > 0 && back > len(b.out) {
		old := b.window.last(back - len(b.out))
		k := min(n, len(old), back-len(b.out))
		b.paste(old, k)
		n -= k
	}
	for from := len(b.out) - back; n > 0; {
		k := min(n, len(b.out)-from)
		b.paste(b.out[from:], k)
		n -= k
	}
}

// paste appends the first n bytes of from, for which there is room. Most are few:
// 16 are copied at once then, and those that are too many written over later.
func (b *zstdBlock) paste(from []byte, n int) {
	at := len(b.out)
	b.out = b.out[:at+n]
	to := b.out[at:cap(b.out)]
	from = from[:cap(from)]
	if n <= 16 && len(from) >= 16 && len(to) >= 16 {
		*(*[16]byte)(to) = *(*[16]byte)(from)
		return
	}
	copy(to[:n], from)
}
