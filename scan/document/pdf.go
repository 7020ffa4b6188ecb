package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"qguard/scan"
)

// pdfPlace says where an object stands: the offset behind the word obj or
// trailer; or, with pdfPacked set, the object stream and the number in it.
type pdfPlace uint64

const (
	pdfPacked     pdfPlace = 1 << 39
	pdfPlaceLen            = 40
	maxPDFNum              = 1<<24 - 1 // larger numbers than ISO 32000-1 Annex C allows; the rest is cut off
	maxPDFObjects          = 1 << 19   // objects of a file that are kept in mind
	pdfMemory              = 3 << 20   // windows, one large object, two object streams; the index comes on top
)

// A pdfFile is one PDF while it is read.
type pdfFile struct {
	part  *scan.Part
	b     *scan.Budget
	yield func(*scan.Part) error
	raw   *io.SectionReader
	lexer pdfLexer // walks objects in order
	aux   pdfLexer // follows references meanwhile
	work  int64    // bytes of objects that may still be read, again or at last

	index      []uint64   // number<<pdfPlaceLen | place
	packed     []uint64   // the same of objects in object streams, until index has them
	containers []pdfPlace // object streams
	open       [2]*pdfContainer
	marks      []pdfPlace // objects to be judged with the index at hand
	pages      []pdfPlace
	fields     []pdfPlace // objects with text of a form or a note
	trailers   []pdfPlace
	crypt      *pdfCrypt // nil: not encrypted
	locked     bool      // encrypted, and not with the empty password

	round  int             // of judge
	opens  bool            // a script runs when the file is opened ...
	acts   bool            // ... or some script has been found out
	own    map[string]bool // functions that scripts declare
	judged map[int64]bool  // scripts and files seen to, by object number
	flaws  map[scan.Flaw]bool
	found  []error // flaws, each once
	files  int
	handed int64 // bytes of streams given out as files
}

// A pdfObject is an indirect object, or a part of one.
type pdfObject struct {
	pdfValue
	id, gen int64 // -1: none
	stream  int64 // offset of a stream's data, 0: none
	to      int64 // where the data ends, 0: not looked for yet
	place   pdfPlace
}

