package credential

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// A beginning is an offset in a word at which a password may begin.
type beginning struct {
	at      int
	place   int // rank by the triggers near it; never: there are none
	user    int // never, or less where it stands behind a user's name
	near    bool
	label   bool // it stands where a label or a name says
	alone   bool
	penalty int
}

// least is the best rank a password there can have.
func (b *beginning) least() int {
	if b.user < never {
		return 0
	}
	return min(b.place, besideRank)
}

// beginnings returns where in a word a password may begin: with the word, where
// a label or a user's name in it or before it says, behind a separator; each
// also without the quote or bracket there (readings).
func (l *look) beginnings(w span, hits []hit, users []found) []beginning {
	l.begin = l.begin[:0]
	add := func(at, penalty int) {
		if at < w.from || at >= w.to || w.to-at < l.s.least || slices.ContainsFunc(l.begin, func(b beginning) bool { return b.at == at }) {
			return
		}
		b := beginning{at: at, place: never, user: never, penalty: penalty}
		said := len(hits) > 0 && says(l.text[max(0, at-maxSaid):at])
		for i := range hits {
			place, label := l.place(&hits[i], at, w.to, said)
			if place < b.place {
				b.place, b.label = place, label
			}
		}
		for i := range users {
			if users[i].slot == at && at > users[i].to {
				b.user, b.label = 0, true
			}
			if users[i].from == at {
				b.penalty += 60 // who names himself goes on with the password
			}
			b.near = true
		}
		b.alone = len(hits) == 0 && at == w.from && l.alone(w)
		l.begin = append(l.begin, b)
	}
	if core := l.text[w.from : w.from+len(bytes.TrimRightFunc(l.text[w.from:w.to], isMark))]; !l.isLabel(w.from, w.from+len(core), hits) {
		add(w.from, 0)
	}
	for i := range hits {
		add(hits[i].slot, 0)
	}
	for i := range users {
		add(users[i].slot, 0)
	}
	word := l.text[w.from:w.to]
	if n := len(word) - len(bytes.TrimLeft(word, ">")); n > 0 {
		add(w.from+n, 1)
	}
	cost := func(label []byte) int { // a label is made of letters
		if len(label) > 0 && len(bytes.TrimFunc(label, isWord)) == 0 {
			return 6
		}
		return 18
	}
	if i := bytes.IndexAny(word, ":=：→"); i >= 0 {
		_, n := utf8.DecodeRune(word[i:])
		add(w.from+i+n, cost(word[:i]))
	}
	if i := bytes.LastIndexAny(word, ":=/|,;：→>"); i >= 0 {
		_, n := utf8.DecodeRune(word[i:])
		add(w.from+i+n, cost(word[:i])+2)
	}
	return l.begin
}

// isLabel reports a word that is a trigger.
func (l *look) isLabel(from, to int, hits []hit) bool {
	return slices.ContainsFunc(hits, func(h hit) bool { return h.to == to && !l.s.fits(l.text[from:to]) || h.from <= from && h.to >= to })
}

// place ranks an offset by a trigger: nearer is better, before it counts three
// times as far. said: "is" stands before it. label: it is the place of the trigger's
// value.
func (l *look) place(h *hit, at, end int, said bool) (rank int, label bool) {
	switch {
	case h.slot == at && h.sep && h.weight >= userWeight: // of a user, most likely
		return h.weight, true
	case h.slot == at && h.sep:
		return h.weight / 4, true
	case h.label && h.slot == at:
		return worstImplied, true
	case h.label:
		return never, false
	case h.slot == at: // on the next line or in the next cell it is the value
		return h.weight/2 + 4, bytes.ContainsAny(l.text[h.to:at], "\n\t")
	case h.to <= at:
		rank = l.chars(h.to, at) + 10
		if said {
			rank /= 2
		} else if rank < 3*triggerReach && paragraphs(l.text[h.to:at]) {
			rank += 50
		}
	case h.from < end: // the word holds the trigger
		rank = 60
	default:
		rank = 3*l.chars(end, h.from) + 10
	}
	if rank > 3*triggerReach {
		return never, false
	}
	return rank + h.weight, false
}

// paragraphs reports an empty line.
func paragraphs(text []byte) bool {
	return bytes.Contains(text, []byte("\n\n")) || bytes.Contains(text, []byte("\n\r\n"))
}

// maxSaid is how much of the text before a word says looks at.
const maxSaid = 24

// says reports whether what stands before a word makes it somebody's value: a
// separator or "is" in some language.
func says(between []byte) bool {
	between = bytes.TrimRight(between, " \t\r\n\"'*`([{<")
	if len(between) == 0 {
		return false
	}
	if strings.IndexByte(":=", between[len(between)-1]) >= 0 {
		return true
	}
	switch last := between[bytes.LastIndexAny(between, " \t\r\n")+1:]; string(bytes.ToLower(last)) {
	case "is", "was", "are", "ist", "lautet", "war", "est", "es", "son", "é", "è", "är", "er", "jest", "je", "on", "este", "is:", "now", "still", "είναι", "это":
		return true
	}
	return false
}

// maxAbove is how far down an answer may stand that is written above what it
// answers.
const maxAbove = 200

// alone reports a word that has a line for itself near the top of its text.
func (l *look) alone(w span) bool {
	if !l.top || w.from > maxAbove {
		return false
	}
	i, j := w.from, w.to
	for i > 0 && (l.text[i-1] == ' ' || l.text[i-1] == '\t') {
		i--
	}
	for j < len(l.text) && (l.text[j] == ' ' || l.text[j] == '\t' || l.text[j] == '\r') {
		j++
	}
	return (i == 0 || l.text[i-1] == '\n') && (j == len(l.text) || l.text[j] == '\n')
}
