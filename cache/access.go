package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// counts looks one entry up; any doubt is no.
func (s *Store) counts(kind byte, label string, key []byte, most uint64) bool {
	k, err := s.secret(false)
	if err == nil {
		var e entry
		e, err = s.look(k, kind, k.tag(label, key))
		if err == nil {
			return e.alive(s.now(), most)
		}
	}
	if !errors.Is(err, errNoKey) && !errors.Is(err, fs.ErrNotExist) {
		s.complain(err)
	}
	return false
}

// look returns the entry under tag, or the zero entry, which is not alive.
func (s *Store) look(k keys, kind byte, tag []byte) (e entry, err error) {
	end := time.Now().Add(lockWait)
	f, err := s.acquire(false, end)
	if err != nil {
		return e, s.placed(err)
	}
	defer release(f)
	defer func() { s.setAside(f, end, err) }()

	t, err := readTree(f)
	if err != nil || t == nil {
		return e, err
	}
	at, err := t.buckets()
	if err != nil || at == nil {
		return e, err
	}
	name := keyOfEntry(kind, tag)
	for _, key := range [][]byte{metaFormat, metaCheck} {
		if err := t.way(at[string(bucketMeta)], key); err != nil {
			return e, err
		}
	}
	if err := t.way(at[string(bucketEntries)], name); err != nil {
		return e, err
	}
	err = withBolt(f, true, func(db *bolt.DB) error {
		return db.View(func(tx *bolt.Tx) error {
			if err := k.fits(tx.Bucket(bucketMeta)); err != nil {
				return err
			}
			e, _ = k.open(kind, tag, tx.Bucket(bucketEntries).Get(name))
			return nil
		})
	})
	return e, s.placed(err)
}

// change runs fn in a write transaction, once more on a new file if the old one is
// damaged.
func (s *Store) change(fn func(*book) error) error {
	return s.changeIn(lockWait, fn)
}

// changeIn is change with another time to wait for locks.
func (s *Store) changeIn(wait time.Duration, fn func(*book) error) error {
	k, err := s.secret(true)
	if err != nil {
		return err
	}
	end := time.Now().Add(wait)
	err = s.changeOnce(k, end, fn)
	if errors.Is(err, errDamaged) {
		err = s.changeOnce(k, end, fn)
	}
	return s.placed(err)
}

func (s *Store) changeOnce(k keys, end time.Time, fn func(*book) error) (err error) {
	f, err := s.acquire(true, end)
	if err != nil {
		return err
	}
	defer release(f)
	defer func() { s.setAside(f, end, err) }()

	t, err := readTree(f)
	if err != nil {
		return err
	}
	var n count
	if t != nil {
		if n, err = t.whole(); err != nil {
			return err
		}
	}
	err = withBolt(f, false, func(db *bolt.DB) error {
		return db.Update(func(tx *bolt.Tx) error {
			if tx.Bucket(bucketMeta) == nil {
				if err := k.begin(tx); err != nil {
					return err
				}
			}
			if err := k.fits(tx.Bucket(bucketMeta)); err != nil {
				return err
			}
			return fn(&book{
				keys: k, n: n, now: s.now(), most: millis(s.o.TTL), max: s.o.Max,
				entries: tx.Bucket(bucketEntries), expiry: tx.Bucket(bucketExpiry),
			})
		})
	})
	if err != nil && t == nil {
		s.unbegin(f, end)
	}
	return err
}

// begin makes the buckets of a new file.
func (k keys) begin(tx *bolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketEntries, bucketExpiry} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	if err := meta.Put(metaFormat, []byte(format)); err != nil {
		return err
	}
	return meta.Put(metaCheck, k.check())
}

// fits compares format and key of the file with ours.
func (k keys) fits(meta *bolt.Bucket) error {
	if v := meta.Get(metaFormat); string(v) != format {
		return damaged("format %.10q, not %q", v, format)
	}
	if !bytes.Equal(meta.Get(metaCheck), k.check()) {
		return damaged("written with another key")
	}
	return nil
}

// withBolt opens the locked file f in bbolt and closes it. A panic or fault is
// damage. bbolt then holds locks of its own that nobody will release, so it is
// abandoned with its mapping instead of closed: some address space is lost
// until the process ends.
func withBolt(f *os.File, readOnly bool, use func(*bolt.DB) error) (err error) {
	var theirs *os.File
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damaged("%v", p)
			theirs.Close()
		}
	}()
	db, err := bolt.Open(f.Name(), 0o600, boltOptions(f, readOnly, &theirs))
	if err != nil {
		return err
	}
	err = use(db)
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	return err
}

// boltOptions are those for the locked file f; bbolt's own descriptor of it is
// put into theirs.
func boltOptions(f *os.File, readOnly bool, theirs **os.File) *bolt.Options {
	return &bolt.Options{
		ReadOnly:     readOnly,
		PageSize:     pageSize,
		MaxSize:      fileLimit,
		NoStatistics: true,
		Timeout:      time.Millisecond, // never 0, that is for ever; we have the lock
		OpenFile: func(string, int, os.FileMode) (*os.File, error) {
			// The same open file, lock included; bbolt closes its descriptor, not ours.
			fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				return nil, err
			}
			*theirs = os.NewFile(uintptr(fd), f.Name())
			return *theirs, nil
		},
	}
}

// placed names the file an error is about.
func (s *Store) placed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cache %s: %w", s.o.Path, err)
}

// complain passes on trouble that nobody else is told of. Its innermost error
// is its kind: "permission denied", say.
func (s *Store) complain(err error) {
	if err == nil || errors.Is(err, errDamaged) {
		return // setAside has told
	}
	kind := err
	for in := err; in != nil; in = errors.Unwrap(in) {
		kind = in
	}
	s.warn(kind.Error(), err)
}
