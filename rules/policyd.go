package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Policyd configures qguard-policyd, which decides about clients: who may log
// in, who connects too often. It reads no mail.
type Policyd struct {
	HTTP      []Address `toml:"http"`
	Postfix   []Address `toml:"postfix"`
	Control   Address   `toml:"control"`
	Metrics   []Address `toml:"metrics"`
	DB        string    `toml:"db"`
	Token     string    `toml:"token"`
	GeoIP     string    `toml:"geoip"`
	Retention Duration  `toml:"retention"`
	OnError   OnError   `toml:"on_error"`
	LogOnly   bool      `toml:"log_only"`
	User      string    `toml:"user"`
	Group     string    `toml:"group"`
	Keys      int       `toml:"keys"`
	Log       string    `toml:"log"`
}

// OnError is what is answered when something is broken: "allow" or "deny".
type OnError string

// UnmarshalText refuses any other word.
func (o *OnError) UnmarshalText(text []byte) error { return word(o, text, "allow", "deny") }

// Net sorts clients into classes by the longest prefix that holds their address.
// What is in none is outside, or nordns where its reverse DNS is missing or does
// not match.
type Net struct {
	Local  []Network `toml:"local"`  // our own
	Domain []Network `toml:"domain"` // our domain's, elsewhere
	Known  []Network `toml:"known"`  // friends
	Listed []Network `toml:"listed"` // on somebody's black list
}

// Class is a class of clients: one of Classes.
type Class string

// Classes are all there are. Self is the loopback.
var Classes = [...]Class{"self", "local", "domain", "known", "outside", "nordns", "listed"}

// Class returns that of a client; noRDNS says that its reverse DNS is missing or
// does not match.
func (n Net) Class(a netip.Addr, noRDNS bool) Class {
	a = a.Unmap()
	if a.IsLoopback() {
		return "self"
	}
	found, bits := Class(""), -1
	for _, c := range []struct {
		class Class
		list  []Network
	}{{"local", n.Local}, {"domain", n.Domain}, {"known", n.Known}, {"listed", n.Listed}} {
		for _, p := range c.list {
			if p.Contains(a) && p.Bits() > bits {
				found, bits = c.class, p.Bits()
			}
		}
	}
	switch {
	case found != "":
		return found
	case noRDNS:
		return "nordns"
	}
	return "outside"
}

// RateTable holds the limits of every class.
type RateTable struct {
	Self    Limits `toml:"self"`
	Local   Limits `toml:"local"`
	Domain  Limits `toml:"domain"`
	Known   Limits `toml:"known"`
	Outside Limits `toml:"outside"`
	NoRDNS  Limits `toml:"nordns"`
	Listed  Limits `toml:"listed"`
}

// Of returns a class's limits.
func (t *RateTable) Of(c Class) Limits {
	switch c {
	case "self":
		return t.Self
	case "local":
		return t.Local
	case "domain":
		return t.Domain
	case "known":
		return t.Known
	case "nordns":
		return t.NoRDNS
	case "listed":
		return t.Listed
	}
	return t.Outside
}

// Limits are how often a client of a class may come; a zero one is no limit.
type Limits struct {
	Conn    Rate `toml:"conn"`     // connections
	Msg     Rate `toml:"msg"`      // messages
	Rcpt    Rate `toml:"rcpt"`     // recipients
	Quota   Rate `toml:"quota"`    // messages in hours, where Msg is in minutes
	Open    int  `toml:"open"`     // connections at once
	MsgRcpt int  `toml:"msg_rcpt"` // recipients of a message
	ConnMsg int  `toml:"conn_msg"` // messages of a connection
}

// Intranet names recipients who get mail from some classes only.
type Intranet struct {
	Rcpt []string `toml:"rcpt"` // user@host, user, @host
	From []Class  `toml:"from"`
}

// A Login entry says what a login must satisfy. The first that matches decides;
// without one the built-in limits count.
type Login struct {
	User      string    `toml:"user,omitempty"`      // a * stands for any characters
	Domain    string    `toml:"domain,omitempty"`    // of the user's address
	Protocol  string    `toml:"protocol,omitempty"`  // imap, pop3, smtp, ...
	Networks  []Network `toml:"networks,omitempty"`  // always allowed from here
	Countries []string  `toml:"countries,omitempty"` // allowed; two letters, ZZ = unknown
	Refused   []string  `toml:"refused,omitempty"`   // countries that are not
	Unknown   bool      `toml:"unknown,omitempty"`   // an unknown country is refused where countries are given
	Failures  *Rate     `toml:"failures,omitempty"`  // wrong passwords from one address
	Answer    Reply     `toml:"answer,omitempty"`    // what happens then; "" = refuse
	Text      string    `toml:"text,omitempty"`
}

