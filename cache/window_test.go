package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// noon lies on a border of all cells used here.
func noon() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

func addr(s string) Key { return AddressKey(netip.MustParseAddr(s)) }

var tenMinutes = Counter{Kind: 1, Window: 10 * time.Minute}

func TestWindowBorders(t *testing.T) {
	for _, c := range []struct {
		name   string
		window time.Duration
		added  time.Duration // after noon
		asked  time.Duration
		want   int
	}{
		{"at once", 10 * time.Minute, 0, 0, 1},
		{"last moment of a window begun on a border", 10 * time.Minute, 0, 10*time.Minute - time.Millisecond, 1},
		{"a whole window", 10 * time.Minute, 0, 10 * time.Minute, 0},
		{"at the end of its cell: nine tenths", 10 * time.Minute, time.Minute - time.Millisecond, 10*time.Minute - time.Millisecond, 1},
		{"at the end of its cell: nine tenths and a bit", 10 * time.Minute, time.Minute - time.Millisecond, 10 * time.Minute, 0},
		{"in the next cell", 10 * time.Minute, time.Minute, 11*time.Minute - time.Millisecond, 1},
		{"in the next cell, over", 10 * time.Minute, time.Minute, 11 * time.Minute, 0},
		{"an hour", time.Hour, 0, time.Hour - time.Millisecond, 1},
		{"an hour, over", time.Hour, 0, time.Hour, 0},
		{"four hours", 4 * time.Hour, 0, 4*time.Hour - time.Millisecond, 1},
		{"four hours, over", 4 * time.Hour, 0, 4 * time.Hour, 0},
		{"far later", 10 * time.Minute, 0, 1000 * time.Hour, 0},
		{"clock back a little", 10 * time.Minute, 5 * time.Minute, 0, 1},
		{"clock back a lot", 10 * time.Minute, 500 * time.Hour, 0, 1},
		{"too short a window is ten seconds", time.Second, 0, 9 * time.Second, 1},
		{"too short a window is ten seconds, over", time.Second, 0, 10 * time.Second, 0},
		{"parts of a second are rounded up", 10*time.Second + 1, 0, 10 * time.Second, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, k, what := NewWindows(1000), addr("192.0.2.1"), Counter{Kind: 3, Window: c.window}
			from := noon()
			if c.window < time.Minute {
				from = time.Unix(from.Unix()/11*11, 0) // of both 10 and 11 seconds the first cell matters
			}
			if got := w.Add(from.Add(c.added), k, what, 1); got != 1 {
				t.Errorf("add: got %d, want 1", got)
			}
			w.AddMember(from.Add(c.added), k, what, "joe")
			if got := w.Sum(from.Add(c.asked), k, what); got != c.want {
				t.Errorf("sum: got %d, want %d", got, c.want)
			}
			if got := w.Members(from.Add(c.asked), k, what); got != c.want {
				t.Errorf("members: got %d, want %d", got, c.want)
			}
			if got := w.Add(from.Add(c.asked), k, what, 1); got != c.want+1 {
				t.Errorf("add later: got %d, want %d", got, c.want+1)
			}
			if got := w.AddMember(from.Add(c.asked), k, what, "jim"); got != c.want+1 {
				t.Errorf("another member later: got %d, want %d", got, c.want+1)
			}
		})
	}
}

// Windows against a list of times: never more than the window holds, never less than
// its last nine tenths.
func TestWindowOracle(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, window := range []time.Duration{10 * time.Second, 10 * time.Minute, time.Hour, 4 * time.Hour, 31 * 24 * time.Hour} {
		w, k, c := NewWindows(64), addr("2001:db8::1"), Counter{Kind: 127, Window: window}
		now := noon().Add(time.Duration(rnd.Int64N(int64(window))))
		var times []time.Time
		for range 2000 {
			now = now.Add(time.Duration(rnd.ExpFloat64() * float64(window) / 20)).Truncate(time.Millisecond)
			got := w.Add(now, k, c, 1)
			times = append(times, now)
			least, most := 0, 0
			for _, at := range times {
				if age := now.Sub(at); age < window*9/10 {
					least++
					most++
				} else if age < window {
					most++
				}
			}
			if got < least || got > most {
				t.Fatalf("%v: got %d, want %d to %d", window, got, least, most)
			}
			if sum := w.Sum(now, k, c); sum != got {
				t.Fatalf("%v: sum %d after add %d", window, sum, got)
			}
		}
	}
}

