package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// grant spends and checks the answer.
func grant(t *testing.T, s *Store, charges []Charge, want int) {
	t.Helper()
	if full, err := s.SpendAll(charges); full != want || err != nil {
		t.Errorf("got %d, %v, want %d", full, err, want)
	}
}

func TestSpendAll(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	user := Charge{Key: []byte("user"), Limit: 2, Window: time.Hour}
	site := Charge{Key: []byte("site"), Limit: 3, Window: time.Minute}
	look := Charge{Key: []byte("site"), Limit: 1, Window: time.Minute, Look: true}
	both := []Charge{user, site}
	grant(t, s, nil, -1)
	grant(t, s, []Charge{look}, -1)
	grant(t, s, both, -1)
	grant(t, s, []Charge{look}, 0)
	grant(t, s, []Charge{user, look}, 1)
	grant(t, s, both, -1)
	grant(t, s, both, 0)
	grant(t, s, []Charge{site}, -1) // the refusals were charged to nobody
	grant(t, s, []Charge{site}, 0)
	s.Refund(both)
	grant(t, s, both, -1)
	grant(t, s, both, 0)
	s.Refund(both)
	s.Refund(both)
	s.Refund(both)
	grant(t, s, []Charge{{Key: []byte("none"), Window: time.Hour}, user}, 0)
	if n := r.entries(kindCharge); n != 0 {
		t.Errorf("%d entries, want none", n)
	}
	r.pass(time.Minute)
	grant(t, s, both, -1)
	if _, err := s.SpendAll([]Charge{user, {Key: []byte("x"), Limit: 1001, Window: time.Hour}}); err == nil {
		t.Error("no error for a limit that cannot be kept")
	}
	r.heard()
}

// A clock set back costs one window, also those who are charged second.
func TestSpendAllClock(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	a, b := Charge{Key: []byte("a"), Limit: 1, Window: time.Hour}, Charge{Key: []byte("b"), Limit: 1, Window: time.Hour}
	grant(t, s, []Charge{a, b}, -1)
	r.pass(-100 * time.Hour)
	grant(t, s, []Charge{a, b}, 0)
	r.pass(time.Hour)
	grant(t, s, []Charge{a, b}, -1)
}

func TestFlush(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	charge := Charge{Key: []byte("u"), Limit: 1, Window: time.Hour}
	begin := func() {
		for i := range 5 {
			s.RememberFailure(fmt.Appendf(nil, "a%d", i), []byte("a"))
			s.RememberFailure(fmt.Appendf(nil, "b%d", i), []byte("b"))
		}
		s.RememberFailure([]byte("c"), nil)
		s.Stamp([]byte("canary"), time.Hour)
	}
	flushed := func(n int, err error, want int) {
		t.Helper()
		if n != want || err != nil {
			t.Errorf("flushed %d, %v, want %d", n, err, want)
		}
	}
	n, err := s.Flush(nil)
	flushed(n, err, 0)
	if r.exists(r.path) {
		t.Error("flushing makes a file")
	}
	begin()
	grant(t, s, []Charge{charge}, -1)
	n, err = s.Flush([]byte("a"))
	flushed(n, err, 5)
	n, err = s.Flush([]byte("nobody"))
	flushed(n, err, 0)
	if s.Failed([]byte("a1")) || !s.Failed([]byte("b1")) || !s.Failed([]byte("c")) {
		t.Error("not those of one owner")
	}
	n, err = s.Flush(nil)
	flushed(n, err, 7)
	if s.Failed([]byte("b1")) || s.Fresh([]byte("canary")) {
		t.Error("not everything")
	}
	grant(t, s, []Charge{charge}, 0) // charges stay
	n, err = s.FlushCharges([]byte("v"))
	flushed(n, err, 0)
	n, err = s.FlushCharges([]byte("u"))
	flushed(n, err, 1)
	grant(t, s, []Charge{charge}, -1)
	n, err = s.FlushCharges(nil)
	flushed(n, err, 1)
	fill(t, s, adminMost+7)
	n, err = s.Flush(nil)
	flushed(n, err, adminMost+7)
	r.works()
	r.heard()
}

