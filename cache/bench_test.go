package cache

import (
	"fmt"
	"testing"
	"time"
)

// benchStore is a cache with n failures.
func benchStore(b *testing.B, n int) *Store {
	r := newRoom(b)
	s := r.store(func(o *Options) { o.Max = 2 * n })
	fill(b, s, n)
	b.ReportAllocs()
	return s
}

func BenchmarkFailed(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		for name, key := range map[string]string{"hit": "fill 7", "miss": "never seen"} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				s := benchStore(b, n)
				for b.Loop() {
					if s.Failed([]byte(key)) != (name == "hit") {
						b.Fatal("wrong answer")
					}
				}
			})
		}
	}
}

func BenchmarkRememberFailure(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := benchStore(b, n)
			for i := 0; b.Loop(); i++ {
				s.RememberFailure(fmt.Appendf(nil, "new %d", i%1000), nil)
			}
		})
	}
}

func BenchmarkSpend(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := benchStore(b, n)
			for i := 0; b.Loop(); i++ {
				if _, err := s.Spend(fmt.Appendf(nil, "user %d", i%1000), 6, time.Hour); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWhole(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := benchStore(b, n)
			f, err := s.acquire(false, time.Now().Add(lockWait))
			if err != nil {
				b.Fatal(err)
			}
			defer release(f)
			for b.Loop() {
				t, err := readTree(f)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := t.whole(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
