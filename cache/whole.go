package cache

import (
	"bytes"
	"strings"
)

// A form tells by its first byte and its lengths whether an element belongs in a bucket.
type form func(kind byte, ksize, vsize uint64) bool

// whole examines the file to its last page, for a writer: bbolt rebalances pages
// that are not on the way to a key and reuses those it takes for free. It returns
// the number of entries of each kind.
func (t *tree) whole() (entries count, err error) {
	t.used = make([]bool, t.high)
	if err := t.use(t.root, 1); err != nil {
		return entries, err
	}
	at, err := t.buckets()
	if err != nil {
		return entries, err
	}
	var expiry count
	for name, form := range map[string]form{
		string(bucketMeta): func(byte, uint64, uint64) bool { return true },
		string(bucketEntries): func(kind byte, ksize, vsize uint64) bool {
			entries[kind]++
			return isKind(kind) && ksize == entryKey && vsize >= entryLeast && vsize <= entryMost
		},
		string(bucketExpiry): func(kind byte, ksize, vsize uint64) bool {
			expiry[kind]++
			return isKind(kind) && ksize == expiryKey && vsize == 0
		},
	} {
		if at == nil {
			break
		}
		if err := t.bucket(at[name], form); err != nil {
			return entries, err
		}
	}
	for _, k := range []byte(kinds) {
		if entries[k] != expiry[k] {
			return entries, damaged("%d entries but %d expiries of kind %c", entries[k], expiry[k], k)
		}
	}
	return entries, t.freeList()
}

// bucket walks over one bucket.
func (t *tree) bucket(at place, form form) error {
	t.level, t.last = -1, t.last[:0]
	if at.id != 0 {
		return t.walk(at.id, 0, nil, form)
	}
	p, err := t.begin(at)
	if err != nil {
		return err
	}
	return t.leaf(p, 0, nil, form)
}

// walk examines the tree under page id, whose keys are not below low.
func (t *tree) walk(id uint64, level int, low []byte, form form) error {
	p, err := t.page(id, level)
	if err != nil {
		return err
	}
	if err := t.use(id, len(p.data)/pageSize); err != nil {
		return err
	}
	if p.leaf {
		return t.leaf(p, level, low, form)
	}
	for i := range p.n {
		key := p.key(i)
		if bytes.Compare(key, low) < 0 || len(t.last) > 0 && bytes.Compare(key, t.last) <= 0 {
			return damaged("page %d: keys out of order", id)
		}
		if err := t.walk(p.child(i), level+1, key, form); err != nil {
			return err
		}
	}
	return nil
}

// leaf examines one leaf, whose keys are not below low.
func (t *tree) leaf(p page, level int, low []byte, form form) error {
	if t.level < 0 {
		t.level = level
	}
	if t.level != level {
		return damaged("leaves on levels %d and %d", t.level, level)
	}
	if p.n == 0 {
		return nil
	}
	if first := p.key(0); bytes.Compare(first, low) < 0 || len(t.last) > 0 && bytes.Compare(first, t.last) <= 0 {
		return damaged("keys out of order")
	}
	for i := range p.n {
		at := pageHead + i*elemSize
		pos, ksize, vsize := p.place(i)
		if t.inner != nil && p.isBucket(i) && vsize >= bucketHead && form(p.data[at+int(pos)], ksize, vsize) {
			*t.inner = append(*t.inner, placeOf(p.value(i)))
			continue
		}
		if t.inner != nil || native.Uint32(p.data[at:]) != 0 || !form(p.data[at+int(pos)], ksize, vsize) {
			return damaged("an entry that is not of this format")
		}
	}
	t.last = append(t.last[:0], p.key(p.n-1)...)
	return nil
}

// use marks n pages from id on as used or free; both at once is damage.
func (t *tree) use(id uint64, n int) error {
	for ; n > 0; n, id = n-1, id+1 {
		if id < 2 || id >= t.high || t.used[id] {
			return damaged("page %d used twice", id)
		}
		t.used[id] = true
	}
	return nil
}

// freeList examines the pages that bbolt may write on.
func (t *tree) freeList() error {
	data, err := t.raw(t.free, 0)
	if err != nil {
		return err
	}
	if flags := native.Uint16(data[8:]); flags != flagFree {
		return damaged("free list: flags %#x", flags)
	}
	if err := t.use(t.free, len(data)/pageSize); err != nil {
		return err
	}
	n, ids := uint64(native.Uint16(data[10:])), data[pageHead:]
	if n == freeNone {
		n, ids = native.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return damaged("free list: %d pages", n)
	}
	for ; n > 0; n, ids = n-1, ids[8:] {
		if err := t.use(native.Uint64(ids), 1); err != nil {
			return err
		}
	}
	return nil
}

func isKind(b byte) bool {
	return strings.IndexByte(kinds, b) >= 0
}
