package archive

import (
	"errors"
	"io"

	"qguard/scan"
)

// A run is members packed as one stream, read forward once however many of them
// are opened: each is kept in a spool while the walk is at it. A member alone in
// its stream is unpacked only as far as it is read.
type run struct {
	b    *scan.Budget
	open func(*room) (io.Reader, error)
	// advance gives the reader of the next member where each has one; nil: they
	// stand one behind the other in what open gives.
	advance func() (io.Reader, error)

	room  *room
	r     io.Reader
	size  int64 // of the present member, -1: to the end
	left  int64 // of it in the stream
	spool *scan.Spool
	err   error // why nothing more can be read
	own   error // why the present member cannot be read
}

// member returns the opener of the next member; alone when its stream has no
// other.
func (s *run) member(size int64, alone bool) func() (io.Reader, error) {
	s.size, s.left, s.own = size, size, nil
	if s.room == nil {
		s.room = &room{b: s.b}
	}
	if alone {
		return func() (io.Reader, error) {
			s.room.free()
			if err := spent(s.b); err != nil {
				return nil, err
			}
			r, err := s.open(s.room)
			if err != nil {
				return nil, err
			}
			return &exactly{r: r, left: size}, nil
		}
	}
	return func() (io.Reader, error) {
		if err := s.keep(); err != nil {
			return nil, err
		}
		return io.NewSectionReader(s.spool, 0, s.spool.Size()), nil
	}
}

// keep spools the present member.
func (s *run) keep() error {
	if s.spool != nil || s.own != nil {
		return s.own
	}
	if err := s.start(); err != nil {
		return err
	}
	limit := int64(s.b.Limit.Size)
	if s.size > limit {
		s.own = &scan.Flaw{Rule: "limit.size", Note: "archive member too large to unpack"}
		return s.own
	}
	spool, err := scan.NewSpool(&exactly{r: s.r, left: s.size}, limit)
	if errors.Is(err, scan.ErrTooLong) {
		err = &scan.Flaw{Rule: "limit.size", Note: "archive member too large to unpack"}
	}
	if s.left = 0; err != nil {
		s.err = err
		return err
	}
	s.spool = spool
	return nil
}

// start opens the stream.
func (s *run) start() error {
	if s.r == nil && s.err == nil {
		s.r, s.err = s.open(s.room)
	}
	return s.err
}

// next leaves the present member and skips what was not read of it.
func (s *run) next() {
	if s.spool != nil {
		s.spool.Close()
		s.spool = nil
	}
	if s.start() != nil {
		return
	}
	if s.left != 0 {
		if _, err := io.Copy(io.Discard, &exactly{r: s.r, left: s.left}); err != nil {
			s.err = err
			return
		}
	}
	if s.advance != nil {
		s.r, s.err = s.advance()
	}
}

func (s *run) close() {
	if s.spool != nil {
		s.spool.Close()
	}
	if s.room != nil {
		s.room.free()
	}
}

// exactly reads left bytes; a stream that has fewer is damaged.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	if e.left > 0 && int64(len(p)) > e.left {
		p = p[:e.left]
	}
	n, err := e.r.Read(p)
	if e.left > 0 {
		e.left -= int64(n)
		err = early(err)
	}
	if e.left == 0 {
		err = nil
	}
	return n, err
}

// early makes an end a flaw.
func early(err error) error {
	if err == io.EOF {
		return unreadable("damaged archive: a member ends early")
	}
	return err
}
