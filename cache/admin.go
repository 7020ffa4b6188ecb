package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
)

// adminWait is how long an administrator's command waits for the lock.
const adminWait = 10 * time.Second

// adminMost is how many entries one transaction of such a command changes, so
// that those who scan mail meanwhile need not wait for long.
const adminMost = 10_000

// A Kind is what the file holds of one kind of entries.
type Kind struct {
	Entries, Expired int       // the expired are among the entries
	Oldest, Newest   time.Time // when the first and the last were made; zero without entries
}

// Stats says what the file holds.
type Stats struct {
	Failures, Charges, Stamps Kind
	Size                      int64 // bytes of the file
	Max                       int   // entries kept of each kind
}

// MakeKey makes the key file if it is missing, and says what is wrong with it.
func (s *Store) MakeKey() error {
	_, err := s.secret(true)
	return err
}

// Stats counts what the file holds and changes nothing, damage included. Its
// error is fs.ErrNotExist where there is no file yet.
func (s *Store) Stats() (st Stats, err error) {
	st.Max = s.o.Max
	if _, err := os.Lstat(s.o.Path); err != nil {
		return st, s.placed(plain(err))
	}
	k, err := s.secret(false)
	if err != nil {
		return st, err
	}
	f, err := s.acquire(false, time.Now().Add(adminWait))
	if err != nil {
		return st, s.placed(err)
	}
	defer release(f)
	if info, err := f.Stat(); err == nil {
		st.Size = info.Size()
	}
	of := map[byte]*Kind{kindFailure: &st.Failures, kindCharge: &st.Charges, kindStamp: &st.Stamps}
	err = k.each(f, func(kind byte, e entry) {
		n, made := of[kind], time.UnixMilli(int64(e.created))
		if n.Entries++; e.expires <= s.now() {
			n.Expired++
		}
		if n.Oldest.IsZero() || made.Before(n.Oldest) {
			n.Oldest = made
		}
		if made.After(n.Newest) {
			n.Newest = made
		}
	})
	return st, s.placed(err)
}

// each shows every entry of the locked file f.
func (k keys) each(f *os.File, do func(kind byte, e entry)) error {
	t, err := readTree(f)
	if err != nil || t == nil {
		return err
	}
	if _, err := t.whole(); err != nil {
		return err
	}
	return withBolt(f, true, func(db *bolt.DB) error {
		return db.View(func(tx *bolt.Tx) error {
			if tx.Bucket(bucketMeta) == nil {
				return nil // begun, not finished
			}
			if err := k.fits(tx.Bucket(bucketMeta)); err != nil {
				return err
			}
			return tx.Bucket(bucketEntries).ForEach(func(name, v []byte) error {
				e, ok := k.open(name[0], name[1:], v)
				if !ok {
					return damaged("an entry with a broken seal")
				}
				do(name[0], e)
				return nil
			})
		})
	})
}

// Flush forgets the failures of an owner, or with nil all failures and stamps,
// and returns how many entries that were. Charges stay.
func (s *Store) Flush(owner []byte) (n int, err error) {
	if owner != nil {
		return s.flush(func(b *book) [][]byte { return b.failuresOf(owner) })
	}
	for _, kind := range []byte{kindFailure, kindStamp} {
		more, err := s.flush(func(b *book) [][]byte { return b.all(kind) })
		if n += more; err != nil {
			return n, err
		}
	}
	return n, nil
}

// FlushCharges forgets the charges of one key, or with nil all, and returns how
// many budgets that were. Where the directory counts too, it still does.
func (s *Store) FlushCharges(key []byte) (n int, err error) {
	if key == nil {
		return s.flush(func(b *book) [][]byte { return b.all(kindCharge) })
	}
	return s.flush(func(b *book) [][]byte {
		tag := b.tag(labelCharge, key)
		if e, err := b.get(kindCharge, tag); err == nil && e.expires > 0 {
			return [][]byte{keyOfExpiry(kindCharge, e.expires, tag)}
		}
		return nil
	})
}

// flush removes what doomed names, until it names nothing.
func (s *Store) flush(doomed func(*book) [][]byte) (n int, err error) {
	for {
		if _, err := os.Lstat(s.o.Path); errors.Is(err, fs.ErrNotExist) {
			return n, nil
		}
		var gone int
		err := s.changeIn(adminWait, func(b *book) error {
			list := doomed(b)
			if gone = len(list); gone == 0 {
				return errUnchanged
			}
			return b.remove(list)
		})
		if errors.Is(err, errUnchanged) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n += gone
	}
}

