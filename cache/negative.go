package cache

import "encoding/binary"

// Failed reports whether the pair behind key was refused within the TTL. It is
// false when there is any doubt.
func (s *Store) Failed(key []byte) bool {
	ttl := millis(s.o.TTL)
	return ttl > 0 && s.counts(kindFailure, labelFailure, key, ttl)
}

// RememberFailure notes that the pair behind key was refused. owner says whose it
// is, for Flush to find it by; nil = nobody's.
func (s *Store) RememberFailure(key, owner []byte) {
	ttl := millis(s.o.TTL)
	if ttl == 0 {
		return
	}
	err := s.change(func(b *book) error {
		tag := b.tag(labelFailure, key)
		now := s.now()
		return b.put(kindFailure, tag, entry{created: now, expires: now + lifetime(ttl, tag), body: b.owner(owner)})
	})
	s.complain(err)
}

// owner is the body of a failure: the tag of whose it is, in two numbers.
func (k keys) owner(owner []byte) []uint64 {
	if owner == nil {
		return nil
	}
	tag := k.tag(labelOwner, owner)
	return []uint64{binary.BigEndian.Uint64(tag), binary.BigEndian.Uint64(tag[8:])}
}

// lifetime spreads the ends of entries made together. It is at most ttl: the
// administrator said how long a failure may be believed, and we do not add to it.
func lifetime(ttl uint64, tag []byte) uint64 {
	part := uint64(binary.BigEndian.Uint16(tag[tagSize-2:]))
	return ttl - uint64(float64(ttl)/5*float64(part)/0xffff)
}
