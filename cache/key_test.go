package cache

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// asNobody runs fn with the rights of an ordinary user, on a thread of its own.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	for _, dir := range []string{filepath.Dir(t.TempDir()), t.TempDir()} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		const keep = ^uintptr(0)
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, keep, 65534, keep); e != 0 {
			done <- e
			return
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, keep, 65534, keep); e != 0 {
			done <- e
			return
		}
		defer close(done)
		fn()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestKeyFile(t *testing.T) {
	good := bytes.Repeat([]byte{7}, 32)
	write := func(data []byte, mode os.FileMode) func(string) error {
		return func(path string) error {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				return err
			}
			return os.Chmod(path, mode)
		}
	}
	for _, c := range []struct {
		name string
		make func(path string) error
		want string // in the warning, "" = a working cache
	}{
		{"read-only", write(good, 0o400), ""},
		{"writable by the owner", write(good, 0o600), ""},
		{"longer", write(bytes.Repeat(good, 100), 0o400), ""},
		{"empty", write(nil, 0o400), "0 bytes are too few"},
		{"short", write(good[1:], 0o400), "31 bytes are too few"},
		{"huge", write(bytes.Repeat(good, 129), 0o400), "over 4096 bytes"},
		{"readable by the group", write(good, 0o440), "mode 0440 lets others read it; chmod 0400 it"},
		{"readable by all", write(good, 0o644), "mode 0644 lets others read it; chmod 0400 it"},
		{"writable by others", write(good, 0o402), "mode 0402"},
		{"directory", func(p string) error { return os.Mkdir(p, 0o700) }, "not a regular file"},
		{"FIFO", func(p string) error { return unix.Mkfifo(p, 0o600) }, "not a regular file"},
		{"symbolic link", func(p string) error {
			return errors.Join(write(good, 0o400)(p+".real"), os.Symlink(p+".real", p))
		}, "a symbolic link"},
		{"dangling link", func(p string) error { return os.Symlink("nowhere", p) }, "a symbolic link"},
		{"another owner", func(p string) error {
			return errors.Join(write(good, 0o400)(p), os.Chown(p, 12345, 12345))
		}, "owned by uid 12345"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom(t)
			os.Mkdir(filepath.Dir(r.key), 0o755)
			if err := c.make(r.key); errors.Is(err, unix.EPERM) {
				t.Skip("needs root:", err)
			} else if err != nil {
				t.Fatal(err)
			}
			s := r.store()
			for range 2 {
				s.RememberFailure([]byte("a"), nil)
				s.Failed([]byte("a"))
			}
			if c.want == "" {
				r.works()
				r.heard()
				return
			}
			r.heard("cache key " + r.key + ": ")
			s = r.store()
			if s.Failed([]byte("a")) {
				t.Error("a hit without a key")
			}
			r.heard(c.want)
			if ok, err := s.Spend([]byte("a"), 1, 1e9); ok || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("spend: got %v, %v, want %q", ok, err, c.want)
			}
			if r.exists(r.path) {
				t.Error("a file was made without a key")
			}
		})
	}
}

func TestKeyRepaired(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	s.RememberFailure([]byte("a"), nil)
	s = r.store()
	os.Chmod(r.key, 0o444)
	if s.Failed([]byte("a")) {
		t.Error("a hit with an open key")
	}
	os.Chmod(r.key, 0o400)
	if !s.Failed([]byte("a")) {
		t.Error("a repaired key is not noticed")
	}
	r.heard("chmod 0400")
}

func TestKeyCannotBeMade(t *testing.T) {
	r := newRoom(t)
	os.WriteFile(filepath.Dir(r.key), nil, 0o644) // a file where the directory should be
	s := r.store()
	s.RememberFailure([]byte("a"), nil)
	s.RememberFailure([]byte("b"), nil)
	r.heard("not a directory")
}

func TestKeyRace(t *testing.T) {
	r := newRoom(t)
	var all sync.WaitGroup
	got := make([]keys, 16)
	for i := range got {
		all.Go(func() {
			var err error
			if got[i], err = r.store().secret(true); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range got {
		if len(k) != 32 || !bytes.Equal(k, got[0]) {
			t.Fatalf("two makers, two keys: %d and %d bytes", len(k), len(got[0]))
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(r.key), ".*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestKeyBesideFile(t *testing.T) {
	r := newRoom(t)
	r.key = filepath.Join(filepath.Dir(r.path), "cache.key")
	s := r.store()
	s.RememberFailure([]byte("a"), nil)
	if !s.Failed([]byte("a")) {
		t.Error("not used")
	}
	r.heard("in the directory of the cache file; move it")
}

func TestKeyIsFile(t *testing.T) {
	r := newRoom(t)
	r.works()
	r.path = r.key
	s := r.store()
	s.RememberFailure([]byte("a"), nil)
	if s.Failed([]byte("a")) || r.exists(r.path+asideSuffix) {
		t.Error("the key was taken for a cache")
	}
	r.heard("in the directory of the cache file", "it is the key file too")
}

// What root makes by hand belongs to the service.
func TestRootAdopts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	r := newRoom(t)
	for _, dir := range []string{filepath.Dir(r.key), filepath.Dir(r.path)} {
		if err := errors.Join(os.Mkdir(dir, 0o755), os.Chown(dir, 65534, 65534)); err != nil {
			t.Fatal(err)
		}
	}
	r.works()
	asNobody(t, func() {
		if !r.store().Failed([]byte("does it work")) {
			t.Error("the service cannot read what root made")
		}
		r.works()
	})
	r.heard()
}
