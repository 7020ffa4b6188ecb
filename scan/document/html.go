package document

import (
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"qguard/scan"
)

// openHTML yields the text of an HTML part and what its data URLs and scripts
// carry; what is active in it is the error. SVG and XSL have no text.
func openHTML(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	kind := sniff(p)
	labelled := p.Is("text/html", "application/xhtml+xml") || p.Named(".htm", ".html", ".shtml", ".xhtml")
	if p.Text != nil && labelled || kind.html || kind.xml && !kind.svg && !kind.xsl {
		if err := yield(htmlTextOf(p)); err != nil {
			return err
		}
	}
	var flaws error
	if kind.html && !quiet(p) {
		flaw, err := openPage(p, b, yield, markup{html: true})
		if err != nil {
			return err
		}
		flaws = flaw
	}
	if kind.html = false; kind.xml {
		flaw, err := openPage(p, b, yield, kind)
		if err != nil {
			return err
		}
		flaws = errors.Join(flaws, flaw)
	}
	return flaws
}

// htmlTextOf is the text of an HTML part.
func htmlTextOf(p *scan.Part) *scan.Part {
	return &scan.Part{
		Path: p.Path, Types: []string{"text/plain"}, Depth: p.Depth, Nest: p.Nest,
		Text: func() (io.Reader, error) {
			open := p.Text
			if open == nil {
				open = func() (io.Reader, error) { return source(p) }
			}
			r, err := open()
			if err != nil {
				return nil, err
			}
			z := html.NewTokenizer(r)
			z.SetMaxBuf(maxToken)
			return &htmlText{z: z}, nil
		},
	}
}

// htmlText reads the text of an HTML token stream.
type htmlText struct {
	z     *html.Tokenizer
	skip  atom.Atom // inside this element, whose text is no text
	ready []byte
	buf   []byte
	err   error
}

func (h *htmlText) Read(p []byte) (int, error) {
	for len(h.ready) == 0 {
		if h.err != nil {
			return 0, h.err
		}
		h.token()
	}
	n := copy(p, h.ready)
	h.ready = h.ready[n:]
	return n, nil
}

// token turns the next token into text.
func (h *htmlText) token() {
	kind := h.z.Next()
	h.buf = h.buf[:0]
	switch kind {
	case html.ErrorToken:
		h.err = h.z.Err()
		if errors.Is(h.err, html.ErrBufferExceeded) {
			h.err = &scan.Flaw{Rule: "limit.size", Note: "HTML token over 8 MiB"}
		}
	case html.TextToken:
		if h.skip == 0 {
			h.buf = append(h.buf, h.z.Text()...)
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		name, attrs := h.z.TagName()
		tag := atom.Lookup(name)
		if kind == html.StartTagToken && (tag == atom.Script || tag == atom.Style) {
			h.skip = tag
		}
		if tag == atom.Noscript {
			h.z.NextIsNotRawText() // mail clients run no script
		}
		h.mark(tag)
		if tag == atom.Input && attrs {
			h.value()
		}
	case html.EndTagToken:
		name, _ := h.z.TagName()
		tag := atom.Lookup(name)
		if tag == h.skip {
			h.skip = 0
		}
		h.mark(tag)
	}
	h.ready = h.buf
}

// mark writes what stands in plain text where an element begins or ends.
func (h *htmlText) mark(tag atom.Atom) {
	switch tag {
	case atom.Td, atom.Th:
		h.buf = append(h.buf, '\t')
	case atom.Br, atom.P, atom.Div, atom.Tr, atom.Table, atom.Li, atom.Ul, atom.Ol, atom.Dl, atom.Dt, atom.Dd,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Hr, atom.Pre, atom.Blockquote, atom.Form,
		atom.Title, atom.Body, atom.Option, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address:
		h.buf = append(h.buf, '\n')
	}
}

// value writes the value attribute of a form field.
func (h *htmlText) value() {
	for more := true; more; {
		var key, value []byte
		key, value, more = h.z.TagAttr()
		if strings.EqualFold(string(key), "value") {
			h.buf = append(append(append(h.buf, ' '), value...), ' ')
		}
	}
}
