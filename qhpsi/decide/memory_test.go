package decide

import (
	"sync"
	"time"
)

// plain is a Memory of maps that forgets nothing but what has left its window,
// which moves in tenths.
type plain struct {
	mu     sync.Mutex
	sums   map[slot]int
	seen   map[slot]map[string]bool
	stamps map[Key]time.Time
}

// A slot is a tenth of a window.
type slot struct {
	c     Counter
	k     Key
	tenth int64
}

func newPlain() *plain {
	return &plain{sums: map[slot]int{}, seen: map[slot]map[string]bool{}, stamps: map[Key]time.Time{}}
}

func at(now time.Time, c Counter, k Key) slot {
	return slot{c, k, now.UnixNano() / int64(c.Window/10)}
}

func (m *plain) Add(now time.Time, c Counter, k Key, n int) int {
	m.mu.Lock()
	m.sums[at(now, c, k)] += n
	m.mu.Unlock()
	return m.Sum(now, c, k)
}

func (m *plain) Sum(now time.Time, c Counter, k Key) (sum int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := at(now, c, k)
	for range 10 {
		sum += m.sums[s]
		s.tenth--
	}
	return sum
}

func (m *plain) AddMember(now time.Time, c Counter, k Key, member string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := at(now, c, k)
	if m.seen[s] == nil {
		m.seen[s] = map[string]bool{}
	}
	m.seen[s][member] = true
}

func (m *plain) Members(now time.Time, c Counter, k Key) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]bool{}
	s := at(now, c, k)
	for range 10 {
		for member := range m.seen[s] {
			all[member] = true
		}
		s.tenth--
	}
	return len(all)
}

func (m *plain) Succeed(now time.Time, k Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stamps[k] = now
}

func (m *plain) Succeeded(k Key) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stamps[k]
}
