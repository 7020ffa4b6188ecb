package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"qguard/cache"
	"qguard/qhpsi/client"
	"qguard/rules"
	"qguard/scan"
	"qguard/scan/authenticate"
	"qguard/scan/credential"
	"qguard/scan/virus"
)

// errCheck is what check returns when something is wrong; what, it has printed.
var errCheck = errors.New("not ready, see above")

// check looks at an installation in the order in which one is made and prints a
// line for each thing: "ok", or "--" for what is not configured, or "!!" with
// what is wrong and the next step, or "??" with what works but is unwise.
func (a *admin) check(args []string) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	create := flags.Bool("init", false, "")
	limit := flags.Int64("limits", 0, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return fmt.Errorf("%w: check [-init] [-limits bytes]", errUsage)
	}
	ready := true
	report := func(what, note string, err error) {
		switch {
		case err != nil:
			ready = false
			fmt.Fprintf(a.out, "!! %-14s %v\n", what, err)
		case note == "":
			fmt.Fprintf(a.out, "-- %-14s not configured\n", what)
		default:
			fmt.Fprintf(a.out, "ok %-14s %s\n", what, note)
		}
	}
	c, err := rules.Load(a.conf)
	report("rules", named(a.conf), err)
	if err != nil {
		return errCheck
	}
	a.rules = c
	if *create {
		report("directories", "made", a.makeDirectories())
		report("cache key", a.rules.Cache.Key, a.store().MakeKey())
	}
	for _, step := range []struct {
		what string
		run  func() (string, error)
	}{
		{"users", a.checkUsers},
		{"authenticator", a.checkAuthenticator},
		{"budgets", a.checkBudgets},
		{"virus scanner", a.checkVirus},
		{"daemon", a.checkDaemon},
		{"cache", a.checkCache},
		{"spool", a.checkSpool},
		{"quarantine", a.checkQuarantine},
		{"next program", a.checkNext},
		{"reply channel", a.checkChannel},
	} {
		note, err := step.run()
		report(step.what, note, err)
	}
	if a.searches() {
		for _, doubt := range credential.Doubts(a.rules.Credential) {
			a.doubt("credential", doubt)
		}
	}
	if *limit > 0 {
		note, err := checkLimit(*limit)
		report("memory limit", note, err)
	}
	if !ready {
		return errCheck
	}
	return nil
}

func (a *admin) doubt(what, why string) { fmt.Fprintf(a.out, "?? %-14s %s\n", what, why) }

func named(conf string) string {
	if conf != "" {
		return conf
	}
	if _, err := os.Stat(rules.DefaultPath); err != nil {
		return "the built-in ones; " + rules.DefaultPath + " is missing"
	}
	return rules.DefaultPath
}

// searches reports whether the search for logins is on.
func (a *admin) searches() bool { return len(a.rules.Credential.Authenticator) > 0 }

// makeDirectories makes what the service needs and may be missing; the cache
// makes its file itself.
func (a *admin) makeDirectories() error {
	for _, dir := range []string{filepath.Dir(a.rules.Cache.Path), a.rules.Quarantine.Path} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Dir(a.rules.Cache.Key), 0o755)
}

func (a *admin) checkUsers() (string, error) {
	c := a.rules.Credential
	switch {
	case !a.searches():
		return "", nil
	case c.Users == "":
		if len(c.Domains) == 0 && c.Username.String() == "" {
			return "", errors.New("no users, username or domains in [credential]: only logins of authenticated senders are found")
		}
		return "by pattern and domains", nil
	}
	n, slow, err := credential.CheckUsers(c.Users)
	where := c.Users
	if where == "system" {
		where = "/etc/passwd"
	}
	switch {
	case err != nil:
		return "", err
	case n == 0:
		return "", fmt.Errorf("%s names nobody", where)
	case slow && c.Users != "system":
		return fmt.Sprintf("%d in %s, read for every message: qguard users %s sorts it, then it is not", n, where, where), nil
	}
	return fmt.Sprintf("%d in %s", n, where), nil
}

// checkAuthenticator asks for the canary with its password and with another.
func (a *admin) checkAuthenticator() (string, error) {
	c := a.rules.Credential
	if !a.searches() {
		return "", nil
	}
	backend, err := authenticate.New(c.Authenticator)
	if err != nil {
		return "", err
	}
	if c.Canary == "" {
		return "", errors.New("no canary: an authenticator that refuses everything would go unnoticed; set credential.canary")
	}
	info, err := os.Stat(c.Canary)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("%s: mode %04o lets everybody read it; chmod 0640 it", c.Canary, info.Mode().Perm())
	}
	text, err := os.ReadFile(c.Canary)
	if err != nil {
		return "", err
	}
	defer clear(text)
	user, password, ok := bytes.Cut(bytes.TrimRight(text, "\r\n"), []byte(":"))
	if !ok || len(user) == 0 || len(password) == 0 {
		return "", fmt.Errorf("%s does not hold user:password", c.Canary)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch answer, err := backend.Check(ctx, user, password); {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ECONNREFUSED):
		return "", fmt.Errorf("%w: is it running?", err)
	case err != nil:
		return "", err
	case answer != authenticate.Right:
		return "", errors.New("the canary's password is refused")
	}
	wrong := append([]byte("not-"), password...)
	defer clear(wrong)
	before := time.Now()
	switch answer, err := backend.Check(ctx, user, wrong); {
	case err != nil:
		return "", err
	case answer == authenticate.Right:
		return "", errors.New("the canary is accepted with a wrong password: it accepts everything")
	}
	note := c.Authenticator[0] + " knows its canary"
	if took := time.Since(before); took*time.Duration(c.Attempts) > credential.AskTime {
		note += fmt.Sprintf("; a wrong password takes it %.1f s, so %d of %d attempts fit into the %s of a message",
			took.Seconds(), credential.AskTime/took, c.Attempts, credential.AskTime)
	}
	return note, nil
}

