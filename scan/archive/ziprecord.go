package archive

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"qguard/scan"
)

// addName keeps a name as UTF-8. Names without the UTF-8 flag are code page
// 437 (APPNOTE.TXT D.1), in practice often UTF-8 all the same.
func (m *zipMember) addName(raw []byte) {
	name := string(raw)
	if !utf8.ValidString(name) {
		if s, err := charmap.CodePage437.NewDecoder().String(name); err == nil {
			name = s
		}
	}
	if name != "" && !slices.Contains(m.names, name) {
		m.names = append(m.names, name)
	}
}

// addUnicode keeps the name of a Unicode path extra field (APPNOTE.TXT 4.6.9).
func (m *zipMember) addUnicode(extra []byte) {
	eachExtra(extra, func(id int, data []byte) {
		if id == 0x7075 && len(data) > 5 {
			m.addName(data[5:])
		}
	})
}

// zip64 replaces lengths and offsets that did not fit (APPNOTE.TXT 4.5.3).
func zip64(extra []byte, size, packed, local int64) (realSize, realPacked, realLocal int64) {
	eachExtra(extra, func(id int, data []byte) {
		if id != 1 {
			return
		}
		for _, v := range []*int64{&size, &packed, &local} {
			if *v == 1<<32-1 && len(data) >= 8 {
				*v = int64(binary.LittleEndian.Uint64(data) & (1<<62 - 1))
				data = data[8:]
			}
		}
	})
	return size, packed, local
}

func eachExtra(extra []byte, do func(id int, data []byte)) {
	for len(extra) >= 4 {
		id, n := u16(extra), u16(extra[2:])
		extra = extra[4:]
		n = min(n, len(extra))
		do(id, extra[:n])
		extra = extra[n:]
	}
}

// read returns n bytes at off; fewer are an error.
func (z *zipFile) read(off int64, n int) ([]byte, error) {
	if off < 0 || off > z.raw.Size()-int64(n) {
		return nil, &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged archive: cut off"}
	}
	buf := make([]byte, n)
	if n == 0 {
		return buf, nil
	}
	got, err := z.raw.ReadAt(buf, off)
	if got < n {
		return nil, err
	}
	return buf, nil
}

// is reports whether a signature stands at off.
func (z *zipFile) is(off int64, sig string) bool {
	b, err := z.read(off, len(sig))
	return err == nil && string(b) == sig
}

func u16(b []byte) int   { return int(binary.LittleEndian.Uint16(b)) }
func u32(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) }
