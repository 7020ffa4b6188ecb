package cache

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// mostCharges bounds the limit of a budget, and with it the size of an entry.
const mostCharges = 1000

// errUnchanged ends a transaction that has nothing to write.
var errUnchanged = errors.New("unchanged")

// Spend charges key once and returns true, if it was charged less than limit
// times in the window that ends now. An error means nobody can tell: the cache is
// unusable, full, or its charges were lost during the window.
//
// A charge from the future (the clock was set back) counts as made now: it
// costs its owner one window, no more.
func (s *Store) Spend(key []byte, limit int, window time.Duration) (bool, error) {
	if limit <= 0 {
		return false, nil
	}
	if limit > mostCharges {
		return false, fmt.Errorf("spend: limit %d is over %d", limit, mostCharges)
	}
	if window < time.Millisecond || window > longest {
		return false, fmt.Errorf("spend: window %s is not between 1ms and %s", window, longest)
	}

	var granted bool
	err := s.change(func(b *book) error {
		granted = false
		tag := b.tag(labelCharge, key)
		now := s.now()
		old, err := b.get(kindCharge, tag)
		if err != nil {
			return err
		}
		times, moved := within(old.times, now, millis(window))
		if len(times) < limit {
			granted = true
			times = append(times, now)
		} else if !moved {
			return errUnchanged
		}
		return b.put(kindCharge, tag, entry{created: now, expires: now + millis(window), times: times})
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return false, fmt.Errorf("spend: %w", err)
	}
	if granted && s.lost(window) {
		return false, fmt.Errorf("spend: charges before %s was set aside are lost", s.o.Path+asideSuffix)
	}
	return granted, nil
}

// within returns the times that lie in the window up to now, and whether one of
// them had to be brought back from the future.
func within(times []uint64, now, window uint64) (in []uint64, moved bool) {
	for _, t := range times {
		if t > now {
			t, moved = now, true
		}
		if now-t < window {
			in = append(in, t)
		}
	}
	return in, moved
}

// lost reports whether a file with charges was set aside less than window ago. One
// set aside in the future counts too, but not for ever.
func (s *Store) lost(window time.Duration) bool {
	info, err := os.Lstat(s.o.Path + asideSuffix)
	if err != nil {
		return false
	}
	age := s.o.Now().Sub(info.ModTime())
	return age < window && age > -window
}

// Fresh reports whether a stamp with this key has not yet expired. It is false
// when there is any doubt.
func (s *Store) Fresh(key []byte) bool {
	return s.counts(kindStamp, labelStamp, key, millis(longest))
}

// Stamp makes key fresh for as long as life says, 31 days at most.
func (s *Store) Stamp(key []byte, life time.Duration) {
	span := millis(min(life, longest))
	if span == 0 {
		return
	}
	err := s.change(func(b *book) error {
		now := s.now()
		return b.put(kindStamp, b.tag(labelStamp, key), entry{created: now, expires: now + span})
	})
	s.complain(err)
}
