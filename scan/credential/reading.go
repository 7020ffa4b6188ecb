package credential

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

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
