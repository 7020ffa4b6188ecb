package cache

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// model returns the bytes of a sound file with n failures, a charge and a stamp.
func model(t testing.TB, r *room, n int) []byte {
	t.Helper()
	s := r.store()
	fill(t, s, n)
	for i := range 5 { // a few commits, for a free list
		s.Stamp([]byte{byte(i)}, time.Hour)
	}
	if _, err := s.Spend([]byte("user"), 5, time.Hour); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// survive puts data at the path and uses the cache in every way. No answer may be
// lost, and in the end the cache works.
func survive(t testing.TB, r *room, data []byte) {
	t.Helper()
	os.Remove(r.path + asideSuffix)
	for _, first := range []func(s *Store){
		func(s *Store) { s.Failed([]byte("fill 7")) },
		func(s *Store) { s.RememberFailure([]byte("fill 7"), nil) },
	} {
		if err := os.WriteFile(r.path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := r.store()
		first(s)
		if s.Failed([]byte("never seen")) {
			t.Error("damage made a hit")
		}
		for _, k := range []string{"fill 0", "fill 7", "fill 99", "new"} {
			s.RememberFailure([]byte(k), nil)
			if !s.Failed([]byte(k)) {
				t.Errorf("%s: not remembered after damage: %q", k, r.warns)
			}
		}
		if _, err := s.Spend([]byte("user"), 5, time.Hour); err != nil && !strings.Contains(err.Error(), "are lost") {
			t.Error(err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warns = nil
}

func TestTruncated(t *testing.T) {
	r := newRoom(t)
	data := model(t, r, 300)
	for _, size := range []int{
		0, 1, 15, 16, 79, 80, 4095, 4096, 4097, 8191, 8192, 12288, 16383, 16384, 16385,
		20480, 30000, 40960, len(data) / 2, len(data) - 8192, len(data) - 1,
	} {
		survive(t, r, data[:size])
	}
}

func TestOverwritten(t *testing.T) {
	r := newRoom(t)
	data := model(t, r, 300)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		bad := bytes.Clone(data)
		for range 1 + rnd.IntN(3) {
			page := bad[pageSize*rnd.IntN(len(bad)/pageSize):][:pageSize]
			for i := range page {
				page[i] = byte(rnd.Uint32())
			}
		}
		survive(t, r, bad)
	}
	for range 40 { // as after power failed: a page of another place or age
		bad := bytes.Clone(data)
		from, to := pageSize*rnd.IntN(len(bad)/pageSize), pageSize*rnd.IntN(len(bad)/pageSize)
		copy(bad[to:], data[from:][:pageSize])
		native.PutUint64(bad[to:], uint64(to/pageSize))
		survive(t, r, bad)
	}
}

func TestBitRot(t *testing.T) {
	r := newRoom(t)
	data := model(t, r, 100)
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		bad := bytes.Clone(data)
		for range 1 + rnd.IntN(8) {
			bad[rnd.IntN(len(bad))] ^= 1 << rnd.IntN(8)
		}
		survive(t, r, bad)
	}
}

// remeta edits both meta pages and makes their sums right again.
func remeta(data []byte, edit func(m []byte)) {
	for _, at := range []int{pageHead, pageSize + pageHead} {
		m := data[at:][:metaSize]
		edit(m)
		sum := fnv.New64a()
		sum.Write(m[:56])
		native.PutUint64(m[56:], sum.Sum64())
	}
}

// branches returns where the branch pages are.
func branches(data []byte) (at []int) {
	for i := 2 * pageSize; i < len(data); i += pageSize {
		if native.Uint16(data[i+8:]) == flagBranch && native.Uint64(data[i:]) == uint64(i/pageSize) {
			at = append(at, i)
		}
	}
	return at
}

// Each of these would end the process if bbolt saw it.
func TestDeadly(t *testing.T) {
	r := newRoom(t)
	data := model(t, r, 300)
	newest := func(d []byte) []byte {
		m, err := newestMeta(d[pageHead:][:metaSize], d[pageSize+pageHead:][:metaSize])
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		name string
		edit func(d []byte)
	}{
		{"pages in a circle", func(d []byte) {
			for _, at := range branches(d) {
				for i := range int(native.Uint16(d[at+10:])) {
					native.PutUint64(d[at+pageHead+i*elemSize+8:], uint64(at/pageSize))
				}
			}
		}},
		{"free list said to be missing", func(d []byte) {
			remeta(d, func(m []byte) { native.PutUint64(m[32:], ^uint64(0)) })
		}},
		{"endless free list", func(d []byte) {
			at := native.Uint64(newest(d)[32:]) * pageSize
			native.PutUint16(d[at+10:], freeNone)
			native.PutUint64(d[at+16:], 1<<40)
		}},
		{"pages used and free", func(d []byte) {
			at := native.Uint64(newest(d)[32:]) * pageSize
			native.PutUint16(d[at+10:], 1)
			native.PutUint64(d[at+16:], native.Uint64(newest(d)[16:]))
		}},
		{"more pages than there are", func(d []byte) {
			for _, at := range branches(d) {
				native.PutUint32(d[at+12:], 0xfffffff0)
			}
		}},
		{"root is the free list", func(d []byte) {
			remeta(d, func(m []byte) { copy(m[16:24], m[32:40]) })
		}},
		{"more pages than the file has", func(d []byte) {
			remeta(d, func(m []byte) { native.PutUint64(m[40:], 1<<50) })
		}},
		{"a huge page size", func(d []byte) {
			remeta(d, func(m []byte) { native.PutUint32(m[8:], 1<<31) })
		}},
		{"another page size in one meta page", func(d []byte) {
			remeta(d, func(m []byte) {
				if native.Uint64(m[48:])%2 == 0 {
					native.PutUint32(m[8:], 8192)
				}
			})
		}},
		{"root a branch to itself", func(d []byte) {
			at := native.Uint64(newest(d)[16:]) * pageSize
			native.PutUint16(d[at+8:], flagBranch)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := bytes.Clone(data)
			c.edit(bad)
			if bytes.Equal(bad, data) {
				t.Fatal("nothing was damaged")
			}
			survive(t, r, bad)
			if !r.exists(r.path + asideSuffix) {
				t.Error("not set aside")
			}
		})
	}
}

// A sound file is never taken for a damaged one, however it came about.
func TestNoFalseAlarm(t *testing.T) {
	for seed := range uint64(4) {
		r := newRoom(t)
		rnd := rand.New(rand.NewPCG(7, seed))
		s := r.store(func(o *Options) { o.Max = 40 << (2 * seed) })
		for range 60 {
			err := s.change(func(b *book) error {
				for range 1 + rnd.IntN(60) {
					kind := kinds[rnd.IntN(len(kinds))]
					e := entry{created: b.now, expires: b.now + 1 + rnd.Uint64N(3_600_000)}
					if kind == kindCharge {
						e.body = make([]uint64, rnd.IntN(1<<rnd.IntN(10)))
					}
					tag := b.tag("label", fmt.Append(nil, rnd.IntN(3000)))
					if err := b.put(kind, tag, e); err != nil && !errors.Is(err, errFull) {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			r.pass(time.Duration(rnd.Int64N(int64(5 * time.Minute))))
		}
		if f, m := r.entries(kindFailure), r.entries(kindStamp); f > s.o.Max || m > s.o.Max {
			t.Errorf("%d failures, %d stamps, want %d at most", f, m, s.o.Max)
		}
		r.heard()
	}
}

// One broken meta page is what a crash may leave: the other serves.
func TestOneMetaPage(t *testing.T) {
	for page := range 2 {
		r := newRoom(t)
		data := model(t, r, 10)
		data[page*pageSize+pageHead+20] ^= 1
		os.WriteFile(r.path, data, 0o600)
		if !r.store().Failed([]byte("fill 7")) {
			t.Error("not read")
		}
		r.works()
		r.heard()
	}
}

func TestRottenEntry(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	fill(t, s, 10)
	tag := mustKey(t, s).tag(labelFailure, []byte("fill 7"))
	data, _ := os.ReadFile(r.path)
	for at := 0; ; at++ { // every copy, spent pages too
		i := bytes.Index(data[at:], append([]byte{kindFailure}, tag...))
		if i < 0 {
			break
		}
		at += i
		data[at+entryKey+15] ^= 1 // the last byte of expires
	}
	os.WriteFile(r.path, data, 0o600)
	if s.Failed([]byte("fill 7")) {
		t.Error("a rotten entry is a hit")
	}
	if !s.Failed([]byte("fill 6")) {
		t.Error("its neighbour is a miss")
	}
	r.heard()
	s.RememberFailure([]byte("fill 7"), nil)
	r.heard("broken seal")
	if !s.Failed([]byte("fill 7")) || !r.exists(r.path+asideSuffix) {
		t.Error("a writer built on rot")
	}
}

func mustKey(t testing.TB, s *Store) keys {
	t.Helper()
	k, err := s.secret(true)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Truncating a file under bbolt's mapping raises SIGBUS where it is read next.
func TestTruncatedWhileMapped(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	fill(t, s, 300)
	touch := func(b *bolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error { return nil })
	}

	f, err := s.acquire(false, time.Now().Add(lockWait))
	if err != nil {
		t.Fatal(err)
	}
	err = withBolt(f, true, func(db *bolt.DB) error {
		os.Truncate(r.path, pageSize)
		return db.View(func(tx *bolt.Tx) error { return touch(tx.Bucket(bucketEntries)) })
	})
	release(f)
	if !errors.Is(err, errDamaged) {
		t.Errorf("reading: got %v, want damage", err)
	}

	os.Remove(r.path)
	fill(t, s, 300)
	tries := 0
	err = s.change(func(b *book) error {
		if tries++; tries == 1 {
			os.Truncate(r.path, 2*pageSize)
		}
		return touch(b.entries)
	})
	if err != nil || tries != 2 {
		t.Errorf("writing: %v after %d tries, want a second one on a new file", err, tries)
	}
	r.heard("invalid memory address")
	r.works()
}

// Whoever finds damage must not remove the new file of another who did.
func TestDamageFoundTogether(t *testing.T) {
	r := newRoom(t)
	mustKey(t, r.store())
	os.Mkdir(filepath.Dir(r.path), 0o700)
	for range 10 {
		if err := os.WriteFile(r.path, bytes.Repeat([]byte("x"), 50000), 0o600); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				s, k := r.store(), fmt.Appendf(nil, "pair %d", i)
				s.Failed(k)
				for err := errBusy; errors.Is(err, errBusy); { // on a machine with more to do
					err = s.change(func(b *book) error {
						return b.put(kindFailure, b.tag(labelFailure, k), entry{created: b.now, expires: b.now + 3_000_000})
					})
				}
			})
		}
		all.Wait()
		r.warns = slices.DeleteFunc(r.warns, func(w string) bool { return strings.Contains(w, errBusy.Error()) })
		r.heard("no sound meta page")
		for i := range 8 {
			if !r.store().Failed(fmt.Appendf(nil, "pair %d", i)) {
				t.Errorf("pair %d was removed with somebody's file", i)
			}
		}
		os.Remove(r.path)
	}
}

func FuzzDamagedFile(f *testing.F) {
	r := newRoom(f)
	sound := model(f, r, 150)
	f.Add([]byte(nil), uint32(0), []byte(nil))
	f.Add([]byte("short"), uint32(0), []byte(nil))
	f.Add(sound[:3*pageSize], uint32(0), []byte(nil))
	f.Add(sound[:8*pageSize], uint32(0), []byte(nil))
	for _, at := range branches(sound) {
		f.Add([]byte(nil), uint32(at+8), []byte{2, 0})
		f.Add([]byte(nil), uint32(at+24), []byte{byte(at / pageSize)})
	}
	f.Add([]byte(nil), uint32(pageHead+32), bytes.Repeat([]byte{0xff}, 8))
	// A file of these bytes; or, if there are none, a sound one with a patch and
	// meta pages whose sums agree with it.
	f.Fuzz(func(t *testing.T, file []byte, at uint32, patch []byte) {
		if len(file) == 0 {
			file = bytes.Clone(sound)
			copy(file[int(at)%len(file):], patch)
			remeta(file, func([]byte) {})
		}
		// A room of its own, so that workers do not meet.
		mine := newRoom(t)
		os.Mkdir(filepath.Dir(mine.key), 0o755)
		key, _ := os.ReadFile(r.key)
		os.WriteFile(mine.key, key, 0o400)
		os.Mkdir(filepath.Dir(mine.path), 0o700)
		survive(t, mine, file)
	})
}
