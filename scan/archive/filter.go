package archive

import (
	"encoding/binary"
	"io"
)

// A delta undoes the filter that stores differences of bytes a distance apart
// (xz file format 5.3.3).
type delta struct {
	r    io.Reader
	past [256]byte
	dist byte // minus one
	at   byte
}

func newDelta(r io.Reader, prop byte) io.Reader { return &delta{r: r, dist: prop} }

func (d *delta) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	for i := range p[:n] {
		p[i] += d.past[d.at-d.dist-1]
		d.past[d.at] = p[i]
		d.at++
	}
	return n, err
}

// A bcj undoes the filter that makes the targets of x86 calls and jumps absolute
// (LZMA SDK, Bra86). It works on a window that keeps five bytes of look-ahead.
type bcj struct {
	r    io.Reader
	buf  []byte
	i, n int    // bytes ready to give
	end  int    // bytes in buf
	pos  uint32 // of buf[0] in the stream
	mask uint32
	prev uint32 // position behind the last opcode seen
	err  error
}

func newBCJ(r io.Reader) io.Reader { return &bcj{r: r, buf: make([]byte, 4<<10), prev: ^uint32(4)} }

func (b *bcj) Read(p []byte) (int, error) {
	for b.i == b.n {
		if b.err != nil && b.end == b.n {
			return 0, b.err
		}
		b.fill()
	}
	n := copy(p, b.buf[b.i:b.n])
	b.i += n
	return n, nil
}

func (b *bcj) fill() {
	copy(b.buf, b.buf[b.n:b.end])
	b.pos += uint32(b.n)
	b.end -= b.n
	b.i, b.n = 0, 0
	for b.err == nil && b.end < len(b.buf) {
		var k int
		k, b.err = b.r.Read(b.buf[b.end:])
		b.end += k
	}
	b.n = b.convert(b.buf[:b.end])
	if b.err != nil {
		b.n = b.end
	}
}

// convert undoes what it can be sure of and returns how many bytes that are.
func (b *bcj) convert(buf []byte) int {
	if len(buf) < 5 {
		return 0
	}
	extreme := func(c byte) bool { return c == 0 || c == 0xff }
	bit := func(mask uint32) int { return [8]int{0, 1, 2, 2, 3, 3, 3, 3}[mask] }
	if b.pos-b.prev > 5 {
		b.prev = b.pos - 5
	}
	i := 0
	for i <= len(buf)-5 {
		if buf[i]&0xfe != 0xe8 {
			i++
			continue
		}
		offset := b.pos + uint32(i) - b.prev
		b.prev = b.pos + uint32(i)
		if offset > 5 {
			b.mask = 0
		} else {
			for range offset {
				b.mask = b.mask & 0x77 << 1
			}
		}
		allowed := b.mask>>1 <= 4 && b.mask>>1 != 3
		if !extreme(buf[i+4]) || !allowed || b.mask>>1 >= 0x10 {
			b.mask |= 1
			if extreme(buf[i+4]) {
				b.mask |= 0x10
			}
			i++
			continue
		}
		src := binary.LittleEndian.Uint32(buf[i+1:])
		var dest uint32
		for {
			dest = src - (b.pos + uint32(i) + 5)
			if b.mask == 0 {
				break
			}
			k := bit(b.mask >> 1)
			if !extreme(byte(dest >> (24 - 8*k))) {
				break
			}
			src = dest ^ (1<<(32-8*k) - 1)
		}
		dest &= 0x01ffffff
		dest |= -(dest & 0x01000000)
		binary.LittleEndian.PutUint32(buf[i+1:], dest)
		b.mask = 0
		i += 5
	}
	return i
}
