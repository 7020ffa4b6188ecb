// Package decide is the one place where qguard-policyd makes up its mind: an
// Event, whoever tells of it, and an Answer, whoever is told. The dialects of
// Dovecot, Exim, Postfix and qguard-relay are in qhpsi/policy.
//
// An Engine decides, by the administrator's rules and by what its Memory has
// counted. Only a finding refuses. Rules are named
//
//	login.country    the entry of [[login]] does not allow the client's country
//	login.failures   wrong passwords from the address
//	login.pair       wrong passwords from the address for this login
//	login.logins     different logins with a wrong password from the address
//	rate.conn        connections of a relay        rate.open      at once
//	rate.msg         its messages                  rate.quota     in hours
//	rate.rcpt        its recipients                rate.msg_rcpt  of one message
//	rate.conn_msg    messages of one connection
//	intranet         the recipient gets no mail from this class of clients
//	error.geoip      the client's country could not be looked up and on_error is "deny"
//
// # Logins
//
// The first [[login]] entry whose user, domain and protocol match says how this
// login is judged; without one the limits of [failures] do. Letters are compared
// without case. In this order: a network of the entry is always let in; then the
// country; then the limits. A limit of N refuses when N failures are in its
// window, and from half of it on, rounded up, a tarpit is answered. An entry's
// failures stand in for the limit by address, and count every failure from
// there, whatever entry it falls under.
//
// Counted are reports of wrong passwords. Not counted are those that we refused
// (policy_reject, or fail_type policy: a refusal would feed itself), trouble
// (internal) and right passwords that have expired. Questions count nothing, so
// asking twice, as Dovecot does, costs nothing. PwHash is not used: of CRAM-MD5 it
// is the same for every guess, and who counts different ones counts no guess there.
//
// Nobody is locked by name alone: every limit is an address's. Where the
// login succeeded from the address within [failures] exempt, none refuses it; its
// own wrong passwords still slow it down, so that who shares an address with a
// user cannot guess at leisure. On the loopback, where a webmail's users all come
// from, only login.pair counts.
//
// # Relays
//
// The class of a client is by [net]; nordns where its reverse DNS is missing or
// forged. Connect counts a connection, Message a message and its recipients;
// Recipient counts nothing and defers while the recipients of the window are used
// up. What would go over a limit is deferred and, as it did not happen, not
// counted: the sixteenth of fifteen waits until the first leaves the window. With
// log_only it did happen, and is. A message with more recipients than a limit
// allows at all is refused: it would not fit later.
//
// # Addresses
//
// IPv4 is counted by address, IPv6 by /64. A client without an address is
// answered Go. The country ZZ is unknown, private addresses among them; it is
// refused only where it is in refused, or where countries are given with unknown =
// true. Where no database is configured countries are not looked at; where one is
// and cannot be read, on_error decides.
//
// The figures and their sources: rules.RateTable (j-chkmail's), rules.Failures; the
// calls behind the events: qhpsi/policy.
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
	PwHash       string // twelve bits of a hash in hex: not counted by, and never stored
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
