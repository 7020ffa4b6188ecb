package document_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/document"
)

// result is what became of one file.
type result struct {
	found []string // rule: note
	parts []string // path|names: length or data
	text  string   // of all text parts
	v     scan.Verdict
}

// open judges a file as the engine does, alone or as a member of an archive.
func open(tb testing.TB, name, data string, nest int, limit rules.Limit) result {
	tb.Helper()
	var r result
	e := &scan.Engine{
		Openers:  []scan.Opener{wrap{name, data, nest}, document.Opener{}},
		Scanners: []scan.Scanner{recorder{tb, &r}},
		Limit:    limit,
	}
	r.v = e.Scan(context.Background(), &scan.Message{Content: strings.NewReader(data + "."), Size: int64(len(data)) + 1})
	if r.v.Err != nil {
		tb.Fatalf("error %v", r.v.Err)
	}
	for _, f := range r.v.Findings {
		if s := f.Rule + ": " + f.Note; !slices.Contains(r.found, s) {
			r.found = append(r.found, s)
		}
	}
	return r
}

// wrap makes the message the file.
type wrap struct {
	name, data string
	nest       int
}

func (w wrap) Parts(_ context.Context, p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
	if p.Depth >= 0 {
		return nil
	}
	child := &scan.Part{Path: "1", Nest: w.nest, Open: func() (io.Reader, error) { return strings.NewReader(w.data), nil }}
	if w.name != "" {
		child.Names = []string{w.name}
	}
	return yield(child)
}

// recorder keeps what parts there are and reads them all.
type recorder struct {
	tb testing.TB
	r  *result
}

func (l recorder) Begin(*scan.Message) scan.Look               { return l }
func (l recorder) End(context.Context) ([]scan.Finding, error) { return nil, nil }

func (l recorder) Part(_ context.Context, p *scan.Part) error {
	if p.Path == "" || p.Path == "1" && p.Text == nil && !p.Is("message/rfc822") {
		return nil
	}
	var errs error
	if p.Text != nil {
		r, err := p.Text()
		if err != nil {
			return err
		}
		text, err := io.ReadAll(r)
		errs = err
		l.r.text += string(text)
	}
	if p.Open != nil {
		r, err := p.Open()
		if err != nil {
			return errors.Join(errs, err)
		}
		data, err := io.ReadAll(io.LimitReader(r, 64<<20))
		errs = errors.Join(errs, err)
		what := fmt.Sprintf("%d bytes", len(data))
		if len(data) < 100 {
			what = fmt.Sprintf("%q", data)
		}
		l.r.parts = append(l.r.parts, p.Path+"|"+strings.Join(append(p.Names, p.Types...), "|")+": "+what)
	}
	return errs
}

// ofile is a storage (of kids) or a stream in a compound file.
type ofile struct {
	name  string
	data  string
	class string // 16 bytes
	kids  []ofile
}

