package document

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"qguard/scan"
)

// Record types of Excel's binary formats, [MS-XLS] 2.3.
const (
	biffFilePass   = 0x002f
	biffSheet      = 0x0085
	biffSupBook    = 0x01ae
	biffExternName = 0x0023
	biffBOF        = 0x0009 // low byte; the high one is the version: 0, 2, 4, 8
)

// judgeBIFF walks the records of a workbook, of any version from 2 to 8: a type
// and a length of two bytes each, then as many bytes.
func judgeBIFF(stream io.Reader, found *marks) error {
	r := bufio.NewReaderSize(stream, 32<<10)
	program := false // the last external book is a program's
	for {
		head, err := r.Peek(4)
		if len(head) < 4 {
			return ended(err)
		}
		kind, n := binary.LittleEndian.Uint16(head), int(binary.LittleEndian.Uint16(head[2:]))
		r.Discard(4)
		body, err := r.Peek(min(n, 512))
		if len(body) < min(n, 512) {
			return ended(err)
		}
		switch {
		case kind == biffFilePass:
			found.flaw(&scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted workbook", Grave: true})
			return nil
		case kind == biffSheet && n > 5 && body[5] == 1, isBOF(kind) && n > 3 && body[2] == 0x40 && body[3] == 0:
			found.add("xfile.macro", "Excel 4 macro sheet")
		case kind == biffSheet && n > 5 && body[5] == 6:
			found.add("xfile.macro", "Visual Basic module")
		case kind == biffSupBook:
			program = isSource(body)
		case kind == biffExternName && program && n > 1 && body[0]&0x10 == 0:
			found.add("xfile.active", "DDE link")
		}
		if _, err := r.Discard(n); err != nil {
			return ended(err)
		}
	}
}

// ended is nil at the ordinary end.
func ended(err error) error {
	if atEnd(err) {
		return nil
	}
	return err
}

func isBOF(kind uint16) bool {
	return kind&0xff == biffBOF && kind>>8 <= 8 && kind>>8 != 1
}

// isSource reports a SUPBOOK record ([MS-XLS] 2.4.271) of a DDE or OLE source:
// program and topic with the character 3 between them.
func isSource(body []byte) bool {
	if len(body) < 6 {
		return false
	}
	letters := int(binary.LittleEndian.Uint16(body[2:]))
	if letters == 0x0401 || letters == 0x3a01 || letters == 0 {
		return false // this workbook, an add-in
	}
	name := body[5:]
	return len(name) > 0 && name[0] != 1 && bytes.IndexByte(name, 3) > 0
}

// openBIFF judges workbooks of the time before OLE, whose stream is the file.
func openBIFF(p *scan.Part, _ *scan.Budget, _ func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	head, err := p.Head()
	if err != nil || len(head) < 8 {
		return nil
	}
	n := binary.LittleEndian.Uint16(head[2:])
	if !isBOF(binary.LittleEndian.Uint16(head)) || n < 4 || n > 16 || head[5] > 8 || head[7] > 1 {
		return nil
	}
	r, err := p.Open()
	if err != nil {
		return nil
	}
	var found marks
	err = judgeBIFF(r, &found)
	return errors.Join(found.err(), err)
}

// judgeWord judges a WordDocument stream ([MS-DOC] 2.5): the flag for
// encryption in the FIB, and fields in the text that ask another program. Text
// is of one or two bytes a letter; a field begins with character 19.
func judgeWord(stream io.Reader, found *marks) error {
	const overlap = 128
	buf := make([]byte, 0, 32<<10+overlap)
	for first := true; ; first = false {
		n, err := io.ReadFull(stream, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if first && len(buf) > 12 && buf[1] == 0xa5 && buf[11]&1 != 0 {
			found.flaw(&scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted Word document", Grave: true})
			return nil
		}
		for rest := buf; ; {
			i := bytes.IndexByte(rest, 0x13)
			if i < 0 {
				break
			}
			rest = rest[i+1:]
			if isDDE(rest) || len(rest) > 1 && rest[0] == 0 && isDDE(lowBytes(rest[1:])) {
				found.add("xfile.active", "DDE field")
			}
		}
		if err != nil {
			if err == io.ErrUnexpectedEOF {
				err = nil
			}
			return ended(err)
		}
		buf = buf[:copy(buf, buf[len(buf)-overlap:])]
	}
}

// isDDE reports a field's instruction of DDE or DDEAUTO.
func isDDE(text []byte) bool {
	text = bytes.TrimLeft(text[:min(len(text), 100)], " \t\r\n\"\xa0")
	if len(text) < 4 || !strings.EqualFold(string(text[:3]), "dde") {
		return false
	}
	return !isWord(text[3]) || len(text) > 7 && strings.EqualFold(string(text[3:7]), "auto")
}

// lowBytes is the low bytes of UTF-16.
func lowBytes(b []byte) []byte {
	var out []byte
	for i := 0; i+1 < len(b) && b[i+1] == 0 && len(out) < 100; i += 2 {
		out = append(out, b[i])
	}
	return out
}

// currentUser judges the stream of that name in a presentation ([MS-PPT]
// 2.3.2): a record's head, a length, then a token.
func (o *ole) currentUser(e *cfbEntry) error {
	data, err := o.begin(e, 16)
	if len(data) == 16 && binary.LittleEndian.Uint32(data[12:]) == 0xf3d1c4df {
		o.encrypted("encrypted presentation")
	}
	return err
}

// powerPoint walks a presentation's records ([MS-PPT] 2.3.1): a word whose low
// four bits are 15 in a container, the type, the length. Embedded OLE files are
// in records 0x1011, deflated behind their length where the word's other bits
// say so; the VBA project is one of them.
func (o *ole) powerPoint(e *cfbEntry) error {
	r := bufio.NewReaderSize(o.stream(e, 0), 32<<10)
	at := int64(0)
	for {
		head, err := r.Peek(8)
		if len(head) < 8 {
			return o.note(ended(err))
		}
		word, kind, n := binary.LittleEndian.Uint16(head), binary.LittleEndian.Uint16(head[2:]), int64(binary.LittleEndian.Uint32(head[4:]))
		r.Discard(8)
		at += 8
		if word&15 == 15 {
			continue // its records follow
		}
		if kind == 0x1011 {
			if err := o.storageRecord(e, word>>4 == 1, at, n); err != nil {
				return err
			}
		}
		if n > e.size-at {
			return nil
		}
		for n > 0 {
			k, err := r.Discard(int(min(n, 1<<20)))
			n -= int64(k)
			at += int64(k)
			if err != nil {
				return o.note(ended(err))
			}
		}
	}
}

// storageRecord yields the OLE file in a record of a presentation.
func (o *ole) storageRecord(e *cfbEntry, packed bool, at, n int64) error {
	child := o.p.Member("object")
	if !packed {
		return o.part(child, e, at, n)
	}
	if err := o.b.Member(); err != nil {
		return err
	}
	child.Open = func() (io.Reader, error) {
		r := io.LimitReader(o.stream(e, at), n)
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return nil, damagedOLE(err)
		}
		z, err := zlib.NewReader(r)
		if err != nil {
			return nil, damagedOLE(err)
		}
		return &oleInflated{r: o.b.Inflate(z, n), want: int64(binary.LittleEndian.Uint32(size[:]))}, nil
	}
	return o.yield(child)
}

// oleInflated turns a decompressor's complaints into flaws.
type oleInflated struct {
	r    io.Reader
	want int64 // complaints after so many bytes are none
}

// Read reads on. QUIRK: old presentations have streams without an end.
func (i *oleInflated) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	i.want -= int64(n)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case err == zlib.ErrChecksum, err == io.ErrUnexpectedEOF && i.want <= 0:
		return n, io.EOF
	}
	return n, damagedOLE(err)
}

func damagedOLE(err error) error { return scan.Damaged(err, "damaged embedded object") }
