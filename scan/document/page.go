package document

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"qguard/scan"
)

// page reads markup for what is active in it.
type page struct {
	part  *scan.Part
	b     *scan.Budget
	yield func(*scan.Part) error
	kind  markup

	notes   []string // what is active, each once
	seen    mark     // in all scripts together
	words   *wordTable
	foreign []bool // HTML: whether each open svg, math or island of HTML in them is foreign
	script  []byte // in XML: the source since a script's start tag
	inside  bool   // a script element is open
	pieces  []byte // of a text or a comment that goes on
	passed  bool   // the rest of this text does not matter
	depth   int    // of comments and noscript around it
	attrs   []attribute
	stop    error // of yield
	flaw    error // the first met besides
}

type attribute struct{ key, value []byte }

// maxNested is how deep comments and noscript are read in one another.
const maxNested = 4

// maxNotes is how many different notes a page may have.
const maxNotes = 8

func (g *page) note(what string) {
	if len(g.notes) < maxNotes && !slices.Contains(g.notes, what) {
		g.notes = append(g.notes, what)
	}
}

// openPage returns what is active as flaws, and yield's error apart from them.
func openPage(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error, kind markup) (flaws, stop error) {
	r, err := source(p)
	if err != nil {
		return err, nil
	}
	g := &page{part: p, b: b, kind: kind}
	g.yield = func(c *scan.Part) error {
		if g.stop == nil {
			g.stop = yield(c)
		}
		return g.stop
	}
	err = g.read(newTokenizer(r))
	if g.stop != nil {
		return nil, g.stop
	}
	g.judge()
	for _, what := range g.notes {
		flaws = errors.Join(flaws, &scan.Flaw{Rule: "xfile.active", Note: what})
	}
	return errors.Join(flaws, g.flaw, err), nil
}

// read shows every token to its rule.
func (g *page) read(z *tokenizer) error {
	raw := "" // the element whose text this is
	for n := 0; g.stop == nil; n++ {
		z.cdata = g.kind.xml || g.isForeign()
		kind := z.next()
		if n%1024 == 0 {
			if err := g.b.Time(); err != nil {
				return err
			}
		}
		if g.inside && (g.kind.xml || g.isForeign()) {
			if err := gather(&g.script, z.raw, "script"); err != nil {
				return err
			}
		}
		switch kind {
		case tokenEOF:
			g.endScript()
			if errors.Is(z.err, io.EOF) {
				return nil
			}
			return z.err
		case tokenText, tokenCDATA:
			if err := g.text(z, raw); err != nil {
				return err
			}
		case tokenComment:
			text, err := g.whole(z, "comment")
			if err != nil {
				return err
			}
			g.comment(text)
		case tokenStartTag, tokenSelfClosing:
			raw = g.start(z, string(z.name[:min(len(z.name), 100)]), kind == tokenSelfClosing)
		case tokenEndTag:
			g.end(local(string(z.name[:min(len(z.name), 100)])))
			raw = ""
		}
	}
	return nil
}

func (g *page) text(z *tokenizer, raw string) error {
	switch {
	case raw == "script":
		text, err := g.whole(z, raw)
		g.run(text)
		return err
	case raw == "noscript":
		// Without script its content is markup, with script it is one text.
		text, err := g.whole(z, raw)
		if len(text) > 0 {
			g.nested(text)
		}
		return err
	case raw != "style" && !g.inside:
		return g.prose(z)
	}
	return nil
}

// nested reads markup that only some programs see: in comments, in noscript.
func (g *page) nested(text []byte) {
	if g.depth == maxNested {
		g.note("markup nested in comments")
		return
	}
	inner := &page{part: g.part, b: g.b, kind: g.kind, depth: g.depth + 1, notes: g.notes, seen: g.seen, words: g.words}
	inner.yield = func(c *scan.Part) error {
		inner.stop = g.yield(c)
		return inner.stop
	}
	if err := inner.read(tokenize(text)); err != nil && g.flaw == nil {
		g.flaw = err
	}
	g.notes, g.seen = inner.notes, g.seen|inner.seen
}

// comment judges a comment, and what looks like one to this tokenizer: bogus
// comments, declarations of a DTD, processing instructions.
func (g *page) comment(raw []byte) {
	switch {
	case bytes.HasPrefix(raw, []byte("<!--")):
		// QUIRK: Internet Explorer and Outlook read the inside of a conditional comment.
		if text := bytes.TrimLeft(raw[4:], " \t\r\n"); len(text) > 3 && strings.EqualFold(string(text[:3]), "[if") {
			if i := bytes.IndexByte(text, '>'); i > 0 {
				g.nested(text[i+1:])
			}
		} else if len(text) >= minText {
			g.large(text)
		}
	case !g.kind.xml:
	case bytes.HasPrefix(raw, []byte("<?")):
		if what := lower(raw, 1024); strings.Contains(what, "xml-stylesheet") && strings.Contains(what, "xsl") &&
			(g.kind.svg || strings.Contains(what, "data:") || strings.Contains(what, "\"#") || strings.Contains(what, "'#")) {
			g.note("XML turned into something else by its own style sheet")
		}
	default:
		g.declaration(raw)
	}
}

