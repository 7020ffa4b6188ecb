package document

import (
	"fmt"
	"io"
	"math"

	"qguard/scan"
)

// maxPDFText is how much text of one PDF is given out.
const maxPDFText = 2 << 20

// A pdfTextReader reads the text of a PDF: what its pages show, in the order of the
// content streams, then the values of form fields and the notes.
//
// Words and lines are put together from where glyphs stand (ISO 32000-1, 9.4):
// a step aside of more than a fifth of the font's size is a blank, one across a
// line feed. Glyphs that a font gives no meaning to are left out.
type pdfTextReader struct {
	d      *pdfFile
	pages  []pdfPlace
	fields []pdfPlace
	fonts  map[int64]*pdfFont
	glyphs int // entries held in fonts
	layers []*pdfLayer
	out    []byte
	sent   int
	total  int
	err    error

	lines pdfLines
}

// A pdfLayer is a sequence of content streams that is being read: those of a
// page, or a form that it shows.
type pdfLayer struct {
	streams []pdfObject
	res     pdfObject
	p       *pdfParser // nil: the next stream is to be opened
	stack   []pdfState
	state   pdfState
	args    []pdfValue
	fonts   map[string]*pdfFont // by their names here
	forms   *pdfObject          // the dictionary of forms and pictures, once it was asked for
}

// maxLayers is how deep forms may show forms.
const maxPDFLayers = 6

func (d *pdfFile) text() io.Reader {
	d.work = 4*d.raw.Size() + 4<<20
	return &pdfTextReader{d: d, pages: d.pages, fields: d.fields, fonts: map[int64]*pdfFont{}}
}

func (t *pdfTextReader) Read(p []byte) (int, error) {
	for t.sent == len(t.out) {
		t.out, t.sent = t.out[:0], 0
		if t.err != nil {
			return 0, t.err
		}
		for len(t.out) < 4<<10 && t.err == nil {
			t.step()
		}
		if t.total += len(t.out); t.total > maxPDFText && t.err == nil {
			t.err = &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("PDF with more than %d bytes of text", maxPDFText)}
		}
	}
	n := copy(p, t.out[t.sent:])
	t.sent += n
	return n, nil
}

// step reads one operator, or goes on to the next page or field.
func (t *pdfTextReader) step() {
	if n := len(t.layers); n > 0 {
		if !t.layer(t.layers[n-1]) {
			t.layers = t.layers[:n-1]
		}
		return
	}
	if t.err = t.d.b.Time(); t.err != nil {
		return
	}
	switch {
	case t.d.work <= 0:
		t.err = &scan.Flaw{Rule: "limit.size", Note: "PDF objects refer to too much"}
	case len(t.pages) > 0:
		if o, ok := t.d.load(&t.d.aux, t.pages[0], nil); ok {
			t.page(o)
		}
		t.pages = t.pages[1:]
	case len(t.fields) > 0:
		if o, ok := t.d.load(&t.d.aux, t.fields[0], nil); ok {
			t.field(o)
		}
		t.fields = t.fields[1:]
	default:
		t.err = io.EOF
	}
}

// page begins a page.
func (t *pdfTextReader) page(o pdfObject) {
	res := t.d.member(o, "Resources")
	parent := o
	for range 32 {
		if res.kind == pdfDict {
			break
		}
		if parent = t.d.member(parent, "Parent"); parent.kind != pdfDict {
			break
		}
		res = t.d.member(parent, "Resources")
	}
	l := &pdfLayer{res: res, state: newPDFState()}
	add := func(s pdfObject) {
		if s.stream > 0 && len(l.streams) < 4096 {
			l.streams = append(l.streams, s)
		}
	}
	switch c := t.d.member(o, "Contents"); c.kind {
	case pdfArray:
		for _, item := range c.list {
			add(t.d.last(c.at(item)))
		}
	default:
		add(c)
	}
	t.out = append(t.out, '\n')
	t.lines = pdfLines{}
	t.layers = append(t.layers, l)
}

// field writes a form field or a note.
func (t *pdfTextReader) field(o pdfObject) {
	t.out = append(t.out, '\n')
	for _, key := range []string{"T", "V", "Contents"} {
		v := o.get(key)
		if v.kind != pdfString {
			continue
		}
		text, _ := t.d.string(t.d.owner(o.at(v), o.place))
		t.out = append(append(t.out, text...), ' ')
	}
}

