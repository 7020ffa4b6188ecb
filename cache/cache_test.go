package cache

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A room is a cache in a directory of its own, with a clock to turn and an ear
// for warnings.
type room struct {
	t    testing.TB
	path string
	key  string

	mu    sync.Mutex
	now   time.Time
	warns []string
}

func newRoom(t testing.TB) *room {
	t.Helper()
	dir := t.TempDir()
	return &room{
		t:    t,
		path: filepath.Join(dir, "lib", "negative.db"),
		key:  filepath.Join(dir, "etc", "cache.key"),
		now:  time.UnixMilli(1_800_000_000_000),
	}
}

// store returns a Store as another process would have it, with a TTL of an hour.
func (r *room) store(change ...func(*Options)) *Store {
	o := Options{Path: r.path, Key: r.key, TTL: time.Hour, Now: r.clock, Warn: r.warn}
	for _, c := range change {
		c(&o)
	}
	return New(o)
}

func (r *room) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now.IsZero() { // shared with other processes
		return time.Now()
	}
	return r.now
}

func (r *room) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *room) warn(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warns = append(r.warns, err.Error())
}

// heard checks that the warnings since the last call hold these words, one each.
func (r *room) heard(want ...string) {
	r.t.Helper()
	r.mu.Lock()
	got := r.warns
	r.warns = nil
	r.mu.Unlock()
	if len(got) != len(want) {
		r.t.Errorf("warnings: got %d, want %d: %q", len(got), len(want), got)
		return
	}
	for i, w := range want {
		if !strings.Contains(got[i], w) || strings.Contains(got[i], "\n") {
			r.t.Errorf("warning: got %q, want one line with %q", got[i], w)
		}
	}
}

// works checks that a cache at this path can be used.
func (r *room) works() {
	r.t.Helper()
	s, k := r.store(), []byte("does it work")
	s.RememberFailure(k, nil)
	if !s.Failed(k) {
		r.t.Error("the cache does not work any more")
	}
}

func (r *room) exists(path string) bool {
	r.t.Helper()
	_, err := os.Lstat(path)
	return err == nil
}

