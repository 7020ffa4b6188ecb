package credential

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// matchFolded returns how many bytes of text a folded word takes, 0 when it
// does not stand there.
func matchFolded(text []byte, word string) int {
	j := 0
	for k := 0; k < len(word); {
		if j >= len(text) {
			return 0
		}
		w, c := word[k], text[j]
		switch {
		case w == ' ':
			switch {
			case letter(c):
			case c == '-' || c == '_':
				j++
			default:
				j += gap(text[j:])
			}
			k++
			continue
		case c < utf8.RuneSelf:
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			if c != w {
				return 0
			}
			j++
			k++
			continue
		}
		r, n := utf8.DecodeRune(text[j:])
		want, wn := utf8.DecodeRuneInString(word[k:])
		if r == utf8.RuneError || foldRune(r) != want {
			return 0
		}
		j += n
		k += wn
	}
	return j
}

// gap returns the length of the white space text begins with, with the marks of
// quoted lines in it.
func gap(text []byte) int {
	i, line := 0, false
	for i < len(text) {
		c := text[i]
		if n := spaceLen(text, i); n > 0 {
			line = line || c == '\n'
			i += n
		} else if line && c == '>' {
			i++
		} else {
			break
		}
	}
	return i
}

// letterBefore and letterAfter report a letter or digit next to a word. Scripts
// that write no blanks between words have no such neighbours.
func letterBefore(text []byte, i int) bool {
	r, _ := utf8.DecodeLastRune(text[:i])
	return isWord(r)
}

func letterAfter(text []byte, i int) bool {
	r, _ := utf8.DecodeRune(text[i:])
	return isWord(r)
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) && !unspaced(r)
}

// unspaced reports a letter of a script that writes no blanks between words or
// joins particles to foreign ones.
func unspaced(r rune) bool {
	return r > 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

func foldWord(word string) string {
	out := make([]byte, 0, len(word))
	for _, r := range word {
		out = utf8.AppendRune(out, foldRune(r))
	}
	return string(out)
}

// foldRune returns a letter in lower case and, in Latin, Greek and Cyrillic,
// without accents: people leave them out.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	switch r = unicode.ToLower(r); r {
	case 'ς':
		return 'σ'
	case 'ı', 'İ':
		return 'i'
	case 'ł':
		return 'l'
	case 'ø':
		return 'o'
	case 'đ', 'ð':
		return 'd'
	case '’', 'ʼ', '`', '´':
		return '\''
	case '\u00a0':
		return ' '
	}
	if r < 0x530 || r >= 0x1e00 && r < 0x2000 {
		if parts := norm.NFD.PropertiesString(string(r)).Decomposition(); parts != nil {
			r, _ = utf8.DecodeRune(parts)
		}
	}
	return r
}
