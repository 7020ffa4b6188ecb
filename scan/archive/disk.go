package archive

import (
	"bytes"
	"encoding/binary"
	"io"
	"strconv"

	"qguard/scan"
)

const diskSector = 512

// isDisk reports a boot sector: of a FAT or NTFS file system, or a table of
// partitions.
func isDisk(head []byte) bool {
	if len(head) < diskSector {
		return false
	}
	marked := string(head[510:512]) == "\x55\xaa"
	if isFAT(head) && (marked || string(head[54:57]) == "FAT" || string(head[82:85]) == "FAT") {
		return true
	}
	return marked && (isNTFS(head) || string(head[3:11]) == "EXFAT   " || isPartitioned(head))
}

// isPartitioned reports a master boot record: the first byte of each of the four
// entries has two values, and a used entry a start and a length.
func isPartitioned(b []byte) bool {
	used := false
	for e := b[446:510]; len(e) > 0; e = e[16:] {
		if e[0]&0x7f != 0 {
			return false
		}
		if e[4] == 0 {
			continue
		}
		if u32(e[8:]) == 0 || u32(e[12:]) == 0 {
			return false
		}
		used = true
	}
	return used
}

// openDisk yields the files of a disk's image: one file system, or partitions.
func openDisk(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("disk image", p, b, yield)
	if err != nil {
		return err
	}
	return v.disk()
}

// disk yields the files of a disk.
func (v *volume) disk() error {
	h, err := v.record(0, diskSector)
	if err != nil {
		return err
	}
	if string(h[510:512]) != "\x55\xaa" || isFAT(h) || isNTFS(h) || !isPartitioned(h) {
		return v.fileSystem()
	}
	list, err := v.partitionTable(h)
	if err != nil {
		v.flaw(err)
	}
	for i, p := range list {
		if p.off >= v.raw.Size() || p.n <= 0 {
			v.broken("partition outside of the disk")
			continue
		}
		in := v.within(v.kind, io.NewSectionReader(v.raw, p.off, min(p.n, v.raw.Size()-p.off)), false)
		if len(list) > 1 {
			in.prefix = v.prefix + strconv.Itoa(i+1) + "/"
		}
		if err := in.fileSystem(); err != nil {
			if !isFlaw(err) {
				return err
			}
			v.flaw(err)
		}
	}
	return v.damage
}

// isFlaw reports a finding, not an error of the walk or of the system.
func isFlaw(err error) bool {
	_, ok := err.(*scan.Flaw)
	return ok
}

// fileSystem yields the files of one file system.
func (v *volume) fileSystem() error {
	h, err := v.upTo(0, isoStart+isoSector)
	if err != nil {
		return err
	}
	t := &tree{v: v}
	switch {
	case isISO(h):
		return v.disc()
	case len(h) >= diskSector && isNTFS(h):
		v.flaw(v.ntfs(t))
	case isFAT(h):
		v.flaw(v.fat(t))
	default:
		if last, err := v.upTo(v.raw.Size()-diskSector, diskSector); err == nil && blank(h) && blank(last) {
			return nil // not formatted
		}
		return v.unreadable("file system cannot be listed")
	}
	if err := t.flush(); err != nil {
		return err
	}
	return v.damage
}

func blank(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// partitionTable lists the partitions of a master boot record, of the chain in
// its extended partitions, and of a GUID partition table (UEFI 5).
func (v *volume) partitionTable(h []byte) (list []piece, err error) {
	var chain []int64
	for e := h[446:510]; len(e) > 0; e = e[16:] {
		start, n := u32(e[8:])*diskSector, u32(e[12:])*diskSector
		switch e[4] {
		case 0:
		case 0xee:
			return v.guidTable()
		case 5, 0xf, 0x85:
			chain = append(chain, start)
		default:
			list = append(list, piece{start, n})
		}
	}
	for _, first := range chain {
		for at, count := first, 0; count < 64; count++ {
			h, err := v.record(at, diskSector)
			if err != nil {
				return list, err
			}
			if string(h[510:]) != "\x55\xaa" {
				return list, v.unreadable("damaged partition table")
			}
			if h[450] != 0 {
				list = append(list, piece{at + u32(h[454:])*diskSector, u32(h[458:]) * diskSector})
			}
			next := first + u32(h[470:])*diskSector
			if h[466] == 0 || next <= at {
				break
			}
			at = next
		}
	}
	return list, nil
}

// guidTable lists the partitions of a GUID partition table.
func (v *volume) guidTable() (list []piece, err error) {
	for _, sector := range []int64{512, 4096} {
		h, err := v.record(sector, 92)
		if err != nil || string(h[:8]) != "EFI PART" {
			continue
		}
		at, size := int64(binary.LittleEndian.Uint64(h[72:])), u32(h[84:])
		if size < 128 || size > 4096 || at < 0 || at > v.raw.Size()/sector {
			return nil, v.unreadable("damaged partition table")
		}
		for i := range min(u32(h[80:]), 256) {
			e, err := v.record(at*sector+i*size, 128)
			if err != nil {
				return list, err
			}
			first, last := binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])
			if blank(e[:16]) {
				continue
			}
			if first > last || last > 1<<48 {
				return list, v.unreadable("damaged partition table")
			}
			list = append(list, piece{int64(first) * sector, int64(last-first+1) * sector})
		}
		return list, nil
	}
	return nil, v.unreadable("no partition table found")
}

// trailer finds the images that are known by their last bytes, whatever stands
// before. For the look that judges names, such a file holds a member with the
// name it should have. found: it is a disk, whose own opener is still to come.
func trailer(p *scan.Part, b *scan.Budget, head []byte, yield func(*scan.Part) error) (found bool, err error) {
	last := lastBytes(p, b, head)
	if len(last) < 511 {
		return false, nil
	}
	v := &volume{part: p, b: b, yield: yield}
	if string(last[:4]) == "koly" && len(last) == 512 && string(last[4:12]) == "\x00\x00\x00\x04\x00\x00\x02\x00" {
		return false, v.closed([]string{"disk.dmg"}, noData("DMG image cannot be listed"))
	}
	// QUIRK: Virtual PC before 2004 wrote 511 bytes.
	if string(last[:8]) != "conectix" && string(last[1:9]) != "conectix" || string(head[:min(8, len(head))]) == "conectix" {
		return false, nil
	}
	if p.Named(".vhd") {
		return true, nil
	}
	child := p.Member("disk.vhd")
	return true, yield(child)
}

// lastBytes returns the last 512 bytes of a part, or what there is; nothing
// where they would have to be decoded for it and neither the first sector nor
// the name is a disk's.
func lastBytes(p *scan.Part, b *scan.Budget, head []byte) []byte {
	const n = 512
	if len(head) < scan.HeadSize {
		return head[max(0, len(head)-n):]
	}
	if p.Raw == nil && !isDisk(head) && !p.Named(".vhd", ".dmg", ".img") {
		return nil
	}
	raw, err := p.Content(b)
	if err != nil {
		return nil // whoever opens the image says so
	}
	buf := make([]byte, n)
	got, _ := raw.ReadAt(buf, max(0, raw.Size()-n))
	return buf[:got]
}
