package archive

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"qguard/scan"
)

// list walks the headers. What it returns is why they end too early.
func (a *rarFile) list() error {
	h := make([]byte, 8)
	n, err := a.raw.ReadAt(h, 0)
	if n < 7 {
		return cutOff(err)
	}
	if h[6] == 0 {
		return a.list4(7)
	}
	if n < 8 || h[6] != 1 || h[7] != 0 {
		return unreadable("RAR version cannot be read")
	}
	return a.list5(8)
}

var errRARHidden = &scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted RAR archive, names too", Grave: true}

func cutOff(err error) error {
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		return unreadable("damaged archive: cut off")
	}
	return err
}

// more counts a header, and ends a walk of too many.
func (a *rarFile) more() error {
	if len(a.members) > a.b.Limit.Members {
		return &scan.Flaw{Rule: "limit.parts", Note: fmt.Sprintf("more than %d archive members", a.b.Limit.Members)}
	}
	return a.b.Time()
}

// list4 walks the blocks of versions 1.5 to 4 (technote.txt of RAR 4).
func (a *rarFile) list4(at int64) error {
	const (
		main, file, service, end = 0x73, 0x74, 0x7a, 0x7b
		hasData                  = 0x8000
		headersEncrypted         = 0x80
	)
	old := false // versions before 3 have no block at the end
	for !old || at < a.raw.Size() {
		if err := a.more(); err != nil {
			return err
		}
		h := make([]byte, 7)
		if _, err := a.raw.ReadAt(h, at); err != nil {
			return cutOff(err)
		}
		kind, flags, size := h[2], u16(h[3:]), int64(u16(h[5:]))
		if size < 7 || a.start == 0 && kind != main {
			return unreadable("damaged archive: RAR block")
		}
		block := make([]byte, size)
		if _, err := a.raw.ReadAt(block, at); err != nil {
			return cutOff(err)
		}
		r := &bytesReader{b: block[7:]}
		next := at + size
		switch kind {
		case main:
			a.start = next
			if flags&headersEncrypted != 0 {
				return errRARHidden
			}
		case file, service:
			m, names := member4(r, flags)
			if r.bad {
				return unreadable("damaged archive: RAR file header")
			}
			m.at, m.data = at, next
			if kind == file {
				a.add(m, names...)
				old = m.version < 29
			}
			if m.packed > a.raw.Size()-m.data {
				return unreadable("damaged archive: cut off")
			}
			next += m.packed
		case end:
			return nil
		default:
			if flags&hasData != 0 {
				next += int64(r.u32())
			}
		}
		at = next
	}
	return nil
}

// member4 reads a file header behind its first seven bytes.
func member4(r *bytesReader, flags int) (m rarMember, names []string) {
	const (
		before, after, encrypted, solid = 0x01, 0x02, 0x04, 0x10
		dict, large, unicode            = 0xe0, 0x100, 0x200
		stored                          = 0x30
	)
	packed, size := uint64(r.u32()), uint64(r.u32())
	r.bytes(1 + 4 + 4) // system, sum, time
	m.version = r.byte()
	m.stored = r.byte() == stored
	length := r.u16()
	r.u32()
	unknown := size == 1<<32-1
	if flags&large != 0 {
		packed |= uint64(r.u32()) << 32
		size |= uint64(r.u32()) << 32
		unknown = size == 1<<64-1
	}
	name := r.bytes(uint64(length))
	m.packed, m.size = int64(min(packed, 1<<62)), int64(min(size, 1<<62))
	if unknown {
		m.size = -1
	}
	m.encrypted = flags&encrypted != 0
	m.split = flags&(before|after) != 0
	m.solid = flags&solid != 0
	m.folder = flags&dict == dict
	m.dict = 64 << 10 << (flags & dict >> 5)
	plain, coded, both := strings.Cut(string(name), "\x00")
	names = append(names, oem(plain), unversioned(oem(plain)))
	if flags&unicode != 0 && both {
		wide := rarWideName(plain, []byte(coded))
		names = append([]string{wide, unversioned(wide)}, names...)
	}
	return m, names
}

// oem is a name as UTF-8: it is that already, or of code page 437.
func oem(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	s, err := charmap.CodePage437.NewDecoder().String(name)
	if err != nil {
		return name
	}
	return s
}

// unversioned is a name without the number that a kept older version has.
func unversioned(name string) string {
	i := strings.LastIndexByte(name, ';')
	if i <= 0 || i == len(name)-1 || strings.Trim(name[i+1:], "0123456789") != "" {
		return name
	}
	return name[:i]
}

