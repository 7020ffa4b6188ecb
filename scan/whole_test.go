package scan

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// counted counts the reads of what it reads from.
type counted struct {
	io.ReaderAt
	reads int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	return c.ReaderAt.ReadAt(p, off)
}

// TestWhole reads here and there: the same bytes and ends as from the content.
func TestWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, blockSize - 1, blockSize, blockSize + 1, 20*blockSize + 7} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(r.Uint32())
		}
		w := &whole{content: bytes.NewReader(content), size: int64(size)}
		for range 3000 {
			off, n := r.IntN(size+10), r.IntN(300)
			if r.IntN(20) == 0 {
				n = r.IntN(3 * blockSize)
			}
			got, want := make([]byte, n), make([]byte, n)
			gn, gerr := w.ReadAt(got, int64(off))
			wn, werr := bytes.NewReader(content).ReadAt(want, int64(off))
			if n == 0 {
				werr = gerr // an empty read may say either
			}
			if gn != wn || gerr != werr || !bytes.Equal(got[:gn], want[:wn]) {
				t.Fatalf("size %d, %d bytes at %d: got %d, %v; want %d, %v", size, n, off, gn, gerr, wn, werr)
			}
		}
	}
}

// Many small reads in one place are one of the content's.
func TestWholeKeeps(t *testing.T) {
	c := &counted{ReaderAt: bytes.NewReader(make([]byte, 3*blockSize))}
	w := &whole{content: c, size: 3 * blockSize}
	for off := range int64(2 * blockSize) {
		w.ReadAt(make([]byte, 3), off)
	}
	if c.reads != 3 {
		t.Errorf("%d reads", c.reads)
	}
}

// What ends early, or cannot be read, is trouble and not the end.
func TestWholeTrouble(t *testing.T) {
	short := &whole{content: bytes.NewReader(make([]byte, 100)), size: 200}
	broken := errors.New("broken")
	bad := &whole{content: failing{broken}, size: 200}
	for _, n := range []int{10, 2 * blockSize} {
		if got, err := short.ReadAt(make([]byte, n), 95); got != 5 || err != io.ErrUnexpectedEOF {
			t.Errorf("short: %d, %v", got, err)
		}
		if got, err := bad.ReadAt(make([]byte, n), 0); got != 0 || err != broken {
			t.Errorf("bad: %d, %v", got, err)
		}
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }
