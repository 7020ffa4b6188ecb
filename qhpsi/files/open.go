package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"qguard/scan"
)

// A Source is a message that can be read at any offset.
type Source interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

type file struct {
	*os.File
	size int64
}

func (f file) Size() int64 { return f.size }

var errStdin = errors.New("no message on standard input here: name the file (QHPSI needs the program alone, or %s)")

// Open opens a path for reading only, without waiting on a FIFO. "-" is stdin, of
// which one byte more than size is read at most; without one it is an error.
func Open(name string, stdin io.Reader, size int64) (Source, error) {
	if name == "-" {
		if stdin == nil {
			return nil, errStdin
		}
		return scan.NewSpool(io.LimitReader(stdin, size+1), size+1)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return file{f, info.Size()}, nil
}

// reason is an error without the path, which stands before it.
func reason(name string, err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) && pe.Path == name {
		return fmt.Sprintf("%s: %v", pe.Op, pe.Err)
	}
	return err.Error()
}
