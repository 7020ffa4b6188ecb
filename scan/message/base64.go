package message

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
)

// oddity is what a decoder met that clients read differently.
type oddity uint8

const (
	oddPadding oddity = 1 << iota // data behind "="
	oddForeign                    // a character outside the alphabet
	oddLine                       // a line that does not hold whole groups, followed by another
	oddEscape                     // "=" that begins no escape
)

// base64Reader decodes base64 (RFC 2045 section 6.8) as clients do: bytes
// outside the alphabet are skipped anywhere, padding ends a group but not the
// data, and an unfinished last group gives the bytes it holds.
type base64Reader struct {
	r      io.Reader
	odd    *oddity // nil: nobody asks
	raw    [chunk]byte
	out    [chunk]byte
	ready  []byte // decoded, not yet read
	group  uint32 // unfinished group ...
	have   int    // ... of this many characters
	padded bool   // padding was met
	split  bool   // a line ended inside a group
	err    error
}

func (b *base64Reader) Read(p []byte) (int, error) {
	for len(b.ready) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		var n int
		n, b.err = b.r.Read(b.raw[:])
		out := b.fill(b.raw[:n])
		if b.err != nil {
			out = b.flush(out)
		}
		b.ready = out
	}
	n := copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}

func (b *base64Reader) note(o oddity) {
	if b.odd != nil {
		*b.odd |= o
	}
}

// fill decodes src into b.out: clean lines with the library's fast decoder,
// everything else byte by byte.
func (b *base64Reader) fill(src []byte) []byte {
	out := b.out[:0]
	for len(src) > 0 {
		if b.have == 0 && !b.padded {
			if clean := cleanGroups(src); clean >= 4 {
				n, err := base64.StdEncoding.Decode(b.out[len(out):], src[:clean])
				if err == nil {
					out = b.out[:len(out)+n]
					b.padded = src[clean-1] == '='
					src = src[clean:]
					continue
				}
			}
		}
		line := src
		if i := bytes.IndexByte(src, '\n'); i >= 0 {
			line = src[:i+1]
		}
		for _, c := range line {
			out = b.add(out, c)
		}
		src = src[len(line):]
	}
	return out
}

// cleanGroups returns the length of the first line of src without its end, cut
// to whole groups.
func cleanGroups(src []byte) int {
	i := bytes.IndexByte(src, '\n')
	if i < 0 {
		return len(src) &^ 3
	}
	if i > 0 && src[i-1] == '\r' {
		i--
	}
	return i &^ 3
}

// add takes one character.
func (b *base64Reader) add(out []byte, c byte) []byte {
	v := base64Value(c)
	if v < 0 {
		switch c {
		case '=':
			b.padded = true
			return b.flush(out)
		case '\n':
			b.split = b.have > 0
		case '\r', ' ', '\t':
		default:
			b.note(oddForeign)
		}
		return out
	}
	if b.padded {
		b.padded = false
		b.note(oddPadding)
	}
	if b.split {
		b.split = false
		b.note(oddLine)
	}
	b.group = b.group<<6 | uint32(v)
	b.have++
	if b.have == 4 {
		out = append(out, byte(b.group>>16), byte(b.group>>8), byte(b.group))
		b.group, b.have = 0, 0
	}
	return out
}

// flush ends an unfinished group.
func (b *base64Reader) flush(out []byte) []byte {
	out = appendGroup(out, b.group, b.have)
	b.group, b.have = 0, 0
	return out
}

// appendGroup appends the whole bytes that the characters of a group hold.
func appendGroup(out []byte, group uint32, have int) []byte {
	switch have {
	case 2:
		return append(out, byte(group>>4))
	case 3:
		return append(out, byte(group>>10), byte(group>>2))
	case 4:
		return append(out, byte(group>>16), byte(group>>8), byte(group))
	}
	return out
}

// base64Value returns the six bits a character stands for, -1 for none.
func base64Value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// tupleBase64 decodes as clients do that count "=" as a character: four make a
// group wherever the padding stands in it, and the others give what they hold.
type tupleBase64 struct {
	r     io.Reader
	raw   [chunk]byte
	out   []byte
	ready []byte
	group uint32
	have  int // letters in the group
	count int // letters and padding
	err   error
}

func (t *tupleBase64) Read(p []byte) (int, error) {
	for len(t.ready) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		var n int
		n, t.err = t.r.Read(t.raw[:])
		t.out = t.out[:0]
		for _, c := range t.raw[:n] {
			v := base64Value(c)
			if v < 0 && c != '=' {
				continue
			}
			if v >= 0 {
				t.group = t.group<<6 | uint32(v)
				t.have++
			}
			if t.count++; t.count == 4 {
				t.out = appendGroup(t.out, t.group, t.have)
				t.group, t.have, t.count = 0, 0, 0
			}
		}
		if t.err != nil {
			t.out = appendGroup(t.out, t.group, t.have)
		}
		t.ready = t.out
	}
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	return n, nil
}

// lineBase64 decodes as clients do that take line by line: what is over at the
// end of a line is dropped, a foreign character ends the line, and a line that
// such a one makes uneven is none.
type lineBase64 struct {
	r     *bufio.Reader
	out   []byte
	ready []byte
	err   error
}

func newLineBase64(r io.Reader) io.Reader { return &lineBase64{r: bufio.NewReaderSize(r, 64<<10)} }

func (l *lineBase64) Read(p []byte) (int, error) {
	for len(l.ready) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		var line []byte
		line, l.err = l.r.ReadSlice('\n')
		if l.err == bufio.ErrBufferFull {
			l.err = nil
		}
		l.ready = l.line(line)
	}
	n := copy(p, l.ready)
	l.ready = l.ready[n:]
	return n, nil
}

func (l *lineBase64) line(line []byte) []byte {
	l.out = l.out[:0]
	line = bytes.TrimRight(line, " \t\r\n")
	var group uint32
	have := 0
	for _, c := range line {
		v := base64Value(c)
		if v < 0 {
			if c != '=' && have > 0 || c == ' ' || c == '\t' {
				return nil // prose, or a header of another encoding
			}
			return appendGroup(l.out, group, have)
		}
		group = group<<6 | uint32(v)
		if have++; have == 4 {
			l.out = appendGroup(l.out, group, have)
			group, have = 0, 0
		}
	}
	return l.out
}
