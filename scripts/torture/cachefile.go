package main

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// budget is how many failures rules with lockout = 9 spend on one user, a third
// of it, in an hour.
const budget = 3

// caches are the ways to spoil the cache file. kept tells whether the cache
// promises that no charge is forgotten: a file that is damaged is known to be,
// one that is gone or empty is a new one.
func caches() []fault {
	var list []fault
	for _, c := range []struct {
		done  string
		kept  bool
		spoil func(path string) error
		every time.Duration
	}{
		{"cut off anywhere, every 20 ms", true, cut, 20 * time.Millisecond},
		{"a page overwritten at random, every 20 ms", true, overwrite, 20 * time.Millisecond},
		{"replaced by 20,000 random bytes, every 50 ms", true, garbage, 50 * time.Millisecond},
		{"replaced by another program's database, every 50 ms", true, another, 50 * time.Millisecond},
		{"replaced by one of another version, every 50 ms", true, version, 50 * time.Millisecond},
		{"locked by another process for 0.3 s of every 0.4 s", true, locked, 100 * time.Millisecond},
		{"emptied, every 50 ms", false, func(path string) error { return os.Truncate(path, 0) }, 50 * time.Millisecond},
		{"removed with its directory, every 50 ms", false, func(path string) error { return os.RemoveAll(filepath.Dir(path)) }, 50 * time.Millisecond},
	} {
		for _, lockout := range []bool{false, true} {
			name := cmp.Or(map[bool]string{true: "; lockout = 9"}[lockout], "")
			long := !lockout && c.every == 50*time.Millisecond
			list = append(list, fault{"cache", "qguard-scan", c.done + name, long, func(t *torture) (string, error) {
				return t.spoiled(c.spoil, c.every, lockout, c.kept)
			}})
		}
	}
	for _, lockout := range []bool{false, true} {
		name := cmp.Or(map[bool]string{true: "; lockout = 9"}[lockout], "")
		list = append(list,
			fault{"cache", "qguard-scan", "read-only file system" + name, false, func(t *torture) (string, error) {
				return t.unusable(func() error { return t.readonly(t.dir + "/lib") }, lockout)
			}},
			fault{"cache", "qguard-scan", "its directory is another user's" + name, false, func(t *torture) (string, error) {
				if os.Getuid() != 0 {
					return "", leftOut("not root")
				}
				return t.unusable(func() error {
					t.under = shell(`exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`)
					return errors.Join(os.Chmod(t.dir+"/lib", 0o755), os.WriteFile(t.notes(), nil, 0o666), os.Chmod(t.notes(), 0o666))
				}, lockout)
			}},
			fault{"cache", "qguard-scan", "its directory is a file" + name, false, func(t *torture) (string, error) {
				return t.unusable(func() error {
					return errors.Join(os.RemoveAll(t.dir+"/lib"), os.WriteFile(t.dir+"/lib", nil, 0o644))
				}, lockout)
			}})
	}
	return list
}

// accounts are the rules with or without a directory that counts.
func (t *torture) accounts(lockout bool) error {
	key := "user_failures = \"0\""
	if lockout {
		key = "lockout = 9"
	}
	t.more = t.ours(key)
	return t.rules()
}

// spoiled has eight processes look for logins while the file is spoiled.
func (t *torture) spoiled(spoil func(string) error, every time.Duration, lockout, kept bool) (string, error) {
	if err := t.accounts(lockout); err != nil {
		return "", err
	}
	path := t.dir + "/lib/c.db"
	if _, err := t.scanAll(samples(20, "guess"), nil); err != nil { // two of each user's three
		return "", err
	}
	t.nothing = lockout
	over, spoils := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-over:
				spoils <- n
				return
			case <-time.After(every):
				if spoil(path) == nil {
					n++
				}
			}
		}
	}()
	text, err := t.scanAll(samples(t.n/4, "guess", "leak"), nil)
	close(over)
	n := <-spoils
	if err == nil && n == 0 {
		err = errors.New("the file was never there to be spoiled")
	}
	all, most := t.asked()
	if lockout && kept && most > budget {
		t.wrong(odd, "a user was asked for %d times, %d are to be spent", most, budget)
	}
	return fmt.Sprintf("%s; spoiled %d times; asked for wrong logins %d times, %d for one user; %s", text, n, all, most, t.cacheState()), err
}

// unusable has them look while the cache cannot be used at all.
func (t *torture) unusable(make func() error, lockout bool) (string, error) {
	if err := t.accounts(lockout); err != nil {
		return "", err
	}
	if err := make(); err != nil {
		return "", err
	}
	t.nothing = lockout
	text, err := t.scanAll(samples(t.n/20, "guess", "leak"), nil)
	all, most := t.asked()
	if lockout && all > 0 {
		t.wrong(odd, "asked %d times with nothing to count them", all)
	}
	return fmt.Sprintf("%s; asked for wrong logins %d times, %d for one user", text, all, most), err
}

// cacheState says whether the cache can be used now.
func (t *torture) cacheState() string {
	program, err := t.path("qguard")
	if err != nil {
		return "state not looked at"
	}
	t.scanOne(sample("guess", 1), nil) // whoever comes next mends it
	out, err := exec.Command(program, "-c", t.conf, "cache", "stats").CombinedOutput()
	if err != nil {
		t.wrong(odd, "the cache stays broken: %s", out)
		return "cache broken"
	}
	return "cache sound in the end"
}

// inFile changes the file where it lies, as another process or a bad disk does.
func inFile(path string, change func(f *os.File, size int64) error) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		return err
	}
	return change(f, info.Size())
}

func cut(path string) error {
	return inFile(path, func(f *os.File, size int64) error { return f.Truncate(1 + rand.Int64N(size)) })
}

// overwrite leaves the two meta pages alone: one that is broken is as after a
// crash, where the other, one write older, serves.
func overwrite(path string) error {
	return inFile(path, func(f *os.File, size int64) error {
		if size <= 2*4096 {
			return os.ErrNotExist
		}
		page := 2 + rand.Int64N(size/4096-2)
		_, err := f.WriteAt(random(4096), page*4096)
		return err
	})
}

func garbage(path string) error { return replace(path, random(20000)) }

// replace puts a file in the place of one that is there.
func replace(path string, data []byte) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path+".new", data, 0o600), os.Rename(path+".new", path))
}

func random(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	return data
}

// another is a sound bbolt file that is none of ours; version is one of ours
// with another format.
func another(path string) error {
	return database(path, map[string]map[string]string{"things": {"a": "b"}})
}

func version(path string) error {
	return database(path, map[string]map[string]string{"meta": {"format": "2", "check": strings.Repeat("x", 16)}, "entries": {}, "expiry": {}})
}

func database(path string, content map[string]map[string]string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	name := path + ".new"
	os.Remove(name)
	db, err := bolt.Open(name, 0o600, &bolt.Options{PageSize: 4096})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for bucket, pairs := range content {
			b, err := tx.CreateBucket([]byte(bucket))
			if err != nil {
				return err
			}
			for k, v := range pairs {
				if err := b.Put([]byte(k), []byte(v)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return errors.Join(err, db.Close(), os.Rename(name, path))
}

func locked(path string) error {
	return inFile(path, func(f *os.File, _ int64) error {
		if err := unix.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
		return nil
	})
}
