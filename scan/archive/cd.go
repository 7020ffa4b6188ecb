package archive

import (
	"io"

	"qguard/scan"
)

// openCD yields the files of an image of whole CD sectors (ECMA-130 14): 2352
// bytes, of which mode 1 has 2048 bytes of data at 16, mode 2 form 1 at 24.
func openCD(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	v, err := newVolume("CD image", p, b, yield)
	if err != nil {
		return err
	}
	mode, err := v.record(15, 1)
	if err != nil {
		return err
	}
	s := &sectors{raw: v.raw, at: 16}
	if mode[0] == 2 {
		s.at = 24
	}
	v = v.within("CD image", io.NewSectionReader(s, 0, v.size/cdSector*isoSector), true)
	h, err := v.record(isoStart, isoSector)
	if err != nil {
		return err
	}
	if !isDescriptor(h) {
		return v.unreadable("no file system found")
	}
	return v.disc()
}

const cdSector = 2352

// isCD reports the synchronisation bytes of a CD sector.
func isCD(head []byte) bool {
	return len(head) > 16 && string(head[:12]) == "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00" && (head[15] == 1 || head[15] == 2)
}

// sectors shows the data in CD sectors as one run.
type sectors struct {
	raw *io.SectionReader
	at  int64 // of the data in a sector
}

func (s *sectors) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		i := off + int64(n)
		k := min(int64(len(p)-n), isoSector-i%isoSector)
		got, err := s.raw.ReadAt(p[n:n+int(k)], i/isoSector*cdSector+s.at+i%isoSector)
		n += got
		if int64(got) < k {
			return n, outside(err)
		}
	}
	return n, nil
}
