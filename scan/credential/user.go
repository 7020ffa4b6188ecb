package credential

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"
)

// A list of users is a file with one name a line, as its owner logs in: alone or
// with a domain, in any case. Blanks and CR round a name, a byte order mark,
// blank lines and lines that begin with # are skipped, and so is what is longer
// than maxName bytes. Of two names that differ in case only the last counts.
//
// A list of up to largeList bytes is read whole. A larger one is, too, unless
// it is sorted (userlist.go): then nothing is read but what a look-up needs.

// users is the list of local users; without one every name may be a user.
type users struct {
	names  map[string]string // folded -> as listed
	sorted *sortedList       // in the place of names
}

const (
	maxName   = 256 // bytes; longer lines are no names
	largeList = 64 << 10
	maxList   = 1 << 30 // bytes that are read whole
)

// readUsers reads a list. "system" is /etc/passwd. "" is no list.
//
// The passwd database is read as a file: a static program has no NSS, so users
// of LDAP or SSSD must be listed (getent passwd | cut -d: -f1).
func readUsers(source string) (users, error) {
	if source == "" {
		return users{}, nil
	}
	f, info, err := openList(listPath(source))
	if err != nil {
		return users{}, fmt.Errorf("read users: %w", err)
	}
	if list := openSorted(f, info); list != nil {
		return users{sorted: list}, nil
	}
	defer f.Close()
	u := users{names: map[string]string{}}
	err = eachName(f, info, source == "system", func(name []byte) {
		listed := string(name)
		u.names[foldName(listed)] = listed
	})
	if err != nil {
		return users{}, fmt.Errorf("read users: %w", err)
	}
	return u, nil
}

func listPath(source string) string {
	if source == "system" {
		return "/etc/passwd"
	}
	return source
}

func openList(path string) (*os.File, os.FileInfo, error) {
	// O_NONBLOCK, or a FIFO in its place would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s: not a regular file", path)
	case info.Size() > maxList:
		err = fmt.Errorf("%s: larger than %d bytes", path, maxList)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// eachName calls do for every name of a file. A file that is written meanwhile
// is an error: half a list would make strangers of the other half. info is how
// it was before.
func eachName(f *os.File, info os.FileInfo, passwd bool, do func(name []byte)) error {
	if err := readNames(io.LimitReader(f, maxList), passwd, do, func() {}); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return unchanged(f, info)
}

// readNames calls do for every name it reads, good until it returns, and
// tooLong for every line that is too long to be one. The lines of /etc/passwd
// begin with a name.
func readNames(from io.Reader, passwd bool, do func(name []byte), tooLong func()) error {
	r := bufio.NewReaderSize(from, 16<<10)
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		end := err == io.EOF
		if first {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if passwd {
			line, _, _ = bytes.Cut(line, []byte(":"))
		}
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
		case len(line) > maxName:
			tooLong()
		default:
			do(line)
		}
		for err == bufio.ErrBufferFull { // the rest of a long line
			_, err = r.ReadSlice('\n')
		}
		if end || err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

var errChanged = errors.New("changed while it was read")

// unchanged says so where a file is not what it was.
func unchanged(f *os.File, was os.FileInfo) error {
	is, err := f.Stat()
	if err != nil {
		return err
	}
	if is.Size() != was.Size() || !is.ModTime().Equal(was.ModTime()) {
		return fmt.Errorf("%s: %w", f.Name(), errChanged)
	}
	return nil
}

// foldName returns a name in lower case. In one that is not UTF-8 only ASCII
// has case: its other bytes are kept apart.
func foldName(name string) string {
	if utf8.ValidString(name) {
		return strings.ToLower(name)
	}
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// listed reports whether there is a list.
func (u users) listed() bool { return u.names != nil || u.sorted != nil }

// has reports whether the list names a user, in any case.
func (u users) has(name string) bool {
	_, ok := u.find(name)
	return ok
}

// canonical is the form in which a user is asked for: as listed, else as found.
func (u users) canonical(name string) string {
	if listed, ok := u.find(name); ok {
		return listed
	}
	return name
}

func (u users) find(name string) (listed string, ok bool) {
	if len(name) > maxName {
		return "", false
	}
	if u.sorted != nil {
		return u.sorted.find(foldName(name))
	}
	listed, ok = u.names[foldName(name)]
	return listed, ok
}

// err returns what went wrong in looking up a user: then a no proves nothing.
func (u users) err() error {
	if u.sorted == nil {
		return nil
	}
	return u.sorted.err()
}
