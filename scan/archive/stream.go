package archive

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"qguard/scan"
)

// A source makes a decompressor over packed bytes. room is where it takes its
// memory from.
type source func(packed *io.SectionReader, room *room) (io.Reader, error)

// openStream yields the single member of a compressor's file. The first of
// names is that of the file without its suffix.
func openStream(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error, names []string, unpack source) error {
	if err := b.Member(); err != nil {
		return err
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	return yieldStream(p.Member(names...), raw, b, yield, unpack)
}

// yieldStream yields a member whose bytes unpack makes of raw.
func yieldStream(child *scan.Part, raw *io.SectionReader, b *scan.Budget, yield func(*scan.Part) error, unpack source) error {
	room := &room{b: b}
	defer room.free()
	child.Open = func() (io.Reader, error) { return unpacking(raw, room, unpack) }
	return yield(child)
}

// unpacking opens a decompressor whose output is counted and whose panics and
// complaints are flaws. Memory that an earlier one held in the room is given
// back: nobody reads two of a member at a time.
func unpacking(raw *io.SectionReader, room *room, unpack source) (io.Reader, error) {
	room.free()
	if err := spent(room.b); err != nil {
		return nil, err
	}
	u := &unpacked{done: room.free}
	err := guarded(func() error {
		z, err := unpack(io.NewSectionReader(raw, 0, raw.Size()), room)
		if err == nil {
			u.r = room.b.Inflate(z, raw.Size())
		}
		return err
	})
	if err != nil {
		return nil, damaged(err)
	}
	return u, nil
}

// spent returns the limit that the message has reached, before anything is
// unpacked in vain: a bomb of many members ends at the first that is too much.
func spent(b *scan.Budget) error {
	if _, err := b.Inflate(strings.NewReader(""), 0).Read(nil); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// room is the memory that the decompressor of one member holds.
type room struct {
	b       *scan.Budget
	release []func()
}

// hold reserves bytes; more than limit.memory is limit.size.
func (m *room) hold(bytes int64) error {
	release, err := m.b.Hold(bytes)
	if err == nil {
		m.release = append(m.release, release)
	}
	return err
}

func (m *room) free() {
	for _, release := range m.release {
		release()
	}
	m.release = nil
}

// unpacked turns a decompressor's complaints and panics into flaws.
type unpacked struct {
	r    io.Reader
	done func() // called once, when nothing more will be read from r
	err  error
}

func (u *unpacked) Read(p []byte) (n int, err error) {
	if u.err != nil {
		return 0, u.err
	}
	err = guarded(func() (err error) {
		n, err = u.r.Read(p)
		return err
	})
	if err == nil {
		return n, nil
	}
	if u.err = err; err != io.EOF {
		u.err = damaged(err)
	}
	if u.done != nil {
		u.done()
	}
	return n, u.err
}

// guarded calls code that may panic on hostile bytes, and makes that a flaw.
func guarded(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			note := "damaged archive: its decoder gave up"
			if re, ok := r.(runtime.Error); ok {
				note += ": " + re.Error()
			}
			err = unreadable("%s", note)
		}
	}()
	return do()
}

// unreadable is the flaw of what is known and cannot be read.
func unreadable(format string, args ...any) *scan.Flaw {
	return &scan.Flaw{Rule: "xfile.unreadable", Note: fmt.Sprintf(format, args...)}
}

// damaged is the flaw of data that does not unpack.
func damaged(err error) error {
	return scan.Damaged(err, fmt.Sprintf("damaged archive: %v", err))
}

// trimName returns name without the compressor's suffix: tgz becomes tar.
func trimName(name string, suffixes ...string) string {
	lower := strings.ToLower(name)
	for _, s := range suffixes {
		if !strings.HasSuffix(lower, s) {
			continue
		}
		base := name[:len(name)-len(s)]
		if strings.HasPrefix(s, ".t") {
			return base + ".tar"
		}
		if s == ".svgz" {
			return base + ".svg"
		}
		return base
	}
	if name == "" {
		return "data"
	}
	return name
}

// trimmed returns every name of a part without the suffix.
func trimmed(p *scan.Part, suffixes ...string) []string {
	names := []string{trimName(p.Name(), suffixes...)}
	for _, n := range p.Names {
		names = appendName(names, trimName(n, suffixes...))
	}
	return names
}

// appendName adds a name that is not there yet.
func appendName(names []string, name string) []string {
	for _, have := range names {
		if have == name {
			return names
		}
	}
	return append(names, name)
}

// feed reads a section in pieces and knows how much of it was taken. It is an
// io.ByteReader, so that decompressors take no more than they need.
type feed struct {
	head []byte // given before the section's bytes, and not counted
	src  io.Reader
	buf  []byte
	i, n int
	used int64
}

func newFeed(src io.Reader, head ...byte) *feed {
	return &feed{head: head, src: src, buf: make([]byte, 4<<10)}
}

func (f *feed) fill() error {
	for range 100 {
		n, err := f.src.Read(f.buf)
		f.i, f.n = 0, n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func (f *feed) ReadByte() (byte, error) {
	if len(f.head) > 0 {
		c := f.head[0]
		f.head = f.head[1:]
		return c, nil
	}
	if f.i == f.n {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	c := f.buf[f.i]
	f.i++
	f.used++
	return c, nil
}

func (f *feed) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(f.head) > 0 {
		n := copy(p, f.head)
		f.head = f.head[n:]
		return n, nil
	}
	if f.i == f.n {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.buf[f.i:f.n])
	f.i += n
	f.used += int64(n)
	return n, nil
}

// peek returns the next bytes without taking them, fewer at the end.
func (f *feed) peek(n int) ([]byte, error) {
	if f.n-f.i < n {
		f.n = copy(f.buf, f.buf[f.i:f.n])
		f.i = 0
		for f.n < n {
			k, err := f.src.Read(f.buf[f.n:])
			f.n += k
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return f.buf[f.i:min(f.n, f.i+n)], nil
}

// skip takes n bytes.
func (f *feed) skip(n int64) error {
	got, err := io.CopyN(io.Discard, struct{ io.Reader }{f}, n)
	if err == io.EOF && got < n {
		return io.ErrUnexpectedEOF
	}
	return err
}
