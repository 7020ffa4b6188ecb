package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// This file examines a bbolt file before bbolt does. bbolt is right to trust
// what it wrote; we may not, since three kinds of damage end the process in ways no
// recover catches: pages in a circle (the stack overflows), lengths out of
// all proportion (memory runs out), and a free list said to be missing (bbolt then
// reads the file in a goroutine of its own). What is examined here is what
// those need, and what keeps a write from spreading damage:
//
//   - a meta page with the right sum; page size, and numbers of pages within the file
//   - each page bears its own number and one of the two kinds of tree pages,
//     its elements lie within it, its keys ascend
//   - for a writer also: no page is used twice or is both used and free, all
//     leaves are equally deep, keys ascend from page to page, keys and
//     values have the lengths of our format, every entry has its expiry
//
// bbolt finds its way by binary search; on pages whose keys ascend that is
// the way found here. Layouts: bbolt's internal/common, page.go and meta.go; numbers
// are in the byte order of the machine.

const (
	pageSize   = 4096
	pageHead   = 16
	elemSize   = 16
	bucketHead = 16
	metaSize   = 64
	firstPages = 4 // two meta pages, free list, root: what bbolt begins a file with

	boltMagic   = 0xED0CDAED
	boltVersion = 2
	flagBranch  = 1
	flagLeaf    = 2
	flagFree    = 16
	flagBucket  = 1
	freeNone    = 0xffff // count of a free list that is too long for a count

	fileLimit = 1 << 30
	deepest   = 16 // levels; a full tree of fileLimit has five
	widest    = 16 // pages under one number; four entries of entryMost need nine
)

var native = binary.NativeEndian

// errDamaged marks a file to be set aside.
var errDamaged = errors.New("unusable")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errDamaged}, args...)...)
}

// count holds numbers of entries by kind.
type count [256]int

// A tree reads the pages of a bbolt file that nobody may change meanwhile.
type tree struct {
	f                io.ReaderAt
	root, free, high uint64
	used             []bool          // pages met by whole
	level            int             // of the leaves, once known
	inner            *[]place        // not nil while walking over a bucket of buckets, which are put here
	last             []byte          // key met last
	buf              [deepest][]byte // one page a level
}

// A page is a tree page found sound.
type page struct {
	leaf bool
	n    int
	data []byte // from its head
}

// readTree examines head and meta pages of a cache file. It returns nil for an
// empty file.
func readTree(f *os.File) (*tree, error) { return readTreeUpTo(f, fileLimit) }

// readTreeUpTo is readTree for a file of at most limit bytes.
func readTreeUpTo(f *os.File, limit int64) (*tree, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch size := info.Size(); {
	case size == 0:
		return nil, nil
	case size < firstPages*pageSize:
		return nil, damaged("%d bytes are too short for a cache file", size)
	case size > limit:
		return nil, damaged("%d bytes are too long for a cache file", size)
	}
	var head [2 * pageSize]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, damaged("meta pages: %w", plain(err))
	}
	m, err := newestMeta(head[pageHead:][:metaSize], head[pageSize+pageHead:][:metaSize])
	if err != nil {
		return nil, err
	}
	t := &tree{f: f, root: native.Uint64(m[16:]), free: native.Uint64(m[32:]), high: native.Uint64(m[40:])}
	if t.high > uint64(info.Size())/pageSize {
		return nil, damaged("cut short: %d bytes for %d pages", info.Size(), t.high)
	}
	if t.root < 2 || t.root >= t.high || t.free < 2 || t.free >= t.high {
		return nil, damaged("meta page: root %d, free list %d of %d pages", t.root, t.free, t.high)
	}
	return t, nil
}

// newestMeta chooses as bbolt does: the younger, or the other if that is broken.
func newestMeta(a, b []byte) (m []byte, err error) {
	if native.Uint64(b[48:]) <= native.Uint64(a[48:]) {
		a, b = b, a
	}
	for _, c := range [][]byte{a, b} { // the last one stays
		sum := fnv.New64a()
		sum.Write(c[:56])
		if native.Uint32(c) != boltMagic || native.Uint32(c[4:]) != boltVersion || native.Uint64(c[56:]) != sum.Sum64() {
			continue
		}
		if native.Uint32(c[8:]) != pageSize {
			return nil, damaged("page size %d", native.Uint32(c[8:]))
		}
		m = c
	}
	if m == nil {
		return nil, damaged("no sound meta page")
	}
	return m, nil
}

// raw reads the page with this number and all that belongs to it.
func (t *tree) raw(id uint64, level int) ([]byte, error) {
	if level >= deepest {
		return nil, damaged("page %d: more than %d levels", id, deepest)
	}
	if id < 2 || id >= t.high {
		return nil, damaged("page %d of %d", id, t.high)
	}
	buf := t.buf[level]
	if buf == nil {
		buf = make([]byte, pageSize)
	}
	if _, err := t.f.ReadAt(buf[:pageSize], int64(id)*pageSize); err != nil {
		return nil, damaged("page %d: %w", id, plain(err))
	}
	if native.Uint64(buf) != id {
		return nil, damaged("page %d: says it is page %d", id, native.Uint64(buf))
	}
	more := uint64(native.Uint32(buf[12:]))
	most := uint64(widest)
	if native.Uint16(buf[8:]) == flagFree {
		most += t.high * 8 / pageSize // room for every page there is
	}
	if more >= most || id+more >= t.high {
		return nil, damaged("page %d: %d more pages", id, more)
	}
	if size := int(1+more) * pageSize; more > 0 {
		buf = append(buf[:pageSize], make([]byte, size-pageSize)...)
		if _, err := t.f.ReadAt(buf[pageSize:], int64(id+1)*pageSize); err != nil {
			return nil, damaged("page %d: %w", id, plain(err))
		}
	}
	t.buf[level] = buf
	return buf[:int(1+more)*pageSize], nil
}

