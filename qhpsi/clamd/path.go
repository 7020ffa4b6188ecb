package clamd

import (
	"errors"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// A flaw is why a file is not read, in clamd's words.
type flaw string

func (f flaw) Error() string { return string(f) }

const (
	errNotRegular flaw = "Not a regular file"
	errNoAccess   flaw = "Can't access file"
	errFileType   flaw = "Not supported file type"
)

const (
	maxPath = 4095 // PATH_MAX without its NUL
	maxBase = 255  // NAME_MAX
	retries = 10   // openat2(2): EAGAIN after a rename beside a ".."
)

// A source is an open file or directory.
type source struct {
	*os.File
	size int64
	dir  bool
}

// open opens a client's path when it is one of the prefixes or in one. A path
// that is in none does not exist, whatever is there.
func open(prefixes []string, path string) (source, error) {
	if err := tooLong(path); err != nil {
		return source{}, err
	}
	for _, prefix := range prefixes {
		rest, ok := strings.CutPrefix(path, strings.TrimRight(prefix, "/"))
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		rest = strings.TrimLeft(rest, "/")
		if rest == "" {
			return openAt(unix.AT_FDCWD, prefix, 0)
		}
		at, err := unix.Open(prefix, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return source{}, err
		}
		defer unix.Close(at)
		return openAt(at, rest, unix.RESOLVE_BENEATH)
	}
	return source{}, unix.ENOENT
}

// tooLong finds what the kernel would, for all paths alike.
func tooLong(path string) error {
	if len(path) > maxPath {
		return unix.ENAMETOOLONG
	}
	for part := range strings.SplitSeq(path, "/") {
		if len(part) > maxBase {
			return unix.ENAMETOOLONG
		}
	}
	return nil
}

// openAt opens a regular file or a directory for reading. It looks what it is
// first: opening a FIFO or a device can do something.
func openAt(at int, path string, resolve uint64) (source, error) {
	fd, _, err := open2(at, path, unix.O_PATH, resolve)
	if err != nil {
		return source{}, err
	}
	unix.Close(fd)
	fd, st, err := open2(at, path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, resolve)
	if err != nil {
		return source{}, err
	}
	return source{os.NewFile(uintptr(fd), ""), st.Size, st.Mode&unix.S_IFMT == unix.S_IFDIR}, nil
}

// open2 opens a regular file or a directory; anything else is closed again.
func open2(at int, path string, flags, resolve uint64) (fd int, st unix.Stat_t, err error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS}
	for range retries {
		fd, err = unix.Openat2(at, path, &how)
		if err != unix.EAGAIN && err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return -1, st, err
	}
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = errFileType
	}
	if err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

// pathError is clamd's answer about a path that could not be opened.
func pathError(err error) string {
	var code unix.Errno
	switch {
	case err == unix.EACCES:
		return "Access denied. ERROR"
	case err == unix.EXDEV: // it would leave the prefix
		err = unix.ENOENT
	case !errors.As(err, &code):
		return err.Error() + " ERROR"
	}
	text := err.Error()
	first, n := utf8.DecodeRuneInString(text)
	return "File path check failure: " + string(unicode.ToUpper(first)) + text[n:] + ". ERROR"
}
