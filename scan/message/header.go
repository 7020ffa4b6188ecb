package message

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"

	"qguard/scan"
)

// skipFrom returns the length of a leading mbox line, "From " or ">From ".
func skipFrom(raw *io.SectionReader) (int64, error) {
	line := make([]byte, 1024)
	n, err := raw.ReadAt(line, 0)
	if err != nil && err != io.EOF {
		return 0, err
	}
	line = line[:n]
	if !bytes.HasPrefix(line, []byte("From ")) && !bytes.HasPrefix(line, []byte(">From ")) {
		return 0, nil
	}
	return int64(bytes.IndexByte(line, '\n') + 1), nil
}

// readBlock reads the header up to and with the blank line that ends it, max
// bytes at most, and returns the offset of the body.
func readBlock(raw *io.SectionReader, max int) (block []byte, bodyAt int64, err error) {
	for size := 4096; ; size *= 2 {
		block = make([]byte, min(int64(min(size, max)), raw.Size()))
		if _, err := raw.ReadAt(block, 0); err != nil && err != io.EOF {
			return nil, 0, err
		}
		if end := blankLine(block); end >= 0 {
			return block[:end], int64(end), nil
		}
		if int64(len(block)) == raw.Size() {
			return block, raw.Size(), nil // no body
		}
		first, _, ended := bytes.Cut(block, []byte("\n"))
		if (ended || size >= max) && !isField(first) && !folded(first) {
			return nil, 0, nil // no header: do not look for its end
		}
		if size >= max {
			return nil, 0, &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("header over %d bytes", max)}
		}
	}
}

// firstBlock reads what may be the header of an entity whose first line is no
// field: to the first empty line behind a line that is none, 4 KiB at most.
func firstBlock(raw *io.SectionReader) ([]byte, error) {
	block := make([]byte, min(4096, raw.Size()))
	if n, err := raw.ReadAt(block, 0); n < len(block) {
		return nil, err
	}
	skip := len(block) - len(bytes.TrimLeft(block, "\r\n"))
	if end := blankLine(block[skip:]); end >= 0 {
		block = block[:skip+end]
	}
	return block, nil
}

// blankLine returns the offset behind the first empty line, -1 without one.
func blankLine(b []byte) int {
	for at := 0; at < len(b); {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return -1
		}
		if i == 0 || i == 1 && b[at] == '\r' {
			return at + i + 1
		}
		at += i + 1
	}
	return -1
}

// isField reports whether a line begins as "name:" (RFC 5322 section 2.2).
// QUIRK: section 4.5.3 allows blanks before the colon, from older software.
func isField(line []byte) bool {
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return false
	}
	name := bytes.TrimRight(line[:i], " \t")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return len(name) > 0
}

// folded reports whether a line continues the one before it.
func folded(line []byte) bool {
	return len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
}

// maxStrict is how many lines of header the strict reader is given. It takes
// 0.6 us for each, which a thousand parts of nothing but header would feel; the
// tolerant one takes a third and gives the same where the strict one gives any.
const maxStrict = 256

// parseHeader reads a header block: strictly, or else line by line.
func parseHeader(block []byte) scan.Header {
	if bytes.Count(block, []byte("\n")) > maxStrict {
		return looseHeader(block)
	}
	strict, err := textproto.ReadHeader(bufio.NewReaderSize(bytes.NewReader(block), min(len(block), 4<<10)))
	if err != nil {
		return looseHeader(block)
	}
	header := make(scan.Header, 0, strict.Len())
	for f := strict.Fields(); f.Next(); {
		header = append(header, scan.Field{Name: f.Key(), Value: f.Value()})
	}
	return header
}

// looseHeader reads what is a field and skips what is not.
func looseHeader(block []byte) scan.Header {
	var header scan.Header
	var value []byte // of the last field of header, while open
	open := false
	end := func() {
		if open {
			header[len(header)-1].Value = string(value)
		}
		open = false
	}
	for line := range bytes.Lines(block) {
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0:
		case folded(line):
			if line = bytes.TrimSpace(line); open && len(line) > 0 { // not open: it goes with a line that is no field
				if len(value) > 0 {
					value = append(value, ' ')
				}
				value = append(value, line...)
			}
		case isField(line):
			end()
			name, rest, _ := bytes.Cut(line, []byte(":"))
			header = append(header, scan.Field{Name: string(bytes.TrimRight(name, " \t"))})
			value, open = append(value[:0], bytes.TrimSpace(rest)...), true
		case len(header) == 0:
			return nil // the first line is no field: no header at all
		default:
			end()
		}
	}
	end()
	return header
}

// contentType parses the field strictly, or else piece by piece.
func contentType(value string) (mediaType string, params map[string]string) {
	var h gomessage.Header
	h.Header.AddRaw([]byte("Content-Type: " + value + "\r\n"))
	mediaType, params, err := h.ContentType()
	if err != nil || strings.Count(mediaType, "/") != 1 {
		mediaType, params = looseParams(value)
	}
	if strings.Count(mediaType, "/") != 1 {
		mediaType = "text/plain" // RFC 2045 section 5.2
	}
	return strings.ToLower(mediaType), params
}

// disposition parses the field strictly, or else piece by piece.
func disposition(value string) (kind string, params map[string]string) {
	var h gomessage.Header
	h.Header.AddRaw([]byte("Content-Disposition: " + value + "\r\n"))
	kind, params, err := h.ContentDisposition()
	if err != nil {
		kind, params = looseParams(value)
	}
	return kind, params
}

// nameParams returns the file names in a field: what the strict reading gave,
// and where pieces or extended values stand, what the tolerant one gives.
func nameParams(value string, strict map[string]string, key string) []string {
	var names []string
	if n := decodeWords(strict[key]); n != "" {
		names = append(names, n)
	}
	if strings.Contains(value, "*") {
		_, loose := looseParams(value)
		if n := loose[key]; n != "" {
			names = appendNew(names, n)
		}
	}
	return names
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}
