package message

import (
	"bytes"
	"io"
)

// uuencode: POSIX.1-2017, uuencode, OUTPUT. A line is a character for the
// number of bytes in it, 45 in full lines, then 4 characters for each 3 bytes,
// each 6 bits plus 32; a back-tick stands for the blank. A line of no bytes
// and the line "end" close the file. xxencode is the same with the alphabet
// + - 0-9 A-Z a-z.
//
// QUIRK: decoders take lines whose trailing blanks were cut, lines that end in
// a checksum, that lack the padding of the last group, or that hold characters
// outside the alphabet (they count modulo 64), and skip what is no line of
// data.

// wrong marks a character outside an alphabet; the other bits are its value.
const wrong = 0x80

// alphabet gives the value of each character.
type alphabet [256]byte

func newAlphabet(kind coding) *alphabet {
	a := &alphabet{}
	for c := range a {
		if kind == uuencode {
			a[c] = byte(c-32) & 0x3f
		}
		if kind == xxencode || c < 0x20 || c > 0x60 {
			a[c] |= wrong
		}
	}
	if kind == xxencode {
		for i, c := range []byte("+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
			a[c] = byte(i)
		}
	}
	return a
}

// A fit says how well a line reads as data.
type fit byte

const (
	misfit fit = iota
	blank      // nothing in it, or the line of no bytes
	rough      // of the alphabet, but shorter or longer than it says
	exact      // as long as it says
)

// measure returns how a line reads and the bytes it stands for.
func (a *alphabet) measure(line []byte) (f fit, bytes int) {
	if len(line) == 0 {
		return blank, 0
	}
	first := a[line[0]]
	n, body := int(first&^wrong), line[1:]
	need := (n + 2) / 3 * 4
	outside, blanks := int(first>>7), 0
	for _, c := range body[:min(need, len(body))] {
		outside += int(a[c] >> 7)
		if c == ' ' {
			blanks++
		}
	}
	asLong := len(body) >= (n*8+5)/6 && len(body) <= need+2
	switch {
	case outside == 0 && n == 0:
		return blank, 0
	case outside == 0 && asLong:
		return exact, n
	case outside == 0 && len(line) == 60 && line[0] != 'M' && (need < 50 || need > 64):
		return rough, countless
	case outside == 0:
		return rough, n
	case asLong && n >= 15 && blanks == 0 && first&wrong == 0:
		return exact, n
	}
	return misfit, 0
}

// countless is a full line that lacks its first character.
const countless = -45

// A doubt is a "begin" line that data must follow.
type doubt struct {
	begins [8]string // the line, and others just before it
	begin  int64     // its offset
	data   int64     // that of the line after it
	marks  string    // quote marks before it
	kind   coding
	strict bool // it has a mode
	lines  int  // looked at, blank ones left out

	uuExact, xxExact, misfits int
}

// file is the file that the line begins.
func (d *doubt) file() *encoded {
	e := &encoded{kind: d.kind, begin: d.begin, data: []span{{d.data, -1}}, marks: d.marks}
	for _, line := range d.begins {
		if line == "" {
			break
		}
		for _, n := range beginNames(line) {
			e.names = appendNew(e.names, n)
		}
	}
	return e
}

type judgement byte

const (
	undecided judgement = iota
	believed
	prose
)

// judge takes the next line. Behind a mode one line that fits is enough, else two
// are, or one and the end of the file.
func (d *doubt) judge(line []byte, uuencode, xxencode *alphabet) judgement {
	line = bytes.TrimPrefix(line, []byte(d.marks))
	trimmed := bytes.TrimSpace(line)
	if string(trimmed) == "end" || string(trimmed) == "====" {
		return d.atEnd()
	}
	if len(trimmed) == 0 {
		return undecided
	}
	d.lines++
	if d.kind == base64Lines {
		return d.base64(trimmed)
	}
	uu, _ := uuencode.measure(line)
	xx, _ := xxencode.measure(line)
	switch {
	case uu == exact:
		d.uuExact++
	case xx == exact:
		d.xxExact++
	case uu == misfit: // xxencode has no blanks that could be cut
		d.misfits++
	}
	fits := d.uuExact + d.xxExact
	if fits >= 2 || d.strict && d.lines == 1 && fits == 1 {
		return d.believe()
	}
	if d.lines < 8 {
		return undecided
	}
	if d.strict && d.misfits == 0 {
		return d.believe()
	}
	return prose
}

// atEnd judges a file, or text, that has come to its end.
func (d *doubt) atEnd() judgement {
	if d.uuExact+d.xxExact > 0 || d.strict && d.misfits == 0 {
		return d.believe()
	}
	return prose
}

func (d *doubt) believe() judgement {
	if d.kind == uuencode && d.xxExact > d.uuExact {
		d.kind = xxencode
	}
	return believed
}