func TestStats(t *testing.T) {
	r := newRoom(t)
	s := r.store(func(o *Options) { o.Max = 50 })
	if _, err := s.Stats(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	first := r.clock()
	s.RememberFailure([]byte("a"), nil)
	r.pass(40 * time.Minute)
	s.RememberFailure([]byte("b"), []byte("u"))
	s.Stamp([]byte("x"), time.Minute)
	s.Spend([]byte("u"), 1, time.Hour)
	r.pass(25 * time.Minute)
	st, err := s.Stats()
	info, _ := os.Stat(r.path)
	want := Stats{
		Failures: Kind{Entries: 2, Expired: 1, Oldest: first, Newest: first.Add(40 * time.Minute)},
		Charges:  Kind{Entries: 1, Oldest: first.Add(40 * time.Minute), Newest: first.Add(40 * time.Minute)},
		Stamps:   Kind{Entries: 1, Expired: 1, Oldest: first.Add(40 * time.Minute), Newest: first.Add(40 * time.Minute)},
		Size:     info.Size(), Max: 50,
	}
	if err != nil || fmt.Sprint(st) != fmt.Sprint(want) {
		t.Errorf("got %v, %v\nwant %v", st, err, want)
	}
	os.Truncate(r.path, 20000)
	if _, err := s.Stats(); err == nil || r.exists(r.path+asideSuffix) {
		t.Errorf("damaged: %v", err)
	}
}

func TestCompact(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	if _, _, err := s.Compact(); !errors.Is(err, fs.ErrNotExist) || r.exists(r.path) {
		t.Errorf("no file: %v", err)
	}
	fill(t, s, 20000)
	s.Spend([]byte("u"), 1, 24*time.Hour)
	r.pass(2 * time.Hour)
	s.RememberFailure([]byte("kept"), []byte("o"))
	os.WriteFile(r.path+compactSuffix, []byte("left by one that was killed"), 0o600)
	reader := r.store()
	reader.Failed([]byte("kept"))
	was, is, err := s.Compact()
	if err != nil || is*10 > was {
		t.Errorf("from %d to %d bytes, %v", was, is, err)
	}
	for _, s := range []*Store{s, reader, r.store()} {
		if !s.Failed([]byte("kept")) {
			t.Error("a failure is lost")
		}
	}
	grant(t, s, []Charge{{Key: []byte("u"), Limit: 1, Window: 24 * time.Hour}}, 0)
	if n := r.entries(kindFailure); n != 1 {
		t.Errorf("%d failures, want 1", n)
	}
	if info, _ := os.Stat(r.path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if n, err := s.Flush([]byte("o")); n != 1 || err != nil {
		t.Errorf("flushed %d, %v", n, err)
	}
	if _, _, err := s.Compact(); err != nil || r.exists(r.path+compactSuffix) || r.exists(r.path+asideSuffix) {
		t.Errorf("again: %v", err)
	}
	r.works()
	r.heard()

	os.Truncate(r.path, 0)
	if was, is, err := s.Compact(); was != 0 || is != 0 || err != nil {
		t.Errorf("empty: %d, %d, %v", was, is, err)
	}
	os.WriteFile(r.path, []byte(strings.Repeat("garbage\n", 9999)), 0o600)
	if _, _, err := s.Compact(); err == nil || !r.exists(r.path+asideSuffix) {
		t.Errorf("damaged: %v", err)
	}
	r.heard("no sound meta page")
}

func TestCompactFull(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	mount(t, r, "1m")
	fill(t, s, 3000)
	if err := os.WriteFile(strings.TrimSuffix(r.path, "negative.db")+"filler", make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	if _, _, err := s.Compact(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
	if r.exists(r.path+compactSuffix) || r.exists(r.path+asideSuffix) || !s.Failed([]byte("fill 1")) {
		t.Error("the old file is not as it was")
	}
	r.heard()
}

// compact keeps the administrator's commands running until it is killed.
func compact() int {
	s, n := childStore()
	for i, end := 0, time.Now().Add(time.Minute); time.Now().Before(end); i++ {
		if _, _, err := s.Compact(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if _, err := s.Stats(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if _, err := s.Flush([]byte("owner " + strconv.Itoa(n))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		s.Stamp(fmt.Appendf(nil, "compacted %d", n), time.Hour)
	}
	return 1
}

// TestKilledCompactor kills compactors while others write: no charge is lost.
func TestKilledCompactor(t *testing.T) {
	r := newRoom(t)
	r.now = time.Time{}
	s := r.store()
	fill(t, s, 2000)
	spent := 0
	for round := range 8 {
		writer, c := child(r, "write", round), child(r, "compact", round)
		for _, p := range []*exec.Cmd{writer, c} {
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
		}
		for end := time.Now().Add(20 * time.Second); !r.store().Fresh(fmt.Appendf(nil, "compacted %d", round)); {
			if time.Now().After(end) {
				t.Fatal("nothing is compacted")
			}
			if ok, err := s.Spend([]byte("mine"), mostCharges, time.Hour); ok && err == nil {
				spent++
			}
		}
		for range round * 5 {
			r.store().Fresh(nil)
		}
		for _, p := range []*exec.Cmd{writer, c} {
			p.Process.Signal(syscall.SIGKILL)
			p.Wait()
		}
		r.entries(kindCharge) // fails on a damaged file
	}
	if r.exists(r.path + asideSuffix) {
		t.Error("the file was set aside")
	}
	if full, err := s.SpendAll([]Charge{{Key: []byte("mine"), Limit: max(1, spent), Window: time.Hour, Look: true}}); full != 0 || err != nil {
		t.Errorf("of %d charges some are lost: %d, %v", spent, full, err)
	}
	if _, _, err := s.Compact(); err != nil || r.exists(r.path+compactSuffix) {
		t.Errorf("afterwards: %v", err)
	}
}