func TestWindowClockBack(t *testing.T) {
	w, k := NewWindows(64), addr("192.0.2.1")
	w.Add(noon().Add(1000*time.Hour), k, tenMinutes, 5)
	if got := w.Add(noon(), k, tenMinutes, 1); got != 6 {
		t.Errorf("got %d, want 6: what was counted counts as made now", got)
	}
	if got := w.Sum(noon().Add(10*time.Minute), k, tenMinutes); got != 0 {
		t.Errorf("got %d a window later, want 0", got)
	}
	w.Add(noon().Add(5*time.Minute), k, tenMinutes, 1)
	for i := range 100 { // two clocks on both sides of a border
		w.Add(noon().Add(time.Duration(5-i%2)*time.Minute), k, tenMinutes, 1)
	}
	if got := w.Sum(noon().Add(15*time.Minute-time.Millisecond), k, tenMinutes); got != 101 {
		t.Errorf("got %d, want 101", got)
	}
}

func TestWindowCounts(t *testing.T) {
	w, k := NewWindows(64), addr("192.0.2.1")
	hour := Counter{Kind: 1, Window: time.Hour}
	w.Add(noon(), k, tenMinutes, 3)
	w.Add(noon(), k, tenMinutes, -2)
	if got := w.Sum(noon(), k, hour); got != 0 {
		t.Errorf("another window of the same kind: got %d", got)
	}
	if got := w.Sum(noon(), k, Counter{Kind: 2, Window: 10 * time.Minute}); got != 0 {
		t.Errorf("another kind: got %d", got)
	}
	if got := w.Sum(noon(), addr("192.0.2.2"), tenMinutes); got != 0 {
		t.Errorf("another key: got %d", got)
	}
	if got := w.Members(noon(), k, tenMinutes); got != 0 {
		t.Errorf("members of a sum: got %d", got)
	}
	if got := w.Add(noon(), k, tenMinutes, 1_000_000); got != 65535 {
		t.Errorf("a full cell: got %d", got)
	}
	if got := w.Add(noon().Add(time.Minute), k, tenMinutes, 1); got != 65536 {
		t.Errorf("after a full cell: got %d", got)
	}
	w.Forget(k)
	if got := w.Sum(noon(), k, tenMinutes); got != 0 || w.Len() != 0 {
		t.Errorf("forgotten: got %d, %d keys", got, w.Len())
	}
	w.Forget(k)
}

func TestWindowMembers(t *testing.T) {
	w, k := NewWindows(64), addr("192.0.2.1")
	now := noon()
	for i := range 200 {
		for range 2 { // again is not another
			want := min(i+1, 64)
			if got := w.AddMember(now, k, tenMinutes, fmt.Sprint("user", i)); got != want {
				t.Fatalf("user%d: got %d, want %d", i, got, want)
			}
		}
	}
	if !w.HasMember(now, k, tenMinutes, "user199") || w.HasMember(now, k, tenMinutes, "user200") {
		t.Error("HasMember errs")
	}
	// One seen again stays, the others go.
	w.AddMember(now.Add(5*time.Minute), k, tenMinutes, "user199")
	if got := w.Members(now.Add(10*time.Minute), k, tenMinutes); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
	if got := w.AddMember(now.Add(15*time.Minute), k, tenMinutes, "user1"); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
	// When full, the one seen longest ago goes.
	w.Forget(k)
	w.AddMember(now, k, tenMinutes, "old")
	for i := range 63 {
		w.AddMember(now.Add(time.Minute), k, tenMinutes, fmt.Sprint("user", i))
	}
	w.AddMember(now.Add(2*time.Minute), k, tenMinutes, "new")
	if w.HasMember(now.Add(2*time.Minute), k, tenMinutes, "old") || !w.HasMember(now.Add(2*time.Minute), k, tenMinutes, "user0") {
		t.Error("not the oldest went")
	}
}

