package archive

import (
	"encoding/binary"
	"io"

	"qguard/scan"
)

// blockMap shows the blocks of a virtual disk in the order of the disk; those
// that are nowhere are zeros.
type blockMap struct {
	raw   io.ReaderAt
	block int64
	at    []int64 // of each block; -1 = nowhere
}

func (m *blockMap) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		i := off + int64(n)
		k := int(min(int64(len(p)-n), m.block-i%m.block))
		if i/m.block >= int64(len(m.at)) || i < 0 {
			return n, io.EOF
		}
		at := m.at[i/m.block]
		if at < 0 {
			clear(p[n : n+k])
			n += k
			continue
		}
		got, err := m.raw.ReadAt(p[n:n+k], at+i%m.block)
		n += got
		if got < k {
			return n, outside(err)
		}
	}
	return n, nil
}

// outside makes the end of the file, met inside a view of it, damage.
func outside(err error) error {
	if err == io.EOF {
		return noData("disk image: block outside of the file")
	}
	return err
}

// maxBlocks is how many blocks a virtual disk's table may have: a disk of 2 TB in
// blocks of 2 MB.
const maxBlocks = 1 << 20

// openVHD yields the files of a dynamic VHD (Virtual Hard Disk Image Format
// Specification 1.0).
func openVHD(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("VHD image", p, b, yield)
	if err != nil {
		return err
	}
	h, err := v.record(0, 512)
	if err != nil {
		return err
	}
	if kind := binary.BigEndian.Uint32(h[60:]); kind != 3 {
		return v.unreadable("differs from another, or of no known kind")
	}
	size := int64(binary.BigEndian.Uint64(h[48:]))
	d, err := v.record(int64(binary.BigEndian.Uint64(h[16:])&(1<<62-1)), 1024)
	if err != nil {
		return err
	}
	if string(d[:8]) != "cxsparse" {
		return v.unreadable("no header of a dynamic disk")
	}
	table, count := int64(binary.BigEndian.Uint64(d[16:])&(1<<62-1)), int64(binary.BigEndian.Uint32(d[28:]))
	block := int64(binary.BigEndian.Uint32(d[32:]))
	if block < 512 || block&(block-1) != 0 || count > maxBlocks || size < 0 || size > count*block {
		return v.unreadable("impossible block table")
	}
	release, err := b.Hold(count * 12)
	if err != nil {
		return err
	}
	defer release()
	list, err := v.record(table, int(count)*4)
	if err != nil {
		return err
	}
	bitmap := (block/512/8 + 511) / 512 * 512
	m := &blockMap{raw: v.raw, block: block, at: make([]int64, count)}
	for i := range m.at {
		m.at[i] = -1
		if sector := binary.BigEndian.Uint32(list[i*4:]); sector != 1<<32-1 {
			m.at[i] = int64(sector)*512 + bitmap
		}
	}
	return v.within(v.kind, io.NewSectionReader(m, 0, size), true).disk()
}

// The GUIDs of [MS-VHDX] 2.2.3 and 2.6.2, as they stand in the file.
const (
	vhdxTable    = "\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08"
	vhdxMetadata = "\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e"
	vhdxFile     = "\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b"
	vhdxSize     = "\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8"
	vhdxSector   = "\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f"
)

// openVHDX yields the files of a VHDX. One whose log was not played back cannot
// be read, nor one that differs from another.
func openVHDX(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("VHDX image", p, b, yield)
	if err != nil {
		return err
	}
	for _, at := range []int64{64 << 10, 128 << 10} { // the two headers
		h, err := v.record(at, 64)
		if err != nil {
			return err
		}
		if string(h[:4]) == "head" && !blank(h[48:64]) {
			return v.unreadable("log not played back")
		}
	}
	regions, err := v.vhdxEntries(192<<10, "regi", 8, 16)
	if err != nil {
		return err
	}
	table, where := regions[vhdxTable], regions[vhdxMetadata]
	if table == nil || where == nil {
		return v.unreadable("no block table")
	}
	meta := int64(binary.LittleEndian.Uint64(where) & (1<<62 - 1))
	items, err := v.vhdxEntries(meta, "meta", 10, 32)
	if err != nil {
		return err
	}
	value := func(id string) int64 {
		e := items[id]
		if e == nil {
			return 0
		}
		h, err := v.record(meta+u32(e), 8)
		if err != nil {
			return 0
		}
		return int64(binary.LittleEndian.Uint64(h))
	}
	file, size, sector := value(vhdxFile), value(vhdxSize), value(vhdxSector)&(1<<32-1)
	block := file & (1<<32 - 1)
	if file>>33&1 != 0 {
		return v.unreadable("differs from another")
	}
	if block < 1<<20 || block > 256<<20 || block&(block-1) != 0 || sector != 512 && sector != 4096 || size <= 0 || size > block*maxBlocks {
		return v.unreadable("impossible block size")
	}
	count := (size + block - 1) / block
	release, err := b.Hold(count * 16)
	if err != nil {
		return err
	}
	defer release()
	m := &blockMap{raw: v.raw, block: block}
	if m.at, err = v.vhdxBlocks(int64(binary.LittleEndian.Uint64(table)&(1<<62-1)), count, (1<<23)*sector/block); err != nil {
		return err
	}
	return v.within(v.kind, io.NewSectionReader(m, 0, size), true).disk()
}

// vhdxEntries reads a table of entries that begin with a GUID; each is returned
// without it.
func (v *volume) vhdxEntries(at int64, sig string, countAt, first int) (map[string][]byte, error) {
	h, err := v.upTo(at, 64<<10)
	if err != nil {
		return nil, err
	}
	if len(h) < 64 || string(h[:4]) != sig {
		return nil, v.unreadable("damaged table")
	}
	list := map[string][]byte{}
	for i := range u16(h[countAt:]) {
		e := first + i*32
		if e+32 > len(h) {
			return nil, v.unreadable("damaged table")
		}
		list[string(h[e:e+16])] = h[e+16 : e+32]
	}
	return list, nil
}

// vhdxBlocks reads the block table: behind each group of so many blocks stands
// an entry that is of no use here.
func (v *volume) vhdxBlocks(table, count, group int64) ([]int64, error) {
	if group < 1 {
		return nil, v.unreadable("impossible block size")
	}
	list, err := v.record(table, int(count+(count-1)/group)*8)
	if err != nil {
		return nil, err
	}
	at := make([]int64, count)
	for i := range count {
		e := binary.LittleEndian.Uint64(list[(i+i/group)*8:])
		at[i] = -1
		if state := e & 7; state == 6 {
			at[i] = int64(e >> 20 << 20)
		} else if state == 7 {
			return nil, v.unreadable("differs from another")
		}
	}
	return at, nil
}
