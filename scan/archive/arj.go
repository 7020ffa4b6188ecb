package archive

import (
	"bufio"
	"bytes"
	"hash/crc32"
	"io"

	"qguard/scan"
)

const arjMax = 2600 // bytes in a basic header

// isARJ reports a main header whose CRC is right: the magic has two bytes only.
func isARJ(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	n := u16(head[2:])
	return n >= 30 && n <= arjMax && len(head) >= 4+n+4 && int64(crc32.ChecksumIEEE(head[4:4+n])) == u32(head[4+n:])
}

// Flags of a local header (ARJ 2.86, TECHNOTE.TXT).
const arjGarbled, arjGoesOn, arjContinued = 1, 4, 8

// openARJ yields the members of an ARJ archive: a main header, then a header
// and the packed bytes of each member, then a header of length 0.
func openARJ(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("ARJ archive", p, b, yield)
	if err != nil {
		return err
	}
	_, off, err := v.arjHeader(0)
	if err != nil {
		return err
	}
	for {
		h, data, err := v.arjHeader(off)
		if err != nil {
			return err
		}
		if h == nil {
			return v.damage
		}
		n := u32(h[12:])
		if h[6] == 2 { // a second main header
			n = 0
		}
		if err := v.arjMember(h, piece{data, n}); err != nil {
			return err
		}
		off = data + n
	}
}

// arjHeader returns the basic header at off and the offset behind its extended
// headers; the header at the end is nil.
func (v *volume) arjHeader(off int64) (h []byte, next int64, err error) {
	h, err = v.record(off, 4)
	if err != nil {
		return nil, 0, err
	}
	n := u16(h[2:])
	if string(h[:2]) != "\x60\xea" || n > arjMax {
		return nil, 0, v.unreadable("no header where one should be")
	}
	if n == 0 {
		return nil, 0, nil
	}
	h, err = v.record(off+4, n+4)
	if err != nil {
		return nil, 0, err
	}
	if int64(crc32.ChecksumIEEE(h[:n])) != u32(h[n:]) {
		v.broken("wrong checksum")
	}
	if n < 30 || int(h[0]) > n || h[0] < 30 {
		return nil, 0, v.unreadable("damaged header")
	}
	off += 4 + int64(n) + 4
	for range 100 {
		e, err := v.record(off, 2)
		if err != nil {
			return nil, 0, err
		}
		if off += 2; u16(e) == 0 {
			return h[:n], off, nil
		}
		off += int64(u16(e)) + 4
	}
	return nil, 0, v.unreadable("damaged header")
}

// arjMember yields a member.
func (v *volume) arjMember(h []byte, p piece) error {
	if h[6] == 3 || h[6] == 4 || h[6] == 5 || h[6] == 2 { // directory, label, chapter
		return v.b.Time()
	}
	name, _, _ := bytes.Cut(h[h[0]:], []byte{0})
	names := []string{oldName(name)}
	flags, method, size := h[4], h[5], u32(h[16:])
	if p.n > v.raw.Size()-p.off {
		v.broken("member cut off")
	}
	switch {
	case flags&arjGarbled != 0:
		return v.closed(names, &scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted ARJ member", Grave: nestable(names)})
	case flags&(arjGoesOn|arjContinued) != 0:
		return v.closed(names, noData("ARJ member goes on in another volume"))
	case method == 0:
		return v.member(names, []piece{p})
	case method <= 3:
		return v.packed(names, p, size, func(r io.Reader) io.Reader { return newLZHuf(r, 15, 17, 5) })
	case method == 4:
		return v.packed(names, p, size, func(r io.Reader) io.Reader { return newARJFast(r) })
	}
	return v.closed(names, noData("ARJ method %d cannot be read", method))
}

// arjFast decodes method 4: literals of eight bits, lengths and distances in
// a code that says its width in ones.
type arjFast struct {
	highBits
	window    [1 << 15]byte
	at        int
	run, from int
}

func newARJFast(r io.Reader) *arjFast { return &arjFast{highBits: highBits{r: bufio.NewReader(r)}} }

// number reads a number of least to most bits.
func (d *arjFast) number(least, most int) int {
	base, width := 0, least
	for ; width < most && d.get(1) == 1; width++ {
		base += 1 << width
	}
	return base + d.get(width)
}

func (d *arjFast) Read(p []byte) (n int, err error) {
	const mask = len(d.window) - 1
	for n < len(p) {
		if d.run == 0 {
			length := d.number(0, 7)
			if length == 0 {
				d.window[d.at] = byte(d.get(8))
				d.from, d.run = d.at, 1
			} else {
				d.from, d.run = d.at-d.number(9, 13)-1+len(d.window), length+2
			}
		}
		if d.err != nil {
			return n, d.err
		}
		for ; d.run > 0 && n < len(p); n++ {
			c := d.window[d.from&mask]
			p[n], d.window[d.at] = c, c
			d.from, d.at, d.run = d.from+1, (d.at+1)&mask, d.run-1
		}
	}
	return n, nil
}
