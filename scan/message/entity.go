package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"qguard/scan"
)

// An entity is a header and a body (RFC 2045 section 2.4) with all readings of
// both. Where every client agrees, as in ordinary mail, there is one.
type entity struct {
	part     *scan.Part        // the strict reading, with every name and type of the others
	raw      *io.SectionReader // header and body
	body     *io.SectionReader
	outer    *io.SectionReader // the outermost multipart around it
	encoding string

	odd        oddity   // what the decoder met, once the body was read
	encodings  []string // what else the transfer encoding may be
	starts     []int64  // where else in raw the body may begin
	boundaries []string // what the boundary may be
	disputed   bool     // whether it is a multipart, or by which boundary
	flaw       error    // why not every reading was made
	names      bool     // the readings of its name differ in the extension
}

// newEntity reads the header at the start of raw. defaultType is what an entity
// without Content-Type is.
func newEntity(raw *io.SectionReader, b *scan.Budget, defaultType string) (*entity, error) {
	block, bodyAt, err := readBlock(raw, int(b.Limit.Header))
	if err != nil {
		return nil, err
	}
	header := parseHeader(block)
	if len(header) == 0 && len(strings.TrimSpace(string(block))) > 0 {
		bodyAt = 0 // QUIRK: clients show a message that begins with no field as text
	}
	e := &entity{raw: raw, body: section(raw, bodyAt, raw.Size()-bodyAt)}
	e.part = &scan.Part{Header: header, Types: []string{defaultType}, Made: e}
	params := e.strict()
	base := int64(0)
	if len(header) == 0 && defaultType != "message/rfc822" {
		base = bodyAt
		if block, err = firstBlock(e.body); err != nil {
			return nil, err
		}
	}
	if endsOtherwise(block) {
		more, err := firstBlock(e.body)
		if err != nil {
			return nil, err
		}
		if first, _, _ := bytes.Cut(more, []byte("\n")); isField(first) {
			block = append(block[:len(block):len(block)], more...)
			e.starts = append(e.starts, int64(len(block)))
		}
	}
	e.loose(looseHeaderFields(block), base, base+int64(len(block)))
	e.open(params["charset"])
	return e, nil
}

// endsOtherwise reports a header whose lines end in a line feed and whose last,
// the empty one, in CR and line feed, or the other way round. To a reader that
// goes by the one or the other it has not ended yet.
func endsOtherwise(block []byte) bool {
	first := bytes.IndexByte(block, '\n')
	last := len(block) - 1
	if first < 1 || last < first+2 || block[last] != '\n' {
		return false
	}
	return (block[first-1] == '\r') != (block[last-1] == '\r')
}

// unmade is the entity of a multipart that another opener yielded.
func unmade(p *scan.Part) *entity {
	e := &entity{part: p, raw: p.Raw, body: p.Raw}
	_, params := contentType(p.Header.Get("Content-Type"))
	if b := params["boundary"]; b != "" {
		e.boundaries = []string{b}
	}
	return e
}

// strict reads type, names and encoding as the RFCs have them.
func (e *entity) strict() (params map[string]string) {
	p := e.part
	var names []string
	if value := p.Header.Get("Content-Type"); value != "" {
		p.Types[0], params = contentType(value)
		names = append(nameParams(value, params, "name"), nameParams(value, params, "filename")...)
	}
	if d := p.Header.Get("Content-Disposition"); d != "" {
		_, dparams := disposition(d)
		names = append(nameParams(d, dparams, "filename"), names...)
		names = append(names, nameParams(d, dparams, "name")...) // QUIRK: either field's parameter is taken from the other
	}
	for _, n := range names {
		p.Names = appendNew(p.Names, n)
	}
	if b := params["boundary"]; b != "" {
		e.boundaries = []string{b}
	}
	e.encoding = strings.ToLower(strings.TrimSpace(p.Header.Get("Content-Transfer-Encoding")))
	return params
}

