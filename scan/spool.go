package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// memorySpool is how many bytes a spool keeps in memory before it moves to disk.
const memorySpool = 1 << 20

// ErrTooLong is returned by NewSpool for a stream over the given length.
var ErrTooLong = errors.New("too long")

// A Spool holds a stream so that it can be read at any offset: in memory below
// 1 MiB, else in a file of os.TempDir that has no name and is gone with the
// process.
type Spool struct {
	mem  []byte
	file *os.File
	size int64
}

// NewSpool reads r to its end, max bytes at most; the error is then ErrTooLong.
func NewSpool(r io.Reader, max int64) (*Spool, error) {
	var buf bytes.Buffer
	n, err := buf.ReadFrom(io.LimitReader(r, min(memorySpool, max)+1))
	if err != nil {
		return nil, err
	}
	if n > max {
		return nil, ErrTooLong
	}
	if n <= memorySpool {
		return &Spool{mem: buf.Bytes(), size: n}, nil
	}
	file, err := nameless()
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	size, err := io.Copy(file, io.LimitReader(io.MultiReader(&buf, r), max+1))
	if err != nil {
		file.Close()
		return nil, err
	}
	if size > max {
		file.Close()
		return nil, ErrTooLong
	}
	return &Spool{file: file, size: size}, nil
}

// nameless opens a file without a name in os.TempDir: a process that is killed
// leaves nothing behind. Where the file system has none, it has a name for a
// moment.
func nameless() (*os.File, error) {
	file, err := os.OpenFile(os.TempDir(), os.O_RDWR|unix.O_TMPFILE, 0o600)
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) {
		return file, err
	}
	file, err = os.CreateTemp("", "qguard-")
	if err == nil {
		os.Remove(file.Name())
	}
	return file, err
}

// Size returns the number of bytes held.
func (s *Spool) Size() int64 { return s.size }

// ReadAt reads as io.ReaderAt says.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	if off >= s.size {
		return 0, io.EOF
	}
	n := copy(p, s.mem[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close gives the memory or the disk space back.
func (s *Spool) Close() error {
	s.mem = nil
	if s.file != nil {
		return s.file.Close()
	}
	return nil
}
