package archive

import (
	"encoding/binary"
	"slices"
)

// isNTFS reports the boot sector of an NTFS file system.
func isNTFS(b []byte) bool {
	return len(b) >= 512 && string(b[3:11]) == "NTFS    " && u16(b[11:]) >= 256 && b[13] != 0
}

// Attributes of a file record.
const ntfsList, ntfsName, ntfsData = 0x20, 0x30, 0x80

// ntfsVolume is an NTFS file system (as the documentation of Linux-NTFS has
// it). Its files are those of the master file table, whatever directories say.
type ntfsVolume struct {
	*volume
	tree    *tree
	cluster int64
	record  int64
}

// ntfsFile is one record of the table.
type ntfsFile struct {
	names   []string
	streams []ntfsStream
	parts   bool // further records belong to it
}

type ntfsStream struct {
	name   string
	pieces []piece
	data   []byte // what stands in the record itself
	why    error
}

// ntfs adds the files of an NTFS file system.
func (v *volume) ntfs(t *tree) error {
	h, err := v.record(0, 512)
	if err != nil {
		return err
	}
	n := &ntfsVolume{volume: v, tree: t}
	n.cluster = int64(u16(h[11:])) * int64(h[13])
	if h[13] > 128 {
		n.cluster = int64(u16(h[11:])) << min(20, 256-int(h[13]))
	}
	if c := int8(h[64]); c < 0 {
		n.record = 1 << min(16, -int(c))
	} else {
		n.record = int64(c) * n.cluster
	}
	if n.record < 256 || n.record > 1<<16 {
		return v.unreadable("impossible NTFS file system")
	}
	at := int64(binary.LittleEndian.Uint64(h[48:])&(1<<40-1)) * n.cluster
	first, err := n.entry(at)
	if err != nil {
		return err
	}
	if first == nil {
		return v.unreadable("no master file table")
	}
	table, err := n.attributes(first)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(table.streams, func(s ntfsStream) bool { return s.name == "" && s.why == nil })
	if i < 0 || table.parts {
		return v.unreadable("master file table in pieces")
	}
	number := 0
	for _, p := range table.streams[i].pieces {
		for ; p.n >= n.record; number++ {
			// The first 24 files are the file system's own.
			if err := n.file(p.off, number < 24); err != nil {
				return err
			}
			p.off, p.n = p.off+n.record, p.n-n.record
		}
	}
	return nil
}

// entry returns the file record at an offset, nil where there is none in use.
func (n *ntfsVolume) entry(at int64) ([]byte, error) {
	if err := n.walk(n.record); err != nil {
		return nil, err
	}
	r, err := n.volume.record(at, int(n.record))
	if err != nil || string(r[:4]) != "FILE" || u16(r[22:])&1 == 0 {
		return nil, err
	}
	// The last word of each sector stands in a list (multi-sector transfer).
	from, count := u16(r[4:]), u16(r[6:])
	for i := 1; i < count && i*512 <= len(r) && from+2*i+2 <= len(r); i++ {
		copy(r[i*512-2:i*512], r[from+2*i:from+2*i+2])
	}
	return r, nil
}

// file adds the file in the record at an offset.
func (n *ntfsVolume) file(at int64, own bool) error {
	if at < 0 {
		return nil
	}
	r, err := n.entry(at)
	if err != nil || r == nil || own {
		return err
	}
	if base := binary.LittleEndian.Uint64(r[32:]); base != 0 {
		return nil // goes with another record, which says so
	}
	f, err := n.attributes(r)
	if err != nil {
		n.flaw(err)
	}
	if f == nil || len(f.names) == 0 {
		return nil
	}
	directory := u16(r[22:])&2 != 0
	plain := false
	for _, s := range f.streams {
		names := f.names
		if s.name != "" {
			names = []string{f.names[0] + ":" + s.name}
		}
		plain = plain || s.name == ""
		if err := n.tree.addFile(treeFile{names, s.pieces, s.data, s.why}); err != nil {
			return err
		}
	}
	if plain || directory {
		return nil
	}
	var why error
	if f.parts {
		why = noData("NTFS file in several records")
	}
	return n.tree.add(f.names, nil, why)
}

// attributes reads the names and the data of a record.
func (n *ntfsVolume) attributes(r []byte) (*ntfsFile, error) {
	f := &ntfsFile{}
	for off := u16(r[20:]); off+24 <= len(r); {
		a := r[off:]
		kind, size := u32(a), u32(a[4:])
		if kind == 1<<32-1 {
			return f, nil
		}
		if size < 24 || size > int64(len(a)) {
			return f, n.unreadable("damaged file record")
		}
		a = a[:size]
		off += int(size)
		switch kind {
		case ntfsList:
			f.parts = true
		case ntfsName:
			n.name(f, a)
		case ntfsData:
			f.streams = append(f.streams, n.stream(a))
		}
	}
	return f, n.unreadable("damaged file record")
}

func (n *ntfsVolume) name(f *ntfsFile, a []byte) {
	from := u16(a[20:])
	if a[8] != 0 || from+66 > len(a) {
		return
	}
	v := a[from:]
	name := wideName(v[66:min(len(v), 66+2*int(v[64]))], binary.LittleEndian.Uint16)
	if name != "" && len(f.names) < maxNames {
		f.names = append(f.names, name)
	}
}

// stream returns where the bytes of a data attribute are.
func (n *ntfsVolume) stream(a []byte) (s ntfsStream) {
	from := u16(a[10:])
	if end := from + 2*int(a[9]); end <= len(a) {
		s.name = wideName(a[from:end], binary.LittleEndian.Uint16)
	}
	if u16(a[12:])&0x40ff != 0 {
		s.why = noData("NTFS file is compressed or encrypted")
		return s
	}
	if a[8] == 0 {
		value, size := u16(a[20:]), u32(a[16:])
		if int64(value)+size > int64(len(a)) {
			s.why = n.broken("damaged file record")
			return s
		}
		s.data = a[value : int64(value)+size]
		return s
	}
	if len(a) < 64 || binary.LittleEndian.Uint64(a[16:]) != 0 {
		s.why = noData("NTFS file in several records")
		return s
	}
	s.pieces, s.why = n.runs(a[min(u16(a[32:]), len(a)):], int64(binary.LittleEndian.Uint64(a[48:])))
	return s
}

// runs reads the list of a stream's clusters: lengths and distances, each of so
// many bytes.
func (n *ntfsVolume) runs(list []byte, size int64) (pieces []piece, err error) {
	cluster := int64(0)
	for size > 0 {
		if len(list) == 0 || list[0] == 0 {
			return pieces, n.broken("file shorter than it says")
		}
		short, long := int(list[0]&15), int(list[0]>>4)
		if short == 0 || short > 5 || long > 5 || 1+short+long > len(list) {
			return pieces, n.broken("damaged file record")
		}
		count, move := signed(list[1:1+short]), signed(list[1+short:1+short+long])
		list = list[1+short+long:]
		if cluster += move; count <= 0 || cluster < 0 {
			return pieces, n.broken("damaged file record")
		}
		p := piece{cluster * n.cluster, min(size, count*n.cluster)}
		if long == 0 {
			p.off = -1 // a hole
		}
		pieces = append(pieces, p)
		size -= p.n
	}
	return pieces, nil
}

// signed is a number of up to five bytes, the lowest first.
func signed(b []byte) int64 {
	v := int64(0)
	for i, c := range b {
		v |= int64(c) << (8 * i)
	}
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		v -= 1 << (8 * len(b))
	}
	return v
}