// all returns expiry keys of one kind, some of them if there are many.
func (b *book) all(kind byte) (list [][]byte) {
	c := b.expiry.Cursor()
	for k, _ := c.Seek([]byte{kind}); len(k) > 0 && k[0] == kind && len(list) < adminMost; k, _ = c.Next() {
		list = append(list, bytes.Clone(k))
	}
	return list
}

// failuresOf returns expiry keys of the failures of one owner.
func (b *book) failuresOf(owner []byte) (list [][]byte) {
	want := b.owner(owner)
	c := b.entries.Cursor()
	for k, v := c.Seek([]byte{kindFailure}); len(k) > 0 && k[0] == kindFailure && len(list) < adminMost; k, v = c.Next() {
		e, ok := b.open(kindFailure, k[1:], v)
		if ok && len(e.body) == len(want) && e.body[0] == want[0] && e.body[1] == want[1] {
			list = append(list, keyOfExpiry(kindFailure, e.expires, k[1:]))
		}
	}
	return list
}

// compactSuffix names the file that Compact writes before it takes the place of
// the old one.
const compactSuffix = ".new"

// Compact writes what has not expired into a new file and puts it in the place
// of the old one, in one step: a process that is killed leaves the old file
// and, beside it, a part of a new one, which the next Compact removes. Others
// wait for their lock meanwhile and then find the new file, or give up as they
// do behind any long writer. It returns the size before and after, in bytes.
func (s *Store) Compact() (was, is int64, err error) {
	if _, err := os.Lstat(s.o.Path); err != nil {
		return 0, 0, s.placed(plain(err))
	}
	k, err := s.secret(false)
	if err != nil {
		return 0, 0, err
	}
	end := time.Now().Add(adminWait)
	f, err := s.acquire(true, end)
	if err != nil {
		return 0, 0, s.placed(err)
	}
	defer release(f)
	defer func() { s.setAside(f, end, err) }()

	t, err := readTree(f)
	if err != nil {
		return 0, 0, s.placed(err)
	}
	if t != nil {
		_, err = t.whole()
	}
	if info, serr := f.Stat(); serr == nil {
		was = info.Size()
	}
	if err != nil || t == nil {
		return was, was, s.placed(err)
	}
	is, err = s.rewrite(k, f)
	return was, is, s.placed(err)
}

// rewrite copies the locked file f and puts the copy in its place. Trouble with
// the copy is no damage of f.
func (s *Store) rewrite(k keys, f *os.File) (size int64, err error) {
	name := s.o.Path + compactSuffix
	os.Remove(name) // we hold the lock: it is nobody's
	g, err := createAt(name)
	if err != nil {
		return 0, err
	}
	defer os.Remove(name) // nothing there after the rename
	defer g.Close()

	err = withBolt(f, true, func(from *bolt.DB) error {
		return from.View(func(tx *bolt.Tx) error {
			if tx.Bucket(bucketMeta) == nil {
				return nil
			}
			if err := k.fits(tx.Bucket(bucketMeta)); err != nil {
				return err
			}
			err := withBolt(g, false, func(to *bolt.DB) error { return k.copy(to, tx, s.now()) })
			if err != nil {
				return fmt.Errorf("compact: %s", err) // not wrapped: it is not f that is damaged
			}
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	if t, err := readTree(g); err != nil {
		return 0, fmt.Errorf("compact: %s", err)
	} else if t != nil {
		if _, err := t.whole(); err != nil {
			return 0, fmt.Errorf("compact: %s", err)
		}
	}
	if err := os.Rename(name, s.o.Path); err != nil {
		return 0, plain(err)
	}
	if err := syncDir(s.o.Path); err != nil {
		return 0, err
	}
	info, err := g.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// copy fills a new file with what has not expired.
func (k keys) copy(to *bolt.DB, from *bolt.Tx, now uint64) error {
	if err := to.Update(k.begin); err != nil {
		return err
	}
	err := pour(to, from, bucketEntries, func(_, v []byte) bool {
		return len(v) >= entryLeast && binary.BigEndian.Uint64(v[8:]) > now
	})
	if err != nil {
		return err
	}
	return pour(to, from, bucketExpiry, func(name, _ []byte) bool { return binary.BigEndian.Uint64(name[1:]) > now })
}

// pour copies what keep keeps of one bucket, a transaction for some at a time.
func pour(to *bolt.DB, from *bolt.Tx, bucket []byte, keep func(name, v []byte) bool) error {
	c := from.Bucket(bucket).Cursor()
	name, v := c.First()
	for name != nil {
		err := to.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucket)
			b.FillPercent = 0.9 // they come in order
			for n := 0; name != nil && n < adminMost; name, v = c.Next() {
				if !keep(name, v) {
					continue
				}
				if err := b.Put(name, v); err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
