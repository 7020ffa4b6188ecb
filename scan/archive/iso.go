package archive

import (
	"encoding/binary"
	"slices"
	"strings"

	"qguard/scan"
)

const (
	isoSector = 2048
	isoStart  = 16 * isoSector // of the descriptors, ECMA-119 6.2.1
	isoDepth  = 64             // directories in one another
)

// isISO reports a volume descriptor of any kind at sector 16: ISO 9660's,
// High Sierra's, or those of the sequence that UDF begins with (ECMA-167 2/9).
func isISO(head []byte) bool {
	return len(head) >= isoStart+14 && isDescriptor(head[isoStart:])
}

func isDescriptor(b []byte) bool {
	switch string(b[1:6]) {
	case "CD001", "BEA01", "NSR02", "NSR03", "TEA01", "BOOT2", "CDW02":
		return true
	}
	return string(b[9:14]) == "CDROM"
}

// openISO yields the files of an optical disk's image: of every tree of ISO 9660
// and of UDF.
func openISO(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("disc image", p, b, yield)
	if err != nil {
		return err
	}
	return v.disc()
}

// disc walks the trees of an image whose descriptors begin at sector 16.
func (v *volume) disc() error {
	d := &disc{volume: v, tree: tree{v: v}, seen: map[int64]bool{}}
	udf := false
	for sector := int64(16); sector < 16+100; sector++ {
		h, err := v.record(sector*isoSector, isoSector)
		if err != nil || !isDescriptor(h) {
			break
		}
		switch id := string(h[1:6]); {
		case id == "CD001" && (h[0] == 1 || h[0] == 2):
			d.wide = h[0] == 2 && strings.Contains("%/@ %/C %/E", string(h[88:91]))
			d.block = int64(u16(h[128:]))
			err = d.root(h[156:190])
		case id == "NSR02" || id == "NSR03":
			udf = true
		case string(h[9:14]) == "CDROM":
			err = v.unreadable("High Sierra, older than ISO 9660, is not read")
		}
		if err != nil {
			d.flaw(err)
		}
	}
	if udf {
		d.flaw(v.udf(&d.tree))
	}
	if len(d.seen) == 0 && !udf {
		d.flaw(v.unreadable("no directory found"))
	}
	if err := d.flush(); err != nil {
		return err
	}
	return v.damage
}

// disc is the state of a walk over ISO 9660 trees.
type disc struct {
	*volume
	tree
	wide  bool           // names are UCS-2 (Joliet)
	block int64          // bytes in a logical block
	skip  int            // bytes before the system use entries (SUSP 5.3)
	seen  map[int64]bool // directories walked, by offset
}

// flaw keeps the first thing wrong.
func (v *volume) flaw(err error) {
	if v.damage == nil {
		v.damage = err
	}
}

// root walks a tree from the directory record in its descriptor.
func (d *disc) root(record []byte) error {
	if d.block != 512 && d.block != 1024 && d.block != 2048 {
		return d.unreadable("impossible block size")
	}
	if record[0] < 34 {
		return d.unreadable("no root directory")
	}
	d.skip = 0
	at, n := d.extent(record)
	// A tree of the other character set may be the same directories.
	clear(d.seen)
	return d.directory("", at, n, 0)
}

// extent returns where a directory record's bytes are. Each number stands there
// twice, in both byte orders (ECMA-119 7.3.3); systems read one or the other.
func (d *disc) extent(r []byte) (at, n int64) {
	for _, i := range []int{2, 10} {
		other := int64(binary.BigEndian.Uint32(r[i+4:]))
		if other != 0 && other != u32(r[i:]) {
			d.broken("numbers differ in their two byte orders")
		}
	}
	return (u32(r[2:]) + int64(r[1])) * d.block, u32(r[10:])
}

