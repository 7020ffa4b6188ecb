package cache

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

func TestSetAside(t *testing.T) {
	edit := func(name string, fn func(b *bolt.Bucket) error) func(r *room) error {
		return func(r *room) error {
			db, err := bolt.Open(r.path, 0o600, &bolt.Options{Timeout: time.Second})
			if err != nil {
				return err
			}
			defer db.Close()
			return db.Update(func(tx *bolt.Tx) error { return fn(tx.Bucket([]byte(name))) })
		}
	}
	write := func(data string) func(r *room) error {
		return func(r *room) error { return os.WriteFile(r.path, []byte(data), 0o600) }
	}
	for _, c := range []struct {
		name string
		make func(r *room) error
		want string
	}{
		{"another key", func(r *room) error {
			return errors.Join(os.Remove(r.key), os.WriteFile(r.key, bytes.Repeat([]byte{1}, 32), 0o400))
		}, "written with another key"},
		{"another format", edit("meta", func(b *bolt.Bucket) error { return b.Put([]byte("format"), []byte("2")) }), `format "2", not "1"`},
		{"no format", edit("meta", func(b *bolt.Bucket) error { return b.Delete([]byte("format")) }), "format"},
		{"an entry too long", edit("entries", func(b *bolt.Bucket) error {
			return b.Put([]byte("f0123456789abcdef"), make([]byte, entryMost+8))
		}), "not of this format"},
		{"an entry of no kind", edit("entries", func(b *bolt.Bucket) error {
			return b.Put([]byte("x0123456789abcdef"), make([]byte, entryLeast))
		}), "not of this format"},
		{"an entry without its expiry", edit("entries", func(b *bolt.Bucket) error {
			return b.Put([]byte("f0123456789abcdef"), make([]byte, entryLeast))
		}), "2 entries but 1 expiries"},
		{"another program's buckets", func(r *room) error {
			os.Remove(r.path)
			db, err := bolt.Open(r.path, 0o600, &bolt.Options{Timeout: time.Second})
			if err != nil {
				return err
			}
			defer db.Close()
			return db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("mails")); return err })
		}, "not the buckets of this format"},
		{"garbage", write(strings.Repeat("garbage\n", 10000)), "no sound meta page"},
		{"zeros", write(strings.Repeat("\x00", 40000)), "no sound meta page"},
		{"a short file", write("a full disk left this"), "too short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom(t)
			k := []byte("pair")
			r.store().RememberFailure(k, nil)
			os.WriteFile(r.path+asideSuffix, []byte("an older one"), 0o600)
			if err := c.make(r); err != nil {
				t.Fatal(err)
			}
			was, _ := os.Stat(r.path)
			s := r.store()
			s.RememberFailure(k, nil)
			if !s.Failed(k) {
				t.Error("not remembered")
			}
			if is, err := os.Stat(r.path + asideSuffix); err != nil || !os.SameFile(was, is) {
				t.Error("not set aside")
			} else if !is.ModTime().Equal(r.clock()) {
				t.Errorf("modified %v, want the time it was set aside", is.ModTime())
			}
			r.heard(c.want)
		})
	}
}

func TestReaderSetsAside(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	s.RememberFailure([]byte("a"), nil)
	os.WriteFile(r.path, bytes.Repeat([]byte("x"), 50000), 0o600)
	if s.Failed([]byte("a")) || r.exists(r.path) || !r.exists(r.path+asideSuffix) {
		t.Error("not set aside")
	}
	r.heard("renamed to " + r.path + ".bad")
	r.works()
}

