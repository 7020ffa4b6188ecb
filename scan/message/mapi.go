package message

import (
	"encoding/binary"
	"io"
	"strings"

	"qguard/scan"
)

// Property numbers, [MS-OXPROPS].
const (
	propBody          = 0x1000
	propRTF           = 0x1009
	propHTML          = 0x1013
	propDisplayName   = 0x3001
	propAttachData    = 0x3701
	propAttachExt     = 0x3703
	propAttachName    = 0x3704
	propAttachLong    = 0x3707
	propAttachPath    = 0x3708
	propAttachTransp  = 0x370c
	propAttachLongPth = 0x370d
	propAttachMIME    = 0x370e
	propInternetCP    = 0x3fde
)

// Property types, [MS-OXCDATA] 2.11.1.
const (
	typeString  = 0x001e
	typeUnicode = 0x001f
	typeObject  = 0x000d
	typeBinary  = 0x0102
	typeMany    = 0x1000 // a flag: several values
)

// A property is one value: of variable length in the stream, or a number.
type property struct {
	id, kind uint16
	value    span
	number   uint32
}

// properties reads a list of properties ([MS-OXTNEF] 2.1.3.4) and gives those
// below 0x8000, which have no name of their own, to take.
func (t *tnef) properties(list span, take func(property)) error {
	c := t.sub(list)
	for n := c.u32(); n > 0 && c.more(); n-- {
		p := property{kind: c.u16(), id: c.u16()}
		if p.id >= 0x8000 {
			c.skip(16) // name space
			if c.u32() == 1 {
				c.skip(padded(c.u32()))
			} else {
				c.skip(4)
			}
		}
		if !t.values(c, p, take) {
			c.short = true
		}
		if err := t.b.Time(); err != nil {
			return err
		}
	}
	if c.err != nil {
		return c.err
	}
	if c.short && c.end < t.raw.Size() { // else the stream itself is cut off, which is said once
		t.flaw = &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged property list in TNEF"}
	}
	return nil
}

// values reads the values of a property; false: its type is unknown.
func (t *tnef) values(c *cursor, p property, take func(property)) bool {
	size := fixedSize(p.kind &^ typeMany)
	many := uint32(1)
	if size == 0 || p.kind&typeMany != 0 {
		many = c.u32()
	}
	switch kind := p.kind &^ typeMany; {
	case size > 0 && many == 1:
		p.number = binary.LittleEndian.Uint32(c.bytes(size))
		take(p)
	case size > 0:
		c.skip(int64(many) * int64(size))
	case kind != typeString && kind != typeUnicode && kind != typeObject && kind != typeBinary:
		return false
	default:
		for ; many > 0 && c.more(); many-- {
			n := c.u32()
			whole := c.span(padded(n))
			p.value = span{whole.from, min(whole.from+int64(n), whole.to)}
			take(p)
		}
	}
	return true
}

// padded is a length with the bytes that fill its last word.
func padded(n uint32) int64 { return (int64(n) + 3) &^ 3 }

// fixedSize is how many bytes a value takes in the list, 0 for other types.
func fixedSize(kind uint16) int {
	switch kind {
	case 0x0001, 0x0002, 0x0003, 0x0004, 0x000a, 0x000b: // null, numbers, error, boolean
		return 4
	case 0x0005, 0x0006, 0x0007, 0x0014, 0x0040: // double, currency, dates, integer
		return 8
	case 0x0048: // class identifier
		return 16
	}
	return 0
}

// attachmentProperty takes a property of an attachment.
func (t *tnef) attachmentProperty(p property) {
	f := &t.at
	if p.kind == typeString || p.kind == typeUnicode {
		text := t.text(p.value, p.kind == typeUnicode)
		switch p.id {
		case propAttachLong:
			f.long = addNames(f.long, text...)
		case propAttachName, propDisplayName, propAttachPath, propAttachTransp, propAttachLongPth:
			f.names = addNames(f.names, text...)
		case propAttachExt:
			if len(text) > 0 {
				f.extension = text[0]
			}
		case propAttachMIME:
			if len(text) > 0 {
				f.types = []string{strings.ToLower(text[0])}
			}
		}
		return
	}
	if p.id != propAttachData || p.value.to == p.value.from {
		return
	}
	if p.kind == typeObject { // the identifier of its interface stands before it
		p.value.from = min(p.value.from+16, p.value.to)
	}
	f.data = append(f.data, p.value)
}

// tnefBody is the text of a message in its forms.
type tnefBody struct {
	text, html, rtf span
	wide            bool   // text is UTF-16
	wideHTML        bool   // so is html
	cp              uint32 // code page of html
}

func (m *tnefBody) property(p property) {
	switch p.id {
	case propBody:
		m.text, m.wide = p.value, p.kind == typeUnicode
	case propHTML:
		m.html, m.wideHTML = p.value, p.kind == typeUnicode
	case propRTF:
		m.rtf = p.value
	case propInternetCP:
		m.cp = p.number
	}
}

// bodies yields the forms that are there, as parts without names.
func (t *tnef) bodies(m *tnefBody) error {
	charset := func(wide bool, cp string) string {
		if wide {
			return "utf-16le"
		}
		return cp
	}
	if m.text.to > m.text.from {
		if err := t.body(m.text, "text/plain", charset(m.wide, t.cp)); err != nil {
			return err
		}
	}
	if m.html.to > m.html.from {
		cp := t.cp
		if m.cp != 0 {
			cp = codePage(m.cp)
		}
		if err := t.body(m.html, "text/html", charset(m.wideHTML, cp)); err != nil {
			return err
		}
	}
	if m.rtf.to == m.rtf.from {
		return nil
	}
	child := inner(t.inside, "body")
	child.Types = []string{"application/rtf"}
	packed := io.NewSectionReader(t.raw, m.rtf.from, m.rtf.to-m.rtf.from)
	child.Open = func() (io.Reader, error) {
		r, err := newRTF(io.NewSectionReader(packed, 0, packed.Size()))
		if err != nil {
			return nil, err
		}
		return t.b.Inflate(r, packed.Size()), nil
	}
	return t.hand(child)
}

func (t *tnef) body(s span, mediaType, charset string) error {
	child := inner(t.inside, "body")
	child.Types = []string{mediaType}
	t.bytesOf(child, s)
	child.Text = func() (io.Reader, error) {
		r, err := child.Open()
		if err != nil {
			return nil, err
		}
		return toUTF8(r, charset), nil
	}
	return t.hand(child)
}
