//go:build cgo

package main

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// maxLogin is how much checkpassword's interface sends at most.
const maxLogin = 512

// login is what came in on descriptor 3. Its slices share one buffer.
type login struct {
	buf, user, password []byte
}

// wipe clears the login. Copies in the kernel's pipe and PAM's memory are not ours.
func (l *login) wipe() { clear(l.buf) }

// readLogin reads a login from a descriptor to its end and closes it, so that
// the program run on success does not get it.
func readLogin(fd int) (*login, error) {
	// An inherited descriptor is never close-on-exec. One that is, is the Go
	// runtime's, which takes a number that was free.
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		return nil, fmt.Errorf("descriptor %d is not open", fd)
	}
	defer unix.Close(fd)
	buf := make([]byte, maxLogin+1)
	n := 0
	for n < len(buf) {
		got, err := unix.Read(fd, buf[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			clear(buf)
			return nil, fmt.Errorf("read descriptor %d: %w", fd, err)
		}
		if got == 0 {
			break
		}
		n += got
	}
	l, err := parseLogin(buf[:n])
	if err != nil {
		clear(buf)
		return nil, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	return l, nil
}

// parseLogin splits user NUL password NUL timestamp NUL. The timestamp is not
// looked at. Empty users and passwords are refused here, before a module could
// take one for an anonymous bind.
func parseLogin(buf []byte) (*login, error) {
	if len(buf) > maxLogin {
		return nil, fmt.Errorf("more than %d bytes", maxLogin)
	}
	field := bytes.Split(buf, []byte{0})
	if len(field) != 4 || len(field[3]) != 0 {
		return nil, errors.New("not user, password and timestamp, each ended by a NUL")
	}
	if len(field[0]) == 0 {
		return nil, errors.New("empty user")
	}
	if len(field[1]) == 0 {
		return nil, errors.New("empty password")
	}
	return &login{buf: buf, user: field[0], password: field[1]}, nil
}

// forbidDumps keeps the password out of core files and from other processes
// of the same user.
func forbidDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid dumps: %w", err)
	}
	return nil
}
