// Package document opens documents: what a reader sees in them as text, what
// they carry as members, what is active in them as the finding xfile.active.
//
// # HTML as text
//
// HTML (type text/html or application/xhtml+xml, a name .htm, .html, .shtml or
// .xhtml; a file of any other name or type that begins as browsers sniff HTML,
// WHATWG MIME Sniffing section 7.1) yields one part that has the HTML part's
// path, the type text/plain and only a Text. The rules of that text, after the
// rendering section of the HTML standard: character references are decoded;
// block elements, br and headings become line feeds, table cells tabs; inline
// elements leave no trace, so that a word split by them is whole again; script
// and style are left out; the value of a form field stands where the field is.
// Text that a style would hide is kept.
//
// The tokenizer of x/net/html does the reading, never its tree builder: the
// text streams, whatever the size, with one token held: 8 MiB at most, since
// pictures stand in attributes; a longer one is limit.size.
//
// # What is active in HTML
//
// Script is ordinary, so a script alone is no finding, nor is a form, a
// "javascript:void(0)" or a picture in a data URL. Found are:
//
//   - a file built in the browser: Blob or File together with createObjectURL,
//     msSaveBlob; a download attribute on a data URL (not of a picture, a table
//     or plain text);
//   - atob together with 1 KiB of base64 that is no picture, font or JSON; a
//     program or an archive as base64, hexadecimal digits or a list of numbers;
//     a page or a script written from 1 KiB of escapes or 1024 numbers;
//   - data URLs with HTML, script, a program or an archive where a browser goes
//     to them: links, frames, objects, refreshes, locations set by scripts;
//   - objects that start programs (WScript.Shell and others), ActiveX, WebAssembly,
//     encoded scripts, HTML applications, links such as ms-msdt:; Flash and Java
//     in files, not in the message itself, where no client runs them.
//
// Scripts are those of script elements, of event handlers and of javascript
// links (also percent-encoded), read with the escapes of strings decoded and
// added strings joined. Conditional comments and noscript are read as well as
// markup; in SVG and MathML text is not raw. UTF-16 is known by its mark or by
// the zero beside "<".
//
// Members: srcdoc, data URLs that are not pictures by type and first bytes, and
// what in a script or a text begins with a known magic number, decoded. Their
// number is limited with that of archive members.
//
// # SVG, XHTML, XSL
//
// SVG, by its root element, type or name, is a picture: any script, event
// handler, javascript link, frame, refresh, use of a data URL, external entity
// or entity with markup is active; HTML text in it is not. XHTML as XML is read
// by the rules above. An XSL style sheet is active when it has script of its own.
// Where a name and a type disagree on HTML or XML, both are read.
//
// # Tables
//
// Tables kept as text (CSV and its like by name or type, SYLK by "ID;") are
// active when a cell is a formula that calls a program by DDE (cmd|' /c x'!A0) or,
// in SYLK, by EXEC, CALL or REGISTER; query files (.iqy and its like) always.
// Of a cell 8 KiB are looked at, as much as a formula may have.
//
// Service workers (they do not run from files), forms, remote scripts and
// frames are not looked for.
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
