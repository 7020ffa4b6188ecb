// Package message opens messages and multiparts: bytes in, entities out, as
// RFC 5322 and RFC 2045 to 2049 lay them out, and as mail clients read what
// breaks those rules.
//
// # What is opened
//
//   - The message itself and every part of type message/rfc822 or
//     message/global (RFC 6532), or named .eml, .nws, .mht or .mhtml: header,
//     then one entity. A message that we are given is never guessed to be
//     anything else from its first bytes.
//   - multipart/*: one entity a part (RFC 2046 section 5.1). Parts of
//     multipart/digest are messages unless they say otherwise.
//   - S/MIME (RFC 8551): what an opaque signature or CMS compression wraps. What
//     is encrypted for its recipient is xfile.encrypted.
//   - message/partial and message/external-body are not whole here: the
//     finding is mime.partial.
//
// # The strict reading
//
// Header fields and their parameters are read with go-message. Boundaries are
// found here and not by go-message's multipart reader, because a part has to
// be opened more than once - by every look, by an archive opener, by another
// reading - without being held: an entity is a range of its message's bytes
// with a decoder over it. The tests compare the two readers on every mail.
//
// Where go-message refuses a header, a tolerant reader takes it: lines that
// are no field are skipped, parameters are read one by one (RFC 2231 pieces
// and extended values included) instead of all or none. A line "From " or
// ">From " before the header is mbox's, not the message's. A header that
// begins with no field at all is a body.
//
// # The other readings
//
// Clients forgive what the RFCs forbid, each in its own way, so that two of
// them see different parts, names and bytes in one message. An entity whose
// header every client reads alike has one reading: each of the three Content
// fields at most once, spelt in full, with its colon, every line a field or
// indented, parameters plain (tidyParams), a transfer encoding that exists. All
// others are read in every way below, and all that any reading gives is yielded:
//
//   - Header lines (looseHeaderFields): a bare CR or NUL ends a line; blanks,
//     comments, quotes, control and 8-bit characters in a field's name (RFC 5322
//     sections 3.2.2 and 4.5); several colons or none; a continuation that is not
//     indented; fields that stand twice, against section 3.6.
//   - The body begins at the empty line, at a line of blanks, at or behind the
//     first line that is no field, or behind a header that such lines precede.
//   - Parameters (paramReadings): RFC 2231 pieces in any order, with gaps, over
//     several fields, in any charset or none; encoded words (RFC 2047 section 5
//     forbids them there); duplicates; comments; escapes; values without quotes
//     or with one too few; a fold in quotes as a blank and as nothing. A name
//     counts in either field under either's parameter, name or filename.
//   - The type (mediaTypeReadings): misspelt, quoted, commented, second of two;
//     whatever speaks of a boundary may be a multipart.
//   - Boundaries: where the parameter has several readings, or none is found, or
//     delimiter lines go on behind it or stand behind a bare CR, every line that looks like a delimiter
//     before a header with a Content field is one (seam). The same holds before
//     the first and behind the last delimiter. A multipart that the one around
//     it cuts off is read on to its own end (RFC 2046 section 5.1.2).
//   - Transfer encodings (encodingReadings): several, misspelt, commented, with
//     more behind; over a multipart, against RFC 2045 section 6.4.
//   - base64 by whole lines, and by groups that count padding wherever it stands;
//     quoted-printable without what begins an escape and is none. These are made
//     where the strict decoder met such a place.
//
// What not every reading gives is marked (scan.Part.Disputed, DisputedNames); its
// path has "~" before its number. That readings disagree is one finding,
// mime.ambiguous, where it changes which parts there are, a name's extension or
// a file's first bytes. At each place at most four readings are made.
//
// Transfer encodings are decoded as clients do, to the last byte that means
// anything; see base64Reader and quotedReader. An encoding name that nobody
// knows means none (RFC 2045 section 6.4 asks to treat such a part as opaque
// bytes, which is the same).
//
// # Files inside a part
//
// Mail clients and what they hand files to also show files that no entity
// announces; each is a part beside the one it stands in, under its own name:
//
//   - uuencode (POSIX.1-2017), with its base64 variant and xxencode, yEnc (draft
//     1.3, 2002) and BinHex 4.0 (RFC 1741) anywhere in a part that is text by its
//     type or its first bytes; of an archive's members only in those named so. A "begin"
//     line counts only when data follow it.
//   - The same, and gzip under base64, as Content-Transfer-Encoding under the
//     names that were never registered (x-uuencode, yenc, mac-binhex40, gzip64):
//     the part has the content of the first file, the names in the body are
//     judged beside it. A body that is not so encoded is read as it stands.
//   - TNEF ([MS-OXTNEF], winmail.dat): attachments under title, long and
//     transport name, messages in it, and the bodies: text, HTML and RTF
//     ([MS-OXRTFCP]).
//   - MacBinary I to III, AppleSingle and AppleDouble (RFC 1740): the data fork.
//
// Their sizes and checksums decide nothing. A text is read once more for this,
// and kept (scan.Part.Content) only when something was found in it. Each file
// counts as a part and is a level of depth.
//
// # Text
//
// A text part is read in its charset, see lookup. The subject of a message is
// text too: a part without bytes whose path ends in HEADER.
//
// # Limits
//
// Depth and parts are the engine's. A header block may have Limit.Header
// bytes; past that the entity is not read (limit.size). A Content field may have
// 64 KiB and 128 parameters of 4 KiB; of one beyond that the strict reading is
// made, and limit.size says so.
// Reading is linear in the bytes for each level of nesting.
package message

