package decide

import (
	"time"

	"qguard/cache"
)

// Windows is a Memory of package cache, with a set for each of those that must
// not push out one another: anybody can make addresses connect and pairs fail,
// only a right password makes a stamp.
type Windows struct{ addresses, pairs, stamps *cache.Windows }

// NewWindows returns one of at most so many keys: half of them addresses, the
// others pairs (and sessions) and stamps.
func NewWindows(keys int) Windows {
	return Windows{cache.NewWindows(keys / 2), cache.NewWindows(keys / 4), cache.NewWindows(keys / 4)}
}

// All is for cache.SaveWindows and LoadWindows.
func (w Windows) All() []*cache.Windows { return []*cache.Windows{w.addresses, w.pairs, w.stamps} }

// kinds numbers the counters. Snapshots hold the numbers: none may change.
func kind(name string) byte {
	switch name {
	case "login.failures":
		return 1
	case "login.pair":
		return 2
	case "login.logins":
		return 3
	case "rate.conn":
		return 4
	case "rate.msg":
		return 5
	case "rate.rcpt":
		return 6
	case "rate.quota":
		return 7
	case "rate.conn_msg":
		return 8
	}
	return 0
}

// of finds a key's Windows, key and counter.
func (w Windows) of(c Counter, k Key) (*cache.Windows, cache.Key, cache.Counter) {
	counter := cache.Counter{Kind: kind(c.Name), Window: c.Window}
	if k.Sub == "" {
		return w.addresses, cache.AddressKey(k.Addr), counter
	}
	return w.pairs, cache.PairKey(k.Addr, k.Sub), counter
}

// Add implements Memory.
func (w Windows) Add(now time.Time, c Counter, k Key, n int) int {
	in, key, counter := w.of(c, k)
	return in.Add(now, key, counter, n)
}

// Sum implements Memory.
func (w Windows) Sum(now time.Time, c Counter, k Key) int {
	in, key, counter := w.of(c, k)
	return in.Sum(now, key, counter)
}

// AddMember implements Memory.
func (w Windows) AddMember(now time.Time, c Counter, k Key, member string) {
	in, key, counter := w.of(c, k)
	in.AddMember(now, key, counter, member)
}

// Members implements Memory.
func (w Windows) Members(now time.Time, c Counter, k Key) int {
	in, key, counter := w.of(c, k)
	return in.Members(now, key, counter)
}

// Succeed implements Memory.
func (w Windows) Succeed(now time.Time, k Key) { w.stamps.Stamp(now, cache.PairKey(k.Addr, k.Sub)) }

// Succeeded implements Memory.
func (w Windows) Succeeded(k Key) time.Time { return w.stamps.Last(cache.PairKey(k.Addr, k.Sub)) }
