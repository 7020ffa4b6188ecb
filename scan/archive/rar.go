package archive

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/nwaples/rardecode/v2"

	"qguard/scan"
)

const rarMagic = "Rar!\x1a\x07"

// openRAR yields the members of a RAR archive, version 1.5 to 4 or 5.
func openRAR(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	return openRARAt(p, raw, b, yield)
}

// openRARAt reads the archive that raw begins with. Members are what our own
// walk of the headers finds; the library unpacks one run of them at a time, from
// a copy of the archive that holds nothing else: what it makes of one header
// cannot hide another.
func openRARAt(p *scan.Part, raw *io.SectionReader, b *scan.Budget, yield func(*scan.Part) error) error {
	a := &rarFile{raw: raw, b: b}
	flaw := a.list()
	for i := 0; i < len(a.members); {
		end := i + 1
		for end < len(a.members) && a.members[end].solid {
			end++
		}
		if err := a.run(p, a.members[i:end], yield); err != nil {
			return err
		}
		i = end
	}
	return flaw
}

// rarFile is one RAR archive.
type rarFile struct {
	raw     *io.SectionReader
	b       *scan.Budget
	start   int64 // where the archive's own header ends
	members []rarMember
}

// A rarMember is what its header says.
type rarMember struct {
	names     []string
	at        int64 // of the header
	data      int64
	packed    int64
	size      int64 // -1: not known
	dict      int64
	version   byte // that is needed to unpack, of RAR 1.5 to 4
	stored    bool
	encrypted bool
	split     bool // in several volumes
	solid     bool // needs what was unpacked before
	folder    bool
}

// end is where the next header stands, or the file ends.
func (m *rarMember) end(size int64) int64 {
	if m.packed > size-m.data {
		return size
	}
	return m.data + m.packed
}

// flaw is why a member cannot be read at all, nil when it can.
func (m *rarMember) flaw(size int64) error {
	switch {
	case m.encrypted:
		return &scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted RAR member", Grave: nestable(m.names)}
	case m.split:
		return unreadable("archive goes on in another volume")
	case m.stored && m.packed > size-m.data:
		return unreadable("damaged archive: cut off")
	}
	return nil
}

// run yields members that are unpacked one behind the other, most often one.
func (a *rarFile) run(p *scan.Part, members []rarMember, yield func(*scan.Part) error) error {
	l := &rarLibrary{file: a, members: members}
	run := &run{b: a.b, open: l.open, advance: l.next}
	defer run.close()
	var claim error
	for i := range members {
		m := &members[i]
		claim = errors.Join(claim, a.b.Claim(m.size))
		if i > 0 {
			run.next()
		}
		open := run.member(m.size, len(members) == 1)
		if m.folder {
			continue
		}
		if err := a.b.Member(); err != nil {
			return err
		}
		child := p.Member(m.names...)
		child.Open = open
		if flaw := m.flaw(a.raw.Size()); flaw != nil {
			child.Open = func() (io.Reader, error) { return nil, flaw }
		} else if m.stored {
			child.Raw = io.NewSectionReader(a.raw, m.data, m.packed)
			child.Open = func() (io.Reader, error) { return io.NewSectionReader(child.Raw, 0, m.packed), nil }
		}
		if err := yield(child); err != nil {
			return err
		}
	}
	return claim
}

// rarLibrary unpacks a run of members.
type rarLibrary struct {
	file    *rarFile
	members []rarMember
	at      int // the present one
	r       *rardecode.Reader
	gate    *gate
	room    *room
}

// open gives the library an archive of the run alone, and its first member.
func (l *rarLibrary) open(room *room) (io.Reader, error) {
	const least = 256 << 10 // the library's smallest window
	window := int64(least)
	for _, m := range l.members {
		dict := m.dict
		if len(l.members) == 1 && m.size >= 0 {
			dict = min(dict, m.size)
		}
		window = max(window, dict)
	}
	memory := int64(l.file.b.Limit.Memory)
	if err := room.hold(window); err != nil {
		return nil, err
	}
	// QUIRK: PPM of RAR 3 takes up to 256 MiB as its data ask.
	done, err := l.file.b.Heavy()
	if err != nil {
		return nil, err
	}
	room.release = append(room.release, done)
	raw, first, last := l.file.raw, l.members[0], l.members[len(l.members)-1]
	l.gate = &gate{r: io.MultiReader(
		io.NewSectionReader(raw, 0, l.file.start),
		io.NewSectionReader(raw, first.at, last.end(raw.Size())-first.at))}
	l.at, l.room = -1, room
	err = guarded(func() (err error) {
		l.r, err = rardecode.NewReader(l.gate, rardecode.MaxDictionarySize(max(memory, least)), rardecode.SkipCheck)
		return err
	})
	if err != nil {
		return nil, damaged(err)
	}
	return l.next()
}

// next is the reader of the next member.
func (l *rarLibrary) next() (io.Reader, error) {
	err := guarded(func() error {
		_, err := l.r.Next()
		return err
	})
	if errors.Is(err, rardecode.ErrDictionaryTooLarge) {
		return nil, &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("unpacking needs more than %d bytes of memory", l.file.b.Limit.Memory)}
	}
	if err == io.EOF {
		err = unreadable("damaged archive: RAR member is missing")
	}
	if err != nil {
		return nil, damaged(err)
	}
	l.at++
	packed := l.members[min(l.at, len(l.members)-1)].packed
	r := l.file.b.Inflate(&watched{r: l.r, gate: l.gate, b: l.file.b}, min(packed, l.file.raw.Size()))
	return &unpacked{r: r}, nil
}

// watched reads from a decoder that may work for minutes on one read (RAR 3
// carries programs, RAR 5 filters on filters): past the time allowed it is
// left to itself, with nothing more to read.
type watched struct {
	r    io.Reader
	gate *gate
	b    *scan.Budget
	err  error
}

func (w *watched) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	type result struct {
		n   int
		err error
	}
	light, err := w.b.Heavy()
	if err != nil {
		return 0, err
	}
	buf := make([]byte, min(len(p), 32<<10))
	done := make(chan result, 1)
	go func() {
		defer light()
		var got result
		got.err = guarded(func() (err error) {
			got.n, err = w.r.Read(buf)
			return err
		})
		done <- got
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case got := <-done:
			if got.n < 0 || got.n > len(buf) {
				return 0, unreadable("damaged archive: its decoder gave up")
			}
			return copy(p, buf[:got.n]), got.err
		case <-tick.C:
		}
		if w.err = w.b.Time(); w.err != nil {
			w.gate.shut()
			return 0, w.err
		}
	}
}

// gate is a reader that can be shut while someone else reads.
type gate struct {
	mu sync.Mutex
	r  io.Reader
}

func (g *gate) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.r == nil {
		return 0, io.ErrClosedPipe
	}
	return g.r.Read(p)
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.r = nil
}

// add keeps a member with the names that its header can mean.
func (a *rarFile) add(m rarMember, names ...string) {
	for _, name := range names {
		if name != "" {
			m.names = appendName(m.names, name)
		}
	}
	if len(m.names) == 0 {
		m.names = []string{"unnamed"}
	}
	if m.size < 0 || m.size > math.MaxInt64/2 {
		m.size = -1
	}
	a.members = append(a.members, m)
}