func TestWindowStamps(t *testing.T) {
	w := NewWindows(64)
	a := netip.MustParseAddr("192.0.2.1")
	k := PairKey(a, "joe")
	if !w.Last(k).IsZero() {
		t.Error("stamped before it was")
	}
	w.Stamp(noon(), k)
	w.Stamp(noon().Add(1500*time.Millisecond), k)
	if got := w.Last(k); !got.Equal(noon().Add(time.Second)) {
		t.Errorf("got %v", got)
	}
	for _, other := range []Key{PairKey(a, "jim"), PairKey(a.Next(), "joe"), AddressKey(a), PairKey(a, "")} {
		if !w.Last(other).IsZero() {
			t.Error("another key is stamped")
		}
	}
}

func TestWindowKeys(t *testing.T) {
	same := [][2]string{
		{"192.0.2.1", "::ffff:192.0.2.1"},
		{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"},
		{"fe80::1%eth0", "fe80::2"},
	}
	for _, s := range same {
		if addr(s[0]) != addr(s[1]) {
			t.Errorf("%s and %s differ", s[0], s[1])
		}
	}
	different := [][2]string{{"192.0.2.1", "192.0.2.2"}, {"2001:db8::", "2001:db8:0:1::"}, {"::1", "0.0.0.1"}, {"::", "0.0.0.0"}}
	for _, s := range different {
		if addr(s[0]) == addr(s[1]) {
			t.Errorf("%s and %s are one", s[0], s[1])
		}
	}
	AddressKey(netip.Addr{})
}

func TestWindowBound(t *testing.T) {
	w := NewWindows(640)
	busy := addr("192.0.2.1")
	for i := range 100_000 {
		w.Add(noon(), busy, tenMinutes, 1)
		w.Add(noon(), number(i), tenMinutes, 1)
		w.AddMember(noon(), number(i), tenMinutes, "joe")
		w.AddMember(noon(), number(i%7), tenMinutes, fmt.Sprint(i)) // a set of 64 in each of seven keys
	}
	if n := w.Len(); n > 640 || n < 300 {
		t.Errorf("%d keys, want at most 640", n)
	}
	if got := w.Sum(noon(), busy, tenMinutes); got != 65535 {
		t.Errorf("one always written to: got %d", got)
	}
	for i := range w.shards {
		s := &w.shards[i]
		if s.blocks.used() > s.mostBlocks || int(s.subjects.last) > s.most || int(s.blocks.last) > s.mostBlocks {
			t.Errorf("shard %d: %d blocks, %d subjects", i, s.blocks.last, s.subjects.last)
		}
		soundTable(t, s.table)
	}
}

// The oldest goes, not another.
func TestWindowOldest(t *testing.T) {
	tab := newTable(3)
	now := noon()
	enter := func(i int) { tab.counter(tab.touch(number(i), uint64(i), now), tenMinutes.spec(), now).cell[0]++ }
	has := func(want ...int) {
		t.Helper()
		for i := range 10 {
			if got := tab.find(number(i), uint64(i)) != 0; got != bytes.Contains(asBytes(want), []byte{byte(i)}) {
				t.Errorf("key %d: %v", i, got)
			}
		}
		soundTable(t, tab)
	}
	for i := range 3 {
		enter(i)
	}
	has(0, 1, 2)
	enter(0)
	enter(3)
	has(0, 2, 3)
	enter(2)
	enter(4)
	has(2, 3, 4)
	now = now.Add(time.Hour) // all are over: the two oldest go
	enter(5)
	has(4, 5)
}

func asBytes(list []int) (b []byte) {
	for _, i := range list {
		b = append(b, byte(i))
	}
	return b
}

// More counters of one key than there is room for are not counted, and no harm.
func TestWindowNoRoom(t *testing.T) {
	w, k := NewWindows(1), addr("192.0.2.1")
	for i := range 200 {
		c := Counter{Kind: byte(i % 128), Window: time.Duration(100+i) * time.Second}
		if w.Add(noon(), k, c, 1) != 1 || w.AddMember(noon(), k, c, "joe") != 1 {
			t.Errorf("counter %d", i)
		}
	}
}

func TestWindowRace(t *testing.T) {
	w := NewWindows(1000)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				k := number(i % 50)
				w.Add(noon(), k, tenMinutes, 1)
				w.Sum(noon(), k, tenMinutes)
				w.AddMember(noon(), k, tenMinutes, fmt.Sprint(i%5))
				w.Members(noon(), k, tenMinutes)
				w.Stamp(noon(), k)
				w.Last(k)
				if g == 0 && i%500 == 0 {
					w.Snapshot(io.Discard)
				}
			}
		})
	}
	all.Wait()
	for i := range 50 {
		if sum, n := w.Sum(noon(), number(i), tenMinutes), w.Members(noon(), number(i), tenMinutes); sum != 320 || n != 1 {
			t.Errorf("key %d: got %d, %d, want 320, 1", i, sum, n)
		}
	}
}

