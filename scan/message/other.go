package message

import (
	"bytes"
	"io"
	"strings"

	"qguard/scan"
)

// maxOthers is how many readings of a leaf are made beside the strict one.
const maxOthers = 3

// other is a reading of a leaf that some client takes instead of the strict one.
type other struct {
	part *scan.Part
	what string // what the clients disagree on, "" where it is not worth a word
}

// others returns the readings of a leaf that its header and, once it was read,
// its bytes leave open.
func (e *entity) others() (list []other) {
	add := func(body *io.SectionReader, what string, open func() (io.Reader, error)) {
		if len(list) == maxOthers {
			return
		}
		p := *e.part
		r := other{what: what, part: &scan.Part{
			Path: p.Path, Names: p.Names, Types: p.Types, Header: p.Header, Depth: p.Depth, Nest: p.Nest,
			Disputed: true, DisputedNames: p.DisputedNames, Open: open,
		}}
		if p.Text != nil {
			r.part.Text = open
		}
		list = append(list, r)
	}
	decoded := func(body *io.SectionReader, encoding string) func() (io.Reader, error) {
		return func() (io.Reader, error) { return decode(body, encoding, nil) }
	}
	for _, encoding := range e.encodings {
		what := ""
		if plausible(e.body, encoding) || plausible(e.body, e.encoding) {
			what = "the transfer encoding"
		}
		add(e.body, what, decoded(e.body, encoding))
	}
	for _, at := range e.starts {
		body, encoding, what := section(e.raw, at, e.raw.Size()-at), e.encoding, ""
		if len(e.encodings) > 0 && identity(encoding) {
			encoding = e.encodings[0]
		}
		if plausible(body, encoding) {
			what = "where the body begins"
		}
		add(body, what, decoded(body, encoding))
	}
	from := func(wrap func(io.Reader) io.Reader) func() (io.Reader, error) {
		return func() (io.Reader, error) { return wrap(section(e.body, 0, e.body.Size())), nil }
	}
	if e.odd&(oddPadding|oddForeign|oddLine) != 0 {
		add(e.body, e.unless("the base64"), from(func(r io.Reader) io.Reader { return newLineBase64(r) }))
		add(e.body, e.unless("the base64"), from(func(r io.Reader) io.Reader { return &tupleBase64{r: r} }))
	}
	if e.odd&oddEscape != 0 {
		add(e.body, e.unless("the quoted-printable"), from(func(r io.Reader) io.Reader { return &quotedReader{r: newEscapeDropper(r)} }))
	}
	return list
}

// unless returns what the clients disagree on, "" where it is only running text.
func (e *entity) unless(what string) string {
	if len(e.part.Names) == 0 && strings.HasPrefix(e.part.Types[0], "text/") {
		return ""
	}
	return what
}

// plausible reports whether a body looks as if it were in an encoding: lines of
// base64 without blanks between words, or escapes of quoted-printable.
func plausible(body *io.SectionReader, encoding string) bool {
	head := make([]byte, min(2048, body.Size()))
	n, _ := body.ReadAt(head, 0)
	head = head[:n]
	switch encoding {
	case "base64":
		lines, clean := 0, 0
		for line := range bytes.Lines(head) {
			line = bytes.TrimSpace(line)
			if len(line) == 0 {
				continue
			}
			lines++
			letters := 0
			for _, c := range line {
				if base64Value(c) >= 0 || c == '=' {
					letters++
				}
			}
			if letters*10 >= len(line)*9 {
				clean++
			}
		}
		return lines > 0 && clean*2 > lines
	case "quoted-printable":
		return bytes.Count(head, []byte("=")) >= 3
	}
	return false
}

// differ reports whether a reading begins with other bytes than the strict one;
// what does not interest further down in a file is not worth a finding.
func differ(strict *scan.Part, r other) (bool, error) {
	a, err := firstBytes(strict)
	if err != nil {
		return true, nil // the strict reading cannot be read; this one may
	}
	b, err := firstBytes(r.part)
	if err != nil {
		return false, err
	}
	return !bytes.Equal(a, b), nil
}

func firstBytes(p *scan.Part) ([]byte, error) {
	head, err := p.Head()
	return head[:min(len(head), 4096)], err
}
