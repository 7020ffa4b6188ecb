package decide

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"qguard/rules"
)

// Places tells an address's country.
type Places interface {
	// Country is two capitals, ZZ when the address has none. An error means that
	// nobody could tell.
	Country(netip.Addr) (string, error)
}

// An Engine decides. It is a Decider.
type Engine struct {
	memory   Memory
	places   Places
	plan     atomic.Pointer[plan]
	troubles atomic.Int64
	seed     maphash.Seed
	locks    [64]sync.Mutex // of keys, from looking at a count to adding to it
}

// New returns an engine. places is nil where no database is configured.
func New(c *rules.Config, m Memory, places Places) *Engine {
	e := &Engine{memory: m, places: places, seed: maphash.MakeSeed()}
	e.SetRules(c)
	return e
}

// SetRules replaces the rules, at any time; counts stay. c is not to be changed
// afterwards.
func (e *Engine) SetRules(c *rules.Config) { e.plan.Store(newPlan(c)) }

// Troubles is how many decisions were made without something that was broken.
func (e *Engine) Troubles() int64 { return e.troubles.Load() }

// Decide answers an event.
func (e *Engine) Decide(ev Event) Answer {
	ev.Remote = ev.Remote.Unmap().WithZone("")
	if !ev.Remote.IsValid() {
		return Answer{}
	}
	p := e.plan.Load()
	switch ev.Phase {
	case Allow:
		return e.allow(p, ev)
	case Report:
		e.report(p, ev)
	case Connect:
		return p.shadow(e.connect(p, ev))
	case Recipient:
		return p.shadow(e.recipient(p, ev))
	case Message:
		return p.shadow(e.message(p, ev))
	}
	return Answer{}
}

// A plan is the rules made ready for deciding.
type plan struct {
	rules    *rules.Config
	entries  []entry
	failures []Counter // login.failures in each of its windows
	intranet map[string]bool
}

func newPlan(c *rules.Config) *plan {
	p := &plan{rules: c, intranet: map[string]bool{}}
	for _, l := range c.Login {
		p.entries = append(p.entries, entry{
			Login: l, user: strings.ToLower(l.User), domain: strings.ToLower(l.Domain),
			protocol: strings.ToLower(l.Protocol), text: oneLine(l.Text),
		})
	}
	for _, counter := range Counters(c) {
		if counter.Name == "login.failures" {
			p.failures = append(p.failures, counter)
		}
	}
	for _, r := range c.Intranet.Rcpt {
		p.intranet[strings.ToLower(r)] = true
	}
	return p
}

// shadow makes an answer harmless under log_only.
func (p *plan) shadow(a Answer) Answer {
	if !p.rules.Policyd.LogOnly {
		return a
	}
	return wouldBe(a)
}

// wouldBe is an answer that only says what it would have been.
func wouldBe(a Answer) Answer {
	if a.Kind != Go {
		a.Would, a.Kind, a.Delay = a.Kind, Go, 0
	}
	return a
}

// trouble counts what could not be told and answers as on_error says.
func (e *Engine) trouble(p *plan, rule string) Answer {
	e.troubles.Add(1)
	if p.rules.Policyd.OnError == "deny" {
		return Answer{Kind: Defer, Rule: rule, Text: textOf(rule)}
	}
	return Answer{}
}

// lock holds a key's counts until unlock.
func (e *Engine) lock(k Key) (unlock func()) {
	m := &e.locks[maphash.Comparable(e.seed, k)%uint64(len(e.locks))]
	m.Lock()
	return m.Unlock
}

// within reports whether t is at most d before now, or after it: clocks are set
// back.
func within(t, now time.Time, d time.Duration) bool {
	return !t.IsZero() && now.Sub(t) <= d
}