// soundTable checks lists, chains and counts of a table.
func soundTable(t *testing.T, tab *table) {
	t.Helper()
	n, blocks, last := 0, 0, uint32(0)
	for i := tab.oldest; i != 0; i = tab.subjects.at(i).newer {
		s := tab.subjects.at(i)
		if n++; s.older != last {
			t.Fatal("the list of ages is broken")
		}
		for j := s.first; j != 0; j = tab.blocks.at(j).next {
			blocks++
		}
		last = i
	}
	chained := 0
	for _, i := range tab.heads {
		for ; i != 0; i = tab.subjects.at(i).next {
			chained++
		}
	}
	if n != tab.n || chained != n || tab.subjects.used() != n || tab.blocks.used() != blocks || tab.newest != last {
		t.Fatalf("%d subjects: %d listed, %d chained, %d used; %d blocks of %d", tab.n, n, chained, tab.subjects.used(), blocks, tab.blocks.used())
	}
}

// number is a key of its own for each i.
func number(i int) (k Key) {
	binary.BigEndian.PutUint64(k[:], uint64(i))
	k[15] = 1
	return k
}

// filled has n keys with three counters, a set and a stamp now and then.
func filled(n int, now time.Time) *Windows {
	w := NewWindows(n + n/16 + 6400)
	for i := range n {
		for kind := range byte(3) {
			w.Add(now, number(i), Counter{Kind: kind, Window: 10 * time.Minute}, i%100+1)
		}
		if i%10 == 0 {
			w.AddMember(now, number(i), tenMinutes, "joe")
			w.AddMember(now, number(i), tenMinutes, "jim")
			w.AddMember(now, number(i), tenMinutes, "jon")
			w.Stamp(now, number(i))
		}
	}
	return w
}

