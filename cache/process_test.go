package cache

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary runs itself as the other processes: the job, the cache file, the
// key file and a number are in the environment.
func TestMain(m *testing.M) {
	switch os.Getenv("CACHE_TEST_JOB") {
	case "mix":
		os.Exit(mix())
	case "write":
		os.Exit(write())
	case "compact":
		os.Exit(compact())
	case "rows":
		os.Exit(writeRows())
	case "windows":
		n, _ := strconv.Atoi(os.Getenv("CACHE_TEST_N"))
		os.Exit(million(n))
	}
	os.Exit(m.Run())
}

func child(r *room, job string, n int) *exec.Cmd {
	c := exec.CommandContext(r.t.Context(), os.Args[0])
	c.Env = append(os.Environ(), "CACHE_TEST_JOB="+job, "CACHE_TEST_DB="+r.path, "CACHE_TEST_KEY="+r.key, "CACHE_TEST_N="+strconv.Itoa(n))
	c.Stderr = os.Stderr
	return c
}

func childStore() (*Store, int) {
	n, _ := strconv.Atoi(os.Getenv("CACHE_TEST_N"))
	return New(Options{
		Path: os.Getenv("CACHE_TEST_DB"), Key: os.Getenv("CACHE_TEST_KEY"), TTL: time.Hour,
		Warn: func(err error) {
			if !errors.Is(err, errBusy) {
				fmt.Fprintln(os.Stderr, err)
			}
		},
	}), n
}

// mix does a bit of everything and prints how often Spend said yes. What it does not
// get for the lock it asks again.
func mix() int {
	s, n := childStore()
	granted, refused := 0, 0
	for i := 0; refused < 3; i++ {
		own := fmt.Appendf(nil, "%d %d", n, i)
		s.RememberFailure(own, fmt.Appendf(nil, "owner %d", n))
		s.Failed(own)
		back := []Charge{{Key: []byte("given back"), Limit: 32, Window: time.Hour}, {Key: own, Limit: 1, Window: time.Hour}}
		if full, err := s.SpendAll(back); full < 0 && err == nil {
			s.Refund(back)
		}
		s.Stamp([]byte("canary"), time.Hour)
		switch ok, err := s.Spend([]byte("user"), 100, time.Hour); {
		case err != nil && !errors.Is(err, errBusy):
			fmt.Fprintln(os.Stderr, err)
			return 1
		case ok:
			granted++
		case err == nil:
			refused++
		}
	}
	fmt.Println(granted)
	return 0
}

// write writes until it is killed, or, should nobody do that, for a minute.
func write() int {
	s, n := childStore()
	end := time.Now().Add(time.Minute)
	for i := 0; time.Now().Before(end); i++ {
		s.Stamp(fmt.Appendf(nil, "round %d", n/10), time.Hour)
		s.RememberFailure(fmt.Appendf(nil, "%d %d", n, i), nil)
		s.Spend(fmt.Appendf(nil, "%d", i%50), 500, time.Hour)
	}
	return 1
}

func TestManyProcesses(t *testing.T) {
	r := newRoom(t)
	admin := child(r, "compact", 7)
	if err := admin.Start(); err != nil {
		t.Fatal(err)
	}
	defer admin.Wait()
	defer admin.Process.Kill()
	var all sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for i := range 32 {
		all.Go(func() {
			out, err := child(r, "mix", i).Output()
			granted, _ := strconv.Atoi(strings.TrimSpace(string(out)))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += granted
		})
	}
	all.Wait()
	if total != 100 {
		t.Errorf("%d charges granted, want 100", total)
	}
	r.now = time.Time{}
	if !r.store().Fresh([]byte("canary")) {
		t.Error("the stamp is gone")
	}
	if r.exists(r.path + asideSuffix) {
		t.Error("the file was set aside")
	}
}

func TestKilledWriters(t *testing.T) {
	r := newRoom(t)
	r.now = time.Time{}
	rnd := rand.New(rand.NewPCG(5, 6))
	for round := range 10 {
		var writers []*exec.Cmd
		for i := range 3 {
			c := child(r, "write", 10*round+i)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			writers = append(writers, c)
		}
		// Killed at some moment after one has begun to write.
		for end := time.Now().Add(10 * time.Second); !r.store().Fresh(fmt.Appendf(nil, "round %d", round)); {
			if time.Now().After(end) {
				t.Fatal("no writer writes")
			}
		}
		for range rnd.IntN(20) {
			r.store().Fresh(nil)
		}
		for _, c := range writers {
			c.Process.Signal(syscall.SIGKILL)
		}
		for _, c := range writers {
			c.Wait()
		}
		if r.entries(kindStamp) != round+1 { // fails on a damaged file
			t.Errorf("%d stamps after %d rounds", r.entries(kindStamp), round+1)
		}
		r.works()
	}
	if r.exists(r.path + asideSuffix) {
		t.Error("the file was set aside")
	}
	for _, w := range r.warns {
		if !strings.Contains(w, errBusy.Error()) {
			t.Error(w)
		}
	}
}

