package archive

import (
	"encoding/binary"
	"io"

	"qguard/scan"
)

func openLZ4(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	return openStream(p, b, yield, trimmed(p, ".lz4", ".tlz4"), unlz4)
}

// unlz4 reads the frames of an lz4 file (lz4_Frame_format.md 1.6.4), those to be
// skipped and the old ones of 8 MiB blocks too. Sums are not checked; other
// bytes behind a frame are skipped. A frame made with a dictionary is unreadable.
func unlz4(raw *io.SectionReader, room *room) (io.Reader, error) {
	l := &lz4Run{src: newFeed(raw), room: room}
	return l, l.frame()
}

const (
	lz4Window = 64 << 10
	lz4Legacy = "\x02\x21\x4c\x18"
	lz4Old    = 8 << 20 // bytes in a block of an old frame
)

type lz4Run struct {
	src   *feed
	room  *room
	max   int  // bytes in a block
	sums  bool // behind blocks
	total bool // behind the frame
	old   bool

	out    []byte // window and the block
	i      int    // first byte not given
	frames int
	ended  bool
}

func (l *lz4Run) Read(p []byte) (int, error) {
	for l.i == len(l.out) {
		if l.ended {
			return 0, io.EOF
		}
		if err := l.room.b.Time(); err != nil {
			return 0, err
		}
		err := l.block()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && l.i == len(l.out) {
			return 0, err
		}
	}
	n := copy(p, l.out[l.i:])
	l.i += n
	return n, nil
}

// frame reads headers up to the next frame of data; l.ended when there is none.
func (l *lz4Run) frame() error {
	for {
		h, err := l.src.peek(8)
		if err != nil {
			return err
		}
		if len(h) == 8 && string(h[1:4]) == skippableTail && isSkippable(h) {
			if err := l.src.skip(8 + u32(h[4:])); err != nil {
				return err
			}
			continue
		}
		l.out, l.i = l.out[:0], 0
		switch {
		case len(h) >= 4 && string(h[:4]) == lz4Legacy:
			l.src.skip(4)
			l.old, l.max, l.sums = true, lz4Old, false
		case len(h) >= 7 && string(h[:4]) == lz4Magic:
			if err := l.descriptor(h[4], h[5]); err != nil {
				return err
			}
		case l.frames > 0:
			l.ended = true
			return nil
		default:
			return unreadable("damaged archive: lz4 frame header")
		}
		l.frames++
		l.room.free()
		return l.room.hold(int64(l.max + lz4Window))
	}
}

// descriptor takes a frame's header.
func (l *lz4Run) descriptor(flags, bd byte) error {
	if flags>>6 != 1 || bd>>4&7 < 4 {
		return unreadable("damaged archive: lz4 frame header")
	}
	if flags&1 != 0 {
		return unreadable("lz4 frame needs a dictionary")
	}
	length := int64(4 + 2 + 1)
	if flags&8 != 0 {
		length += 8
	}
	l.old, l.sums, l.total = false, flags&0x10 != 0, flags&4 != 0
	l.max = 1 << (8 + 2*int(bd>>4&7))
	return l.src.skip(length)
}

// block unpacks the next block behind the window.
func (l *lz4Run) block() error {
	if l.old {
		if h, err := l.src.peek(4); err != nil || len(h) < 4 || string(h) == lz4Legacy || u32(h) > lz4Old*2 {
			if err == nil {
				err = l.frame()
			}
			return err
		}
	}
	var h [4]byte
	if _, err := io.ReadFull(l.src, h[:]); err != nil {
		return err
	}
	size := int64(binary.LittleEndian.Uint32(h[:]))
	if size == 0 && !l.old {
		if l.total {
			l.src.skip(4) // cut off there, all data were read
		}
		return l.frame()
	}
	keep := l.out[max(0, len(l.out)-lz4Window):]
	l.out = l.out[:copy(l.out, keep)]
	l.i = len(l.out)
	stored := size&(1<<31) != 0 && !l.old
	size &^= 1 << 31
	if size > int64(l.max)+int64(l.max)/255+16 {
		return unreadable("damaged archive: lz4 block of %d bytes", size)
	}
	err := l.unpack(io.LimitReader(struct{ io.Reader }{l.src}, size), size, stored)
	if err == nil && l.sums {
		err = l.src.skip(4)
	}
	return err
}

// unpack decodes one block (lz4_Block_format.md): runs of literals and matches.
func (l *lz4Run) unpack(r io.Reader, size int64, stored bool) error {
	in, err := io.ReadAll(r)
	if err == nil && int64(len(in)) < size {
		err = io.ErrUnexpectedEOF
	}
	if stored {
		l.out = append(l.out, in...)
		return err
	}
	limit := l.i + l.max
	long := func(n int) int {
		for n >= 15 && len(in) > 0 {
			c := in[0]
			in = in[1:]
			n += int(c)
			if c < 255 {
				break
			}
		}
		return n
	}
	for len(in) > 0 {
		token := in[0]
		in = in[1:]
		literals := long(int(token >> 4))
		if literals > len(in) || len(l.out)+literals > limit {
			l.out = append(l.out, in[:min(len(in), limit-len(l.out))]...)
			break
		}
		l.out = append(l.out, in[:literals]...)
		if in = in[literals:]; len(in) == 0 {
			return err
		}
		if len(in) < 2 {
			break
		}
		back := u16(in)
		in = in[2:]
		length := long(int(token&15)) + 4
		if back == 0 || back > len(l.out) || len(l.out)+length > limit {
			break
		}
		for from := len(l.out) - back; length > 0; {
			n := min(length, len(l.out)-from)
			l.out = append(l.out, l.out[from:from+n]...)
			length -= n
		}
	}
	if err == nil {
		err = unreadable("damaged archive: lz4 block")
	}
	return err
}
