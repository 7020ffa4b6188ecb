package message

import (
	"bytes"
	"io"

	"qguard/scan"
)

// embedded yields the files inside a part that is no entity of its own: TNEF,
// MacBinary and AppleSingle by their first bytes, and what stands encoded in
// text.
func embedded(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil {
		return nil
	}
	head, err := p.Head()
	if err != nil {
		return nil // whoever looks at the content says so
	}
	if body := namedBody(p); body != nil {
		if err := inlineRaw(body, p, b, yield); err != nil {
			return err
		}
	}
	switch {
	case isTNEF(head):
		return openTNEF(p, b, yield)
	case isMacBinary(p, head):
		return openMacBinary(p, b, yield)
	case isAppleSingle(head):
		return openAppleSingle(p, b, yield)
	}
	return inline(p, b, yield)
}

// inline yields the files that stand encoded in the bytes of a part, where no
// transfer encoding says so: uuencode, xxencode, base64 between uuencode's
// lines, yEnc and BinHex. Without any, the part has been read once and nothing
// is kept.
func inline(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	head, err := p.Head()
	if err != nil || !mayHold(p, head) {
		return err
	}
	f := &finder{budget: b, binhex: p.Is(binhexTypes...) || p.Named(".hqx", ".hcx")}
	if len(head) < scan.HeadSize {
		f.window(head, 0, true) // all there is
	} else if err := f.read(p); err != nil {
		return err
	}
	if f.finish(); len(f.files) == 0 {
		return f.err
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	return f.yield(p, raw, yield)
}

// inlineRaw does the same with the body of a part whose transfer encoding is
// one of these. The part itself has the content of the first file under its
// MIME names; here each comes under the names that the body gives.
func inlineRaw(body *io.SectionReader, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	f := &finder{budget: b, binhex: true}
	if err := f.stream(io.NewSectionReader(body, 0, body.Size())); err != nil {
		return err
	}
	f.finish()
	return f.yield(p, body, yield)
}

// Types and name suffixes of encoded files.
var (
	binhexTypes    = []string{"application/mac-binhex40", "application/mac-binhex", "application/binhex", "application/x-binhex40"}
	encodedTypes   = []string{"application/x-uuencode", "application/x-uue", "application/uuencode", "application/x-xxencode", "application/yenc", "application/x-yenc"}
	encodedEndings = []string{".uue", ".uu", ".xxe", ".xx", ".hqx", ".hcx", ".yenc", ".ync", ".ntx", ".b64"}
)

// mayHold reports whether a part is worth a search: text by its type or its
// first bytes, or an encoded file by its name. Mail clients do not search the
// members of archives, so those must be named; what has a type is no member but
// comes from a message in the archive, which they read as any other.
func mayHold(p *scan.Part, head []byte) bool {
	if p.Named(encodedEndings...) {
		return true
	}
	if p.Nest > 0 && len(p.Types) == 0 {
		return false
	}
	return p.Is("text/", "message/") || p.Is(binhexTypes...) || p.Is(encodedTypes...) || bytes.IndexByte(head, 0) < 0
}

func (f *finder) read(p *scan.Part) error {
	r, err := p.Open()
	if err != nil {
		return err
	}
	return f.stream(r)
}

// stream searches r to its end.
func (f *finder) stream(r io.Reader) error {
	buf := make([]byte, findWindow)
	at, have := int64(0), 0
	for f.err == nil {
		n, err := io.ReadFull(r, buf[have:])
		have += n
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		used := f.window(buf[:have], at, last)
		if last {
			return nil
		}
		if f.budget != nil {
			if err := f.budget.Time(); err != nil {
				return err
			}
		}
		have = copy(buf, buf[used:have])
		at += int64(used)
	}
	return nil
}

// yield hands on all files, then says what stopped the search.
func (f *finder) yield(p *scan.Part, raw *io.SectionReader, yield func(*scan.Part) error) error {
	for _, e := range joinYenc(f.files) {
		if e.kind == binhex {
			if err := f.yieldBinHex(p, raw, e, yield); err != nil {
				return err
			}
			continue
		}
		child := inner(p, e.kind.String(), e.names...)
		child.Open = func() (io.Reader, error) { return e.decode(raw), nil }
		if err := yield(child); err != nil {
			return err
		}
	}
	return f.err
}

// inner returns a part for a file that a mail client shows beside p. kind stands
// in the path where it has no name.
func inner(p *scan.Part, kind string, names ...string) *scan.Part {
	show := kind
	if len(names) > 0 {
		show = scan.Printable(names[0], 100)
	}
	return &scan.Part{Path: p.Path + "/" + show, Names: names, Depth: p.Depth + 1, Nest: p.Nest}
}

// nameReadings returns a name as it is and with encoded words read, "" for none.
func nameReadings(name string) []string {
	if name == "" {
		return nil
	}
	return appendNew([]string{name}, decodeWords(name))
}
