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

// A Charge is one budget and what it allows.
type Charge struct {
	Key    []byte
	Limit  int           // charges in any window, 0 = none is allowed, at most 1000
	Window time.Duration // 1 ms to 31 days
	Look   bool          // must have room, but is not charged
}

// Spend charges key once and returns true, if it was charged less than limit
// times in the window that ends now. An error means nobody can tell: the cache is
// unusable, full, or its charges were lost during the window.
//
// A charge from the future (the clock was set back) counts as made now: it
// costs its owner one window, no more.
func (s *Store) Spend(key []byte, limit int, window time.Duration) (bool, error) {
	full, err := s.SpendAll([]Charge{{Key: key, Limit: limit, Window: window}})
	return full < 0 && err == nil, err
}

// SpendAll charges several budgets once each, all or none of them, and returns
// -1; where one has no room it returns the index of the first. Errors are those
// of Spend.
func (s *Store) SpendAll(charges []Charge) (full int, err error) {
	full, longestWindow := -1, time.Duration(0)
	for i, c := range charges {
		switch {
		case c.Limit <= 0:
			if full < 0 {
				full = i
			}
			continue
		case c.Limit > mostCharges:
			return -1, fmt.Errorf("spend: limit %d is over %d", c.Limit, mostCharges)
		case c.Window < time.Millisecond || c.Window > longest:
			return -1, fmt.Errorf("spend: window %s is not between 1ms and %s", c.Window, longest)
		}
		longestWindow = max(longestWindow, c.Window)
	}
	if full >= 0 {
		return full, nil
	}

	err = s.change(func(b *book) error {
		full, err = b.spend(charges, s.now())
		return err
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return -1, fmt.Errorf("spend: %w", err)
	}
	if full < 0 && s.lost(longestWindow) {
		return -1, fmt.Errorf("spend: charges before %s was set aside are lost", s.o.Path+asideSuffix)
	}
	return full, nil
}

// spend is SpendAll within a transaction. A refusal still brings charges back
// from the future, or the clock would refuse for longer than a window.
func (b *book) spend(charges []Charge, now uint64) (full int, err error) {
	full = -1
	changed := make(map[int]entry)
	times := make([][]uint64, len(charges))
	for i, c := range charges {
		old, err := b.get(kindCharge, b.tag(labelCharge, c.Key))
		if err != nil {
			return -1, err
		}
		in, moved := within(old.body, now, millis(c.Window))
		if len(in) >= c.Limit && full < 0 {
			full = i
		}
		if moved {
			changed[i] = entry{created: now, expires: now + millis(c.Window), body: in}
		}
		times[i] = in
	}
	for i, c := range charges {
		if full < 0 && !c.Look {
			changed[i] = entry{created: now, expires: now + millis(c.Window), body: append(times[i], now)}
		}
	}
	if len(changed) == 0 {
		return full, errUnchanged
	}
	for i, e := range changed {
		if err := b.put(kindCharge, b.tag(labelCharge, charges[i].Key), e); err != nil {
			return -1, err
		}
	}
	return full, nil
}

// Refund takes the latest charge of each budget back, since what it was made for
// did not happen. When the cache cannot be used the charge stays.
func (s *Store) Refund(charges []Charge) {
	s.complain(s.change(func(b *book) error {
		for _, c := range charges {
			tag := b.tag(labelCharge, c.Key)
			old, err := b.get(kindCharge, tag)
			if err != nil {
				return err
			}
			if c.Look || len(old.body) == 0 {
				continue
			}
			if old.body = old.body[:len(old.body)-1]; len(old.body) == 0 {
				err = b.remove([][]byte{keyOfExpiry(kindCharge, old.expires, tag)})
			} else {
				err = b.put(kindCharge, tag, old)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
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
