package archive

import (
	"bufio"
	"errors"
	"io"
)

var errLZH = errors.New("impossible code")

// highBits reads bits, the highest of each byte first. Behind the end are zeros,
// as many as a decoder may look ahead.
type highBits struct {
	r      io.ByteReader
	hold   uint64
	n      int
	loaded int // bytes, wrapping round
	over   int // zeros given
	err    error
}

// need has n bits, 32 at most, at hand.
func (b *highBits) need(n int) {
	for b.n < n {
		c, err := b.r.ReadByte()
		if err != nil {
			c = 0
			b.over++
			if b.over > 4 && b.err == nil {
				b.err = err
				if err == io.EOF {
					b.err = io.ErrUnexpectedEOF
				}
			}
		}
		b.hold = b.hold<<8 | uint64(c)
		b.n += 8
		b.loaded++
	}
}

func (b *highBits) peek(n int) int {
	b.need(n)
	return int(b.hold >> (b.n - n) & (1<<n - 1))
}

func (b *highBits) get(n int) int {
	v := b.peek(n)
	b.n -= n
	return v
}

// prefixCode is a canonical Huffman code of lengths up to 16.
type prefixCode struct {
	count  [17]int
	symbol []int16
	fast   [512]uint16 // by the next 9 bits: symbol<<4 | length; 0 = longer
	only   int         // the one symbol that takes no bits; -1 = none
}

// set makes the code for these lengths; one that has more codes than fit is
// an error, as is an incomplete one when it is used.
func (c *prefixCode) set(lengths []byte) error {
	c.only, c.count, c.fast = -1, [17]int{}, [512]uint16{}
	for _, n := range lengths {
		if n > 16 {
			return errLZH
		}
		c.count[n]++
	}
	c.count[0] = 0
	var next, code [17]int
	for n, left := 1, 1; n <= 16; n++ {
		left = left<<1 - c.count[n]
		if left < 0 {
			return errLZH
		}
		next[n] = next[n-1] + c.count[n-1]
		code[n] = (code[n-1] + c.count[n-1]) << 1
	}
	c.symbol = append(c.symbol[:0], make([]int16, len(lengths))...)
	for s, n := range lengths {
		if n == 0 {
			continue
		}
		c.symbol[next[n]] = int16(s)
		next[n]++
		if n <= 9 {
			for i := range 1 << (9 - n) {
				c.fast[code[n]<<(9-n)+i] = uint16(s)<<4 | uint16(n)
			}
		}
		code[n]++
	}
	return nil
}

func (c *prefixCode) read(b *highBits) (int, error) {
	if c.only >= 0 {
		return c.only, nil
	}
	v := b.peek(16)
	if f := c.fast[v>>7]; f != 0 {
		b.n -= int(f & 15)
		return int(f >> 4), nil
	}
	code, first, index := 0, 0, 0
	for n := 1; n <= 16; n++ {
		code |= v >> (16 - n) & 1
		if code-first < c.count[n] {
			b.n -= n
			return int(c.symbol[index+code-first]), nil
		}
		index += c.count[n]
		first = (first + c.count[n]) << 1
		code <<= 1
	}
	return 0, errLZH
}

// lzHuf decodes -lh4- to -lh7- of LHA and methods 1 to 3 of ARJ: blocks of up to
// 65535 symbols, literals and lengths in one Huffman code, distances in
// another; the two codes' lengths come first in each block, those of the first
// packed by a third code.
type lzHuf struct {
	highBits
	window    []byte // a power of two
	at        int    // where the next byte goes
	left      int    // symbols in this block
	symbols   prefixCode
	distances prefixCode
	small     prefixCode
	slots     int // of distances
	slotBits  int
	run, from int // a copy that goes on
	err       error
}

// newLZHuf returns a decoder with a window of 2^power bytes.
func newLZHuf(r io.Reader, power, slots, slotBits int) *lzHuf {
	d := &lzHuf{highBits: highBits{r: bufio.NewReader(r)}, window: make([]byte, 1<<power), slots: slots, slotBits: slotBits}
	for i := range d.window {
		d.window[i] = ' '
	}
	return d
}

func (d *lzHuf) Read(p []byte) (n int, err error) {
	mask := len(d.window) - 1
	for n < len(p) {
		if d.run == 0 {
			if d.err == nil {
				d.err = d.step()
			}
			if d.err == nil {
				d.err = d.highBits.err
			}
			if d.err != nil {
				return n, d.err
			}
			if d.run == 0 { // a literal
				p[n] = d.window[(d.at-1)&mask]
				n++
			}
			continue
		}
		for ; d.run > 0 && n < len(p); n++ {
			c := d.window[d.from&mask]
			p[n], d.window[d.at&mask] = c, c
			d.from, d.at, d.run = d.from+1, (d.at+1)&mask, d.run-1
		}
	}
	return n, nil
}

// step decodes a literal into the window, or starts a copy.
func (d *lzHuf) step() error {
	if d.left == 0 {
		if err := d.block(); err != nil {
			return err
		}
	}
	d.left--
	s, err := d.symbols.read(&d.highBits)
	if err != nil {
		return err
	}
	if s < 256 {
		d.window[d.at] = byte(s)
		d.at = (d.at + 1) & (len(d.window) - 1)
		return nil
	}
	slot, err := d.distances.read(&d.highBits)
	if err != nil {
		return err
	}
	distance := slot
	if slot > 1 {
		distance = 1<<(slot-1) + d.get(slot-1)
	}
	if distance >= len(d.window) {
		return errLZH
	}
	d.run, d.from = s-256+3, d.at-distance-1+len(d.window)
	return nil
}

// block reads the codes of the next block.
func (d *lzHuf) block() error {
	if d.left = d.get(16); d.left == 0 {
		return errLZH
	}
	if err := d.lengths(&d.small, 19, 5, 3); err != nil {
		return err
	}
	if err := d.symbolLengths(); err != nil {
		return err
	}
	return d.lengths(&d.distances, d.slots, d.slotBits, -1)
}

// lengths reads a code whose lengths stand there plainly: three bits, 7 goes on
// in ones. Behind the length at gap, two bits say how many have none.
func (d *lzHuf) lengths(c *prefixCode, max, width, gap int) error {
	n := d.get(width)
	if n == 0 {
		c.only = d.get(width)
		if c.only >= max {
			return errLZH
		}
		return nil
	}
	if n > max {
		return errLZH
	}
	var list [32]byte
	for i := 0; i < n; {
		k := d.get(3)
		for k >= 7 && k < 17 && d.get(1) == 1 {
			k++
		}
		list[i] = byte(k)
		i++
		if i == gap {
			i += d.get(2)
		}
	}
	return c.set(list[:max])
}

// symbolLengths reads the code of literals and lengths: 510 lengths, packed.
func (d *lzHuf) symbolLengths() error {
	const symbols, width = 510, 9
	n := d.get(width)
	if n == 0 {
		d.symbols.only = d.get(width)
		if d.symbols.only >= symbols {
			return errLZH
		}
		return nil
	}
	if n > symbols {
		return errLZH
	}
	var list [symbols]byte
	for i := 0; i < n; {
		k, err := d.small.read(&d.highBits)
		if err != nil {
			return err
		}
		switch k {
		case 0:
			i++
		case 1:
			i += d.get(4) + 3
		case 2:
			i += d.get(9) + 20
		default:
			list[i] = byte(k - 2)
			i++
		}
		if d.highBits.err != nil {
			return d.highBits.err
		}
	}
	return d.symbols.set(list[:])
}
