package archive

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// zstdBits reads a bit stream that begins at its end (RFC 8878 4.1, 4.2.2). Past
// the beginning there are zeros, and n is negative.
type zstdBits struct {
	in []byte // not in v yet
	v  uint64 // the next bits, highest first; those behind n are a copy of in
	n  int    // bits that were taken from in and not read
}

// newZstdBits skips the mark that stands at the end.
func newZstdBits(in []byte) (zstdBits, bool) {
	s := zstdBits{in: in}
	if len(in) == 0 || in[len(in)-1] == 0 {
		return s, false
	}
	s.fill()
	s.take(uint8(bits.LeadingZeros8(in[len(in)-1]) + 1))
	return s, true
}

// fill makes at least 57 bits ready, or all there are.
func (s *zstdBits) fill() {
	if len(s.in) >= 8 {
		s.v |= binary.LittleEndian.Uint64(s.in[len(s.in)-8:]) >> uint(s.n)
		k := (64 - s.n) >> 3
		s.in = s.in[:len(s.in)-k]
		s.n += 8 * k
		return
	}
	for s.n <= 56 && len(s.in) > 0 {
		s.v |= uint64(s.in[len(s.in)-1]) << (56 - s.n)
		s.in = s.in[:len(s.in)-1]
		s.n += 8
	}
}

// take reads k bits of those that are ready, at most 31.
func (s *zstdBits) take(k uint8) int {
	v := s.v >> 1 >> (63 - k&63)
	s.v <<= k & 63
	s.n -= int(k)
	return int(v)
}

// ended reports that all bits were read and not one more.
func (s *zstdBits) ended() bool { return s.n == 0 && len(s.in) == 0 }

// zstdTable is an FSE decoding table (4.1). A state is an index to entry.
type zstdTable struct {
	bits  uint8 // Accuracy_Log
	entry []zstdEntry
}

// zstdEntry is what a state stands for, base and the number in the extra bits
// behind it, and the state after it: next and the number in so many bits.
type zstdEntry struct {
	base        uint32
	next        uint16
	bits, extra uint8
}

// zstdKind is what a table's symbols mean: the number in extra[s] bits, above all
// that the symbols before s can mean, the first of which is first.
type zstdKind struct {
	extra []uint8
	first uint32
	max   int // Accuracy_Log

	counts []int16 // of the default table (3.1.1.3.2.2)
	bits   int     // of it
}

