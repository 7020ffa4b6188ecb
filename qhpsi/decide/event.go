// Package decide is the one place where qguard-policyd makes up its mind: an
// Event, whoever tells of it, and an Answer, whoever is told. The dialects of
// Dovecot, Exim, Postfix and qguard-relay are in qhpsi/policy.
package decide

import (
	"net/netip"
	"time"
)

// Phase is what an event is.
type Phase string

// The phases. Allow and Report are logins; the others are of SMTP.
const (
	Allow     Phase = "allow"     // may this login be tried, or go on?
	Report    Phase = "report"    // how it ended; the answer is not read
	Connect   Phase = "connect"   // a client has connected
	Close     Phase = "close"     // and gone
	Recipient Phase = "recipient" // one recipient of a message
	Message   Phase = "message"   // a whole message, with the number of its recipients
)

// RDNS is what is known of a client's reverse DNS.
type RDNS string

// What may be known of it.
const (
	RDNSUnknown RDNS = ""        // nothing
	RDNSGood    RDNS = "good"    // forward and reverse agree
	RDNSForged  RDNS = "forged"  // they do not
	RDNSMissing RDNS = "missing" // there is none
)

// An Event is what a client has done, or wants to do. What a door does not know
// is left zero. Strings are the client's: whoever writes them to a log or a
// reply escapes them.
type Event struct {
	Time     time.Time
	Phase    Phase
	Door     string // who told: dovecot, exim, postfix, relay, control
	Protocol string // imap, pop3, smtp, ...
	Login    string
	Remote   netip.Addr // of the client; mapped addresses are unmapped by the door
	Session  string
	TLS      bool

	// Of a report.
	Success      bool
	PolicyReject bool   // refused by us: logged, never counted as a wrong password
	PwHash       string // twelve bits of a hash in hex, counted only where it is a number of that kind, and never stored
	FailType     string // Dovecot 2.4: internal, credentials, account, expired, disabled, policy

	// Of SMTP.
	RDNS       RDNS
	Sender     string
	Recipient  string
	Recipients int // of a message
	Size       int64
	Open       int // connections of the client at once, this one counted; 0 = not known
}

// Kind is what an answer does.
type Kind int

// The kinds, from the mildest to the worst.
const (
	Go     Kind = iota // go on
	Tarpit             // go on after Delay
	Defer              // not now (450, 421)
	Refuse             // no
)

// String is the kind in a word, for logs.
func (k Kind) String() string {
	return [...]string{"go", "tarpit", "defer", "refuse"}[k]
}

// An Answer is what is decided.
type Answer struct {
	Kind  Kind
	Delay time.Duration // of a tarpit
	Text  string        // to the client; one line of printable text, no address, no login
	Rule  string        // why, dotted and stable: "login.country", "rate.conn", "" = nothing was found
	Would Kind          // with log_only, what it would have been; Kind is Go then
	Relay bool          // the client may relay
}

// A Decider decides. It may be asked by several goroutines. It does not wait: an
// answer takes microseconds.
type Decider interface {
	Decide(Event) Answer
}
