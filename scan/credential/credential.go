// Package credential looks for logins that work: a local user's name and that
// user's password, given away in a message.
//
// # How a message is read
//
// The text of every part, as its reader sees it, is searched for trigger words
// ("password", "Benutzername", "密码"; triggers.tsv has 32 languages, the
// administrator adds his own). Case is folded, offsets are kept. Words of six
// bytes and more are found inside other words too; shorter ones stand alone.
//
// Around a trigger, within 120 characters, every word that fits the password
// policy is a candidate: as written, and with a label before it or punctuation
// round it peeled off, likelier forms first. Users are the names found within
// 300 characters that are in the list of local users, or that fit the username
// policy where there is no list, the local parts of addresses in the local
// domains (in any, where none are named and the list has the user), and the
// sender: the authenticated user, else the local envelope sender, else, where
// the door knows no envelope, a local address in From.
//
// Every user with every candidate is a pair; its rank is the distance of the
// candidate from the trigger (three times that if it stands before it), half
// the distance to the user's name (150 for the sender) and a penalty for the
// form. Of all parts together the best Attempts pairs are tried.
//
// # How a pair is tried
//
// A pair that failed before, and a user whom the back end did not know (the
// negative cache), are not asked for again but use up an attempt, so that
// sending a message again does not reach further pairs. A candidate that
// equals its user's name and the empty password are never asked. One right
// answer is credential.valid. Answers of an authenticator that is down, and
// wrong answers of one that refuses its canary, prove nothing:
// credential.undecided, and nothing is remembered. A weak no
// (authenticate.Refused) ends its pair, is not remembered, and counts only if
// the canary is accepted right after it.
//
// Before each question four budgets are charged in one step, all or none:
//
//	user    user_failures; where the directory counts too (lockout > 0), at most
//	        a third of its threshold. Capitals, DOMAIN\user and user@domain are
//	        counted as one user
//	guess   half of sender_failures, for questions about an account that is not
//	        known to be the sender's
//	sender  sender_failures, for the login, else the envelope sender, else the
//	        client's address (of IPv6 its /64); none where the door knows nobody
//	rate    rate, for everything together
//
// They are failures: a right answer gives the charge back. Where one has no room
// the question is not asked, and credential.undecided says whose "budget" it was; a
// user's stops the questions about that user, the others all that follow. A
// cache that cannot count stops everything where the directory counts, and
// nothing elsewhere. The canary is charged as a user where the directory counts.
//
// A sender whose guess budget is used up is guessing: credential.guessing, in
// the message that spends the last of it and, beside credential.undecided, in all
// that would ask something until a guess is a window old. For guesses at one's
// own password there is the sender's budget only.
//
// # What a sender can learn
//
// Whoever gets mail through or back learns whether a pair in it was right: the
// guess budget bounds that to a few a window, and the negative cache makes
// asking the same again useless. A refusal does not say whose password it was,
// and is worded the same for the sender's own. It is a refusal all the same,
// since that is what saves the account of the honest; where guessing matters
// more, a policy entry gives credential.valid the action hold, which nobody sees
// from outside. How long an answer takes still tells a fresh question from none.
//
// The note of a finding names the user, never the password.
package credential

import (
	"context"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"qguard/cache"
	"qguard/rules"
	"qguard/scan"
	"qguard/scan/authenticate"
)

// memory is what is kept between messages; keys are secret and opaque.
type memory interface {
	Failed(key []byte) bool
	RememberFailure(key, owner []byte)
	SpendAll(charges []cache.Charge) (full int, err error)
	Refund(charges []cache.Charge)
	Fresh(key []byte) bool
	Stamp(key []byte, life time.Duration)
}

// Scanner searches messages by one set of rules.
type Scanner struct {
	rules   rules.Credential
	backend authenticate.Backend
	memory  memory

	once     sync.Once // everything below is made when the first text is seen
	triggers *triggers
	password *regexp.Regexp
	username *regexp.Regexp
	users    users
	err      error
}

// New returns a scanner that asks backend and remembers in memory. It does
// nothing yet: files are read when the first text is searched.
func New(c rules.Credential, backend authenticate.Backend, memory memory) *Scanner {
	return &Scanner{rules: c, backend: backend, memory: memory}
}

func (s *Scanner) prepare() error {
	s.once.Do(func() {
		s.triggers = newTriggers(s.rules.Triggers)
		s.password = s.rules.Password.Regexp()
		s.username = s.rules.Username.Regexp()
		s.users, s.err = readUsers(s.rules.Users)
	})
	return s.err
}

