package cache

import "time"

// This file holds the tables behind Windows. They are of numbers only, so that the
// garbage collector need not look into them, and of small chunks, so that
// growing copies nothing.

// A table is the keys of one shard. Number 0 stands for none.
type table struct {
	heads          []uint32 // chains of keys by hash
	subjects       arena[subject]
	blocks         arena[block]
	newest, oldest uint32 // by the last write
	n, most        int
	mostBlocks     int
}

// A subject is a key and where its counters are.
type subject struct {
	key          Key
	next         uint32 // in its chain
	newer, older uint32
	first        uint32 // block
	stamp        uint32 // seconds since 1970; 0 = none
	head         uint32 // of its chain
}

// A block is one counter of a key: sums of cells, the newest first; or two
// members of a set, which may have more blocks.
type block struct {
	next uint32
	spec uint32
	base uint32 // slot of the newest cell
	cell [windowCells]uint16
}

// memberCells is the room of one member: its id in four cells, its age in slots.
const memberCells = 5

func newTable(most int) *table {
	heads := 1
	for heads < most {
		heads *= 2
	}
	return &table{heads: make([]uint32, heads), most: most, mostBlocks: max(blocksPerKey*most, blocksLeast)}
}

func (t *table) head(h uint64) uint32 { return uint32(h & uint64(len(t.heads)-1)) }

// find returns the subject of a key, 0 = there is none.
func (t *table) find(k Key, h uint64) uint32 {
	i := t.heads[t.head(h)]
	for i != 0 && t.subjects.at(i).key != k {
		i = t.subjects.at(i).next
	}
	return i
}

// touch finds a key's subject, or makes it and room for it, and makes it the newest.
func (t *table) touch(k Key, h uint64, now time.Time) uint32 {
	i := t.find(k, h)
	if i == t.newest && i != 0 {
		return i
	}
	if i != 0 {
		t.unlink(i)
		t.link(i)
		return i
	}
	for range 2 {
		if t.oldest != 0 && t.over(t.oldest, now) {
			t.remove(t.oldest)
		}
	}
	return t.enter(k, h)
}

// enter makes the subject of a key that has none; the oldest goes if there are
// too many.
func (t *table) enter(k Key, h uint64) uint32 {
	if t.n >= t.most {
		t.remove(t.oldest)
	}
	i := t.subjects.take()
	head := t.head(h)
	*t.subjects.at(i) = subject{key: k, next: t.heads[head], head: head}
	t.heads[head] = i
	t.n++
	t.link(i)
	return i
}

// link makes i the newest.
func (t *table) link(i uint32) {
	s := t.subjects.at(i)
	s.newer, s.older = 0, t.newest
	if t.newest != 0 {
		t.subjects.at(t.newest).newer = i
	} else {
		t.oldest = i
	}
	t.newest = i
}

func (t *table) unlink(i uint32) {
	s := t.subjects.at(i)
	if s.newer != 0 {
		t.subjects.at(s.newer).older = s.older
	} else {
		t.newest = s.older
	}
	if s.older != 0 {
		t.subjects.at(s.older).newer = s.newer
	} else {
		t.oldest = s.newer
	}
}

// remove forgets a subject and its blocks.
func (t *table) remove(i uint32) {
	t.unlink(i)
	s := t.subjects.at(i)
	at := &t.heads[s.head]
	for *at != i {
		at = &t.subjects.at(*at).next
	}
	*at = s.next
	for j := s.first; j != 0; {
		next := t.blocks.at(j).next
		t.blocks.give(j)
		j = next
	}
	t.subjects.give(i)
	t.n--
}

// over reports whether nothing of a subject counts any more.
func (t *table) over(i uint32, now time.Time) bool {
	s := t.subjects.at(i)
	for j := s.first; j != 0; j = t.blocks.at(j).next {
		if !t.blocks.at(j).over(now) {
			return false
		}
	}
	return s.stamp == 0 || now.Unix()-int64(s.stamp) > int64(stampLife/time.Second)
}

// counter returns the block of subject i for one counter, nil if there is no
// room. Blocks of i that are over go.
func (t *table) counter(i, spec uint32, now time.Time) *block {
	var found *block
	for at := &t.subjects.at(i).first; *at != 0; {
		j := *at
		b := t.blocks.at(j)
		switch {
		case b.over(now):
			*at = b.next
			t.blocks.give(j)
			continue
		case b.spec == spec:
			found = b
		}
		at = &b.next
	}
	if found == nil {
		found = t.newBlock(i, spec, slot(now, spec))
	}
	return found
}

