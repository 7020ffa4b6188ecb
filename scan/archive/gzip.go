package archive

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/encoding/charmap"

	"qguard/scan"
)

// openGzip yields the one stream of a gzip file (RFC 1952) under the name
// without .gz and the name in its header. A further member with a name of its
// own is a part of its own as well: some unpackers make a file of each.
func openGzip(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	names := trimmed(p, ".gz", ".tgz", ".svgz")
	further, err := gzipMembers(raw, b)
	if err != nil {
		return err
	}
	if len(further) > 0 && further[0].at == 0 {
		names = appendName(names, further[0].name)
		further = further[1:]
	}
	claim := b.Claim(gzipClaim(raw))
	if err := openStream(p, b, yield, names, gunzip); err != nil {
		return err
	}
	for _, m := range further {
		if err := b.Member(); err != nil {
			return err
		}
		own := io.NewSectionReader(raw, m.at, raw.Size()-m.at)
		if err := yieldStream(p.Member(m.name), own, b, yield, gunzipFurther); err != nil {
			return err
		}
	}
	return claim
}

// gzipClaim is the size in the last four bytes (RFC 1952 section 2.3.1), 0 where
// deflate cannot make so much of what there is: then they are no size.
func gzipClaim(raw *io.SectionReader) int64 {
	const mostRatio = 1032
	var tail [4]byte
	if n, _ := raw.ReadAt(tail[:], raw.Size()-4); n < len(tail) {
		return 0
	}
	size := int64(binary.LittleEndian.Uint32(tail[:]))
	if size > raw.Size()*mostRatio {
		return 0
	}
	return size
}

// gzipMember is a member that has a name in its header.
type gzipMember struct {
	at   int64
	name string
}

// gzipMembers finds members with names by their headers: unpacking all that
// stands before them would cost more than it tells.
func gzipMembers(raw *io.SectionReader, b *scan.Budget) (found []gzipMember, err error) {
	tried := 0
	err = eachMagic(raw, "\x1f\x8b\x08", func(at int64) error {
		h := make([]byte, 12)
		if n, _ := raw.ReadAt(h, at); n < len(h) || !mayHaveName(h) {
			return nil
		}
		if tried++; tried > b.Limit.Members {
			return &scan.Flaw{Rule: "limit.parts", Note: fmt.Sprintf("more than %d gzip members", b.Limit.Members)}
		}
		h = make([]byte, 1<<10)
		n, _ := raw.ReadAt(h, at)
		name := gzipName(h[:n])
		if name != "" && (at == 0 || inflates(io.NewSectionReader(raw, at, raw.Size()-at))) {
			found = append(found, gzipMember{at, name})
		}
		return b.Time()
	})
	return found, err
}

// mayHaveName reports a header that says it has a name, and nothing unknown.
func mayHaveName(h []byte) bool {
	const hasName, reserved = 8, 0xe0
	return h[3]&hasName != 0 && h[3]&reserved == 0
}

// gzipName returns the file name in a header, "" when there is none or no header.
func gzipName(h []byte) string {
	const hasExtra = 4
	if len(h) < 12 || !mayHaveName(h) {
		return ""
	}
	rest := h[10:]
	if h[3]&hasExtra != 0 {
		rest = rest[min(len(rest), 2+u16(rest)):]
	}
	end := bytes.IndexByte(rest, 0)
	if end <= 0 {
		return ""
	}
	name, err := charmap.ISO8859_1.NewDecoder().Bytes(rest[:end])
	if err != nil {
		return ""
	}
	return string(name)
}

// inflates reports whether a gzip member begins here, not chance bytes.
func inflates(raw *io.SectionReader) bool {
	z, err := gzip.NewReader(newFeed(raw))
	if err != nil {
		return false
	}
	_, err = io.CopyN(io.Discard, z, 4<<10)
	return err == nil || err == io.EOF
}

// eachMagic calls found for every place where the bytes of magic stand.
func eachMagic(raw *io.SectionReader, magic string, found func(at int64) error) error {
	buf := make([]byte, min(64<<10, raw.Size()))
	for at := int64(0); at < raw.Size(); {
		n, err := raw.ReadAt(buf[:min(int64(len(buf)), raw.Size()-at)], at)
		if err != nil && err != io.EOF {
			return err
		}
		for i := 0; i < n; {
			j := bytes.Index(buf[i:n], []byte(magic))
			if j < 0 {
				break
			}
			if err := found(at + int64(i+j)); err != nil {
				return err
			}
			i += j + 1
		}
		at += int64(max(1, n-len(magic)+1))
	}
	return nil
}

// gunzip reads all members in a row. QUIRK: RFC 1952 2.2 knows nothing but
// members; tapes and careless tools put zeros or other bytes behind them, which
// gzip(1) and 7-Zip skip.
func gunzip(raw *io.SectionReader, _ *room) (io.Reader, error) {
	src := newFeed(raw)
	z, err := gzip.NewReader(src)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &gzipRun{src: src, z: z}, nil
}

type gzipRun struct {
	src *feed
	z   *gzip.Reader
	end bool
}

func (g *gzipRun) Read(p []byte) (int, error) {
	for !g.end {
		n, err := g.z.Read(p)
		if errors.Is(err, gzip.ErrChecksum) {
			err = io.EOF // the bytes are judged, whatever they should have been
		}
		if err != io.EOF {
			return n, err
		}
		if err := g.next(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

// next begins the member behind zeros, if there is one.
func (g *gzipRun) next() error {
	for {
		h, err := g.src.peek(3)
		if err != nil {
			return err
		}
		if len(h) > 0 && h[0] == 0 {
			g.src.ReadByte()
			continue
		}
		if g.end = string(h) != "\x1f\x8b\x08"; g.end {
			return nil
		}
		err = g.z.Reset(g.src)
		g.z.Multistream(false)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
}

// gunzipFurther reads one member. Damage is not its own: the whole has it too.
func gunzipFurther(raw *io.SectionReader, _ *room) (io.Reader, error) {
	z, err := gzip.NewReader(newFeed(raw))
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return forgiving{z}, nil
}

// forgiving ends where its reader finds damage.
type forgiving struct{ r io.Reader }

func (f forgiving) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &corrupt) {
		err = io.EOF
	}
	return n, err
}

func isBzip2(head []byte) bool {
	return len(head) > 10 && (string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

func openBzip2(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return openStream(p, b, yield, trimmed(p, ".bz2", ".tbz2", ".tbz", ".tb2"), bunzip2)
}

// bunzip2 reads all streams in a row; what follows them and is none is skipped,
// as bzip2(1) does.
func bunzip2(raw *io.SectionReader, room *room) (io.Reader, error) {
	if err := room.hold(900e3 * 5); err != nil {
		return nil, err
	}
	return bunzip{bzip2.NewReader(newFeed(raw))}, nil
}

type bunzip struct{ r io.Reader }

func (b bunzip) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == bzip2.StructuralError("bad magic value in continuation file") {
		err = io.EOF
	}
	return n, err
}
