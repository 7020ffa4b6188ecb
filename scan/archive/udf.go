package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"qguard/scan"
)

// Descriptor tags, ECMA-167 3/7.2.1 and 4/7.2.1.
const (
	udfAnchor, udfPointer, udfPartition, udfLogical, udfEnd    = 2, 3, 5, 6, 8
	udfFileSet, udfFile, udfFileEntry, udfExtendedFile, udfTag = 256, 257, 261, 266, 16
)

// udfVolume is one logical volume and what its directories hold.
type udfVolume struct {
	*volume
	tree  *tree
	block int64 // bytes in a logical block
	maps  []udfMap
	seen  map[int64]bool // directories walked, by offset of their entries
}

// A udfMap says where a partition's blocks are: in one run, or, for metadata
// (UDF 2.2.10), in the pieces of a file.
type udfMap struct {
	number int
	pieces []piece
	why    string // not empty: the blocks cannot be found
}

// udf adds the files of every logical volume that an anchor leads to.
func (v *volume) udf(t *tree) error {
	done := map[[2]int64]bool{} // sequences of descriptors walked
	seen := map[int64]bool{}
	found := false
	for _, sector := range []int64{2048, 512, 4096, 1024} {
		last := v.raw.Size()/sector - 1
		for _, at := range []int64{256, last - 256, last, 512} {
			h, err := v.record(at*sector, 32)
			if err != nil || !isTag(h, udfAnchor) || u32(h[12:]) != at {
				continue
			}
			for _, e := range [][]byte{h[16:], h[24:]} { // the main and the reserve sequence
				n, start := u32(e), u32(e[4:])*sector
				if done[[2]int64{start, n}] || n == 0 {
					continue
				}
				done[[2]int64{start, n}] = true
				found = true
				if err := v.udfSequence(t, seen, start, n, sector); err != nil {
					v.flaw(err)
				}
			}
		}
	}
	if !found {
		return v.unreadable("no UDF anchor found")
	}
	return v.b.Time()
}

// isTag reports a descriptor's tag with the right checksum.
func isTag(b []byte, id int) bool {
	sum := byte(0)
	for i, c := range b[:udfTag] {
		if i != 4 {
			sum += c
		}
	}
	return u16(b) == id && sum == b[4]
}

// udfSequence reads volume descriptors and walks the logical volumes in them.
func (v *volume) udfSequence(t *tree, seen map[int64]bool, start, n, sector int64) error {
	var partitions, logical [][]byte
	for i, at := 0, start; at < start+n && i < 256; i, at = i+1, at+sector {
		h, err := v.record(at, 512)
		if err != nil {
			return err
		}
		switch {
		case isTag(h, udfPartition):
			partitions = append(partitions, h)
		case isTag(h, udfLogical):
			logical = append(logical, h)
		case isTag(h, udfPointer):
			n, start = u32(h[20:]), u32(h[24:])*sector
			at = start - sector
		case isTag(h, udfEnd):
			at = start + n
		}
	}
	if len(logical) == 0 {
		return v.unreadable("no logical volume found")
	}
	for _, h := range logical {
		u := &udfVolume{volume: v, tree: t, block: u32(h[212:]), seen: seen}
		if u.block < 512 || u.block > 32<<10 || u.block&(u.block-1) != 0 {
			return v.unreadable("impossible block size")
		}
		u.partitions(h, partitions, sector)
		if err := u.fileSet(h[248:264]); err != nil {
			v.flaw(err)
		}
	}
	return nil
}

// partitions reads the partition maps in a logical volume descriptor.
func (u *udfVolume) partitions(h []byte, descriptors [][]byte, sector int64) {
	list := h[440:]
	list = list[:min(int64(len(list)), u32(h[264:]))]
	for len(list) >= 6 && len(u.maps) < 16 {
		size := int(list[1])
		if size < 6 || size > len(list) {
			break
		}
		m := list[:size]
		list = list[size:]
		if m[0] == 1 {
			u.maps = append(u.maps, physical(u16(m[4:]), descriptors, sector))
			continue
		}
		if size < 64 {
			u.maps = append(u.maps, udfMap{why: "unknown partition map"})
			continue
		}
		p := physical(u16(m[38:]), descriptors, sector)
		switch id := string(bytes.TrimRight(m[5:28], "\x00")); id {
		case "*UDF Sparable Partition": // its table moves only what the disk has lost
		case "*UDF Metadata Partition":
			p = u.metadata(p, m)
		case "*UDF Virtual Partition":
			p.why = "blocks of a disc that was written bit by bit cannot be found"
		default:
			p.why = "unknown partition map"
		}
		u.maps = append(u.maps, p)
	}
}

// physical is the run of a partition's descriptor; the last one of a number with
// the greatest sequence number prevails (ECMA-167 3/8.4.3).
func physical(number int, descriptors [][]byte, sector int64) udfMap {
	m := udfMap{number: number, why: "no partition of that number"}
	best := int64(-1)
	for _, h := range descriptors {
		if u16(h[22:]) == number && u32(h[16:]) >= best {
			best = u32(h[16:])
			m.pieces = []piece{{u32(h[188:]) * sector, u32(h[192:]) * sector}}
			m.why = ""
		}
	}
	return m
}