import (
	"context"
	"errors"
	"io"
	"strings"

	"qguard/scan"
)

// Opener opens messages and multiparts. The zero value is ready.
type Opener struct{}

// Parts yields the entities of a message or a multipart.
func (Opener) Parts(_ context.Context, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	switch {
	case p.Is("message/partial"):
		return &scan.Flaw{Rule: "mime.partial", Note: "a piece of a message, to be joined in the mail client"}
	case p.Is("message/external-body"):
		return &scan.Flaw{Rule: "mime.partial", Note: "the body is elsewhere and fetched by the mail client"}
	}
	var err error
	e, made := p.Made.(*entity)
	if !made && p.Is("multipart/") && p.Raw != nil {
		e = unmade(p)
	}
	if e != nil && p.Is("multipart/") {
		err = e.multipart(b, yield)
	}
	if made && p.Open != nil {
		err = errors.Join(err, e.readings(b, yield))
	}
	if p.Open != nil {
		err = errors.Join(err, openSecure(p, b, yield))
	}
	if p.Is("message/rfc822", "message/global") || p.Open != nil && p.Named(".eml", ".nws", ".mht", ".mhtml") {
		return errors.Join(err, openMessage(p, b, yield))
	}
	return errors.Join(err, embedded(p, b, yield))
}

// openMessage yields the one entity of a message.
func openMessage(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	if raw.Size() == 0 {
		return nil
	}
	start, err := skipFrom(raw)
	if err != nil {
		return err
	}
	if err := b.Part(); err != nil {
		return err
	}
	e, err := newEntity(section(raw, start, raw.Size()-start), b, "text/plain")
	if err != nil {
		return err
	}
	child := e.part
	child.Depth, child.Nest = p.Depth+1, p.Nest
	// IMAP numbers the parts of a message, and of a multipart that is all
	// of it, from the message's own number.
	child.Path = p.Path
	if child.Open != nil {
		child.Path = number(p.Path, "1")
	}
	if err := e.yield(b, yield); err != nil {
		return err
	}
	if subject := child.Header.Get("Subject"); subject != "" {
		return yield(headerText(child, number(p.Path, "HEADER"), subject))
	}
	return nil
}

// headerText is the part of a header that its reader sees as text.
func headerText(of *scan.Part, path, subject string) *scan.Part {
	return &scan.Part{
		Path: path, Types: []string{"text/plain"}, Depth: of.Depth, Nest: of.Nest,
		Text: func() (io.Reader, error) { return strings.NewReader(decodeWords(subject)), nil },
	}
}

// ReadHeader returns the header of a message with its values as text: encoded
// words (RFC 2047) decoded, folded lines joined. It reads 256 KiB at most.
func ReadHeader(raw *io.SectionReader) (scan.Header, error) {
	start, err := skipFrom(raw)
	if err != nil {
		return nil, err
	}
	block, _, err := readBlock(io.NewSectionReader(raw, start, raw.Size()-start), 256<<10)
	var flaw *scan.Flaw
	if err != nil && !errors.As(err, &flaw) {
		return nil, err
	}
	header := parseHeader(block)
	for i := range header {
		header[i].Value = decodeWords(header[i].Value)
	}
	return header, nil
}
