package archive

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"qguard/scan"
)

// Lengths of cabinet records without their reserves, [MS-CAB] 2.
const cabHeaderLen, cabFolderLen, cabFileLen, cabDataLen, cabBlock = 36, 8, 16, 8, 32 << 10

// isCAB reports a cabinet's header: the signature with either the reserved number
// behind it, which some unpackers look at, or version 1.3, which others do.
func isCAB(head []byte) bool {
	return bytes.HasPrefix(head, []byte("MSCF\x00\x00\x00\x00")) ||
		len(head) >= cabHeaderLen && string(head[:4]) == "MSCF" && head[24] == 3 && head[25] == 1
}

// A cabinet is one CAB file.
type cabinet struct {
	*volume
	folders     []cabFolder
	files       []cabFile
	dataReserve int
}

type cabFolder struct {
	at     int64 // of the first data block
	blocks int
	method int
}

type cabFile struct {
	name        []string
	start, size int64 // in the unpacked folder
	folder      int
}

func openCAB(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	return openCABIn(raw, p, b, yield)
}

// openCABIn yields the members of a cabinet that begins at the first byte of raw,
// some bytes of p: behind a stub, isCAB says where.
func openCABIn(raw *io.SectionReader, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	c := &cabinet{volume: volumeOf("CAB archive", raw, p, b, yield)}
	if err := c.list(); err != nil {
		c.damage = err
	}
	if len(c.files) == 0 {
		c.flaw(c.unreadable("no member found"))
	}
	slices.SortStableFunc(c.files, func(a, b cabFile) int { return a.folder - b.folder })
	for rest := c.files; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(f cabFile) bool { return f.folder != rest[0].folder })
		if n < 0 {
			n = len(rest)
		}
		if err := c.unpack(rest[0].folder, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return c.damage
}

// list reads the header, the folders and the files.
func (c *cabinet) list() error {
	h, err := c.record(0, cabHeaderLen)
	if err != nil {
		return err
	}
	off, folderReserve := int64(cabHeaderLen), 0
	flags := u16(h[30:])
	if flags&4 != 0 {
		r, err := c.record(off, 4)
		if err != nil {
			return err
		}
		off += 4 + int64(u16(r))
		folderReserve, c.dataReserve = int(r[2]), int(r[3])
	}
	for _, bit := range []int{1, 1, 2, 2} { // names of the cabinet and the disk before and next
		if flags&bit == 0 {
			continue
		}
		s, err := c.text(off)
		if err != nil {
			return err
		}
		off += int64(len(s)) + 1
	}
	for range u16(h[26:]) {
		f, err := c.record(off, cabFolderLen)
		if err != nil {
			return err
		}
		c.folders = append(c.folders, cabFolder{at: u32(f), blocks: u16(f[4:]), method: u16(f[6:])})
		off += cabFolderLen + int64(folderReserve)
	}
	off = u32(h[16:])
	for i := range u16(h[28:]) {
		if i > c.b.Limit.Members {
			return nil // the walk over the files says so
		}
		f, err := c.record(off, cabFileLen)
		if err != nil {
			return err
		}
		name, err := c.text(off + cabFileLen)
		if err != nil {
			return err
		}
		c.files = append(c.files, cabFile{[]string{oldName(name)}, u32(f[4:]), u32(f), u16(f[8:])})
		off += cabFileLen + int64(len(name)) + 1
	}
	return nil
}

// text returns the bytes up to a NUL; [MS-CAB] allows 255.
func (c *cabinet) text(off int64) ([]byte, error) {
	buf, err := c.upTo(off, 1<<10)
	if err != nil {
		return nil, err
	}
	s, _, ok := bytes.Cut(buf, []byte{0})
	if !ok {
		return nil, c.unreadable("name without an end")
	}
	return s, nil
}

// unpack yields the files of one folder. They are slices of one stream, which is
// unpacked once.
func (c *cabinet) unpack(folder int, files []cabFile) error {
	if folder >= 0xfffd { // [MS-CAB] 2.4
		return c.sealed(files, noData("CAB member goes on in another cabinet"))
	}
	if folder >= len(c.folders) {
		return c.sealed(files, c.broken("member of a folder that is not there"))
	}
	r, release, err := c.decoder(c.folders[folder])
	if err != nil {
		return c.sealed(files, err)
	}
	defer release()
	source := &untilError{r: r}
	spool, err := scan.NewSpool(source, int64(c.b.Limit.Inflated))
	if errors.Is(err, scan.ErrTooLong) {
		return c.sealed(files, &scan.Flaw{Rule: "limit.size", Note: "CAB folder too large to unpack"})
	}
	if err != nil {
		return err
	}
	defer spool.Close()
	in := volumeOf(c.kind, io.NewSectionReader(spool, 0, spool.Size()), c.part, c.b, c.yield)
	for _, file := range files {
		var err error
		if have := spool.Size() - file.start; have >= file.size || source.err == nil {
			err = in.member(file.name, []piece{{file.start, file.size}})
		} else {
			pieces := []piece{{min(file.start, spool.Size()), max(0, have)}}
			err = in.cut(file.name, pieces, damaged(source.err))
		}
		if err != nil {
			return err
		}
	}
	if c.damage == nil {
		c.damage = in.damage
	}
	return nil
}

// cut yields a member that ends in an error.
func (v *volume) cut(names []string, pieces []piece, why error) error {
	if err := v.b.Member(); err != nil {
		return err
	}
	child := v.child(names)
	child.Open = func() (io.Reader, error) {
		return v.b.Inflate(v.read(pieces, why), v.size), nil
	}
	if v.damage == nil {
		v.damage = why
	}
	return v.yield(child)
}

// sealed yields the names of files whose data cannot be had.
func (c *cabinet) sealed(files []cabFile, why error) error {
	for _, f := range files {
		if err := c.closed(f.name, why); err != nil {
			return err
		}
	}
	return nil
}

// decoder returns the unpacked stream of a folder.
func (c *cabinet) decoder(f cabFolder) (r io.Reader, release func(), err error) {
	blocks := &cabBlocks{c: c, at: f.at, left: f.blocks}
	release = func() {}
	switch f.method & 0xf {
	case 0:
		r = &cabStored{blocks: blocks}
	case 1:
		r = &msZIP{blocks: blocks}
	case 3:
		if r, release, err = c.lzx(blocks, f.method>>8); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, noData("CAB compression method %d cannot be read", f.method&0xf)
	}
	return c.b.Inflate(r, c.raw.Size()), release, nil
}
