package decide

import (
	"slices"
	"strings"
	"time"

	"qguard/rules"
)

// An entry is one of [[login]], patterns in lower case.
type entry struct {
	rules.Login
	user, domain, protocol string
	text                   string // one line
}

// matches reports whether the entry is about this login; both in lower case.
func (n *entry) matches(login, protocol string) bool {
	domain := ""
	if at := strings.LastIndexByte(login, '@'); at >= 0 {
		domain = login[at+1:]
	}
	return (n.user == "" || like(n.user, login)) &&
		(n.domain == "" || like(n.domain, domain)) &&
		(n.protocol == "" || like(n.protocol, protocol))
}

// like reports whether s is the pattern, in which a * stands for any characters.
// The work is at most the one's length times the other's.
func like(pattern, s string) bool {
	star, after := -1, 0 // the last star, and where in s what follows it was tried
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, after = i, j
			i++
		case i < len(pattern) && pattern[i] == s[j]:
			i++
			j++
		case star >= 0:
			after++
			i, j = star+1, after
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// entryOf returns the first entry that matches; the built-in one is empty.
func (p *plan) entryOf(login, protocol string) *entry {
	for i := range p.entries {
		if p.entries[i].matches(login, protocol) {
			return &p.entries[i]
		}
	}
	return &entry{}
}

// allow answers whether a login may be tried, or go on.
func (e *Engine) allow(p *plan, ev Event) Answer {
	login := strings.ToLower(ev.Login)
	n := p.entryOf(login, strings.ToLower(ev.Protocol))
	if slices.ContainsFunc(n.Networks, func(w rules.Network) bool { return w.Contains(ev.Remote) }) {
		return Answer{}
	}
	a := e.country(p, n, ev)
	if a.Kind == Go {
		a = e.failures(p, n, ev, login)
	}
	return p.shadow(n.dress(a, p.tarpit()))
}

// tarpit is how long one lasts where an entry asks for one though [failures] has
// none.
func (p *plan) tarpit() time.Duration {
	if d := time.Duration(p.rules.Failures.Tarpit); d > 0 {
		return d
	}
	return 2 * time.Second
}

// dress gives a finding the entry's answer and text.
func (n *entry) dress(a Answer, tarpit time.Duration) Answer {
	if a.Kind == Refuse && n.text != "" {
		a.Text = n.text
	}
	if a.Kind == Refuse && n.Answer == "tarpit" {
		a.Kind, a.Delay = Tarpit, tarpit
	}
	if n.Answer == "log" {
		return wouldBe(a)
	}
	return a
}

// country looks where a client is.
func (e *Engine) country(p *plan, n *entry, ev Event) Answer {
	if e.places == nil || len(n.Countries)+len(n.Refused) == 0 {
		return Answer{}
	}
	code, err := e.places.Country(ev.Remote)
	if err != nil {
		return e.trouble(p, "error.geoip")
	}
	if n.takes(code) {
		return Answer{}
	}
	return refused("login.country")
}

// takes reports whether an entry lets a country in.
func (n *entry) takes(code string) bool {
	switch {
	case slices.Contains(n.Refused, code):
		return false
	case len(n.Countries) == 0, slices.Contains(n.Countries, code):
		return true
	}
	return code == NoCountry && !n.Unknown
}

// failures looks at the wrong passwords of an address. The gravest finding
// counts; where several are as grave, the first.
func (e *Engine) failures(p *plan, n *entry, ev Event, login string) Answer {
	f := &p.rules.Failures
	key := keyOf(ev.Remote)
	pair := Key{key.Addr, login}
	own := Answer{}
	if login != "" && f.Pair.N > 0 {
		sum := e.memory.Sum(ev.Time, Counter{"login.pair", f.Pair.Window}, pair)
		own = p.step("login.pair", sum, f.Pair.N)
	}
	if login != "" && within(e.memory.Succeeded(pair), ev.Time, time.Duration(f.Exempt)) {
		if own.Kind == Refuse {
			own = p.slow("login.pair")
		}
		return own
	}
	if ev.Remote.IsLoopback() {
		return own
	}
	limit, worst := f.Address, own
	if n.Failures != nil {
		limit = *n.Failures
	}
	if limit.N > 0 {
		sum := e.memory.Sum(ev.Time, Counter{"login.failures", limit.Window}, key)
		worst = graver(worst, p.step("login.failures", sum, limit.N))
	}
	if f.Logins.N > 0 {
		sum := e.memory.Members(ev.Time, Counter{"login.logins", f.Logins.Window}, key)
		worst = graver(worst, p.step("login.logins", sum, min(f.Logins.N, MostMembers)))
	}
	return worst
}

// graver is b where it is graver than a.
func graver(a, b Answer) Answer {
	if b.Kind > a.Kind {
		return b
	}
	return a
}

// step is what a count of failures is worth.
func (p *plan) step(rule string, sum, limit int) Answer {
	switch {
	case sum >= limit:
		return refused(rule)
	case 2*sum >= limit:
		return p.slow(rule)
	}
	return Answer{}
}

// slow is a tarpit, where [failures] has one.
func (p *plan) slow(rule string) Answer {
	d := time.Duration(p.rules.Failures.Tarpit)
	if d == 0 {
		return Answer{}
	}
	return Answer{Kind: Tarpit, Delay: d, Rule: rule, Text: textOf(rule)}
}

// report remembers how a login ended.
func (e *Engine) report(p *plan, ev Event) {
	key, login := keyOf(ev.Remote), strings.ToLower(ev.Login)
	pair := Key{key.Addr, login}
	if ev.Success {
		if login != "" && p.rules.Failures.Exempt > 0 {
			e.memory.Succeed(ev.Time, pair)
		}
		return
	}
	if ev.PolicyReject || ev.FailType == "policy" || ev.FailType == "internal" || ev.FailType == "expired" {
		return
	}
	f := &p.rules.Failures
	for _, c := range p.failures {
		e.memory.Add(ev.Time, c, key, 1)
	}
	if login == "" {
		return
	}
	if f.Pair.N > 0 {
		e.memory.Add(ev.Time, Counter{"login.pair", f.Pair.Window}, pair, 1)
	}
	if f.Logins.N > 0 {
		e.memory.AddMember(ev.Time, Counter{"login.logins", f.Logins.Window}, key, login)
	}
}
