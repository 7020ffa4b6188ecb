package archive

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// fatVolume is a FAT12, FAT16 or FAT32 file system (fatgen103).
type fatVolume struct {
	*volume
	tree     *tree
	table    int64 // of the first FAT
	root     int64 // of a FAT12 or FAT16 root directory
	rootLen  int64
	data     int64 // of cluster 2
	cluster  int64 // bytes
	clusters int64
	width    int   // bits in an entry of the FAT
	chained  int64 // clusters in all chains so far
	seen     map[int64]bool
	page     []byte // of the FAT
	pageAt   int64
}

// isFAT reports a boot sector whose parameters make a FAT file system.
func isFAT(b []byte) bool {
	if len(b) < 512 || b[0] != 0xe9 && b[0] != 0xeb {
		return false
	}
	sector, per := u16(b[11:]), int(b[13])
	return slices.Contains([]int{512, 1024, 2048, 4096}, sector) && bits.OnesCount(uint(per)) == 1 &&
		u16(b[14:]) > 0 && b[16] >= 1 && b[16] <= 4 && b[21] >= 0xf0 && (u16(b[19:]) > 0 || u32(b[32:]) > 0) &&
		(u16(b[22:]) > 0 || u32(b[36:]) > 0)
}

// fat adds the files of a FAT file system.
func (v *volume) fat(t *tree) error {
	b, err := v.record(0, 512)
	if err != nil {
		return err
	}
	sector := int64(u16(b[11:]))
	f := &fatVolume{volume: v, tree: t, cluster: sector * int64(b[13]), seen: map[int64]bool{}, pageAt: -1}
	perFAT, total := int64(u16(b[22:])), int64(u16(b[19:]))
	if perFAT == 0 {
		perFAT = u32(b[36:])
	}
	if total == 0 {
		total = u32(b[32:])
	}
	f.table = int64(u16(b[14:])) * sector
	f.root = f.table + int64(b[16])*perFAT*sector
	f.rootLen = (int64(u16(b[17:]))*32 + sector - 1) / sector * sector
	f.data = f.root + f.rootLen
	f.clusters = (total*sector - f.data) / f.cluster
	switch {
	case f.clusters <= 0:
		return v.unreadable("impossible FAT file system")
	case u16(b[22:]) == 0 || f.clusters >= 65525:
		f.width = 32
	case f.clusters >= 4085:
		f.width = 16
	default:
		f.width = 12
	}
	root := []piece{{f.root, f.rootLen}}
	if f.width == 32 {
		if root, err = f.chain(u32(b[44:]), 1<<32); err != nil {
			return err
		}
	}
	return f.directory("", root, 0)
}

// next returns the entry of a cluster in the FAT.
func (f *fatVolume) next(cluster int64) (int64, error) {
	at := f.table + cluster*int64(f.width)/8
	const size = 4096
	if f.pageAt < 0 || at < f.pageAt || at+4 > f.pageAt+int64(len(f.page)) {
		page, err := f.upTo(at/size*size, size+4)
		if err != nil {
			return 0, err
		}
		f.page, f.pageAt = page, at/size*size
		if at+int64(f.width+7)/8 > f.pageAt+int64(len(page)) {
			return 0, f.unreadable("file allocation table cut off")
		}
	}
	var e [4]byte
	copy(e[:], f.page[at-f.pageAt:])
	switch f.width {
	case 32:
		return u32(e[:]) & (1<<28 - 1), nil
	case 16:
		return int64(u16(e[:])), nil
	}
	return int64(u16(e[:])) >> (cluster & 1 * 4) & 0xfff, nil
}

// chain returns where the clusters from one on are, size bytes at most.
func (f *fatVolume) chain(cluster, size int64) (list []piece, err error) {
	for n := int64(0); n < size; n += f.cluster {
		end := cluster >= int64(1)<<min(f.width, 28)-8
		if end && (n == 0 || size < 1<<32) {
			return list, f.unreadable("file shorter than it says")
		}
		if end {
			return list, nil
		}
		if cluster < 2 || cluster >= f.clusters+2 {
			return list, f.unreadable("cluster that is not there")
		}
		if f.chained++; f.chained > 2*f.clusters+16 {
			return list, f.unreadable("files share their clusters")
		}
		at, k := f.data+(cluster-2)*f.cluster, min(f.cluster, size-n)
		if i := len(list) - 1; i >= 0 && list[i].off+list[i].n == at {
			list[i].n += k
		} else {
			list = append(list, piece{at, k})
		}
		if n+f.cluster >= size {
			break
		}
		if f.chained&1023 == 0 {
			if err := f.b.Time(); err != nil {
				return nil, err
			}
		}
		if cluster, err = f.next(cluster); err != nil {
			return list, err
		}
	}
	return list, nil
}

// directory adds the files that a directory's entries name, and those below.
func (f *fatVolume) directory(path string, pieces []piece, depth int) error {
	if len(pieces) == 0 || f.seen[pieces[0].off] {
		return nil
	}
	f.seen[pieces[0].off] = true
	if depth > isoDepth {
		return f.unreadable("directories nested too deep")
	}
	var long [20][]byte // pieces of a long name by their number
	for _, p := range pieces {
		if err := f.walk(p.n); err != nil {
			return err
		}
		for at := p.off; at < p.off+p.n; at += 512 {
			block, err := f.record(at, int(min(512, p.off+p.n-at)))
			if err != nil {
				return err
			}
			for ; len(block) >= 32; block = block[32:] {
				e := block[:32]
				switch {
				case e[0] == 0:
					return nil
				case e[0] == 0xe5: // deleted
					long = [20][]byte{}
				case e[11]&0x3f == 0x0f:
					if i := int(e[0]&0x1f) - 1; i >= 0 && i < len(long) {
						long[i] = slices.Concat(e[1:11], e[14:26], e[28:32])
					}
				default:
					if err := f.entry(path, e, long[:], depth); err != nil {
						return err
					}
					long = [20][]byte{}
				}
			}
		}
	}
	return nil
}

// entry adds what a short entry and the long name before it name.
func (f *fatVolume) entry(path string, e []byte, long [][]byte, depth int) error {
	if e[11]&8 != 0 || e[0] == '.' { // label; the directory itself, its parent
		return nil
	}
	names := fatNames(path, e, long)
	cluster := int64(u16(e[26:]))
	if f.width == 32 {
		cluster |= int64(u16(e[20:])) << 16
	}
	if e[11]&0x10 != 0 {
		pieces, err := f.chain(cluster, 1<<32)
		if err != nil {
			f.flaw(err)
		}
		if err := f.directory(names[0]+"/", pieces, depth+1); err != nil {
			f.flaw(err)
		}
		return f.b.Time()
	}
	size := u32(e[28:])
	if size == 0 {
		return f.tree.add(names, nil, nil)
	}
	pieces, err := f.chain(cluster, size)
	if err != nil {
		f.flaw(err)
	}
	return f.tree.add(names, pieces, nil)
}

// fatNames returns the long name, if there is one, and the short.
func fatNames(path string, e []byte, long [][]byte) (names []string) {
	raw := bytes.Clone(e[:11])
	if raw[0] == 5 {
		raw[0] = 0xe5
	}
	short := strings.TrimRight(oldName(raw[:8]), " ")
	if extension := strings.TrimRight(oldName(raw[8:]), " "); extension != "" {
		short += "." + extension
	}
	var wide []byte
	for _, piece := range long {
		wide = append(wide, piece...)
	}
	if name := wideName(wide, binary.LittleEndian.Uint16); name != "" {
		names = append(names, path+name)
	}
	return append(names, path+short)
}
