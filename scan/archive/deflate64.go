package archive

import (
	"io"
)

// An inflate64 unpacks Deflate64 (APPNOTE.TXT 5.6.3): deflate (RFC 1951) with a
// window of 64 KiB, two more distance codes, and a longest match of 65538 bytes.
type inflate64 struct {
	src  *feed
	acc  uint64
	have uint

	win   [64 << 10]byte
	w, r  int // next byte to write and to give, counted without wrapping
	match int // bytes of the present match still to copy
	dist  int

	last   bool // the present block is
	kind   int  // of the present block; 3: none
	left   int  // bytes of a stored block
	lit, d codes
	err    error
}

func newInflate64(src *feed) io.Reader { return &inflate64{src: src, kind: 3} }

func (f *inflate64) Read(p []byte) (int, error) {
	for f.r == f.w && f.err == nil {
		f.err = f.step()
	}
	n := 0
	for n < len(p) && f.r < f.w {
		from := f.r & (len(f.win) - 1)
		k := copy(p[n:], f.win[from:min(len(f.win), from+f.w-f.r)])
		n += k
		f.r += k
	}
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, f.err
}

func (f *inflate64) room() bool { return f.w-f.r < len(f.win)/2 }

func (f *inflate64) put(c byte) {
	f.win[f.w&(len(f.win)-1)] = c
	f.w++
}

// need makes n bits available.
func (f *inflate64) need(n uint) error {
	for f.have < n {
		c, err := f.src.ReadByte()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		f.acc |= uint64(c) << f.have
		f.have += 8
	}
	return nil
}

func (f *inflate64) bits(n uint) (int, error) {
	if err := f.need(n); err != nil {
		return 0, err
	}
	v := int(f.acc & (1<<n - 1))
	f.acc >>= n
	f.have -= n
	return v, nil
}

// step decodes until something can be given.
func (f *inflate64) step() error {
	switch {
	case f.match > 0:
		for f.match > 0 && f.room() {
			f.put(f.win[(f.w-f.dist)&(len(f.win)-1)])
			f.match--
		}
		return nil
	case f.kind == 3 && f.last:
		return io.EOF
	case f.kind == 3:
		return f.block()
	case f.kind == 0:
		return f.stored()
	}
	for f.room() && f.match == 0 {
		if done, err := f.symbol(); done || err != nil {
			return err
		}
	}
	return nil
}

func (f *inflate64) block() error {
	v, err := f.bits(3)
	if err != nil {
		return err
	}
	f.last, f.kind = v&1 != 0, v>>1
	switch f.kind {
	case 0:
		f.acc >>= f.have % 8
		f.have -= f.have % 8
		n, err := f.bits(16)
		if err != nil {
			return err
		}
		inverse, err := f.bits(16)
		if err == nil && n^inverse != 0xffff {
			err = unreadable("damaged archive: stored block")
		}
		f.left = n
		return err
	case 1:
		var lengths [288 + 32]byte
		for i := range lengths {
			switch {
			case i >= 288:
				lengths[i] = 5
			case i >= 280, i < 144:
				lengths[i] = 8
			case i < 256:
				lengths[i] = 9
			default:
				lengths[i] = 7
			}
		}
		f.lit.build(lengths[:288])
		f.d.build(lengths[288:])
		return nil
	case 2:
		return f.tables()
	}
	return unreadable("damaged archive: deflate block type")
}

func (f *inflate64) stored() error {
	for f.room() && f.left > 0 {
		c, err := f.bits(8)
		if err != nil {
			return err
		}
		f.put(byte(c))
		f.left--
	}
	if f.left == 0 {
		f.kind = 3
	}
	return nil
}

// tables reads the code lengths of a dynamic block (RFC 1951 3.2.7).
func (f *inflate64) tables() error {
	v, err := f.bits(14)
	if err != nil {
		return err
	}
	literals, distances, n := v&31+257, v>>5&31+1, v>>10&15+4
	var lengths [288 + 32]byte
	order := [...]byte{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	for _, at := range order[:n] {
		if v, err = f.bits(3); err != nil {
			return err
		}
		lengths[at] = byte(v)
	}
	f.lit.build(lengths[:19])
	clear(lengths[:19])
	for i := 0; i < literals+distances; {
		sym, err := f.decode(&f.lit)
		if err != nil {
			return err
		}
		if sym < 16 {
			lengths[i] = byte(sym)
			i++
			continue
		}
		what, extra, base := byte(0), uint(3), 3
		switch {
		case sym == 16 && i > 0:
			what, extra = lengths[i-1], 2
		case sym == 18:
			extra, base = 7, 11
		case sym != 17:
			return unreadable("damaged archive: deflate code lengths")
		}
		k, err := f.bits(extra)
		if err != nil {
			return err
		}
		for k += base; k > 0; k-- {
			if i >= literals+distances {
				return unreadable("damaged archive: deflate code lengths")
			}
			lengths[i] = what
			i++
		}
	}
	f.lit.build(lengths[:literals])
	f.d.build(lengths[literals : literals+distances])
	return nil
}

// symbol decodes a literal, a match or the end of the block.
func (f *inflate64) symbol() (end bool, err error) {
	sym, err := f.decode(&f.lit)
	switch {
	case err != nil:
		return false, err
	case sym < 256:
		f.put(byte(sym))
		return false, nil
	case sym == 256:
		f.kind = 3
		return true, nil
	case sym > 285:
		return false, unreadable("damaged archive: deflate length")
	}
	length, extra := sym-254, uint(0)
	switch {
	case sym == 285:
		length, extra = 3, 16
	case sym >= 265:
		extra = uint(sym-261) / 4
		length = (4+(sym-261)%4)<<extra + 3
	}
	more, err := f.bits(extra)
	if err != nil {
		return false, err
	}
	if sym, err = f.decode(&f.d); err != nil {
		return false, err
	}
	dist, extra := sym+1, 0
	if sym >= 4 {
		extra = uint(sym-2) / 2
		dist = (2+sym%2)<<extra + 1
	}
	far, err := f.bits(extra)
	if err != nil {
		return false, err
	}
	f.match, f.dist = length+more, dist+far
	if f.dist > f.w {
		return false, unreadable("damaged archive: deflate distance")
	}
	return false, nil
}

// codes is a Huffman code: how many codes of each length, and the symbols in
// their order.
type codes struct {
	count   [16]int
	symbols [288]uint16
}

func (c *codes) build(lengths []byte) {
	c.count = [16]int{}
	for _, n := range lengths {
		c.count[n]++
	}
	c.count[0] = 0
	var at [17]int
	for n := 1; n < 16; n++ {
		at[n+1] = at[n] + c.count[n]
	}
	for sym, n := range lengths {
		if n > 0 {
			c.symbols[at[n]] = uint16(sym)
			at[n]++
		}
	}
}

// decode reads one symbol, bit by bit.
func (f *inflate64) decode(c *codes) (int, error) {
	code, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		bit, err := f.bits(1)
		if err != nil {
			return 0, err
		}
		code = code<<1 | bit
		if d := code - first; d >= 0 && d < c.count[n] {
			return int(c.symbols[index+d]), nil
		}
		index += c.count[n]
		first = (first + c.count[n]) << 1
	}
	return 0, unreadable("damaged archive: deflate code")
}
