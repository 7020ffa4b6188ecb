package daemon

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
	abi "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"qguard/rules"
)

// Confine gives up, for good and for the whole process, what judging mail does
// not need (Landlock, Linux 5.13 and later; landlock(7)): of the file system it
// can then read the directories of its rules, list of users, keys and password
// file, and what SCAN may name; it can write its spool, cache, quarantine and
// log; it can run nothing, and connect over TCP to the clamd of the rules alone.
// Descriptors that are passed to it are not affected. Nor are rights regained by
// a program with a setuid bit (no_new_privs, prctl(2)).
//
// It is called when everything listens. note says what was done, or why not:
// an authenticator or a scanner that is a program has to run and needs rights of
// its own, so with one nothing is confined.
func Confine(c *rules.Config, conf string) (note string, err error) {
	if a := c.Credential.Authenticator; len(a) > 0 && a[0] == "checkpassword" {
		return "not confined: credential.authenticator runs a program; saslauthd and dovecot need none", nil
	}
	if len(c.Virus.Command) > 0 {
		return "not confined: virus.command runs a program; virus.clamd needs none", nil
	}
	version, err := abi.LandlockGetABIVersion()
	if err != nil {
		return "not confined: this kernel has no Landlock", nil
	}
	for _, dir := range written(c) {
		_ = os.MkdirAll(dir, 0o700) // what cannot be made cannot be written
	}
	reads, cannotRead := allowed(read(c, conf), unix.X_OK)
	writes, cannotWrite := allowed(written(c), unix.W_OK|unix.X_OK)
	list := []landlock.Rule{
		landlock.RODirs(reads...),
		landlock.RWDirs(writes...).WithRefer(),
		landlock.RWFiles("/dev/null").IgnoreIfMissing(),
		landlock.ROFiles("/etc/localtime").IgnoreIfMissing(),
	}
	if at, err := netip.ParseAddrPort(c.Virus.Clamd.Name); err == nil {
		list = append(list, landlock.ConnectTCP(at.Port()))
	}
	// V6 is the last that leaves connecting to UNIX sockets alone.
	if err := landlock.V6.BestEffort().Restrict(list...); err != nil {
		return "", fmt.Errorf("landlock: %w", err)
	}
	note = fmt.Sprintf("confined by Landlock %d", min(version, 6))
	if cannotRead != nil {
		note += fmt.Sprintf("; cannot read %q", cannotRead)
	}
	if cannotWrite != nil {
		note += fmt.Sprintf("; cannot write %q", cannotWrite)
	}
	return note, nil
}

// allowed sorts directories by what file modes allow. Whoever needs one that they
// do not says so then, as a temporary failure.
func allowed(dirs []string, how uint32) (yes, no []string) {
	for _, dir := range dirs {
		if unix.Access(dir, how) == nil {
			yes = append(yes, dir)
		} else {
			no = append(no, dir)
		}
	}
	return yes, no
}

// read is the directories of the files that are read: files are often replaced,
// and a right to a file ends with it.
func read(c *rules.Config, conf string) []string {
	if conf == "" {
		conf = rules.DefaultPath
	}
	files := []string{conf, c.Cache.Key, c.Credential.Canary, c.Credential.Users}
	if c.Credential.Users == "system" {
		files = append(files, "/etc/passwd")
	}
	if a := c.Credential.Authenticator; len(a) > 1 && a[0] == "passwd-file" {
		files = append(files, a[1])
	}
	list := append([]string(nil), c.Daemon.Paths...)
	for _, f := range files {
		if filepath.IsAbs(f) {
			list = append(list, filepath.Dir(f))
		} else if f == conf {
			list = append(list, filepath.Dir("./"+f))
		}
	}
	return list
}

// written is the directories that files are made in.
func written(c *rules.Config) []string {
	list := []string{os.TempDir(), filepath.Dir(c.Cache.Path), c.Quarantine.Path}
	if filepath.IsAbs(c.Daemon.Log) {
		list = append(list, filepath.Dir(c.Daemon.Log))
	}
	return list
}