// layer reads one operator of a content stream; false at the end.
func (t *pdfTextReader) layer(l *pdfLayer) bool {
	if l.p == nil {
		if len(l.streams) == 0 {
			return false
		}
		s := l.streams[0]
		l.streams = l.streams[1:]
		r, err := t.d.unpack(s)
		if err != nil {
			t.err = t.d.note(err)
			return true
		}
		src := &pdfOnward{r: &pdfSound{r}, err: &t.err}
		l.p = &pdfParser{pdfLexer: &pdfLexer{src: src, end: math.MaxInt64, data: make([]byte, 0, 8<<10)}}
		return true
	}
	kind := l.p.token()
	switch kind {
	case pdfNone:
		l.p = nil
		return true
	case pdfWord:
		t.operator(l, string(l.p.text))
		l.args = l.args[:0]
		l.p.nodes, l.p.bytes, l.p.deep = 0, 0, false
		return true
	}
	if v, ok := l.p.finish(kind, 0); ok && len(l.args) < 32 {
		l.args = append(l.args, v)
	}
	return true
}

// pdfOnward lets a stream be read where a ReaderAt is asked for: it is read from
// its start to its end only.
type pdfOnward struct {
	r   io.Reader
	err *error
}

func (o *pdfOnward) ReadAt(p []byte, _ int64) (int, error) {
	n, err := io.ReadAtLeast(o.r, p, 1)
	if err != nil && err != io.EOF && *o.err == nil {
		*o.err = err
	}
	return n, err
}

func (l *pdfLayer) number(i int) float64 {
	if i < 0 || i >= len(l.args) || l.args[i].kind != pdfNumber {
		return 0
	}
	return l.args[i].num
}

// operator does what matters to text, ISO 32000-1 Annex A.
func (t *pdfTextReader) operator(l *pdfLayer, op string) {
	s := &l.state
	n := len(l.args)
	switch op {
	case "q":
		if len(l.stack) < 64 {
			l.stack = append(l.stack, *s)
		}
	case "Q":
		if k := len(l.stack); k > 0 {
			*s = l.stack[k-1]
			l.stack = l.stack[:k-1]
		}
	case "cm":
		s.ctm = l.matrix().times(s.ctm)
	case "BT":
		s.line, s.at = pdfIdentity, pdfIdentity
	case "Tf":
		if n >= 2 && l.args[n-2].kind == pdfName {
			s.size = l.number(n - 1)
			s.font = t.named(l, l.args[n-2].text)
		}
	case "Tc":
		s.charSpace = l.number(n - 1)
	case "Tw":
		s.wordSpace = l.number(n - 1)
	case "Tz":
		s.scale = l.number(n-1) / 100
	case "TL":
		s.leading = l.number(n - 1)
	case "Td", "TD":
		if op == "TD" {
			s.leading = -l.number(n - 1)
		}
		s.move(l.number(n-2), l.number(n-1))
	case "Tm":
		s.line = l.matrix()
		s.at = s.line
	case "T*":
		s.move(0, -s.leading)
	case "'", `"`:
		s.move(0, -s.leading)
		fallthrough
	case "Tj", "TJ":
		if n > 0 {
			t.show(s, l.args[n-1])
		}
	case "Do":
		if n > 0 && l.args[n-1].kind == pdfName {
			t.form(l, l.args[n-1].text)
		}
	case "ID":
		l.p.inlineImage()
	}
}

// matrix is the last six operands.
func (l *pdfLayer) matrix() (m pdfMatrix) {
	n := len(l.args)
	if n < 6 {
		return pdfIdentity
	}
	for i := range m {
		m[i] = l.number(n - 6 + i)
	}
	return m
}

// form shows a form: a content stream of its own.
func (t *pdfTextReader) form(l *pdfLayer, name string) {
	if l.forms == nil {
		forms := t.d.member(l.res, "XObject")
		l.forms = &forms
	}
	o := t.d.member(*l.forms, name)
	if o.stream == 0 || !o.is("Subtype", "Form") || len(t.layers) >= maxPDFLayers {
		return
	}
	res := t.d.member(o, "Resources")
	if res.kind != pdfDict {
		res = l.res
	}
	state := newPDFState()
	state.ctm = l.state.ctm
	t.layers = append(t.layers, &pdfLayer{streams: []pdfObject{o}, res: res, state: state})
}

// inlineImage passes over the data of a picture in a content stream.
func (p *pdfParser) inlineImage() {
	before := byte(0)
	for state := 0; ; {
		c, ok := p.byte()
		if !ok {
			return
		}
		switch {
		case state == 2 && pdfSpace(c):
			return
		case state == 1 && c == 'I':
			state = 2
		case c == 'E' && pdfSpace(before):
			state = 1
		default:
			state = 0
		}
		before = c
	}
}
