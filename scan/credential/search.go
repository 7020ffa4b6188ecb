package credential

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// Distances in characters.
const (
	triggerReach = 120     // a candidate stands this near to a trigger
	userReach    = 300     // a user's name stands this near to a candidate by a trigger
	besideReach  = 80      // a user's name stands this near to a candidate without one
	senderRank   = 75      // what the sender is worth who is not named
	besideRank   = 60      // what a candidate costs that no trigger speaks for
	aloneRank    = 170     // and one on a line of its own
	userWeight   = 60      // from which a trigger is a word for the user
	viewPenalty  = 3       // for a text that is not as written
	worstRank    = 260     // past it a pair is not worth an attempt
	worstImplied = 190     // the same where the sender is not named
	maxNear      = 8       // users a candidate is paired with
	maxHits      = 1 << 14 // near one run
	maxWord      = 1024
	maxUsers     = 1 << 14 // in a chunk
	maxPatterns  = 1 << 12 // words of a chunk tried as names where there is no list
	never        = 1 << 20
)

// found is a user named in the text, with the place of the value behind him.
type found struct {
	name     string
	from, to int
	slot     int
	sep      bool
}

// search finds the pairs in a piece of text.
func (l *look) search(path string, text []byte) {
	l.view(path, text, 0)
	high := l.seen.high
	if near := l.seen.spaced; near.to > 0 {
		l.other = joined(l.spare(len(text)), text[max(0, near.from-4*userReach):min(len(text), near.to+4*userReach)])
		l.view(path, l.other, viewPenalty)
	}
	if !high {
		return
	}
	var differs bool
	if l.other, differs = normal(l.spare(2*len(text)), text); !differs {
		return
	}
	l.view(path, l.other, viewPenalty)
	if l.seen.spaced.to > 0 {
		apart := joined(nil, l.other)
		l.view(path, apart, 2*viewPenalty)
		clear(apart)
	}
}

// spare returns the buffer for other forms of the text, with room for n bytes.
func (l *look) spare(n int) []byte {
	if cap(l.other) < n {
		clear(l.other[:cap(l.other)])
		l.other = make([]byte, 0, n)
	}
	return l.other[:0]
}

// view finds the pairs in one form of a text.
func (l *look) view(path string, text []byte, penalty int) {
	l.path, l.text, l.extra = path, text, penalty
	l.s.pass(text, &l.seen)
	l.triggered = l.triggered || len(l.seen.hits) > 0
	l.tally.triggers += len(l.seen.hits)
	l.findUsers()
	hits := l.seen.hits
	first := 0 // hit whose window does not end before the word
	for _, w := range l.seen.shaped {
		reach := l.bytes(triggerReach)
		for first < len(hits) && hits[first].to+reach < w.from && hits[first].slot < w.from {
			first++
		}
		last := first
		for last < len(hits) && hits[last].from-reach < w.to && last < first+maxHits {
			last++
		}
		if last > first || w.firm {
			l.run(w.span, hits[first:last])
		}
	}
}

// run looks at the words in a run, which are several where scripts put no blank
// between words; hits are those near it.
func (l *look) run(w span, hits []hit) {
	near := 0 // the last hit that begins before the word ends
	words(l.text, w.from, w.to, func(from, to int) {
		for near+1 < len(hits) && hits[near+1].from < to {
			near++
		}
		l.word(span{from, to}, hits[max(0, near-2):min(len(hits), near+3)])
	})
}

// word pairs what a word may hold with the users near it.
func (l *look) word(w span, hits []hit) {
	word := l.text[w.from:w.to]
	if len(word) > maxWord || len(word) < l.s.least {
		return
	}
	shaped := l.s.shaped(word)
	if !shaped && len(word) < minToken {
		return
	}
	users := l.usersNear(w)
	l.logins(word, w, hits, users)
	if !shaped || l.sender == "" && len(users) == 0 {
		return
	}
	if len(hits) == 0 && len(users) == 0 && !l.alone(w) {
		return
	}
	for _, b := range l.beginnings(w, hits, users) {
		if !l.best.wants(b.least()) {
			continue
		}
		readings(l.text[b.at:w.to], l.before(b.at), b.label, func(text []byte, penalty int) {
			l.offer(text, w, b, penalty+b.penalty, users)
		})
	}
}

