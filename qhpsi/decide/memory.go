package decide

import (
	"net/netip"
	"slices"
	"time"

	"qguard/rules"
)

// A Counter is one thing that is counted, in a window of its own. The rules say
// which there are.
type Counter struct {
	Name   string // the rule it serves, like "rate.conn"
	Window time.Duration
}

// A Key is whose count it is: an address (IPv6 with the last 64 bits zero, no
// zone), and under it a login or a session, as the client wrote it in lower case.
// The text may have any length and any bytes: keep a hash of it.
type Key struct {
	Addr netip.Addr
	Sub  string // "" = the address itself
}

// Memory is what an Engine remembers by. All methods may be called at the same
// time and do not wait. now is the event's and may be earlier than the last one
// by the time events need to get here.
type Memory interface {
	// Add counts n more and returns the sum of the window that ends now.
	Add(now time.Time, c Counter, k Key, n int) int
	// Sum is that without adding.
	Sum(now time.Time, c Counter, k Key) int
	// AddMember adds to the set of what was seen in the window. A set holds
	// MostMembers at least.
	AddMember(now time.Time, c Counter, k Key, member string)
	// Members is how many different ones the window has.
	Members(now time.Time, c Counter, k Key) int
	// Succeed stamps a key; Succeeded returns its last stamp, zero when there is
	// none or it was forgotten.
	Succeed(now time.Time, k Key)
	Succeeded(k Key) time.Time
}

// MostMembers bounds what [failures] logins can ask for: a higher limit is this
// one.
const MostMembers = 64

// sessionWindow is how long a connection is taken to last, for rate.conn_msg.
const sessionWindow = time.Hour

// Counters lists all that an Engine with these rules counts, each once, in order
// of name and window. login.logins is of members, the others are sums.
func Counters(c *rules.Config) []Counter {
	var list []Counter
	add := func(name string, r rules.Rate) {
		if r.N > 0 {
			list = append(list, Counter{name, r.Window})
		}
	}
	add("login.failures", c.Failures.Address)
	add("login.pair", c.Failures.Pair)
	add("login.logins", c.Failures.Logins)
	for _, l := range c.Login {
		if l.Failures != nil {
			add("login.failures", *l.Failures)
		}
	}
	for _, class := range rules.Classes {
		l := c.Rate.Of(class)
		add("rate.conn", l.Conn)
		add("rate.msg", l.Msg)
		add("rate.rcpt", l.Rcpt)
		add("rate.quota", l.Quota)
		add("rate.conn_msg", rules.Rate{N: l.ConnMsg, Window: sessionWindow})
	}
	slices.SortFunc(list, Counter.compare)
	return slices.Compact(list)
}

func (c Counter) compare(d Counter) int {
	switch {
	case c.Name < d.Name, c.Name == d.Name && c.Window < d.Window:
		return -1
	case c == d:
		return 0
	}
	return 1
}

// keyOf is the key of a client.
func keyOf(a netip.Addr) Key {
	if a.Is6() {
		p, _ := a.Prefix(64) // 64 fits
		return Key{Addr: p.Addr()}
	}
	return Key{Addr: a}
}
