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

// maxPeel is how many trailing marks may be peeled off.
const maxPeel = 4

// readings calls do for every password that may begin a text that ends with the
// word, with a penalty: the smaller the likelier. before is the byte in front of
// it. label: it stands where a label says, so that marks at its end are more
// likely its own.
func readings(text []byte, before byte, label bool, do func(text []byte, penalty int)) {
	r, n := utf8.DecodeRune(text)
	closing := closer(r)
	if closing == "" {
		endings(text, before, label, 0, do)
		return
	}
	inner := text[n:]
	last := bytes.LastIndex(inner, []byte(closing))
	switch {
	case last <= 0: // nothing closes it
		endings(text, before, label, 0, do)
		endings(inner, before, label, 7, do)
		return
	case onlyMarks(inner[last:]):
		all(inner[:last], 0, do)
	}
	for from, i := 0, 0; i < maxPeel; i++ { // "x", y: the first that ends a field
		end := bytes.Index(inner[from:], []byte(closing))
		if end < 0 {
			break
		}
		if end += from; end > 0 && end != last && fieldEnd(inner[end+len(closing):]) {
			all(inner[:end], 1+2*i, do)
		}
		from = end + len(closing)
	}
	endings(text, before, label, 4, do)
	endings(inner, before, label, 6, do)
	if q, n := utf8.DecodeRune(inner); q == r {
		endings(inner[n:], before, label, 6, do)
	}
}

// onlyMarks reports text that is punctuation.
func onlyMarks(text []byte) bool { return len(bytes.TrimFunc(text, isMark)) == 0 }

// fieldEnd reports whether what follows a closing quote begins something new.
func fieldEnd(text []byte) bool {
	return len(text) > 0 && strings.IndexByte(",;:}])>|&", text[0]) >= 0
}

// closer returns what closes a quote or a bracket, "" for others.
func closer(r rune) string {
	switch r {
	case '"', '\'', '*', '`', '_', '|':
		return string(r)
	case '(':
		return ")"
	case '[':
		return "]"
	case '{':
		return "}"
	case '<':
		return ">"
	case '“', '„':
		return "”"
	case '‘', '‚':
		return "’"
	case '«':
		return "»"
	case '「':
		return "」"
	case '（':
		return "）"
	}
	return ""
}

// endings peels marks from the end and cuts at what may separate fields.
func endings(text []byte, before byte, label bool, penalty int, do func([]byte, int)) {
	first := endPenalty(text)
	if label {
		first /= 2
	}
	all(text, penalty+first, do)
	rest := text
	for i := range maxPeel {
		r, n := utf8.DecodeLastRune(rest)
		if !isMark(r) {
			break
		}
		rest = rest[:len(rest)-n]
		all(rest, penalty+2+3*i+endPenalty(rest)/3, do)
	}
	cuts(text, before, penalty, do)
}

// cuts ends a text at the first and the last of each mark between fields; before
// is what stands in front of it.
func cuts(text []byte, before byte, penalty int, do func([]byte, int)) {
	const marks = "</&\",;|')@" // likelier first
	var at [len(marks)][2]int
	any := false
	for i, c := range text {
		if k := strings.IndexByte(marks, c); k >= 0 && i > 0 {
			if at[k][0] == 0 {
				at[k][0] = i
			}
			at[k][1] = i
			any = true
		}
	}
	if !any {
		return
	}
	for k, c := range []byte(marks) {
		first, last, cost := at[k][0], at[k][1], 12+k/2
		switch {
		case first == 0:
			continue
		case c == '<' && bytes.Contains(text[first:], []byte("</")): // a tag ends it
			all(text[:first+bytes.Index(text[first:], []byte("</"))], penalty-2, do)
		case strings.IndexByte("&;,", c) >= 0 && before == '=' && isField(text[first+1:]):
			cost = -3
		case c == before: // a row of fields
			cost = 1
		}
		all(text[:first], penalty+cost, do)
		if last > first {
			all(text[:last], penalty+cost+4, do)
		}
	}
}

