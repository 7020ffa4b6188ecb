// Package credential looks for logins that work: a local user's name and that
// user's password, given away in a message.
//
// # What is searched
//
// The text of every part as its reader sees it, of every reading of the message;
// and the bytes of parts that are no text by their type (octet streams, members
// of archives) but by what is in them: hardly any controls, zero bytes only as
// in UTF-16; UTF-8 if valid, else Windows-1252. Lines that format=flowed with
// delsp=yes (RFC 3676) has broken are joined.
//
// A text is searched as written and then, where that differs, with letters that
// stand apart ("p a s s") joined, and as it looks: in Unicode's form NFKC,
// without characters that cannot be seen, with typographic quotes and dashes
// as plain ones. A form that is not as written ranks behind.
//
// # Triggers
//
// triggers.tsv has words for password and user in more than 50 languages, each
// with a weight; the administrator adds his own and takes others away. Case and, in Latin,
// Greek and Cyrillic, accents do not count. A blank in a word is any white space,
// line ends and quote marks of replies included, a hyphen, or nothing. Words of
// six bytes and more are found inside other words; shorter ones stand alone. A
// label ("pass", "pin") counts only for the value behind it.
//
// The slot of a trigger is where its value would be: behind closing quotes,
// blanks, one separator (: = | / -> leader dots, a dash between blanks, the end of
// a tag) and white space, the next line or cell included. A user's name has one
// too.
//
// # Candidates
//
// A candidate begins with a word within 120 characters of a trigger or 80 of a
// user's name, at a slot inside a word, or behind a separator in it, with or
// without the quote or bracket there. It ends with the word, up to four marks
// earlier (a password may end in a mark and so may a sentence), at the closing
// quote, or at what may separate fields. What is escaped for URLs, XML, JSON,
// quoted-printable or CSV is taken undone as well. It must fit the password
// policy. Logins that stand in one word are split: user:password@ in URLs, and in
// base64 as HTTP Basic (RFC 7617) and SASL PLAIN (RFC 4616) have them.
//
// Users are the names that are in the list of local users, or, near a trigger,
// that fit the username policy where there is no list; the local parts of
// addresses in the local domains (in any, where none are named and the list
// has the user); and the sender: the authenticated user, else the local envelope
// sender, else, where the door knows no envelope, a local address in From.
//
// # Ranking
//
// Every user with every candidate is a pair. Of all parts together the pairs with
// the lowest ranks are tried, Attempts of them. The rank is the sum of
//
//   - the place: a quarter of the weight in a trigger's slot (all of it for a
//     word for the user, whose value is a user's name); else the distance and
//     the weight, half that behind "is" or a colon, 50 more behind an empty line,
//     three times the distance before the trigger; 5 or 12 in the slot of the user's name; 60 and the
//     distance of that name where there is no trigger;
//   - half the distance to the user's name, which counts twice if it comes
//     later; 75 for the sender who is not named;
//   - a penalty for the form, by what was peeled off and left on;
//   - outside of slots, what the candidate looks like: an address, a path, a
//     word with marks, words and numbers joined by marks.
//
// Pairs over 260, with the sender who is not named 190, are not tried. Where there
// is no trigger near, only a candidate that does not look like ordinary text is
// paired, and only with users named in the text; or with the sender when it has a
// line for itself at the top of a text (an answer above what it answers) and some
// text of the message has a trigger.
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
	"regexp/syntax"
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
	kinds    [256]uint16 // kind of a byte, and its group shifted by 8
	least    int         // bytes of the shortest password
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
		for c := range s.kinds {
			s.kinds[c] = uint16(kindOf(byte(c))) | groupOf(byte(c))<<8
		}
		if re, err := syntax.Parse(s.rules.Password.String(), syntax.Perl); err == nil {
			s.least = minLength(re)
		}
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
		return idle{s.rules.Scan}
	}
	l := &look{s: s, best: pairs{max: maxPairs}, login: m.User, client: m.Envelope.Client}
	if m.Envelope.Sender != nil {
		l.from = *m.Envelope.Sender
	}
	l.envelope = m.Envelope.Sender != nil || m.User != ""
	return l
}

// idle is the look of a message that is not searched.
type idle struct{ scan rules.Scan }

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
	// triggered: some text has a trigger.
	triggered bool

	buf []byte
	// What is searched now, and what was found in it.
	path   string
	text   []byte
	extra  int // penalty of its form
	top    bool
	other  []byte
	seen   seen
	users  []found
	nearby []found
	begin  []beginning

	watch scan.Watcher // wants to know, or nil
	tally tally
}

// maxPairs is how many ranked pairs a message may hold at a time.
const maxPairs = 64

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
	open := textOf(p)
	if open == nil {
		return nil
	}
	if err := l.s.prepare(); err != nil {
		return nil // End says it, once
	}
	l.sender = l.s.account(l.login, l.from)
	r, err := open()
	if err != nil {
		return err
	}
	defer l.clear()
	flowed := p.Header != nil && delsp(p.Header.Get("Content-Type"))
	buf := l.buf[:0]
	l.top = p.Text != nil
	for end := false; !end; l.top = false {
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
		if flowed {
			buf = unflow(buf)
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
	l.buf = make([]byte, 0, size)
	return append(l.buf, buf...)
}

// clear wipes the text of a part. Lines that are nothing but a candidate count
// from when there is a trigger.
func (l *look) clear() {
	clear(l.buf[:cap(l.buf)])
	clear(l.other[:cap(l.other)])
	if l.triggered {
		l.best.admit()
	}
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
