package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"qguard/scan"
)

// Record lengths and signatures, APPNOTE.TXT 4.3.
const (
	localSig, localLen     = "PK\x03\x04", 30
	centralSig, centralLen = "PK\x01\x02", 46
	endSig, endLen         = "PK\x05\x06", 22
	end64Sig, end64Len     = "PK\x06\x06", 56

	locator64Sig, locator64Len = "PK\x06\x07", 20
)

// isZIP reports a local header, an empty archive's end record, or the marks of
// an archive split or once meant to be split.
func isZIP(head []byte) bool {
	for _, sig := range []string{localSig, endSig, "PK\x07\x08PK\x03\x04", "PK00PK\x03\x04"} {
		if bytes.HasPrefix(head, []byte(sig)) {
			return true
		}
	}
	return false
}

// zipFile is one ZIP archive, or what calls itself one.
type zipFile struct {
	raw     *io.SectionReader
	b       *scan.Budget
	members []zipMember
	used    []extent    // bytes that listed members and the directory occupy
	busy    []io.Reader // decompressors of the member the walk is at
	idle    []io.Reader // decompressors that are not in use
}

// A zipMember is what the two headers of a member say. Unpackers differ on
// which one they believe, so both names count.
type zipMember struct {
	names        []string
	flags        uint16
	method       uint16
	data, packed int64 // offset and length of the packed bytes; data < 0: unknown
	size         int64 // unpacked, as a header says
}

// An extent is bytes that belong to something listed. data is where a deflated
// member's packed bytes begin, 0 for anything else.
type extent struct{ from, to, data int64 }

