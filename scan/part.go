package scan

import (
	"errors"
	"io"
	"strings"
)

// A Part is a piece of a message that a mail client could show or save: a MIME
// entity, an archive member, the text of a document. It is opened, not held;
// Open and Text may be called as often as needed while the walk is at the part.
type Part struct {
	Path   string
	Names  []string // every file name some reading gives it, decoded to UTF-8
	Types  []string // every media type, lower case
	Header Header   // of a MIME entity; nil otherwise
	Depth  int      // multiparts and messages around it
	Nest   int      // archives around it

	// Disputed: some reading of the message has no such part, or other bytes in
	// it. What the part contains is disputed as well.
	Disputed bool
	// DisputedNames are those of Names which only some readings give.
	DisputedNames []string

	// Open gives the bytes a client would save, transfer encoding undone.
	// nil: the part is only a shell (multipart) or only text.
	Open func() (io.Reader, error)
	// Text gives what a reader sees, as UTF-8; invalid input may remain invalid.
	// nil: the part is not text.
	Text func() (io.Reader, error)
	// Raw is set where Open's bytes stand unencoded in something that can be
	// read at any offset.
	Raw *io.SectionReader

	// Made is what the opener that made the part keeps of it for opening it.
	Made any

	head    []byte
	headErr error
	headed  bool
	spool   *Spool
}

// A Header is the fields of an entity in order, unfolded, charset not decoded.
type Header []Field

// A Field is one header field; Name is as written.
type Field struct{ Name, Value string }

// Get returns the value of the first field of that name, "" when there is none.
func (h Header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// HeadSize is how many bytes Head reads at most: the volume descriptor of an
// ISO 9660 image, the farthest of the magic numbers, begins at 32 KiB.
const HeadSize = 36 << 10

// Head returns the first bytes of the part, fewer than HeadSize only when the
// part is shorter or reading failed, which err then says.
func (p *Part) Head() (head []byte, err error) {
	if p.headed || p.Open == nil {
		return p.head, p.headErr
	}
	p.headed = true
	r, err := p.Open()
	if err != nil {
		p.headErr = err
		return nil, err
	}
	p.head, p.headErr = readHead(r)
	return p.head, p.headErr
}

// readHead reads up to HeadSize bytes into a buffer that is small for the many
// small parts: every page touched costs a start of microseconds.
func readHead(r io.Reader) ([]byte, error) {
	buf := make([]byte, 0, 512)
	for len(buf) < HeadSize {
		if len(buf) == cap(buf) {
			size := 4096
			if cap(buf) >= size {
				size = HeadSize
			}
			buf = append(make([]byte, 0, size), buf...)
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// Content returns the part's bytes for reading at any offset. They are kept in
// a Spool, bounded by the budget, until the walk leaves the part.
func (p *Part) Content(b *Budget) (*io.SectionReader, error) {
	if p.Raw != nil {
		return p.Raw, nil
	}
	if p.spool == nil {
		r, err := p.Open()
		if err != nil {
			return nil, err
		}
		spool, err := NewSpool(r, int64(b.Limit.Size))
		if errors.Is(err, ErrTooLong) {
			return nil, &Flaw{Rule: "limit.size", Note: "container too large to open"}
		}
		if err != nil {
			return nil, err
		}
		p.spool = spool
	}
	return io.NewSectionReader(p.spool, 0, p.spool.Size()), nil
}

func (p *Part) close() {
	if p.spool != nil {
		p.spool.Close()
		p.spool = nil
	}
}

// Is reports whether some reading gives the part one of these media types; a
// type that ends in "/" stands for all its subtypes.
func (p *Part) Is(types ...string) bool {
	for _, have := range p.Types {
		for _, want := range types {
			if have == want || strings.HasSuffix(want, "/") && strings.HasPrefix(have, want) {
				return true
			}
		}
	}
	return false
}

// Named reports whether some name ends in one of these suffixes (".eml"), in
// any case.
func (p *Part) Named(suffixes ...string) bool {
	for _, name := range p.Names {
		for _, s := range suffixes {
			if len(name) >= len(s) && strings.EqualFold(name[len(name)-len(s):], s) {
				return true
			}
		}
	}
	return false
}

// Name returns the name to show for the part, "" when it has none.
func (p *Part) Name() string {
	if len(p.Names) == 0 {
		return ""
	}
	return p.Names[0]
}

// Member returns a part for a member of the container p with these names.
func (p *Part) Member(names ...string) *Part {
	path := p.Path
	if name := "/" + Printable(p.Name(), 100); p.Nest == 0 && p.Name() != "" && !strings.HasSuffix(path, name) {
		path += name
	}
	return &Part{
		Path:  path + "/" + Printable(names[0], 100),
		Names: names,
		Depth: p.Depth,
		Nest:  p.Nest + 1,
	}
}
