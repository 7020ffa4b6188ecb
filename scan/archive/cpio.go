package archive

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"qguard/scan"
)

// cpioHeader is one header, whatever its form.
type cpioHeader struct {
	mode, name, size int64 // name: bytes in it, with a NUL
	length, align    int64 // of the header; what names and data are filled up to
}

// cpioFields reads the header that h begins with: newc and crc (hexadecimal), odc
// (octal), or binary in either byte order, as cpio(5) of BSD has them.
func cpioFields(h []byte) (c cpioHeader, ok bool) {
	number := func(from, n, base int) int64 {
		v, err := strconv.ParseUint(string(h[from:from+n]), base, 40)
		ok = ok && err == nil
		return int64(v)
	}
	ok = true
	switch {
	case len(h) >= 110 && (string(h[:6]) == "070701" || string(h[:6]) == "070702"):
		c = cpioHeader{number(14, 8, 16), number(94, 8, 16), number(54, 8, 16), 110, 4}
	case len(h) >= 76 && string(h[:6]) == "070707":
		c = cpioHeader{number(18, 6, 8), number(59, 6, 8), number(65, 11, 8), 76, 1}
	case len(h) >= 26 && (string(h[:2]) == "\xc7\x71" || string(h[:2]) == "\x71\xc7"):
		var order binary.ByteOrder = binary.LittleEndian
		if h[0] == 0x71 {
			order = binary.BigEndian
		}
		word := func(at int) int64 { return int64(order.Uint16(h[at:])) }
		c = cpioHeader{word(6), word(20), word(22)<<16 | word(24), 26, 2}
	default:
		return c, false
	}
	return c, ok && c.name > 0 && c.name <= 4096
}

// isCpio reports a cpio header. The binary form has a magic of two bytes: its
// mode must be one, and its name end in the one NUL it has.
func isCpio(head []byte) bool {
	c, ok := cpioFields(head)
	if !ok || c.align != 2 {
		return ok
	}
	end := c.length + c.name - 1
	kind := c.mode >> 12
	return (kind == 8 || kind == 4 || kind == 10 || kind == 2 || kind == 6 || kind == 1 || kind == 12) &&
		int64(len(head)) > end && bytes.IndexByte(head[c.length:], 0) == int(c.name-1) && c.name > 1
}

// openCpio yields the members of cpio archives that follow one another.
func openCpio(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("cpio archive", p, b, yield)
	if err != nil {
		return err
	}
	for off := int64(0); ; {
		h, err := v.upTo(off, 110)
		if err != nil {
			return err
		}
		c, ok := cpioFields(h)
		if !ok {
			return v.unreadable("no header where one should be")
		}
		name, err := v.record(off+c.length, int(c.name))
		if err != nil {
			return err
		}
		fill := func(n int64) int64 { return (n + c.align - 1) / c.align * c.align }
		data := off + fill(c.length+c.name)
		next := data + fill(c.size)
		name, _, _ = bytes.Cut(name, []byte{0})
		if string(name) == "TRAILER!!!" {
			if off, err = v.padding(next); err != nil || off == v.raw.Size() {
				return firstError(err, v.damage)
			}
			continue
		}
		if c.mode>>12 != 4 { // a directory
			if err := v.member([]string{oldName(name)}, []piece{{data, c.size}}); err != nil {
				return err
			}
		}
		off = next
	}
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// padding returns the offset of the first byte that is not NUL from off on.
func (v *volume) padding(off int64) (int64, error) {
	for off < v.raw.Size() {
		buf, err := v.upTo(off, 32<<10)
		if err != nil {
			return off, err
		}
		if i := bytes.IndexFunc(buf, func(r rune) bool { return r != 0 }); i >= 0 {
			return off + int64(i), nil
		}
		off += int64(len(buf))
	}
	return v.raw.Size(), nil
}

const arMagic, arHeaderLen = "!<arch>\n", 60

// openAr yields the members of an ar archive as ar(5) of GNU and of BSD have it.
func openAr(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("ar archive", p, b, yield)
	if err != nil {
		return err
	}
	var long []byte // GNU's table of long names
	for off := int64(len(arMagic)); off < v.raw.Size(); {
		h, err := v.record(off, arHeaderLen)
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(h[48:58])), 10, 40)
		if err != nil || size < 0 || string(h[58:]) != "`\n" {
			return v.unreadable("no header where one should be")
		}
		off += arHeaderLen
		data := piece{off, size}
		off += size + size&1
		name := strings.TrimRight(string(h[:16]), " ")
		switch {
		case name == "//":
			if long, err = v.upTo(data.off, int(min(size, 1<<20))); err != nil {
				return err
			}
			continue
		case name == "/" || name == "/SYM64/" || strings.HasPrefix(name, "__.SYMDEF"):
			continue // which member has which symbol
		}
		if name, data, err = v.arName(name, long, data); err != nil {
			return err
		}
		if err := v.member([]string{name}, []piece{data}); err != nil {
			return err
		}
	}
	return v.damage
}

// arName returns the name behind "/123" (in GNU's table) or "#1/20" (BSD: before
// the data), and where the data then begins.
func (v *volume) arName(name string, long []byte, data piece) (string, piece, error) {
	if n, err := strconv.Atoi(strings.TrimPrefix(name, "/")); err == nil && name[0] == '/' {
		if n < 0 || n >= len(long) {
			return name, data, v.broken("name outside of the table")
		}
		s, _, _ := strings.Cut(string(long[n:min(len(long), n+4096)]), "\n")
		return oldName([]byte(strings.TrimSuffix(s, "/"))), data, nil
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(name, "#1/")); err == nil && strings.HasPrefix(name, "#1/") {
		if n < 0 || n > 4096 || int64(n) > data.n {
			return name, data, v.broken("damaged name")
		}
		raw, err := v.record(data.off, n)
		return oldName(bytes.TrimRight(raw, "\x00")), piece{data.off + int64(n), data.n - int64(n)}, err
	}
	return oldName([]byte(strings.TrimSuffix(name, "/"))), data, nil
}