// base64 judges the first line behind begin-base64.
func (d *doubt) base64(line []byte) judgement {
	for _, c := range line {
		letter := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && c != '+' && c != '/' && c != '=' {
			return prose
		}
	}
	return believed
}

// uuReader decodes the lines behind a "begin" line.
type uuReader struct {
	lines    lines
	alphabet *alphabet
	marks    []byte
	out      [63]byte
	ready    []byte
	err      error
}

func newUU(r io.Reader, kind coding, marks string) *uuReader {
	return &uuReader{lines: lines{r: r}, alphabet: newAlphabet(kind), marks: []byte(marks)}
}

func (u *uuReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(u.ready) == 0 {
			if u.err != nil || n > 0 && len(p)-n < len(u.out) {
				break
			}
			u.next()
			continue
		}
		c := copy(p[n:], u.ready)
		u.ready = u.ready[c:]
		n += c
	}
	if n > 0 {
		return n, nil
	}
	return 0, u.err
}

// next decodes a line.
func (u *uuReader) next() {
	line, first, err := u.lines.next()
	if err != nil {
		u.err = err
		return
	}
	if !first {
		return
	}
	line = bytes.TrimPrefix(line, u.marks)
	if len(line) <= 8 && string(bytes.TrimSpace(line)) == "end" {
		u.err = io.EOF
		return
	}
	if u.ready = u.fast(line); len(u.ready) > 0 {
		return
	}
	f, n := u.alphabet.measure(line)
	if f < rough {
		return
	}
	if n == countless {
		n = -n
	} else {
		line = line[1:]
	}
	u.ready = u.decode(line, n)
}

// fast decodes a line that is as long as it says and all of the alphabet; other
// lines give nothing.
func (u *uuReader) fast(line []byte) []byte {
	if len(line) < 5 {
		return nil
	}
	a := u.alphabet
	n := int(a[line[0]])
	need := (n + 2) / 3 * 4
	if n >= wrong || len(line)-1 < need || len(line)-1 > need+2 {
		return nil
	}
	s, bad := line[1:1+need], byte(0)
	out := u.out[:0]
	for len(s) >= 4 {
		v0, v1, v2, v3 := a[s[0]], a[s[1]], a[s[2]], a[s[3]]
		bad |= v0 | v1 | v2 | v3
		out = append(out, v0<<2|v1>>4, v1<<4|v2>>2, v2<<6|v3)
		s = s[4:]
	}
	if bad&wrong != 0 {
		return nil
	}
	return out[:n]
}

// decode gives n bytes, zeros where characters lack.
func (u *uuReader) decode(s []byte, n int) []byte {
	a := u.alphabet
	for i := 0; i < n; i += 3 {
		var v [4]byte
		for j := range v {
			if k := i/3*4 + j; k < len(s) {
				v[j] = a[s[k]] &^ wrong
			}
		}
		for j, c := range [3]byte{v[0]<<2 | v[1]>>4, v[1]<<4 | v[2]>>2, v[2]<<6 | v[3]} {
			if i+j < n {
				u.out[i+j] = c
			}
		}
	}
	return u.out[:n]
}

// base64Body gives the lines between begin-base64 and "====".
type base64Body struct {
	lines lines
	ready []byte
	err   error
}

func (b *base64Body) Read(p []byte) (int, error) {
	for len(b.ready) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		line, first, err := b.lines.next()
		if first && bytes.HasPrefix(line, []byte("====")) {
			err = io.EOF
		}
		if b.err = err; err == nil {
			b.ready = line
		}
	}
	n := copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}

// lineWindow is how long a line can be to be seen as one.
const lineWindow = 4 << 10

// lines cuts text at CR and LF, so that CRLF makes one empty line more.
type lines struct {
	r        io.Reader
	buf      []byte
	pos, end int
	inLine   bool
	err      error
}

// next returns a line, valid until the next call, without its end; a longer one
// than lineWindow comes in pieces, first says which is one's first. The error is
// io.EOF behind the last line.
func (l *lines) next() (line []byte, first bool, err error) {
	if l.buf == nil {
		l.buf = make([]byte, lineWindow)
	}
	for {
		have := l.buf[l.pos:l.end]
		stop := bytes.IndexByte(have, '\n')
		if stop >= 0 {
			have = have[:stop]
		}
		if cr := bytes.IndexByte(have, '\r'); cr >= 0 {
			stop, have = cr, have[:cr]
		}
		first = !l.inLine
		if stop >= 0 {
			l.pos += stop + 1
			l.inLine = false
			return have, first, nil
		}
		if len(have) == len(l.buf) || l.err != nil && len(have) > 0 {
			l.pos, l.inLine = l.end, true
			return have, first, nil
		}
		if l.err != nil {
			return nil, false, l.err
		}
		l.end = copy(l.buf, have)
		l.pos = 0
		var n int
		n, l.err = l.r.Read(l.buf[l.end:])
		l.end += n
	}
}
