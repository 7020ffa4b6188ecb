package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A torture is one fault with its directories, rules and programs.
type torture struct {
	*options
	random *rand.Rand

	dir, conf         string
	recorder          string // directories
	quarantine, spool string
	log, dialect      string // of [queue]
	more              string // rules before the policy

	program string     // that takes the mail; a name in bin
	under   []string   // command before the program's own: limits, redirections
	env     []string   // beside ours
	stderr  *os.File   // instead of one that is kept
	extra   []*os.File // descriptors from 3 on

	excused  bool // a message may be put off though nobody was killed over it
	mayCrash bool // and the program die of a signal: it cannot be helped
	nothing  bool // not one message has to be taken
	kept     bool // something is held already

	mounted []string

	mu    sync.Mutex
	count [kinds]int
}

// prepare makes the directories and the rules, beside the programs: whoever made
// that directory removes it, should we be killed.
func prepare(o *options) (*torture, error) {
	dir, err := os.MkdirTemp(o.bin, "")
	if err != nil {
		return nil, err
	}
	t := &torture{
		options: o, random: rand.New(rand.NewPCG(o.seed, 7)), dir: dir,
		conf:       dir + "/qguard.toml",
		recorder:   dir + "/recorder",
		quarantine: dir + "/quarantine",
		spool:      dir + "/spool",
		program:    "qguard-queue",
		dialect:    "none",
	}
	for _, d := range []string{t.recorder + "/tmp", t.recorder + "/new", t.spool, dir + "/lib", dir + "/key"} {
		err = errors.Join(err, os.MkdirAll(d, 0o700))
	}
	// qguardd becomes nobody, who must come to its rules and socket, and write.
	for _, d := range []string{dir, t.spool, dir + "/lib", dir + "/key"} {
		err = errors.Join(err, os.Chmod(d, 0o777))
	}
	err = errors.Join(err, os.WriteFile(dir+"/users", []byte(users()), 0o644), os.WriteFile(dir+"/shadow", []byte(owner+":"+shadow+"\n"), 0o644))
	return t, errors.Join(err, t.rules())
}

// end removes everything.
func (t *torture) end() {
	for _, dir := range t.mounted {
		unix.Unmount(dir, unix.MNT_DETACH)
	}
	os.RemoveAll(t.dir)
}

// rules writes the configuration file.
func (t *torture) rules() error {
	text := fmt.Sprintf("[queue]\nspool = %q\nmixed = \"reject\"\nlog = %q\ndialect = %q\n[quarantine]\npath = %q\n", t.spool, t.log, t.dialect, t.quarantine)
	return os.WriteFile(t.conf, []byte(text+t.more+policy), 0o644)
}

// login are rules for the search for logins. key is what else [credential] is
// to say.
func (t *torture) login(authenticator string, key string) string {
	return fmt.Sprintf("[credential]\nscan = \"always\"\nusers = \"users\"\ndomains = [\"example.org\"]\nauthenticator = [%s]\n"+
		"sender_failures = \"0\"\nrate = \"0\"\n%s\n[cache]\npath = \"lib/c.db\"\nkey = \"key/c.key\"\n", authenticator, key)
}

// path returns a program under test, an error where it was not built.
func (t *torture) path(name string) (string, error) {
	path := filepath.Join(t.bin, name)
	if _, err := os.Stat(path); err != nil {
		return "", leftOut(name + " is not there")
	}
	return path, nil
}

// tmpfs mounts a file system.
func (t *torture) tmpfs(dir, size string) error {
	if !t.mounts {
		return leftOut("not root, or not allowed to mount")
	}
	err := errors.Join(os.MkdirAll(dir, 0o777), unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0777,size="+size))
	if err == nil {
		t.mounted = append(t.mounted, dir)
	}
	return err
}

// readonly makes a directory and what is in it read-only.
func (t *torture) readonly(dir string) error {
	if !t.mounts {
		return leftOut("not root, or not allowed to mount")
	}
	err := unix.Mount(dir, dir, "", unix.MS_BIND, "")
	if err == nil {
		t.mounted = append(t.mounted, dir)
		err = unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
	return err
}

// wrong notes what must not be.
func (t *torture) wrong(k kind, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count[k]++
	text := fmt.Sprintf(format, args...)
	if len(text) > 600 {
		text = text[:600] + "..."
	}
	fmt.Println("WRONG", strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      "))
}

// shell is a command line that does something before it becomes the program.
func shell(line string) []string { return []string{"/bin/sh", "-c", line, "sh"} }

// files lists a directory; one that is missing has none.
func files(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var list []string
	for _, e := range entries {
		list = append(list, filepath.Join(dir, e.Name()))
	}
	return list
}

// temporary tells the exit codes of qmail-queue that make a sender try again.
func temporary(exit int) bool {
	return exit != 0 && (exit < 11 || exit > 40) && exit != 82 && exit != 88
}

// signalled tells a death by signal, as exec and as a shell have it.
func signalled(ws syscall.WaitStatus) bool { return ws.Signaled() || ws.ExitStatus() > 128 }
