package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Kinds of entries, the first byte of every key in both buckets.
const (
	kindFailure = 'f'
	kindCharge  = 'c'
	kindStamp   = 's'
	kinds       = "fcs"
)

const (
	tagSize    = 16
	sealSize   = 8
	entryKey   = 1 + tagSize
	expiryKey  = 1 + 8 + tagSize
	entryLeast = 8 + 8 + sealSize
	entryMost  = entryLeast + 8*mostCharges

	sweepMost = 32 // entries of a kind taken away by one write, for each reason
)

var (
	bucketMeta    = []byte("meta")
	bucketEntries = []byte("entries")
	bucketExpiry  = []byte("expiry")
	metaFormat    = []byte("format")
	metaCheck     = []byte("check")
)

var errFull = errors.New("no room for more charges")

// An entry is what is remembered under one tag.
type entry struct {
	created, expires uint64
	body             []uint64 // charges: their times; failures: whose they are
}

// keys cuts tags and seals.
type keys []byte

func (k keys) tag(label string, key []byte) []byte {
	return mac(k, label, key)[:tagSize]
}

func (k keys) check() []byte {
	return mac(k, labelFile)[:16]
}

// seal encodes e under its tag.
func (k keys) seal(kind byte, tag []byte, e entry) []byte {
	v := make([]byte, 0, entryLeast+8*len(e.body))
	v = binary.BigEndian.AppendUint64(v, e.created)
	v = binary.BigEndian.AppendUint64(v, e.expires)
	for _, t := range e.body {
		v = binary.BigEndian.AppendUint64(v, t)
	}
	return append(v, mac(k, labelEntry, []byte{kind}, tag, v)[:sealSize]...)
}

// open decodes what seal made, and nothing else.
func (k keys) open(kind byte, tag, v []byte) (entry, bool) {
	if len(v) < entryLeast || len(v) > entryMost || len(v)%8 != 0 {
		return entry{}, false
	}
	body, seal := v[:len(v)-sealSize], v[len(v)-sealSize:]
	if !bytes.Equal(seal, mac(k, labelEntry, []byte{kind}, tag, body)[:sealSize]) {
		return entry{}, false
	}
	e := entry{created: binary.BigEndian.Uint64(body), expires: binary.BigEndian.Uint64(body[8:])}
	for body = body[16:]; len(body) > 0; body = body[8:] {
		e.body = append(e.body, binary.BigEndian.Uint64(body))
	}
	return e, true
}

// alive reports whether e counts at this time, if most is the longest life of its
// kind.
func (e entry) alive(now, most uint64) bool {
	return e.created <= now && now < e.expires && e.expires-e.created <= most
}

func keyOfEntry(kind byte, tag []byte) []byte {
	return append([]byte{kind}, tag...)
}

func keyOfExpiry(kind byte, expires uint64, tag []byte) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{kind}, expires), tag...)
}

// A book is the cache file within one write transaction.
type book struct {
	keys
	entries, expiry *bolt.Bucket
	n               count  // entries by kind, kept up to date
	now             uint64 // the time sweeps go by
	most            uint64 // longest life of a failure, 0 if failures are not ours to judge
	max             int
}

// get returns the entry under tag, or the zero entry. One whose seal is broken is
// not a miss here: a writer does not build on rot.
func (b *book) get(kind byte, tag []byte) (entry, error) {
	v := b.entries.Get(keyOfEntry(kind, tag))
	if v == nil {
		return entry{}, nil
	}
	e, ok := b.open(kind, tag, v)
	if !ok {
		return entry{}, fmt.Errorf("%w: an entry with a broken seal", errDamaged)
	}
	return e, nil
}

// put stores e under tag in place of what was there, and makes room first.
func (b *book) put(kind byte, tag []byte, e entry) error {
	for _, k := range []byte(kinds) {
		if err := b.sweep(k); err != nil {
			return err
		}
	}
	old, err := b.get(kind, tag)
	if err != nil {
		return err
	}
	if old.expires == 0 {
		if kind == kindCharge && b.n[kind] >= b.max {
			return errFull
		}
		b.n[kind]++
	} else if err := b.expiry.Delete(keyOfExpiry(kind, old.expires, tag)); err != nil {
		return err
	}
	if err := b.entries.Put(keyOfEntry(kind, tag), b.seal(kind, tag, e)); err != nil {
		return err
	}
	return b.expiry.Put(keyOfExpiry(kind, e.expires, tag), nil)
}

// sweep removes entries of one kind: from the front of the expiry order those that
// have expired and those too many, from its end those that expire too late; of
// these, charges are brought back.
func (b *book) sweep(kind byte) error {
	var doomed [][]byte
	c := b.expiry.Cursor()
	prefix := []byte{kind}
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(doomed) < sweepMost; k, _ = c.Next() {
		tooMany := kind != kindCharge && b.n[kind]-len(doomed) >= b.max
		if !tooMany && binary.BigEndian.Uint64(k[1:]) > b.now {
			break
		}
		doomed = append(doomed, bytes.Clone(k))
	}
	if err := b.remove(doomed); err != nil {
		return err
	}

	most := millis(longest)
	if kind == kindFailure {
		most = b.most
	}
	if most == 0 {
		return nil
	}
	doomed = doomed[:0]
	c = b.expiry.Cursor()
	k, _ := c.Seek([]byte{kind + 1})
	if k == nil {
		k, _ = c.Last()
	} else {
		k, _ = c.Prev()
	}
	for ; bytes.HasPrefix(k, prefix) && len(doomed) < sweepMost; k, _ = c.Prev() {
		if expires := binary.BigEndian.Uint64(k[1:]); expires <= b.now || expires-b.now <= most {
			break
		}
		doomed = append(doomed, bytes.Clone(k))
	}
	if kind == kindCharge {
		return b.bringBack(doomed)
	}
	return b.remove(doomed)
}

// bringBack makes charges that expire too late charges of now: they cost their
// owner one window, and are not forgotten because the clock was ahead.
func (b *book) bringBack(late [][]byte) error {
	for _, k := range late {
		tag := k[9:]
		old, err := b.get(kindCharge, tag)
		if err != nil {
			return err
		}
		window := min(old.expires-old.created, millis(longest))
		in, _ := within(old.body, b.now, window)
		if len(in) == 0 {
			if err := b.remove([][]byte{k}); err != nil {
				return err
			}
			continue
		}
		e := entry{created: b.now, expires: b.now + window, body: in}
		if err := b.expiry.Delete(k); err != nil {
			return err
		}
		if err := b.entries.Put(keyOfEntry(kindCharge, tag), b.seal(kindCharge, tag, e)); err != nil {
			return err
		}
		if err := b.expiry.Put(keyOfExpiry(kindCharge, e.expires, tag), nil); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes the entries behind keys of the expiry bucket.
func (b *book) remove(doomed [][]byte) error {
	for _, k := range doomed {
		if err := b.expiry.Delete(k); err != nil {
			return err
		}
		if err := b.entries.Delete(keyOfEntry(k[0], k[9:])); err != nil {
			return err
		}
		b.n[k[0]]--
	}
	return nil
}
