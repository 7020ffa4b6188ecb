package authenticate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// A passwd-file has a line for each user:
//
//	user:hash[:anything]
//
// so that shadow, htpasswd -B and Dovecot passwd-files can be used as they are.
// Blank lines, lines that begin with # and lines without a colon say nothing;
// CR before LF is ignored; of two lines for a user the first counts. hash.go
// says what a hash may look like. The file is read from its beginning for each
// pair, so a changed password counts at once and nothing is kept in memory.
//
// Limits: a regular file of at most 64 MB. A line of more than 4095 bytes
// says nothing; where it would have been the user's, the answer is Unavailable.
const (
	maxPasswdFile = 64 << 20
	maxPasswdLine = 4096 // with its newline
)

// passwdFile is the path of such a file. The context bounds the reading. It
// cannot interrupt a hash once begun: how long one takes, the file says.
type passwdFile string

func (p passwdFile) ID() string { return fmt.Sprintf("passwd-file %q", string(p)) }

func (p passwdFile) Check(ctx context.Context, user, password []byte) (Answer, error) {
	answer, err := p.check(ctx, user, password)
	if err != nil {
		return Unavailable, fmt.Errorf("passwd-file: %w", err)
	}
	return answer, nil
}

func (p passwdFile) check(ctx context.Context, user, password []byte) (Answer, error) {
	if err := askable(user, password); err != nil {
		return Unavailable, err
	}
	f, err := openPasswdFile(string(p))
	if err != nil {
		return Unavailable, err
	}
	defer f.Close()
	field, line, err := findUser(ctx, f, user)
	if err != nil {
		return Unavailable, fmt.Errorf("%s: %w", p, err)
	}
	if line == 0 {
		return NoUser, nil
	}
	digest, err := decodeHash(string(field))
	switch {
	case errors.Is(err, errNobody):
		return Wrong, nil
	case err != nil:
		return Unavailable, fmt.Errorf("%s:%d: %w", p, line, err)
	}
	right, err := digest.MatchBytesAdvanced(password)
	switch {
	case err != nil: // not wrapped: it may quote the hash
		return Unavailable, fmt.Errorf("%s:%d: %w", p, line, errMalformed)
	case right:
		return Right, nil
	default:
		return Wrong, nil
	}
}

func openPasswdFile(path string) (*os.File, error) {
	// O_NONBLOCK, or a FIFO in its place would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s: not a regular file", path)
	case info.Size() > maxPasswdFile:
		err = fmt.Errorf("%s: larger than %d bytes", path, maxPasswdFile)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// findUser returns the hash field of the user's line and the line's number, 0
// where there is none.
func findUser(ctx context.Context, file io.Reader, user []byte) (field []byte, number int, err error) {
	limited := &io.LimitedReader{R: file, N: maxPasswdFile + 1} // it may grow
	r := bufio.NewReaderSize(limited, maxPasswdLine)
	for number = 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		line, err := r.ReadSlice('\n')
		name, hash, ok := parseLine(line)
		mine := ok && bytes.Equal(name, user)
		switch {
		case err == bufio.ErrBufferFull && mine:
			return nil, 0, fmt.Errorf("line %d is too long", number)
		case err == bufio.ErrBufferFull:
			if err := skipLine(r); err != nil {
				return nil, 0, err
			}
		case err != nil && err != io.EOF:
			return nil, 0, err
		case mine:
			return hash, number, nil
		case limited.N == 0:
			return nil, 0, fmt.Errorf("larger than %d bytes", maxPasswdFile)
		case err == io.EOF:
			return nil, 0, nil
		}
	}
}

// skipLine reads to the end of a line that did not fit.
func skipLine(r *bufio.Reader) error {
	for {
		_, err := r.ReadSlice('\n')
		if err == nil || err == io.EOF {
			return nil
		}
		if err != bufio.ErrBufferFull {
			return err
		}
	}
}

// parseLine splits a line, with or without its end, into the user's name and
// the hash field. A line that has neither is not ok.
func parseLine(line []byte) (user, field []byte, ok bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if bytes.HasPrefix(line, []byte("#")) {
		return nil, nil, false
	}
	user, rest, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(user) == 0 {
		return nil, nil, false
	}
	field, _, _ = bytes.Cut(rest, []byte(":"))
	return user, field, true
}
