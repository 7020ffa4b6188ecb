package message

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"qguard/scan"
)

// looseFields is what forgiving clients find in a header block for the three
// fields that decide what an entity is: every value of each, in the order they
// stand in.
type looseFields struct {
	types, dispositions, encodings []string

	// starts are offsets in the block at which some client takes the body to
	// begin: at a line that is no field, behind it, behind a line of blanks.
	starts []int
	// odd: some line of the block is not what every client takes it for.
	odd bool
}

// maxStarts bounds the readings of where a body begins.
const maxStarts = 3

// looseHeaderFields reads a header block as the most forgiving clients do: a
// bare CR or a NUL ends a line; a field's name may have blanks, comments,
// quotes, control and 8-bit characters in it and any number of colons behind
// it, none too; a line that is no field goes on with the one before it, or is
// passed over, or ends the header.
func looseHeaderFields(block []byte) *looseFields {
	l := &looseFields{}
	var open *[]string // the values that the last field belongs to
	tight := ""        // its value, where a fold in quotes may mean nothing
	end := func() {
		if open != nil && tight != "" {
			*open = append(*open, tight)
		}
		open, tight = nil, ""
	}
	for at := 0; at < len(block); {
		line := block[at:]
		next := len(block)
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line, next = line[:i], at+i+1
		}
		line = bytes.TrimRight(line, "\r")
		if i := bytes.IndexAny(line, "\r\x00"); i >= 0 {
			l.odd = true
			line, next = line[:i], at+i+1
		}
		switch field, value, clean := looseField(line); {
		case len(line) == 0:
			if next < len(block) {
				l.start(next)
			}
		case folded(line) && at > 0:
			if len(bytes.Trim(line, " \t\v\f")) == 0 {
				l.start(next)
			} else if open != nil {
				last := &(*open)[len(*open)-1]
				more := string(bytes.TrimSpace(line))
				if tight != "" || inQuotes(*last) {
					tight = joinFold(tight, *last, more)
				}
				*last = strings.TrimSpace(*last + " " + more)
			}
		case field != nil:
			end()
			l.odd = l.odd || !clean
			open = field(l)
			*open = append(*open, value)
		case isField(line):
			end()
		default:
			l.start(at)
			l.start(next)
			if open != nil && open != &l.encodings { // QUIRK: a continuation that was not indented
				last := (*open)[len(*open)-1]
				*open = append(*open, last+" "+string(bytes.TrimSpace(line)))
			}
		}
		at = next
	}
	end()
	return l
}

// joinFold adds a continuation line to a value without the blank that a fold
// stands for where it is in quotes. QUIRK: mailers break long names anywhere, and
// their readers drop the fold whole. tight is the value so far, "" when it is last.
func joinFold(tight, last, more string) string {
	if tight == "" {
		tight = last
	}
	if inQuotes(tight) {
		return tight + more
	}
	return tight + " " + more
}

// inQuotes reports a value that ends in an open quoted string.
func inQuotes(value string) bool {
	return (strings.Count(value, `"`)-strings.Count(value, `\"`))%2 == 1
}

// maxField is how many bytes a field may have, unfolded.
const maxField = 64 << 10

// tooLong returns limit.size where a field is longer, or has more or longer
// parameters, than anything honest.
func (l *looseFields) tooLong() error {
	for _, list := range [...][]string{l.types, l.dispositions, l.encodings} {
		for _, v := range list {
			switch {
			case len(v) > maxField:
				return &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("header field over %d bytes", maxField)}
			case len(v) > maxParams && strings.Count(v, ";") > maxParams:
				return &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("header field with more than %d parameters", maxParams)}
			case len(v) > maxValue && longest(v) > maxValue:
				return &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("header parameter over %d bytes", maxValue)}
			}
		}
	}
	return nil
}

// longest is the length of the longest stretch between semicolons.
func longest(v string) (n int) {
	for part := range strings.SplitSeq(v, ";") {
		n = max(n, len(part))
	}
	return n
}

func (l *looseFields) start(at int) {
	l.odd = true
	if len(l.starts) < maxStarts && !slices.Contains(l.starts, at) {
		l.starts = append(l.starts, at)
	}
}

