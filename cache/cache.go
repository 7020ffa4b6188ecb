// Package cache remembers, between processes that live for one mail each, what
// finding leaked passwords must not forget: which guesses have failed, how many
// guesses were charged to a user, and that the authenticator worked a while ago.
//
// It is one small bbolt file shared by all processes, and a key file. Every
// method opens the file, does one thing and closes it. The cache never decides
// by failing: trouble of any kind is a miss, and a line to Options.Warn once per
// kind. Only Spend reports trouble as an error, since "nobody knows what was
// spent" is neither yes nor no.
//
// # Key file
//
// 32 to 4096 bytes, all of them the key; a regular file, no symbolic link, owned
// by root or the effective user, no mode bits for group or others. A missing one
// is made by the first write: 32 random bytes, mode 0400, in place at once and
// only if there still is none, so that of two makers one wins and both use its
// key. Root gives a new key, and a new cache file, to the owner of its directory,
// and reads a key of that owner, so that a command run by hand does not lock the
// service out. The key belongs in another directory than the cache file: who copies one
// should not get the other. A key in the same directory is used with a warning.
//
// # Digests
//
// MAC(label, x, ...) is HMAC-SHA-256(key file, label || 0x00 || x || ...). The
// caller's keys may hold passwords; of them only the tag is stored, the first 16
// bytes of MAC(label, caller's key). The labels:
//
//	"qguard cache 1 failure"  tag of a failure   kind 'f'
//	"qguard cache 1 charge"   tag of a budget    kind 'c'
//	"qguard cache 1 stamp"    tag of a stamp     kind 's'
//	"qguard cache 1 owner"    tag of whose failure it is, in its body
//	"qguard cache 1 entry"    seal of an entry, first 8 bytes over kind, tag, value
//	"qguard cache 1 file"     key check value, first 16 bytes over nothing
//
// # Cache file
//
// A bbolt file (its format version 2) of 4096-byte pages with a synced free list,
// mode 0600, at most 1 GiB. Numbers of ours are 64 bits big-endian, times are
// milliseconds since 1970. Three buckets, made in one transaction:
//
//	meta     "format" -> "1"
//	         "check"  -> key check value
//	entries  kind, tag            -> created, expires, body, seal
//	expiry   kind, expires, tag   -> nothing; one for every entry
//
// The body of a charge is the times of the charges that count, oldest first, at
// most 1000; that of a failure the tag of its owner, if it has one; that of a
// stamp is empty. The seal makes bit rot, and an entry moved
// or written by somebody without the key, a miss.
//
// An entry counts if its seal is right, created is not in the future, expires
// is, and the time between is not over the limit: Options.TTL for failures, 31
// days else. A failure lives 80 to 100 % of the TTL (the last two bytes of its
// tag say where between), so that what was learned together is not forgotten
// together. The spread goes down only: nothing is believed for longer than the
// administrator said. A hit extends nothing.
//
// Each write first removes, of each kind, up to 32 entries that have expired,
// up to 32 that expire later than they could (the clock was ahead once; charges
// among them are made charges of now instead), and while there are Options.Max or
// more, those that expire first. Charges are never pushed out: when there is no room for one more, Spend reports an error. Only
// Compact makes the file smaller.
//
// # Sharing
//
// A reader holds a shared flock on the file, a writer an exclusive one, and no
// call waits longer than 100 ms for it. Whoever gets the lock asks whether the
// path still names the file it has locked, and opens anew if not. Commits are
// synced to disk, though a lost failure would cost only another attempt: charges
// guard accounts against being locked out, and they share the file. Without
// sync a power failure mixes pages of several ages, which bbolt may answer with
// endless recursion. The price is small, as a write follows an attempt to log in.
//
// # Damage
//
// bbolt trusts its file: a damaged page makes it panic, a file cut short
// while mapped raises SIGBUS, and a circle of pages overflows the stack, which
// nothing can catch. So pages are examined before bbolt sees them, those on the
// way to the entry for a reader, all for a writer (see sound.go; 0.1 ms for 1,000
// entries, 9 ms for 100,000), and panics and faults are caught. A file that is
// damaged or has another format or key is renamed to the same name with ".bad",
// replacing an older one, with its modification time set to now, and the next
// write begins a new one. Renaming needs the exclusive lock and the path still naming the same inode, so that
// nobody removes the fresh file of another. While the ".bad" file is younger than
// the window asked for, Spend grants nothing and reports an error: the charges
// are lost. Removing the ".bad" file says that this is known and fine.
//
// A file one may not open, or that is no regular file, a symbolic link, or open
// to group or others is refused and stays where it is. So does one whose lock
// is not to be had, for 100 ms. An empty file is a new file.
//
// # The policy daemon
//
// Another file is the policy daemon's: a DB, held open by the one process that
// writes to it, with the connection log (LogWriter, DB.QueryLog). What that daemon counts
// is in Windows, in memory, with snapshots. Their formats are told there. A DB is locked,
// examined and set aside as said above; it needs no key.
//
// # What it does not do
//
// The cache file keeps no user, no password, no plain digest, and nothing about right
// passwords. A new policy or back end needs no flush, as it changes the caller's
// keys. It does not protect against somebody who can write the file and puts
// an old copy back, and does not work over a file system without flock.
package cache

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	format     = "1"
	defaultMax = 100_000
	largestMax = 1_000_000 // keeps the file below fileLimit
	longest    = 31 * 24 * time.Hour

	labelFailure = "qguard cache 1 failure"
	labelCharge  = "qguard cache 1 charge"
	labelStamp   = "qguard cache 1 stamp"
	labelOwner   = "qguard cache 1 owner"
	labelEntry   = "qguard cache 1 entry"
	labelFile    = "qguard cache 1 file"
)

// Options say where the cache is and how long and how much it remembers.
type Options struct {
	Path string           // the bbolt file, e.g. /var/lib/qguard/negative.db
	Key  string           // the key file, e.g. /etc/qguard/cache.key
	TTL  time.Duration    // longest life of a remembered failure; none are kept if <= 0
	Max  int              // entries kept of each kind; 0 = 100,000, at most 1,000,000
	Now  func() time.Time // nil = time.Now
	Warn func(error)      // told once per kind of trouble, one line, no secret; nil = silent
}

// A Store is one cache as a process uses it. Its methods may be called from
// several goroutines.
type Store struct {
	o Options

	mu   sync.Mutex
	key  keys            // nil until the key file has been read
	told map[string]bool // kinds of trouble Warn has heard of
}

// New returns a Store; it touches no file.
func New(o Options) *Store {
	if o.Max <= 0 {
		o.Max = defaultMax
	}
	o.Max = min(o.Max, largestMax)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{o: o, told: make(map[string]bool)}
}

// now is the time in milliseconds, as entries hold it.
func (s *Store) now() uint64 {
	return uint64(max(s.o.Now().UnixMilli(), 0))
}

// warn passes err on unless this kind of trouble was told before.
func (s *Store) warn(kind string, err error) {
	s.mu.Lock()
	known := s.told[kind]
	s.told[kind] = true
	s.mu.Unlock()
	if !known && s.o.Warn != nil {
		s.o.Warn(err)
	}
}

// mac is the keyed digest all others are cut from.
func mac(key []byte, label string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(label))
	h.Write([]byte{0})
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// millis rounds d down to what entries can hold.
func millis(d time.Duration) uint64 {
	return uint64(max(d.Milliseconds(), 0))
}