// loose adds the other readings of the header block that stands in raw from base
// to end.
func (e *entity) loose(l *looseFields, base, end int64) {
	p := e.part
	if e.flaw = l.tooLong(); e.flaw != nil {
		return
	}
	tidy := !l.odd && len(l.types) <= 1 && len(l.dispositions) <= 1
	for _, v := range l.types {
		tidy = tidy && tidyParams(v) && (p.Is("multipart/") || !strings.Contains(lowerASCII(v), "boundary"))
	}
	for _, v := range l.dispositions {
		tidy = tidy && tidyParams(v)
	}
	var sure bool
	e.encodings, sure = encodingReadings(l.encodings, e.encoding)
	if tidy && sure {
		return
	}
	if len(p.Header) == 0 {
		if len(l.types)+len(l.dispositions)+len(l.encodings) == 0 {
			return
		}
		e.starts = append(e.starts, end) // the strict reading sees no header here
	}
	for _, at := range l.starts {
		if at := base + int64(at); at != e.bodyAt() && len(e.starts) < maxStarts {
			e.starts = append(e.starts, at)
		}
	}
	fields := append(slices.Clone(l.types), l.dispositions...)
	strict := p.Types[0]
	for _, t := range mediaTypeReadings(l.types) {
		if !strings.HasPrefix(t, "multipart/") || !p.Is("multipart/") {
			p.Types = appendNew(p.Types, t)
		}
	}
	boundaries, _ := paramReadings(fields, "boundary")
	for _, v := range boundaries {
		e.boundaries = appendNew(e.boundaries, v)
	}
	e.disputed = p.Is("multipart/") && (!strings.HasPrefix(strict, "multipart/") || len(e.boundaries) != 1 || len(e.starts) > 0)
	names, all := paramReadings(fields, "filename", "name")
	if !all {
		e.flaw = &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("file name given more than %d times", maxParams)}
	}
	e.looseNames(names)
}

// bodyAt is the offset in raw at which the body begins.
func (e *entity) bodyAt() int64 { return e.raw.Size() - e.body.Size() }

// looseNames adds the names that other readings give.
func (e *entity) looseNames(names []string) {
	p := e.part
	none := len(p.Names) == 0
	extensions := map[string]bool{}
	for _, n := range p.Names {
		extensions[extension(n)] = true
	}
	for _, n := range names {
		if !slices.Contains(p.Names, n) {
			p.Names = append(p.Names, n)
			p.DisputedNames = append(p.DisputedNames, n)
			extensions[extension(n)] = true
		}
	}
	if e.names = len(extensions) > 1 || none && len(names) > 0; e.names {
		p.DisputedNames = p.Names // also those of the strict reading
	}
}

// extension returns what follows the last dot of a name, lower case.
func extension(name string) string {
	return strings.ToLower(strings.TrimRight(name[strings.LastIndexByte(name, '.')+1:], " \"'"))
}

// open gives the part its bytes and its text. A multipart has none of its own,
// unless that is disputed.
func (e *entity) open(charset string) {
	p := e.part
	if strings.HasPrefix(p.Types[0], "multipart/") {
		return
	}
	p.Open = func() (io.Reader, error) { return decode(e.body, e.encoding, &e.odd) }
	p.Disputed = undecoded(e.encoding)
	if identity(e.encoding) {
		p.Raw = e.body
	}
	if p.Is("text/") {
		p.Text = func() (io.Reader, error) {
			r, err := p.Open()
			if err != nil {
				return nil, err
			}
			return toUTF8(r, charset), nil
		}
	}
}

// yield hands on the strict reading.
func (e *entity) yield(b *scan.Budget, yield func(*scan.Part) error) error {
	in, off, _ := e.raw.Outer()
	b.Mark(in, off)
	return yield(e.part)
}

// readings yields what other clients take a leaf's bytes for. The finding is
// mime.ambiguous.
func (e *entity) readings(b *scan.Budget, yield func(*scan.Part) error) error {
	var what []string
	if e.names {
		what = append(what, "the file name")
	}
	if undecoded(e.encoding) { // never registered: nothing to most clients
		what = append(what, "the transfer encoding")
	}
	for _, r := range e.others() {
		if err := b.Time(); err != nil {
			return err
		}
		differs, err := differ(e.part, r)
		if err != nil {
			return err
		}
		if !differs {
			continue
		}
		if r.what != "" {
			what = appendNew(what, r.what)
		}
		if err := yield(r.part); err != nil {
			return err
		}
	}
	return errors.Join(e.flaw, ambiguous(what))
}

// ambiguous is the finding of readings that disagree; nil where none do.
func ambiguous(what []string) error {
	if len(what) == 0 {
		return nil
	}
	return &scan.Flaw{Rule: "mime.ambiguous", Note: "mail clients may disagree on " + strings.Join(what, ", ")}
}

// section returns n bytes of raw from an offset on as a section of what raw is a
// section of: reading it costs the same at any depth.
func section(raw *io.SectionReader, from, n int64) *io.SectionReader {
	in, off, _ := raw.Outer()
	return io.NewSectionReader(in, off+from, n)
}
