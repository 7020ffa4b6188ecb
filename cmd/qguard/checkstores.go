package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"qguard/cache"
	"qguard/scan"
)

// checkCache writes a stamp of no meaning, which reads the key or makes it.
func (c *checklist) checkCache() (string, error) {
	if !c.searches() && !c.rules.Notice.Send {
		return "", nil
	}
	at := c.rules.Cache
	var trouble error
	store := cache.New(cache.Options{Path: at.Path, Key: at.Key, Warn: func(err error) { trouble = err }})
	store.Stamp([]byte("qguard check"), time.Second)
	if trouble != nil {
		return "", advise(trouble, "qguard check -init makes what is missing",
			"give it and its directory to the user that queues mail, and run qguard check as that user")
	}
	file, err := owner(at.Path)
	if err != nil {
		return "", err
	}
	key, err := owner(at.Key)
	if err != nil {
		return "", err
	}
	if key != file {
		return "", fmt.Errorf("the key %s belongs to %s, the file %s to %s: give both to the user that queues", at.Key, key, at.Path, file)
	}
	if err := left(at.Path); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s and its key %s, of user %s", at.Path, at.Key, key), nil
}

// left says that root made something in a directory that is somebody else's,
// who cannot use it.
func left(path string) error {
	of, err := owner(path)
	if err != nil || of != "root" {
		return err
	}
	above, err := owner(filepath.Dir(path))
	if err == nil && above != "root" {
		return fmt.Errorf("%s belongs to root in a directory of %s: chown %s %s", path, above, above, path)
	}
	return err
}

// checkSpool writes more than what is kept in memory.
func (c *checklist) checkSpool() (string, error) {
	dir, key := os.TempDir(), "TMPDIR"
	if c.rules.Queue.Spool != "" {
		dir, key = c.rules.Queue.Spool, "queue.spool"
		os.Setenv("TMPDIR", dir)
	}
	spool, err := scan.NewSpool(strings.NewReader(strings.Repeat("x", 2<<20)), 4<<20)
	if err != nil {
		return "", advise(err, "make "+dir+", or name another directory in "+key, notOurs(dir))
	}
	return dir, spool.Close()
}

func (c *checklist) checkQuarantine() (string, error) {
	path := c.rules.Quarantine.Path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s is missing: qguard check -init makes it; give it to the user that queues", path)
	case err != nil:
		return "", advise(err, "", notOurs(filepath.Dir(path)))
	case !info.IsDir():
		return "", fmt.Errorf("%s is no directory: remove it, qguard check -init makes one", path)
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%s: mode %04o lets others in; chmod 0700 it", path, info.Mode().Perm())
	}
	if err := unix.Access(path, unix.R_OK|unix.W_OK|unix.X_OK); err != nil {
		return "", fmt.Errorf("%s: %w: %s", path, err, notOurs(path))
	}
	of, err := owner(path)
	if err == nil {
		err = left(path)
	}
	return path + ", of user " + of, err
}

// checkNext looks for the program that queues what has been judged.
func (c *checklist) checkNext() (string, error) {
	next := c.rules.Queue.Next
	path, err := exec.LookPath(next)
	if err != nil {
		for in := err; in != nil; in = errors.Unwrap(in) {
			err = in // without the names that wrap it
		}
		return "", advise(fmt.Errorf("queue.next: %s: %w", next, err), "name your mail server's queue program, qmail-queue or the like, in queue.next",
			"make it executable for the user that queues mail (chmod a+x)")
	}
	if last, err := filepath.EvalSymlinks(path); err == nil && strings.HasPrefix(filepath.Base(last), "qguard-queue") {
		return "", fmt.Errorf("queue.next: %s is %s, which would run itself for ever: name your mail server's queue program", next, filepath.Base(last))
	}
	return path, nil
}

// pipes are where SMTP servers that start a queue program read a refusal's text.
var pipes = [...]struct {
	fd      int
	dialect string
}{{6, "notqmail"}, {4, "netqmail"}, {2, "indimail"}}

// checkChannel looks for the pipe of each dialect. It is an aid: run as
// QMAILQUEUE would be, which man/qguard.8 shows, it sees what the server left
// open. Whether the server reads it, it cannot know, and by hand the pipes are
// the shell's.
func (c *checklist) checkChannel() (string, error) {
	dialect := string(c.rules.Queue.Dialect)
	note := "dialect " + dialect
	if dialect == "none" {
		note += ", refusals without our text"
	}
	var open []string
	for _, p := range pipes {
		var st unix.Stat_t
		if unix.Fstat(p.fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO {
			open = append(open, fmt.Sprintf("fd %d is a pipe (%s)", p.fd, p.dialect))
		}
	}
	if len(open) == 0 {
		return note + "; which one the server speaks shows when it runs this, see qguard(8)", nil
	}
	return note + "; here " + strings.Join(open, ", ") + "; the server's only if it runs this, and who reads it cannot be known", nil
}
