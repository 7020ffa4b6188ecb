package archive

import (
	"fmt"
	"unicode/utf16"

	"qguard/scan"
)

// Tags of the 7z header.
const (
	tagEnd         = 0x00
	tagHeader      = 0x01
	tagProperties  = 0x02
	tagAdditional  = 0x03
	tagMain        = 0x04
	tagFiles       = 0x05
	tagPack        = 0x06
	tagUnpack      = 0x07
	tagSubstreams  = 0x08
	tagSize        = 0x09
	tagSums        = 0x0a
	tagFolder      = 0x0b
	tagUnpackSize  = 0x0c
	tagCount       = 0x0d
	tagEmptyStream = 0x0e
	tagEmptyFile   = 0x0f
	tagNames       = 0x11
	tagEncoded     = 0x17
)

// sevenStreams is where packed streams stand and what they unpack to.
type sevenStreams struct {
	packs   []sevenPack
	folders []sevenFolder
}

type sevenPack struct{ at, size int64 } // at counts from the end of the start header

// A sevenFolder is coders wired to one another; members stand one behind the
// other in what comes out.
type sevenFolder struct {
	coders  []sevenCoder
	binds   [][2]uint64 // input, output
	inputs  []uint64    // fed by packed streams, in order
	first   int         // of its packed streams
	sizes   []int64     // of each output
	sum     bool        // has a check sum
	streams []int64     // bytes of each member
}

type sevenCoder struct {
	id      uint64
	ins     uint64
	outs    uint64
	props   []byte
	firstIn uint64 // number of its first input in the folder
}

type sevenFile struct {
	name   string
	stream bool // has data
	empty  bool // a file without data, not a directory
}

// isFile reports a file without data. Directories have no data either, and
// nothing in them that could harm.
func (f *sevenFile) isFile() bool { return f.empty }

const aes7z = 0x06f10701

func (f *sevenFolder) encrypted() bool {
	for _, c := range f.coders {
		if c.id == aes7z {
			return true
		}
	}
	return false
}

// output is the output that no coder reads, -1 when there is none.
func (f *sevenFolder) output() int {
	for i := range f.sizes {
		bound := false
		for _, b := range f.binds {
			bound = bound || b[1] == uint64(i)
		}
		if !bound {
			return i
		}
	}
	return -1
}

func (f *sevenFolder) size() int64 {
	if i := f.output(); i >= 0 {
		return f.sizes[i]
	}
	return 0
}

type sevenReader struct{ bytesReader }

// number is a 7z number: the ones at the top of the first byte say how many
// bytes follow.
func (r *sevenReader) number() uint64 {
	first := r.byte()
	v := uint64(0)
	for i := range uint(8) {
		mask := byte(0x80 >> i)
		if first&mask == 0 {
			return v | uint64(first&(mask-1))<<(8*i)
		}
		v |= uint64(r.byte()) << (8 * i)
	}
	return v
}

// length is a number of bytes; what no file can have is bad.
func (r *sevenReader) length() int64 {
	v := r.number()
	if v > 1<<62 {
		r.bad = true
		return 0
	}
	return int64(v)
}

// count is a number of things that take at least a byte each.
func (r *sevenReader) count() int {
	v := r.number()
	if v > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(v)
}

// flags are n bits, the highest of a byte first.
func (r *sevenReader) flags(n int) func(i int) bool {
	b := r.bytes(uint64(n+7) / 8)
	return func(i int) bool { return i/8 < len(b) && b[i/8]&(0x80>>(i%8)) != 0 }
}

// sums skips the check sums of n streams and says which have one.
func (r *sevenReader) sums(n int) (known func(i int) bool) {
	known = func(int) bool { return true }
	if r.byte() == 0 {
		known = r.flags(n)
	}
	for i := range n {
		if r.bad {
			break
		}
		if known(i) {
			r.u32()
		}
	}
	return known
}

