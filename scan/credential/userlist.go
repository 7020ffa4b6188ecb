package credential

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"
)

// A sorted list is what SortUsers (qguard users) writes: a first line
//
//	# sorted by qguard users 2026-11-21T21:30:00Z
//
// and the names, one a line, ordered by the bytes of their lower case, none
// twice. It is searched by halving, with pread: nothing is loaded, and a file
// that shrinks is an error and not a signal, as it would be in a mapping.
//
// The order must be true, or users are lost. So the file's time of change must
// be the one in its first line, to the nanosecond: whatever else writes to the
// file changes that, and the list is then read whole, right as ever and slow.
// The order of what a look-up comes by is looked at too.
//
// A list that is replaced (rename) is read on as it was; one that is written or
// truncated in place is an error from then on.
type sortedList struct {
	file  *os.File
	info  os.FileInfo
	first int64 // where the names begin
	fault atomic.Pointer[error]

	mu   sync.Mutex
	seen map[int64]probe // what the first halvings of every look-up find
}

// probe is the first line that begins at an offset or behind it.
type probe struct {
	at     int64
	line   string
	folded string
}

const (
	sortedMark = "# sorted by qguard users "
	lastBlock  = 1 << 10 // read and searched line by line
	maxSeen    = 1 << 10
)

// openSorted returns the list in a file, if it is large and sorted.
func openSorted(f *os.File, info os.FileInfo) *sortedList {
	if info.Size() <= largeList {
		return nil
	}
	head := make([]byte, 128)
	n, _ := f.ReadAt(head, 0)
	line, _, ok := bytes.Cut(head[:n], []byte("\n"))
	stamp, marked := bytes.CutPrefix(line, []byte(sortedMark))
	at, err := time.Parse(time.RFC3339, string(stamp))
	if !ok || !marked || err != nil || !info.ModTime().Equal(at) {
		return nil
	}
	return &sortedList{file: f, info: info, first: int64(len(line) + 1)}
}

func (l *sortedList) err() error {
	if err := l.fault.Load(); err != nil {
		return *err
	}
	return nil
}

// find looks a folded name up and returns it as listed.
func (l *sortedList) find(key string) (string, bool) {
	if l.err() != nil || key == "" || strings.Contains(key, "\n") {
		return "", false
	}
	listed, err := l.search(key)
	if err == nil {
		err = unchanged(l.file, l.info)
	}
	if err != nil {
		err = fmt.Errorf("look up a user: %w", err)
		l.fault.Store(&err)
		return "", false
	}
	return listed, listed != ""
}

// errOrder is a list that is not what its first line says.
var errOrder = errors.New("not in order; run qguard users again")

// search halves the range in which the line may begin until a block is left.
func (l *sortedList) search(key string) (string, error) {
	buf := make([]byte, lastBlock+maxName+2)
	low, high := l.first, l.info.Size() // it begins at low or later, before high
	below, above := "", ""              // folded names just outside
	for high-low > lastBlock {
		middle := low + (high-low)/2
		p, err := l.lineFrom(buf[:2*maxName+4], middle)
		if err != nil {
			return "", err
		}
		if p.at >= high { // none begins in the second half
			high = middle
			continue
		}
		if p.folded <= below || above != "" && p.folded >= above {
			return "", fmt.Errorf("%s: %w", l.file.Name(), errOrder)
		}
		switch {
		case p.folded == key:
			return p.line, nil
		case key < p.folded:
			high, above = middle, p.folded
		default:
			low, below = p.at+int64(len(p.line))+1, p.folded
		}
	}
	n, err := l.file.ReadAt(buf, low)
	if err != nil && err != io.EOF {
		return "", err
	}
	for rest, at := buf[:n], low; at < high; {
		line, more, ok := bytes.Cut(rest, []byte("\n"))
		if !ok {
			return "", fmt.Errorf("%s: %w", l.file.Name(), errOrder)
		}
		if foldsTo(line, key) {
			return string(line), nil
		}
		at += int64(len(line)) + 1
		rest = more
	}
	return "", nil
}

