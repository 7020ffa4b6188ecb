package document

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"qguard/scan"
)

// rtfData reads the bytes of \objdata: hexadecimal digits, with white space
// between any two. Control words among them are passed over, \bin brings raw
// bytes, groups marked \* are left out, and the brace that ends the group ends
// the data.
type rtfData struct {
	in    *bufio.Reader
	depth int
	raw   int // bytes of \bin still to come
	half  bool
	high  byte
	err   error
}

func newRTFData(raw *io.SectionReader) *rtfData {
	size := int(max(64, min(raw.Size(), 16<<10)))
	return &rtfData{in: bufio.NewReaderSize(io.NewSectionReader(raw, 0, raw.Size()), size)}
}

func (d *rtfData) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && d.err == nil {
		c, err := d.in.ReadByte()
		if err != nil {
			d.err = err
			break
		}
		if d.raw > 0 {
			d.raw--
			p[n] = c
			n++
			continue
		}
		switch c {
		case '{':
			d.depth++
			if next, _ := d.in.Peek(2); string(next) == `\*` {
				d.leaveOut()
			}
			continue
		case '}':
			if d.depth--; d.depth < 0 {
				d.err = io.EOF
			}
			continue
		case '\\':
			d.control()
			continue
		}
		v := nibble(c)
		if v > 15 {
			continue
		}
		if d.half = !d.half; d.half {
			d.high = v << 4
			continue
		}
		p[n] = d.high | v
		n++
	}
	if n == 0 && len(p) > 0 {
		return 0, d.err
	}
	return n, nil
}

// leaveOut passes over a group.
func (d *rtfData) leaveOut() {
	for depth := d.depth - 1; d.depth > depth; {
		c, err := d.in.ReadByte()
		switch {
		case err != nil:
			d.err = err
			return
		case c == '{':
			d.depth++
		case c == '}':
			d.depth--
		case c == '\\':
			d.control()
			d.in.Discard(d.raw)
			d.raw = 0
		}
	}
}

// control passes over a control word or symbol.
func (d *rtfData) control() {
	c, err := d.in.ReadByte()
	if err != nil {
		return
	}
	if c == '\'' {
		d.in.Discard(2)
		return
	}
	word := make([]byte, 0, 4)
	for err == nil && c|0x20 >= 'a' && c|0x20 <= 'z' {
		if len(word) < 4 {
			word = append(word, c)
		}
		c, err = d.in.ReadByte()
	}
	if len(word) == 0 {
		return
	}
	value := 0
	minus := err == nil && c == '-'
	if minus {
		c, err = d.in.ReadByte()
	}
	for err == nil && c >= '0' && c <= '9' {
		value = rtfDigit(value, c)
		c, err = d.in.ReadByte()
	}
	if err == nil && c != ' ' {
		d.in.UnreadByte()
	}
	if string(word) == "bin" && !minus {
		d.raw = value
	}
}

// endless is a length for data that goes on to its end.
const rtfEndless = 1 << 62

// openRTFObject yields what an embedded object holds: an OLE 1.0 header
// ([MS-OLEDS] 2.2.4) and the data of the program that made it.
func openRTFObject(p *scan.Part, raw *io.SectionReader, number int, j *rtfJudge, b *scan.Budget, yield func(*scan.Part) error) error {
	if err := b.Member(); err != nil {
		return err
	}
	r := newRTFData(raw)
	h, err := rtfHeader(r)
	if err != nil || h.length == 0 {
		return err
	}
	skip, size := int64(h.length), int64(h.size)
	if size == 0 {
		size = rtfEndless // QUIRK: data behind a length of nothing
	}
	if h.good && h.linked {
		if rtfRemote(h.topic) {
			j.add("xfile.link", "RTF link to an object on another computer")
		}
		return nil
	}
	head, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return err
	}
	if !h.good {
		j.add("xfile.unreadable", "RTF object whose header cannot be read")
		skip, size = 0, rtfEndless
		if n := bytes.Index(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")); n >= 0 {
			skip = int64(h.length) + int64(n)
		}
	}
	for _, what := range []string{rtfDangerousClass(h.class), rtfClassID(head)} {
		if what != "" {
			j.active("object of class " + what)
		}
	}
	names := []string{fmt.Sprintf("object %d", number)}
	if k, ok := readRTFPackage(head); ok && strings.EqualFold(h.class, "Package") {
		skip, size = skip+int64(k.start), k.size
		if len(k.names) > 0 {
			names = k.names
		}
	}
	child := p.Member(names...)
	child.Open = func() (io.Reader, error) {
		data := newRTFData(raw)
		if _, err := io.CopyN(io.Discard, data, skip); err != nil && err != io.EOF {
			return nil, err
		}
		return io.LimitReader(data, size), nil
	}
	return yield(child)
}

