package document

import (
	"bytes"
	"errors"
	"io"
)

// pdfKind is what a PDF token or value is.
type pdfKind byte

const (
	pdfNone   pdfKind = iota // the end of the data; null
	pdfNumber                // integer or real
	pdfName                  // /Name, escapes decoded
	pdfString                // (text) or <hex>
	pdfWord                  // obj, stream, R, an operator
	pdfArray                 // [
	pdfDict                  // <<
	pdfRef                   // 12 0 R
	pdfClose                 // ]
	pdfEnd                   // >>
)

const (
	pdfWindow    = 64 << 10 // bytes read at a time
	maxPDFString = 64 << 10 // bytes kept of a string
	maxPDFWord   = 256      // bytes kept of a name or an operator
)

// pdfLexer reads tokens (ISO 32000-1, 7.2 and 7.3) at any offset, a window at a
// time. It stops at end, which bounds the work.
type pdfLexer struct {
	src   io.ReaderAt
	end   int64
	data  []byte // read from start on; buf is what of it lies before end
	buf   []byte
	start int64
	i     int
	err   error // trouble of the system

	at    int64             // offset of the last number or word
	num   float64           // value of the last number
	text  []byte            // last name, string or word; valid until the next token
	names map[string]string // names seen so far, nil: not kept

	cut bool // the last string was longer than what is kept
}

// seek goes to an offset; nothing is read from end on.
func (l *pdfLexer) seek(off, end int64) {
	l.end = end
	if off < l.start || off > l.start+int64(len(l.data)) {
		l.start, l.data = off, l.data[:0]
	}
	l.i = int(off - l.start)
	l.buf = l.data[:max(0, min(int64(len(l.data)), end-l.start))]
}

func (l *pdfLexer) pos() int64 { return l.start + int64(l.i) }

// byte returns the next byte.
func (l *pdfLexer) byte() (byte, bool) {
	if l.i >= len(l.buf) && !l.fill() {
		return 0, false
	}
	c := l.buf[l.i]
	l.i++
	return c, true
}

// back undoes the last byte that was there.
func (l *pdfLexer) back() { l.i-- }

func (l *pdfLexer) fill() bool {
	at := l.pos()
	if at >= l.end || l.err != nil {
		return false
	}
	if cap(l.data) == 0 {
		l.data = make([]byte, 0, pdfWindow)
	}
	n, err := l.src.ReadAt(l.data[:cap(l.data)], at)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		l.err = err
	}
	l.start, l.i, l.data = at, 0, l.data[:n]
	l.buf = l.data[:min(int64(n), l.end-at)]
	return len(l.buf) > 0
}

// pdfClass tells the characters that end a name, number or word: 1 white space,
// 2 delimiters (ISO 32000-1, 7.2.2).
var pdfClass = [256]byte{
	0: 1, '\t': 1, '\n': 1, '\f': 1, '\r': 1, ' ': 1,
	'(': 2, ')': 2, '<': 2, '>': 2, '[': 2, ']': 2, '{': 2, '}': 2, '/': 2, '%': 2,
}

func pdfSpace(c byte) bool { return pdfClass[c] == 1 }

// token returns the kind of the next token; its value is in num or text.
func (l *pdfLexer) token() pdfKind {
	for {
		c, ok := l.byte()
		switch {
		case !ok:
			return pdfNone
		case pdfSpace(c), c == '{', c == '}', c == ')':
		case c == '%':
			l.comment()
		case c == '/':
			l.word(true)
			return pdfName
		case c == '(':
			l.literal()
			return pdfString
		case c == '[':
			return pdfArray
		case c == ']':
			return pdfClose
		case c == '<':
			if d, ok := l.byte(); ok && d == '<' {
				return pdfDict
			} else if ok {
				l.back()
			}
			l.hex()
			return pdfString
		case c == '>':
			if d, ok := l.byte(); ok && d == '>' {
				return pdfEnd
			} else if ok {
				l.back()
			}
		default:
			l.back()
			return l.plain()
		}
	}
}

