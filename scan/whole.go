package scan

import (
	"io"
	"sync"
)

// A whole is the content of a message as openers read it: often a few bytes here
// and a few there, which from a file would be a system call each. So what is
// around them is kept. A message that is shorter than its door said is an error
// and not an early end.
type whole struct {
	content io.ReaderAt
	size    int64

	mu     sync.Mutex // a decoder that was given up may still be reading
	blocks [8]block   // by the number of the block, modulo their number
}

// A block is a piece of the content from a multiple of blockSize on.
type block struct {
	at   int64
	data []byte // nil: nothing yet
}

const blockSize = 8 << 10

// ReadAt reads as io.ReaderAt says.
func (w *whole) ReadAt(p []byte, off int64) (int, error) {
	if len(p) >= blockSize/2 {
		n, err := w.content.ReadAt(p, off)
		return n, w.early(err, off+int64(n))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for n < len(p) {
		at := off + int64(n)
		data, err := w.around(at)
		if len(data) == 0 {
			return n, w.early(err, at)
		}
		n += copy(p[n:], data)
	}
	return n, nil
}

// around returns what is kept of the content from an offset on, at least one
// byte unless there is an error.
func (w *whole) around(at int64) ([]byte, error) {
	start := at &^ (blockSize - 1)
	b := &w.blocks[start/blockSize%int64(len(w.blocks))]
	if b.data == nil || b.at != start || at >= start+int64(len(b.data)) {
		if b.data == nil {
			b.data = make([]byte, blockSize)
		}
		n, err := w.content.ReadAt(b.data[:blockSize], start)
		b.at, b.data = start, b.data[:n]
		if at >= start+int64(n) {
			return nil, err
		}
	}
	return b.data[at-start:], nil
}

func (w *whole) early(err error, end int64) error {
	if err == io.EOF && end < w.size {
		return io.ErrUnexpectedEOF
	}
	return err
}
