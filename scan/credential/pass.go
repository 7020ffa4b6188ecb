package credential

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hit is one trigger in the text, with the place of the value it labels.
type hit struct {
	from, to int
	slot     int  // where a value would begin
	sep      bool // behind a separator
	label    bool // counts for that value only
	weight   int
}

// span is a place in the text.
type span struct{ from, to int }

// run is a span without blanks. firm: its shape is not that of a sentence's word
// with marks, so that it counts without a trigger.
type run struct {
	span
	firm bool
}

// seen is what one pass over a text finds.
type seen struct {
	hits   []hit
	shaped []run // words that may be passwords by length and classes of characters
	high   bool  // there are bytes beyond ASCII
	spaced span  // from the first to the last letters that stand apart
}

// Kinds of bytes.
const (
	lower = 1 << iota
	upper
	digit
	other
	high
	blank
	inName
	classes = lower | upper | digit | other
)

// kindOf returns the kind of a byte.
func kindOf(c byte) uint8 {
	switch {
	case c <= ' ' || c == 0x7f:
		return blank
	case 'a' <= c && c <= 'z':
		return lower | inName
	case 'A' <= c && c <= 'Z':
		return upper | inName
	case '0' <= c && c <= '9':
		return digit | inName
	case strings.IndexByte(".-_+@'", c) >= 0:
		return other | inName
	case c < utf8.RuneSelf:
		return other
	}
	return other | high | inName
}

// pass reads a text once: a word at a time for its shape, a byte at a time for
// triggers.
func (s *Scanner) pass(text []byte, found *seen) {
	*found = seen{hits: found.hits[:0], shaped: found.shaped[:0]}
	kinds, starts := &s.kinds, &s.triggers.start
	start, behind, singles := 0, 0, 0 // of this word; the last trigger; words of one letter
	groups := uint32(groupMask)       // of the last bytes
	var set, all uint8
	for i := 0; i < len(text); i++ {
		var k uint16
		var begins bool // a trigger may, two bytes ago
		for ; i < len(text); i++ {
			k = kinds[text[i]]
			groups = groups<<groupBits | uint32(k>>8)
			begins = starts[groups&groupMask]
			if begins || k&blank != 0 {
				break
			}
			set |= uint8(k)
		}
		if begins && i >= behind+2 {
			behind = s.trigger(text, i-2, uint16(groups&groupMask), behind, found)
		}
		if k&blank == 0 {
			set |= uint8(k)
			continue
		}
		switch n := i - start; {
		case n > 1:
			singles = 0
			if n >= s.least && (classCount(set) >= s.rules.Classes || n >= minToken) {
				found.add(s, text, span{start, i}, set)
			}
		case n == 1 && set&(lower|upper) != 0:
			if singles++; singles >= minSpaced {
				found.apart(start)
			}
		}
		all |= set
		start, set = i+1, 0
	}
	for i := max(behind, len(text)-2); i < len(text); i++ { // a word that ends with the text
		groups = groups<<groupBits | uint32(groupOf(' '))
		s.trigger(text, i, uint16(groups&groupMask), behind, found)
	}
	switch n := len(text) - start; {
	case n > 1 && n >= s.least:
		found.add(s, text, span{start, len(text)}, set)
	case n == 1 && singles+1 >= minSpaced:
		found.apart(start)
	}
	found.high = (all|set)&high != 0
}

// wordEnd passes over the rest of a word whose stem ends at an offset.
func wordEnd(text []byte, end int) int {
	const longest = 8 // letters of an ending
	large := end > 0 && kindOf(text[end-1])&upper != 0
	for range longest {
		if end >= len(text) {
			break
		}
		r, n := utf8.DecodeRune(text[end:])
		if !unicode.IsLetter(r) || unspaced(r) || unicode.IsUpper(r) && !large {
			break
		}
		end += n
	}
	return end
}

// follows reports whether the word at an offset is shaped as a password.
func (s *Scanner) follows(text []byte, at int) bool {
	end := at
	for end < len(text) && end-at < 64 && s.kinds[text[end]]&blank == 0 {
		end++
	}
	return end-at >= s.least && s.shaped(text[at:end])
}

// classCount returns how many classes of characters a set of kinds has.
func classCount(set uint8) int {
	return int("\x00\x01\x01\x02\x01\x02\x02\x03\x01\x02\x02\x03\x02\x03\x03\x04"[set&classes])
}

// apart notes where letters stand apart.
func (f *seen) apart(at int) {
	if f.spaced.to == 0 {
		f.spaced.from = at
	}
	f.spaced.to = at + 1
}

// add notes a word that is shaped as a password or as a login in base64.
func (f *seen) add(s *Scanner, text []byte, w span, set uint8) {
	n := classCount(set)
	token := w.to-w.from >= minToken && set&(lower|upper) == lower|upper
	if n < s.rules.Classes && !token {
		return
	}
	f.shaped = append(f.shaped, run{w, token && n < s.rules.Classes || n >= 2 && s.shapedCore(text[w.from:w.to])})
}

// shapedCore reports whether a word is still shaped as a password without the
// marks that stand round words in sentences.
func (s *Scanner) shapedCore(word []byte) bool {
	i, j := 0, len(word)
	for i < j && strings.IndexByte("\"'(<", word[i]) >= 0 {
		i++
	}
	for i < j && strings.IndexByte(".,;:)>\"'", word[j-1]) >= 0 {
		j--
	}
	return j-i == len(word) || s.shaped(word[i:j])
}

// trigger notes the trigger that begins at an offset, if one does, and returns
// where the last ends.
func (s *Scanner) trigger(text []byte, i int, groups uint16, behind int, found *seen) int {
	w, end := s.triggers.at(text, i, groups)
	if w == nil {
		return behind
	}
	if !w.label {
		end = wordEnd(text, end)
	}
	slot, sep := slot(text, end)
	if w.label && sep {
		last, _ := utf8.DecodeLastRune(bytes.TrimRight(text[:slot], " \t\r\n>"))
		sep = contains(":=：→-*", last)
	}
	if !w.label || sep || s.follows(text, slot) {
		found.hits = append(found.hits, hit{i, end, slot, sep, w.label, w.weight})
	}
	return end
}
