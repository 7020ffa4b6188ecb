package credential

import (
	"bytes"
	_ "embed" // the words are data
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordList has one word a line: kind (password or user), language, word, in
// lower case; the first line is a heading. A word with an i stands here also
// in the forms that Turkish capitals fold to.
//
//go:embed triggers.tsv
var wordList string

// triggers finds words in folded text.
type triggers struct {
	start [1 << 10]uint64      // bit set: some word begins with these two bytes
	words map[uint16][]trigger // by their first two bytes
}

type trigger struct {
	word     []byte
	password bool // a word for password; else one for the user
}

// aloneBelow is the length in bytes from which a word is found inside others.
const aloneBelow = 6

func newTriggers(own []string) *triggers {
	t := &triggers{words: map[uint16][]trigger{}}
	first := true
	for line := range strings.Lines(wordList) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); !first {
			t.add(f[2], f[0] == "password")
		}
		first = false
	}
	for _, w := range own {
		t.add(w, true)
	}
	return t
}

func (t *triggers) add(word string, password bool) {
	folded := make([]byte, len(word))
	fold(folded, []byte(word))
	if len(word) < 2 {
		return
	}
	key := uint16(folded[0]) | uint16(folded[1])<<8
	t.start[key>>6] |= 1 << (key & 63)
	t.words[key] = append(t.words[key], trigger{folded, password})
}

// each calls do for every trigger in folded text with the offsets of the word.
func (t *triggers) each(text []byte, do func(from, to int, password bool)) {
	for i := 0; i+1 < len(text); i++ {
		key := uint16(text[i]) | uint16(text[i+1])<<8
		if t.start[key>>6]&(1<<(key&63)) == 0 {
			continue
		}
		for _, w := range t.words[key] {
			if !bytes.HasPrefix(text[i:], w.word) {
				continue
			}
			end := i + len(w.word)
			if len(w.word) < aloneBelow && (letterBefore(text, i) || letterAfter(text, end)) {
				continue
			}
			do(i, end, w.password)
		}
	}
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
	return r > 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

// fold writes text in lower case to dst, which has the same length. A letter
// whose lower case has another length stays as it is: offsets must not move.
func fold(dst, text []byte) {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst[i] = c
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if r == 'ς' {
			r = 'Σ' // a capital sigma is both small ones
		}
		if low := unicode.ToLower(r); low != r && utf8.RuneLen(low) == n {
			utf8.EncodeRune(dst[i:], low)
		} else {
			copy(dst[i:], text[i:i+n])
		}
		i += n
	}
}
