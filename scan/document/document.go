// Package document opens documents: it turns HTML into the text a reader sees.
//
// HTML (a part of type text/html or application/xhtml+xml, or text named .htm,
// .html, .shtml or .xhtml) yields one part that has the HTML part's path, the
// type text/plain and only a Text. The rules of that text, after the rendering
// section of the HTML standard: character references are decoded; block
// elements, br and headings become line feeds, table cells tabs; inline
// elements leave no trace, so that a word split by them is whole again; script
// and style are left out; the value of a form field stands where the field is.
// Text that a style would hide is kept.
//
// The tokenizer of x/net/html does the reading, never its tree builder: the
// text streams, whatever the size, with one token held: 8 MiB at most, since
// pictures stand in attributes; a longer one ends the text with limit.size.
package document

import (
	"context"
	"errors"

	"qguard/scan"
)

// Opener opens documents. The zero value is ready.
type Opener struct{}

// readers lists what opens a document; each knows its own format by the part's
// types, names or first bytes, and leaves others alone.
var readers = [...]func(*scan.Part, *scan.Budget, func(*scan.Part) error) error{
	openHTML,
	openTable,
}

// Parts yields a document's text and the objects embedded in it; what is
// active in it is the error.
func (Opener) Parts(_ context.Context, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	var flaws error
	for _, open := range readers {
		flaws = errors.Join(flaws, open(p, b, yield))
	}
	return flaws
}