// rarWideName decodes the UTF-16 name that is packed behind the plain one: two bits
// for each character say whether it has no, the common, or its own high byte,
// or repeats the plain name.
func rarWideName(plain string, coded []byte) string {
	r := &bytesReader{b: coded}
	high := uint16(r.byte()) << 8
	var out []uint16
	var flags byte
	for left := 0; len(r.b) > 0 && len(out) < 1<<16; left -= 2 {
		if left == 0 {
			flags, left = r.byte(), 8
		}
		switch flags >> 6 {
		case 0:
			out = append(out, uint16(r.byte()))
		case 1:
			out = append(out, uint16(r.byte())|high)
		case 2:
			out = append(out, r.u16())
		case 3:
			n := int(r.byte())
			correction, top := byte(0), uint16(0)
			if n&0x80 != 0 {
				correction, top = r.byte(), high
			}
			for n = n&0x7f + 2; n > 0 && len(out) < len(plain); n-- {
				out = append(out, uint16(plain[len(out)]+correction)|top)
			}
		}
		flags <<= 2
	}
	return string(utf16.Decode(out))
}

// list5 walks the blocks of version 5 (RAR 5.0 archive format).
func (a *rarFile) list5(at int64) error {
	const (
		main, file, encryption, end      = 1, 2, 4, 5
		hasExtra, hasData, before, after = 1, 2, 8, 16
		largest                          = 2 << 20 // header
	)
	for {
		if err := a.more(); err != nil {
			return err
		}
		h := make([]byte, min(4+3, max(0, a.raw.Size()-at)))
		if _, err := a.raw.ReadAt(h, at); err != nil || len(h) < 4+3 {
			return cutOff(err)
		}
		r := &bytesReader{b: h[4:]}
		size := r.varint()
		if r.bad || size == 0 || size > largest {
			return unreadable("damaged archive: RAR block")
		}
		from := at + 4 + int64(3-len(r.b))
		block := make([]byte, min(int64(size), max(0, a.raw.Size()-from)))
		if _, err := a.raw.ReadAt(block, from); err != nil || len(block) < int(size) {
			return cutOff(err)
		}
		r = &bytesReader{b: block}
		kind, flags := r.varint(), r.varint()
		extra, data := uint64(0), uint64(0)
		if flags&hasExtra != 0 {
			extra = r.varint()
		}
		if flags&hasData != 0 {
			data = r.varint()
		}
		m := rarMember{at: at, data: from + int64(size), packed: int64(min(data, 1<<62)), split: flags&(before|after) != 0}
		if a.start == 0 && kind != main && kind != encryption {
			return unreadable("damaged archive: RAR block")
		}
		switch kind {
		case main:
			a.start = m.data
		case encryption:
			return errRARHidden
		case file:
			name := m.read5(r, extra)
			if r.bad {
				return unreadable("damaged archive: RAR file header")
			}
			a.add(m, name)
		case end:
			return nil
		}
		if m.packed > a.raw.Size()-m.data {
			return unreadable("damaged archive: cut off")
		}
		at = m.end(a.raw.Size())
	}
}

// read5 reads what is special to a file header, and looks through its extra
// records for encryption.
func (m *rarMember) read5(r *bytesReader, extra uint64) (name string) {
	const (
		folder, hasTime, hasSum, noSize = 1, 2, 4, 8
		solid, method                   = 0x40, 0x380
		encrypted                       = 1
	)
	if extra > uint64(len(r.b)) {
		r.bad = true
		return ""
	}
	records := &bytesReader{b: r.b[len(r.b)-int(extra):]}
	r.b = r.b[:len(r.b)-int(extra)]
	flags := r.varint()
	m.size = int64(min(r.varint(), 1<<62))
	r.varint()
	if flags&hasTime != 0 {
		r.u32()
	}
	if flags&hasSum != 0 {
		r.u32()
	}
	compression := r.varint()
	r.varint()
	name = string(r.bytes(r.varint()))
	if flags&noSize != 0 {
		m.size = -1
	}
	m.folder = flags&folder != 0
	m.solid = compression&solid != 0
	m.stored = compression&method == 0
	m.dict = 128 << 10 << (compression >> 10 & 31)
	if m.dict <= 0 || m.dict > 1<<40 {
		m.dict = 1 << 40
	}
	for len(records.b) > 0 {
		rec := &bytesReader{b: records.bytes(records.varint())}
		if len(rec.b) > 0 && rec.varint() == encrypted {
			m.encrypted = true
		}
	}
	return name
}