// openZIP yields every member that the central directory lists and every
// member whose local header stands where nothing listed does: archives joined
// end to end, hidden members, archives without a directory.
func openZIP(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if ok, err := hasZIP(p); !ok {
		return err
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	return openZIPAt(p, raw, b, yield)
}

// openZIPAt reads the archive somewhere in raw.
func openZIPAt(p *scan.Part, raw *io.SectionReader, b *scan.Budget, yield func(*scan.Part) error) error {
	z := &zipFile{raw: raw, b: b}
	flaw := z.central(b)
	if err := z.gaps(b); err != nil {
		flaw = err // a limit, or trouble of the system
	} else if len(z.members) == 0 && len(z.used) == 0 {
		flaw = &scan.Flaw{Rule: "xfile.unreadable", Note: "not a ZIP archive, though called one"}
	}
	for i := range z.members {
		m := &z.members[i]
		if err := b.Claim(m.size); err != nil {
			flaw = errors.Join(flaw, err)
		}
		child := p.Member(m.names...)
		room := &room{b: b}
		child.Open = func() (io.Reader, error) { return z.open(m, room) }
		if m.method == 0 && m.flags&1 == 0 && m.data >= 0 {
			child.Raw = io.NewSectionReader(raw, m.data, m.packed)
		}
		err := yield(child)
		room.free()
		z.idle, z.busy = append(z.idle, z.busy...), z.busy[:0]
		if err != nil {
			return err
		}
	}
	return flaw
}

// central reads the directory that the last end record points to. An archive
// without one has no listed members.
func (z *zipFile) central(b *scan.Budget) error {
	e, err := z.end()
	if err != nil {
		return err
	}
	shift := int64(0) // bytes put before the archive move every offset
	start := e.start
	if e.stop >= e.size && z.is(e.stop-e.size, centralSig) {
		start = e.stop - e.size
		shift = start - e.start
	}
	z.used = append(z.used, extent{from: e.at, to: e.at + endLen})
	off := start
	for ; e.count > 0 && off+centralLen <= e.stop && z.is(off, centralSig); e.count-- {
		h, err := z.read(off, centralLen)
		if err != nil {
			return err
		}
		name, extra, comment := u16(h[28:]), u16(h[30:]), u16(h[32:])
		tail, err := z.read(off+centralLen, name+extra)
		if err != nil {
			return err
		}
		m := zipMember{flags: uint16(u16(h[8:])), method: uint16(u16(h[10:])), packed: u32(h[20:]), data: -1}
		local := u32(h[42:])
		m.size, m.packed, local = zip64(tail[name:], u32(h[24:]), m.packed, local)
		m.addName(tail[:name])
		m.addUnicode(tail[name:])
		if err := b.Member(); err != nil {
			return err
		}
		if z.is(local+shift, localSig) {
			local += shift
		}
		other, err := z.local(&m, local)
		if err != nil {
			return err
		}
		z.add(m)
		if other != nil {
			z.add(*other)
		}
		end := off + centralLen + int64(name+extra+comment)
		z.used = append(z.used, extent{from: off, to: end})
		off = end
	}
	if e.count > 0 && (z.is(start, "PK\x06\x08") || e.hidden) {
		return &scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted ZIP directory, names too", Grave: true}
	}
	if e.count > 0 {
		return &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged archive: the directory lists more members than it holds"}
	}
	return nil
}

// endRecord is what an end record says of the directory.
type endRecord struct {
	at                 int64 // offset of the record
	start, size, count int64 // of the directory: offset, bytes, entries
	stop               int64 // where the directory must end at the latest
	hidden             bool  // the directory is encrypted (APPNOTE.TXT 7.3.4)
}

// end finds the last end record.
func (z *zipFile) end() (e endRecord, err error) {
	size := z.raw.Size()
	n := min(size, endLen+1<<16-1)
	tail, err := z.read(size-n, int(n))
	if err != nil {
		return e, err
	}
	i := bytes.LastIndex(tail[:max(0, len(tail)-endLen+len(endSig))], []byte(endSig))
	if i < 0 {
		return e, &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged archive: no end record"}
	}
	e.at = size - n + int64(i)
	e.stop = e.at
	e.count, e.size, e.start = int64(u16(tail[i+10:])), u32(tail[i+12:]), u32(tail[i+16:])
	if e.start != 1<<32-1 && e.size != 1<<32-1 && e.count != 1<<16-1 {
		return e, nil
	}
	l, err := z.read(e.at-locator64Len, locator64Len)
	if err != nil || string(l[:4]) != locator64Sig {
		return e, nil // a large number, not a mark
	}
	// Bytes put before the archive move the record too.
	for _, at := range []int64{int64(binary.LittleEndian.Uint64(l[8:])), e.at - locator64Len - end64Len} {
		h, err := z.read(at, end64Len)
		if err != nil || string(h[:4]) != end64Sig {
			continue
		}
		e.stop = at
		e.hidden = h[12] >= 62 && binary.LittleEndian.Uint64(h[4:]) >= end64Len-12+28
		e.count = max(0, int64(binary.LittleEndian.Uint64(h[32:])))
		e.size = max(0, int64(binary.LittleEndian.Uint64(h[40:])))
		e.start = max(0, int64(binary.LittleEndian.Uint64(h[48:])))
		break
	}
	return e, nil
}

// local reads the local header at off, when there is one, into m. other is the
// member as this header has it, where that is other bytes.
func (z *zipFile) local(m *zipMember, off int64) (other *zipMember, err error) {
	if !z.is(off, localSig) {
		return nil, nil
	}
	h, err := z.read(off, localLen)
	if err != nil {
		return nil, nil // cut off: the member has a name and no data
	}
	name, extra := u16(h[26:]), u16(h[28:])
	tail, err := z.read(off+localLen, name+extra)
	if err != nil {
		return nil, nil
	}
	m.addName(tail[:name])
	m.addUnicode(tail[name:])
	m.data = off + localLen + int64(name+extra)
	m.packed = max(0, min(m.packed, z.raw.Size()-m.data))

	o := zipMember{flags: uint16(u16(h[6:])), method: uint16(u16(h[8:])), packed: u32(h[18:]), data: m.data}
	o.size, o.packed, _ = zip64(tail[name:], u32(h[22:]), o.packed, 0)
	if o.flags&8 != 0 || o.packed == 0 { // the length stands behind the data
		o.packed, o.size = m.packed, m.size
	}
	o.packed = max(0, min(o.packed, z.raw.Size()-m.data))
	used := extent{from: off, to: m.data + min(m.packed, o.packed)}
	if m.method == deflated && (m.flags|o.flags)&1 == 0 {
		used.data = m.data
	}
	z.used = append(z.used, used)
	if o.method == m.method && o.flags&1 == m.flags&1 && o.packed == m.packed {
		return nil, nil
	}
	o.names = m.names
	return &o, nil
}

// add keeps a member unless it is a directory: names that end in a slash and no
// data.
func (z *zipFile) add(m zipMember) {
	if len(m.names) == 0 {
		m.names = []string{"unnamed"}
	}
	isFile := func(name string) bool { return !strings.HasSuffix(name, "/") }
	if m.packed == 0 && !slices.ContainsFunc(m.names, isFile) {
		return
	}
	z.members = append(z.members, m)
}
