package credential

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"qguard/cache"
	"qguard/rules"
	"qguard/scan"
)

// A budget is what one question is charged to, and what to say when it is used up.
type budget struct {
	cache.Charge
	name string
}

// unset is the window of the lockout where user_failures names none.
const unset = 24 * time.Hour

// userRate is how many failures may be charged to a user: a third of what the
// directory allows, where it counts, so that the owner's own errors fit beside
// ours. Of a threshold of one there is nothing to spend.
func userRate(c rules.Credential) (r rules.Rate, bound bool) {
	r = c.UserFailures
	if c.Lockout == 0 {
		return r, r.N > 0
	}
	third := max(1, c.Lockout/3)
	if c.Lockout == 1 {
		third = 0
	}
	if r.N == 0 || third < r.N {
		r.N = third
	}
	if r.Window == 0 {
		r.Window = unset
	}
	return r, true
}

// guessRate is how many passwords of others a sender may get wrong: half of what
// all failures may be. None are counted where those are not.
func guessRate(c rules.Credential) rules.Rate {
	r := c.SenderFailures
	if r.N > 0 {
		r.N = max(1, r.N/2)
	}
	return r
}

// budgets are what a question about a user is charged to, in the order in which
// they are named when one is used up. A sender who guesses at others is not
// served at all, so a question about his own account looks at that budget too.
func (l *look) budgets(user string) (list []budget) {
	s := l.s
	if r, bound := userRate(s.rules); bound {
		list = append(list, budget{s.charge("user", s.ledger(user), r), "a user"})
	}
	if payer := l.payer(); payer != "" && s.rules.SenderFailures.N > 0 {
		guess := s.charge("guess", payer, guessRate(s.rules))
		guess.Look = l.own(user)
		list = append(list, budget{guess, "guessing"}, budget{s.charge("sender", payer, s.rules.SenderFailures), "the sender"})
	}
	if s.rules.Rate.N > 0 {
		list = append(list, budget{s.charge("rate", "", s.rules.Rate), "all users together"})
	}
	return list
}

func (s *Scanner) charge(kind, who string, r rules.Rate) cache.Charge {
	return cache.Charge{Key: budgetKey(kind, who), Limit: r.N, Window: r.Window}
}

// budgetKey is the key of a budget. Back end and policy are no part of it: what
// was asked under the old rules was asked.
func budgetKey(kind, who string) []byte {
	return fields([]byte(keyVersion), []byte("budget"), []byte(kind), []byte(who))
}

// book charges one question. refused is the budget that has no room, or
// nowhere where the cache cannot tell.
func (l *look) book(list []budget) (refused *budget, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	full, err := l.s.memory.SpendAll(charges(list))
	if err != nil || full < 0 {
		return nil, err
	}
	return &list[full], nil
}

func charges(list []budget) (out []cache.Charge) {
	for _, b := range list {
		out = append(out, b.Charge)
	}
	return out
}

func (b *budget) note() string {
	return fmt.Sprintf("budget of %s is used up: %d in %s", b.name, b.Limit, b.Window)
}

// payer is who is charged for the questions of the message: the login, else the
// envelope sender, else the client; "" when the door knows none of them. From
// is nobody's word.
func (l *look) payer() string {
	switch {
	case l.login != "":
		return "user " + l.s.ledger(l.login)
	case l.envelope && l.from != "":
		return "user " + l.s.ledger(l.from)
	case l.client.Is6() && !l.client.Is4In6():
		return "client " + netip.PrefixFrom(l.client, 64).Masked().String() // one subscriber's
	case l.client.IsValid():
		return "client " + l.client.Unmap().String()
	}
	return ""
}

// own reports whether an account is known to be the sender's.
func (l *look) own(user string) bool {
	return l.envelope && l.sender != "" && l.s.ledger(user) == l.s.ledger(l.sender)
}

// ledger is the name under which failures are counted. It is coarser than the
// name that is asked for, as directories are: they take capitals, DOMAIN\user and
// user@domain for the same account, and would count three times.
func (s *Scanner) ledger(user string) string {
	user = strings.ToLower(user)
	user = user[strings.LastIndexByte(user, '\\')+1:]
	at := strings.LastIndexByte(user, '@')
	if at <= 0 {
		return user
	}
	local := func(d string) bool { return strings.EqualFold(d, user[at+1:]) }
	if len(s.rules.Domains) == 0 || slices.ContainsFunc(s.rules.Domains, local) {
		return user[:at]
	}
	return user
}

// guessing is the finding about a sender who has spent what may be guessed.
func (l *look) guessing() []scan.Finding {
	r, who := guessRate(l.s.rules), l.payer()
	return []scan.Finding{{
		Rule: "credential.guessing",
		Note: fmt.Sprintf("%d wrong passwords of others in %s from %s", r.N, r.Window, who),
	}}
}

// guessed reports whether the sender has just spent the last guess.
func (l *look) guessed() bool {
	payer := l.payer()
	if payer == "" || l.s.rules.SenderFailures.N == 0 {
		return false
	}
	c := l.s.charge("guess", payer, guessRate(l.s.rules))
	c.Look = true
	full, err := l.s.memory.SpendAll([]cache.Charge{c})
	return err == nil && full >= 0
}

// Forget removes what the cache learned about a user: pairs that failed, and
// that there is no such user. With budgets also what was charged to the user. It
// returns how many entries that were.
func Forget(store *cache.Store, c rules.Credential, user string, budgets bool) (n int, err error) {
	s := &Scanner{rules: c}
	n, err = store.Flush(s.owner(user))
	if err != nil || !budgets {
		return n, err
	}
	for _, key := range [][]byte{
		budgetKey("user", s.ledger(user)),
		budgetKey("guess", "user "+s.ledger(user)),
		budgetKey("sender", "user "+s.ledger(user)),
	} {
		more, err := store.FlushCharges(key)
		if n += more; err != nil {
			return n, err
		}
	}
	return n, nil
}

// owner is whose failures they are, for Forget.
func (s *Scanner) owner(user string) []byte {
	return fields([]byte(keyVersion), []byte("owner"), []byte(s.ledger(user)))
}
