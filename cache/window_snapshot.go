package cache

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"slices"
)

// A snapshot, numbers big-endian:
//
//	"qguard windows 1"
//	for each key     blocks (2 bytes), key (16), seconds of its stamp (4),
//	for each block   kind (1), window in seconds (3), number of its newest cell (4), ten cells (2 each)
//	0xffff           the end
//	CRC-32C of all before it (4)
//
// The top bit of a kind marks two members: eight bytes of id, or 0 for none, and two of
// age in cells, each.
const (
	snapshotMagic = "qguard windows 1"
	snapshotEnd   = 0xffff
	subjectSize   = 2 + 16 + 4
	blockSize     = 4 + 4 + 2*windowCells
	blocksMost    = 1024 // of a key; a set has 32
)

// Snapshot writes everything to out. The shards follow one another, each as it is when
// its turn comes; calls that need the one being copied wait about a millisecond.
func (w *Windows) Snapshot(out io.Writer) error {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	both := io.MultiWriter(out, sum)
	buf := []byte(snapshotMagic)
	for i := range w.shards {
		s := &w.shards[i]
		s.mu.Lock()
		buf = s.appendTo(buf)
		s.mu.Unlock()
		if _, err := both.Write(buf); err != nil {
			return fmt.Errorf("snapshot: %w", err)
		}
		buf = buf[:0]
	}
	buf = binary.BigEndian.AppendUint16(buf, snapshotEnd)
	sum.Write(buf)
	if _, err := out.Write(sum.Sum(buf)); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

// appendTo encodes a table, the oldest first.
func (t *table) appendTo(buf []byte) []byte {
	for i := t.oldest; i != 0; {
		s := t.subjects.at(i)
		head := len(buf)
		buf = append(buf, 0, 0)
		buf = append(buf, s.key[:]...)
		buf = binary.BigEndian.AppendUint32(buf, s.stamp)
		n := 0
		for j := s.first; j != 0 && n < blocksMost; n++ {
			b := t.blocks.at(j)
			buf = binary.BigEndian.AppendUint32(buf, b.spec)
			buf = binary.BigEndian.AppendUint32(buf, b.base)
			for _, c := range b.cell {
				buf = binary.BigEndian.AppendUint16(buf, c)
			}
			j = b.next
		}
		binary.BigEndian.PutUint16(buf[head:], uint16(n))
		i = s.newer
	}
	return buf
}

// Restore takes the place of everything by a snapshot. One that is damaged is an
// error and changes nothing. Of one with more keys than fit, some are left
// out. It reads to the end of the snapshot and no further if in is a
// *bufio.Reader of 64 KB or more.
func (w *Windows) Restore(in io.Reader) error {
	fresh := &Windows{seed: w.seed, most: w.most}
	for i := range fresh.shards {
		fresh.shards[i].table = newTable(w.most)
	}
	r := snapshotReader{bufio.NewReaderSize(in, 1<<16), crc32.New(crc32.MakeTable(crc32.Castagnoli))}
	if err := r.fill(fresh); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("snapshot: %w", err)
	}
	for i := range w.shards {
		fresh.shards[i].order()
		w.shards[i].mu.Lock()
		w.shards[i].table = fresh.shards[i].table
		w.shards[i].mu.Unlock()
	}
	return nil
}

// A snapshotReader reads a snapshot and sums it up.
type snapshotReader struct {
	in  *bufio.Reader
	sum hash.Hash32
}

func (r snapshotReader) read(buf []byte) error {
	if _, err := io.ReadFull(r.in, buf); err != nil {
		return err
	}
	r.sum.Write(buf)
	return nil
}

// fill reads a snapshot into an empty w.
func (r snapshotReader) fill(w *Windows) error {
	magic := make([]byte, len(snapshotMagic))
	if err := r.read(magic); err != nil {
		return err
	}
	if string(magic) != snapshotMagic {
		return damaged("begins with %q", magic)
	}
	head, blocks := make([]byte, subjectSize), make([]byte, 0, 8*blockSize)
	for {
		if err := r.read(head[:2]); err != nil {
			return err
		}
		n := int(binary.BigEndian.Uint16(head))
		if n == snapshotEnd {
			return r.end()
		}
		if n > blocksMost {
			return damaged("a key with %d counters", n)
		}
		if err := r.read(head[2:]); err != nil {
			return err
		}
		blocks = slices.Grow(blocks[:0], n*blockSize)[:n*blockSize]
		if err := r.read(blocks); err != nil {
			return err
		}
		if err := w.put(head, blocks); err != nil {
			return err
		}
	}
}

func (r snapshotReader) end() error {
	want := r.sum.Sum(nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r.in, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return damaged("the sum is wrong")
	}
	return nil
}

// put adds one key of a snapshot.
func (w *Windows) put(head, blocks []byte) error {
	k := Key(head[2:18])
	s, h := w.locked(k)
	defer s.mu.Unlock()
	if s.find(k, h) != 0 {
		return damaged("a key twice")
	}
	i := s.enter(k, h)
	s.subjects.at(i).stamp = binary.BigEndian.Uint32(head[18:])
	for n := len(blocks); n > 0; n -= blockSize { // from the last, as each becomes the first
		v := blocks[n-blockSize:][:blockSize]
		spec := binary.BigEndian.Uint32(v)
		if spec&(1<<24-1) < windowCells {
			return damaged("a window of %d seconds", spec&(1<<24-1))
		}
		b := s.newBlock(i, spec, binary.BigEndian.Uint32(v[4:]))
		if b == nil {
			return nil
		}
		for c := range b.cell {
			b.cell[c] = binary.BigEndian.Uint16(v[8+2*c:])
		}
	}
	return nil
}

// order sorts a table by when its keys were written to last, as well as their
// counters tell: shards are chosen by another seed in every process.
func (t *table) order() {
	type seen struct {
		i    uint32
		last int64
	}
	var all []seen
	for i := t.oldest; i != 0; i = t.subjects.at(i).newer {
		s := t.subjects.at(i)
		last := int64(s.stamp) * 1000
		for j := s.first; j != 0; j = t.blocks.at(j).next {
			b := t.blocks.at(j)
			last = max(last, int64(b.base)*int64(b.spec&(1<<24-1))*(1000/windowCells))
		}
		all = append(all, seen{i, last})
	}
	slices.SortFunc(all, func(a, b seen) int { return cmp.Compare(a.last, b.last) })
	t.newest, t.oldest = 0, 0
	for _, s := range all {
		t.link(s.i)
	}
}

// SaveWindows writes snapshots, one after the other, to a file that takes the
// place of the one at path when it is whole and synced.
func SaveWindows(path string, list ...*Windows) error {
	name := path + compactSuffix
	os.Remove(name) // of one that was killed
	f, err := createAt(name)
	if err != nil {
		return err
	}
	defer os.Remove(name) // nothing there after the rename
	defer f.Close()
	for _, w := range list {
		if err := w.Snapshot(f); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(name, path); err != nil {
		return err
	}
	return syncDir(path)
}

// LoadWindows restores what SaveWindows wrote, with as many Windows in the same
// order. The error is fs.ErrNotExist where there is no file. What is damaged is
// left out, with all that follows.
func LoadWindows(path string, list ...*Windows) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<16)
	for _, w := range list {
		if err := w.Restore(in); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
