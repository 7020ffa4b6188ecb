package credential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"qguard/cache"
	"qguard/scan/authenticate"
)

// canaryLife is how long an authenticator that accepted its canary is trusted.
const canaryLife = time.Hour

// maxCanary is more than any user and password that can be asked.
const maxCanary = 4 << 10

// ReadCanary returns the user and the password in a canary's file, one line
// user:password. A file that everybody may read is refused, since the password
// is one that works: its mode is to be 0640 or less. Errors name the file, say
// how to mend it and hold nothing of what is in it. The caller clears both.
func ReadCanary(path string) (user, password []byte, err error) {
	// O_NONBLOCK, or a FIFO in its place would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: not a regular file; name one that holds user:password", path)
	}
	if m := info.Mode().Perm(); m&0o007 != 0 {
		return nil, nil, fmt.Errorf("%s: mode %04o lets everybody read it; chmod 0640 it", path, m)
	}
	text := make([]byte, maxCanary+1) // never grows, so no copy is left behind
	n, err := io.ReadFull(f, text)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		clear(text)
		return nil, nil, err
	}
	user, password, ok := bytes.Cut(bytes.TrimRight(text[:n], "\r\n"), []byte(":"))
	if !ok || len(user) == 0 || len(password) == 0 || n > maxCanary {
		clear(text)
		return nil, nil, fmt.Errorf("%s does not hold user:password", path)
	}
	return user, password, nil
}

// canary asks whether the authenticator still knows a right password, once an
// hour or now, and returns why its wrong answers prove nothing. Where the directory
// counts, the canary has a budget like any user: it may have a new password.
// Its file is looked at each time: one that is no longer fit is no canary.
func (s *Scanner) canary(ctx context.Context, now bool) string {
	if s.rules.Canary == "" {
		return ""
	}
	user, password, err := ReadCanary(s.rules.Canary)
	if err != nil {
		return fmt.Sprintf("canary: %v", err)
	}
	defer clear(password)
	key := s.key("canary", s.rules.Canary, nil)
	if !now && s.memory.Fresh(key) {
		return ""
	}
	var charge []cache.Charge
	if rate, _ := userRate(s.rules); s.rules.Lockout > 0 {
		charge = append(charge, s.charge("user", s.ledger(string(user)), rate))
		if full, err := s.memory.SpendAll(charge); err != nil || full >= 0 {
			return "canary: its budget is used up or not known"
		}
	}
	answer, err := s.backend.Check(ctx, user, password)
	switch answer {
	case authenticate.Right:
		s.memory.Refund(charge)
		s.memory.Stamp(key, canaryLife)
		return ""
	case authenticate.Unavailable:
		return fmt.Sprintf("authenticator: %v", err)
	}
	return "authenticator refuses its canary: wrong answers prove nothing"
}
