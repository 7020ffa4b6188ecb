package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
	"unsafe"
)

// Windows counts in sliding windows: what each of many keys (addresses, pairs of
// address and login) did of late. It is in memory only; Snapshot and Restore
// carry it over a restart. Time comes in with each call, and nothing happens
// between calls: there is no timer.
//
// # What is exact
//
// A counter has ten cells of a tenth of its window each; cells begin at
// multiples of that since 1970. The sum is that of the cell in which now lies and the nine
// before it: what was added counts for at least nine tenths of the window
// and never longer than the whole. So "15/10m" is a window of ten
// minutes moved each minute, "30/1h" one moved every six minutes, "10/4h" every
// 24 minutes. Nothing else is rounded: sums are exact up to 65,535 in one cell,
// where the cell stays. Windows are whole seconds, 10 s to 194 days; others
// are taken up to the next.
//
// Two windows of one kind are two counters: a rule that changes its window begins
// at zero, and the old counter goes when its own window is over.
//
// Distinct members (the logins an address has tried) are exact sets of 64-bit
// digests with the same ten tenths, counted from the last time a member was seen, at
// most 64: a new one then takes the place of the one seen longest ago, and
// 64 means 64 or more.
//
// A clock set back by less than a window: what is added meanwhile counts with
// the latest cell. By more: what was counted counts as made now. Nobody pays for a
// wrong clock longer than one window more.
//
// # Bounds
//
// Keys are bounded. The new one takes the place of the one written to longest
// ago among those of its shard (64 shards, chosen by a seeded hash, so that
// nobody can choose addresses of one shard). Each key written also removes up
// to two such old ones of which nothing counts any more, so that memory follows
// what goes on, up to the bound: 40 bytes a key, 4 of index, 32 a counter or two
// members, and at most three of the latter for each key on average (where keys
// have more, the oldest go earlier). That is 140 bytes a key at most. The garbage
// collector takes it for live and lets as much garbage gather: a program that makes
// any sets its memory limit to Bytes and what else it needs. Collecting is cheap, as there
// are no pointers.
//
// Things of which one kind must not push out the other belong into Windows of
// their own. Anybody can make an address connect and a pair fail; only a right
// password makes a stamp of success.
type Windows struct {
	seed   maphash.Seed
	most   int // keys of a shard
	shards [windowShards]shard
}

const (
	windowShards = 64
	windowCells  = 10
	mostMembers  = 64
	blocksPerKey = 3
	blocksLeast  = 64 // of a shard, so that a key always has room for its own
	stampLife    = 31 * 24 * time.Hour
)

// A Key is whose counters these are. AddressKey and PairKey make one.
type Key [16]byte

// AddressKey is the key of a client: an IPv4 address, mapped or not, or the
// first 64 bits of an IPv6 address.
func AddressKey(a netip.Addr) Key {
	a = a.Unmap()
	if !a.IsValid() {
		return Key{}
	}
	k := Key(a.As16())
	if a.Is6() {
		clear(k[8:])
	}
	return k
}

// PairKey is the key of an address, as in AddressKey, together with a login,
// byte by byte: whoever wants upper and lower case to be one folds it first. It is
// the first 16 bytes of SHA-256(address key || login).
func PairKey(a netip.Addr, login string) Key {
	k := AddressKey(a)
	buf := make([]byte, 0, 128)
	sum := sha256.Sum256(append(append(buf, k[:]...), login...))
	return Key(sum[:16])
}

// A Counter is what is counted of a key, in which window.
type Counter struct {
	Kind   byte // the caller's own number, 0 to 127
	Window time.Duration
}

// memberKind marks a set among the counters.
const memberKind = 0x80

// spec is a counter in four bytes: the kind, and the window in seconds.
func (c Counter) spec() uint32 {
	seconds := (c.Window + time.Second - 1) / time.Second
	return uint32(c.Kind&^memberKind)<<24 | uint32(min(max(seconds, windowCells), 1<<24-1))
}

// slot is the number of the cell that now lies in.
func slot(now time.Time, spec uint32) uint32 {
	width := int64(spec&(1<<24-1)) * (1000 / windowCells)
	return uint32(max(now.UnixMilli(), 0) / width)
}

// NewWindows returns Windows for at most so many keys, rounded up to a multiple
// of 64.
func NewWindows(keys int) *Windows {
	w := &Windows{seed: maphash.MakeSeed(), most: (max(keys, 1) + windowShards - 1) / windowShards}
	for i := range w.shards {
		w.shards[i].table = newTable(w.most)
	}
	return w
}

// A shard is a part of the keys with its lock.
type shard struct {
	mu sync.Mutex
	*table
}

