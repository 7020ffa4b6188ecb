package archive

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