// fill puts n failures into the cache, named "fill 0" and so on. It takes larger
// bites than a Store does, but not one: a leaf is not split before the commit.
func fill(t testing.TB, s *Store, n int) {
	t.Helper()
	for from := 0; from < n; from += 1000 {
		err := s.change(func(b *book) error {
			for i := range min(1000, n-from) {
				tag := b.tag(labelFailure, fmt.Appendf(nil, "fill %d", from+i))
				e := entry{created: b.now, expires: b.now + lifetime(millis(s.o.TTL), tag)}
				if err := b.put(kindFailure, tag, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// entries counts what the file holds.
func (r *room) entries(kind byte) int {
	r.t.Helper()
	f, err := os.Open(r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	tree, err := readTree(f)
	if err != nil {
		r.t.Fatal(err)
	}
	n, err := tree.whole()
	if err != nil {
		r.t.Fatal(err)
	}
	return n[kind]
}

func TestRemember(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	a, b := []byte("a"), []byte("b")
	if s.Failed(a) || s.Fresh(a) {
		t.Error("an empty cache knows something")
	}
	if r.exists(r.path) || r.exists(r.key) {
		t.Error("a look-up made a file")
	}
	s.RememberFailure(a, nil)
	s.Stamp(b, time.Hour)
	for _, s := range []*Store{s, r.store()} {
		if !s.Failed(a) || s.Failed(b) {
			t.Error("failures: want a, not b")
		}
		if !s.Fresh(b) || s.Fresh(a) {
			t.Error("stamps: want b, not a")
		}
	}
	for path, mode := range map[string]fs.FileMode{
		r.path: 0o600, r.key: 0o400,
		filepath.Dir(r.path): fs.ModeDir | 0o700, filepath.Dir(r.key): fs.ModeDir | 0o755,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: mode %v, want %v (%v)", path, info.Mode(), mode, err)
		}
	}
	r.heard()
}

func TestNothingRemembered(t *testing.T) {
	for _, ttl := range []time.Duration{0, -time.Hour, time.Microsecond} {
		r := newRoom(t)
		s := r.store(func(o *Options) { o.TTL = ttl })
		s.RememberFailure([]byte("a"), nil)
		s.Stamp([]byte("a"), ttl)
		if s.Failed([]byte("a")) || s.Fresh([]byte("a")) || r.exists(r.path) {
			t.Errorf("TTL %s: something was remembered", ttl)
		}
	}
}

func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration
		ttl   time.Duration
		want  bool
	}{
		{"at once", 0, time.Hour, true},
		{"within the shortest life", 48*time.Minute - time.Millisecond, time.Hour, true},
		{"after the longest life", time.Hour, time.Hour, false},
		{"long after", 1000 * time.Hour, time.Hour, false},
		{"clock set back", -time.Millisecond, time.Hour, false},
		{"clock set back for years", -20000 * time.Hour, time.Hour, false},
		{"TTL lowered since", time.Minute, 30 * time.Minute, false},
		{"TTL raised since", time.Hour, 2 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom(t)
			k := []byte("pair")
			r.store().RememberFailure(k, nil)
			for range 3 { // a hit does not extend
				r.pass(c.after / 3)
				r.store().Failed(k)
			}
			r.pass(c.after % 3)
			if got := r.store(func(o *Options) { o.TTL = c.ttl }).Failed(k); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			r.heard()
		})
	}
}

func TestLifetime(t *testing.T) {
	for _, ttl := range []uint64{1, 2, 1000, 3_600_000, 86_400_000} {
		tag := make([]byte, tagSize)
		shortest, longest := ttl, uint64(0)
		for i := range 0x10000 {
			binary.BigEndian.PutUint16(tag[tagSize-2:], uint16(i))
			l := lifetime(ttl, tag)
			shortest, longest = min(shortest, l), max(longest, l)
		}
		if longest != ttl || shortest != ttl-ttl/5 {
			t.Errorf("TTL %d: lives of %d to %d", ttl, shortest, longest)
		}
	}
}

func TestStamp(t *testing.T) {
	for _, c := range []struct {
		name        string
		life, after time.Duration
		want        bool
	}{
		{"at once", time.Minute, 0, true},
		{"just before the end", time.Minute, time.Minute - time.Millisecond, true},
		{"at the end", time.Minute, time.Minute, false},
		{"clock set back", time.Minute, -time.Millisecond, false},
		{"longer than possible, before", 1000 * time.Hour, 31*24*time.Hour - 1, true},
		{"longer than possible, after", 1000 * time.Hour, 31 * 24 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom(t)
			r.store().Stamp([]byte("canary"), c.life)
			r.pass(c.after)
			if got := r.store().Fresh([]byte("canary")); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			r.heard()
		})
	}
}

func TestOldestGoFirst(t *testing.T) {
	r := newRoom(t)
	s := r.store(func(o *Options) { o.Max = 20 })
	key := func(i int) []byte { return fmt.Appendf(nil, "pair %d", i) }
	for i := range 50 {
		s.RememberFailure(key(i), nil)
		r.pass(13 * time.Minute) // more than the spread of lives
		s.Stamp(key(i), time.Minute)
	}
	if n := r.entries(kindFailure); n > 20 {
		t.Errorf("%d failures, want 20 at most", n)
	}

	r = newRoom(t)
	s = r.store(func(o *Options) { o.Max, o.TTL = 20, 24*time.Hour })
	fill(t, r.store(func(o *Options) { o.TTL = 24 * time.Hour }), 100) // Max was larger once
	r.pass(6 * time.Hour)
	for i := range 30 {
		s.RememberFailure(key(i), nil)
		if !s.Failed(key(i)) {
			t.Fatalf("pair %d: pushed out by itself", i)
		}
	}
	if n := r.entries(kindFailure); n != 20 {
		t.Errorf("%d failures, want 20", n)
	}
	for i := range 100 {
		if s.Failed(fmt.Appendf(nil, "fill %d", i)) {
			t.Errorf("the old entry %d outlived newer ones", i)
		}
	}
	r.heard()
}

func TestExpiredAreRemoved(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	fill(t, s, 100)
	for i := range 40 {
		s.Stamp(fmt.Appendf(nil, "%d", i), time.Minute)
	}
	r.pass(2 * time.Hour)
	for range 4 {
		s.RememberFailure([]byte("a"), nil)
	}
	if f, c := r.entries(kindFailure), r.entries(kindStamp); f != 1 || c != 0 {
		t.Errorf("%d failures, %d stamps, want 1 and 0", f, c)
	}
}

// Entries made while the clock was wrong must not stay for ever, nor push out others.
func TestClockWasAhead(t *testing.T) {
	r := newRoom(t)
	s := r.store(func(o *Options) { o.Max = 30 })
	r.pass(100 * 24 * time.Hour)
	fill(t, s, 30)
	s.Spend([]byte("u"), 3, time.Hour)
	s.Stamp([]byte("s"), time.Hour)
	r.pass(-100 * 24 * time.Hour)
	for i := range 10 {
		s.RememberFailure(fmt.Appendf(nil, "pair %d", i), nil)
	}
	for i := range 10 {
		if !s.Failed(fmt.Appendf(nil, "pair %d", i)) {
			t.Errorf("pair %d was pushed out", i)
		}
	}
	if f, c, m := r.entries(kindFailure), r.entries(kindCharge), r.entries(kindStamp); f != 10 || c != 1 || m != 0 {
		t.Errorf("%d failures, %d charges, %d stamps, want 10, 1, 0", f, c, m)
	}
	spend := func(want bool) {
		t.Helper()
		if ok, err := s.Spend([]byte("u"), 1, time.Hour); ok != want || err != nil {
			t.Errorf("got %v, %v, want %v: the charge counts for one window", ok, err, want)
		}
	}
	spend(false)
	r.pass(time.Hour)
	spend(true)
	r.heard()
}

// The package comment is the specification; this reads a file by it alone.
func TestFormat(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	key := bytes.Repeat([]byte("k"), 40)
	os.Mkdir(filepath.Dir(r.key), 0o755)
	if err := os.WriteFile(r.key, key, 0o400); err != nil {
		t.Fatal(err)
	}
	s.RememberFailure([]byte("pair"), nil)
	s.RememberFailure([]byte("other pair"), []byte("its user"))
	s.Spend([]byte("user"), 3, time.Hour)
	r.pass(time.Second)
	s.Spend([]byte("user"), 3, time.Hour)
	s.Stamp([]byte("canary"), time.Minute)

	digest := func(label, rest string) string {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(label + "\x00" + rest))
		return string(h.Sum(nil))
	}
	num := func(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }
	want := map[string]map[string]string{
		"meta":    {"format": "1", "check": digest("qguard cache 1 file", "")[:16]},
		"entries": {}, "expiry": {},
	}
	add := func(kind, tag string, created, expires uint64, body string) {
		v := num(created) + num(expires) + body
		want["entries"][kind+tag] = v + digest("qguard cache 1 entry", kind+tag+v)[:8]
		want["expiry"][kind+num(expires)+tag] = ""
	}
	const t0, hour = 1_800_000_000_000, 3_600_000
	f := digest("qguard cache 1 failure", "pair")[:16]
	add("f", f, t0, t0+lifetime(hour, []byte(f)), "")
	f = digest("qguard cache 1 failure", "other pair")[:16]
	add("f", f, t0, t0+lifetime(hour, []byte(f)), digest("qguard cache 1 owner", "its user")[:16])
	add("c", digest("qguard cache 1 charge", "user")[:16], t0+1000, t0+1000+hour, num(t0)+num(t0+1000))
	add("s", digest("qguard cache 1 stamp", "canary")[:16], t0+1000, t0+61000, "")

	db, err := bolt.Open(r.path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			got := make(map[string]string)
			b.ForEach(func(k, v []byte) error { got[string(k)] = string(v); return nil })
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want[string(name)]) {
				t.Errorf("%s:\n got %q\nwant %q", name, got, want[string(name)])
			}
			delete(want, string(name))
			return nil
		})
	})
	if err != nil || len(want) != 0 {
		t.Errorf("missing buckets %v (%v)", want, err)
	}
}

