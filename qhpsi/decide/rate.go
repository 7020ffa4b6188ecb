package decide

import (
	"slices"

	"qguard/rules"
)

// limits are those of a client's class.
func (p *plan) limits(ev Event) (rules.Class, rules.Limits) {
	class := p.rules.Net.Class(ev.Remote, ev.RDNS == RDNSMissing || ev.RDNS == RDNSForged)
	return class, p.rules.Rate.Of(class)
}

// connect answers a client that has connected.
func (e *Engine) connect(p *plan, ev Event) Answer {
	_, l := p.limits(ev)
	open := Answer{}
	if l.Open > 0 && ev.Open > l.Open {
		open = deferred("rate.open")
	}
	return e.charge(p, ev, open, charge{"rate.conn", l.Conn, keyOf(ev.Remote), 1})
}

// message answers a whole message.
func (e *Engine) message(p *plan, ev Event) Answer {
	_, l := p.limits(ev)
	key := keyOf(ev.Remote)
	charges := []charge{
		{"rate.msg", l.Msg, key, 1},
		{"rate.quota", l.Quota, key, 1},
		{"rate.rcpt", l.Rcpt, key, ev.Recipients},
	}
	if ev.Session != "" {
		charges = append(charges, charge{"rate.conn_msg", rules.Rate{N: l.ConnMsg, Window: sessionWindow}, Key{key.Addr, ev.Session}, 1})
	}
	finding := Answer{}
	if l.MsgRcpt > 0 && ev.Recipients > l.MsgRcpt {
		finding = refused("rate.msg_rcpt")
	}
	return e.charge(p, ev, finding, charges...)
}

// A charge is what an event adds to a count, and what may be there.
type charge struct {
	rule  string
	limit rules.Rate
	key   Key
	n     int
}

// charge adds all or, where there is a finding already or one would go over its
// limit, nothing; with log_only always all. All keys are of one address. What is
// more than a limit at once never fits and is refused.
func (e *Engine) charge(p *plan, ev Event, worst Answer, charges ...charge) Answer {
	defer e.lock(keyOf(ev.Remote))()
	for _, c := range charges {
		if c.limit.N == 0 || c.n <= 0 {
			continue
		}
		switch {
		case c.n > c.limit.N:
			worst = graver(worst, refused(c.rule))
		case e.memory.Sum(ev.Time, c.counter(), c.key)+c.n > c.limit.N:
			worst = graver(worst, deferred(c.rule))
		}
	}
	if worst.Kind != Go && !p.rules.Policyd.LogOnly {
		return worst
	}
	for _, c := range charges {
		if c.limit.N > 0 && c.n > 0 {
			e.memory.Add(ev.Time, c.counter(), c.key, c.n)
		}
	}
	return worst
}

func (c charge) counter() Counter { return Counter{c.rule, c.limit.Window} }

// recipient answers one recipient of a message, before it is known how many it
// will have.
func (e *Engine) recipient(p *plan, ev Event) Answer {
	class, l := p.limits(ev)
	if class != "self" && p.inward(ev.Recipient) && !slices.Contains(p.rules.Intranet.From, class) {
		return refused("intranet")
	}
	if l.MsgRcpt > 0 && ev.Recipients > l.MsgRcpt {
		return deferred("rate.msg_rcpt")
	}
	if l.Rcpt.N > 0 && e.memory.Sum(ev.Time, Counter{"rate.rcpt", l.Rcpt.Window}, keyOf(ev.Remote)) >= l.Rcpt.N {
		return deferred("rate.rcpt")
	}
	return Answer{}
}

func deferred(rule string) Answer { return Answer{Kind: Defer, Rule: rule, Text: textOf(rule)} }
func refused(rule string) Answer  { return Answer{Kind: Refuse, Rule: rule, Text: textOf(rule)} }
