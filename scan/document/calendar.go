package document

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"qguard/scan"
)

// maxProperty is how much of a calendar's property is kept of what stands before
// its value.
const maxProperty = 4 << 10

// openCalendar yields the files that stand in an iCalendar object (RFC 5545
// section 3.8.1.1): ATTACH in base64, which calendars show as attachments of the
// event.
func openCalendar(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/", "multipart/") || !isCalendar(p) {
		return nil
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	c := calendar{r: bufio.NewReaderSize(io.NewSectionReader(raw, 0, raw.Size()), 16<<10)}
	for c.at < raw.Size() && c.err == nil {
		property := c.property()
		from := c.at
		c.skip()
		if names, ok := attachedNames(property); ok {
			if err := b.Part(); err != nil {
				return err
			}
			value := io.NewSectionReader(raw, from, c.at-from)
			if err := yield(attached(p, names, value)); err != nil {
				return err
			}
		}
		if err := b.Time(); err != nil {
			return err
		}
	}
	if c.err == io.EOF {
		return nil
	}
	return c.err
}

// isCalendar knows a calendar by type, name or its first line.
func isCalendar(p *scan.Part) bool {
	if p.Is("text/calendar", "application/ics", "text/x-vcalendar") || p.Named(".ics", ".vcs", ".ical") {
		return true
	}
	head, _ := p.Head()
	return strings.HasPrefix(lower(head, 32), "begin:vcalendar")
}

// attached is the part for a file in a calendar; it is to its reader what an
// attachment is in mail.
func attached(p *scan.Part, names []string, value *io.SectionReader) *scan.Part {
	show := "attachment"
	if len(names) > 0 {
		show = scan.Printable(names[0], 100)
	}
	return &scan.Part{
		Path: p.Path + "/" + show, Names: names, Depth: p.Depth + 1, Nest: p.Nest,
		Open: func() (io.Reader, error) {
			return &base64Reader{src: bufio.NewReader(io.NewSectionReader(value, 0, value.Size()))}, nil
		},
	}
}

// attachedNames returns the file names in a property, and whether its value is a
// file. Each program has a parameter of its own for the name: FILENAME,
// X-FILENAME, X-ORACLE-FILENAME.
func attachedNames(property []byte) (names []string, ok bool) {
	name, rest, _ := bytes.Cut(property, []byte(";"))
	if !bytes.EqualFold(name, []byte("ATTACH")) {
		return nil, false
	}
	for len(rest) > 0 {
		var param []byte
		param, rest = cutUnquoted(rest, ';')
		key, value, _ := strings.Cut(string(param), "=")
		key, value = strings.ToUpper(key), strings.Trim(value, `" `)
		switch {
		case key == "ENCODING":
			ok = ok || strings.EqualFold(value, "BASE64") || strings.EqualFold(value, "B")
		case strings.HasSuffix(key, "NAME") && value != "":
			names = append(names, value)
		}
	}
	return names, ok
}

// cutUnquoted cuts s at the first sep that stands outside quotes.
func cutUnquoted(s []byte, sep byte) (before, after []byte) {
	quoted := false
	for i, c := range s {
		if c == '"' {
			quoted = !quoted
		}
		if c == sep && !quoted {
			return s[:i], s[i+1:]
		}
	}
	return s, nil
}

// calendar reads content lines (RFC 5545 section 3.1), which are folded anywhere.
type calendar struct {
	r   *bufio.Reader
	at  int64
	end bool // of the line
	err error
}

// next returns the next byte of a line, 0 at its end.
func (c *calendar) next() byte {
	for c.err == nil {
		b, err := c.r.ReadByte()
		if err != nil {
			c.err = err
			break
		}
		c.at++
		switch b {
		case '\r', 0:
			continue
		case '\n':
			if next, _ := c.r.Peek(1); len(next) > 0 && (next[0] == ' ' || next[0] == '\t') {
				c.r.Discard(1)
				c.at++
				continue
			}
		default:
			return b
		}
		break
	}
	c.end = true
	return 0
}

// property reads a line up to the colon before its value.
func (c *calendar) property() []byte {
	var property []byte
	quoted := false
	for c.end = false; ; {
		b := c.next()
		if b == '"' {
			quoted = !quoted
		}
		if c.end || b == ':' && !quoted {
			return bytes.TrimSpace(property)
		}
		if len(property) < maxProperty {
			property = append(property, b)
		}
	}
}

// skip reads to the end of the line.
func (c *calendar) skip() {
	for !c.end {
		c.next()
	}
}
