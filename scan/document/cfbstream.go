package document

import (
	"io"

	"qguard/scan"
)

// miniCutoff is the length from which a stream has sectors of its own.
const miniCutoff = 4096

// cfbStream reads a stream sector by sector.
type cfbStream struct {
	c    *cfb
	at   uint32 // sector
	off  int64  // in it
	left int64
	mini bool
}

// stream returns a reader of an entry's bytes from an offset on. It ends in
// xfile.unreadable where the file has fewer than the entry claims.
func (c *cfb) stream(e *cfbEntry, from int64) *cfbStream {
	s := &cfbStream{c: c, at: e.start, left: e.size, mini: e.size < miniCutoff}
	if s.left > c.raw.Size() {
		s.left = c.raw.Size() // and then some of it is not there
	}
	for s.left > 0 && from > 0 {
		n := min(from, s.unit()-s.off, s.left)
		from -= n
		s.advance(n)
	}
	return s
}

func (s *cfbStream) unit() int64 {
	if s.mini {
		return 64
	}
	return 1 << s.c.shift
}

// advance goes on by bytes of the same sector.
func (s *cfbStream) advance(n int64) {
	s.off += n
	s.left -= n
	if s.off < s.unit() {
		return
	}
	s.off = 0
	s.at = s.next(s.at)
}

func (s *cfbStream) next(at uint32) uint32 {
	table := s.c.fat
	if s.mini {
		table = s.c.miniFAT
	}
	if int64(at) >= int64(len(table)) {
		return noEntry
	}
	return table[at]
}

// place returns where the current byte stands in the file and how many follow
// it there, at most want.
func (s *cfbStream) place(want int64) (off, n int64) {
	if s.mini {
		at := int64(s.at)*64 + s.off
		i := at >> s.c.shift
		if i >= int64(len(s.c.mini)) {
			return 0, 0
		}
		return (int64(s.c.mini[i])+1)<<s.c.shift + at&(1<<s.c.shift-1), min(want, 64-s.off)
	}
	if int64(s.at) >= s.c.sectors {
		return 0, 0
	}
	n = s.unit() - s.off
	for at := s.at; n < want && s.next(at) == at+1; at++ {
		n += s.unit()
	}
	return (int64(s.at)+1)<<s.c.shift + s.off, min(want, n)
}

func (s *cfbStream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if err := s.c.b.Time(); err != nil {
		return 0, err
	}
	off, n := s.place(min(int64(len(p)), s.left))
	if n == 0 && len(p) > 0 {
		s.left = 0
		return 0, cannotRead("OLE stream is cut off")
	}
	got, err := s.c.raw.ReadAt(p[:n], off)
	if int64(got) < n {
		s.left = 0
		if err := systemError(err); err != nil {
			return got, err
		}
		return got, cannotRead("OLE stream is cut off")
	}
	for rest := n; rest > 0; {
		k := min(rest, s.unit()-s.off)
		s.advance(k)
		rest -= k
	}
	s.c.given += n
	// Streams that share their sectors could be read for ever.
	if s.c.given > 16*s.c.raw.Size()+1<<20 {
		return got, &scan.Flaw{Rule: "limit.size", Note: "streams of an OLE file overlap"}
	}
	return got, nil
}
