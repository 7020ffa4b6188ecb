package credential

import (
	"errors"
	"fmt"

	"qguard/scan"
	"qguard/scan/authenticate"
)

// How the search of a message went, for somebody who asks (scan.Watcher). Users
// are numbered, not named; of candidates nothing is said, and the watcher is
// told to hide whatever is one.

// tally counts what was considered, in every form of every text.
type tally struct{ triggers, candidates, pairs int }

// reason is why a pair is one.
type reason uint8

const (
	byTrigger reason = iota // by a word like "password"
	byUser                  // behind or beside the user's name
	bySender                // by a trigger, the sender not named
	byLine                  // on a line of its own
	byLogin                 // a login in one word
)

func (r reason) String() string {
	switch r {
	case byUser:
		return "by the user's name"
	case bySender:
		return "by a trigger, for the sender"
	case byLine:
		return "on a line of its own, for the sender"
	case byLogin:
		return "in a login of one word"
	}
	return "by a trigger"
}

// Watched is called when somebody wants to know.
func (l *look) Watched(w scan.Watcher) { l.watch = w }

// Watched says why there is no search.
func (i idle) Watched(w scan.Watcher) {
	why := "credential.scan is " + string(i.scan)
	if i.scan == "outgoing" {
		why += ", and nothing says that the mail is from our own users"
	}
	w.Tell("credential: not searched: " + why)
}

// tell says what was found before anything is asked, and hides it.
func (l *look) tell() {
	if l.watch == nil {
		return
	}
	t := l.tally
	l.watch.Tell(fmt.Sprintf("credential: triggers %d, candidates %d; pairs of user and candidate: weighed %d, kept %d",
		t.triggers, t.candidates, t.pairs, len(l.best.list)))
	for _, list := range [...][]pair{l.best.list, l.best.lone} {
		for _, p := range list {
			l.watch.Hide(string(p.text))
		}
	}
}

// tell says what became of a pair.
func (q *questions) tell(p pair, fate string) {
	if q.watch == nil {
		return
	}
	if q.numbers == nil {
		q.numbers = map[string]int{}
	}
	if q.numbers[p.user] == 0 {
		q.numbers[p.user] = len(q.numbers) + 1
	}
	part := p.path
	if part == "" {
		part = "of the message"
	}
	q.watch.Tell(fmt.Sprintf("credential: user %d, part %s, %s, rank %d: %s", q.numbers[p.user], part, p.why, p.rank, fate))
}

// left says why the other pairs are not asked about.
func (q *questions) left(n int) {
	if q.watch == nil {
		return
	}
	why := fmt.Sprintf("%d attempts are used up", q.tried)
	switch {
	case len(q.valid) > 0:
		why = "an answer was right"
	case q.stop:
		why = "nothing more can be asked"
	}
	q.watch.Tell(fmt.Sprintf("credential: pairs left %d, not asked: %s", n, why))
}

// fate is an answer in words.
func fate(answer authenticate.Answer, err error) string {
	if errors.Is(err, authenticate.ErrPair) {
		return "not asked: the authenticator's protocol cannot carry it"
	}
	return "asked: " + answer.String()
}
