package credential

import (
	_ "embed" // the words are data
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordList has one word a line, the first line is a heading:
//
//	kind      password; user; label: a word for a password that means so much
//	          else that it counts only before a separator, for the value behind it
//	language  whose word it is, for people
//	word      a blank stands for white space, line ends included, a hyphen, an
//	          underscore or nothing
//	weight    what the word adds to the rank of a candidate near it
//
//go:embed triggers.tsv
var wordList string

// ownTrigger reads one of the administrator's words: "word", "word=weight", or
// "-word", which takes a built-in one away.
func ownTrigger(own string) (word string, weight int, removed bool) {
	word, removed = strings.CutPrefix(own, "-")
	if i := strings.LastIndexByte(word, '='); i > 0 {
		if n, err := strconv.Atoi(word[i+1:]); err == nil {
			return word[:i], n, removed
		}
	}
	return word, 0, removed
}

// triggers finds words in a text, whatever their case and accents. A text is
// read in groups of bytes: three groups on end say whether a word may begin.
type triggers struct {
	start [groupMask + 1]bool // some word begins with these groups
	index [indexSize]uint16   // a hash table: where in lists a key is, +1
	lists []list
}

// list is the words that begin alike, none behind one that it begins with.
type list struct {
	key   uint32
	words []trigger
}

type trigger struct {
	word   string // folded
	label  bool
	weight int
}

const (
	groupBits = 5
	groupMask = 1<<(3*groupBits) - 1
	indexSize = 1 << 11
)

// groupOf returns the group of a byte: a letter in either case, a blank, a byte
// beyond ASCII, some marks, all others.
func groupOf(c byte) uint16 {
	switch {
	case letter(c):
		return uint16(c&0x1f) - 1
	case c <= ' ':
		return 26
	case c >= utf8.RuneSelf:
		return 27
	case c == '/':
		return 28
	case c == '-' || c == '_':
		return 29
	}
	return 30
}

// keyOf is what a list is known by: groups, or, where they say too little, the
// first two bytes.
func keyOf(groups uint16, first, second byte) uint32 {
	if first < utf8.RuneSelf {
		return uint32(groups)
	}
	return 1<<16 | uint32(first)<<8 | uint32(second)
}

// aloneBelow is the length in bytes from which a word is found inside others.
const aloneBelow = 6

func newTriggers(own []string) *triggers {
	t := &triggers{lists: make([]list, 0, 256)}
	var gone []string
	for _, o := range own {
		if word, _, removed := ownTrigger(o); removed {
			gone = append(gone, foldWord(word))
		}
	}
	first := true
	for line := range strings.Lines(wordList) {
		kind, line, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		_, line, _ = strings.Cut(line, "\t")
		if word, number, _ := strings.Cut(line, "\t"); !first && !(len(gone) > 0 && slices.Contains(gone, foldWord(word))) {
			weight, _ := strconv.Atoi(number)
			t.add(word, kind == "label", weight)
		}
		first = false
	}
	for _, o := range own {
		if word, weight, removed := ownTrigger(o); !removed {
			t.add(word, false, weight)
		}
	}
	for _, l := range t.lists { // a word before what it begins with, labels last
		slices.SortStableFunc(l.words, func(a, b trigger) int {
			switch {
			case a.label != b.label && a.label, strings.HasPrefix(b.word, a.word):
				return 1
			case a.label != b.label, strings.HasPrefix(a.word, b.word):
				return -1
			}
			return 0
		})
	}
	return t
}

// add lists a word under all that one of its forms may begin with.
func (t *triggers) add(word string, label bool, weight int) {
	folded := foldWord(word)
	runes := append([]rune(word), ' ', ' ')
	if len(runes) < 4 {
		return // one letter is no word
	}
	var buf [3 * utf8.UTFMax]byte
	var forms1, forms2, forms3 [3]rune
	third := forms(&forms3, runes[2])
	if len(runes) == 4 {
		third = []rune("a /-.\u0080") // one of each group that may follow
	}
	for _, r1 := range forms(&forms1, runes[0]) {
		for _, r2 := range forms(&forms2, runes[1]) {
			for _, r3 := range third {
				b := utf8.AppendRune(utf8.AppendRune(utf8.AppendRune(buf[:0], r1), r2), r3)
				groups := groupOf(b[0])<<(2*groupBits) | groupOf(b[1])<<groupBits | groupOf(b[2])
				t.start[groups] = true
				l := t.list(keyOf(groups, b[0], b[1]))
				if n := len(l.words); n == 0 || l.words[n-1].word != folded { // words come one by one
					l.words = append(l.words, trigger{folded, label, weight})
				}
			}
		}
	}
}

// forms returns how a letter of a trigger may be written, one of each group.
func forms(list *[3]rune, r rune) []rune {
	switch {
	case r == ' ':
		*list = [3]rune{' ', '-', '\u00a0'}
		return list[:]
	case r == 'i':
		*list = [3]rune{'i', 'İ', 'ı'}
		return list[:]
	case r < utf8.RuneSelf:
		list[0] = r
		return list[:1]
	}
	*list = [3]rune{r, unicode.ToUpper(r), foldRune(r)}
	return slices.Compact(list[:])
}

// list returns the words with a key, a new list if there are none.
func (t *triggers) list(key uint32) *list {
	for i := hash(key); ; i = (i + 1) % indexSize {
		if t.index[i] == 0 {
			t.lists = append(t.lists, list{key: key})
			t.index[i] = uint16(len(t.lists))
		}
		if l := &t.lists[t.index[i]-1]; l.key == key {
			return l
		}
	}
}

func hash(key uint32) uint32 { return key * 0x9e3779b1 >> 21 }

// at returns the trigger that begins at an offset, with its end.
func (t *triggers) at(text []byte, i int, groups uint16) (found *trigger, end int) {
	second := byte(0)
	if i+1 < len(text) {
		second = text[i+1]
	}
	key := keyOf(groups, text[i], second)
	slot := hash(key)
	for {
		n := t.index[slot]
		if n == 0 {
			return nil, 0
		}
		if t.lists[n-1].key == key {
			break
		}
		slot = (slot + 1) % indexSize
	}
	words := t.lists[t.index[slot]-1].words
	for k := range words {
		w := &words[k]
		n := matchFolded(text[i:], w.word)
		if n == 0 {
			continue
		}
		if len(w.word) < aloneBelow && (letterBefore(text, i) || letterAfter(text, i+n)) {
			continue
		}
		return w, i + n
	}
	return nil, 0
}
