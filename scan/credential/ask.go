package credential

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"qguard/scan"
	"qguard/scan/authenticate"
)

// AskTime bounds all questions of one message together; SMTP clients and
// rspamd wait longer.
const AskTime = 4 * time.Second

// End tries the best pairs of the message.
func (l *look) End(ctx context.Context) ([]scan.Finding, error) {
	defer l.best.wipe()
	if err := l.s.trouble(); err != nil {
		return undecided("", err.Error()), nil
	}
	l.tell()
	if len(l.best.list) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, AskTime)
	defer cancel()

	q := questions{look: l, skip: map[string]bool{}, met: map[string]bool{}}
	for i, p := range l.best.list {
		if q.tried == l.s.rules.Attempts || q.stop {
			q.left(len(l.best.list) - i)
			break
		}
		if q.skip[p.user] {
			q.tell(p, "not asked: nothing more is asked about this user")
			continue
		}
		q.ask(ctx, p)
	}
	return q.findings(ctx), nil
}

// questions are those of one message.
type questions struct {
	*look
	tried   int             // of the attempts
	skip    map[string]bool // users not to ask for any more
	met     map[string]bool // users who were asked for
	numbers map[string]int  // of users, for who wants to know
	stop    bool            // nothing more to ask at all
	wrong   []failure       // what was learned, once the canary has been accepted
	weak    bool            // the back end has refused a pair, but may be wrong
	unsound bool            // its answers are not to be believed
	guesses bool            // wrong guesses at other people's passwords
	caught  bool            // and too many of them
	valid   []scan.Finding
	doubt   []scan.Finding
}

// failure is what a wrong answer is remembered by.
type failure struct{ key, owner []byte }

// ask tries one pair.
func (q *questions) ask(ctx context.Context, p pair) {
	s := q.s
	unknown := s.key("unknown", p.user, nil)
	pairKey := s.key("pair", p.user, p.text)
	switch {
	case !q.met[p.user] && s.memory.Failed(unknown):
		q.tell(p, "not asked: the cache knows that there is no such user")
		q.tried++
		q.skip[p.user] = true
		return
	case s.memory.Failed(pairKey):
		q.tell(p, "not asked: the cache knows that it is wrong")
		q.tried++
		return
	}
	q.met[p.user] = true
	budgets := q.budgets(p.user)
	if !q.afford(budgets, p) {
		return
	}
	answer, err := s.backend.Check(ctx, []byte(p.user), p.text)
	q.tell(p, fate(answer, err))
	if errors.Is(err, authenticate.ErrPair) {
		s.memory.Refund(charges(budgets))
		return // too long for the protocol, and so for a login
	}
	q.tried++
	switch answer {
	case authenticate.Right:
		s.memory.Refund(charges(budgets)) // they count failures
		q.stop = true
		q.valid = []scan.Finding{{
			Rule: "credential.valid", Part: p.path,
			Note: fmt.Sprintf("the text holds the password of local user %s", p.user),
		}}
		return
	case authenticate.Wrong:
		q.wrong = append(q.wrong, failure{pairKey, s.owner(p.user)})
	case authenticate.NoUser:
		q.wrong = append(q.wrong, failure{unknown, s.owner(p.user)})
		q.skip[p.user] = true
	case authenticate.Refused:
		q.weak = true
	default:
		q.stop, q.unsound = true, true
		q.doubt = append(q.doubt, undecided(p.path, fmt.Sprintf("authenticator: %v", err))...)
		return
	}
	q.guesses = q.guesses || !q.own(p.user)
}

// afford charges a question, or says why it cannot be asked.
func (q *questions) afford(budgets []budget, p pair) bool {
	refused, err := q.book(budgets)
	switch {
	case err != nil && q.s.rules.Lockout > 0:
		// The directory counts, we cannot: asking could lock the account.
		q.stop = true
		q.tell(p, "not asked: the cache that counts cannot be used")
		q.doubt = append(q.doubt, undecided(p.path, "budget of a user is not known: the cache cannot be used")...)
		return false
	case err != nil || refused == nil:
		return true
	}
	q.tell(p, "not asked: "+refused.note())
	q.doubt = append(q.doubt, undecided(p.path, refused.note())...)
	switch refused.name {
	case "a user":
		q.skip[p.user] = true
	case "guessing":
		q.caught = true
		fallthrough
	default:
		q.stop = true
	}
	return false
}

// findings ends the questions: what was learned is remembered if the back end
// can be believed.
func (q *questions) findings(ctx context.Context) []scan.Finding {
	found := q.valid
	if q.caught || q.guesses && q.guessed() {
		found = append(found, q.guessing()...)
	}
	if len(q.valid) == 0 && !q.unsound && (len(q.wrong) > 0 || q.weak) {
		if why := q.s.canary(ctx, q.weak); why != "" {
			q.unsound = true
			q.doubt = append(q.doubt, undecided("", why)...)
		}
	}
	if !q.unsound {
		for _, f := range q.wrong {
			q.s.memory.RememberFailure(f.key, f.owner)
		}
	}
	if len(q.valid) > 0 {
		return found // no doubt about that
	}
	return append(q.doubt, found...)
}

func undecided(path, why string) []scan.Finding {
	return []scan.Finding{{Rule: "credential.undecided", Part: path, Note: why}}
}

// keyVersion changes when the meaning of remembered keys does.
const keyVersion = "1"

// key joins what makes an answer the same answer: version, kind, back end, policy, user, candidate.
func (s *Scanner) key(kind, user string, candidate []byte) []byte {
	policy := sha256.Sum256(fmt.Appendf(nil, "%s %d", s.rules.Password, s.rules.Classes))
	return fields([]byte(keyVersion), []byte(kind), []byte(s.backend.ID()), policy[:], []byte(user), candidate)
}

// fields joins fields, each behind its length in 16 bits.
func fields(list ...[]byte) (key []byte) {
	for _, field := range list {
		key = binary.BigEndian.AppendUint16(key, uint16(len(field)))
		key = append(key, field...)
	}
	return key
}