// shaped reports a word that has as many classes of characters as a password.
func (s *Scanner) shaped(word []byte) bool {
	var set uint8
	for _, c := range word {
		set |= uint8(s.kinds[c])
	}
	return classCount(set) >= s.rules.Classes
}

// offer ranks a candidate with every user it may belong to and keeps the pairs.
func (l *look) offer(text []byte, w span, b beginning, penalty int, users []found) {
	penalty += l.extra
	if b.place+penalty > worstRank && b.user == never && !b.near && !b.alone {
		return
	}
	odd, known := 0, false
	look := func() int {
		if !known {
			odd, known = ordinary(text), true
		}
		return odd
	}
	var fits, judged bool
	l.tally.candidates++
	add := func(user string, rank, worst int, why reason) {
		l.tally.pairs++
		if rank > worst || !l.best.wants(rank) || l.best.has(user, text, rank) {
			return
		}
		if !judged {
			fits, judged = l.s.fits(text), true
		}
		if fits {
			l.best.add(pair{l.path, user, text, rank, why})
		}
	}
	for i := range users {
		u := &users[i]
		far := l.away(w, u)
		rank, why := never, byTrigger
		if b.place < never {
			rank = b.place + min(far, userReach)/2 + penalty
			if !b.label {
				rank += nearer(look(), b.place)
			}
		}
		beside := never
		switch {
		case u.slot == b.at && u.sep:
			beside = 5 + penalty + look()/3
		case u.slot == b.at:
			beside = 12 + penalty + look()/2
		case far <= besideReach && look() == 0:
			beside = besideRank + far + penalty
		}
		if beside < rank {
			rank, why = beside, byUser
		}
		add(u.name, rank, worstRank, why)
	}
	if l.sender == "" || named(users, l.sender) {
		return
	}
	switch {
	case b.place < never:
		rank := b.place + penalty + senderRank
		if !b.label {
			rank += nearer(look(), b.place)
		}
		add(l.sender, rank, worstImplied, bySender)
	case b.alone && penalty < 10 && look() <= plainNumber && l.s.fits(text):
		l.best.wait(l.path, l.sender, text, aloneRank+penalty+look()/2)
	}
}

// nearer is what an ordinary look costs a candidate: less, where a trigger is
// very near.
func nearer(look, place int) int {
	if look >= plainWord {
		return look
	}
	return look * min(place, 40) / 40
}

func named(users []found, name string) bool {
	return slices.ContainsFunc(users, func(u found) bool { return u.name == name })
}

// away is the distance of a user's name; behind the candidate it counts double.
func (l *look) away(w span, u *found) int {
	if u.to <= w.from {
		return l.chars(u.to, w.from)
	}
	return 2 * l.chars(w.to, u.from)
}

// before returns the byte in front of an offset, a line feed at the start.
func (l *look) before(at int) byte {
	if at == 0 {
		return '\n'
	}
	return l.text[at-1]
}

// bytes is how many bytes may have that many characters, most of two bytes.
func (l *look) bytes(chars int) int {
	if l.seen.high {
		return 2 * chars
	}
	return chars
}

// chars is the distance of two offsets in characters, which far apart may be a
// little too great.
func (l *look) chars(from, to int) int {
	if from >= to {
		return 0
	}
	if !l.seen.high || to-from > 4*userReach {
		return to - from
	}
	return utf8.RuneCount(l.text[from:to])
}

// fits reports whether a candidate obeys the password policy.
func (l *Scanner) fits(candidate []byte) bool {
	if len(candidate) < l.least || len(candidate) > 128 || !l.password.Match(candidate) {
		return false
	}
	var set uint8
	for _, r := range string(candidate) {
		switch {
		case unicode.IsLower(r):
			set |= lower
		case unicode.IsUpper(r):
			set |= upper
		case unicode.IsDigit(r):
			set |= digit
		default:
			set |= other
		}
	}
	return classCount(set) >= l.rules.Classes
}
