// Package message opens messages and multiparts: bytes in, entities out, as
// RFC 5322 and RFC 2045 to 2049 lay them out.
//
// # What is opened
//
//   - The message itself and every part of type message/rfc822 or
//     message/global (RFC 6532), or named .eml, .nws, .mht or .mhtml: header,
//     then one entity. A message that we are given is never guessed to be
//     anything else from its first bytes.
//   - multipart/*: one entity a part (RFC 2046 section 5.1). Parts of
//     multipart/digest are messages unless they say otherwise.
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
// Where go-message refuses a header, the tolerant reader of this package takes
// it: lines that are no field are skipped, parameters are read one by one
// (RFC 2231 pieces and extended values included) instead of all or none. A
// line "From " or ">From " before the header is mbox's, not the message's. A
// header that begins with no field at all is a body.
//
// Transfer encodings are decoded as clients do, to the last byte that means
// anything; see base64Reader and quotedReader. An encoding name that nobody
// knows means none (RFC 2045 section 6.4 asks to treat such a part as opaque
// bytes, which is the same). uuencode, yEnc and BinHex are not decoded yet:
// a part that names one is xfile.unreadable.
//
// # Text
//
// A text part is read in its charset, see lookup. The subject of a message is
// text too: a part without bytes whose path ends in HEADER.
//
// # Limits
//
// Depth and parts are the engine's. A header block may have Limit.Header
// bytes; past that the entity is not read (limit.size). Reading is linear in
// the bytes for each level of nesting.
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
		err = errors.Join(err, openMessage(p, b, yield))
	}
	return err
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
