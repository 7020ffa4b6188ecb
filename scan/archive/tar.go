package archive

import (
	"archive/tar"
	"bytes"
	"io"
	"strconv"
	"strings"

	"qguard/scan"
)

const tarBlock = 512

// isTar reports whether a file begins with a tar header: the ustar magic, or,
// for tars older than POSIX, a header checksum that is right.
func isTar(head []byte) bool {
	if len(head) < tarBlock {
		return false
	}
	if string(head[257:262]) == "ustar" {
		return true
	}
	field := strings.Trim(string(head[148:156]), " \x00")
	want, err := strconv.ParseInt(field, 8, 32)
	if err != nil || head[0] == 0 {
		return false
	}
	sum := int64(8 * ' ')
	for i, c := range head[:tarBlock] {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	return sum == want
}

// openTar yields the members of a tar file; links and devices have a name only.
// QUIRK: archives put one behind the other are read on by some unpackers (tar
// -i), so what follows the end of one is read as well where it is another.
func openTar(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	for at, more := int64(0), true; more; {
		n, err := tarMembers(p, io.NewSectionReader(raw, at, raw.Size()-at), b, yield)
		if err != nil {
			return err
		}
		if at, more, err = nextTar(raw, at+n); err != nil {
			return err
		}
		if err := b.Time(); err != nil {
			return err
		}
	}
	return nil
}

// nextTar looks behind the end of an archive, where zeros may stand, for the
// header of another.
func nextTar(raw *io.SectionReader, from int64) (at int64, found bool, err error) {
	buf := make([]byte, 16<<10)
	for at = from; at < raw.Size(); {
		n, err := raw.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return 0, false, err
		}
		i := bytes.IndexFunc(buf[:n], func(c rune) bool { return c != 0 })
		if i < 0 {
			at += int64(n)
			continue
		}
		at += int64(i) / tarBlock * tarBlock
		n, err = raw.ReadAt(buf[:tarBlock], at)
		if err != nil && err != io.EOF {
			return 0, false, err
		}
		return at, isTar(buf[:n]), nil
	}
	return 0, false, nil
}

// tarMembers yields the members of one archive and returns where it ends.
func tarMembers(p *scan.Part, raw *io.SectionReader, b *scan.Budget, yield func(*scan.Part) error) (int64, error) {
	r := &counter{r: io.NewSectionReader(raw, 0, raw.Size())}
	end := int64(0) // of the member before
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF && r.n <= end {
			return 0, &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged archive: tar without an end"}
		}
		if err == io.EOF {
			return r.n, nil
		}
		if err != nil {
			return 0, damaged(err)
		}
		size := max(0, min(h.Size, raw.Size()-r.n))
		end = r.n + (size+tarBlock-1)/tarBlock*tarBlock
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if err := b.Member(); err != nil {
			return 0, err
		}
		child := p.Member(h.Name)
		switch {
		case sparse(h):
			child.Open = func() (io.Reader, error) {
				return nil, &scan.Flaw{Rule: "xfile.unreadable", Note: "tar member with holes cannot be read"}
			}
		case h.Size > 0:
			child.Raw = io.NewSectionReader(raw, r.n, size)
			child.Open = func() (io.Reader, error) { return io.NewSectionReader(child.Raw, 0, size), nil }
		}
		if err := yield(child); err != nil {
			return 0, err
		}
	}
}

// sparse reports the PAX and GNU forms of files with holes.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// counter counts what tar has read, so that a member's offset is known.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
