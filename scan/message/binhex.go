package message

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"qguard/scan"
)

// BinHex 4.0, RFC 1741: behind the line "(This file must be converted with
// BinHex 4.0)" and between two colons, the first at the start of a line, each
// character is 6 bits. The bytes are run-length coded: 0x90 and a number repeat
// the byte before so that it stands that many times, 0x90 0x00 is 0x90. They are
// a header - length of the name, name, a zero, type, creator, flags, length of
// the data fork, of the resource fork, CRC - and the forks with a CRC each.
//
// QUIRK: line breaks stand anywhere, quote marks before lines, and the last
// colon may lack: what is not of the alphabet is skipped and the lengths decide.
// CRCs are not looked at.

const hqxAlphabet = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"

// isBanner reports the line that stands before BinHex, in its two wordings.
func isBanner(line []byte) bool {
	return bytes.HasPrefix(line, []byte("(This file must be")) || bytes.HasPrefix(line, []byte("(Convert with"))
}

// isBinHex reports whether the characters behind a colon begin a BinHex file:
// the alphabet's, and where the line holds all of the header, one that can be.
// sure says that there are too many of them for prose.
func isBinHex(text []byte) (ok, sure bool) {
	text = bytes.TrimSpace(text)
	for i, c := range text {
		if strings.IndexByte(hqxAlphabet, c) < 0 && (c != ':' || i < len(text)-1) {
			return false, false
		}
	}
	h, err := readBinHex(&hqxReader{r: bytes.NewReader(text)})
	return err != nil || h.version == 0 || h.name == "", len(text) >= 30
}

// binHexHeader is what stands before the forks.
type binHexHeader struct {
	name           string
	version        byte
	data, resource int64 // lengths of the forks
}

// readBinHex reads the header; r is then at the data fork.
func readBinHex(r io.Reader) (h binHexHeader, err error) {
	var buf [255 + 21]byte
	if _, err := io.ReadFull(r, buf[:1]); err != nil {
		return h, err
	}
	n := int(buf[0])
	rest := buf[:n+21]
	if _, err := io.ReadFull(r, rest); err != nil {
		return h, err
	}
	h.name, h.version = string(rest[:n]), rest[n]
	h.data = int64(binary.BigEndian.Uint32(rest[n+11:]))
	h.resource = int64(binary.BigEndian.Uint32(rest[n+15:]))
	return h, nil
}

// dataFork decodes what follows the first colon to the data fork.
func dataFork(r io.Reader) io.Reader {
	hqx := &hqxReader{r: r}
	h, err := readBinHex(hqx)
	if err != nil {
		return failed{atEnd(err)}
	}
	return io.LimitReader(hqx, h.data)
}

// atEnd makes an early end an ordinary one.
func atEnd(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// failed is a reader of nothing.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// yieldBinHex yields the data fork, or the resource fork where that is all.
func (f *finder) yieldBinHex(p *scan.Part, raw *io.SectionReader, e *encoded, yield func(*scan.Part) error) error {
	from, to := e.data[0].from, e.data[0].to
	if to < 0 {
		to = raw.Size()
	}
	text := io.NewSectionReader(raw, from, to-from)
	h, err := readBinHex(&hqxReader{r: io.NewSectionReader(text, 0, text.Size())})
	short := err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !short {
		return err
	}
	fits := h.version == 0 && h.name != "" && len(h.name) <= 63 && h.data+h.resource <= 100*text.Size()
	switch {
	case !e.sure && !fits:
		return nil // prose
	case short:
		f.err = errors.Join(f.err, &scan.Flaw{Rule: "xfile.unreadable", Note: "BinHex file cut off in its header"})
		return nil
	case !fits:
		f.err = errors.Join(f.err, &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged BinHex header"})
	}
	child := inner(p, "binhex", macNames(h.name)...)
	skip, size := int64(0), h.data
	if h.data == 0 && h.resource > 0 {
		skip, size = 2, h.resource // behind the data fork's CRC
	}
	child.Open = func() (io.Reader, error) {
		hqx := &hqxReader{r: io.NewSectionReader(text, 0, text.Size())}
		_, err := readBinHex(hqx)
		if err == nil {
			_, err = io.CopyN(io.Discard, hqx, skip)
		}
		if err != nil {
			return failed{atEnd(err)}, nil
		}
		return f.budget.Inflate(io.LimitReader(hqx, size), text.Size()), nil
	}
	return yield(child)
}

// macNames reads a name in the charset of old Macs; where that makes a
// difference, other systems see its bytes.
func macNames(name string) []string {
	names := nameReadings(name)
	if plain, err := charmap.Macintosh.NewDecoder().String(name); err == nil && plain != "" {
		names = appendNew(names, plain)
	}
	return names
}

// hqxReader decodes characters up to a colon and expands runs.
type hqxReader struct {
	r     io.Reader
	table *[256]byte
	in    [1 << 10]byte
	src   []byte // of in, not yet decoded
	bits  uint32
	have  int  // bits in bits
	last  byte // the byte a run repeats
	mark  bool // 0x90 was the byte before
	runs  int  // times last is still to be given
	err   error
}

func (h *hqxReader) Read(p []byte) (n int, err error) {
	if h.table == nil {
		h.table = hqxTable()
	}
	for n < len(p) {
		if h.runs > 0 {
			p[n] = h.last
			n++
			h.runs--
			continue
		}
		c, ok := h.next()
		if !ok {
			break
		}
		switch {
		case h.mark && c == 0:
			h.last, h.runs = 0x90, 1
			h.mark = false
		case h.mark:
			h.runs = int(c) - 1 // one was given already
			h.mark = false
		case c == 0x90:
			h.mark = true
		default:
			h.last, h.runs = c, 1
		}
	}
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, h.err
}

// next decodes a byte.
func (h *hqxReader) next() (byte, bool) {
	for h.have < 8 {
		if len(h.src) == 0 {
			if h.err != nil {
				return 0, false
			}
			var n int
			n, h.err = h.r.Read(h.in[:])
			h.src = h.in[:n]
			continue
		}
		c := h.src[0]
		h.src = h.src[1:]
		if c == ':' {
			h.err, h.src = io.EOF, nil
			return 0, false
		}
		if v := h.table[c]; v != wrong {
			h.bits, h.have = h.bits<<6|uint32(v), h.have+6
		}
	}
	h.have -= 8
	return byte(h.bits >> h.have), true
}

func hqxTable() *[256]byte {
	t := &[256]byte{}
	for i := range t {
		t[i] = wrong
	}
	for i, c := range []byte(hqxAlphabet) {
		t[c] = byte(i)
	}
	return t
}
