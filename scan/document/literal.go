package document

import (
	"bytes"
	"io"
	"strings"
)

const (
	minText    = 1 << 10 // base64 that counts as large
	minMagic   = 64      // base64, digits or numbers whose first bytes are looked at
	minNumbers = 1 << 10
)

// literals follows the strings and the lists of numbers of a script, which may
// hold a file. It sees each byte of the script once.
type literals struct {
	page *page
	src  []byte
	seen mark
	last byte

	base    run // base64
	typed   string
	escaped run // between quotes
	signs   int // percent signs in it
	list    run // numbers; head holds them as bytes
	number  number
}

// run is a stretch of a script.
type run struct {
	open bool
	at   int // where in the source it begins
	n    int // its length: bytes, or numbers
	head [128]byte
}

func (r *run) begin(at int) { r.open, r.at, r.n = true, at, 0 }

// end closes a run and reports one that is long enough to look at.
func (r *run) end() bool {
	ok := r.open && r.n >= minMagic
	r.open = false
	return ok
}

func (r *run) add(c byte) {
	if r.n < len(r.head) {
		r.head[r.n] = c
	}
	r.n++
}

func (r *run) first() []byte { return r.head[:min(r.n, len(r.head))] }

// add sees the next byte, which stands at an offset of the source, behind the
// bytes before.
func (l *literals) add(c byte, at int, before []byte) {
	if l.base.open || isQuote(l.last) || l.last == ',' {
		l.addBase64(c, at, before)
	}
	l.addEscaped(c, at)
	if l.list.open || c == '[' || c == '(' || isQuote(c) {
		l.addNumber(c, at)
	}
	l.last = c
}

func (l *literals) end() {
	l.endBase64()
	l.endEscaped()
	l.endList()
}

// addBase64 follows base64 behind a quote or behind ";base64,".
func (l *literals) addBase64(c byte, at int, before []byte) {
	digit := base64Digit(c) >= 0 || c == '='
	if !l.base.open {
		if !digit || !isQuote(l.last) && l.last != ',' {
			return
		}
		l.typed = ""
		if l.last == ',' {
			if !bytes.HasSuffix(before, []byte(";base64,")) {
				return
			}
			l.typed = string(before[max(0, len(before)-80):])
			l.typed = l.typed[strings.LastIndexByte(l.typed, ':')+1:]
		}
		l.base.begin(at)
	}
	switch {
	case digit:
		l.base.add(c)
	case c != '\n' && c != '\r' && c != '\t':
		l.endBase64()
	}
}

func (l *literals) endBase64() {
	if !l.base.end() {
		return
	}
	b := l.base
	t, _, _ := strings.Cut(l.typed, ";")
	source := func() io.ByteReader { return &until{src: &scriptReader{src: l.src, pos: b.at}, n: b.n, is: isBase64} }
	l.seen |= l.page.base64(b.first(), b.n, t, source)
}

// addEscaped follows strings of percent escapes.
func (l *literals) addEscaped(c byte, at int) {
	if isQuote(c) {
		l.endEscaped()
		l.escaped.begin(at)
		l.signs = 0
		return
	}
	if l.escaped.open {
		l.escaped.add(c)
		if c == '%' {
			l.signs++
		}
	}
}

func (l *literals) endEscaped() {
	if !l.escaped.end() || l.signs == 0 {
		return
	}
	e := l.escaped
	if e.n >= minText && l.signs*6 >= e.n {
		l.seen |= mBigEscapes
	}
	if magicOf(unpercent(e.first())) != notKnown {
		l.page.open([]string{"data"}, "application/octet-stream", func() (io.Reader, error) {
			r := &scriptReader{src: l.src, pos: e.at}
			if _, err := r.ReadByte(); err != nil { // the quote
				return nil, err
			}
			all, err := io.ReadAll(byteReader{&until{src: r, n: e.n}})
			return byteReader{&percentReader{src: all}}, err
		})
	}
}

// addNumber follows lists of numbers: in brackets, in a call, in a string.
func (l *literals) addNumber(c byte, at int) {
	if !l.list.open {
		if c != '[' && c != '(' && !isQuote(c) {
			return
		}
		l.list.begin(at)
		l.number = number{}
		return
	}
	v, given, ok := l.number.add(c)
	if given {
		l.list.add(v)
	}
	if !ok {
		l.endList()
		l.addNumber(c, at)
	}
}

func (l *literals) endList() {
	if !l.list.end() {
		return
	}
	s := l.list
	if s.n >= minNumbers && !l.number.large {
		l.seen |= mBigNumbers
	}
	magic := magicOf(s.first())
	if magic == isProgram {
		l.page.note("program or archive kept as numbers")
	}
	if magic != notKnown {
		l.page.open([]string{"data"}, "application/octet-stream", func() (io.Reader, error) {
			r := &scriptReader{src: l.src, pos: s.at}
			if _, err := r.ReadByte(); err != nil { // the bracket
				return nil, err
			}
			return byteReader{&numberReader{src: r, n: s.n}}, nil
		})
	}
}

// number reads a list of numbers, decimal or hexadecimal.
type number struct {
	v     int
	any   bool // a digit was seen
	hex   bool
	large bool // some number was over 255
}

// add sees the next byte; given: v is the next number's; not ok: no list any more.
func (n *number) add(c byte) (v byte, given, ok bool) {
	switch d := hexDigit(c); {
	case n.hex && d >= 0:
		n.v, n.any = min(n.v<<4|d, 1<<16), true
	case d >= 0 && d <= 9:
		n.v, n.any = min(n.v*10+d, 1<<16), true
	case c|0x20 == 'x' && n.any && n.v == 0 && !n.hex:
		n.hex, n.any = true, false
	case isBlank(c) || isQuote(c) || c == '[' || c == '(':
	default:
		v, given, ok = byte(n.v), n.any, c == ','
		n.large = n.large || n.v > 255
		n.v, n.any, n.hex = 0, false, false
		return v, given, ok
	}
	return 0, false, true
}

type numberReader struct {
	src  io.ByteReader
	n    int
	list number
}

func (r *numberReader) ReadByte() (byte, error) {
	for r.n > 0 {
		c, err := r.src.ReadByte()
		if err != nil {
			c = ']'
		}
		if v, given, ok := r.list.add(c); given {
			r.n--
			return v, nil
		} else if !ok {
			break
		}
	}
	return 0, io.EOF
}

// until reads n bytes of those that are wanted.
type until struct {
	src io.ByteReader
	n   int
	is  func(byte) bool // nil: all
}

func (u *until) ReadByte() (byte, error) {
	for u.n > 0 {
		c, err := u.src.ReadByte()
		if err != nil {
			return 0, err
		}
		if u.is == nil || u.is(c) {
			u.n--
			return c, nil
		}
	}
	return 0, io.EOF
}

func isBase64(c byte) bool { return base64Digit(c) >= 0 || c == '=' }

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }
