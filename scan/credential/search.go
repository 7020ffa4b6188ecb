package credential

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Distances in bytes; for the letters logins are made of that is characters.
const (
	candidateReach = 120 // a candidate stands this near to a trigger
	userReach      = 300 // a user's name stands this near to a trigger
	senderDistance = 150 // how far the sender counts as being
	userWordExtra  = 60  // a word for the user says less about what follows it
	maxRegionUsers = 32
	maxWord        = 1024 // longer runs hold no login
)

// hit is one trigger in the text.
type hit struct {
	from, to int
	password bool
}

// search finds the pairs in a piece of text.
func (l *look) search(path string, text []byte) {
	folded := l.fold[:len(text)]
	fold(folded, text)
	var hits []hit
	l.s.triggers.each(folded, func(from, to int, password bool) {
		hits = append(hits, hit{from, to, password})
	})
	for len(hits) > 0 {
		n := 1 // hits whose windows run together are one region
		for n < len(hits) && hits[n].from-hits[n-1].to <= 2*candidateReach {
			n++
		}
		l.region(path, text, hits[:n])
		hits = hits[n:]
	}
}

// found is a user named in the text.
type found struct {
	name string
	at   int
}

// region pairs every candidate near some hits with every user near them.
func (l *look) region(path string, text []byte, hits []hit) {
	first, last := hits[0].from, hits[len(hits)-1].to
	named := l.named(text, max(0, first-userReach), min(len(text), last+userReach))
	if len(named) == 0 && l.sender == "" {
		return
	}
	near := 0 // the last hit that begins before the word ends
	words(text, max(0, first-candidateReach), min(len(text), last+candidateReach), func(from, to int) {
		for near+1 < len(hits) && hits[near+1].from < to {
			near++
		}
		if to-from > maxWord {
			return
		}
		distance, label := l.distance(hits, near, from, to, text)
		if label || distance > 3*candidateReach+userWordExtra {
			return
		}
		for _, v := range variants(text[from:to]) {
			if l.fits(v.text) {
				l.pair(path, v.text, from, distance+v.penalty, named)
			}
		}
	})
}

// distance ranks a word by the trigger nearest to it; label: the word is one.
func (l *look) distance(hits []hit, near, from, to int, text []byte) (distance int, label bool) {
	core := from + len(bytes.TrimRightFunc(text[from:to], isMark))
	distance = 1 << 30
	for i := max(0, near-1); i < min(len(hits), near+3); i++ {
		h := hits[i]
		d := 0
		switch {
		case h.to == core:
			return 0, true
		case h.to <= from:
			d = from - h.to
		case h.from >= to:
			d = 3 * (h.from - to)
		}
		if !h.password {
			d += userWordExtra
		}
		distance = min(distance, d)
	}
	return distance, false
}

// pair ranks a candidate with every user it may belong to.
func (l *look) pair(path string, candidate []byte, at, rank int, named []found) {
	if l.sender != "" {
		l.best.add(path, l.sender, candidate, rank+senderDistance/2)
	}
	for _, u := range named {
		away := at - u.at
		if away < 0 {
			away = -away
		}
		l.best.add(path, u.name, candidate, rank+away/2)
	}
}

// fits reports whether a candidate obeys the password policy.
func (l *look) fits(candidate []byte) bool {
	if len(candidate) == 0 || len(candidate) > 128 || !l.s.password.Match(candidate) {
		return false
	}
	var lower, upper, digit, other int
	for _, r := range string(candidate) {
		switch {
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			other = 1
		}
	}
	return lower+upper+digit+other >= l.s.rules.Classes
}

// named returns the local users named between two offsets.
func (l *look) named(text []byte, from, to int) []found {
	var list []found
	add := func(name string, at int) {
		known := slices.ContainsFunc(list, func(f found) bool { return f.name == name && at-f.at < candidateReach })
		if name != "" && !known && len(list) < maxRegionUsers {
			list = append(list, found{name, at})
		}
	}
	words(text, from, to, func(from, to int) {
		word := string(bytes.TrimFunc(text[from:to], isMark))
		if len(word) > 256 {
			return
		}
		value := word[strings.LastIndexAny(word, ":=/|")+1:]
		for _, w := range []string{word, value} {
			if strings.Contains(w, "@") {
				add(l.s.local(w), from)
			} else if l.s.isUser(w) {
				add(l.s.users.canonical(w), from)
			}
		}
	})
	return list
}

// isUser reports whether a bare word is a local user's name.
func (s *Scanner) isUser(word string) bool {
	if s.users.listed() {
		return s.users.has(word)
	}
	return s.username != nil && s.username.MatchString(word)
}

// words calls do for every run of non-blanks that touches the bytes between
// two offsets.
func words(text []byte, from, to int, do func(from, to int)) {
	for from > 0 && from < len(text) && !blankAt(text, from-1) {
		from--
	}
	for i := from; i < to; {
		if n := blankLen(text, i); n > 0 {
			i += n
			continue
		}
		start := i
		for i < len(text) && blankLen(text, i) == 0 {
			i++
		}
		do(start, i)
	}
}

func blankAt(text []byte, i int) bool { return text[i] <= ' ' }

// blankLen returns the length of the blank at offset i, 0 when there is none:
// white space, controls, and the letters of scripts that put no blank between
// a word and the password beside it.
func blankLen(text []byte, i int) int {
	switch c := text[i]; {
	case c <= ' ' || c == 0x7f:
		return 1
	case c < utf8.RuneSelf:
		return 0
	}
	if r, n := utf8.DecodeRune(text[i:]); n > 1 && (unicode.IsSpace(r) || unspaced(r)) {
		return n
	}
	return 0
}

// isMark reports punctuation that stands round words in running text.
func isMark(r rune) bool {
	return strings.ContainsRune(".,;:!?\"'()[]{}<>*_`~-=|/\\", r) || strings.ContainsRune("“”„‘’«»‹›–—…：。、，！？（）「」", r)
}
