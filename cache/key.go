package cache

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	keyLeast = 32
	keyMost  = 4096
)

// errNoKey says that there is no key yet, which a reader takes for a miss.
var errNoKey = errors.New("no key yet")

// secret returns the key, reading it the first time. A writer makes a missing one.
func (s *Store) secret(write bool) (keys, error) {
	s.mu.Lock()
	key := s.key
	s.mu.Unlock()
	if key != nil {
		return key, nil
	}

	key, err := readKey(s.o.Key)
	if errors.Is(err, fs.ErrNotExist) {
		if !write {
			return nil, errNoKey
		}
		if err := makeKey(s.o.Key); err != nil {
			return nil, fmt.Errorf("make cache key %s: %w", s.o.Key, err)
		}
		key, err = readKey(s.o.Key)
	}
	if err != nil {
		return nil, fmt.Errorf("cache key %s: %w", s.o.Key, plain(err))
	}
	if filepath.Dir(s.o.Key) == filepath.Dir(s.o.Path) {
		s.warn("key beside file", fmt.Errorf("cache key %s: in the directory of the cache file; move it to another", s.o.Key))
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
	return key, nil
}

// readKey returns the key if the file is fit to hold one.
func readKey(path string) ([]byte, error) {
	// O_NONBLOCK: a FIFO in its place must not hang us.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file; remove it, a new one will be made")
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return nil, fmt.Errorf("mode %04o lets others read it; chmod 0400 it", m)
	}
	if uid := int(info.Sys().(*syscall.Stat_t).Uid); uid != 0 && uid != os.Geteuid() && !adopted(uid, path) {
		return nil, fmt.Errorf("owned by uid %d; chown it to root or uid %d", uid, os.Geteuid())
	}
	key, err := io.ReadAll(io.LimitReader(f, keyMost+1))
	if err != nil {
		return nil, err
	}
	if len(key) < keyLeast {
		return nil, fmt.Errorf("%d bytes are too few; remove it, a new one will be made", len(key))
	}
	if len(key) > keyMost {
		return nil, fmt.Errorf("over %d bytes; name a key file", keyMost)
	}
	return key, nil
}

// makeKey puts a new key at path unless there is one by then. It is written
// under another name first and linked: link fails if the name is taken, so no
// process ever reads half a key or a key that another replaces.
func makeKey(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".cache-key-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()

	key := make([]byte, keyLeast)
	rand.Read(key) // never fails, it ends the process instead
	if _, err := f.Write(key); err != nil {
		return err
	}
	if err := f.Chmod(0o400); err != nil {
		return err
	}
	if err := adopt(f, dir); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(path)
}

// syncDir makes what happened to the name of a file last.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// adopt gives a new file to the owner of its directory when we are root: a
// command root runs by hand must not lock the service out.
func adopt(f *os.File, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// adopted reports whether we are root and uid is whom adopt gives a file here.
func adopted(uid int, path string) bool {
	info, err := os.Stat(filepath.Dir(path))
	return err == nil && os.Geteuid() == 0 && uid == int(info.Sys().(*syscall.Stat_t).Uid)
}

// plain takes operation and path off an error; what wraps it names them.
func plain(err error) error {
	if errors.Is(err, unix.ELOOP) {
		return errors.New("a symbolic link; name the file itself")
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
