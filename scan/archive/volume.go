package archive

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"qguard/scan"
)

// A volume is a container whose records are read at offsets and whose members
// stand in pieces of it.
type volume struct {
	kind   string // for notes: "CAB archive"
	part   *scan.Part
	b      *scan.Budget
	yield  func(*scan.Part) error
	raw    *io.SectionReader
	size   int64 // bytes of the file behind raw
	mapped bool  // raw is a view: blocks of the file in another order, or none

	room   int64   // bytes that members and directories share, honestly
	count  *counts // of this view and those within
	damage error   // the first, see broken
	prefix string  // put before every name
}

type counts struct {
	given  int64 // bytes of all members so far
	walked int64 // bytes of all directories so far
}

// A piece is n bytes at off of a volume; off < 0: n zeros that stand nowhere.
type piece struct{ off, n int64 }

// newVolume returns a volume of all bytes of a part.
func newVolume(kind string, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) (*volume, error) {
	raw, err := p.Content(b)
	if err != nil {
		return nil, err
	}
	return volumeOf(kind, raw, p, b, yield), nil
}

// volumeOf returns a volume of some bytes whose members are those of p.
func volumeOf(kind string, raw *io.SectionReader, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) *volume {
	return &volume{kind: kind, part: p, b: b, yield: yield, raw: raw, size: raw.Size(), room: raw.Size(), count: &counts{}}
}

// within returns a view of some of v's bytes, or of all in another order.
func (v *volume) within(kind string, raw *io.SectionReader, mapped bool) *volume {
	in := *v
	in.kind, in.raw, in.mapped, in.damage = kind, raw, v.mapped || mapped, nil
	return &in
}

// broken notes damage; the walk goes on with what can be read, and damage is
// its end.
func (v *volume) broken(note string) error {
	flaw := v.unreadable(note)
	if v.damage == nil {
		v.damage = flaw
	}
	return flaw
}

func (v *volume) unreadable(note string) error {
	return &scan.Flaw{Rule: "xfile.unreadable", Note: v.kind + ": " + note}
}

// record returns n bytes at off; a volume that ends before is damaged.
func (v *volume) record(off int64, n int) ([]byte, error) {
	if off < 0 || n < 0 || off > v.raw.Size()-int64(n) {
		return nil, v.unreadable("cut off")
	}
	buf := make([]byte, n)
	if got, err := v.raw.ReadAt(buf, off); got < n {
		return nil, err
	}
	return buf, nil
}

// upTo returns n bytes at off, or those that are left.
func (v *volume) upTo(off int64, n int) ([]byte, error) {
	return v.record(off, int(max(0, min(int64(n), v.raw.Size()-off))))
}

// walk counts the bytes of a directory. Directories that overlap, and so add up
// to more than the volume, end the walk.
func (v *volume) walk(n int64) error {
	v.count.walked += n
	if n < 0 || v.count.walked > 4*v.room+1<<16 {
		return v.unreadable("directories overlap")
	}
	return v.b.Time()
}

// member yields a member whose bytes stand unencoded in the volume. What lies
// behind the volume's end is damage.
func (v *volume) member(names []string, pieces []piece) error {
	if err := v.b.Member(); err != nil {
		return err
	}
	child := v.child(names)
	whole := slices.Clone(pieces)
	var cut error
	n, holes := int64(0), false
	for i, p := range whole {
		holes = holes || p.off < 0
		if p.n < 0 || p.off >= 0 && p.n > v.raw.Size()-p.off {
			cut = v.broken("member cut off")
			whole[i].n = max(0, v.raw.Size()-p.off)
			whole = whole[:i+1]
		}
		n += min(whole[i].n, 1<<56)
		if cut != nil || n > 1<<56 {
			break
		}
	}
	v.count.given += n
	// Members that overlap, and zeros that stand nowhere, make more of few bytes.
	grows := holes || v.mapped || v.count.given > v.room
	child.Open = func() (io.Reader, error) {
		r := v.read(whole, cut)
		if grows {
			r = v.b.Inflate(r, v.size)
		}
		return r, nil
	}
	if len(whole) == 1 && cut == nil && !grows {
		child.Raw = io.NewSectionReader(v.raw, whole[0].off, whole[0].n)
	}
	return v.yield(child)
}

// closed yields a member of which only the name is known, and why.
func (v *volume) closed(names []string, why error) error {
	if err := v.b.Member(); err != nil {
		return err
	}
	child := v.child(names)
	child.Open = func() (io.Reader, error) { return nil, why }
	return v.yield(child)
}

// inline yields a member with these bytes.
func (v *volume) inline(names []string, data []byte) error {
	if err := v.b.Member(); err != nil {
		return err
	}
	child := v.child(names)
	child.Raw = io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
	child.Open = func() (io.Reader, error) { return bytes.NewReader(data), nil }
	return v.yield(child)
}

// packed yields a member that unpack decodes from the bytes of a piece, to at
// most size bytes.
func (v *volume) packed(names []string, p piece, size int64, unpack func(io.Reader) io.Reader) error {
	if err := v.b.Member(); err != nil {
		return err
	}
	var cut error
	if p.n < 0 || p.n > v.raw.Size()-p.off {
		cut = v.broken("member cut off")
		p.n = max(0, v.raw.Size()-p.off)
	}
	child := v.child(names)
	child.Open = func() (io.Reader, error) {
		r := unpack(v.read([]piece{p}, cut))
		return &unpacked{r: v.b.Inflate(io.LimitReader(r, size), p.n)}, nil
	}
	return v.yield(child)
}

func (v *volume) child(names []string) *scan.Part {
	full := make([]string, 0, len(names))
	for _, name := range names {
		if name = v.prefix + name; name != "" && !slices.Contains(full, name) {
			full = append(full, name)
		}
	}
	if len(full) == 0 {
		full = []string{"unnamed"}
	}
	return v.part.Member(full...)
}

// read returns the bytes of pieces one after another, and then cut where that
// is not nil.
func (v *volume) read(pieces []piece, cut error) io.Reader {
	list := make([]io.Reader, 0, len(pieces)+1)
	for _, p := range pieces {
		if p.off < 0 {
			list = append(list, io.LimitReader(zeros{}, p.n))
			continue
		}
		list = append(list, io.NewSectionReader(v.raw, p.off, p.n))
	}
	if cut != nil {
		list = append(list, failing{cut})
	}
	return io.MultiReader(list...)
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// failing reads as an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// oldName is a name in the character set of some system: as UTF-8 where it is
// that, else as code page 437.
func oldName(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	s, err := charmap.CodePage437.NewDecoder().String(string(raw))
	if err != nil {
		return string(raw)
	}
	return s
}

// wideName is a name of 16-bit units, up to a NUL where there is one.
func wideName(raw []byte, unit func([]byte) uint16) string {
	var b strings.Builder
	for i := 0; i+1 < len(raw); i += 2 {
		u := rune(unit(raw[i:]))
		if u == 0 {
			break
		}
		if i+3 < len(raw) && u >= 0xd800 && u < 0xdc00 {
			if low := rune(unit(raw[i+2:])); low >= 0xdc00 && low < 0xe000 {
				u = (u-0xd800)<<10 + low - 0xdc00 + 0x10000
				i += 2
			}
		}
		b.WriteRune(u)
	}
	return b.String()
}

// noData is why a member's bytes cannot be had.
func noData(format string, args ...any) error {
	return &scan.Flaw{Rule: "xfile.unreadable", Note: fmt.Sprintf(format, args...)}
}