// Reply is what a login entry answers: refuse, tarpit, log (only).
type Reply string

// UnmarshalText refuses any other word.
func (r *Reply) UnmarshalText(text []byte) error { return word(r, text, "refuse", "tarpit", "log") }

// Failures bounds wrong passwords, in all and of what matches no entry.
type Failures struct {
	Address Rate     `toml:"address"` // from one address
	Pair    Rate     `toml:"pair"`    // from one address for one login
	Logins  Rate     `toml:"logins"`  // different logins from one address
	Tarpit  Duration `toml:"tarpit"`  // answered from half of a limit on
	Exempt  Duration `toml:"exempt"`  // an address where the login succeeded so lately is spared
}

func defaultPolicyd() Policyd {
	return Policyd{
		HTTP:      []Address{{"tcp", "127.0.0.1:4001"}},
		Postfix:   []Address{},
		Control:   Address{"unix", "/run/qguard/control"},
		Metrics:   []Address{},
		DB:        "/var/lib/qguard/policy.db",
		Token:     "policyd.token",
		Retention: Duration(90 * 24 * time.Hour),
		OnError:   "allow",
		LogOnly:   true,
		User:      "qguard",
		Keys:      1 << 20,
	}
}

func defaultFailures() Failures {
	return Failures{
		Address: Rate{30, time.Hour},
		Pair:    Rate{10, time.Hour},
		Logins:  Rate{10, time.Hour},
		Tarpit:  Duration(2 * time.Second),
		Exempt:  Duration(7 * 24 * time.Hour),
	}
}

// defaultRates are those that j-chkmail ships, by its documentation; the loopback
// is self.
func defaultRates() RateTable {
	ten := func(n int) Rate { return Rate{n, 10 * time.Minute} }
	return RateTable{
		Self:    Limits{Conn: ten(1000), Msg: ten(1000), Rcpt: ten(1000), Open: 30, MsgRcpt: 300, ConnMsg: 50},
		Local:   Limits{Conn: ten(300), Msg: ten(300), Rcpt: ten(1000), Open: 15, MsgRcpt: 300, ConnMsg: 50},
		Domain:  Limits{Conn: ten(100), Msg: ten(100), Rcpt: ten(1000), Open: 15, MsgRcpt: 250, ConnMsg: 30},
		Known:   Limits{Conn: ten(30), Msg: ten(30), Rcpt: ten(300), Open: 10, MsgRcpt: 250, ConnMsg: 20},
		Outside: Limits{Conn: ten(15), Msg: ten(15), Rcpt: ten(300), Open: 10, MsgRcpt: 100, ConnMsg: 10},
		NoRDNS:  Limits{Conn: ten(15), Msg: ten(15), Rcpt: ten(300), Quota: Rate{10, 4 * time.Hour}, Open: 10, MsgRcpt: 100, ConnMsg: 10},
		Listed:  Limits{Conn: ten(3), Msg: ten(3), Open: 2, MsgRcpt: 10, ConnMsg: 1},
	}
}

// maxMembers is how many logins of an address are told apart.
const maxMembers = 64

// impossible returns the first key of the policy daemon's tables whose value
// cannot be meant.
func (p Policyd) impossible(c *Config) (key []string, why string) {
	switch {
	case p.Control.Network != "unix":
		return []string{"policyd", "control"}, "must be a UNIX socket: it obeys without a password"
	case p.Retention < Duration(24*time.Hour):
		return []string{"policyd", "retention"}, "shorter than a day: the log is kept by days"
	case p.Keys < 1000:
		return []string{"policyd", "keys"}, "too few addresses to count"
	}
	switch f := c.Failures; {
	case f.Logins.N > maxMembers:
		return []string{"failures", "logins"}, fmt.Sprintf("%d is over %d: no more are told apart", f.Logins.N, maxMembers)
	case f.Exempt > Duration(longestRate):
		return []string{"failures", "exempt"}, fmt.Sprintf("%s is over 31d: a success is not remembered longer", f.Exempt)
	}
	for _, class := range c.Intranet.From {
		if !slices.Contains(Classes[:], class) {
			return []string{"intranet", "from"}, fmt.Sprintf("%q is no class of clients (%v)", class, Classes)
		}
	}
	for i, l := range c.Login {
		for _, country := range append(slices.Clone(l.Countries), l.Refused...) {
			if len(country) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' || country[1] > 'Z' {
				return []string{"login", "countries"}, fmt.Sprintf("entry %d: %q is not a country's two letters (like GB)", i+1, country)
			}
		}
	}
	return nil, ""
}
