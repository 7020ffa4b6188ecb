package message

import (
	"bytes"
	"io"
)

// quotedReader decodes quoted-printable (RFC 2045 section 6.7) as clients do:
// lower-case digits count, an equals sign that begins no escape stands for
// itself, and a soft line break may have blanks before its line feed. Blanks
// at the end of a line, which the RFC asks to delete, are kept.
type quotedReader struct {
	r     io.Reader
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
		used, out := unquotePrintable(q.raw[:q.n], q.err != nil)
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
// Without last, an escape that may go on behind src is left.
func unquotePrintable(src []byte, last bool) (used int, out []byte) {
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
			return i, out
		case soft && blanks == len(rest):
			i = len(src)
		case soft && rest[blanks] == '\n':
			i += 1 + blanks + 1
		case len(rest) >= 2 && hex(rest[0]) >= 0 && hex(rest[1]) >= 0:
			out = append(out, byte(hex(rest[0])<<4|hex(rest[1])))
			i += 3
		default:
			out = append(out, '=')
			i++
		}
	}
	return i, out
}

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
