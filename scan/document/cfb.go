package document

import (
	"encoding/binary"
	"io"
	"unicode/utf16"

	"qguard/scan"
)

const oleMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

// Sector numbers with a meaning of their own, [MS-CFB] 2.1.
const (
	maxSector = 0xfffffffa // the first number that is none
	noEntry   = 0xffffffff
)

// maxEntries is how many directory entries are read.
const maxEntries = 1 << 16

// A cfb is a compound file ([MS-CFB]). Nothing that it says of its size is
// believed: tables are as long as the file has sectors, chains end with them,
// and all reading together is bounded by a multiple of the file's size.
type cfb struct {
	raw     *io.SectionReader
	b       *scan.Budget
	shift   uint     // a sector has 1<<shift bytes
	sectors int64    // in the file, the last may be cut
	fat     []uint32 // the next sector of each
	miniFAT []uint32
	mini    []uint32 // the sectors of the mini stream
	entries []cfbEntry
	broken  string // what could not be read, "" when everything could
	odd     bool   // readers disagree on which streams are small
	given   int64  // bytes read from streams
	release func()
}

// A cfbEntry is a storage, a stream or the root.
type cfbEntry struct {
	name               string
	kind               byte // 1 storage, 2 stream, 5 root
	parent             int  // -1: in no storage
	left, right, child uint32
	class              [16]byte
	start              uint32
	size               int64
}

const (
	cfbStorage = 1
	cfbStreams = 2
	cfbRoot    = 5
)

// readCFB reads the tables and the directory. A file that is no compound file,
// or a broken one, has the entries found at any place where one can stand, and
// says so in broken. The error is a limit or trouble of the system.
func readCFB(raw *io.SectionReader, b *scan.Budget) (*cfb, error) {
	c := &cfb{raw: raw, b: b, release: func() {}}
	if err := c.tables(); err != nil {
		return c, err
	}
	if c.broken != "" {
		c.entries = c.entries[:0]
		return c, c.search()
	}
	c.tree()
	return c, nil
}

// tables reads header, FAT, directory and mini FAT ([MS-CFB] 2.2 to 2.6).
func (c *cfb) tables() error {
	var h [512]byte
	if n, err := c.raw.ReadAt(h[:], 0); n < len(h) {
		c.broken = "header"
		return systemError(err)
	}
	c.shift = uint(binary.LittleEndian.Uint16(h[30:]))
	if c.shift != 9 && c.shift != 12 {
		c.broken, c.shift = "sector size", 9
		return nil
	}
	size := int64(1) << c.shift
	c.odd = binary.LittleEndian.Uint32(h[56:]) != miniCutoff
	c.sectors = max(0, (c.raw.Size()-1)>>c.shift)
	var err error
	// FAT, mini FAT and mini stream, four bytes each for a sector of 64 bytes at least.
	if c.release, err = c.b.Hold(c.raw.Size() / 8); err != nil {
		c.release = func() {}
		return err
	}
	if err := c.readFAT(h[:]); err != nil {
		return err
	}
	dir, ok := c.chain(binary.LittleEndian.Uint32(h[48:]))
	if !ok || len(dir) == 0 {
		c.broken = "directory"
		return nil
	}
	buf := make([]byte, size)
	for _, s := range dir {
		if ok, err := c.sector(s, buf); !ok {
			c.broken = "directory"
			return err
		}
		if err := c.directory(buf); err != nil {
			return err
		}
	}
	if len(c.entries) == 0 || c.entries[0].kind != cfbRoot {
		c.broken = "directory"
		return nil
	}
	return c.readMini(binary.LittleEndian.Uint32(h[60:]))
}

// readFAT gathers the FAT's sectors from the header and the DIFAT chain.
func (c *cfb) readFAT(h []byte) error {
	per := int64(1) << c.shift / 4
	need := (c.sectors + per - 1) / per
	list := make([]uint32, 0, min(need, 109))
	for i := 76; i < 512 && int64(len(list)) < need; i += 4 {
		list = append(list, binary.LittleEndian.Uint32(h[i:]))
	}
	buf := make([]byte, 1<<c.shift)
	next := binary.LittleEndian.Uint32(h[68:])
	for steps := int64(0); int64(len(list)) < need && next < maxSector && steps < c.sectors; steps++ {
		ok, err := c.sector(next, buf)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		for i := 0; i < len(buf)-4 && int64(len(list)) < need; i += 4 {
			list = append(list, binary.LittleEndian.Uint32(buf[i:]))
		}
		next = binary.LittleEndian.Uint32(buf[len(buf)-4:])
	}
	c.fat = make([]uint32, c.sectors)
	for i := range c.fat {
		c.fat[i] = noEntry
	}
	for i, s := range list {
		ok, err := c.sector(s, buf)
		if err != nil {
			return err
		}
		for j := int64(0); ok && j < per && int64(i)*per+j < c.sectors; j++ {
			c.fat[int64(i)*per+j] = binary.LittleEndian.Uint32(buf[j*4:])
		}
	}
	return nil
}

