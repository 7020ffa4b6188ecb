package archive

import "io"

// lzx decodes the LZX of cabinets ([MS-PATCH] 2 describes a younger kin): frames of
// 32 KiB, one for each data block of the folder, in one stream of bits. Blocks of
// their own length hold symbols of a main code (literals, and matches by
// slot of distance and length), a code for longer lengths and, in some, one for
// the low bits of distances.
type lzx struct {
	highBits
	source *lzxSource
	window []byte
	at     int
	recent [3]int // the last distances

	kind, left  int // of the block
	half        int // the other byte of a plain block's word; -1 = none
	mainLengths []byte
	moreLengths [249]byte
	main, more  prefixCode
	aligned     prefixCode
	run, from   int // a match that goes on in the next frame

	started  bool
	x86Size  int64 // not 0: calls in x86 code have absolute targets
	position int64 // of the frame
	frame    []byte
	out      []byte // of frame, still to be given
	err      error
}

const (
	lzxVerbatim, lzxAligned, lzxPlain = 1, 2, 3
	lzxLeast                          = 2 // bytes in a match
)

// lzx returns a decoder with a window of 2^power bytes.
func (c *cabinet) lzx(blocks *cabBlocks, power int) (r io.Reader, release func(), err error) {
	if power < 15 || power > 21 {
		return nil, nil, noData("CAB member with an impossible window")
	}
	if release, err = c.b.Hold(1<<power + 4*cabBlock); err != nil {
		return nil, nil, err
	}
	slots := 2 * power
	switch power {
	case 20:
		slots = 42
	case 21:
		slots = 50
	}
	source := &lzxSource{blocks: blocks}
	return &lzx{
		highBits: highBits{r: source}, source: source, window: make([]byte, 1<<power), recent: [3]int{1, 1, 1},
		mainLengths: make([]byte, 256+8*slots), frame: make([]byte, cabBlock),
	}, release, nil
}

// lzxSource gives the bytes of data blocks, those of each 16-bit word the other way
// round, and remembers the lengths of the frames they hold.
type lzxSource struct {
	blocks *cabBlocks
	data   []byte
	low    int // the next byte; -1 = none
	half   bool
	sizes  []int
}

func (s *lzxSource) load() error {
	data, size, err := s.blocks.next()
	if err == nil {
		s.data, s.sizes = data, append(s.sizes, size)
	}
	return err
}

func (s *lzxSource) ReadByte() (byte, error) {
	if s.half {
		s.half = false
		return byte(s.low), nil
	}
	for len(s.data) == 0 {
		if err := s.load(); err != nil {
			return 0, err
		}
	}
	s.low, s.half = int(s.data[0]), true
	high := byte(0)
	if len(s.data) > 1 {
		high = s.data[1]
	}
	s.data = s.data[min(2, len(s.data)):]
	return high, nil
}

func (d *lzx) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.err = d.next()
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// next decodes a frame.
func (d *lzx) next() error {
	if len(d.source.sizes) == 0 {
		if err := d.source.load(); err != nil {
			return err
		}
	}
	size := d.source.sizes[0]
	d.source.sizes = d.source.sizes[1:]
	if size > cabBlock {
		return errLZH
	}
	if !d.started {
		d.started = true
		if d.get(1) == 1 {
			d.x86Size = int64(d.get(16))<<16 | int64(d.get(16))
		}
	}
	n, err := d.fill(d.frame[:size])
	d.out = d.frame[:n]
	if err != nil {
		return err
	}
	d.get((d.n - 8*d.loaded) & 15)
	d.calls(d.out)
	d.position += int64(n)
	return nil
}

// fill decodes len(p) bytes.
func (d *lzx) fill(p []byte) (n int, err error) {
	mask := len(d.window) - 1
	for n < len(p) {
		for ; d.run > 0 && n < len(p); n++ {
			c := d.window[d.from&mask]
			p[n], d.window[d.at] = c, c
			d.from, d.at, d.run = d.from+1, (d.at+1)&mask, d.run-1
		}
		if n == len(p) {
			break
		}
		if d.left <= 0 {
			if err := d.block(); err != nil {
				return n, err
			}
		}
		if d.kind == lzxPlain {
			n += d.plain(p[n:])
		} else if err := d.symbol(); err != nil {
			return n, err
		}
		if d.highBits.err != nil {
			return n, d.highBits.err
		}
	}
	return n, nil
}

// symbol decodes a literal, as a match of one byte put at its own place, or a
// match.
func (d *lzx) symbol() error {
	s, err := d.main.read(&d.highBits)
	if err != nil {
		return err
	}
	if s < 256 {
		d.window[d.at] = byte(s)
		d.from, d.run = d.at, 1
		d.left--
		return nil
	}
	length, slot := (s-256)&7, (s-256)>>3
	if length == 7 {
		more, err := d.more.read(&d.highBits)
		if err != nil {
			return err
		}
		length += more
	}
	length += lzxLeast
	distance, err := d.distance(slot)
	if err != nil {
		return err
	}
	if distance < 1 || distance > len(d.window) {
		return errLZH
	}
	d.from, d.run = d.at-distance+len(d.window), length
	d.left -= length
	return nil
}

// distance returns the distance of a slot: one of the last three, or a base and
// further bits.
func (d *lzx) distance(slot int) (int, error) {
	if slot < 3 {
		distance := d.recent[slot]
		d.recent[slot], d.recent[0] = d.recent[0], distance
		return distance, nil
	}
	extra, base := slot/2-1, (2+slot&1)<<(slot/2-1)
	if slot >= 36 {
		extra, base = 17, (slot-34)<<17
	}
	distance := base - 2
	if d.kind == lzxAligned && extra >= 3 {
		distance += d.get(extra-3) << 3
		low, err := d.aligned.read(&d.highBits)
		if err != nil {
			return 0, err
		}
		distance += low
	} else {
		distance += d.get(extra)
	}
	d.recent[2], d.recent[1], d.recent[0] = d.recent[1], d.recent[0], distance
	return distance, nil
}
