// Package authenticate answers one question: is this password this user's?
//
// It asks a back end, named as in qguard.toml:
//
//	["checkpassword", program, argument...]   a program, see checkpassword.go
//	["passwd-file", path]                     a file, see passwdfile.go
//
// Paths are absolute: a scanner's working directory is whatever its caller's was.
//
// Answers are kept apart, because each acts differently: Right is a leak, also
// where the account is expired, locked or must change its password; Wrong and
// NoUser are the end of a pair; Unavailable is doubt, and doubt is never read
// as Wrong. A back end asks nothing about itself: whether it is still sound is
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
)

// An Answer is what a back end says about a pair.
type Answer int

const (
	Unavailable Answer = iota // could not tell
	Right                     // right; or right but expired, locked or to be changed
	Wrong
	NoUser // the back end says there is no such user
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
	switch kind {
	case "checkpassword":
		if len(args) < 1 {
			return nil, errors.New("checkpassword: needs a program and its arguments")
		}
	case "passwd-file":
		if len(args) != 1 {
			return nil, errors.New("passwd-file: needs one path")
		}
	default:
		return nil, fmt.Errorf("authenticator %q is not known, only checkpassword and passwd-file are", kind)
	}
	if !filepath.IsAbs(args[0]) {
		return nil, fmt.Errorf("%s: %q is not an absolute path", kind, args[0])
	}
	if kind == "checkpassword" {
		return newCheckpassword(args), nil
	}
	return passwdFile(args[0]), nil
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