// looseField recognises the three fields. clean: the name is spelt as it should
// be, with its colon at once behind it.
func looseField(line []byte) (field func(*looseFields) *[]string, value string, clean bool) {
	if len(line) < len("content-type") || len(line) > 0 && line[0] > ' ' && line[0] < 0x7f && line[0]|0x20 != 'c' && line[0] != '"' && line[0] != '(' && line[0] != '\\' {
		return nil, "", false
	}
	name, rest, colon := bytes.Cut(line, []byte(":"))
	if colon && !bytes.HasPrefix(rest, []byte(":")) {
		if field = fieldNamed(string(name)); field != nil {
			return field, string(bytes.TrimSpace(rest)), true
		}
	}
	key, end := squeezed(line)
	if field = fieldNamed(key); field == nil {
		return nil, "", false
	}
	return field, string(bytes.Trim(line[end:], " \t\v\f:")), false
}

// fieldNamed returns which list a field's values go to.
func fieldNamed(name string) func(*looseFields) *[]string {
	switch {
	case strings.EqualFold(name, "Content-Type"):
		return func(l *looseFields) *[]string { return &l.types }
	case strings.EqualFold(name, "Content-Disposition"):
		return func(l *looseFields) *[]string { return &l.dispositions }
	case strings.EqualFold(name, "Content-Transfer-Encoding"):
		return func(l *looseFields) *[]string { return &l.encodings }
	}
	return nil
}

// squeezed returns the letters and hyphens of a field's name without anything
// that may stand between them, up to a colon or, where the name is complete, to
// a blank; and the offset behind it.
func squeezed(line []byte) (key string, end int) {
	var b []byte
	depth := 0
	for i, c := range line[:min(len(line), 200)] {
		switch {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c == ':':
			return string(b), i + 1
		case c == '-' || c|0x20 >= 'a' && c|0x20 <= 'z':
			b = append(b, c)
		case c == ' ' || c == '\t':
			if fieldNamed(string(b)) != nil {
				return string(b), i
			}
		case c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\':
			return "", 0
		}
		if len(b) > len("content-transfer-encoding") {
			return "", 0
		}
	}
	return string(b), len(line)
}

// mediaTypeReadings returns the media types that values of Content-Type may
// mean; "multipart/mixed" for anything that speaks of parts or a boundary.
func mediaTypeReadings(values []string) (list []string) {
	for _, v := range values {
		v = strings.ToLower(withoutComments(v))
		kind, _, _ := strings.Cut(v, ";")
		kind = strings.Map(func(c rune) rune {
			if c <= ' ' || c >= 0x7f || c == '"' || c == '\'' || c == '\\' {
				return -1
			}
			return c
		}, kind)
		if strings.Contains(v, "boundary") || strings.Contains(kind, "multipart") {
			list = appendNew(list, "multipart/mixed")
		}
		if strings.Contains(kind, "message/rfc822") || strings.Contains(kind, "message/global") {
			list = appendNew(list, "message/rfc822")
		}
		if i := strings.IndexByte(kind, ','); i >= 0 {
			kind = kind[:i]
		}
		if strings.Count(kind, "/") == 1 {
			list = appendNew(list, kind)
		}
	}
	return list
}

// encodingReadings returns the transfer encodings that values of
// Content-Transfer-Encoding may mean besides the strict one, "" for none. A value
// that speaks of none of them (8-bit, a charset) is no encoding to anybody. sure:
// every client takes them alike.
func encodingReadings(values []string, strict string) (list []string, sure bool) {
	if len(values) == 0 {
		return nil, strict == ""
	}
	same := !slices.ContainsFunc(values, func(v string) bool { return !strings.EqualFold(v, strict) })
	if same && (standardEncoding(strict) || undecoded(strict)) {
		return nil, true
	}
	for _, v := range values {
		v = strings.ToLower(withoutComments(v))
		if strings.Contains(v, "64") {
			list = appendNew(list, "base64")
		}
		if strings.Contains(v, "q") || strings.Contains(v, "print") {
			list = appendNew(list, "quoted-printable")
		}
	}
	if len(values) > 1 {
		list = append(list, "")
	}
	return slices.DeleteFunc(list, func(e string) bool { return e == strict || e == "" && identity(strict) }), false
}

// standardEncoding reports the names of RFC 2045 section 6.1.
func standardEncoding(name string) bool {
	switch name {
	case "7bit", "8bit", "binary", "base64", "quoted-printable":
		return true
	}
	return false
}
