package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// memorySpool is how many bytes NewSpool keeps in memory.
const memorySpool = 1 << 20

// ErrTooLong is returned by NewSpool for a stream over the given length.
var ErrTooLong = errors.New("too long")

// A Spool holds a stream so that it can be read at any offset: in memory while
// it is short, else in a file of os.TempDir that has no name and is gone with
// the process.
type Spool struct {
	mem         []byte
	file        *os.File
	size        int64
	max, memory int64
	grant       func(bytes int64) error
}

// NewSpool reads r to its end, max bytes at most; the error is then ErrTooLong.
// Below 1 MiB it stays in memory.
func NewSpool(r io.Reader, max int64) (*Spool, error) {
	var buf bytes.Buffer
	n, err := buf.ReadFrom(io.LimitReader(r, min(memorySpool, max)+1))
	if err != nil {
		return nil, err
	}
	if n > max {
		return nil, ErrTooLong
	}
	s := &Spool{mem: buf.Bytes(), size: n, max: max, memory: memorySpool}
	if n <= memorySpool {
		return s, nil
	}
	err = s.toFile()
	if err == nil {
		_, err = io.Copy(s, r)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// EmptySpool is one to be written: max bytes at most, and at most memory of them
// held in memory. grant, unless nil, is asked before bytes are stored and told
// the negative number when they are given up; its error is Write's.
func EmptySpool(max, memory int64, grant func(bytes int64) error) *Spool {
	return &Spool{max: max, memory: memory, grant: grant}
}

// Write adds p, all of it or, with an error, nothing. Over max it is ErrTooLong.
func (s *Spool) Write(p []byte) (int, error) {
	grown := s.size + int64(len(p))
	if grown > s.max {
		return 0, ErrTooLong
	}
	if s.grant != nil {
		if err := s.grant(int64(len(p))); err != nil {
			return 0, err
		}
	}
	err := s.put(p, grown)
	if err != nil {
		if s.grant != nil {
			s.grant(-int64(len(p)))
		}
		return 0, err
	}
	s.size = grown
	return len(p), nil
}

func (s *Spool) put(p []byte, grown int64) error {
	if s.file == nil && grown <= s.memory {
		s.mem = append(s.mem, p...)
		return nil
	}
	if s.file == nil {
		if err := s.toFile(); err != nil {
			return err
		}
	}
	_, err := s.file.WriteAt(p, s.size)
	return err
}

// toFile moves what is in memory to the disk.
func (s *Spool) toFile() error {
	file, err := nameless()
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return s.move(file)
}

func (s *Spool) move(file *os.File) error {
	if _, err := file.WriteAt(s.mem, 0); err != nil {
		file.Close()
		return err
	}
	s.file, s.mem = file, nil
	return nil
}

// SyscallConn gives access to the descriptor of a file that holds the stream,
// in memory still (memfd_create(2)) where it was.
func (s *Spool) SyscallConn() (syscall.RawConn, error) {
	if s.file == nil {
		fd, err := unix.MemfdCreate("qguard", unix.MFD_CLOEXEC)
		if err == nil {
			err = s.move(os.NewFile(uintptr(fd), "spool"))
		}
		if err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
	}
	return s.file.SyscallConn()
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
	if off >= int64(len(s.mem)) { // closed, too
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
	if s.grant != nil {
		s.grant(-s.size)
		s.grant = nil
	}
	if s.file != nil {
		return s.file.Close()
	}
	return nil
}
