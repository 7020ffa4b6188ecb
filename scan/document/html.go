package document

import (
	"errors"
	"io"

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
			return &htmlText{z: newTokenizer(r)}, nil
		},
	}
}

// htmlText reads the text of an HTML token stream.
type htmlText struct {
	z     *tokenizer
	skip  string // inside this element, whose text is no text
	size  int    // of the text so far
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
	kind := h.z.next()
	h.buf = h.buf[:0]
	switch kind {
	case tokenEOF:
		h.err = h.z.err
	case tokenText:
		if h.skip == "" {
			h.text()
		}
	case tokenStartTag, tokenSelfClosing:
		switch string(h.z.name) {
		case "script", "style":
			if kind == tokenStartTag {
				h.skip = string(h.z.name)
			}
		case "noscript":
			h.z.notRaw() // mail clients run no script
		case "input":
			h.value()
		}
		h.mark()
	case tokenEndTag:
		if string(h.z.name) == h.skip {
			h.skip = ""
		}
		h.mark()
	}
	h.ready = h.buf
}

// text writes a piece of text; all of one text may have 8 MiB.
func (h *htmlText) text() {
	h.buf = h.z.appendText(h.buf)
	if h.size += len(h.z.raw); h.size > maxToken {
		h.err = &scan.Flaw{Rule: "limit.size", Note: "HTML token over 8 MiB"}
	}
	if !h.z.more {
		h.size = 0
	}
}

// mark writes what stands in plain text where an element begins or ends.
func (h *htmlText) mark() {
	switch string(h.z.name) {
	case "td", "th":
		h.buf = append(h.buf, '\t')
	case "br", "p", "div", "tr", "table", "li", "ul", "ol", "dl", "dt", "dd",
		"h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "blockquote", "form",
		"title", "body", "option", "section", "article", "header", "footer", "address":
		h.buf = append(h.buf, '\n')
	}
}

// value writes the value attribute of a form field.
func (h *htmlText) value() {
	for {
		key, value, ok := h.z.attr()
		if !ok {
			return
		}
		if string(key) == "value" {
			h.buf = append(append(append(h.buf, ' '), value...), ' ')
		}
	}
}