// openPDF yields the embedded files and the text of a PDF.
func openPDF(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	head, err := p.Head()
	if err != nil || !isPDF(head) {
		return nil // whoever looks at the content says so
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	release, err := b.Hold(pdfMemory + min(raw.Size()/8, 8*maxPDFObjects))
	if err != nil {
		return err
	}
	defer release()
	d := newPDF(p, raw, b, yield)
	defer d.close()
	if err := d.read(); err != nil {
		return errors.Join(append(d.found, err)...)
	}
	return errors.Join(d.found...)
}

// isPDF looks for the header where readers do, in the first KiB (ISO 32000-1
// Annex H.3, notes 13 and 14). Form data (FDF) is the same to them.
func isPDF(head []byte) bool {
	head = head[:min(len(head), 1<<10)]
	return bytes.Contains(head, []byte("%PDF-")) || bytes.Contains(head, []byte("%FDF-")) ||
		bytes.Contains(head, []byte("%!PS-Adobe-")) && bytes.Contains(head, []byte(" PDF-"))
}

func newPDF(p *scan.Part, raw *io.SectionReader, b *scan.Budget, yield func(*scan.Part) error) *pdfFile {
	names := map[string]string{}
	return &pdfFile{
		part: p, b: b, raw: raw, yield: yield,
		lexer:  pdfLexer{src: raw, names: names},
		aux:    pdfLexer{src: raw, names: names, data: make([]byte, 0, 2<<10)},
		work:   2*raw.Size() + 2<<20,
		judged: map[int64]bool{},
		own:    map[string]bool{},
		flaws:  map[scan.Flaw]bool{},
	}
}

// read finds all objects, then judges those that matter.
func (d *pdfFile) read() error {
	if err := d.scan(); err != nil {
		return err
	}
	slices.Sort(d.index)
	d.unlock()
	for i := range d.containers {
		if err := d.expand(i); err != nil {
			return err
		}
	}
	d.index = append(d.index, d.packed...)
	d.packed = nil
	slices.Sort(d.index)
	if err := d.judge(); err != nil {
		return err
	}
	if d.work <= 0 {
		d.flaw("limit.size", "PDF objects refer to too much")
	}
	if d.locked {
		d.add(&scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted PDF", Grave: len(d.containers) > 0 || d.files > 0})
		return d.lexer.err
	}
	if d.lexer.err != nil || len(d.pages)+len(d.fields) == 0 {
		return d.lexer.err
	}
	return d.yield(&scan.Part{
		Path: d.part.Path, Types: []string{"text/plain"}, Depth: d.part.Depth, Nest: d.part.Nest,
		Text: func() (io.Reader, error) { return d.text(), nil },
	})
}

func (d *pdfFile) flaw(rule, note string) { d.add(&scan.Flaw{Rule: rule, Note: note}) }

// add notes a flaw once.
func (d *pdfFile) add(f *scan.Flaw) {
	if !d.flaws[*f] && len(d.found) < 50 {
		d.flaws[*f] = true
		d.found = append(d.found, f)
	}
}

// scan walks the file for objects and trailers. The cross-reference table is
// not asked: it may be missing, or lie; and stream data is walked too, since a
// length may lie.
func (d *pdfFile) scan() error {
	const window, before = 128 << 10, 64
	buf := make([]byte, before+window+8)
	for base := int64(0); base < d.raw.Size(); base += window {
		if err := d.b.Time(); err != nil {
			return err
		}
		from := max(0, base-before)
		n, err := d.raw.ReadAt(buf[:base-from+window+8], from)
		if err != nil && err != io.EOF {
			return err
		}
		lo := int(base - from)
		if err := d.objects(buf[:n], lo, min(n, lo+window), from); err != nil {
			return err
		}
		for i := lo; ; {
			k := bytes.Index(buf[i:n], []byte("trailer"))
			if k < 0 || i+k >= lo+window {
				break
			}
			i += k + len("trailer")
			place := pdfPlace(from) + pdfPlace(i)
			d.object(&d.lexer, int64(place), d.raw.Size(), pdfObject{id: -1, place: place})
		}
	}
	return d.lexer.err
}

// objects reads the objects that begin in buf[lo:hi]; from is buf's offset.
func (d *pdfFile) objects(buf []byte, lo, hi int, from int64) error {
	for i := lo; i < hi; {
		k := bytes.Index(buf[i:], []byte("obj"))
		if k < 0 || i+k >= hi {
			return nil
		}
		at := i + k
		i = at + len("obj")
		if at > 0 && (buf[at-1]|0x20 >= 'a' && buf[at-1]|0x20 <= 'z') {
			continue // endobj, and words in pictures
		}
		if d.work <= 0 {
			return nil
		}
		o := pdfObject{place: pdfPlace(from) + pdfPlace(i)}
		o.id, o.gen = pdfNumberBefore(buf[:at])
		d.object(&d.lexer, int64(o.place), d.raw.Size(), o)
		if d.many() {
			return pdfTooMany()
		}
	}
	return nil
}

func (d *pdfFile) many() bool {
	return len(d.index)+len(d.packed)+len(d.marks)+len(d.pages)+len(d.fields)+len(d.trailers) > maxPDFObjects
}

func pdfTooMany() error {
	return &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("PDF with more than %d objects", maxPDFObjects)}
}

// pdfNumberBefore reads the object and generation numbers that end a piece of a
// file; -1 where they are missing.
func pdfNumberBefore(b []byte) (id, gen int64) {
	b, gen = pdfLastNumber(b)
	_, id = pdfLastNumber(b)
	if gen < 0 || id < 0 {
		return -1, -1
	}
	return id & maxPDFNum, gen
}

func pdfLastNumber(b []byte) (rest []byte, n int64) {
	for len(b) > 0 && pdfSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	end := len(b)
	for len(b) > 0 && b[len(b)-1] >= '0' && b[len(b)-1] <= '9' {
		b = b[:len(b)-1]
	}
	if len(b) == end {
		return b, -1
	}
	for _, c := range b[len(b):end] {
		n = (n*10 + int64(c-'0')) & (1<<40 - 1)
	}
	return b, n
}

// object reads the object at an offset for the first time and files it.
func (d *pdfFile) object(l *pdfLexer, off, end int64, o pdfObject) {
	marked := false
	if !d.parse(l, off, end, &o, func(v *pdfValue) { marked = marked || pdfCalls(v) }) {
		return
	}
	if entry := uint64(o.id)<<pdfPlaceLen | uint64(o.place); o.id >= 0 && o.place&pdfPacked == 0 {
		d.index = append(d.index, entry)
	} else if o.id >= 0 {
		d.packed = append(d.packed, entry)
	}
	if marked {
		d.marks = append(d.marks, o.place)
	}
	if o.kind != pdfDict {
		return
	}
	switch {
	case o.stream > 0 && (o.is("Type", "ObjStm") || o.has("N") && o.has("First")):
		d.containers = append(d.containers, o.place)
	case o.has("Encrypt"):
		d.trailers = append(d.trailers, o.place)
	case o.is("Type", "Page"):
		d.pages = append(d.pages, o.place)
	case o.get("V").kind == pdfString && (o.has("T") || o.has("FT")), o.get("Contents").kind == pdfString && o.has("Subtype"):
		d.fields = append(d.fields, o.place)
	}
}

// parse reads the object at an offset into o. ok is false where none stands, or
// when too much was read already.
func (d *pdfFile) parse(l *pdfLexer, off, end int64, o *pdfObject, each func(*pdfValue)) (ok bool) {
	if d.work <= 0 {
		return false
	}
	l.seek(off, min(end, off+d.work))
	p := pdfParser{pdfLexer: l, each: each}
	kind := p.token()
	if kind != pdfDict && o.id < 0 {
		return false // text that speaks of objects
	}
	o.pdfValue, ok = p.finish(kind, 0)
	if ok && o.kind == pdfDict && o.place&pdfPacked == 0 {
		o.stream = p.stream()
	}
	if ok && o.kind == pdfNumber { // QUIRK: an object that is only a reference
		num := o.num
		if p.token() == pdfNumber && p.token() == pdfWord && string(p.text) == "R" {
			o.pdfValue = pdfValue{kind: pdfRef, num: num}
		}
	}
	d.work -= p.pos() - off + 16
	if p.deep {
		d.flaw("limit.depth", fmt.Sprintf("PDF object nested more than %d deep", maxPDFNest))
	}
	if p.full {
		d.flaw("limit.size", "PDF object too large")
	}
	return ok
}

// stream returns the offset of the data when the word stream comes next, else 0.
func (p *pdfParser) stream() int64 {
	if p.token() != pdfWord || !bytes.HasPrefix(p.text, []byte("stream")) {
		return 0
	}
	// QUIRK: data that begins without a line end is read as part of the word.
	p.seek(p.at+int64(len("stream")), p.end)
	c, ok := p.byte()
	for ok && (c == ' ' || c == '\t') {
		c, ok = p.byte()
	}
	if ok && c == '\r' {
		c, ok = p.byte()
	}
	if ok && c != '\n' {
		p.back()
	}
	return p.pos()
}
