package service

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"qguard/rules"
)

// An Account is the user that judges mail.
type Account struct {
	Name     string
	UID, GID int
	Groups   []int
}

// Lookup finds the account that a program is to become. Without root's rights it is the one
// that runs already.
func Lookup(name string) (Account, error) {
	if os.Geteuid() != 0 {
		return Account{UID: os.Geteuid(), GID: os.Getegid()}, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return Account{}, fmt.Errorf("user: no user %q: make it with useradd --system, or name another", name)
	}
	a := Account{Name: name}
	a.UID, _ = strconv.Atoi(u.Uid) // numbers on UNIX
	a.GID, _ = strconv.Atoi(u.Gid)
	if a.UID == 0 {
		return a, fmt.Errorf("user: %q is root: mail is not read with its rights", name)
	}
	list, err := u.GroupIds()
	if err != nil {
		return a, fmt.Errorf("user: groups of %q: %w", name, err)
	}
	for _, text := range list {
		n, _ := strconv.Atoi(text)
		a.Groups = append(a.Groups, n)
	}
	return a, nil
}

// Owner returns whose the sockets are: the account's, with a group where one is
// named.
func (a Account) Owner(group string, mode rules.Mode) (Owner, error) {
	o := Owner{UID: a.UID, GID: a.GID, Mode: mode}
	if group == "" {
		return o, nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return o, fmt.Errorf("group: no group %q: make it with groupadd --system, or name another", group)
	}
	o.GID, _ = strconv.Atoi(g.Gid)
	return o, nil
}

// Become gives root's rights up for good. Nothing is done without them. Memory
// is kept from core files and debuggers either way: it may hold passwords.
func (a Account) Become() error {
	if a.Name != "" {
		for _, step := range []func() error{
			func() error { return syscall.Setgroups(a.Groups) },
			func() error { return syscall.Setresgid(a.GID, a.GID, a.GID) },
			func() error { return syscall.Setresuid(a.UID, a.UID, a.UID) },
		} {
			if err := step(); err != nil {
				return fmt.Errorf("become %s: %w", a.Name, err)
			}
		}
		if syscall.Setuid(0) == nil {
			return fmt.Errorf("become %s: root's rights can be had back", a.Name)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("no core files: %w", err)
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