func (l *pdfLexer) comment() {
	for {
		if c, ok := l.byte(); !ok || c == '\n' || c == '\r' {
			return
		}
	}
}

// word reads regular characters; in names #xx stands for a character.
func (l *pdfLexer) word(name bool) {
	l.text = l.text[:0]
	for l.i < len(l.buf) || l.fill() {
		n := l.i
		for n < len(l.buf) && pdfClass[l.buf[n]] == 0 {
			n++
		}
		l.text = append(l.text, l.buf[l.i:min(n, l.i+maxPDFWord-min(maxPDFWord, len(l.text)))]...)
		l.i = n
		if n < len(l.buf) {
			break
		}
	}
	if name && bytes.IndexByte(l.text, '#') >= 0 {
		l.unescape()
	}
}

// unescape decodes #xx in a name.
func (l *pdfLexer) unescape() {
	out := l.text[:0]
	for i := 0; i < len(l.text); i++ {
		c := l.text[i]
		if c == '#' && i+2 < len(l.text) && nibble(l.text[i+1]) < 16 && nibble(l.text[i+2]) < 16 {
			c = nibble(l.text[i+1])<<4 | nibble(l.text[i+2])
			i += 2
		}
		out = append(out, c)
	}
	l.text = out
}

// plain reads a number or a word.
func (l *pdfLexer) plain() pdfKind {
	l.at = l.pos()
	l.word(false)
	c := l.text[0]
	if c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.' {
		l.num = pdfFloat(l.text)
		return pdfNumber
	}
	return pdfWord
}

// pdfFloat is the value of a number; what follows it is ignored, as readers do.
func pdfFloat(s []byte) float64 {
	v, scale, minus := 0.0, 0.0, false
	for _, c := range s {
		switch {
		case c == '-':
			minus = true
		case c == '+':
		case c == '.' && scale == 0:
			scale = 1
		case c < '0' || c > '9' || v > 1e15:
			if minus {
				return -v
			}
			return v
		case scale > 0:
			scale /= 10
			v += scale * float64(c-'0')
		default:
			v = v*10 + float64(c-'0')
		}
	}
	if minus {
		return -v
	}
	return v
}

// literal reads a string in parentheses.
func (l *pdfLexer) literal() {
	l.text, l.cut = l.text[:0], false
	for depth := 1; ; {
		c, ok := l.byte()
		if !ok {
			return
		}
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return
			}
		case '\\':
			if c, ok = l.escape(); !ok {
				continue
			}
		}
		l.add(c)
	}
}

func (l *pdfLexer) add(c byte) {
	if len(l.text) >= maxPDFString {
		l.cut = true
		return
	}
	l.text = append(l.text, c)
}

// escape reads what stands behind a backslash; a line end there is nothing.
func (l *pdfLexer) escape() (byte, bool) {
	c, ok := l.byte()
	if !ok {
		return 0, false
	}
	switch c {
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case '\n':
		return 0, false
	case '\r':
		if c, ok := l.byte(); ok && c != '\n' {
			l.back()
		}
		return 0, false
	}
	if c < '0' || c > '7' {
		return c, true
	}
	v := c - '0'
	for range 2 {
		c, ok := l.byte()
		if !ok {
			break
		}
		if c < '0' || c > '7' {
			l.back()
			break
		}
		v = v<<3 | (c - '0')
	}
	return v, true
}

// hex reads a string in angle brackets.
func (l *pdfLexer) hex() {
	l.text, l.cut = l.text[:0], false
	high, half := byte(0), false
	for {
		c, ok := l.byte()
		if !ok || c == '>' {
			break
		}
		v := nibble(c)
		if v > 15 {
			continue
		}
		if half = !half; half {
			high = v << 4
			continue
		}
		l.add(high | v)
	}
	if half {
		l.add(high)
	}
}

// nibble is the value of a hexadecimal digit, 255 of anything else.
func nibble(c byte) byte { return byte(hexDigit(c)) }