func TestSnapshot(t *testing.T) {
	now := noon()
	w := filled(1000, now)
	var two bytes.Buffer
	if err := errors.Join(w.Snapshot(&two), filled(5, now).Snapshot(&two)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "windows")
	if err := LoadWindows(path, NewWindows(1)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for range 2 {
		if err := SaveWindows(path, w, filled(5, now)); err != nil {
			t.Fatal(err)
		}
	}
	if data, _ := os.ReadFile(path); len(data) != two.Len() {
		t.Errorf("%d bytes in the file, want %d", len(data), two.Len())
	}
	got, second := NewWindows(6400), NewWindows(6400)
	got.Add(now, addr("192.0.2.1"), tenMinutes, 1)
	if err := LoadWindows(path, got, second); err != nil {
		t.Fatal(err)
	}
	if got.Len() != 1000 || second.Len() != 5 {
		t.Errorf("%d and %d keys", got.Len(), second.Len())
	}
	for i := range 1000 {
		k := number(i)
		for kind := range byte(3) {
			if n := got.Sum(now, k, Counter{Kind: kind, Window: 10 * time.Minute}); n != i%100+1 {
				t.Fatalf("key %d: got %d, want %d", i, n, i%100+1)
			}
		}
		if n := got.Members(now, k, tenMinutes); n != w.Members(now, k, tenMinutes) {
			t.Errorf("key %d: %d members", i, n)
		}
		if !got.Last(k).Equal(w.Last(k)) {
			t.Errorf("key %d: stamp %v", i, got.Last(k))
		}
	}
	if got.HasMember(now, number(10), tenMinutes, "jack") || !got.HasMember(now, number(10), tenMinutes, "jim") {
		t.Error("other members")
	}
	for i := range got.shards {
		soundTable(t, got.shards[i].table)
	}
}

// After a restart the oldest still go first, though shards are others.
func TestSnapshotOrder(t *testing.T) {
	w := NewWindows(6400)
	for i := range 6000 {
		w.Add(noon().Add(time.Duration(i)*time.Second), number(i), tenMinutes, 1)
	}
	var buf bytes.Buffer
	w.Snapshot(&buf)
	got := NewWindows(6400)
	if err := got.Restore(&buf); err != nil {
		t.Fatal(err)
	}
	for i := range got.shards {
		s, last := got.shards[i].table, uint32(0)
		for i := s.oldest; i != 0; i = s.subjects.at(i).newer {
			base := s.blocks.at(s.subjects.at(i).first).base
			if base < last {
				t.Fatal("out of order")
			}
			last = base
		}
		soundTable(t, s)
	}
}

func TestSnapshotDamaged(t *testing.T) {
	var buf bytes.Buffer
	filled(20, noon()).Snapshot(&buf)
	w := NewWindows(1920)
	w.Add(noon(), addr("192.0.2.1"), tenMinutes, 7)
	tryOn := func(what string, data []byte) {
		t.Helper()
		if err := w.Restore(bytes.NewReader(data)); err == nil {
			t.Errorf("%s: restored", what)
		}
		if w.Sum(noon(), addr("192.0.2.1"), tenMinutes) != 7 || w.Len() != 1 {
			t.Fatalf("%s: changed what was there", what)
		}
	}
	for n := range buf.Len() {
		tryOn(fmt.Sprintf("cut at %d", n), buf.Bytes()[:n])
	}
	for n := range buf.Len() {
		bad := bytes.Clone(buf.Bytes())
		bad[n] ^= 0x10
		tryOn(fmt.Sprintf("byte %d", n), bad)
	}
	if err := w.Restore(&buf); err != nil || w.Len() != 20 {
		t.Errorf("the sound one: %v, %d keys", err, w.Len())
	}
}

// FuzzRestore: no snapshot may do harm, and what is taken can be saved again.
func FuzzRestore(f *testing.F) {
	var buf bytes.Buffer
	filled(20, noon()).Snapshot(&buf)
	f.Add(buf.Bytes())
	f.Add([]byte(snapshotMagic + "\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w := NewWindows(64)
		if w.Restore(bytes.NewReader(data)) != nil {
			// With the sum made right more of it is looked at.
			if w.Restore(bytes.NewReader(summed(data))) != nil {
				return
			}
		}
		for i := range w.shards {
			soundTable(t, w.shards[i].table)
		}
		for i := range 20 {
			w.Add(noon(), number(i), tenMinutes, 1)
			w.AddMember(noon(), number(i), tenMinutes, "joe")
		}
		var again bytes.Buffer
		if err := w.Snapshot(&again); err != nil {
			t.Fatal(err)
		}
		if err := NewWindows(64).Restore(&again); err != nil {
			t.Fatal(err)
		}
	})
}

// summed gives data the end of a snapshot.
func summed(data []byte) []byte {
	data = append(bytes.Clone(data), 0xff, 0xff)
	return binary.BigEndian.AppendUint32(data, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
}

// TestWindowMemory measures a process of its own with keys of three counters
// each. CACHE_TEST_KEYS=1000000 makes it the million of the goal, and holds it to
// 200 MB; not with -race, which doubles memory.
func TestWindowMemory(t *testing.T) {
	if n := NewWindows(1 << 20).Bytes(); n > 160<<20 {
		t.Errorf("a million keys take %d MB, want at most 160", n>>20)
	}
	keys, _ := strconv.Atoi(os.Getenv("CACHE_TEST_KEYS"))
	out, err := child(newRoom(t), "windows", max(keys, 20_000)).Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(strings.TrimSpace(string(out)))
	var rss int
	if _, err := fmt.Sscanf(string(out), "RSS %d MB", &rss); err != nil || keys > 0 && rss > 200 {
		t.Errorf("RSS %d MB, want at most 200 (%v)", rss, err)
	}
}

var garbage []byte

// million fills Windows as the child of TestWindowMemory and prints what it took.
func million(n int) int {
	begun := cpu()
	w := NewWindows(1 << 20)
	debug.SetMemoryLimit(w.Bytes() + 32<<20)
	for i := range n {
		for kind := range byte(3) {
			w.Add(noon(), number(i), Counter{Kind: kind, Window: 10 * time.Minute}, 1)
		}
	}
	adds := float64(3*n) / (cpu() - begun).Seconds() / 1e6
	filled := memory("VmRSS")
	for range 1_000_000 { // as requests do
		garbage = make([]byte, 2000)
	}
	busy := memory("VmRSS")
	path := os.Getenv("CACHE_TEST_DB")
	os.MkdirAll(filepath.Dir(path), 0o700)
	clock := time.Now()
	begun = cpu()
	err := SaveWindows(path, w)
	saved, waited := cpu()-begun, time.Since(clock)
	info, _ := os.Stat(path)
	hwm := memory("VmHWM")
	keys := w.Len()
	w = nil
	runtime.GC()
	begun = cpu()
	w = NewWindows(1 << 20)
	if err := errors.Join(err, LoadWindows(path, w)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Printf("RSS %d MB (%d MB before there was garbage) for %d keys of 3 counters, %d MB while saving; %.1f M adds in a second of CPU; snapshot %d MB in %v (%v CPU), restored in %v CPU\n",
		busy, filled, keys, hwm, adds, info.Size()>>20, waited.Round(time.Millisecond), saved.Round(time.Millisecond), (cpu() - begun).Round(time.Millisecond))
	return 0
}

// memory is a number of MB from /proc/self/status.
func memory(name string) (mb int) {
	data, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			fmt.Sscan(rest, &mb)
		}
	}
	return mb >> 10
}

func BenchmarkWindowRestore(b *testing.B) {
	var buf bytes.Buffer
	filled(1_000_000, noon()).Snapshot(&buf)
	for b.Loop() {
		if err := NewWindows(1 << 20).Restore(bytes.NewReader(buf.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWindowAdd(b *testing.B) {
	w := filled(1_000_000, noon())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.Add(noon(), number(i*7919%1_000_000), tenMinutes, 1)
	}
}

func BenchmarkWindowAddParallel(b *testing.B) {
	w := filled(1_000_000, noon())
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(1000); pb.Next(); i++ {
			w.Add(noon(), number(i*7919%1_000_000), tenMinutes, 1)
		}
	})
}

// BenchmarkWindowFlood is an attacker with an address for each connection.
func BenchmarkWindowFlood(b *testing.B) {
	w := filled(100_000, noon())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.Add(noon(), number(i), tenMinutes, 1)
	}
}

func BenchmarkWindowMembers(b *testing.B) {
	w := NewWindows(1000)
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprint("user", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.AddMember(noon(), number(1), tenMinutes, names[i%100])
	}
}
