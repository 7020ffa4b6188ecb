package document

import (
	"bufio"
	"io"
)

// pdfLZW reads LZWDecode (ISO 32000-1, 7.4.4): codes of 9 to 12 bits, most
// significant bit first, which grow one code early unless EarlyChange is 0.
// compress/lzw of the standard library has no early change.
type pdfLZW struct {
	src    *bufio.Reader
	early  int
	bits   uint32
	have   int
	width  int
	next   int // the code that the next string gets
	last   int // the code before, -1 after a clear
	prefix [4096]uint16
	suffix [4096]byte
	out    [4097]byte // strings are written from the end
	ready  []byte
	err    error
}

func (l *pdfLZW) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(l.ready) > 0 {
			k := copy(p[n:], l.ready)
			l.ready, n = l.ready[k:], n+k
			continue
		}
		if l.err != nil {
			break
		}
		l.step()
	}
	if n == 0 && len(p) > 0 {
		return 0, l.err
	}
	return n, nil
}

// step decodes one code.
func (l *pdfLZW) step() {
	if l.width == 0 {
		l.clear()
	}
	for l.have < l.width {
		c, err := l.src.ReadByte()
		if err != nil {
			l.err = err
			return
		}
		l.bits, l.have = l.bits<<8|uint32(c), l.have+8
	}
	l.have -= l.width
	code := int(l.bits>>l.have) & (1<<l.width - 1)
	switch {
	case code == 256:
		l.clear()
		return
	case code == 257:
		l.err = io.EOF
		return
	case code > l.next || code == l.next && l.last < 0 || code > 257 && l.last < 0:
		l.err = errPDFData
		return
	}
	at := len(l.out)
	entry := code
	if code == l.next { // the string that is just being made
		at--
		entry = l.last
	}
	for entry > 257 {
		at--
		l.out[at] = l.suffix[entry]
		entry = int(l.prefix[entry])
	}
	at--
	l.out[at] = byte(entry)
	if code == l.next {
		l.out[len(l.out)-1] = byte(entry)
	}
	l.ready = l.out[at:]
	if l.last >= 0 && l.next < 4096 {
		l.prefix[l.next], l.suffix[l.next] = uint16(l.last), byte(entry)
		l.next++
	}
	l.last = code
	for l.width < 12 && l.next+l.early >= 1<<l.width {
		l.width++
	}
}

func (l *pdfLZW) clear() { l.width, l.next, l.last = 9, 258, -1 }