// metadata is a partition whose blocks are those of the metadata file, or of
// its mirror.
func (u *udfVolume) metadata(p udfMap, m []byte) udfMap {
	if p.why != "" {
		return p
	}
	p.why = "no metadata file"
	base := &udfVolume{volume: u.volume, block: u.block, maps: []udfMap{{pieces: p.pieces}}}
	for _, block := range []int64{u32(m[40:]), u32(m[44:])} {
		e, err := base.entry(block, 0)
		if err == nil && len(e.pieces) > 0 && len(e.pieces) < 1<<10 && e.inline == nil {
			return udfMap{number: p.number, pieces: e.pieces}
		}
	}
	return p
}

// locate returns where n bytes from a block of a partition are.
func (u *udfVolume) locate(block int64, partition int, n int64) ([]piece, error) {
	if partition >= len(u.maps) {
		return nil, u.unreadable("no partition of that number")
	}
	m := &u.maps[partition]
	if m.why != "" {
		return nil, u.unreadable(m.why)
	}
	skip := block * u.block
	var out []piece
	for _, p := range m.pieces {
		if skip >= p.n {
			skip -= p.n
			continue
		}
		k := min(n, p.n-skip)
		if p.off >= 0 {
			p.off += skip
		}
		out = append(out, piece{p.off, k})
		n, skip = n-k, 0
		if n == 0 {
			return out, nil
		}
	}
	if n > 0 {
		return nil, u.unreadable("block outside of its partition")
	}
	return out, nil
}

// fileSet walks the tree of the file set descriptor at a long_ad.
func (u *udfVolume) fileSet(ad []byte) error {
	at, err := u.locate(u32(ad[4:]), u16(ad[8:]), 512)
	if err != nil {
		return err
	}
	h, err := u.record(at[0].off, 512)
	if err != nil {
		return err
	}
	if !isTag(h, udfFileSet) {
		return u.unreadable("no file set found")
	}
	return u.directory("", u32(h[404:]), u16(h[408:]), 0)
}

// directory adds the files in the directory whose entry is at a block.
func (u *udfVolume) directory(path string, block int64, partition, depth int) error {
	e, err := u.entry(block, partition)
	if err != nil {
		return err
	}
	if u.seen[e.at] {
		return nil
	}
	u.seen[e.at] = true
	if depth > isoDepth {
		return u.unreadable("directories nested too deep")
	}
	if e.kind != 4 && e.kind != 13 { // directory, stream directory
		return u.unreadable("no directory where one should be")
	}
	if err := u.walk(e.size); err != nil {
		return err
	}
	r := bufio.NewReader(u.read(e.pieces, nil))
	for done := int64(0); done+38 <= e.size; {
		h, err := peek(r, 38)
		if err != nil || !isTag(h, udfFile) {
			return u.unreadable("damaged directory")
		}
		name, skip := int(h[19]), u16(h[36:])
		whole := (38 + skip + name + 3) &^ 3
		flags, where := h[18], u32(h[24:])
		in := u16(h[28:])
		r.Discard(38 + skip)
		id := make([]byte, name)
		if _, err := io.ReadFull(r, id); err != nil {
			return u.unreadable("damaged directory")
		}
		r.Discard(whole - 38 - skip - name)
		done += int64(whole)
		if flags&(4|8) != 0 { // deleted, parent
			continue
		}
		if err := u.link(path+compressedUnicode(id), flags&2 != 0, where, in, depth); err != nil {
			return err
		}
	}
	return nil
}

// peek returns the next n bytes.
func peek(r *bufio.Reader, n int) ([]byte, error) {
	b, err := r.Peek(n)
	return bytes.Clone(b), err
}

// link adds what one file identifier leads to. Damage there does not end the
// directory.
func (u *udfVolume) link(name string, dir bool, block int64, partition, depth int) error {
	if dir {
		u.note(u.directory(name+"/", block, partition, depth+1))
		return u.b.Time()
	}
	e, err := u.entry(block, partition)
	if err != nil {
		u.note(err)
		return u.tree.add([]string{name}, nil, err)
	}
	return u.tree.add([]string{name}, e.pieces, nil)
}

func (u *udfVolume) note(err error) {
	var flaw *scan.Flaw
	if err != nil && (errors.As(err, &flaw) || u.damage == nil) {
		u.flaw(err)
	}
}

// compressedUnicode is a name as OSTA CS0 has it (UDF 2.1.1): bytes or 16-bit
// units, as the first byte says.
func compressedUnicode(id []byte) string {
	if len(id) < 2 {
		return "unnamed"
	}
	if id[0] == 16 || id[0] == 255 {
		return wideName(id[1:], binary.BigEndian.Uint16)
	}
	runes := make([]rune, 0, len(id))
	for _, c := range id[1:] {
		runes = append(runes, rune(c))
	}
	return string(runes)
}
