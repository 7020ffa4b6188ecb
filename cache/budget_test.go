package cache

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestSpend(t *testing.T) {
	type step struct {
		wait time.Duration
		want bool
	}
	for _, c := range []struct {
		name   string
		limit  int
		window time.Duration
		steps  []step
	}{
		{"none allowed", 0, time.Hour, []step{{0, false}}},
		{"negative", -1, time.Hour, []step{{0, false}}},
		{"one", 1, time.Hour, []step{{0, true}, {0, false}, {time.Hour - time.Millisecond, false}, {time.Millisecond, true}, {0, false}}},
		{"three", 3, time.Hour, []step{{0, true}, {0, true}, {0, true}, {0, false}}},
		{"the window slides", 2, time.Hour, []step{
			{0, true}, {30 * time.Minute, true}, {20 * time.Minute, false},
			{10 * time.Minute, true}, {0, false}, {30 * time.Minute, true}, {0, false},
		}},
		{"clock a little back", 2, time.Hour, []step{{0, true}, {0, true}, {-time.Minute, false}, {time.Hour, true}}},
		{"clock far back costs one window", 2, time.Hour, []step{
			{0, true}, {0, true}, {-10000 * time.Hour, false}, {30 * time.Minute, false}, {30 * time.Minute, true}, {0, true}, {0, false},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom(t)
			for i, s := range c.steps {
				r.pass(s.wait)
				got, err := r.store().Spend([]byte("user"), c.limit, c.window)
				if got != s.want || err != nil {
					t.Errorf("step %d: got %v, %v, want %v", i, got, err, s.want)
				}
			}
			r.heard()
		})
	}
}

func TestSpendApart(t *testing.T) {
	s := newRoom(t).store()
	for _, user := range []string{"a", "b", "ab", ""} {
		if ok, err := s.Spend([]byte(user), 1, time.Hour); !ok || err != nil {
			t.Errorf("%q: %v, %v: charged to another", user, ok, err)
		}
	}
}

func TestSpendLimitChanged(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	spend := func(limit int, window time.Duration, want bool) {
		t.Helper()
		if got, err := s.Spend([]byte("u"), limit, window); got != want || err != nil {
			t.Errorf("limit %d in %s: got %v, %v, want %v", limit, window, got, err, want)
		}
	}
	spend(5, time.Hour, true)
	spend(5, time.Hour, true)
	spend(1, time.Hour, false)
	spend(3, time.Hour, true)
	r.pass(10 * time.Minute)
	spend(1, 5*time.Minute, true)
	spend(1, 5*time.Minute, false)
}

func TestSpendRefuses(t *testing.T) {
	for _, c := range []struct {
		limit  int
		window time.Duration
	}{
		{1001, time.Hour}, {1, 0}, {1, -1}, {1, time.Microsecond}, {1, 32 * 24 * time.Hour},
	} {
		r := newRoom(t)
		if ok, err := r.store().Spend([]byte("u"), c.limit, c.window); ok || err == nil {
			t.Errorf("limit %d in %s: got %v, %v, want an error", c.limit, c.window, ok, err)
		}
	}
}

func TestSpendLargest(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	granted := func(user int) int {
		n := 0
		for range 5 {
			if ok, err := s.Spend(fmt.Appendf(nil, "%d", user), mostCharges, time.Hour); err != nil {
				t.Fatal(err)
			} else if ok {
				n++
			}
		}
		return n
	}
	for user := range 6 { // so that pages overflow
		err := s.change(func(b *book) error {
			times := make([]uint64, mostCharges-3)
			for i := range times {
				times[i] = b.now
			}
			tag := b.tag(labelCharge, fmt.Appendf(nil, "%d", user))
			return b.put(kindCharge, tag, entry{created: b.now, expires: b.now + 3600_000, body: times})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for user := range 6 {
		if n := granted(user); n != 3 {
			t.Errorf("user %d: %d granted of the last 3", user, n)
		}
	}
}

// Charges must not be pushed out: whoever can make entries could reset a budget.
func TestChargesStay(t *testing.T) {
	r := newRoom(t)
	s := r.store(func(o *Options) { o.Max = 3 })
	for _, user := range []string{"a", "b", "c"} {
		if ok, err := s.Spend([]byte(user), 1, time.Hour); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	for i := range 10 {
		s.RememberFailure([]byte{byte(i)}, nil)
	}
	if ok, err := s.Spend([]byte("d"), 1, time.Hour); ok || err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("a fourth user: got %v, %v, want no room", ok, err)
	}
	if ok, err := s.Spend([]byte("a"), 1, time.Hour); ok || err != nil {
		t.Errorf("a known user: got %v, %v, want a refusal", ok, err)
	}
	if ok, err := s.Spend([]byte("a"), 2, time.Hour); !ok || err != nil {
		t.Errorf("a known user with more to spend: got %v, %v", ok, err)
	}
	r.pass(time.Hour)
	if ok, err := s.Spend([]byte("d"), 1, time.Hour); !ok || err != nil {
		t.Errorf("an hour later: got %v, %v", ok, err)
	}
}

// After damage nobody knows what was spent, for one window.
func TestSpendAfterLoss(t *testing.T) {
	r := newRoom(t)
	s := r.store()
	spend := func(ok, fail bool) {
		t.Helper()
		if got, err := s.Spend([]byte("u"), 2, time.Hour); got != ok || (err != nil) != fail {
			t.Errorf("got %v, %v, want %v, error %v", got, err, ok, fail)
		}
	}
	spend(true, false)
	os.Truncate(r.path, 20000)
	spend(false, true)
	r.heard("cut short")
	r.pass(59 * time.Minute)
	spend(false, true)
	r.pass(time.Minute)
	spend(true, false)
	spend(false, false)
	r.pass(-50 * time.Minute)
	spend(false, false)
	if err := os.Remove(r.path + asideSuffix); err != nil {
		t.Fatal(err)
	}
	r.pass(2 * time.Hour)
	spend(true, false)
}