// directory adds the files in n bytes of records at an offset, and those below.
func (d *disc) directory(path string, at, n int64, depth int) error {
	if d.seen[at] {
		return nil // a loop, or a link
	}
	d.seen[at] = true
	if depth > isoDepth {
		return d.unreadable("directories nested too deep")
	}
	if err := d.walk(n); err != nil {
		return err
	}
	var whole []piece // of a file in several extents, so far
	for end := at + n; at < end; at += isoSector {
		sector, err := d.upTo(at, int(min(isoSector, end-at)))
		if err != nil {
			return err
		}
		if len(sector) == 0 {
			return d.unreadable("directory cut off")
		}
		for len(sector) > 0 && sector[0] != 0 { // the rest of a sector is zeros
			size := int(sector[0])
			if size < 34 || size > len(sector) || 33+int(sector[32]) > size {
				return d.unreadable("damaged directory")
			}
			if whole, err = d.entry(path, sector[:size], whole, depth); err != nil {
				return err
			}
			sector = sector[size:]
		}
	}
	return nil
}

// entry adds what one directory record names.
func (d *disc) entry(path string, r []byte, whole []piece, depth int) ([]piece, error) {
	id := r[33 : 33+int(r[32])]
	use := r[min(len(r), 33+len(id)+(len(id)+1)&1):]
	at, n := d.extent(r)
	if len(id) == 1 && id[0] <= 1 { // the directory itself and its parent
		if depth == 0 && id[0] == 0 && len(use) >= 7 && string(use[:2]) == "SP" {
			d.skip = int(use[6])
		}
		return nil, nil
	}
	rock := d.rockRidge(use)
	names := d.names(path, id, rock.name)
	flags := r[25]
	if flags&2 != 0 {
		return nil, d.directory(names[0]+"/", at, n, depth+1)
	}
	if rock.moved > 0 { // a directory that stands elsewhere; its own record has its length
		self, err := d.record(rock.moved*d.block, 34)
		if err != nil {
			return nil, err
		}
		at, n = d.extent(self)
		return nil, d.directory(names[0]+"/", at, n, depth+1)
	}
	whole = append(whole, piece{at, n})
	if flags&0x80 != 0 && len(whole) < 1<<10 {
		return whole, nil
	}
	var why error
	if r[26] != 0 || r[27] != 0 {
		why = noData("ISO file is interleaved")
	}
	if rock.packed {
		why = noData("ISO file is compressed")
	}
	return nil, d.add(names, whole, why)
}

// names returns the names of a record under path: as long as it gets, and
// without what only ISO 9660 puts at the end ("A.EXE;1", "README.").
func (d *disc) names(path string, id []byte, rock string) (names []string) {
	name := oldName(id)
	if d.wide {
		name = wideName(id, binary.BigEndian.Uint16)
	}
	cut := name
	if i := strings.LastIndexByte(name, ';'); i > 0 {
		cut = name[:i]
	}
	for _, s := range []string{rock, strings.TrimSuffix(cut, "."), name} {
		if s != "" && !slices.Contains(names, path+s) {
			names = append(names, path+s)
		}
	}
	if names == nil {
		names = []string{path + "unnamed"}
	}
	return names
}

// rockRidge is what a record's system use entries say (SUSP 1.12, RRIP 1.12).
type rockRidge struct {
	name   string
	moved  int64 // block of a directory that stands elsewhere
	packed bool  // zisofs
}

func (d *disc) rockRidge(use []byte) (r rockRidge) {
	use = use[min(d.skip, len(use)):]
	for follow := 0; len(use) >= 4; {
		size := int(use[2])
		if size < 4 || size > len(use) {
			break
		}
		e := use[:size]
		use = use[size:]
		switch id := string(e[:2]); {
		case id == "NM" && size > 5:
			r.name += oldName(e[5:])
		case id == "CL" && size >= 12:
			r.moved = u32(e[4:])
		case id == "ZF":
			r.packed = true
		case id == "CE" && size >= 28 && follow < 8 && u32(e[12:]) < isoSector:
			follow++
			more, err := d.upTo(u32(e[4:])*d.block+u32(e[12:]), int(min(u32(e[20:]), isoSector)))
			if err != nil || d.walk(int64(len(more))) != nil {
				d.broken("damaged Rock Ridge entry")
				return r
			}
			use = append(slices.Clone(use), more...)
		case id == "ST":
			return r
		}
	}
	return r
}
