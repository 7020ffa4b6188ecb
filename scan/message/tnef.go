package message

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"

	"qguard/scan"
)

// TNEF, [MS-OXTNEF]: what Outlook puts into winmail.dat. Behind a signature and
// a key stand attributes: level (1 message, 2 attachment), a number, a length,
// data, a checksum. attAttachRendData begins an attachment; its name and data
// are attributes, or properties in attAttachment ([MS-OXCMAIL], [MS-OXPROPS]),
// or both, and both are read. The message's own properties hold its bodies.
// Checksums are not looked at. A message in a message is TNEF once more.

const tnefSignature = "\x78\x9f\x3e\x22"

func isTNEF(head []byte) bool { return bytes.HasPrefix(head, []byte(tnefSignature)) }

// The attributes read here: the lower half of their numbers, which is unique.
const (
	attAttachRendData          = 0x9002
	attMAPIProps               = 0x9003
	attAttachment              = 0x9005
	attOemCodepage             = 0x9007
	attAttachTransportFilename = 0x9001
	attAttachTitle             = 0x8010
	attAttachData              = 0x800f
	attBody                    = 0x800c
)

// tnef reads one stream.
type tnef struct {
	p      *scan.Part
	b      *scan.Budget
	raw    *io.SectionReader
	yield  func(*scan.Part) error
	inside *scan.Part // what the path of the children starts from
	cp     string     // code page of 8-bit text
	at     tnefFile   // the attachment being read
	flaw   error      // what did not stop the reading
}

// A tnefFile is one attachment.
type tnefFile struct {
	names     []string
	long      []string // the long file name, in its readings
	types     []string
	extension string
	data      []span
}

