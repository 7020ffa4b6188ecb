package archive

import (
	"fmt"

	"qguard/scan"
)

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
			counts[i] = int(min(r.number(), 1<<30)) // the sum too is an int of 32 bits
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
