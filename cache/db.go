package cache

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A DB is the file of the policy daemon, /var/lib/qguard/policy.db: a bbolt file
// like the one of a Store (page size, mode, lock, examination, setting aside), but
// held open, read-write, by the one process that writes to it. Others find it
// locked and ask that process.
//
//	meta     "format" -> "policy 1"
//	connlog  a bucket a day; see LogWriter
//
// There is room for what comes later (ban, relay); who adds a bucket adds it to
// wholeDB. Until then another name is a file of another format.
//
// When it is opened it is examined to its last page (about 0.1 s for 100 MB), and when it
// is damaged it is renamed to the same name with ".bad" and a new one is begun.
// Damage done while it is open shows as a panic or fault within bbolt, which is
// caught and handled the same way. Three kinds cannot be caught (see sound.go): they
// end the process, and the next one finds them when it opens the file.
//
// A file that cannot be opened, for want of room or rights or since another
// process holds it, is tried again with every call. One that was removed or
// renamed is noticed with the next write, and a new one begun.
type DB struct {
	o DBOptions

	mu     sync.RWMutex // held for writing to open and close, for reading to use
	bolt   *bolt.DB     // nil while not open
	f      *os.File     // ours, with the lock
	theirs *os.File     // bbolt's
	closed bool
}

// DBOptions say where the file is.
type DBOptions struct {
	Path     string
	ReadOnly bool             // looks only, while the daemon does not run; damage is an error
	Now      func() time.Time // nil = time.Now
	Warn     func(error)      // told of trouble nobody else is told of, one line; nil = silent
}

const (
	dbFormat = "policy 1"
	dbLimit  = 16 << 30 // 200 million rows
	growBy   = 4 << 20
)

var (
	bucketLog = []byte("connlog")

	errClosed = errors.New("closed")
)

// NewDB returns a DB; it touches no file.
func NewDB(o DBOptions) *DB {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	return &DB{o: o}
}

// store gives path, lock and setting aside, which are the same for both files.
func (d *DB) store() *Store {
	return New(Options{Path: d.o.Path, Now: d.o.Now, Warn: d.o.Warn})
}

// Open opens the file, or says why it cannot be; every other call opens it too.
func (d *DB) Open() error {
	d.mu.RLock()
	open := d.bolt != nil
	d.mu.RUnlock()
	if open {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return d.store().placed(errClosed)
	case d.bolt != nil:
		return nil
	}
	err := d.open()
	if errors.Is(err, errDamaged) && !d.o.ReadOnly {
		err = d.open() // set aside; a new one begins
	}
	return d.store().placed(err)
}

func (d *DB) open() (err error) {
	s, end := d.store(), time.Now().Add(lockWait)
	f, err := s.acquire(!d.o.ReadOnly, end)
	if err != nil {
		return err
	}
	t, err := readTreeUpTo(f, dbLimit)
	switch {
	case err == nil && t != nil:
		err = t.wholeDB()
	case err == nil && d.o.ReadOnly:
		err = fs.ErrNotExist // nothing was written yet
	}
	if err == nil {
		err = d.begin(f)
	}
	if err == nil {
		return nil
	}
	if t == nil && !errors.Is(err, errDamaged) && !d.o.ReadOnly {
		s.unbegin(f, end)
	}
	if !d.o.ReadOnly {
		s.setAside(f, end, err)
	}
	release(f)
	return err
}

// begin opens the locked file f in bbolt and makes the buckets of a new one.
func (d *DB) begin(f *os.File) error {
	o := boltOptions(f, d.o.ReadOnly, &d.theirs)
	o.MaxSize = int(min(dbLimit, int64(math.MaxInt)))
	o.FreelistType = bolt.FreelistMapType // a day's pages come free at once
	err := guard(func() error {
		db, err := bolt.Open(f.Name(), 0o600, o)
		if err != nil {
			return err
		}
		db.AllocSize = growBy
		if d.o.ReadOnly {
			err = db.View(fitsDB)
		} else {
			err = db.Update(beginDB)
		}
		if err != nil {
			db.Close()
			return err
		}
		d.bolt, d.f = db, f
		return nil
	})
	if errors.Is(err, errDamaged) {
		d.theirs.Close() // what panicked is abandoned, as in withBolt
	}
	return err
}