// lineFrom returns the first line that begins at an offset or behind it; at is
// the end of the file where there is none.
func (l *sortedList) lineFrom(buf []byte, offset int64) (probe, error) {
	l.mu.Lock()
	p, ok := l.seen[offset]
	l.mu.Unlock()
	if ok {
		return p, nil
	}
	n, err := l.file.ReadAt(buf, offset-1)
	if err != nil && err != io.EOF {
		return probe{}, err
	}
	_, rest, ok := bytes.Cut(buf[:n], []byte("\n"))
	if ok && len(rest) == 0 && err == io.EOF {
		return probe{at: l.info.Size()}, nil
	}
	line, _, whole := bytes.Cut(rest, []byte("\n"))
	if !ok || !whole {
		return probe{}, fmt.Errorf("%s: %w", l.file.Name(), errOrder)
	}
	p = probe{at: offset - 1 + int64(n-len(rest)), line: string(line)}
	p.folded = foldName(p.line)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[int64]probe{}
	}
	if len(l.seen) < maxSeen {
		l.seen[offset] = p
	}
	return p, nil
}

// foldsTo reports whether a name folds to key.
func foldsTo(name []byte, key string) bool {
	for i := range min(len(name), len(key)) {
		c := name[i]
		if c >= utf8.RuneSelf || key[i] >= utf8.RuneSelf {
			return foldName(string(name)) == key
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != key[i] {
			return false
		}
	}
	return len(name) == len(key) || len(name) > len(key) && foldName(string(name)) == key
}

// SortUsers writes the names it reads as a sorted list to path, in the place of
// what is there, whose mode it keeps. It returns how many there are, each once,
// and how many lines were too long. To have read none is an error: then path is
// as it was.
func SortUsers(path string, from io.Reader) (names, tooLong int, err error) {
	listed := map[string]string{}
	err = readNames(from, false, func(name []byte) {
		text := string(name)
		listed[foldName(text)] = text
	}, func() { tooLong++ })
	if err != nil {
		return 0, tooLong, err
	}
	if len(listed) == 0 {
		return 0, tooLong, errors.New("no names")
	}
	keys := make([]string, 0, len(listed))
	for key := range listed {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	// Not now, but the second before: nothing written later has that time.
	stamp := time.Now().UTC().Truncate(time.Second).Add(-time.Second)
	err = replace(path, stamp, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		fmt.Fprintf(b, "%s%s\n", sortedMark, stamp.Format(time.RFC3339))
		for _, key := range keys {
			b.WriteString(listed[key])
			b.WriteByte('\n')
		}
		return b.Flush()
	})
	return len(keys), tooLong, err
}

// replace writes a file in the place of another, or none, and gives it a time.
func replace(path string, stamp time.Time, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	mode := os.FileMode(0o644)
	if old, err := os.Stat(path); err == nil {
		mode = old.Mode().Perm()
		keepOwner(f, old)
	}
	if err = write(f); err != nil {
		return err
	}
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if err = os.Chtimes(f.Name(), stamp, stamp); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// CheckUsers reads a list to its end. It returns how many names it has, and
// whether it is large and not sorted, so that every process reads it whole.
func CheckUsers(source string) (names int, slow bool, err error) {
	f, info, err := openList(listPath(source))
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	sorted := openSorted(f, info) != nil
	ordered, before := true, ""
	err = eachName(f, info, source == "system", func(name []byte) {
		folded := foldName(string(name))
		ordered = ordered && folded > before
		before = folded
		names++
	})
	if err == nil && sorted && !ordered {
		err = fmt.Errorf("%s: %w", f.Name(), errOrder)
	}
	return names, info.Size() > largeList && !sorted, err
}

// keepOwner gives a file the owner of the one it replaces, where that is allowed.
func keepOwner(f *os.File, old os.FileInfo) {
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid))
	}
}