// openTNEF yields the attachments and the bodies of a TNEF stream.
func openTNEF(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	t := &tnef{p: p, b: b, raw: raw, yield: yield, inside: p}
	if name := "/" + scan.Printable(p.Name(), 100); p.Name() != "" && !strings.HasSuffix(p.Path, name) {
		t.inside = &scan.Part{Path: p.Path + name, Depth: p.Depth, Nest: p.Nest}
	}
	c := &cursor{raw: raw, at: 6, end: raw.Size()}
	for c.more() {
		if err := t.attribute(c); err != nil {
			return err
		}
	}
	if err := t.attachment(); err != nil {
		return err
	}
	if c.err != nil {
		return c.err
	}
	if c.short {
		return errors.Join(t.flaw, &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged TNEF (winmail.dat)"})
	}
	return t.flaw
}

// attribute reads the attribute at c.
func (t *tnef) attribute(c *cursor) error {
	level := c.bytes(1)
	if level[0] != 1 && level[0] != 2 {
		c.padding(level[0])
		return nil
	}
	id := c.u32() & 0xffff
	data := c.span(int64(c.u32()))
	c.skip(2) // checksum
	switch id {
	case attOemCodepage:
		t.cp = codePage(t.sub(data).u32())
	case attAttachRendData:
		return t.attachment()
	case attAttachTitle, attAttachTransportFilename:
		t.at.names = addNames(t.at.names, t.text(data, false)...)
	case attAttachData:
		t.at.data = append(t.at.data, data)
	case attAttachment:
		return t.properties(data, t.attachmentProperty)
	case attMAPIProps:
		var m tnefBody
		if err := t.properties(data, m.property); err != nil {
			return err
		}
		return t.bodies(&m)
	case attBody:
		return t.bodies(&tnefBody{text: data})
	}
	return nil
}

// attachment yields the attachment that has come to its end.
func (t *tnef) attachment() error {
	f := t.at
	t.at = tnefFile{}
	if f.names = addNames(f.long, f.names...); len(f.names) == 0 && len(f.data) == 0 {
		return nil
	}
	if f.extension != "" && f.extension != "." {
		name := "attachment"
		if len(f.names) > 0 {
			name = f.names[0]
		}
		if !strings.HasSuffix(strings.ToLower(name), strings.ToLower(f.extension)) {
			f.names = append(f.names, name+f.extension)
		}
	}
	if len(f.data) == 0 {
		f.data = []span{{}} // the name is judged
	}
	if len(f.names) >= maxNames {
		t.flaw = &scan.Flaw{Rule: "limit.parts", Note: fmt.Sprintf("attachment with %d names or more", maxNames)}
	}
	for _, s := range f.data {
		child := inner(t.inside, "attachment", f.names...)
		child.Types = f.types
		t.bytesOf(child, s)
		if err := t.hand(child); err != nil {
			return err
		}
	}
	return nil
}

// maxNames is how many names an attachment may have; senders write four.
const maxNames = 100

// addNames adds to a list of names; past maxNames they are not kept, which
// attachment says.
func addNames(list []string, names ...string) []string {
	for _, n := range names {
		if n != "" && len(list) < maxNames {
			list = appendNew(list, n)
		}
	}
	return list
}

// bytesOf gives a part a range of the stream.
func (t *tnef) bytesOf(child *scan.Part, s span) {
	child.Raw = io.NewSectionReader(t.raw, s.from, s.to-s.from)
	child.Open = func() (io.Reader, error) { return io.NewSectionReader(child.Raw, 0, child.Raw.Size()), nil }
}

func (t *tnef) hand(child *scan.Part) error {
	if err := t.b.Part(); err != nil {
		return err
	}
	return t.yield(child)
}

// text returns a string value: as the code page or UTF-16 has it and, where
// that makes a difference, its plain bytes. Over 8 KiB the rest is left out.
func (t *tnef) text(s span, utf16 bool) []string {
	value := make([]byte, min(s.to-s.from, 8<<10))
	n, _ := t.raw.ReadAt(value, s.from)
	plain := string(value[:n])
	if utf16 {
		plain, _ = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder().String(plain)
		return nameReadings(strings.TrimRight(plain, "\x00"))
	}
	plain = strings.TrimRight(plain, "\x00")
	var names []string
	if enc := t.charset(); enc != nil {
		if decoded, err := enc.NewDecoder().String(plain); err == nil {
			names = nameReadings(decoded)
		}
	}
	for _, n := range nameReadings(plain) {
		names = appendNew(names, n)
	}
	return names
}

func (t *tnef) charset() encoding.Encoding { return lookup(t.cp) }

// codePage returns the name of a Windows code page for lookup.
func codePage(n uint32) string {
	switch {
	case n == 1200:
		return "utf-16le"
	case n >= 28591 && n <= 28606:
		return "iso-8859-" + strconv.Itoa(int(n)-28590)
	case n == 20866:
		return "koi8-r"
	case n == 21866:
		return "koi8-u"
	case n >= 50220 && n <= 50222:
		return "iso-2022-jp"
	case n == 51932:
		return "euc-jp"
	case n == 10000:
		return "macintosh"
	case n == 54936:
		return "gb18030"
	case n == 65001 || n == 0:
		return "utf-8"
	}
	return fmt.Sprintf("windows-%d", n)
}

func (t *tnef) sub(s span) *cursor { return &cursor{raw: t.raw, at: s.from, end: s.to} }

// cursor reads numbers and ranges one after the other.
type cursor struct {
	raw     *io.SectionReader
	at, end int64
	short   bool  // it ended in the middle of something
	err     error // of the system
	buf     [512]byte
	from    int64 // offset of buf ...
	have    int   // ... and what it holds
}

func (c *cursor) more() bool { return c.err == nil && !c.short && c.at < c.end }

// bytes returns the next n bytes, 16 at most; zeros past the end.
func (c *cursor) bytes(n int) []byte {
	if c.end-c.at < int64(n) {
		c.short, c.at = true, c.end
		return make([]byte, n)
	}
	if c.at < c.from || c.at+int64(n) > c.from+int64(c.have) {
		c.from = c.at
		size := min(int64(len(c.buf)), c.end-c.at)
		got, err := c.raw.ReadAt(c.buf[:size], c.at)
		if c.have = got; got < n {
			c.err, c.short = err, true
			return make([]byte, n)
		}
	}
	i := int(c.at - c.from)
	c.at += int64(n)
	return c.buf[i : i+n]
}

func (c *cursor) u16() uint16 { return binary.LittleEndian.Uint16(c.bytes(2)) }
func (c *cursor) u32() uint32 { return binary.LittleEndian.Uint32(c.bytes(4)) }

// span returns the range of the next n bytes and goes behind it; cut off at the
// end.
func (c *cursor) span(n int64) span {
	s := span{c.at, min(c.at+n, c.end)}
	if s.to-s.from < n {
		c.short = true
	}
	c.at = s.to
	return s
}

// skip goes n bytes on.
func (c *cursor) skip(n int64) { c.span(n) }

// padding takes what is left for blanks, or for damage. QUIRK: senders fill the
// last line.
func (c *cursor) padding(b byte) {
	for n := 0; ; n++ {
		if n > 512 || b != 0 && b != '\r' && b != '\n' && b != ' ' {
			c.short = true
			return
		}
		if c.at == c.end {
			return
		}
		b = c.bytes(1)[0]
	}
}
