// Package archive opens containers: bytes in, members out.
//
// What a part is, its first bytes say, whatever its name or type: ZIP
// (APPNOTE.TXT 6.3), gzip (RFC 1952), bzip2 and tar (POSIX ustar, GNU and PAX)
// are opened; a name ending in .zip makes a ZIP of anything, so that one behind
// other bytes is found. 7z, RAR, xz, LZMA, zstd, lz4, compress, CAB, ARJ, LZH,
// ACE and cpio are known but not opened yet: xfile.unreadable. Members are
// parts like any other and are walked again, nested to the limit.
//
// Every stream that is unpacked counts against the budget (scan.Budget.Inflate)
// and is read only as far as somebody asks for its bytes.
package archive

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"qguard/scan"
)

// Opener opens archives. The zero value is ready.
type Opener struct{}

// Parts yields the members of a container.
func (Opener) Parts(_ context.Context, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	head, err := p.Head()
	if err != nil {
		return nil // whoever looks at the content says so
	}
	for _, f := range formats {
		if len(head) < f.at+len(f.magic) || string(head[f.at:f.at+len(f.magic)]) != f.magic || f.also != nil && !f.also(head) {
			continue
		}
		if f.open == nil {
			return &scan.Flaw{Rule: "xfile.unreadable", Note: f.name + " archive cannot be opened"}
		}
		return f.open(p, b, yield)
	}
	if p.Named(".zip", ".zipx", ".jar") {
		return openZIP(p, b, yield)
	}
	return nil
}

// formats lists the containers by the bytes they have at an offset, and what
// else must hold; without open the members stay unseen.
var formats = [...]struct {
	name  string
	at    int
	magic string
	also  func(head []byte) bool
	open  func(*scan.Part, *scan.Budget, func(*scan.Part) error) error
}{
	{"ZIP", 0, "PK", isZIP, openZIP},
	{"gzip", 0, "\x1f\x8b", nil, openGzip},
	{"bzip2", 0, "BZh", isBzip2, openBzip2},
	{"7z", 0, "7z\xbc\xaf\x27\x1c", nil, nil},
	{"RAR", 0, "Rar!\x1a\x07", nil, nil},
	{"xz", 0, "\xfd7zXZ\x00", nil, nil},
	{"zstd", 0, "\x28\xb5\x2f\xfd", nil, nil},
	{"lz4", 0, "\x04\x22\x4d\x18", nil, nil},
	{"compress", 0, "\x1f\x9d", nil, nil},
	{"lzip", 0, "LZIP\x01", nil, nil},
	{"CAB", 0, "MSCF\x00\x00\x00\x00", nil, nil},
	{"ARJ", 0, "\x60\xea", nil, nil},
	{"LZH", 2, "-lh", nil, nil},
	{"ACE", 7, "**ACE**", nil, nil},
	{"cpio", 0, "070701", nil, nil},
	{"cpio", 0, "070702", nil, nil},
	{"cpio", 0, "070707", nil, nil},
	{"tar", 0, "", isTar, openTar},
}

func isBzip2(head []byte) bool {
	return len(head) > 10 && string(head[4:10]) == "1AY&SY"
}

func openBzip2(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return openStream(p, b, yield, trimName(p.Name(), ".bz2", ".tbz2"), func(r io.Reader) (io.Reader, error) {
		return bzip2.NewReader(r), nil
	})
}

// openGzip yields the one stream of a gzip file under the name without .gz and
// the name in its header.
func openGzip(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	names := []string{trimName(p.Name(), ".gz", ".tgz", ".svgz")}
	head, _ := p.Head()
	if z, err := gzip.NewReader(bytes.NewReader(head)); err == nil && z.Name != "" && z.Name != names[0] {
		names = append(names, z.Name)
	}
	return openStream(p, b, yield, names[0], func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }, names[1:]...)
}

// openStream yields the single member of a compressor's file.
func openStream(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error, name string,
	unpack func(io.Reader) (io.Reader, error), more ...string) error {
	if err := b.Member(); err != nil {
		return err
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	child := p.Member(append([]string{name}, more...)...)
	child.Open = func() (io.Reader, error) {
		z, err := unpack(io.NewSectionReader(raw, 0, raw.Size()))
		if err != nil {
			return nil, damaged(err)
		}
		return &unpacked{r: b.Inflate(z, raw.Size())}, nil
	}
	return yield(child)
}

// trimName returns name without the compressor's suffix: tgz becomes tar.
func trimName(name string, suffixes ...string) string {
	lower := strings.ToLower(name)
	for _, s := range suffixes {
		if !strings.HasSuffix(lower, s) {
			continue
		}
		base := name[:len(name)-len(s)]
		if strings.HasPrefix(s, ".t") {
			return base + ".tar"
		}
		if s == ".svgz" {
			return base + ".svg"
		}
		return base
	}
	if name == "" {
		return "data"
	}
	return name
}

// unpacked turns a decompressor's complaints into flaws.
type unpacked struct {
	r    io.Reader
	done func() // called once, when nothing more will be read from r
	err  error
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.r.Read(p)
	if err == nil {
		return n, nil
	}
	if u.err = err; err != io.EOF {
		u.err = damaged(err)
	}
	if u.done != nil {
		u.done()
	}
	return n, u.err
}

// damaged is the flaw of data that does not unpack. Trouble of the system, a
// full disk for one, stays what it is.
func damaged(err error) error {
	var flaw *scan.Flaw
	var sys interface{ Timeout() bool } // fs.PathError and syscall.Errno have it
	if errors.As(err, &flaw) || errors.As(err, &sys) {
		return err
	}
	return &scan.Flaw{Rule: "xfile.unreadable", Note: fmt.Sprintf("damaged archive: %v", err)}
}
