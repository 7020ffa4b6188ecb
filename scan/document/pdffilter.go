package document

import (
	"bufio"
	"compress/flate"
	"errors"
	"io"

	"qguard/scan"
)

// maxFilters is how many filters a stream may have one after the other.
const maxPDFFilters = 8

var errPDFData = errors.New("damaged data")

// A pdfFilter is one step of undoing what was done to a stream, ISO 32000-1, 7.4.
type pdfFilter struct {
	name                             string
	predictor, colors, bits, columns int64
	early                            int64
}

// pdfUnpack undoes the filters of a stream, in order. Every step that may grow
// counts against the budget; packed is the length of the stream.
func pdfUnpack(r io.Reader, packed int64, filters []pdfFilter, b *scan.Budget) (io.Reader, error) {
	if len(filters) > maxPDFFilters {
		return nil, &scan.Flaw{Rule: "xfile.unreadable", Note: "PDF stream with too many filters"}
	}
	for _, f := range filters {
		switch f.name {
		case "FlateDecode", "Fl":
			r = pdfPredict(b.Inflate(&pdfFlate{src: bufio.NewReader(r)}, packed), f)
		case "LZWDecode", "LZW":
			r = pdfPredict(b.Inflate(&pdfLZW{src: bufio.NewReader(r), early: int(f.early)}, packed), f)
		case "ASCIIHexDecode", "AHx":
			r = &pdfHex{src: bufio.NewReader(r)}
		case "ASCII85Decode", "A85":
			r = &pdf85{src: bufio.NewReader(r)}
		case "RunLengthDecode", "RL":
			r = b.Inflate(&pdfRuns{src: bufio.NewReader(r)}, packed)
		case "Crypt":
		default:
			return nil, &scan.Flaw{Rule: "xfile.unreadable", Note: "PDF filter " + scan.Printable(f.name, 40) + " cannot be read"}
		}
	}
	return r, nil
}

// pdfFlate reads a zlib stream (RFC 1950). QUIRK: readers show what there is of
// a stream without header, end or checksum; so do we.
type pdfFlate struct {
	src *bufio.Reader
	z   io.Reader
}

func (f *pdfFlate) Read(p []byte) (int, error) {
	if f.z == nil {
		for { // QUIRK: a line end too many before the data
			c, err := f.src.Peek(1)
			if err != nil || c[0] != '\r' && c[0] != '\n' {
				break
			}
			f.src.Discard(1)
		}
		head, _ := f.src.Peek(2)
		if len(head) == 2 && head[0]&15 == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			f.src.Discard(2)
		}
		f.z = flate.NewReader(f.src)
	}
	return f.z.Read(p)
}

// pdfHex reads ASCIIHexDecode.
type pdfHex struct {
	src *bufio.Reader
	end bool
}

func (h *pdfHex) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && !h.end {
		high, ok := h.digit()
		if !ok {
			break
		}
		low, ok := h.digit()
		if !ok {
			low = 0
		}
		p[n] = high<<4 | low
		n++
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (h *pdfHex) digit() (byte, bool) {
	for !h.end {
		c, err := h.src.ReadByte()
		if err != nil || c == '>' {
			h.end = true
			break
		}
		if v := nibble(c); v < 16 {
			return v, true
		}
	}
	return 0, false
}

// pdf85 reads ASCII85Decode.
type pdf85 struct {
	src   *bufio.Reader
	ready []byte
	group [4]byte
	end   bool
}

func (a *pdf85) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(a.ready) == 0 && !a.next() {
			break
		}
		k := copy(p[n:], a.ready)
		a.ready, n = a.ready[k:], n+k
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// next decodes a group of five characters.
func (a *pdf85) next() bool {
	v, n := uint64(0), 0
	for n < 5 && !a.end {
		c, err := a.src.ReadByte()
		switch {
		case err != nil || c == '~':
			a.end = true
		case c == 'z' && n == 0:
			a.group = [4]byte{}
			a.ready = a.group[:]
			return true
		case c >= '!' && c <= 'u':
			v = v*85 + uint64(c-'!')
			n++
		}
	}
	if n < 2 {
		return false
	}
	for i := n; i < 5; i++ {
		v = v*85 + 84
	}
	a.group = [4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
	a.ready = a.group[:n-1]
	return true
}

// pdfRuns reads RunLengthDecode.
type pdfRuns struct {
	src   *bufio.Reader
	left  int
	value byte
	run   bool
}

func (r *pdfRuns) Read(p []byte) (int, error) {
	for i := range p {
		for r.left == 0 {
			n, err := r.src.ReadByte()
			if err != nil || n == 128 {
				return i, io.EOF
			}
			r.run, r.left = n > 128, int(n)+1
			if r.run {
				r.left = 257 - int(n)
				if r.value, err = r.src.ReadByte(); err != nil {
					return i, io.EOF
				}
			}
		}
		if !r.run {
			c, err := r.src.ReadByte()
			if err != nil {
				return i, io.EOF
			}
			r.value = c
		}
		p[i] = r.value
		r.left--
	}
	return len(p), nil
}