func TestLocked(t *testing.T) {
	for _, c := range []struct {
		name  string
		how   int
		reads bool
	}{
		{"by a writer", unix.LOCK_EX, false},
		{"by a reader", unix.LOCK_SH, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom(t)
			k := []byte("a")
			r.store().RememberFailure(k, nil)
			f, err := os.Open(r.path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := unix.Flock(int(f.Fd()), c.how); err != nil {
				t.Fatal(err)
			}
			s := r.store()
			in := func(what string, fn func()) {
				t.Helper()
				begun := time.Now()
				if fn(); time.Since(begun) > 5*lockWait {
					t.Errorf("%s took %v", what, time.Since(begun))
				}
			}
			in("a look-up", func() {
				if s.Failed(k) != c.reads {
					t.Errorf("a look-up: want %v", c.reads)
				}
			})
			in("a write", func() { s.RememberFailure([]byte("b"), nil) })
			in("a charge", func() {
				if ok, err := s.Spend(k, 1, time.Hour); ok || !errors.Is(err, errBusy) {
					t.Errorf("spend: got %v, %v, want busy", ok, err)
				}
			})
			r.heard("locked by another process")
			f.Close()
			if !s.Failed(k) || s.Failed([]byte("b")) || r.exists(r.path+asideSuffix) {
				t.Error("the file has changed")
			}
			r.works()
		})
	}
}

// mount makes the directory of the cache file a file system of this size.
func mount(t *testing.T, r *room, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a tmpfs")
	}
	dir := strings.TrimSuffix(r.path, "/negative.db")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skip("cannot mount a tmpfs:", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func TestDiskFull(t *testing.T) {
	t.Run("from the start", func(t *testing.T) {
		r := newRoom(t)
		dir := mount(t, r, "16k")
		filler := bytes.Repeat([]byte("x"), 3*4096)
		if err := os.WriteFile(dir+"/filler", filler, 0o600); err != nil {
			t.Fatal(err)
		}
		s := r.store()
		for range 3 {
			s.RememberFailure([]byte("a"), nil)
			if s.Failed([]byte("a")) {
				t.Error("remembered on a full disk")
			}
			if ok, err := s.Spend([]byte("a"), 1, time.Hour); ok || !errors.Is(err, unix.ENOSPC) {
				t.Errorf("spend: got %v, %v, want no space", ok, err)
			}
		}
		r.heard("no space left")
		if r.exists(r.path + asideSuffix) {
			t.Error("set aside")
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=1m"); err != nil {
			t.Skip("cannot enlarge the tmpfs:", err)
		}
		if ok, err := s.Spend([]byte("a"), 1, time.Hour); !ok || err != nil {
			t.Errorf("with space again: got %v, %v", ok, err)
		}
		r.works()
		r.heard()
	})
	t.Run("later", func(t *testing.T) {
		r := newRoom(t)
		mount(t, r, "100k")
		s := r.store()
		for i := 0; len(r.warns) == 0; i++ {
			if i > 10000 {
				t.Fatal("the disk does not get full")
			}
			fillFrom(s, i*20, 20)
		}
		r.heard("no space left")
		if !s.Failed([]byte("0")) || r.exists(r.path+asideSuffix) {
			t.Error("what was there before is gone")
		}
		r.pass(2 * time.Hour) // what expires makes room, if there is any to begin with
		s.Failed([]byte("0"))
		r.heard()
	})
}

// fillFrom remembers n failures in one go, as Store.RememberFailure does one.
func fillFrom(s *Store, from, n int) {
	s.complain(s.change(func(b *book) error {
		for i := range n {
			tag := b.tag(labelFailure, []byte(strconv.Itoa(from+i)))
			if err := b.put(kindFailure, tag, entry{created: b.now, expires: b.now + 3_000_000}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestReadOnlyFileSystem(t *testing.T) {
	r := newRoom(t)
	dir := mount(t, r, "1m")
	s := r.store()
	s.RememberFailure([]byte("a"), nil)
	remount := func() {
		t.Helper()
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Skip("cannot remount the tmpfs:", err)
		}
	}
	remount()
	if !s.Failed([]byte("a")) {
		t.Error("not readable")
	}
	s.RememberFailure([]byte("b"), nil)
	if ok, err := s.Spend([]byte("a"), 1, time.Hour); ok || !errors.Is(err, unix.EROFS) {
		t.Errorf("spend: got %v, %v", ok, err)
	}
	r.heard("read-only file system")

	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	os.Truncate(r.path, 9000)
	remount()
	for range 2 {
		if s.Failed([]byte("a")) {
			t.Error("a hit in a damaged file")
		}
	}
	r.heard("not set aside")
}
