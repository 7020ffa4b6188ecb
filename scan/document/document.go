// Package document opens documents: what a reader sees in them as text, what
// they carry as members, what is active in them as the findings
// xfile.macro, xfile.active and xfile.link.
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
// HTML is cut into tags and text as the HTML standard, section 13.2.5, does,
// without its tree: the text streams, whatever the size, with one tag held. A
// tag (pictures stand in attributes) or a text of more than 8 MiB is limit.size;
// where the page is read for what is active in it, a tag, a script, a comment or
// a text of base64.
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
//   - eval, Function, setTimeout or write around atob, eval around fromCharCode;
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
//
// # Office Open XML and OpenDocument (ISO/IEC 29500, 26300)
//
// The archive opener has made parts of a package's members, of every reading of
// its ZIP; each is judged alone, by the name space of its root element and what
// its XML says, names may only add. The finding is
//
//   - xfile.macro: a VBA project (by name, by content type, as the OLE file it
//     is), a content type with macros (save the binary workbook's, which says
//     so always), an Excel 4 macro sheet (by name, root, relation, content
//     type), a Basic module with text in it, a script in the manifest, an event
//     or link that runs a macro (save Basic of the program's own).
//   - xfile.active: a DDE field, link or formula, an ActiveX control, an action
//     that runs a program.
//   - xfile.link: a template, object, frame, sub-document, section or
//     ribbon code that is fetched from another machine: a URL, a UNC path, any
//     protocol. Hyperlinks, pictures and what lies on a disk are no finding.
//   - xfile.encrypted, when the manifest says so.
//
// Text parts (documents, headers, notes, comments, shared and inline strings,
// slides, charts) yield one part as HTML does: paragraphs and strings end in line
// feeds, cells in tabs, runs are joined. Packages in one file (flat OPC, Word
// 2003, flat OpenDocument, Visio 2003) yield the files that stand in them in
// base64 or XML. XML is read as UTF-8 or UTF-16, by a scanner of tags with 8 MiB
// of a tag held at most; an entity of the document's own is xfile.unreadable.
//
// # OLE ([MS-CFB])
//
// Every entry of the directory is judged, whatever storage it is in or none, by
// name, class and, where known, its stream: VBA storages, Excel 4 sheets
// ([MS-XLS], also workbooks of versions 2 to 5 that are no OLE file), Visual
// Basic modules, ActiveX, Equation Editor and other classes of known attacks,
// links to other machines, DDE, encryption of each program, installers. Packager
// objects, embedded documents and the OLE files in a presentation ([MS-PPT])
// are members. Where the tables are broken, entries are looked for wherever one
// can stand, and the file is xfile.unreadable as well, unless it is zeros.
//
// Tables are as long as the file has sectors, chains end with them, and all
// streams together may give 16 times the file's size.
//
// # Others
//
//   - Outlook messages ([MS-OXMSG]): subject, text and HTML are text parts;
//     attachments are what they are in mail, no archive's members; messages in
//     them are read with them. The RTF form of a body is not read.
//   - OneNote sections ([MS-ONESTORE]): every embedded file, with each name
//     that can be one; the form of the cloud is xfile.unreadable.
//   - Calendars (RFC 5545): files that stand in them, attachments as in mail.
//   - A web archive under a document's name is handed on as the message it is;
//     ActiveMime gives the OLE file in it.
//
// # PDF
//
// A PDF (ISO 32000-1) is told by its mark in the first KiB, whatever its name;
// form data (FDF) is read the same way. Objects are found by the word obj, in
// the whole file, stream data included, not by the cross-reference table, which
// may lie; then those in object streams (Flate with predictors, LZW, ASCII85,
// ASCIIHex, RunLength, eight filters at most). A number that was used again
// stands for all its versions. Files that open with the empty password (RC4 and
// AES, revisions 2 to 6) are decrypted as viewers do.
//
//	xfile.active      Launch actions, rich media, JavaScript that runs when the
//	                  file is opened, and JavaScript that does more
//	                  than check, format and add up form fields, show and hide
//	                  them, print, turn pages and show messages (scriptDanger);
//	                  the same in XFA forms
//	xfile.link        a go-to that leads to another computer on opening
//	xfile.encrypted   a password is needed; grave where object streams hide the
//	                  structure, or files are embedded
//	xfile.unreadable  object streams and scripts with unknown filters
//	limit.*           nested over 100 deep; 2^19 objects; objects read over and
//	                  over by references; over 2 MiB of text
//
// No findings: OpenAction and additional actions that lead to none of these,
// links, remote go-to, form submission, embedded files as such. Those are members:
// the streams of file specifications under all their names, and streams of type
// EmbeddedFile that nothing names. One part with text follows: what the content
// streams show, put together from where the glyphs stand, then form fields and
// notes. Fonts: the simple encodings with Differences, ToUnicode maps, UCS-2
// CMaps; glyphs without a meaning are left out.
//
// # RTF
//
// RTF (specification 1.9.1) begins with {\rt behind white space or a byte order
// mark, whatever follows. It is read as a stream; braces need not match.
//
//	xfile.active  objects of the packager, equations, OLE2Link and controls that
//	              run script, by class name and identifier; objocx, objhtml,
//	              objupdate, objautlink; object data broken up by control words;
//	              DDE fields, split over runs or made by QUOTE
//	xfile.link    a template, linked object or INCLUDETEXT on another computer
//
// The data of objects (\objdata, hexadecimal or \bin, an OLE 1.0 header of
// [MS-OLEDS] 2.2.4) is given out as members, the packager's file under its own
// names. The text follows code pages, fonts' character sets and \u.
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
	openOffice,
	openOLE,
	openBIFF,
	openOneNote,
	openActiveMime,
	openWebArchive,
	openPDF,
	openRTF,
	openCalendar,
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