// readMini reads the table of the small streams and finds the stream they are in.
func (c *cfb) readMini(start uint32) error {
	c.mini, _ = c.chain(c.entries[0].start)
	table, _ := c.chain(start)
	buf := make([]byte, 1<<c.shift)
	most := int64(len(c.mini)) << c.shift / 64
	for _, s := range table {
		ok, err := c.sector(s, buf)
		if err != nil {
			return err
		}
		for i := 0; ok && i < len(buf) && int64(len(c.miniFAT)) < most; i += 4 {
			c.miniFAT = append(c.miniFAT, binary.LittleEndian.Uint32(buf[i:]))
		}
	}
	return nil
}

// chain lists the sectors from one on; ok: it ends as it should.
func (c *cfb) chain(s uint32) (list []uint32, ok bool) {
	for s < maxSector {
		if int64(s) >= c.sectors || int64(len(list)) >= c.sectors {
			return list, false
		}
		list = append(list, s)
		s = c.fat[s]
	}
	return list, s != noEntry
}

// sector reads one sector; of the file's last what is there, zeros behind it.
func (c *cfb) sector(s uint32, buf []byte) (ok bool, err error) {
	if int64(s) >= c.sectors {
		return false, nil
	}
	n, err := c.raw.ReadAt(buf, (int64(s)+1)<<c.shift)
	clear(buf[n:])
	return n > 0, systemError(err)
}

// systemError is err unless it only says that the file ends.
func systemError(err error) error {
	if atEnd(err) {
		return nil
	}
	return err
}

// directory adds the entries in a sector ([MS-CFB] 2.6.1), the unused ones
// too, since they are counted.
func (c *cfb) directory(buf []byte) error {
	if err := c.b.Time(); err != nil {
		return err
	}
	for ; len(buf) >= 128; buf = buf[128:] {
		if len(c.entries) >= maxEntries {
			return &scan.Flaw{Rule: "limit.parts", Note: "OLE file of more than 65536 entries"}
		}
		c.entries = append(c.entries, c.entry(buf))
	}
	return nil
}

func (c *cfb) entry(buf []byte) cfbEntry {
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(buf[at:]) }
	e := cfbEntry{kind: buf[66], parent: -1, left: u32(68), right: u32(72), child: u32(76), start: u32(116), size: int64(u32(120))}
	copy(e.class[:], buf[80:])
	// QUIRK: the high half of the size is garbage in files of small sectors.
	if c.shift == 12 {
		e.size |= int64(u32(124)&0x7fffffff) << 32
	}
	// Windows takes the length's word for the name, other readers its NUL.
	end := 64
	if n := int(binary.LittleEndian.Uint16(buf[64:])); n >= 4 && n < 64 {
		end = n - 2
	}
	units := make([]uint16, 0, 32)
	for i := 0; i+2 <= end; i += 2 {
		u := binary.LittleEndian.Uint16(buf[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	e.name = string(utf16.Decode(units))
	return e
}

// tree finds the storage that each entry is in.
func (c *cfb) tree() {
	type place struct {
		id     uint32
		parent int
	}
	seen := make([]bool, len(c.entries))
	todo := []place{{c.entries[0].child, 0}}
	seen[0] = true
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if int64(at.id) >= int64(len(c.entries)) || seen[at.id] {
			continue
		}
		seen[at.id] = true
		e := &c.entries[at.id]
		e.parent = at.parent
		todo = append(todo, place{e.left, at.parent}, place{e.right, at.parent})
		if e.kind == cfbStorage {
			todo = append(todo, place{e.child, int(at.id)})
		}
	}
}

// search finds entries wherever one can stand in a broken file: sectors are
// aligned, and so are the entries in them.
func (c *cfb) search() error {
	buf := make([]byte, 64<<10)
	for off := int64(512); off < c.raw.Size(); off += int64(len(buf)) {
		if err := c.b.Time(); err != nil {
			return err
		}
		n, err := c.raw.ReadAt(buf, off)
		if err := systemError(err); err != nil {
			return err
		}
		for i := 0; i+128 <= n; i += 128 {
			if e := buf[i : i+128]; isEntry(e) && len(c.entries) < maxEntries {
				c.entries = append(c.entries, c.entry(e))
			}
		}
	}
	return nil
}

// isEntry reports what looks like a directory entry: the length of the name
// fits the name, the kind is known, the colour is one.
func isEntry(e []byte) bool {
	n := int(binary.LittleEndian.Uint16(e[64:]))
	if n < 4 || n > 64 || n%2 != 0 || e[n-1] != 0 || e[n-2] != 0 || e[67] > 1 {
		return false
	}
	for i := 0; i < n-2; i += 2 {
		if e[i] == 0 && e[i+1] == 0 {
			return false
		}
	}
	return e[66] == cfbStorage || e[66] == cfbStreams || e[66] == cfbRoot
}
