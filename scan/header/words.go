package header

import (
	"encoding/base64"
	"strings"
)

// tags are the HTML elements that have no business in a header: they run
// something, load something, or make a page of it.
var tags = [...]string{"script", "html", "iframe", "object", "embed", "svg", "img"}

// scripted reports whether a value holds HTML or script, as written or in
// encoded words.
func scripted(value string) bool {
	if markup(value) {
		return true
	}
	if !strings.Contains(value, "=?") {
		return false
	}
	text, _ := decode(value)
	return markup(text)
}

// markup finds "<script" and its like, and "javascript:" where code follows:
// a blank behind the colon is a title's ("JavaScript: an introduction").
func markup(s string) bool {
	for rest := s; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		for _, t := range tags {
			if len(rest) >= len(t) && rest[0]|0x20 == t[0] && strings.EqualFold(rest[:len(t)], t) && tagEnds(rest[len(t):]) {
				return true
			}
		}
	}
	const scheme = "javascript"
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], ':')
		if i < 0 {
			return false
		}
		at += i
		if at >= len(scheme) && strings.EqualFold(s[at-len(scheme):at], scheme) && at+1 < len(s) && s[at+1] > ' ' {
			return true
		}
	}
}

// tagEnds reports whether a tag's name ends before s: "<object1@example.org>"
// is a message identifier.
func tagEnds(s string) bool {
	return s == "" || s[0] <= ' ' || s[0] == '>' || s[0] == '/'
}

// needless reports whether a Subject is base64 throughout and would not have
// needed any encoding.
func needless(subject string) bool {
	if !strings.HasPrefix(subject, "=?") {
		return false
	}
	text, bare := decode(subject)
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return bare && text != ""
}

// decode undoes encoded words (RFC 2047). Their bytes are not converted from
// their charset. bare: the value is nothing but words in base64, in charsets
// where an ASCII byte is always an ASCII character.
func decode(s string) (text string, bare bool) {
	var out strings.Builder
	bare = true
	for begin := true; ; begin = false {
		before, w, after, ok := cutWord(s)
		blank := strings.TrimSpace(before) == ""
		if begin || !ok || !blank { // RFC 2047 section 6.2: blanks between two words mean nothing
			out.WriteString(before)
		}
		if !ok {
			return out.String(), bare && blank && !begin
		}
		bare = bare && blank && w.base64 && !shifting(w.charset)
		out.Write(w.data())
		s = after
	}
}

// shifting reports whether ASCII bytes may stand for other characters.
func shifting(charset string) bool {
	charset = strings.ToLower(charset)
	return strings.HasPrefix(charset, "utf-7") || strings.HasPrefix(charset, "hz") || strings.HasPrefix(charset, "iso-2022")
}

// word is an encoded word, =?charset?B?text?= or =?charset?Q?text?=.
type word struct {
	charset string
	base64  bool
	text    string
}

// cutWord finds the first encoded word of s. Without one, before is s. What only
// begins like a word is text, and hides no word behind it.
func cutWord(s string) (before string, w word, after string, ok bool) {
	for at := 0; ; at += len("=?") {
		i := strings.Index(s[at:], "=?")
		if i < 0 {
			return s, word{}, "", false
		}
		at += i
		charset, tail, ok := strings.Cut(s[at+2:], "?")
		if !ok || len(tail) < 2 || tail[1] != '?' || !strings.Contains("bBqQ", tail[:1]) {
			continue
		}
		text := tail[2:]
		if end := wordEnd(text); end >= 0 {
			return s[:at], word{charset, tail[0]|0x20 == 'b', text[:end]}, text[end+2:], true
		}
	}
}

// wordEnd returns the offset of the "?=" that ends a word's text, -1 when
// another word begins before it. It reads no further than that, so that many
// beginnings take no more time than one.
func wordEnd(text string) int {
	if i := strings.Index(text, "=?"); i >= 0 {
		text = text[:min(i+3, len(text))] // the text may end in "=": "=?="
	}
	return strings.Index(text, "?=")
}

// data is the decoded text, as far as it can be decoded.
func (w word) data() []byte {
	if w.base64 {
		text := strings.TrimRight(w.text, "=")
		out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
		n, _ := base64.RawStdEncoding.Decode(out, []byte(text))
		return out[:n]
	}
	out := make([]byte, 0, len(w.text))
	for i := 0; i < len(w.text); i++ {
		c := w.text[i]
		switch {
		case c == '_':
			c = ' '
		case c == '=' && i+2 < len(w.text) && digit(w.text[i+1]) >= 0 && digit(w.text[i+2]) >= 0:
			c = byte(digit(w.text[i+1])<<4 | digit(w.text[i+2]))
			i += 2
		}
		out = append(out, c)
	}
	return out
}

// digit is the value of a hexadecimal digit, -1 for another character.
func digit(c byte) int {
	i := strings.IndexByte("0123456789ABCDEFabcdef", c)
	if i > 15 {
		i -= 6
	}
	return i
}
