package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lockWait    = 100 * time.Millisecond // for all locks of one call together
	asideSuffix = ".bad"
)

var (
	errBusy    = errors.New("locked by another process for too long")
	errRefused = errors.New("refused")
)

// acquire opens the file and locks it, for as long as it is the one at our path.
func (s *Store) acquire(write bool, end time.Time) (*os.File, error) {
	how := unix.LOCK_SH
	if write {
		how = unix.LOCK_EX
	}
	for {
		f, err := s.open(write)
		if err != nil {
			return nil, err
		}
		if err := lock(f, how, end); err != nil {
			f.Close()
			return nil, err
		}
		if s.current(f) {
			return f, nil
		}
		release(f) // set aside while we waited
		if time.Now().After(end) {
			return nil, errBusy
		}
	}
}

// open returns the cache file; a writer makes a missing one.
func (s *Store) open(write bool) (*os.File, error) {
	if filepath.Clean(s.o.Path) == filepath.Clean(s.o.Key) {
		return nil, fmt.Errorf("%w: it is the key file too", errRefused)
	}
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	// O_NONBLOCK: a FIFO in its place must not hang us.
	flag |= unix.O_NOFOLLOW | unix.O_NONBLOCK
	f, err := os.OpenFile(s.o.Path, flag, 0)
	for range 3 { // others may make it, or set it aside, between two calls
		if !write || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if f, err = s.create(); errors.Is(err, fs.ErrExist) {
			f, err = os.OpenFile(s.o.Path, flag, 0)
		}
	}
	if err != nil {
		return nil, plain(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", errRefused)
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%w: mode %04o lets others in; chmod 0600 it", errRefused, info.Mode().Perm())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (s *Store) create() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(s.o.Path), 0o700); err != nil {
		return nil, err
	}
	return createAt(s.o.Path)
}

// createAt makes a file under a name that is not taken.
func createAt(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := adopt(f, filepath.Dir(path)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// unbegin empties a file that could not be begun, most likely because the disk is
// full, so that what is left of the attempt is not taken for damage.
func (s *Store) unbegin(f *os.File, end time.Time) {
	if lock(f, unix.LOCK_EX, end) != nil || !s.current(f) {
		return
	}
	if info, err := f.Stat(); err == nil && info.Size() < firstPages*pageSize {
		f.Truncate(0) // if that fails too, the next write sets it aside
	}
}

// setAside renames the file away if err says it is damaged. f is kept open
// by the caller, so its inode number cannot have gone to another file.
func (s *Store) setAside(f *os.File, end time.Time, err error) {
	if !errors.Is(err, errDamaged) {
		return
	}
	if lerr := lock(f, unix.LOCK_EX, end); lerr != nil {
		s.warn("set aside", fmt.Errorf("cache %s: %w; not set aside: %w", s.o.Path, err, lerr))
		return
	}
	if !s.current(f) {
		return // another process was faster
	}
	bad := s.o.Path + asideSuffix
	now := s.o.Now()
	os.Chtimes(s.o.Path, now, now) // tells Spend; without it, it goes by the last write
	if rerr := os.Rename(s.o.Path, bad); rerr != nil {
		s.warn("set aside", fmt.Errorf("cache %s: %w; not set aside: %w", s.o.Path, err, rerr))
		return
	}
	s.warn("damage", fmt.Errorf("cache %s: %w; renamed to %s, a new one begins", s.o.Path, err, bad))
}

// current reports whether the path still names f.
func (s *Store) current(f *os.File) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(s.o.Path)
	return err == nil && os.SameFile(ours, there)
}

// lock takes the flock, or changes it, by end. It polls: a blocking flock cannot be
// called off, and one left behind in a goroutine keeps a thread and takes the
// lock later, for nobody. Measured with 8 processes of which 5 % write, polling in
// pauses up to 1 ms is as fast as blocking, medians and p99; 5 ms is not.
func lock(f *os.File, how int, end time.Time) error {
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, time.Millisecond) {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock: %w", err)
		}
		if time.Now().After(end) {
			return errBusy
		}
		time.Sleep(pause)
	}
}

// release gives the lock up by name: after a panic bbolt's mapping still holds the
// open file, so closing it is not enough.
func release(f *os.File) {
	unix.Flock(int(f.Fd()), unix.LOCK_UN)
	f.Close()
}
