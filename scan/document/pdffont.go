package document

import (
	"io"
	"math"
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A pdfFont says what the codes of a string mean and how wide they are.
type pdfFont struct {
	two     bool // codes of two bytes
	unicode bool // the codes are UTF-16
	cmap    []pdfRange
	long    []string // what one code means, if it is more than a character
	simple  []string // of 256 codes; nil: only cmap
	first   int
	widths  []float32
	cids    []pdfWidth
	missing float64
}

type pdfRange struct {
	lo, hi, dst uint32 // dst is a character, or with longText an index in long
}

const pdfLong = 1 << 31

type pdfWidth struct {
	lo, hi uint32
	w      float32
}

// What fonts may hold in memory: entries of one, and of all.
const (
	maxPDFGlyphs  = 1 << 16
	heldPDFGlyphs = 1 << 17
)

// named is the font that a content stream calls so.
func (t *pdfTextReader) named(l *pdfLayer, name string) *pdfFont {
	f, ok := l.fonts[name]
	if !ok {
		f = t.font(l.res, name)
		if l.fonts == nil || len(l.fonts) > 100 {
			l.fonts = map[string]*pdfFont{}
		}
		l.fonts[name] = f
	}
	return f
}

// font finds a font by its name in the resources.
func (t *pdfTextReader) font(res pdfObject, name string) *pdfFont {
	fonts := t.d.member(res, "Font")
	ref := fonts.get(name)
	if ref.kind == pdfRef {
		if f, ok := t.fonts[int64(ref.num)]; ok {
			return f
		}
	}
	o := t.d.last(fonts.at(ref))
	if o.kind != pdfDict {
		return nil
	}
	f := t.d.readFont(o)
	if t.glyphs > heldPDFGlyphs || len(t.fonts) > 1000 {
		t.fonts, t.glyphs = map[int64]*pdfFont{}, 0
	}
	if t.glyphs += len(f.cmap) + len(f.long) + len(f.cids) + 256; ref.kind == pdfRef {
		t.fonts[int64(ref.num)] = f
	}
	return f
}

func (d *pdfFile) readFont(o pdfObject) *pdfFont {
	f := &pdfFont{missing: 500}
	encoding := d.member(o, "Encoding")
	if o.is("Subtype", "Type0") {
		f.two, f.missing = true, 1000
		f.unicode = encoding.kind == pdfName && (strings.Contains(encoding.text, "UCS2") || strings.Contains(encoding.text, "UTF16"))
		if list := d.member(o, "DescendantFonts"); len(list.list) > 0 {
			d.cidWidths(f, d.last(list.at(list.list[0])))
		}
	} else {
		f.simple = d.encoding(encoding)
		f.first = int(max(0, d.member(o, "FirstChar").int()))
		scale := 1.0
		if m := d.member(o, "FontMatrix"); o.is("Subtype", "Type3") && len(m.list) > 0 && m.list[0].kind == pdfNumber {
			scale = math.Abs(m.list[0].num) * 1000
		}
		for _, w := range d.member(o, "Widths").list {
			f.widths = append(f.widths, float32(w.num*scale))
		}
	}
	if u := d.member(o, "ToUnicode"); u.stream > 0 {
		if r, err := d.unpack(u); err == nil {
			f.readCMap(&pdfSound{r})
		}
	}
	return f
}

// cidWidths reads the widths of a CID font (ISO 32000-1, 9.7.4.3).
func (d *pdfFile) cidWidths(f *pdfFont, o pdfObject) {
	if dw := d.member(o, "DW"); dw.kind == pdfNumber {
		f.missing = dw.num
	}
	w := d.member(o, "W")
	for i := 0; i+1 < len(w.list) && len(f.cids) < maxPDFGlyphs; {
		lo := uint32(max(0, w.list[i].int()))
		next := d.last(w.at(w.list[i+1]))
		if next.kind == pdfArray {
			for k, v := range next.list {
				f.cids = append(f.cids, pdfWidth{lo + uint32(k), lo + uint32(k), float32(v.num)})
			}
			i += 2
			continue
		}
		if i+2 >= len(w.list) {
			break
		}
		f.cids = append(f.cids, pdfWidth{lo, uint32(max(0, next.int())), float32(w.list[i+2].num)})
		i += 3
	}
	sort.Slice(f.cids, func(i, k int) bool { return f.cids[i].lo < f.cids[k].lo })
}

// code takes the next code of a string.
func (f *pdfFont) code(s string) (code uint32, n int) {
	if f.two && len(s) > 1 {
		return uint32(s[0])<<8 | uint32(s[1]), 2
	}
	return uint32(s[0]), 1
}

func (f *pdfFont) width(code uint32) float64 {
	if i := int(code) - f.first; !f.two && i >= 0 && i < len(f.widths) {
		return float64(f.widths[i])
	}
	if i := sort.Search(len(f.cids), func(i int) bool { return f.cids[i].lo > code }) - 1; i >= 0 && code <= f.cids[i].hi {
		return float64(f.cids[i].w)
	}
	return f.missing
}

// append writes what a code means.
func (f *pdfFont) append(out []byte, code uint32) []byte {
	if i := sort.Search(len(f.cmap), func(i int) bool { return f.cmap[i].lo > code }) - 1; i >= 0 && code <= f.cmap[i].hi {
		r := f.cmap[i]
		if r.dst&pdfLong != 0 {
			return append(out, f.long[r.dst&^pdfLong]...)
		}
		return utf8.AppendRune(out, rune(r.dst+code-r.lo))
	}
	switch {
	case f.unicode:
		return utf8.AppendRune(out, rune(code))
	case f.simple != nil && code < 256:
		return append(out, f.simple[code]...)
	}
	return out
}

// readCMap reads a ToUnicode map (ISO 32000-1, 9.10.3).
func (f *pdfFont) readCMap(r io.Reader) {
	var failed error
	p := pdfParser{pdfLexer: &pdfLexer{src: &pdfOnward{r: r, err: &failed}, end: math.MaxInt64, data: make([]byte, 0, 4<<10)}}
	var args []pdfValue
	step := 0
	for len(f.cmap) < maxPDFGlyphs {
		kind := p.token()
		if kind == pdfNone {
			break
		}
		if kind == pdfWord {
			step = cmapStep(string(p.text))
			args = args[:0]
			p.nodes, p.bytes = 0, 0
			continue
		}
		v, ok := p.finish(kind, 0)
		if !ok || step == 0 {
			continue
		}
		if step == 1 { // the length of codes
			f.two = len(v.text) == 2
			continue
		}
		if args = append(args, v); len(args) < step {
			continue
		}
		f.addRange(pdfCode(args[0].text), pdfCode(args[step-2].text), args[step-1])
		args = args[:0]
	}
	sort.SliceStable(f.cmap, func(i, k int) bool { return f.cmap[i].lo < f.cmap[k].lo })
}

// cmapStep is how many values belong together behind a word of a CMap.
func cmapStep(word string) int {
	switch word {
	case "begincodespacerange":
		return 1
	case "beginbfchar":
		return 2
	case "beginbfrange":
		return 3
	}
	return 0
}

func pdfCode(s string) (v uint32) {
	for i := range len(s) {
		v = v<<8 | uint32(s[i])
	}
	return v
}

func (f *pdfFont) addRange(lo, hi uint32, dst pdfValue) {
	if dst.kind == pdfArray {
		for i, v := range dst.list[:min(len(dst.list), maxPDFGlyphs-len(f.cmap))] {
			f.addRange(lo+uint32(i), lo+uint32(i), v)
		}
		return
	}
	var units []uint16
	for i := 0; i+1 < len(dst.text) && i < 64; i += 2 {
		units = append(units, uint16(dst.text[i])<<8|uint16(dst.text[i+1]))
	}
	runes := utf16.Decode(units)
	if len(dst.text) == 1 {
		runes = []rune{rune(dst.text[0])}
	}
	switch {
	case len(runes) == 1:
		f.cmap = append(f.cmap, pdfRange{lo, hi, uint32(runes[0])})
	case len(runes) > 1 && len(f.long) < maxPDFGlyphs:
		f.cmap = append(f.cmap, pdfRange{lo, lo, pdfLong | uint32(len(f.long))})
		f.long = append(f.long, string(runes))
	}
}
