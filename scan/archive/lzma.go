package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ulikunitz/xz/lzma"

	"qguard/scan"
)

// lzmaStream reads LZMA or LZMA2 with no larger dictionary than the data need.
// The library decodes until its dictionary is full before it gives the first
// byte, and a few bytes can ask for 4 GiB; a dictionary that is too small is an
// error there, never wrong bytes. So the first is small, and after an error the
// stream is begun again with a larger one, up to what the header says and
// limit.memory allows.
type lzmaStream struct {
	open func(dict int64) (io.Reader, *feed, error)
	full int64 // what the header says
	room *room

	dict int64
	z    io.Reader
	src  *feed
	out  int64 // bytes given
	err  error
}

const (
	firstDict = 4 << 10
	dictSteps = 16 // times the dictionary before
)

func (l *lzmaStream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for l.err == nil {
		if l.z == nil {
			l.err = l.begin()
			continue
		}
		n, err := l.z.Read(p)
		l.out += int64(n)
		if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) && l.dict < l.full {
			l.z = nil
			err = nil
		}
		l.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, l.err
}

// begin opens the stream with the next dictionary and skips what was given.
func (l *lzmaStream) begin() error {
	memory := int64(l.room.b.Limit.Memory)
	if l.dict >= memory {
		return &scan.Flaw{Rule: "limit.size", Note: fmt.Sprintf("unpacking needs more than %d bytes of memory", memory)}
	}
	l.dict = min(max(firstDict, l.dict*dictSteps), l.full, memory)
	if l.dict > firstDict {
		l.room.free()
		if err := l.room.hold(l.dict); err != nil {
			return err
		}
	}
	l.dict = max(l.dict, lzma.MinDictCap)
	var err error
	if l.z, l.src, err = l.open(l.dict); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	for skip := l.out; skip > 0; {
		if err := l.room.b.Time(); err != nil {
			return err
		}
		n, err := io.CopyN(io.Discard, l.z, min(skip, 1<<20))
		skip -= n
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil && l.dict < l.full {
			return l.begin()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lzma1 reads raw LZMA: props are its five bytes, the dictionary's size the last
// four; size is the length it unpacks to, -1 when an end mark says.
func lzma1(raw *io.SectionReader, props []byte, size int64, room *room) *lzmaStream {
	l := &lzmaStream{full: u32(props[1:]), room: room}
	l.open = func(dict int64) (io.Reader, *feed, error) {
		head := binary.LittleEndian.AppendUint32([]byte{props[0]}, uint32(dict))
		head = binary.LittleEndian.AppendUint64(head, uint64(size))
		src := newFeed(io.NewSectionReader(raw, 0, raw.Size()), head...)
		z, err := lzma.ReaderConfig{DictCap: int(dict)}.NewReader(src)
		return z, src, err
	}
	return l
}

// lzma2 reads raw LZMA2; prop is the one byte of its dictionary's size.
func lzma2(raw *io.SectionReader, prop byte, room *room) (*lzmaStream, error) {
	full, err := lzma.DecodeDictCap(prop)
	if err != nil {
		return nil, unreadable("damaged archive: LZMA2 dictionary size %d", prop)
	}
	l := &lzmaStream{full: full, room: room}
	l.open = func(dict int64) (io.Reader, *feed, error) {
		src := newFeed(io.NewSectionReader(raw, 0, raw.Size()))
		z, err := lzma.Reader2Config{DictCap: int(dict)}.NewReader2(src)
		return z, src, err
	}
	return l, nil
}

// lzmaHead is the length of a .lzma file's header: properties, dictionary, size.
const lzmaHead = 13

// isLZMA reports a header that an LZMA encoder may have written. It has no
// magic number: the name must say LZMA too.
func isLZMA(head []byte) bool {
	if len(head) <= lzmaHead || head[0] >= 9*5*5 || head[lzmaHead] != 0 {
		return false
	}
	dict, size := u32(head[1:]), binary.LittleEndian.Uint64(head[5:])
	if size != 1<<64-1 && size >= 1<<40 {
		return false
	}
	for n := 12; n < 32; n++ {
		if dict == 1<<n || dict == 3<<(n-1) {
			return true
		}
	}
	return dict == 1<<32-1
}

func openLZMA(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return openStream(p, b, yield, trimmed(p, ".lzma", ".tlz"), unlzma)
}

func unlzma(raw *io.SectionReader, room *room) (io.Reader, error) {
	h := make([]byte, lzmaHead)
	if _, err := raw.ReadAt(h, 0); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	size := int64(binary.LittleEndian.Uint64(h[5:]))
	return lzma1(io.NewSectionReader(raw, lzmaHead, raw.Size()-lzmaHead), h[:5], size, room), nil
}

func openLzip(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return openStream(p, b, yield, trimmed(p, ".lz", ".tlz"), unlzip)
}

// unlzip reads the members of a lzip file (lzip manual, "File format"): magic,
// version 1, a byte of the dictionary's size, LZMA with an end mark, and 20 bytes
// of sums. What follows the last member is skipped, as lzip(1) does.
func unlzip(raw *io.SectionReader, room *room) (io.Reader, error) {
	l := &lzipRun{raw: raw, room: room}
	return l, l.next()
}

type lzipRun struct {
	raw  *io.SectionReader
	at   int64
	room *room
	z    *lzmaStream
}

func (l *lzipRun) Read(p []byte) (int, error) {
	const sums = 20
	for l.z != nil {
		n, err := l.z.Read(p)
		if err != io.EOF {
			return n, err
		}
		l.at += 6 + l.z.src.used + sums
		if err := l.next(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

// next begins the member at l.at; l.z is nil when there is none.
func (l *lzipRun) next() error {
	l.z = nil
	if err := l.room.b.Time(); err != nil {
		return err
	}
	h := make([]byte, 6)
	n, err := l.raw.ReadAt(h, l.at)
	if n < len(h) || string(h[:5]) != "LZIP\x01" {
		return ended(l.at, err)
	}
	base := int64(1) << (h[5] & 0x1f)
	base -= base / 16 * int64(h[5]>>5)
	const lc3lp0pb2 = 0x5d
	props := binary.LittleEndian.AppendUint32([]byte{lc3lp0pb2}, uint32(min(base, 1<<29)))
	l.z = lzma1(io.NewSectionReader(l.raw, l.at+6, l.raw.Size()-l.at-6), props, -1, l.room)
	return nil
}

// ended is no error where a further stream could begin and does not; a file
// that has none is cut off.
func ended(at int64, err error) error {
	if at == 0 {
		return io.ErrUnexpectedEOF
	}
	if err == io.EOF {
		return nil
	}
	return err
}