// declaration judges a document type and the declarations in it. An entity for
// a name space is ordinary; one for markup, or for a file, hides something.
func (g *page) declaration(raw []byte) {
	if g.kind.xsl {
		return // browsers read none, and style sheets are built so
	}
	i := bytes.Index(raw, []byte("<!ENTITY"))
	if j := bytes.Index(raw, []byte("<!ATTLIST")); j >= 0 {
		if what := lower(raw[j:], 4096); strings.Contains(what, "script") || strings.Contains(what, "href") || strings.Contains(what, " on") {
			g.note("attributes set by the document type")
		}
	}
	if i < 0 {
		return
	}
	words := bytes.Fields(raw[i+len("<!ENTITY"):][:min(4096, len(raw)-i-len("<!ENTITY"))])
	if len(words) < 2 {
		return
	}
	value := bytes.Join(words[1:], []byte(" "))
	switch w := string(words[1]); {
	case string(words[0]) == "%" || w == "SYSTEM" || w == "PUBLIC":
		g.note("external entity")
	case bytes.ContainsAny(value, "<") || bytes.Contains(value, []byte("&#")) || strings.Contains(lower(value, 4096), "script"):
		g.note("markup in an entity")
	}
}

// start judges a start tag and returns the element whose text is no markup.
func (g *page) start(z *tokenizer, name string, closed bool) (raw string) {
	if g.kind.xml {
		if name != "hta:application" {
			name = prefixed(name)
		}
	} else {
		g.enter(name, closed)
	}
	foreign := g.kind.xml || g.isForeign()
	g.attrs = g.attrs[:0]
	for {
		key, value, ok := z.attr()
		if !ok {
			break
		}
		if g.attrs = append(g.attrs, attribute{key, value}); len(g.attrs) == 256 {
			g.element(name)
			g.attrs = g.attrs[:0]
		}
	}
	g.element(name)
	if foreign {
		z.notRaw()
		if name == "script" && !closed {
			g.inside = true
		}
		return ""
	}
	switch name {
	case "script", "style", "noscript":
		return name
	}
	return ""
}

// end judges an end tag.
func (g *page) end(name string) {
	if name == "script" {
		g.endScript()
	}
	if g.kind.xml || len(g.foreign) == 0 {
		return
	}
	switch name {
	case "svg", "math", "foreignobject", "desc", "title", "annotation-xml":
		g.foreign = g.foreign[:len(g.foreign)-1]
	}
}

// endScript judges the source gathered since a script's start tag.
func (g *page) endScript() {
	if g.inside && len(g.script) > 0 {
		g.run(g.script)
	}
	g.inside, g.script = false, g.script[:0]
}

func (g *page) isForeign() bool { return len(g.foreign) > 0 && g.foreign[len(g.foreign)-1] }

// enter keeps track of SVG and MathML in HTML, where text is never raw (HTML
// standard, section 13.2.6.5): some elements of HTML end them, some of SVG
// hold HTML again.
func (g *page) enter(name string, closed bool) {
	if closed || len(g.foreign) > 64 {
		return
	}
	switch name {
	case "svg", "math":
		g.foreign = append(g.foreign, true)
	case "foreignobject", "desc", "title", "annotation-xml":
		if g.isForeign() {
			g.foreign = append(g.foreign, false)
		}
	case "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed", "h1", "h2", "h3", "h4", "h5", "h6",
		"head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small", "span", "strong", "strike",
		"sub", "sup", "table", "tt", "u", "ul", "var":
		for g.isForeign() {
			g.foreign = g.foreign[:len(g.foreign)-1]
		}
	}
}

// prefixed is the local name of an XML element; a script of another name space
// than its style sheet's stays apart.
func prefixed(name string) string {
	prefix, rest, ok := strings.Cut(name, ":")
	if !ok {
		return name
	}
	if rest == "script" && strings.Contains(prefix, "xsl") {
		return name
	}
	return rest
}

func local(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

// lower returns the start of text, max bytes at most, in lower case.
func lower(text []byte, max int) string { return strings.ToLower(string(text[:min(len(text), max)])) }