func TestNewFileLeftEmpty(t *testing.T) {
	r := newRoom(t)
	r.works()
	os.Truncate(r.path, 0)
	if r.store().Failed([]byte("does it work")) {
		t.Error("a hit in an empty file")
	}
	r.works()
	if r.exists(r.path + asideSuffix) {
		t.Error("an empty file is no damage")
	}
	r.heard()

	os.Truncate(r.path, 0)
	db, err := bolt.Open(r.path, 0o600, &bolt.Options{Timeout: time.Second}) // begun, not finished
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if r.store().Failed([]byte("does it work")) {
		t.Error("a hit in a new file")
	}
	r.works()
	r.heard()
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(path string) error
		want string
	}{
		{"directory", func(p string) error { return os.Mkdir(p, 0o700) }, "director"}, // not a regular file, is a directory
		{"FIFO", func(p string) error { return unix.Mkfifo(p, 0o600) }, "not a regular file"},
		{"device", func(p string) error {
			return unix.Mknod(p, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 7))) // full
		}, "not a regular file"},
		{"symbolic link", func(p string) error {
			return errors.Join(os.WriteFile(p+".real", []byte("precious"), 0o600), os.Symlink(p+".real", p))
		}, "a symbolic link"},
		{"dangling link", func(p string) error { return os.Symlink("nowhere", p) }, "a symbolic link"},
		{"open to others", func(p string) error {
			return errors.Join(os.WriteFile(p, []byte("precious"), 0o600), os.Chmod(p, 0o644))
		}, "mode 0644 lets others in; chmod 0600 it"},
		{"no directory", func(p string) error {
			return errors.Join(os.Remove(filepath.Dir(p)), os.WriteFile(filepath.Dir(p), nil, 0o600))
		}, "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom(t)
			mustKey(t, r.store())
			os.Mkdir(filepath.Dir(r.path), 0o700)
			if err := c.make(r.path); errors.Is(err, unix.EPERM) {
				t.Skip("needs root:", err)
			} else if err != nil {
				t.Fatal(err)
			}
			was, _ := os.Lstat(r.path)
			s := r.store()
			for range 2 {
				s.RememberFailure([]byte("a"), nil)
				if s.Failed([]byte("a")) {
					t.Error("a hit")
				}
				if ok, err := s.Spend([]byte("a"), 1, time.Hour); ok || err == nil || !strings.Contains(err.Error(), r.path) {
					t.Errorf("spend: got %v, %v, want an error that names the file", ok, err)
				}
			}
			is, _ := os.Lstat(r.path)
			if is != nil && !os.SameFile(was, is) || r.exists(r.path+".real.bad") || r.exists(filepath.Join(filepath.Dir(r.path), "nowhere")) {
				t.Error("what is there was touched")
			}
			for _, w := range r.warns {
				if !strings.Contains(w, c.want) && !strings.Contains(w, "not a regular file") {
					t.Errorf("warning %q, want %q", w, c.want)
				}
			}
			if len(r.warns) == 0 || len(r.warns) > 2 {
				t.Errorf("%d warnings: %q", len(r.warns), r.warns)
			}
		})
	}
}

func TestNotAllowed(t *testing.T) {
	r := newRoom(t)
	if os.Geteuid() != 0 {
		r.works()
		os.Chmod(r.path, 0)
	} else {
		os.Mkdir(filepath.Dir(r.key), 0o755)
		os.WriteFile(r.key, bytes.Repeat([]byte{1}, 32), 0o400)
		os.Chown(r.key, 65534, 65534)
		os.Mkdir(filepath.Dir(r.path), 0o755)
		os.WriteFile(r.path, nil, 0o600)
	}
	s := r.store()
	asNobody(t, func() {
		for range 2 {
			s.RememberFailure([]byte("a"), nil)
			if s.Failed([]byte("a")) {
				t.Error("a hit in a file one may not read")
			}
			if ok, err := s.Spend([]byte("a"), 1, time.Hour); ok || err == nil {
				t.Errorf("spend: got %v, %v, want an error", ok, err)
			}
		}
	})
	r.heard("permission denied")
	if r.exists(r.path + asideSuffix) {
		t.Error("set aside")
	}
}

func TestCannotSetAside(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	s.RememberFailure([]byte("a"), nil)
	os.WriteFile(r.path, bytes.Repeat([]byte("x"), 50000), 0o600)
	os.Mkdir(r.path+asideSuffix, 0o700) // rename cannot replace it
	for range 2 {
		s.RememberFailure([]byte("a"), nil)
		if s.Failed([]byte("a")) {
			t.Error("a hit")
		}
		if ok, err := s.Spend([]byte("a"), 1, time.Hour); ok || err == nil {
			t.Errorf("spend: got %v, %v, want an error", ok, err)
		}
	}
	r.heard("not set aside")
}
