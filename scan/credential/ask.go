package credential

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"qguard/scan"
	"qguard/scan/authenticate"
)

// askTime bounds all questions of one message together; SMTP clients and
// rspamd wait longer.
const askTime = 4 * time.Second

// canaryLife is how long an authenticator that accepted its canary is trusted.
const canaryLife = time.Hour

// End tries the best pairs of the message.
func (l *look) End(ctx context.Context) ([]scan.Finding, error) {
	defer l.best.wipe()
	if err := l.s.trouble(); err != nil {
		return undecided("", err.Error()), nil
	}
	if len(l.best.list) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()

	var wrong [][]byte // keys of fresh failures
	var doubt []scan.Finding
	skip := map[string]bool{} // users not to ask for any more
	tried, refused := 0, false
	for _, p := range l.best.list {
		if tried == l.s.rules.Attempts {
			break
		}
		if skip[p.user] {
			continue
		}
		key := l.s.key("pair", p.user, p.text)
		if l.s.memory.Failed(key) {
			tried++
			continue
		}
		if why := l.s.charge(p.user); why != "" {
			doubt = append(doubt, undecided(p.path, why)...)
			skip[p.user] = true
			continue
		}
		answer, err := l.s.backend.Check(ctx, []byte(p.user), p.text)
		if errors.Is(err, authenticate.ErrPair) {
			continue // too long for the protocol, and so for a login
		}
		tried++
		switch answer {
		case authenticate.Right:
			l.s.remember(wrong) // it told right from wrong
			return []scan.Finding{{
				Rule: "credential.valid", Part: p.path,
				Note: fmt.Sprintf("the text holds the password of local user %s", p.user),
			}}, nil
		case authenticate.Wrong:
			wrong = append(wrong, key)
		case authenticate.Refused:
			refused = true // nothing to remember, but the canary must be known
		case authenticate.NoUser:
			wrong = append(wrong, key)
			skip[p.user] = true
		default:
			return append(doubt, undecided(p.path, fmt.Sprintf("authenticator: %v", err))...), nil
		}
	}
	if len(wrong) > 0 || refused {
		if why := l.s.canary(ctx); why != "" {
			return append(doubt, undecided("", why)...), nil
		}
		l.s.remember(wrong)
	}
	return doubt, nil
}

func undecided(path, why string) []scan.Finding {
	return []scan.Finding{{Rule: "credential.undecided", Part: path, Note: why}}
}

// charge books one question to a user and returns why it may not be asked.
func (s *Scanner) charge(user string) string {
	limit, window := s.rules.UserFailures.N, s.rules.UserFailures.Window
	if t := s.rules.Lockout; t > 0 {
		third := max(1, t/3) // leaves room for the owner's own errors
		if limit == 0 || third < limit {
			limit = third
		}
		if window == 0 {
			window = 24 * time.Hour
		}
	}
	if limit == 0 {
		return ""
	}
	ok, err := s.memory.Spend(s.key("user", user, nil), limit, window)
	switch {
	case err != nil && s.rules.Lockout > 0:
		// The directory counts, we cannot: asking could lock the account.
		return "budget of a user is not known: the cache cannot be used"
	case err != nil || ok:
		return ""
	}
	return fmt.Sprintf("budget of a user is used up: %d in %s", limit, window)
}

// canary asks whether the authenticator still knows a right password, once an
// hour, and returns why its wrong answers prove nothing.
func (s *Scanner) canary(ctx context.Context) string {
	if s.rules.Canary == "" {
		return ""
	}
	key := s.key("canary", s.rules.Canary, nil)
	if s.memory.Fresh(key) {
		return ""
	}
	text, err := os.ReadFile(s.rules.Canary)
	if err != nil {
		return fmt.Sprintf("canary: %v", err)
	}
	defer clear(text)
	user, password, ok := bytes.Cut(bytes.TrimRight(text, "\r\n"), []byte(":"))
	if !ok || len(user) == 0 || len(password) == 0 {
		return fmt.Sprintf("canary: %s does not hold user:password", s.rules.Canary)
	}
	answer, err := s.backend.Check(ctx, user, password)
	switch answer {
	case authenticate.Right:
		s.memory.Stamp(key, canaryLife)
		return ""
	case authenticate.Unavailable:
		return fmt.Sprintf("authenticator: %v", err)
	}
	return "authenticator refuses its canary: wrong answers prove nothing"
}

func (s *Scanner) remember(keys [][]byte) {
	for _, key := range keys {
		s.memory.RememberFailure(key)
	}
}

// keyVersion changes when the meaning of remembered keys does.
const keyVersion = "1"

// key joins what makes an answer the same answer, each field behind its length
// in 16 bits: version, kind, back end, policy, user, candidate.
func (s *Scanner) key(kind, user string, candidate []byte) []byte {
	policy := sha256.Sum256(fmt.Appendf(nil, "%s %d", s.rules.Password, s.rules.Classes))
	var key []byte
	for _, field := range [][]byte{[]byte(keyVersion), []byte(kind), []byte(s.backend.ID()), policy[:], []byte(user), candidate} {
		key = binary.BigEndian.AppendUint16(key, uint16(len(field)))
		key = append(key, field...)
	}
	return key
}
