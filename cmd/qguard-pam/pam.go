//go:build cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/msteinert/pam/v2"
)

// ask asks PAM about a login. The reason is for people, empty where the code
// says all.
func ask(service, confdir string, l *login) (code int, reason string) {
	if strings.Trim(service, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.Trim(service, ".") == "" {
		return exitMisuse, "service name is not of a-z, 0-9, - _ ."
	}
	if err := findService(service, confdir); err != nil {
		return exitUnknown, err.Error()
	}
	t, err := start(service, confdir, l)
	if err == nil {
		defer t.End()
		// NULL tokens are refused by the modules too: an account without a
		// password must not be opened by any password.
		err = t.Authenticate(pam.Silent | pam.DisallowNullAuthtok)
	}
	code = exitCode(err)
	if code == exitUnknown {
		reason = fmt.Sprintf("service %s: %v", service, err)
	}
	return code, reason
}

func start(service, confdir string, l *login) (*pam.Transaction, error) {
	answer := pam.ConversationFunc(l.converse)
	if confdir != "" {
		return pam.StartConfDir(service, alias(l.user), answer, confdir)
	}
	return pam.Start(service, alias(l.user), answer)
}

// converse answers a module: what is not to be echoed is the password, what may
// be is the user. Texts and errors for people are not passed on.
func (l *login) converse(style pam.Style, _ string) (string, error) {
	switch style {
	case pam.PromptEchoOff:
		return alias(l.password), nil
	case pam.PromptEchoOn:
		return alias(l.user), nil
	default:
		return "", nil
	}
}

// alias returns b as a string without a copy, since a copy could not be wiped.
// The strings made are copied to C memory at once and not kept; PAM's modules
// wipe those copies.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// findService refuses a service that has no file. PAM would fall back to the
// service "other", which denies: every password would read as wrong, for ever.
func findService(service, confdir string) error {
	dirs := []string{"/etc/pam.d", "/usr/lib/pam.d"}
	if confdir != "" {
		dirs = []string{confdir}
	}
	for _, dir := range dirs {
		f, err := os.Open(filepath.Join(dir, service))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a file", f.Name())
		}
		return nil
	}
	return fmt.Errorf("no service %s in %s", service, strings.Join(dirs, ", "))
}

// exitCode maps the outcome of pam_authenticate(3).
func exitCode(err error) int {
	var code pam.Error
	if err != nil && !errors.As(err, &code) {
		return exitUnknown
	}
	if err == nil {
		return exitRight
	}
	switch code {
	case pam.ErrAcctExpired, pam.ErrNewAuthtokReqd, pam.ErrAuthtokExpired:
		return exitRight // the account or the password is past its time
	case pam.ErrAuth, pam.ErrUserUnknown:
		return exitWrong
	default:
		// PAM_PERM_DENIED is here: it is PAM's word for a stack that came to
		// no result, and some modules' for an account that may not log in,
		// right password or not. PAM_CRED_EXPIRED too: modules use it for
		// revoked keys and tickets before they look at a password. And
		// PAM_MAXTRIES: nothing was compared.
		return exitUnknown
	}
}
