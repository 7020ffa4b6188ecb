package message

import (
	"bufio"
	"bytes"
	"io"
)

// quotedReader decodes quoted-printable (RFC 2045 section 6.7) as clients do:
// lower-case digits count, an equals sign that begins no escape stands for
// itself, and a soft line break may have blanks before its line feed. Blanks
// at the end of a line, which the RFC asks to delete, are kept.
type quotedReader struct {
	r     io.Reader
	odd   *oddity // nil: nobody asks
	raw   [chunk]byte
	out   [chunk]byte
	n     int // bytes in raw that are not decoded yet
	ready []byte
	err   error
}

func (q *quotedReader) Read(p []byte) (int, error) {
	for len(q.ready) == 0 {
		if q.err != nil {
			return 0, q.err
		}
		var n int
		n, q.err = q.r.Read(q.raw[q.n:])
		q.n += n
		used, out, odd := unquotePrintable(q.raw[:q.n], q.err != nil)
		if odd && q.odd != nil {
			*q.odd |= oddEscape
		}
		q.ready = q.out[:copy(q.out[:], out)]
		q.n = copy(q.raw[:], q.raw[used:q.n])
	}
	n := copy(p, q.ready)
	q.ready = q.ready[n:]
	return n, nil
}

// maxSoftBreak is how many blanks a soft line break may have; less than a chunk,
// so that where a chunk ends changes nothing.
const maxSoftBreak = 1 << 10

// unquotePrintable decodes src in place and returns how much of it was used.
// Without last, an escape that may go on behind src is left. odd: an equals sign
// began no escape.
func unquotePrintable(src []byte, last bool) (used int, out []byte, odd bool) {
	out = src[:0]
	i := 0
	for i < len(src) {
		j := bytes.IndexByte(src[i:], '=')
		if j < 0 {
			j = len(src) - i
		}
		out = append(out, src[i:i+j]...)
		i += j
		if i == len(src) {
			break
		}
		rest := src[i+1:]
		blanks := 0
		for blanks < len(rest) && blanks <= maxSoftBreak && (rest[blanks] == ' ' || rest[blanks] == '\t' || rest[blanks] == '\r') {
			blanks++
		}
		soft := blanks <= maxSoftBreak
		switch {
		case !last && (len(rest) < 2 || soft && blanks == len(rest)):
			return i, out, odd
		case soft && blanks == len(rest):
			i = len(src)
		case soft && rest[blanks] == '\n':
			i += 1 + blanks + 1
		case len(rest) >= 2 && hex(rest[0]) >= 0 && hex(rest[1]) >= 0:
			out = append(out, byte(hex(rest[0])<<4|hex(rest[1])))
			i += 3
		default:
			out = append(out, '=')
			odd = true
			i++
		}
	}
	return i, out, odd
}

// newEscapeDropper returns a reader of quoted-printable text without what begins
// an escape and is none, as some clients delete it before they decode: "=" and
// blanks that no line feed follows, "=" and a character that no upper-case digit
// makes an escape.
func newEscapeDropper(r io.Reader) io.Reader { return &escapeDropper{r: bufio.NewReader(r)} }

type escapeDropper struct{ r *bufio.Reader }

func (d *escapeDropper) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c, err := d.r.ReadByte()
		if err != nil {
			return n, err
		}
		if c == '=' {
			if drop := d.drop(); drop > 0 {
				d.r.Discard(drop)
				continue
			}
		}
		p[n] = c
		n++
	}
	return n, nil
}

// drop returns how many bytes behind an equals sign go with it; 0: it stays.
func (d *escapeDropper) drop() int {
	next, _ := d.r.Peek(maxSoftBreak)
	blanks := 0
	for blanks < len(next) && (next[blanks] == ' ' || next[blanks] == '\t' || next[blanks] == '\r') {
		blanks++
	}
	switch {
	case len(next) < 2 || blanks < len(next) && next[blanks] == '\n' || next[0] == '=':
		return 0
	case blanks > 0:
		return blanks
	case upperHex(next[0]) && upperHex(next[1]):
		return 0
	}
	return 1
}

func upperHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
