package archive

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"slices"
	"strings"

	"qguard/scan"
)

// deflated is the number of the method that nearly every member has.
const deflated = 8

// open unpacks a member.
func (z *zipFile) open(m *zipMember, room *room) (io.Reader, error) {
	if m.flags&1 != 0 || m.method == 99 {
		// The names inside an encrypted archive in an encrypted archive are hidden.
		hidden := m.flags&(1<<13) != 0 || nestable(m.names)
		return nil, &scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted ZIP member", Grave: hidden}
	}
	if m.data < 0 {
		return nil, unreadable("damaged archive: no local header")
	}
	data := io.NewSectionReader(z.raw, m.data, m.packed)
	if m.method == 0 {
		return data, nil
	}
	if m.method == deflated {
		if err := spent(z.b); err != nil {
			return nil, err
		}
		return &unpacked{r: z.b.Inflate(z.inflate(data), m.packed)}, nil
	}
	unpack := z.method(m)
	if unpack == nil {
		return nil, unreadable("ZIP compression method %d cannot be read", m.method)
	}
	return unpacking(data, room, unpack)
}

// method returns how members of the rarer methods are unpacked, nil for those
// that cannot be (APPNOTE.TXT 4.4.5).
func (z *zipFile) method(m *zipMember) source {
	switch m.method {
	case 9:
		return func(raw *io.SectionReader, _ *room) (io.Reader, error) { return newInflate64(newFeed(raw)), nil }
	case 12:
		return bunzip2
	case 14:
		return func(raw *io.SectionReader, room *room) (io.Reader, error) {
			// Version, length and properties stand before the data (5.8.8).
			h := make([]byte, 9)
			if _, err := raw.ReadAt(h, 0); err != nil || u16(h[2:]) != 5 {
				return nil, unreadable("damaged archive: LZMA properties")
			}
			size := m.size
			if m.flags&2 != 0 {
				size = -1
			}
			return lzma1(io.NewSectionReader(raw, 9, raw.Size()-9), h[4:], size, room), nil
		}
	case 20, 93:
		return unzstd
	case 95:
		return unxz
	}
	return nil
}

// inflate returns a decompressor, one of a member before if there is any: each
// takes 44 KB, and most members are small.
func (z *zipFile) inflate(r io.Reader) io.Reader {
	var f io.Reader
	if n := len(z.idle); n > 0 {
		f, z.idle = z.idle[n-1], z.idle[:n-1]
		f.(flate.Resetter).Reset(r, nil) // the error is always nil
	} else {
		f = flate.NewReader(r)
	}
	z.busy = append(z.busy, f)
	return f
}

// deflateEnd returns where the deflate stream at off ends, at most to.
func (z *zipFile) deflateEnd(off, to int64) (int64, error) {
	src := newFeed(io.NewSectionReader(z.raw, off, to-off))
	r := &unpacked{r: z.b.Inflate(flate.NewReader(src), to-off)}
	_, err := io.Copy(io.Discard, r)
	var flaw *scan.Flaw
	if errors.As(err, &flaw) && flaw.Rule == "xfile.unreadable" {
		err = nil // whoever reads the member says so
	}
	return off + src.used, err
}

// hasZIP reports whether a part that is called a ZIP has one: most of what is
// not need not be kept to see that.
func hasZIP(p *scan.Part) (bool, error) {
	head, _ := p.Head()
	if isZIP(head) || p.Raw != nil {
		return true, nil
	}
	r, err := p.Open()
	if err != nil {
		return false, err
	}
	buf := make([]byte, 32<<10)
	kept := 0 // bytes from before, in which a signature may begin
	for {
		n, err := r.Read(buf[kept:])
		seen := buf[:kept+n]
		for _, sig := range []string{localSig, centralSig, endSig} {
			if bytes.Contains(seen, []byte(sig)) {
				return true, nil
			}
		}
		if err == io.EOF {
			return false, unreadable("not a ZIP archive, though called one")
		}
		if err != nil {
			return false, err
		}
		kept = copy(buf, seen[max(0, len(seen)-3):])
	}
}

// nestable reports a name under which further names would be found.
func nestable(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		n = strings.ToLower(n)
		for _, suffix := range []string{".zip", ".7z", ".rar", ".gz", ".tgz", ".tar", ".xz", ".bz2", ".zst", ".lz", ".lzma", ".lz4", ".z", ".iso", ".img", ".cab", ".arj", ".lzh", ".eml", ".msg"} {
			if strings.HasSuffix(n, suffix) {
				return true
			}
		}
		return false
	})
}
