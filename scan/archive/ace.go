package archive

import (
	"encoding/binary"

	"qguard/scan"
)

// isEGG reports an EGG archive's header: version 1.0 behind the magic.
func isEGG(head []byte) bool { return len(head) >= 6 && string(head[4:6]) == "\x00\x01" }

// isZPAQ reports a ZPAQ block without its locator: level 1 or 2, type 1.
func isZPAQ(head []byte) bool {
	return len(head) >= 5 && (head[3] == 1 || head[3] == 2) && head[4] == 1
}

// Block types and flags of ACE 1 and 2 (after the unpacker's headers; no
// specification was published).
const (
	aceMain, aceFile, aceFile64                      = 0, 1, 3
	aceMore, aceWide                                 = 1, 4
	aceContinued, aceGoesOn, acePassword, aceEntries = 1 << 12, 1 << 13, 1 << 14, 1 << 16
)

// openACE yields the members of an ACE archive. Nobody but its maker's unpacker
// reads more than stored ones.
func openACE(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("ACE archive", p, b, yield)
	if err != nil {
		return err
	}
	files := false
	for off, count := int64(0), 0; off < v.raw.Size() && count < aceEntries; count++ {
		h, err := v.record(off, 4)
		if err != nil {
			return err
		}
		n := u16(h[2:])
		if h, err = v.record(off+4, n); err != nil {
			return err
		}
		off += 4 + int64(n)
		if n < 3 {
			return v.unreadable("damaged header")
		}
		kind, flags, more := h[0], u16(h[1:]), int64(0)
		fields := h[3:]
		switch width := aceWidth(kind, flags); {
		case width > len(fields):
			return v.unreadable("damaged header")
		case width == 4:
			more = u32(fields)
		case width == 8:
			more = int64(binary.LittleEndian.Uint64(fields))
		}
		if more < 0 || more > 1<<60 {
			return v.unreadable("damaged header")
		}
		if kind == aceFile || kind == aceFile64 {
			files = true
			if err := v.aceMember(kind, flags, fields, piece{off, more}); err != nil {
				return err
			}
		}
		if more > v.raw.Size()-off {
			v.broken("member cut off")
		}
		off += more
		if err := v.b.Time(); err != nil {
			return err
		}
	}
	if !files {
		v.broken("no member found")
	}
	return v.damage
}

// aceWidth is how many bytes the length of what follows a block takes.
func aceWidth(kind byte, flags int) int {
	switch {
	case flags&aceMore == 0:
		return 0
	case kind == aceFile64 || flags&aceWide != 0 && kind != aceFile && kind != aceMain:
		return 8
	}
	return 4
}

// aceMember yields a member.
func (v *volume) aceMember(kind byte, flags int, fields []byte, p piece) error {
	width := 4
	if kind == aceFile64 {
		width = 8
	}
	// packed and full length, time, attributes, checksum, technique (4), reserved (2)
	fixed := 2*width + 12 + 6
	if flags&aceMore == 0 || len(fields) < fixed+2 {
		return v.unreadable("damaged header")
	}
	method := fields[2*width+12]
	name := fields[fixed+2:]
	names := []string{oldName(name[:min(len(name), u16(fields[fixed:]))])}
	if u32(fields[2*width+4:])&0x10 != 0 { // a directory
		return v.b.Time()
	}
	switch {
	case flags&acePassword != 0:
		return v.closed(names, &scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted ACE member", Grave: nestable(names)})
	case flags&(aceContinued|aceGoesOn) != 0:
		return v.closed(names, noData("ACE member goes on in another volume"))
	case method != 0:
		return v.closed(names, noData("ACE member cannot be unpacked"))
	}
	return v.member(names, []piece{p})
}