// isField reports "name=" as in the query of a URL.
func isField(text []byte) bool {
	name, _, ok := bytes.Cut(text, []byte("="))
	return ok && len(name) > 0 && len(bytes.TrimFunc(name, func(r rune) bool { return isWord(r) || r == '_' })) == 0
}

// all calls do for a reading and for what it says where it is escaped.
func all(text []byte, penalty int, do func([]byte, int)) {
	if len(text) == 0 {
		return
	}
	do(text, penalty)
	if !bytes.ContainsAny(text, "%&\\=\"") {
		return
	}
	unescaped(text, func(plain []byte) { do(plain, penalty+1) })
}

// endPenalty makes a reading that ends like a sentence less likely.
func endPenalty(text []byte) int {
	last, _ := utf8.DecodeLastRune(text)
	switch {
	case contains("!?*#$%&+=@^~", last):
		return 2
	case isMark(last):
		return 9
	}
	return 0
}

// isMark reports punctuation that stands round words in running text.
func isMark(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && kindOf(byte(r))&other != 0 && strings.IndexByte("#$%&+@^", byte(r)) < 0
	}
	return contains("“”„‘’«»‹›–—…：。、，！？（）「」", r)
}

// ordinary says how much a text looks like something that is no password: an
// address, a path, words and numbers with the marks that join them.
func ordinary(text []byte) int {
	switch {
	case bytes.Contains(text, []byte("://")), bytes.HasPrefix(text, []byte("www.")), isAddress(text):
		return 100
	case bytes.Count(text, []byte("/")) > 1 && !bytes.ContainsAny(text, "!#$%^*"), bytes.Count(text, []byte(".")) > 2, bytes.HasSuffix(text, []byte("()")):
		return 60
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case letter(c):
			start := i
			for i < len(text) && letter(text[i]) {
				i++
			}
			if run := text[start:i]; !plainCase(run) || i < len(text) && figure(text[i]) && len(run) > 1 {
				return 0
			}
		case figure(c):
			for i < len(text) && figure(text[i]) {
				i++
			}
			if i+1 < len(text) && letter(text[i]) && letter(text[i+1]) {
				return 0
			}
		case strings.IndexByte("-.,:;/'_()[]<>\"=`|\\{}", c) >= 0:
			i++
		case i == len(text)-1 && strings.IndexByte("!?*", c) >= 0:
			i++
		default:
			return 0
		}
	}
	core := bytes.TrimFunc(text, isMark)
	switch {
	case len(core) > 0 && plainCase(core) && !bytes.ContainsFunc(core, func(r rune) bool { return !letter(byte(r)) }):
		if last := text[len(text)-1]; text[0] == core[0] && (last == '!' || last == '?') {
			return plainNumber
		}
		return plainWord
	case !bytes.ContainsFunc(text, func(r rune) bool { return figure(byte(r)) }):
		return plainWords
	}
	return plainNumber
}

// What ordinary gives for text that is no address or path: one word with marks
// round it, words with marks between them, the same with numbers.
const (
	plainWord   = 120
	plainWords  = 100
	plainNumber = 45
)

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func figure(c byte) bool { return '0' <= c && c <= '9' }

// plainCase reports letters in the case of words: all small, all large, or the
// first large; also words run together as in programs (CheckHeader).
func plainCase(run []byte) bool {
	large := 0
	for _, c := range run {
		if c < 'a' {
			large++
		}
	}
	if large == len(run) {
		return true
	}
	for i, c := range run {
		if c < 'a' && (i+2 >= len(run) || run[i+1] < 'a' || run[i+2] < 'a') && large > 1 {
			return false
		}
		if c < 'a' && large == 1 && i > 0 {
			return false
		}
	}
	return true
}

// isAddress reports a mail address.
func isAddress(text []byte) bool {
	local, host, ok := bytes.Cut(text, []byte("@"))
	dot := bytes.LastIndexByte(host, '.')
	if !ok || len(local) == 0 || dot < 1 || len(host)-dot < 3 {
		return false
	}
	for _, c := range host {
		if !letter(c) && !figure(c) && c != '.' && c != '-' {
			return false
		}
	}
	return letter(host[dot+1]) && letter(host[len(host)-1])
}