func (a *admin) checkBudgets() (string, error) {
	if !a.searches() {
		return "", nil
	}
	return credential.Budgets(a.rules.Credential), nil
}

// checkVirus tries the outside scanners.
func (a *admin) checkVirus() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	note, doubt, err := virus.Check(ctx, a.rules.Virus)
	if doubt != "" {
		a.doubt("virus scanner", doubt)
	}
	return note, err
}

// checkDaemon asks qguardd where the rules have it asked.
func (a *admin) checkDaemon() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return client.Check(ctx, a.rules)
}

// checkCache writes a stamp of no meaning.
func (a *admin) checkCache() (string, error) {
	if !a.searches() && !a.rules.Notice.Send {
		return "", nil
	}
	c := a.rules.Cache
	var trouble error
	store := cache.New(cache.Options{Path: c.Path, Key: c.Key, Warn: func(err error) { trouble = err }})
	store.Stamp([]byte("qguard check"), time.Second)
	if trouble != nil {
		return "", trouble
	}
	file, err := owner(c.Path)
	if err != nil {
		return "", err
	}
	key, err := owner(c.Key)
	if err != nil {
		return "", err
	}
	if key != file {
		return "", fmt.Errorf("the key %s belongs to %s, the file %s to %s: give both to the user that queues", c.Key, key, c.Path, file)
	}
	return fmt.Sprintf("%s and its key %s, of user %s", c.Path, c.Key, key), nil
}

// owner names the user a file belongs to.
func owner(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	uid := strconv.FormatUint(uint64(info.Sys().(*syscall.Stat_t).Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return u.Username, nil
	}
	return uid, nil
}

// checkSpool writes more than what is kept in memory.
func (a *admin) checkSpool() (string, error) {
	dir := os.TempDir()
	if a.rules.Queue.Spool != "" {
		dir = a.rules.Queue.Spool
		os.Setenv("TMPDIR", dir)
	}
	spool, err := scan.NewSpool(strings.NewReader(strings.Repeat("x", 2<<20)), 4<<20)
	if err != nil {
		return "", err
	}
	return dir, spool.Close()
}

func (a *admin) checkQuarantine() (string, error) {
	path := a.rules.Quarantine.Path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%s is missing: qguard check -init makes it; give it to the user that queues", path)
	case err != nil:
		return "", err
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%s: mode %04o lets others in; chmod 0700 it", path, info.Mode().Perm())
	}
	return path, unix.Access(path, unix.W_OK)
}

func (a *admin) checkNext() (string, error) {
	path, err := exec.LookPath(a.rules.Queue.Next)
	if err != nil {
		return "", fmt.Errorf("queue.next: %w", err)
	}
	return path, nil
}

// checkChannel looks for the pipe of each dialect: run as QMAILQUEUE would be,
// it says which one the server speaks.
func (a *admin) checkChannel() (string, error) {
	var pipes []string
	for fd, dialect := range map[int]string{6: "notqmail", 4: "netqmail", 2: "indimail"} {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO {
			pipes = append(pipes, fmt.Sprintf("fd %d is a pipe (%s)", fd, dialect))
		}
	}
	note := "dialect " + string(a.rules.Queue.Dialect)
	if len(pipes) > 0 {
		note += "; here " + strings.Join(pipes, ", ")
	}
	return note, nil
}

// checkLimit starts a Go program under a memory limit, plainly and through the
// shell's way of lifting it.
func checkLimit(bytes int64) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	kb := strconv.FormatInt(bytes/1024, 10)
	plain := exec.Command("/bin/sh", "-c", `ulimit -S -v "$1"; exec "$2" -help`, "sh", kb, self)
	if plain.Run() == nil {
		return fmt.Sprintf("Go programs start under softlimit -m %d", bytes), nil
	}
	lifted := exec.Command("/bin/sh", "-c", `ulimit -S -v "$1"; ulimit -S -v "$(ulimit -H -v)"; exec "$2" -help`, "sh", kb, self)
	if err := lifted.Run(); err != nil {
		return "", fmt.Errorf("no Go program starts under %d bytes, and the hard limit forbids to lift that: %w", bytes, err)
	}
	return fmt.Sprintf("no Go program starts under softlimit -m %d: run it as softlimit -m = or through qguard-queue.sh", bytes), nil
}
