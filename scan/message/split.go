package message

import (
	"bytes"
	"io"
)

// maxBoundary is how long a boundary may be; RFC 2046 section 5.1.1 says 70.
const maxBoundary = 4 << 10

// delimiter is one delimiter line: the body before it ends at before, what
// follows it begins at after. Not found: both are the end of the multipart.
type delimiter struct {
	before, after int64
	found, final  bool
}

// splitter finds delimiter lines in a body, window by window.
type splitter struct {
	raw  *io.SectionReader
	mark []byte // line feed, "--" and the boundary
	near bool   // a line, or what stands behind a bare CR, began with the mark and was no delimiter line
	buf  []byte // some of raw's bytes, from offset at
	at   int64
}

// window is how many bytes of a body are searched at a time.
const window = 16 << 10

// next returns the first delimiter line that begins at offset from or later;
// from is the start of a line.
func (s *splitter) next(from int64) (delimiter, error) {
	size := s.raw.Size()
	if from == 0 { // no line feed stands before the first line
		buf, err := s.load(0)
		if err != nil {
			return delimiter{}, err
		}
		if bytes.HasPrefix(buf, s.mark[1:]) {
			if d, err := s.line(0); d.found || err != nil {
				return d, err
			}
		}
	}
	for at := max(from-1, 0); at < size; {
		buf, err := s.load(at)
		if err != nil {
			return delimiter{}, err
		}
		i := bytes.Index(buf[min(1, len(buf)):], s.mark[1:]) // of the byte before it
		if i < 0 {
			if at+int64(len(buf)) == size {
				break
			}
			at += int64(max(1, len(buf)-len(s.mark)-1)) // keep what may begin a mark, and a CR before it
			continue
		}
		if buf[i] != '\n' {
			s.near = s.near || buf[i] == '\r'
			at += int64(i) + 1
			continue
		}
		before := at + int64(i)
		if i > 0 && buf[i-1] == '\r' {
			before--
		}
		at += int64(i) + 1
		if d, err := s.line(at); d.found || err != nil {
			d.before = before
			return d, err
		}
	}
	return delimiter{before: size, after: size}, nil
}

// line reads the rest of the delimiter line that begins at offset from with
// all of the mark but its line feed.
func (s *splitter) line(from int64) (d delimiter, err error) {
	at := from + int64(len(s.mark)) - 1
	skip := func(c int) (ok bool) {
		var have int
		if have, err = s.peek(at); have != c {
			return false
		}
		at++
		return true
	}
	if skip('-') {
		if !skip('-') {
			s.near = true
			return delimiter{}, err
		}
		d.final = true
	}
	for skip(' ') || skip('\t') {
	}
	if skip('\r'); !skip('\n') && at < s.raw.Size() {
		s.near = true
		return delimiter{}, err
	}
	d.found, d.after = true, at
	return d, err
}

// peek returns the byte at an offset, -1 past the end.
func (s *splitter) peek(at int64) (int, error) {
	if i := at - s.at; i >= 0 && i < int64(len(s.buf)) {
		return int(s.buf[i]), nil
	}
	buf, err := s.load(at)
	if err != nil || len(buf) == 0 {
		return -1, err
	}
	return int(buf[0]), nil
}

// load returns the bytes from offset at on: half a window or more, or all there is.
func (s *splitter) load(at int64) ([]byte, error) {
	size := s.raw.Size()
	if have := at - s.at; have >= 0 && have < int64(len(s.buf)) {
		rest := s.buf[have:]
		if len(rest) >= window/2 || s.at+int64(len(s.buf)) == size {
			return rest, nil
		}
	}
	want := int(max(0, min(window, size-at)))
	if cap(s.buf) < want {
		s.buf = make([]byte, want)
	}
	s.buf, s.at = s.buf[:want], at
	if n, err := s.raw.ReadAt(s.buf, at); n < want {
		return nil, err
	}
	return s.buf, nil
}