// locked returns the shard of a key, locked, and the key's hash.
func (w *Windows) locked(k Key) (*shard, uint64) {
	h := maphash.Bytes(w.seed, k[:])
	s := &w.shards[h>>58]
	s.mu.Lock()
	return s, h
}

// Add counts n more and returns the sum of the window, these included.
func (w *Windows) Add(now time.Time, k Key, c Counter, n int) (sum int) {
	spec := c.spec()
	at := slot(now, spec)
	s, h := w.locked(k)
	defer s.mu.Unlock()

	b := s.counter(s.touch(k, h, now), spec, now)
	if b == nil {
		return n // more counters of one key than there is room for
	}
	b.roll(at)
	b.cell[0] = uint16(min(int(b.cell[0])+min(max(n, 0), 1<<16), 1<<16-1))
	return b.sum()
}

// Sum returns what the window holds, and changes nothing.
func (w *Windows) Sum(now time.Time, k Key, c Counter) (sum int) {
	spec := c.spec()
	at := slot(now, spec)
	w.each(k, spec, func(b *block) {
		b.roll(at)
		sum += b.sum()
	})
	return sum
}

// AddMember notes that a member was seen and returns how many different ones the
// window holds, this one included; 64 means 64 or more. Members and sums of one
// Counter do not meet.
func (w *Windows) AddMember(now time.Time, k Key, c Counter, member string) (distinct int) {
	spec := c.spec() | memberKind<<24
	at := slot(now, spec)
	id := memberID(member)
	s, h := w.locked(k)
	defer s.mu.Unlock()
	return s.addMember(s.touch(k, h, now), spec, at, id, now)
}

// Members returns how many different members the window holds, 64 at most, and
// changes nothing.
func (w *Windows) Members(now time.Time, k Key, c Counter) (distinct int) {
	spec := c.spec() | memberKind<<24
	at := slot(now, spec)
	w.each(k, spec, func(b *block) {
		b.rollMembers(at)
		distinct += b.members()
	})
	return distinct
}

// HasMember reports whether the window holds this member: one seen before makes
// no new one.
func (w *Windows) HasMember(now time.Time, k Key, c Counter, member string) (found bool) {
	spec := c.spec() | memberKind<<24
	at := slot(now, spec)
	id := memberID(member)
	w.each(k, spec, func(b *block) {
		b.rollMembers(at)
		for i := 0; i < windowCells; i += memberCells {
			found = found || b.id(i) == id
		}
	})
	return found
}

// each shows copies of the blocks of one counter.
func (w *Windows) each(k Key, spec uint32, do func(*block)) {
	s, h := w.locked(k)
	defer s.mu.Unlock()
	i := s.find(k, h)
	if i == 0 {
		return
	}
	for j := s.subjects.at(i).first; j != 0; {
		b := *s.blocks.at(j)
		if j = b.next; b.spec == spec {
			do(&b)
		}
	}
}

// Stamp notes that it happened now (that a login succeeded), to the second. A
// stamp is kept for 31 days, if there is room.
func (w *Windows) Stamp(now time.Time, k Key) {
	s, h := w.locked(k)
	defer s.mu.Unlock()
	s.subjects.at(s.touch(k, h, now)).stamp = stampOf(now)
}

// Last returns when the key was stamped last; zero = never, or nobody knows.
func (w *Windows) Last(k Key) time.Time {
	s, h := w.locked(k)
	defer s.mu.Unlock()
	i := s.find(k, h)
	if i == 0 || s.subjects.at(i).stamp == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s.subjects.at(i).stamp), 0)
}

// Forget removes all that is known of a key.
func (w *Windows) Forget(k Key) {
	s, h := w.locked(k)
	defer s.mu.Unlock()
	if i := s.find(k, h); i != 0 {
		s.remove(i)
	}
}

// Bytes returns the memory w takes when it is full.
func (w *Windows) Bytes() (n int64) {
	t := newTable(w.most) // all are equal
	n = int64(len(t.heads))*4 + int64(t.most)*int64(unsafe.Sizeof(subject{})) + int64(t.mostBlocks)*int64(unsafe.Sizeof(block{}))
	return n * windowShards
}

// Len returns how many keys there are, those included of which nothing counts any
// more.
func (w *Windows) Len() (n int) {
	for i := range w.shards {
		s := &w.shards[i]
		s.mu.Lock()
		n += s.n
		s.mu.Unlock()
	}
	return n
}

// stampOf is a time in seconds since 1970, good until 2106.
func stampOf(now time.Time) uint32 {
	return uint32(max(now.Unix(), 1))
}

// memberID is a member's digest; 0 stands for none.
func memberID(member string) uint64 {
	sum := sha256.Sum256([]byte(member))
	return max(binary.BigEndian.Uint64(sum[:]), 1)
}
