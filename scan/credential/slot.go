package credential

import (
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// slot returns where the value begins that a label or a name ending at an
// offset speaks of: behind what closes quotes or brackets, white space, a
// separator, white space. sep reports whether there is a separator.
func slot(text []byte, end int) (at int, sep bool) {
	if end >= len(text) || kindOf(text[end])&(lower|upper|digit) != 0 {
		return end, false
	}
	i := end
	if text[i] > ' ' {
		i = skip(text, end, "\"'*)]}\\’”»", 6)
	}
	if i < len(text) && text[i] == '>' { // a tag's
		return i + 1, true
	}
	if i < len(text) && kindOf(text[i])&blank == 0 && strings.IndexByte(":=,;|/", text[i]) < 0 {
		i = end // they do not close, they begin
	}
	i = skipSpace(text, i, 8)
	at = skip(text, i, ":=：→|", 3)
	if at > i && at < len(text) && spaceLen(text, at) == 0 && text[at] != '>' {
		at = skip(text, i, ":=：→|", 1) // the others may be the value's
	}
	switch sep = at > i; {
	case sep:
		at = skip(text, at, ">", 1)
	case i < len(text) && (text[i] == '.' || text[i] == '_' || text[i] == '-'):
		at = i + repeated(text[i:]) // dotted leaders, a dash between blanks
		sep = at-i >= 3 || at < len(text) && spaceLen(text, at) > 0 && (i > end || text[i] == '-')
		if sep {
			at = skip(text, skipSpace(text, at, 8), ":=", 1)
		} else {
			at = i
		}
	case i < len(text) && text[i] == '/', i+1 < len(text) && (text[i] == ',' || text[i] == ';') && text[i+1] > ' ':
		at, sep = i+1, true
	}
	for range 4 { // the value may stand on the next line, or the one after it, of a quotation
		n := gap(text[at:])
		if n == 0 {
			break
		}
		at += n
	}
	if at < len(text) && text[at] == '-' && at > i && i > end { // "password -> x"
		if n := len("->"); at+n < len(text) && text[at+1] == '>' {
			return skipSpace(text, at+n, 4), true
		}
	}
	return at, sep
}

// repeated returns how often the first byte of text stands there.
func repeated(text []byte) int {
	n := 1
	for n < len(text) && text[n] == text[0] {
		n++
	}
	return n
}

// skip passes over at most max of some characters.
func skip(text []byte, i int, set string, max int) int {
	for range max {
		if i >= len(text) {
			break
		}
		if c := text[i]; c < utf8.RuneSelf {
			if strings.IndexByte(set, c) < 0 {
				break
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError || !contains(set, r) {
			break
		}
		i += n
	}
	return i
}

func contains(set string, r rune) bool {
	for _, s := range set {
		if s == r {
			return true
		}
	}
	return false
}

// skipSpace passes over at most max white space characters of a line.
func skipSpace(text []byte, i, max int) int {
	for range max {
		if i >= len(text) || text[i] == '\n' {
			break
		}
		n := spaceLen(text, i)
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// spaceLen returns the length of the white space or control at offset i.
func spaceLen(text []byte, i int) int {
	switch c := text[i]; {
	case c <= ' ' || c == 0x7f:
		return 1
	case c < 0xc2:
		return 0
	}
	if r, n := utf8.DecodeRune(text[i:]); n > 1 && unicode.IsSpace(r) {
		return n
	}
	return 0
}

// blankLen is spaceLen that also takes the letters of scripts that put no blank
// between a word and the password beside it.
func blankLen(text []byte, i int) int {
	if text[i] < 0xc2 {
		return spaceLen(text, i)
	}
	if r, n := utf8.DecodeRune(text[i:]); n > 1 && (unicode.IsSpace(r) || unspaced(r)) {
		return n
	}
	return 0
}

// words calls do for every run of non-blanks that touches the bytes between
// two offsets.
func words(text []byte, from, to int, do func(from, to int)) {
	for start := from; from > 0 && from < len(text) && start-from < maxWord && text[from-1] > ' '; {
		from--
	}
	for i := from; i < to; {
		if n := blankLen(text, i); n > 0 {
			i += n
			continue
		}
		start := i
		for i < len(text) && (text[i] > ' ' && text[i] < 0x7f || blankLen(text, i) == 0) {
			i++
		}
		do(start, i)
	}
}

// minLength returns the length in bytes of the shortest string a pattern
// matches.
func minLength(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return minLength(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * minLength(re.Sub[0])
	case syntax.OpConcat:
		n := 0
		for _, sub := range re.Sub {
			n += minLength(sub)
		}
		return n
	case syntax.OpAlternate:
		n := minLength(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			n = min(n, minLength(sub))
		}
		return n
	}
	return 0
}