// Codes of literals, matches and offsets (3.1.1.3.2.1.1), and the weights of a
// Huffman tree (4.2.1.2), which mean themselves.
var (
	zstdLengths = zstdKind{
		[]uint8{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 0, 9,
		[]int16{4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1}, 6,
	}
	zstdMatches = zstdKind{
		[]uint8{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 3, 9,
		[]int16{1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
			1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1}, 6,
	}
	zstdOffsets = zstdKind{
		[]uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}, 1, 8,
		[]int16{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1}, 5,
	}
	zstdWeights = zstdKind{[]uint8{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 6, nil, 0}
)

// update makes the table that a mode asks for (3.1.1.3.2.1): the default one, one
// of a single symbol, one that stands in the block, or that of the block before.
func (t *zstdTable) update(in []byte, mode byte, kind *zstdKind) (rest []byte, err error) {
	switch {
	case mode == 0:
		t.build(kind, kind.counts, kind.bits)
		return in, nil
	case mode == 1 && len(in) > 0 && int(in[0]) < len(kind.extra):
		var counts [64]int16
		counts[in[0]] = 1
		t.build(kind, counts[:in[0]+1], 0)
		return in[1:], nil
	case mode == 2:
		return t.read(in, kind)
	case mode == 3 && len(t.entry) > 0:
		return in, nil
	}
	return nil, zstdDamaged("table")
}

// read takes a table's description (4.1.1): how many states each symbol has, in
// no more bits than what is left of them needs.
func (t *zstdTable) read(in []byte, kind *zstdKind) (rest []byte, err error) {
	pos := 0
	peek := func(n int) int {
		var b [4]byte
		copy(b[:], in[min(pos/8, len(in)):])
		return int(binary.LittleEndian.Uint32(b[:])>>(pos%8)) & (1<<n - 1)
	}
	log := 5 + peek(4)
	pos += 4
	if log > kind.max {
		return nil, zstdDamaged("table")
	}
	var counts [64]int16
	n := 0
	for left := 1 << log; left > 0; n++ {
		if n >= len(kind.extra) {
			return nil, zstdDamaged("table")
		}
		// 0 to left+1, small ones a bit shorter; 0 is a count below 1.
		width := bits.Len(uint(left + 1))
		short := 1<<width - 2 - left
		v := peek(width)
		pos += width
		if low := v & (1<<(width-1) - 1); low < short {
			v = low
			pos--
		} else if v != low {
			v -= short
		}
		counts[n] = int16(v - 1)
		left -= max(v-1, 1-v)
		for again := v == 1; again && n < len(kind.extra); pos += 2 {
			more := peek(2)
			n += more
			again = more == 3
		}
	}
	if pos = (pos + 7) / 8; pos > len(in) {
		return nil, zstdDamaged("table")
	}
	t.build(kind, counts[:n], log)
	return in[pos:], nil
}

// build makes the table of those counts (4.1.1): the states of a symbol are
// spread over it, in steps; those of symbols with a count below 1 stand at its end.
func (t *zstdTable) build(kind *zstdKind, counts []int16, log int) {
	size := 1 << log
	t.bits = uint8(log)
	t.entry = slices.Grow(t.entry[:0], size)[:size]
	end, at, step := size, 0, size>>1+size>>3+3
	var symbol [512]uint8
	for s, count := range counts {
		if count < 0 {
			end--
			symbol[end] = uint8(s)
		}
	}
	for s, count := range counts {
		for range count {
			symbol[at] = uint8(s)
			at = (at + step) & (size - 1)
			for at >= end {
				at = (at + step) & (size - 1)
			}
		}
	}
	var base [64]uint32
	var next [64]uint16
	number := kind.first
	for s, count := range counts {
		base[s], next[s] = number, uint16(max(count, -count))
		number += 1 << kind.extra[s]
	}
	for i := range t.entry {
		s := symbol[i]
		width := log + 1 - bits.Len16(next[s])
		t.entry[i] = zstdEntry{base: base[s], next: next[s]<<width - uint16(size), bits: uint8(width), extra: kind.extra[s]}
		next[s]++
	}
}

// zstdTree is a Huffman decoding table (4.2): the next bits say the symbol, and,
// above its eight bits, how many of them are its code.
type zstdTree struct {
	bits  uint8 // Max_Number_of_Bits, 0 without a tree
	entry [1 << 11]uint16
	code  zstdTable // of weights
}

// read takes a tree's description (4.2.1).
func (t *zstdTree) read(in []byte) (rest []byte, err error) {
	var weights [256]uint8
	t.bits = 0
	n := 0
	switch {
	case len(in) == 0:
		return nil, zstdDamaged("Huffman tree")
	case in[0] >= 128:
		n = int(in[0]) - 127
		if rest = in[1:]; len(rest) < (n+1)/2 {
			return nil, zstdDamaged("Huffman tree")
		}
		for i := range n {
			weights[i] = rest[i/2] >> (4 - 4*(i%2)) & 15
		}
		rest = rest[(n+1)/2:]
	case len(in) <= int(in[0]):
		return nil, zstdDamaged("Huffman tree")
	default:
		if n, err = t.weights(weights[:255], in[1:1+in[0]]); err != nil {
			return nil, err
		}
		rest = in[1+in[0]:]
	}
	return rest, t.build(&weights, n)
}

// weights decodes weights by two states in turns (4.2.1.2), until the bits end.
func (t *zstdTree) weights(to []uint8, in []byte) (n int, err error) {
	if in, err = t.code.read(in, &zstdWeights); err != nil {
		return 0, err
	}
	s, ok := newZstdBits(in)
	if !ok {
		return 0, zstdDamaged("Huffman tree")
	}
	one, two := s.take(t.code.bits), s.take(t.code.bits)
	for ; n < len(to)-1; n++ {
		e := &t.code.entry[one]
		to[n] = uint8(e.base)
		s.fill()
		if one = int(e.next) + s.take(e.bits); s.n < 0 {
			to[n+1] = uint8(t.code.entry[two].base)
			return n + 2, nil
		}
		one, two = two, one
	}
	return 0, zstdDamaged("Huffman tree")
}

// build makes the table of n weights (4.2.1.3); that of the last symbol is what
// the others leave. Codes go from the longest to the shortest, in the order of
// their symbols.
func (t *zstdTree) build(weights *[256]uint8, n int) error {
	sum := 0
	for _, w := range weights[:n] {
		sum += 1 << w >> 1
	}
	log := bits.Len(uint(sum))
	left := 1<<log - sum
	if sum == 0 || log > 11 || left&(left-1) != 0 {
		return zstdDamaged("Huffman tree")
	}
	weights[n] = uint8(bits.Len(uint(left)))
	at := 0
	for w := 1; w <= log; w++ {
		for s, has := range weights[:n+1] {
			if int(has) != w {
				continue
			}
			e := uint16(s) | uint16(log+1-w)<<8
			for i := range t.entry[at : at+1<<w>>1] {
				t.entry[at+i] = e
			}
			at += 1 << w >> 1
		}
	}
	t.bits = uint8(log)
	return nil
}

// decode reads a stream of exactly len(to) symbols (4.2.2).
func (t *zstdTree) decode(to, in []byte) error {
	s, ok := newZstdBits(in)
	if !ok {
		return zstdDamaged("literals")
	}
	shift := 64 - t.bits
	for i := 0; i < len(to); {
		s.fill()
		for range min(5, len(to)-i) { // 55 bits at most
			e := t.entry[s.v>>(shift&63)&(1<<11-1)]
			to[i] = uint8(e)
			i++
			s.v <<= e >> 8 & 63
			s.n -= int(e >> 8)
		}
	}
	if !s.ended() {
		return zstdDamaged("literals")
	}
	return nil
}
