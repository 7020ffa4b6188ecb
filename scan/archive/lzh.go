package archive

import (
	"encoding/binary"
	"io"
	"slices"
	"strings"

	"qguard/scan"
)

// isLZH reports the header of an LHA member: a method such as "-lh5-", then, at
// 20, the header's level.
func isLZH(head []byte) bool {
	if len(head) < 21 || head[2] != '-' || head[6] != '-' || head[20] > 3 {
		return false
	}
	family := string(head[3:5])
	return family == "lh" || family == "lz" || family == "pm"
}

// lzhMember is one header.
type lzhMember struct {
	method       string
	packed, size int64
	data         int64 // offset of the packed bytes
	base         []byte
	files, dirs  []string // what extended headers say
}

// openLZH yields the members of an LHA archive (levels 0 to 3; the formats are
// those of LHa for UNIX 1.14i, header.doc.jp).
func openLZH(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("LZH archive", p, b, yield)
	if err != nil {
		return err
	}
	for off := int64(0); ; {
		h, err := v.upTo(off, 1)
		if err != nil {
			return err
		}
		if len(h) == 0 || h[0] == 0 { // QUIRK: some packers leave the last byte out
			return v.damage
		}
		m, err := v.lzhHeader(off)
		if err != nil {
			return err
		}
		m.packed = max(0, m.packed)
		if err := v.lzhMember(m); err != nil {
			return err
		}
		off = m.data + m.packed
	}
}

// lzhHeader reads the header at off.
func (v *volume) lzhHeader(off int64) (*lzhMember, error) {
	h, err := v.record(off, 21)
	if err != nil {
		return nil, err
	}
	if !isLZH(h) {
		return nil, v.unreadable("no header where one should be")
	}
	m := &lzhMember{method: string(h[2:7]), packed: u32(h[7:]), size: u32(h[11:])}
	next, width := int64(0), 2 // the first extended header's length and that number's
	switch h[20] {
	case 0, 1:
		size := 2 + int(h[0])
		h, err = v.record(off, size)
		if err != nil {
			return nil, err
		}
		sum := byte(0)
		for _, c := range h[2:] {
			sum += c
		}
		if sum != h[1] {
			v.broken("wrong checksum")
		}
		if size < 24 || 22+int(h[21])+2 > size {
			return nil, v.unreadable("damaged header")
		}
		m.base = h[22 : 22+int(h[21])]
		m.data = off + int64(size)
		if h[20] == 0 {
			return m, nil
		}
		return m, v.lzhExtended(m, m.data, int64(u16(h[size-2:])), width, m.data+m.packed, true)
	case 2:
		h, err = v.record(off, 26)
		if err != nil {
			return nil, err
		}
		m.data, next = off+int64(u16(h)), int64(u16(h[24:]))
		off += 26
	case 3:
		h, err = v.record(off, 32)
		if err != nil {
			return nil, err
		}
		m.data, next, width = off+u32(h[24:]), u32(h[28:]), 4
		off += 32
	}
	if m.data < off {
		return nil, v.unreadable("damaged header")
	}
	return m, v.lzhExtended(m, off, next, width, m.data, false)
}

// lzhExtended reads the extended headers from off. Each ends in the length of
// the next, which counts itself. In level 1 they are part of the packed bytes.
func (v *volume) lzhExtended(m *lzhMember, off, size int64, width int, end int64, packed bool) error {
	for count := 0; size > 0; count++ {
		if size < int64(width)+1 || size > end-off || size > 1<<16 || count > 100 {
			return v.unreadable("damaged extended header")
		}
		h, err := v.record(off, int(size))
		if err != nil {
			return err
		}
		body := h[1 : size-int64(width)]
		switch h[0] {
		case 1:
			m.files = append(m.files, oldName(body))
		case 2:
			m.dirs = append(m.dirs, lzhPath(oldBytes(body)))
		case 0x42:
			if len(body) >= 16 {
				m.packed = max(0, int64(binary.LittleEndian.Uint64(body)&(1<<62-1)))
				m.size = max(0, int64(binary.LittleEndian.Uint64(body[8:])&(1<<62-1)))
			}
		case 0x44:
			m.files = append(m.files, wideName(body, binary.LittleEndian.Uint16))
		case 0x45:
			m.dirs = append(m.dirs, strings.ReplaceAll(wideName(body, binary.LittleEndian.Uint16), "\uffff", "/"))
		}
		off += size
		if packed {
			m.data += size
			m.packed -= size
		}
		if width == 2 {
			size = int64(u16(h[len(h)-2:]))
		} else {
			size = u32(h[len(h)-4:])
		}
	}
	return nil
}

// oldBytes decodes a path in which 0xff stands between directories.
func oldBytes(raw []byte) string {
	parts := strings.Split(string(raw), "\xff")
	for i, s := range parts {
		parts[i] = oldName([]byte(s))
	}
	return strings.Join(parts, "/")
}

func lzhPath(dir string) string {
	if dir != "" && !strings.HasSuffix(dir, "/") {
		dir += "/"
	}
	return dir
}

// names returns what unpackers make of the names in the headers.
func (m *lzhMember) names() (names []string) {
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) && len(names) < maxNames {
			names = append(names, name)
		}
	}
	dirs := append(slices.Clone(m.dirs), "")
	for _, file := range m.files {
		add(dirs[0] + file)
	}
	for _, file := range m.files {
		for _, dir := range dirs {
			add(dir + file)
		}
	}
	add(oldBytes(m.base))
	return names
}

// lzhMember yields a member.
func (v *volume) lzhMember(m *lzhMember) error {
	names := m.names()
	power, slots, slotBits := 0, 14, 4
	switch m.method {
	case "-lhd-":
		return v.b.Time() // a directory
	case "-lh0-", "-lz4-", "-pm0-":
		return v.member(names, []piece{{m.data, m.packed}})
	case "-lh4-":
		power = 12
	case "-lh5-":
		power = 13
	case "-lh6-":
		power, slots, slotBits = 15, 16, 5
	case "-lh7-":
		power, slots, slotBits = 16, 17, 5
	default:
		if m.data+m.packed > v.raw.Size() {
			v.broken("member cut off")
		}
		return v.closed(names, noData("LZH method %s cannot be read", scan.Printable(m.method, 20)))
	}
	return v.packed(names, piece{m.data, m.packed}, m.size, func(r io.Reader) io.Reader {
		return newLZHuf(r, power, slots, slotBits)
	})
}
