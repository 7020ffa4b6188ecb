package archive

import (
	"io"

	"qguard/scan"
)

func isCompress(head []byte) bool { return len(head) > 3 && head[2]&0x60 == 0 && head[2]&0x1f >= 9 }

func openCompress(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return openStream(p, b, yield, trimmed(p, ".z", ".taz", ".tz"), uncompress)
}

// uncompress reads the LZW of compress(1): three bytes of header, the third with
// the greatest width of a code (9 to 16) and whether code 256 clears the table.
// Codes are packed lowest bit first. QUIRK: they come in groups of eight of one
// width; where the width changes, or the table is cleared, the rest of the group
// is padding.
func uncompress(raw *io.SectionReader, _ *room) (io.Reader, error) {
	src := newFeed(raw)
	h, err := src.peek(3)
	if err != nil {
		return nil, err
	}
	if len(h) < 3 || h[2]&0x1f < 9 || h[2]&0x1f > 16 {
		return nil, unreadable("damaged archive: compress header")
	}
	z := &lzwReader{src: src, max: int(h[2] & 0x1f), clears: h[2]&0x80 != 0, prev: -1}
	src.skip(3)
	z.reset()
	return z, nil
}

type lzwReader struct {
	src    *feed
	max    int
	clears bool

	prefix [1 << 16]uint16
	suffix [1 << 16]byte
	next   int // free entry
	width  int
	group  [16]byte // codes of the present width
	bit    int      // in group
	bits   int      // valid in group
	prev   int      // code before, -1 after a clear
	first  byte     // of prev's string

	stack [1 << 16]byte // a string, its last byte first
	depth int
}

func (z *lzwReader) reset() {
	z.width, z.prev, z.next = 9, -1, 256
	if z.clears {
		z.next = 257
	}
	z.bit, z.bits = 0, 0
}

// code returns the next code, io.EOF behind the last.
func (z *lzwReader) code() (int, error) {
	if z.next >= 1<<z.width && z.width < z.max {
		z.width++
		z.bit, z.bits = 0, 0
	}
	if z.bit+z.width > z.bits {
		n, err := io.ReadFull(struct{ io.Reader }{z.src}, z.group[:z.width])
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return 0, err
		}
		z.bit, z.bits = 0, n*8
		if z.bits < z.width {
			return 0, io.EOF
		}
	}
	v := 0
	for i := range z.width {
		at := z.bit + i
		v |= int(z.group[at/8]>>(at%8)&1) << i
	}
	z.bit += z.width
	return v, nil
}

func (z *lzwReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if z.depth == 0 {
			if err := z.fill(); err != nil {
				return n, err
			}
		}
		for z.depth > 0 && n < len(p) {
			z.depth--
			p[n] = z.stack[z.depth]
			n++
		}
	}
	return n, nil
}

// fill puts the string of the next code on the stack.
func (z *lzwReader) fill() error {
	code, err := z.code()
	if err != nil {
		return err
	}
	if code == 256 && z.clears {
		z.reset()
		return nil
	}
	if z.prev < 0 {
		if code > 255 {
			return unreadable("damaged archive: compress code")
		}
		z.prev, z.first = code, byte(code)
		z.stack[0], z.depth = byte(code), 1
		return nil
	}
	if code > z.next || code == z.next && z.next >= 1<<z.max {
		return unreadable("damaged archive: compress code")
	}
	at := code
	if code == z.next { // the string that is only now made
		z.stack[0], z.depth = z.first, 1
		at = z.prev
	}
	for at > 255 && z.depth < len(z.stack)-1 {
		z.stack[z.depth] = z.suffix[at]
		z.depth++
		at = int(z.prefix[at])
	}
	z.first = byte(at)
	z.stack[z.depth] = z.first
	z.depth++
	if z.next < 1<<z.max {
		z.prefix[z.next], z.suffix[z.next] = uint16(z.prev), z.first
		z.next++
	}
	z.prev = code
	return nil
}
