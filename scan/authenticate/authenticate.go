// Package authenticate answers one question: is this password this user's?
//
// It asks a back end, named as in qguard.toml:
//
//	["checkpassword", program, argument...]   a program, see checkpassword.go
//	["passwd-file", path]                     a file, see passwdfile.go
//	["saslauthd", socket, service, realm]     Cyrus saslauthd, see saslauthd.go
//	["dovecot", socket, service]              Dovecot's auth service, see dovecot.go
//
// Service and realm may be left out: "qguard" and none.
//
// Paths are absolute: a scanner's working directory is whatever its caller's was.
//
// Answers are kept apart, because each acts differently: Right is a leak, also
// where the account is expired, locked or must change its password; Wrong and
// NoUser are the end of a pair; Refused is, too, but for this once; Unavailable
// is doubt, and doubt is never read as Wrong. A back end asks nothing about itself: whether it is still sound is
// for its caller to find out, with an account known to be right.
//
// No pair is asked that has an empty user or password, since an LDAP bind with
// an empty password succeeds (RFC 4513, 5.1.2) and so would most things built
// on one; nor one with a NUL in it, which is where checkpassword's fields and
// crypt(3)'s passwords end.
//
// A user or password appears in no error, argument, environment or file. Both
// are read where the caller keeps them and copied into buffers that are cleared
// after use; what the kernel's pipe and the hash functions copy is beyond reach.
package authenticate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// An Answer is what a back end says about a pair.
type Answer int

const (
	Unavailable Answer = iota // could not tell
	Right                     // right; or right but expired, locked or to be changed
	Wrong
	NoUser  // the back end says there is no such user
	Refused // wrong, as far as the back end's one word for no can tell: not to be remembered
)

// String returns the answer in words, for logs.
func (a Answer) String() string {
	switch a {
	case Right:
		return "right"
	case Wrong:
		return "wrong"
	case NoUser:
		return "no such user"
	case Refused:
		return "refused"
	default:
		return "unavailable"
	}
}

// A Backend says whether a password is a user's.
type Backend interface {
	// ID names the kind and the realm. It is part of the negative cache's key,
	// so that failures seen by one back end never count for another.
	ID() string

	// Check asks about one pair. Its error is non-nil exactly when the Answer
	// is Unavailable; it says why in one line and holds no secret. It wraps
	// ErrPair where the pair is to blame and not the back end.
	Check(ctx context.Context, user, password []byte) (Answer, error)
}

// socketTimeout bounds a question where the context has no deadline.
const socketTimeout = 4 * time.Second

// ErrPair is wrapped by the errors for a pair that was not put to the back end
// because it cannot be. The back end may be in good health.
var ErrPair = errors.New("pair cannot be asked")

// New returns the back end that config names, as credential.authenticator in
// qguard.toml does. It starts and opens nothing.
func New(config []string) (Backend, error) {
	if len(config) == 0 {
		return nil, errors.New("no authenticator named")
	}
	kind, args := config[0], config[1:]
	var fewest, most int
	var needs string
	switch kind {
	case "checkpassword":
		fewest, most, needs = 1, len(args), "a program and its arguments"
	case "passwd-file":
		fewest, most, needs = 1, 1, "one path"
	case "saslauthd":
		fewest, most, needs = 1, 3, "a socket, and may have a service and a realm"
	case "dovecot":
		fewest, most, needs = 1, 2, "a socket, and may have a service"
	default:
		return nil, fmt.Errorf("authenticator %q is not known, only checkpassword, passwd-file, saslauthd and dovecot are", kind)
	}
	if len(args) < fewest || len(args) > most {
		return nil, fmt.Errorf("%s: needs %s", kind, needs)
	}
	if !filepath.IsAbs(args[0]) {
		return nil, fmt.Errorf("%s: %q is not an absolute path", kind, args[0])
	}
	switch kind {
	case "saslauthd":
		return newSaslauthd(args)
	case "dovecot":
		return newDovecot(args)
	case "passwd-file":
		return passwdFile(args[0]), nil
	}
	return newCheckpassword(args), nil
}

// defaultService is what servers are told is asking.
const defaultService = "qguard"

// isService reports whether a name can be a service: a file's name to PAM, a
// word of a line to Dovecot.
func isService(name string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
	}
	return name != "" && len(name) <= 64 && name[0] != '.' && !strings.ContainsFunc(name, odd)
}

// askable says why a pair cannot be asked, or nil.
func askable(user, password []byte) error {
	switch {
	case len(user) == 0:
		return fmt.Errorf("%w: empty user", ErrPair)
	case len(password) == 0:
		return fmt.Errorf("%w: empty password", ErrPair)
	case bytes.IndexByte(user, 0) >= 0 || bytes.IndexByte(password, 0) >= 0:
		return fmt.Errorf("%w: it contains a NUL", ErrPair)
	}
	return nil
}