// ole1 is the header of an OLE 1.0 object.
type rtfOLE1 struct {
	class, topic string
	size         uint32 // of the data, as the header says
	length       int    // bytes of the header that are there
	good         bool
	linked       bool
}

// maxOLE1 is how many bytes a string in the header may have.
const maxRTFHeader = 4 << 10

// readOLE1 reads a header; one that is damaged or cut off is not good. The
// version is not asked: Word does not look at it either.
func rtfHeader(r io.Reader) (h rtfOLE1, err error) {
	ok := true
	read := func(n uint32) []byte {
		if n > maxRTFHeader || !ok {
			ok = false
			return nil
		}
		b := make([]byte, n)
		k, e := io.ReadFull(r, b)
		h.length += k
		if e == io.EOF || e == io.ErrUnexpectedEOF {
			ok = false
		} else if e != nil {
			ok, err = false, e
		}
		return b
	}
	number := func() uint32 {
		if b := read(4); ok {
			return binary.LittleEndian.Uint32(b)
		}
		return 0
	}
	text := func() string {
		s, _, _ := strings.Cut(string(read(number())), "\x00")
		return s
	}
	number()
	format := number()
	h.class, h.topic = text(), text()
	text() // the item
	if h.linked = format == 1; !h.linked {
		h.size = number()
	}
	h.good = ok && (format == 1 || format == 2)
	return h, err
}

// rtfPackage is what the packager keeps of a file.
type rtfPackage struct {
	names []string
	start int
	size  int64
}

// readPackage reads the packager's data (OLE1 "Package", as in the stream
// \1Ole10Native): two words, label, path, marker, temporary path, size, data.
func readRTFPackage(b []byte) (k rtfPackage, ok bool) {
	all := b
	if len(b) > 6 && b[4] == 2 && b[5] == 0 && (b[0] != 2 || b[1] != 0) {
		b = b[4:] // a size in front
	}
	if len(b) < 2 || b[0] != 2 || b[1] != 0 {
		return k, false
	}
	b = b[2:]
	label, b, ok1 := bytes.Cut(b, []byte{0})
	path, b, ok2 := bytes.Cut(b, []byte{0})
	if !ok1 || !ok2 || len(b) < 8 {
		return k, false
	}
	n := binary.LittleEndian.Uint32(b[4:])
	b = b[8:]
	if uint64(n)+4 > uint64(len(b)) {
		return k, false
	}
	temp := bytes.TrimRight(b[:n], "\x00")
	k.size = int64(binary.LittleEndian.Uint32(b[n:]))
	b = b[n+4:]
	for _, name := range [][]byte{label, path, temp} {
		s, err := charmap.Windows1252.NewDecoder().String(string(name))
		if err != nil {
			s = string(name)
		}
		if s = s[strings.LastIndexAny(s, `\/`)+1:]; s != "" && !slices.Contains(k.names, s) {
			k.names = append(k.names, s)
		}
	}
	if k.size == 0 {
		k.size = rtfEndless
	}
	k.start = len(all) - len(b)
	return k, true
}

// rtfClassID looks for class identifiers in the directory of an OLE file.
func rtfClassID(data []byte) string {
	const tail = "\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
	for _, c := range []struct{ id, what string }{
		{"\x02\xce\x02\x00" + tail, "Equation"},
		{"\x00\x03\x00\x00" + tail, "OLE2Link"},
		{"\x0c\x00\x03\x00" + tail, "Package"},
		{"\x20\xa7\x0d\xf2\x2f\xc0\xce\x11\x92\x7b\x08\x00\x09\x5a\xe3\x40", "Package"},
		{"\xc3\x2a\xb2\xea\xc1\x30\xcf\x11\xa7\xeb\x00\x00\xc0\x5b\xae\x0b", "Shell.Explorer"},
		{"\x61\xf9\x56\x88\x0a\x34\xd0\x11\xa9\x6b\x00\xc0\x4f\xd7\x05\xa2", "Shell.Explorer"},
		{"\x6e\xdb\x7c\xd2\x6d\xae\xcf\x11\x96\xb8\x44\x45\x53\x54\x00\x00", "ShockwaveFlash"},
	} {
		if bytes.Contains(data, []byte(c.id)) {
			return c.what
		}
	}
	return ""
}
