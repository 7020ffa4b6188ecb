package credential

import (
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"time"

	"qguard/rules"
)

// ordinaryWords are words of any mail. A policy that takes them all takes anything.
var ordinaryWords = [...]string{"the", "and", "message", "tomorrow", "please", "invoice"}

// Doubts says, one line each and with an example, what is unwise in rules that
// are possible: policies that match everything or nothing, and budgets that
// cannot be kept or leave nothing to ask.
func Doubts(c rules.Credential) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	s := New(c, nil, nil)
	s.password, s.username = c.Password.Regexp(), c.Username.Regexp()

	switch example, shape := sample(c.Password.String(), s.fits); {
	case takesAll(func(w string) bool { return s.fits([]byte(w)) }):
		say("password %q with classes = %d fits ordinary words, %q say: every word near a trigger would be tried; ask for more classes or a length", c.Password, c.Classes, ordinaryWords[3])
	case example == "" && shape != "":
		say("password %q with classes = %d fits nothing: %q has too few classes", c.Password, c.Classes, shape)
	case example == "":
		say("password %q fits nothing, not %q either: no login would be found", c.Password, "Correct-Horse-7")
	}
	if s.username != nil && c.Users == "" {
		example, _ := sample(c.Username.String(), func(w []byte) bool { return s.username.Match(w) })
		switch {
		case takesAll(s.username.MatchString):
			say("username %q fits ordinary words, %q say: every word would be a user; name the users in a file (users)", c.Username, ordinaryWords[3])
		case example == "":
			say("username %q fits nothing, not %q either: only senders would be users", c.Username, "jdoe")
		}
	}
	return append(list, budgetDoubts(c)...)
}

func takesAll(fits func(string) bool) bool {
	for _, w := range ordinaryWords {
		if !fits(w) {
			return false
		}
	}
	return true
}

// shortest is a window that directories' own are longer than; Active Directory
// and pam_faillock forget after 10 to 30 minutes.
const shortest = 30 * time.Minute

func budgetDoubts(c rules.Credential) (list []string) {
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	user, bound := userRate(c)
	switch {
	case c.Lockout == 1:
		say("lockout = 1: one question of ours would lock an account, so nothing is ever asked; use a back end that does not count")
	case c.Lockout == 2:
		say("lockout = 2: beside one question of ours the owner may not err once; use a back end that does not count")
	case c.Lockout > 0 && user.Window < shortest:
		say("lockout = %d with user_failures in %s: a directory that remembers failures for longer locks accounts; use the time after which it forgets, 1h say",
			c.Lockout, rules.Duration(user.Window))
	case c.Lockout == 0 && !bound && !slices.Contains(c.Authenticator, "passwd-file"):
		say("user_failures = \"0\" and lockout = 0: no bound for questions about one user; right only for a back end that locks nobody")
	}
	for _, b := range []struct {
		key string
		rules.Rate
	}{{"sender_failures", c.SenderFailures}, {"rate", c.Rate}} {
		if b.N > 0 && b.N < c.Attempts {
			say("%s = \"%d/%s\" is less than the %d attempts of one message", b.key, b.N, rules.Duration(b.Window), c.Attempts)
		}
	}
	return list
}

// Budgets says in one line what is asked at most.
func Budgets(c rules.Credential) string {
	rate := func(r rules.Rate) string {
		if r.N == 0 && r.Window == 0 {
			return "no bound"
		}
		return fmt.Sprintf("%d in %s", r.N, rules.Duration(r.Window))
	}
	user, _ := userRate(c)
	text := fmt.Sprintf("%d a message; failures of a user %s", c.Attempts, rate(user))
	if c.Lockout > 0 {
		text += fmt.Sprintf(" (lockout %d)", c.Lockout)
	}
	return text + fmt.Sprintf(", of a sender %s, of all %s", rate(c.SenderFailures), rate(c.Rate))
}

// sample looks for a string that a pattern makes and that fits; shape is one it
// made that does not.
func sample(pattern string, fits func([]byte) bool) (example, shape string) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", ""
	}
	m := maker{rand.New(rand.NewPCG(1, 2))}
	for range 500 {
		text := m.add(nil, tree, 0)
		if fits(text) {
			return string(text), ""
		}
		shape = string(text[:min(len(text), 40)])
	}
	return "", shape
}

// A maker makes strings that a pattern may match.
type maker struct{ rnd *rand.Rand }

// longestSample bounds them: candidates are no longer.
const longestSample = 128

func (m maker) add(text []byte, tree *syntax.Regexp, depth int) []byte {
	if depth > 100 || len(text) > longestSample {
		return text
	}
	least, most := 1, 1
	switch tree.Op {
	case syntax.OpLiteral:
		return append(text, string(tree.Rune)...)
	case syntax.OpCharClass:
		return m.class(text, tree.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return append(text, byte('!'+m.rnd.IntN('~'-'!'+1)))
	case syntax.OpAlternate:
		return m.add(text, tree.Sub[m.rnd.IntN(len(tree.Sub))], depth+1)
	case syntax.OpStar:
		least, most = 0, 16
	case syntax.OpPlus:
		least, most = 1, 16
	case syntax.OpQuest:
		least = 0
	case syntax.OpRepeat:
		if least, most = tree.Min, tree.Max; most < 0 {
			most = least + 16
		}
	}
	for range least + m.rnd.IntN(most-least+1) {
		for _, sub := range tree.Sub {
			text = m.add(text, sub, depth+1)
		}
	}
	return text
}

// class adds one character of a class, which is given in pairs of bounds: mostly
// one that can be printed.
func (m maker) class(text []byte, pairs []rune) []byte {
	if len(pairs) == 0 {
		return text
	}
	n := 2 * m.rnd.IntN(len(pairs)/2)
	low, high := pairs[n], pairs[n+1]
	if low <= '~' && high >= '!' {
		low, high = max(low, '!'), min(high, '~')
	}
	return append(text, string(low+rune(m.rnd.IntN(int(high-low)+1)))...)
}