// trouble returns why the search cannot be trusted: its files could not be read.
func (s *Scanner) trouble() error {
	if s.err != nil {
		return s.err
	}
	return s.users.err()
}

// Begin starts a message. Mail that the rules exempt costs nothing.
func (s *Scanner) Begin(m *scan.Message) scan.Look {
	if s.rules.Scan == "never" || s.rules.Scan == "outgoing" && !m.Envelope.Outgoing {
		return idle{}
	}
	l := &look{s: s, best: pairs{max: maxPairs}, login: m.User, client: m.Envelope.Client}
	if m.Envelope.Sender != nil {
		l.from = *m.Envelope.Sender
	}
	l.envelope = m.Envelope.Sender != nil || m.User != ""
	return l
}

// idle is the look of a message that is not searched.
type idle struct{}

func (idle) Part(context.Context, *scan.Part) error      { return nil }
func (idle) End(context.Context) ([]scan.Finding, error) { return nil, nil }

type look struct {
	s        *Scanner
	login    string // who was authenticated to send it
	from     string // the sender's address
	client   netip.Addr
	envelope bool   // the door knew one of the two
	sender   string // the user these come to, "" none

	best pairs
	buf  []byte
	fold []byte
}

// maxPairs is how many ranked pairs a message may hold at a time.
const maxPairs = 200

// Text is searched in chunks that overlap by more than a window on both sides.
const (
	firstChunk = 8 << 10 // most texts are short
	chunk      = 128 << 10
	overlap    = 4 << 10
)

// Part searches the text of a part.
func (l *look) Part(ctx context.Context, p *scan.Part) error {
	if p.Depth == 0 && p.Header != nil && !l.envelope {
		l.from = addressIn(p.Header.Get("From"))
	}
	if p.Text == nil || p.Is("text/html", "application/xhtml+xml") {
		return nil // HTML comes again as the text it shows
	}
	if err := l.s.prepare(); err != nil {
		return nil // End says it, once
	}
	l.sender = l.s.account(l.login, l.from)
	r, err := p.Text()
	if err != nil {
		return err
	}
	defer l.clear()
	buf := l.buf[:0]
	for end := false; !end; {
		if ctx.Err() != nil {
			return &scan.Flaw{Rule: "limit.time", Note: "text not searched to its end"}
		}
		buf = l.room(buf)
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			end = true
		default:
			l.search(p.Path, buf)
			return err
		}
		l.search(p.Path, buf)
		keep := min(overlap, len(buf))
		buf = buf[:copy(buf, buf[len(buf)-keep:])]
	}
	return nil
}

// room returns buf with room to read into: a small buffer for the first text, a
// whole chunk once a text goes on behind it.
func (l *look) room(buf []byte) []byte {
	size := firstChunk
	switch old := l.buf; {
	case old != nil && (len(buf) == 0 || cap(old) == chunk):
		return buf
	case old != nil:
		size = chunk
		defer clear(old[:cap(old)])
	}
	l.buf, l.fold = make([]byte, 0, size), make([]byte, size)
	return append(l.buf, buf...)
}

// clear wipes the text of a part.
func (l *look) clear() {
	clear(l.buf[:cap(l.buf)])
	clear(l.fold)
}

// account returns the user who sends: the login, which may be an address, else
// the user of the sender's address. A login that is no local address and on no
// list is taken as it stands: virtual mail systems log in by address.
func (s *Scanner) account(login, from string) string {
	if user := s.local(login); user != "" {
		return user
	}
	if login != "" {
		return login
	}
	return s.local(from)
}

// local returns the user of an address in the local domains, or in any domain
// where none are named but users are; "" for others.
func (s *Scanner) local(addr string) string {
	at := strings.LastIndexByte(addr, '@')
	if at <= 0 {
		return ""
	}
	domain := func(d string) bool { return strings.EqualFold(d, addr[at+1:]) }
	switch user := addr[:at]; {
	case s.users.has(addr):
		return s.users.canonical(addr)
	case len(s.rules.Domains) == 0 && s.users.has(user):
		return s.users.canonical(user)
	case slices.ContainsFunc(s.rules.Domains, domain) && (!s.users.listed() || s.users.has(user)):
		return s.users.canonical(strings.ToLower(user))
	}
	return ""
}

// addressIn returns the address in a From field: between angle brackets, or
// the first word that holds an @.
func addressIn(from string) string {
	if i := strings.LastIndexByte(from, '<'); i >= 0 {
		addr, _, _ := strings.Cut(from[i+1:], ">")
		return strings.TrimSpace(addr)
	}
	for _, w := range strings.Fields(from) {
		if strings.Contains(w, "@") {
			return w
		}
	}
	return ""
}
