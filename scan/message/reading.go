package message

import (
	"slices"
	"strings"
)

// paramReadings returns every value that some client reads for a parameter of
// one of these names ("name", "filename") in values of Content-Type and
// Content-Disposition fields. Where the grammar is kept there is one reading and
// tidyParams says so; this is for the rest, and takes all of:
//
//   - the name found anywhere behind a delimiter, inside quotes too, whatever
//     blanks, comments, quotes and backslashes are in it;
//   - the value up to its closing quote with and without escapes undone, up to
//     the next blank, semicolon or parameter, with and without its comments;
//   - the pieces of RFC 2231 in the order of their numbers and in the order they
//     stand in, with gaps, over several fields, after any charset or none;
//   - encoded words (RFC 2047) decoded, UTF-16 without a mark in both byte orders.
//
// all: no limit was reached.
func paramReadings(values []string, names ...string) (list []string, all bool) {
	r := readings{more: maxParams}
	joined := strings.Join(values, "\n; ") // no value has a line feed in it
	r.read(joined, names)
	if bare := withoutComments(joined); bare != joined {
		r.read(bare, names)
	}
	return r.list, r.more >= 0
}

// maxParams is how often a parameter may stand in an entity's header, maxValue
// how many bytes of one are read in more than one way.
const (
	maxParams = 128
	maxValue  = 4 << 10
)

// maxReadings is how many values of a parameter are kept.
const maxReadings = 32

// readings collects values, each once.
type readings struct {
	list []string
	more int // parameters that may still be read
}

func (r *readings) add(s string) {
	s = strings.Trim(s, " \t\r\n")
	if s != "" && len(r.list) < maxReadings {
		r.list = appendNew(r.list, s)
	}
}

// value adds what may be meant by a value as written.
func (r *readings) value(s string) {
	if len(s) > maxValue {
		r.add(s) // whoever judges it has a limit of his own
		return
	}
	for _, v := range decodeWordReadings(s) {
		r.add(v)
	}
}

// read adds the values of the named parameters in s.
func (r *readings) read(s string, names []string) {
	lower := lowerASCII(s)
	var all []piece
	for _, name := range names {
		var pieces []piece
		for at := 0; ; {
			i := strings.Index(lower[at:], name)
			if i < 0 {
				break
			}
			start := at + i
			at = start + len(name)
			if r.more--; r.more < 0 {
				return
			}
			if start > 0 && isNameByte(lower[start-1]) {
				continue
			}
			key, rest, ok := parameter(s[at:])
			if !ok {
				continue
			}
			if key == "" {
				r.plain(rest)
				continue
			}
			pieces = append(pieces, parsePiece(key, pieceValue(rest)))
		}
		r.pieces(pieces)
		if all = append(all, pieces...); len(all) > len(pieces) && len(pieces) > 0 && different(all) {
			r.pieces(all) // the first in one field's "filename", the second in another's "name"
		}
	}
}

// pieces adds what pieces come to, by their numbers and by their places.
func (r *readings) pieces(list []piece) {
	for _, order := range [][]piece{list, sortedPieces(list)} {
		for _, v := range joinReadings(order) {
			r.value(v)
		}
	}
}

// different reports pieces whose numbers are.
func different(list []piece) bool {
	for i, p := range list {
		if slices.ContainsFunc(list[:i], func(have piece) bool { return have.number == p.number }) {
			return false
		}
	}
	return true
}

// pieceValue takes a piece's value from what follows its equals sign.
func pieceValue(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	s = strings.TrimLeft(s, " \t\r")
	if strings.HasPrefix(s, `"`) {
		return unquote(s)
	}
	bare, _, _ := strings.Cut(s, ";")
	return strings.TrimRight(bare, " \t\r")
}

// lowerASCII keeps the offsets, which strings.ToLower may not.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// isNameByte reports what may stand in a parameter's name.
func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c >= 0x80
}

// parameter takes what follows a parameter's name: nothing or the piece's
// "*0*", then the equals sign; and returns the text behind it.
func parameter(s string) (key, rest string, ok bool) {
	head, _, ok := strings.Cut(s[:min(len(s), 64)], "=")
	if !ok {
		return "", "", false
	}
	rest = s[len(head)+1:]
	key = strings.Map(func(c rune) rune {
		if strings.ContainsRune(" \t\r\n\v\f\x00\"'\\()", c) {
			return -1
		}
		return c
	}, head)
	if strings.Trim(key, "*0123456789") != "" || key != "" && key[0] != '*' {
		return "", "", false
	}
	return key, rest, true
}

// plain adds the readings of a value that is no piece.
func (r *readings) plain(s string) {
	s, _, _ = strings.Cut(s[:min(len(s), 2*maxValue)], "\n")
	s = strings.TrimLeft(s, " \t\r")
	whole := s[:nextParam(s)]
	if strings.HasPrefix(s, `"`) {
		r.value(unquote(s))
		if inner, _, ok := strings.Cut(s[1:], `"`); ok && strings.Contains(inner, `\`) {
			r.value(inner)
		}
	} else {
		bare, _, _ := strings.Cut(s, ";")
		r.value(strings.Trim(bare, " \t'\""))
		if i := strings.IndexAny(bare, " \t,\""); i > 0 {
			r.value(bare[:i])
		}
	}
	trimmed := strings.Trim(whole, " \t;'\"")
	r.value(trimmed)
	if strings.ContainsAny(trimmed, "\"\\") {
		r.value(strings.NewReplacer(`"`, "", `\`, "").Replace(trimmed))
		r.value(strings.NewReplacer(`\"`, `"`, `\`, "").Replace(trimmed))
	}
	if strings.Contains(trimmed, "%") {
		r.value(unescape(trimmed))
	}
}

// nextParam returns where the next parameter begins, ";" or "," and "token=", or
// the end.
func nextParam(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] != ';' && s[i] != ',' {
			continue
		}
		rest := strings.TrimLeft(s[i+1:min(len(s), i+80)], " \t\r\n")
		j := 0
		for j < len(rest) && (isNameByte(rest[j]|0x20) || rest[j] == '*') {
			j++
		}
		if j > 0 && strings.HasPrefix(strings.TrimLeft(rest[j:], " \t"), "=") {
			return i
		}
	}
	return len(s)
}

// joinReadings joins pieces with each charset that may be meant.
func joinReadings(list []piece) []string {
	if len(list) == 0 {
		return nil
	}
	var escaped strings.Builder
	charset := ""
	for i, p := range list {
		v := p.value
		if strings.Count(v, "'") >= 2 && (p.encoded || i == 0) {
			f := strings.SplitN(v, "'", 3)
			v = f[2]
			if charset == "" {
				charset = f[0]
			}
		}
		escaped.WriteString(unescape(v))
	}
	return charsetReadings(escaped.String(), charset)
}

// withoutComments removes what stands in parentheses (RFC 5322 section 3.2.2),
// nested ones too, outside quotes; one that is not closed stays.
func withoutComments(s string) string {
	if !strings.Contains(s, "(") {
		return s
	}
	var out strings.Builder
	depth, open, quoted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			if depth == 0 {
				out.WriteString(s[i : i+2])
			}
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
			out.WriteByte(c)
		case c == '(' && !quoted:
			if depth == 0 {
				open = i
			}
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			out.WriteByte(c)
		}
	}
	if depth > 0 {
		out.WriteString(s[open:])
	}
	return out.String()
}