func TestNoSecretInFiles(t *testing.T) {
	r := newRoom(t)
	const marker = "Xy7-markerpassword-alice"
	key := []byte("realm\x00alice@example.org\x00" + marker)
	s := r.store()
	s.RememberFailure(key, nil)
	s.Stamp(key, time.Hour)
	s.Spend(key, 5, time.Hour)
	os.Truncate(r.path, 9000)
	s.Failed(key)
	_, err := s.Spend(key, 5, time.Hour)
	s.RememberFailure(key, nil)
	out := strings.Join(r.warns, "\n") + fmt.Sprint(err)

	secret, _ := os.ReadFile(r.key)
	files := 0
	filepath.WalkDir(filepath.Dir(r.path), func(path string, d fs.DirEntry, err error) error {
		if data, err := os.ReadFile(path); err == nil {
			out += string(data)
			files++
		}
		return nil
	})
	if files != 2 {
		t.Errorf("%d files, want the cache and the one set aside", files)
	}
	for _, word := range []string{marker, "alice", "markerpassword", string(key), string(secret), string(secret[:16])} {
		sum := sha256.Sum256([]byte(word))
		for _, form := range []string{word, base64.StdEncoding.EncodeToString([]byte(word)), hex.EncodeToString([]byte(word)), string(sum[:])} {
			if strings.Contains(out, form) {
				t.Errorf("%q is in what was written", form)
			}
		}
	}
}
