package credential

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A text is searched as it is written and, where that differs, in other forms
// that a reader would take for the same. What is typed there may be typed at a
// log-in, so the form as written always comes first.

// normal appends text to dst as it looks: compatibility forms (full-width
// letters and the like) as plain ones, characters that cannot be seen removed,
// quotes and dashes that a word processor made of plain ones made plain again.
// false: that is how it is written.
func normal(dst, text []byte) ([]byte, bool) {
	if norm.NFKC.IsNormal(text) && !dressed(text) {
		return dst, false
	}
	from := len(dst)
	dst = norm.NFKC.Append(dst, text...)
	out := dst[:from]
	for i := from; i < len(dst); {
		if dst[i] < utf8.RuneSelf {
			out = append(out, dst[i])
			i++
			continue
		}
		r, n := utf8.DecodeRune(dst[i:])
		switch plain := plainer(r); {
		case plain == r:
			out = append(out, dst[i:i+n]...)
		case plain >= 0:
			out = append(out, byte(plain))
		}
		i += n
	}
	return out, true
}

// dressed reports characters that plainer changes.
func dressed(text []byte) bool {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if plainer(r) != r {
			return true
		}
		i += n
	}
	return false
}

// plainer returns the ASCII character that a word processor has made r of, -1
// for one that cannot be seen, others as they are.
func plainer(r rune) rune {
	switch {
	case r < 0xad:
		return r
	case invisible(r):
		return -1
	case r == '’' || r == '‘' || r == '‚' || r == '‛' || r == '′':
		return '\''
	case r == '“' || r == '”' || r == '„' || r == '‟' || r == '″':
		return '"'
	case '\u2010' <= r && r <= '\u2015' || r == '\u2212':
		return '-'
	}
	return r
}

// invisible reports characters that take no room: soft hyphen, zero-width
// spaces and joiners, direction marks, variation selectors, tags.
func invisible(r rune) bool {
	switch {
	case r < 0xad:
		return false
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x180e, r == 0x3164, r == 0xfeff, r == 0xffa0:
		return true
	}
	return 0x200b <= r && r <= 0x200f || 0x202a <= r && r <= 0x202e || 0x2060 <= r && r <= 0x206f ||
		0xfe00 <= r && r <= 0xfe0f || 0xe0000 <= r && r <= 0xe0fff
}

// minSpaced is how many letters must stand apart, each alone, to be one word.
const minSpaced = 4

// joined appends text to dst with the words joined whose letters stand apart
// ("p a s s"): one blank between letters falls, of more one is left.
func joined(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		end, n := apart(text, i)
		if n < minSpaced {
			dst = append(dst, text[i])
			i++
			continue
		}
		for ; i < end; i++ {
			if text[i] != ' ' {
				dst = append(dst, text[i])
			}
		}
	}
	return dst
}

// apart returns the end of a run of letters with one blank between them that
// begins at an offset, and how many they are.
func apart(text []byte, i int) (end, n int) {
	if text[i] <= ' ' || i > 0 && text[i-1] > ' ' && strings.IndexByte(">\"'", text[i-1]) < 0 {
		return i, 0
	}
	for i < len(text) && text[i] > ' ' && (i+1 == len(text) || text[i+1] <= ' ') {
		n++
		end = i + 1
		if i+2 >= len(text) || text[i+1] != ' ' {
			break
		}
		i += 2
	}
	return end, n
}

// unflow joins, in place, the lines that a sender with format=flowed and
// delsp=yes (RFC 3676 section 4.2) has broken, wherever he broke them.
func unflow(text []byte) []byte {
	out := text[:0]
	for len(text) > 0 {
		line, rest, more := bytes.Cut(text, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if soft, ok := bytes.CutSuffix(line, []byte(" ")); ok && more && string(line) != "-- " {
			out = append(out, soft...)
			rest = bytes.TrimLeft(rest, ">")
			rest = bytes.TrimPrefix(rest, []byte(" ")) // stuffed
		} else {
			out = append(out, line...)
			if more {
				out = append(out, '\n')
			}
		}
		text = rest
	}
	return out
}

// delsp reports a Content-Type whose text unflow joins.
func delsp(contentType string) bool {
	s := strings.ToLower(strings.ReplaceAll(contentType, "\"", ""))
	return strings.Contains(s, "format=flowed") && strings.Contains(s, "delsp=yes")
}