// beginDB makes what a new file has.
func beginDB(tx *bolt.Tx) error {
	if tx.Bucket(bucketMeta) != nil {
		return fitsDB(tx)
	}
	meta, err := tx.CreateBucket(bucketMeta)
	if err != nil {
		return err
	}
	if err := meta.Put(metaFormat, []byte(dbFormat)); err != nil {
		return err
	}
	_, err = tx.CreateBucket(bucketLog)
	return err
}

// fitsDB reports a file that is not of this format.
func fitsDB(tx *bolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	if meta == nil || tx.Bucket(bucketLog) == nil {
		return damaged("buckets are missing")
	}
	if v := meta.Get(metaFormat); string(v) != dbFormat {
		return damaged("format %.10q, not %q", v, dbFormat)
	}
	return nil
}

// wholeDB examines the file to its last page.
func (t *tree) wholeDB() error {
	t.used = make([]bool, t.high)
	if err := t.use(t.root, 1); err != nil {
		return err
	}
	at, err := t.top()
	if err != nil {
		return err
	}
	for name, begin := range at {
		if name != string(bucketMeta) && name != string(bucketLog) {
			return damaged("root page: bucket %.20q", name)
		}
		if name == string(bucketLog) {
			err = t.wholeLog(begin)
		} else {
			err = t.bucket(begin, func(byte, uint64, uint64) bool { return true })
		}
		if err != nil {
			return err
		}
	}
	return t.freeList()
}

// guard runs what uses bbolt; a panic or fault within is damage.
func guard(use func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damaged("%v", p)
		}
	}()
	return use()
}

// view runs fn in a read transaction. While it lasts nothing is pruned and the
// file cannot grow, so it is short.
func (d *DB) view(fn func(*bolt.Tx) error) error {
	return d.run(func(db *bolt.DB) error { return db.View(fn) })
}

// update runs fn in a write transaction, synced when it returns.
func (d *DB) update(fn func(*bolt.Tx) error) error {
	d.mu.RLock()
	gone := d.bolt != nil && !d.store().current(d.f)
	d.mu.RUnlock()
	if gone {
		d.shut()
	}
	return d.run(func(db *bolt.DB) error { return db.Update(fn) })
}

func (d *DB) run(use func(*bolt.DB) error) error {
	if err := d.Open(); err != nil {
		return err
	}
	d.mu.RLock()
	db, f := d.bolt, d.f
	err := errClosed
	if db != nil {
		err = guard(func() error { return use(db) })
	}
	d.mu.RUnlock()
	if errors.Is(err, errDamaged) {
		d.abandon(f, err)
	}
	return d.store().placed(err)
}

// abandon sets the file aside in which bbolt panicked; the next call begins
// another. bbolt's locks and mapping are lost with it, as in withBolt.
func (d *DB) abandon(f *os.File, cause error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.f != f {
		return // somebody else did
	}
	if !d.o.ReadOnly {
		d.store().setAside(f, time.Now().Add(lockWait), cause)
	}
	d.theirs.Close()
	release(f)
	d.bolt, d.f = nil, nil
}

// shut closes the file; the next call opens the one at the path.
func (d *DB) shut() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bolt == nil {
		return nil
	}
	err := guard(d.bolt.Close)
	release(d.f)
	d.bolt, d.f = nil, nil
	return d.store().placed(err)
}

// Close closes the file for good, when transactions that run have ended.
func (d *DB) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	return d.shut()
}

// Size returns the bytes of the file, 0 while it is not open.
func (d *DB) Size() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.f == nil {
		return 0
	}
	info, err := d.f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}