// streams reads a StreamsInfo.
func (r *sevenReader) streams(b *scan.Budget) (*sevenStreams, error) {
	s := &sevenStreams{}
	for !r.bad {
		switch r.byte() {
		case tagPack:
			r.packs(s)
		case tagUnpack:
			if err := r.folders(s, b); err != nil {
				return nil, err
			}
		case tagSubstreams:
			if err := r.substreams(s, b); err != nil {
				return nil, err
			}
		case tagEnd:
			return s, nil
		default:
			r.bad = true
		}
	}
	return s, nil
}

func (r *sevenReader) packs(s *sevenStreams) {
	at, n := r.length(), r.count()
	for !r.bad {
		switch r.byte() {
		case tagSize:
			s.packs = make([]sevenPack, 0, min(n, 1<<10))
			for range n {
				size := r.length()
				if r.bad || at > 1<<62-size {
					r.bad = true
					return
				}
				s.packs = append(s.packs, sevenPack{at, size})
				at += size
			}
		case tagSums:
			r.sums(n)
		case tagEnd:
			return
		default:
			r.bad = true
		}
	}
}

func (r *sevenReader) folders(s *sevenStreams, b *scan.Budget) error {
	if r.byte() != tagFolder {
		r.bad = true
		return nil
	}
	n := r.count()
	if n > b.Limit.Members {
		return &scan.Flaw{Rule: "limit.parts", Note: fmt.Sprintf("more than %d archive members", b.Limit.Members)}
	}
	if r.byte() != 0 {
		return unreadable("7z header in another stream")
	}
	pack := 0
	for range n {
		if err := b.Time(); err != nil || r.bad {
			return err
		}
		f := r.folder()
		f.first = pack
		pack += len(f.inputs)
		s.folders = append(s.folders, f)
	}
	for !r.bad {
		switch r.byte() {
		case tagUnpackSize:
			for i := range s.folders {
				f := &s.folders[i]
				for k := range f.sizes {
					f.sizes[k] = r.length()
				}
				f.streams = []int64{f.size()}
			}
		case tagSums:
			known := r.sums(n)
			for i := range s.folders {
				s.folders[i].sum = known(i)
			}
		case tagEnd:
			return nil
		default:
			r.bad = true
		}
	}
	return nil
}

// folder reads one folder: 7-Zip writes at most four coders, 32 are the limit.
func (r *sevenReader) folder() (f sevenFolder) {
	const most = 32
	n := r.number()
	if n == 0 || n > most {
		r.bad = true
		return f
	}
	ins, outs := uint64(0), uint64(0)
	for range n {
		flags := r.byte()
		c := sevenCoder{ins: 1, outs: 1, firstIn: ins}
		for _, b := range r.bytes(uint64(flags & 15)) {
			c.id = c.id<<8 | uint64(b)
		}
		if flags&0x10 != 0 {
			c.ins, c.outs = r.number(), r.number()
		}
		if flags&0x20 != 0 {
			c.props = r.bytes(r.number())
		}
		if flags&0xc0 != 0 || c.ins > most || c.outs != 1 {
			r.bad = true
			return f
		}
		ins += c.ins
		outs += c.outs
		f.coders = append(f.coders, c)
	}
	if ins < outs-1 {
		r.bad = true
		return f
	}
	bound := make([]bool, ins)
	for range outs - 1 {
		b := [2]uint64{r.number(), r.number()}
		if b[0] >= ins || b[1] >= outs || bound[b[0]] {
			r.bad = true
			return f
		}
		bound[b[0]] = true
		f.binds = append(f.binds, b)
	}
	packed := ins - (outs - 1)
	for i := range ins {
		if packed == 1 && !bound[i] {
			f.inputs = append(f.inputs, i)
		}
	}
	for range packed {
		if packed > 1 {
			f.inputs = append(f.inputs, r.number())
		}
	}
	f.sizes = make([]int64, outs)
	return f
}