// compound is an OLE file whose root has a class and these entries: small
// streams in the mini stream, the tree a list of right siblings.
func compound(class string, kids ...ofile) string {
	const sector, end, free = 512, 0xfffffffe, 0xffffffff
	le := binary.LittleEndian
	type entry struct {
		ofile
		right, child, start, size uint32
		kind                      byte
	}
	entries := []entry{{ofile: ofile{name: "Root Entry", class: class}, right: free, kind: 5}}
	var add func(kids []ofile) uint32
	add = func(kids []ofile) uint32 {
		if len(kids) == 0 {
			return free
		}
		at := len(entries)
		kind := byte(2)
		if kids[0].kids != nil {
			kind = 1
		}
		entries = append(entries, entry{ofile: kids[0], kind: kind})
		entries[at].child = add(kids[0].kids)
		entries[at].right = add(kids[1:])
		return uint32(at)
	}
	entries[0].child = add(kids)
	var fat []uint32
	var body strings.Builder
	put := func(data string) uint32 {
		start := uint32(len(fat))
		for off := 0; off < len(data); off += sector {
			piece := data[off:min(len(data), off+sector)]
			body.WriteString(piece + strings.Repeat("\x00", sector-len(piece)))
			fat = append(fat, uint32(len(fat)+1))
		}
		if len(data) == 0 {
			return end
		}
		fat[len(fat)-1] = end
		return start
	}
	var mini []byte
	var miniFAT []byte
	for i := range entries {
		e := &entries[i]
		e.size = uint32(len(e.data))
		switch {
		case e.kind != 2:
		case len(e.data) >= 4096:
			e.start = put(e.data)
		default:
			e.start = uint32(len(mini) / 64)
			for off := 0; off < len(e.data); off += 64 {
				mini = append(mini, e.data[off:min(len(e.data), off+64)]...)
				for len(mini)%64 != 0 {
					mini = append(mini, 0)
				}
				next := uint32(len(mini) / 64)
				if off+64 >= len(e.data) {
					next = end
				}
				miniFAT = le.AppendUint32(miniFAT, next)
			}
		}
	}
	entries[0].start, entries[0].size = put(string(mini)), uint32(len(mini))
	miniStart := put(string(miniFAT))
	var dir []byte
	for _, e := range entries {
		b := make([]byte, 128)
		name := utf16.Encode([]rune(e.name))
		for i, u := range name {
			le.PutUint16(b[2*i:], u)
		}
		le.PutUint16(b[64:], uint16(2*len(name)+2))
		b[66], b[67] = e.kind, 1
		le.PutUint32(b[68:], free)
		le.PutUint32(b[72:], e.right)
		le.PutUint32(b[76:], e.child)
		copy(b[80:], e.class)
		le.PutUint32(b[116:], e.start)
		le.PutUint32(b[120:], e.size)
		dir = append(dir, b...)
	}
	for len(dir)%sector != 0 {
		unused := make([]byte, 128)
		le.PutUint32(unused[68:], free)
		le.PutUint32(unused[72:], free)
		le.PutUint32(unused[76:], free)
		dir = append(dir, unused...)
	}
	dirStart := put(string(dir))
	tables := 1
	for tables*128 < len(fat)+tables {
		tables++
	}
	h := make([]byte, sector)
	copy(h, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	le.PutUint16(h[24:], 0x3e)
	le.PutUint16(h[26:], 3)
	le.PutUint16(h[28:], 0xfffe)
	le.PutUint16(h[30:], 9)
	le.PutUint16(h[32:], 6)
	le.PutUint32(h[44:], uint32(tables))
	le.PutUint32(h[48:], dirStart)
	le.PutUint32(h[56:], 4096)
	le.PutUint32(h[60:], miniStart)
	le.PutUint32(h[64:], uint32((len(miniFAT)+sector-1)/sector))
	le.PutUint32(h[68:], end)
	for i := range 109 {
		le.PutUint32(h[76+4*i:], free)
	}
	for i := range tables {
		le.PutUint32(h[76+4*i:], uint32(len(fat)))
		fat = append(fat, 0xfffffffd)
	}
	var table []byte
	for i := range tables * 128 {
		v := uint32(free)
		if i < len(fat) {
			v = fat[i]
		}
		table = le.AppendUint32(table, v)
	}
	return string(h) + body.String() + string(table)
}

// class is a class identifier as it stands in a file.
func class(a uint32, b, c uint16, rest string) string {
	out := binary.LittleEndian.AppendUint32(nil, a)
	out = binary.LittleEndian.AppendUint16(out, b)
	out = binary.LittleEndian.AppendUint16(out, c)
	return string(out) + rest
}

// com is the tail of the classes that Microsoft numbered.
const com = "\xc0\x00\x00\x00\x00\x00\x00\x46"

func le16(n int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(n))) }
func le32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func wideText(s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

// long makes a stream long enough to have sectors of its own.
func long(s string) string { return s + strings.Repeat("\x00", max(0, 5000-len(s))) }

// storage is an entry that holds others.
func storage(name string, kids ...ofile) ofile {
	return ofile{name: name, kids: append([]ofile{}, kids...)}
}