// newBlock gives subject i one more block; the oldest subjects make room for it.
func (t *table) newBlock(i, spec, at uint32) *block {
	for t.blocks.used() >= t.mostBlocks {
		if t.oldest == i {
			return nil
		}
		t.remove(t.oldest)
	}
	j := t.blocks.take()
	b, s := t.blocks.at(j), t.subjects.at(i)
	*b = block{next: s.first, spec: spec, base: at}
	s.first = j
	return b
}

// addMember puts a member into the set of subject i and returns the set's size.
func (t *table) addMember(i, spec, at uint32, id uint64, now time.Time) (n int) {
	if t.counter(i, spec, now) == nil { // also takes away what is over
		return 1
	}
	var free, eldest *block // where one of id could go
	var freeCell, eldestCell int
	known := false
	for j := t.subjects.at(i).first; j != 0; j = t.blocks.at(j).next {
		b := t.blocks.at(j)
		if b.spec != spec {
			continue
		}
		b.rollMembers(at)
		for c := 0; c < windowCells; c += memberCells {
			switch b.id(c) {
			case 0:
				free, freeCell = b, c
				continue
			case id:
				b.cell[c+4] = 0
				known = true
			}
			if n++; eldest == nil || b.cell[c+4] > eldest.cell[eldestCell+4] {
				eldest, eldestCell = b, c
			}
		}
	}
	switch {
	case known:
		return n
	case n >= mostMembers:
		eldest.setMember(eldestCell, id)
		return n
	}
	if free == nil {
		if free, freeCell = t.newBlock(i, spec, at), 0; free == nil {
			return n + 1
		}
	}
	free.setMember(freeCell, id)
	return n + 1
}

// over reports whether nothing in a block counts any more.
func (b *block) over(now time.Time) bool {
	return int64(slot(now, b.spec))-int64(b.base) >= windowCells
}

// age moves a block's time on to at and returns by how many slots; one that is
// far ahead of at is taken back to it.
func (b *block) age(at uint32) int {
	d := int64(at) - int64(b.base)
	if d > 0 || d < -windowCells {
		b.base = at
	}
	return int(min(max(d, 0), windowCells))
}

// roll moves the cells of a counter on to at.
func (b *block) roll(at uint32) {
	if d := b.age(at); d > 0 {
		copy(b.cell[d:], b.cell[:windowCells-d])
		clear(b.cell[:d])
	}
}

func (b *block) sum() (n int) {
	for _, c := range b.cell {
		n += int(c)
	}
	return n
}

// rollMembers makes members older and forgets those that no longer count.
func (b *block) rollMembers(at uint32) {
	d := b.age(at)
	for c := 0; c < windowCells; c += memberCells {
		if age := int(b.cell[c+4]) + d; age < windowCells {
			b.cell[c+4] = uint16(age)
		} else {
			clear(b.cell[c:][:memberCells])
		}
	}
}

func (b *block) members() (n int) {
	for c := 0; c < windowCells; c += memberCells {
		if b.id(c) != 0 {
			n++
		}
	}
	return n
}

// id is the member in cells c to c+3; 0 = none.
func (b *block) id(c int) (id uint64) {
	for _, v := range b.cell[c:][:4] {
		id = id<<16 | uint64(v)
	}
	return id
}

func (b *block) setMember(c int, id uint64) {
	for i := range 4 {
		b.cell[c+i] = uint16(id >> (48 - 16*i))
	}
	b.cell[c+4] = 0
}

// An arena holds values by number, from 1 on.
type arena[T any] struct {
	chunks [][]T
	last   uint32 // highest number ever taken
	given  []uint32
}

const chunkSize = 128

func (a *arena[T]) at(i uint32) *T { return &a.chunks[(i-1)/chunkSize][(i-1)%chunkSize] }

func (a *arena[T]) used() int { return int(a.last) - len(a.given) }

func (a *arena[T]) take() uint32 {
	if n := len(a.given); n > 0 {
		i := a.given[n-1]
		a.given = a.given[:n-1]
		return i
	}
	if int(a.last) == len(a.chunks)*chunkSize {
		a.chunks = append(a.chunks, make([]T, chunkSize))
	}
	a.last++
	return a.last
}

func (a *arena[T]) give(i uint32) { a.given = append(a.given, i) }