// substreams reads how the folders' bytes are divided into members. Of more than
// the limit allows, only the number is kept.
func (r *sevenReader) substreams(s *sevenStreams, b *scan.Budget) error {
	counts := make([]int, len(s.folders))
	room := b.Limit.Members + 1
	total := 0
	tag := r.byte()
	for i := range counts {
		counts[i] = 1
		if tag == tagCount {
			counts[i] = int(min(r.number(), 1<<31))
		}
		if total += counts[i]; total > len(r.b)+len(counts) { // each but the last has a length
			r.bad = true
			return nil
		}
	}
	if tag == tagCount {
		tag = r.byte()
	}
	sums := 0
	for i, n := range counts {
		f := &s.folders[i]
		left := f.size()
		f.streams = nil
		if n != 1 || !f.sum {
			sums += n
		}
		for k := range n {
			size := left
			if k < n-1 && tag == tagSize {
				size = r.length()
			}
			if size > left {
				return unreadable("damaged archive: 7z member longer than its folder")
			}
			left -= size
			if room > 0 {
				f.streams = append(f.streams, size)
				room--
			}
		}
	}
	if tag == tagSize {
		tag = r.byte()
	}
	for ; tag != tagEnd && !r.bad; tag = r.byte() {
		if tag != tagSums {
			r.bad = true
			return nil
		}
		r.sums(sums)
	}
	return nil
}

// parse reads a header behind its tag: streams, then files.
func (s *seven) parse(b []byte) (*sevenStreams, []sevenFile, error) {
	r := &sevenReader{bytesReader{b: b}}
	streams := &sevenStreams{}
	var files []sevenFile
	for !r.bad {
		var err error
		switch r.byte() {
		case tagProperties:
			for tag := r.byte(); tag != tagEnd && !r.bad; tag = r.byte() {
				r.bytes(r.number())
			}
		case tagAdditional:
			_, err = r.streams(s.room.b)
		case tagMain:
			streams, err = r.streams(s.room.b)
		case tagFiles:
			files, err = r.files(s.room.b)
		case tagEnd:
			return streams, files, nil
		default:
			r.bad = true
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, unreadable("damaged archive: 7z header")
}

// files reads a FilesInfo: properties, each of all files. Of more files than the
// limit allows, one more is kept.
func (r *sevenReader) files(b *scan.Budget) ([]sevenFile, error) {
	total := r.count()
	files := make([]sevenFile, min(total, b.Limit.Members+1))
	for i := range files {
		files[i] = sevenFile{name: "unnamed", stream: true}
	}
	for !r.bad {
		tag := r.byte()
		if tag == tagEnd {
			break
		}
		p := &sevenReader{bytesReader{b: r.bytes(r.number())}}
		switch tag {
		case tagEmptyStream:
			without := p.flags(total)
			for i := range files {
				files[i].stream = !without(i)
			}
		case tagEmptyFile:
			p.emptyFiles(files)
		case tagNames:
			if p.byte() != 0 {
				return nil, unreadable("7z names in another stream")
			}
			for i := range files {
				if name := p.name(); name != "" {
					files[i].name = name
				}
			}
		}
		r.bad = r.bad || p.bad
	}
	return files, nil
}

// emptyFiles marks the files among what has no data.
func (r *sevenReader) emptyFiles(files []sevenFile) {
	n := 0
	for _, f := range files {
		if !f.stream {
			n++
		}
	}
	isFile := r.flags(n)
	n = 0
	for i := range files {
		if !files[i].stream {
			files[i].empty = isFile(n)
			n++
		}
	}
}

// name is UTF-16 up to a NUL.
func (r *sevenReader) name() string {
	var u []uint16
	for !r.bad {
		c := r.u16()
		if c == 0 {
			break
		}
		u = append(u, c)
	}
	return string(utf16.Decode(u))
}