// page reads and examines a page of a tree.
func (t *tree) page(id uint64, level int) (page, error) {
	data, err := t.raw(id, level)
	if err != nil {
		return page{}, err
	}
	return examine(data, id)
}

// examine looks at everything within one page.
func examine(data []byte, id uint64) (page, error) {
	if len(data) < pageHead {
		return page{}, damaged("page %d: cut short", id)
	}
	flags := native.Uint16(data[8:])
	p := page{leaf: flags == flagLeaf, n: int(native.Uint16(data[10:])), data: data}
	if !p.leaf && flags != flagBranch {
		return page{}, damaged("page %d: flags %#x", id, flags)
	}
	if !p.leaf && p.n == 0 {
		return page{}, damaged("page %d: an empty branch", id)
	}
	end := uint64(pageHead + p.n*elemSize)
	if end > uint64(len(data)) {
		return page{}, damaged("page %d: %d elements", id, p.n)
	}
	var last []byte
	for i := range p.n {
		at := uint64(pageHead + i*elemSize)
		pos, ksize, vsize := p.place(i)
		if at+pos < end || ksize == 0 || at+pos+ksize+vsize > uint64(len(data)) {
			return page{}, damaged("page %d: element %d out of bounds", id, i)
		}
		key := data[at+pos:][:ksize]
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return page{}, damaged("page %d: keys out of order", id)
		}
		last = key
	}
	return p, nil
}

// place returns where key and value of element i are, counted from the element.
func (p page) place(i int) (pos, ksize, vsize uint64) {
	e := p.data[pageHead+i*elemSize:]
	if p.leaf {
		return uint64(native.Uint32(e[4:])), uint64(native.Uint32(e[8:])), uint64(native.Uint32(e[12:]))
	}
	return uint64(native.Uint32(e)), uint64(native.Uint32(e[4:])), 0
}

func (p page) key(i int) []byte {
	pos, ksize, _ := p.place(i)
	return p.data[pageHead+i*elemSize:][pos:][:ksize]
}

func (p page) value(i int) []byte {
	pos, ksize, vsize := p.place(i)
	return p.data[pageHead+i*elemSize:][pos+ksize:][:vsize]
}

// child is the page under branch element i.
func (p page) child(i int) uint64 {
	return native.Uint64(p.data[pageHead+i*elemSize+8:])
}

// isBucket reports whether leaf element i holds a bucket.
func (p page) isBucket(i int) bool {
	return native.Uint32(p.data[pageHead+i*elemSize:]) == flagBucket
}

// A place is where the tree of a bucket begins: a page, or, while it is small, a page
// written into the value of the root page.
type place struct {
	id     uint64
	inline []byte
}

// placeOf is where the bucket begins whose value this is.
func placeOf(v []byte) place {
	v = bytes.Clone(v)
	return place{id: native.Uint64(v), inline: v[bucketHead:]}
}

// buckets reads the root page of a cache file. It returns nil for one nothing was
// written to.
func (t *tree) buckets() (map[string]place, error) {
	found, err := t.top()
	if err != nil || found == nil {
		return nil, err
	}
	for _, name := range [][]byte{bucketMeta, bucketEntries, bucketExpiry} {
		if _, ok := found[string(name)]; !ok || len(found) != 3 {
			return nil, damaged("root page: not the buckets of this format")
		}
	}
	return found, nil
}

// top reads the root page, which holds nothing but buckets. It returns nil for a
// file nothing was written to.
func (t *tree) top() (map[string]place, error) {
	p, err := t.page(t.root, 0)
	if err != nil {
		return nil, err
	}
	if p.leaf && p.n == 0 && t.high == firstPages {
		return nil, nil
	}
	// Our few buckets always fit on one page: they are inline up to a quarter of it.
	if !p.leaf || len(p.data) > pageSize {
		return nil, damaged("root page: not of this format")
	}
	found := make(map[string]place)
	for i := range p.n {
		if !p.isBucket(i) || len(p.value(i)) < bucketHead {
			return nil, damaged("root page: not of this format")
		}
		found[string(p.key(i))] = placeOf(p.value(i))
	}
	return found, nil
}

// begin reads the first page of a bucket.
func (t *tree) begin(at place) (page, error) {
	if at.id != 0 {
		return t.page(at.id, 0)
	}
	p, err := examine(at.inline, 0)
	if err == nil && !p.leaf {
		return page{}, damaged("a branch page within a bucket")
	}
	return p, err
}

// way examines the pages on the way to key in a bucket.
func (t *tree) way(at place, key []byte) error {
	p, err := t.begin(at)
	for level := 1; err == nil && !p.leaf; level++ {
		i := p.n - 1
		for i > 0 && bytes.Compare(p.key(i), key) > 0 {
			i--
		}
		p, err = t.page(p.child(i), level)
	}
	return err
}
