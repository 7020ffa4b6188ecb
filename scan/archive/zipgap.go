package archive

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"qguard/scan"
)

// gaps looks for local headers and directory entries in bytes nothing listed occupies.
func (z *zipFile) gaps(b *scan.Budget) error {
	slices.SortFunc(z.used, func(a, b extent) int { return int(min(1, max(-1, a.from-b.from))) })
	at := int64(0)
	end := z.raw.Size()
	for i, e := range append(slices.Clone(z.used), extent{from: end, to: end}) {
		if err := z.gap(b, at, e.from); err != nil {
			return err
		}
		at = max(at, e.to)
		if e.data == 0 {
			continue
		}
		to := e.to
		if i+1 < len(z.used) {
			to = min(to, z.used[i+1].from)
		}
		if err := z.behind(b, e.data, to); err != nil {
			return err
		}
	}
	return nil
}

// behind looks for local headers in what a deflated member claims to be its own,
// behind the end of its stream: whoever reads the archive from front to back
// finds them there. The end is looked for only where a header could be.
func (z *zipFile) behind(b *scan.Budget, from, to int64) error {
	stop := errors.New("found")
	err := eachMagic(io.NewSectionReader(z.raw, from, max(0, to-from)), localSig, func(int64) error { return stop })
	if err != stop {
		return err
	}
	end, err := z.deflateEnd(from, to)
	if err != nil {
		return err
	}
	return z.gap(b, end, to)
}

// gap walks the headers found between two offsets. Every hit counts as a
// member, so that a file full of signatures costs no more than one of members.
func (z *zipFile) gap(b *scan.Budget, from, to int64) error {
	const window = 64 << 10
	room := make([]byte, max(0, min(window, to-from)))
	for from < to {
		buf := room[:min(window, to-from)]
		if n, err := z.raw.ReadAt(buf, from); n < len(buf) {
			return err
		}
		next := from + max(1, int64(len(buf)-3))
		local, central := -1, -1 // next of each kind
		for i := 0; i+4 <= len(buf); i++ {
			local, central = nextIndex(buf, localSig, local, i), nextIndex(buf, centralSig, central, i)
			i = min(local, central)
			if i+4 > len(buf) {
				break
			}
			find := z.unlisted
			if i == central {
				find = z.foreign
			}
			if err := b.Member(); err != nil {
				return err
			}
			after, err := find(from+int64(i), to)
			if err != nil {
				return err
			}
			if after >= next {
				next = after
				break
			}
			i = int(after-from) - 1
		}
		from = next
	}
	return nil
}

// unlisted adds the member of a local header that no directory lists and
// returns where to look on.
func (z *zipFile) unlisted(off, to int64) (next int64, err error) {
	if off+localLen > to {
		return off + 4, nil
	}
	h, err := z.read(off, localLen)
	if err != nil {
		return 0, err
	}
	m := zipMember{flags: uint16(u16(h[6:])), method: uint16(u16(h[8:])), packed: u32(h[18:]), data: -1}
	if m.method > 99 {
		return off + 4, nil // chance bytes
	}
	if m.flags&8 != 0 && m.packed == 0 {
		m.packed = to - off // the length stands behind the data
	}
	long, err := z.local(&m, off)
	if err != nil {
		return 0, err
	}
	if m.data < 0 {
		return off + 4, nil // cut off in its name
	}
	if long != nil {
		m.packed = long.packed // it did not fit into the header
	}
	room := to - m.data
	sure := m.method == 0 && m.flags&8 == 0 && m.packed < room
	m.packed = max(0, min(m.packed, room))
	z.add(m)
	if sure {
		return m.data + m.packed, nil // a stored archive's members are its own
	}
	return m.data, nil // the length may lie, or cover other members
}

// foreign adds the name in a directory entry of another archive in the file.
func (z *zipFile) foreign(off, to int64) (next int64, err error) {
	if off+centralLen > to {
		return off + 4, nil
	}
	h, err := z.read(off, centralLen)
	if err != nil {
		return 0, err
	}
	name, err := z.read(off+centralLen, int(min(int64(u16(h[28:])), to-off-centralLen)))
	if err != nil {
		return 0, err
	}
	m := zipMember{data: -1}
	m.addName(name)
	known := len(m.names) == 0 || slices.ContainsFunc(z.members, func(have zipMember) bool {
		return slices.Contains(have.names, m.names[0])
	})
	if !known {
		z.add(m)
	}
	return off + centralLen + int64(len(name)), nil
}

// nextIndex returns where sig stands in buf at i or behind, len(buf) when it does
// not; known is what it returned for an earlier i, -1 at first.
func nextIndex(buf []byte, sig string, known, i int) int {
	if known >= i {
		return known
	}
	j := bytes.Index(buf[i:], []byte(sig))
	if j < 0 {
		return len(buf)
	}
	return i + j
}
