package archive

import "encoding/binary"

// block reads the header of a block, its codes included.
func (d *lzx) block() error {
	d.half = -1 // fills a plain block up
	d.kind = d.get(3)
	d.left = d.get(16)<<8 | d.get(8)
	if d.left == 0 {
		return errLZH
	}
	switch d.kind {
	case lzxAligned:
		var lengths [8]byte
		for i := range lengths {
			lengths[i] = byte(d.get(3))
		}
		if err := d.aligned.set(lengths[:]); err != nil {
			return err
		}
	case lzxVerbatim:
	case lzxPlain:
		d.get((d.n-8*d.loaded-1)&15 + 1) // 1 to 16 bits
		for i := range d.recent {
			d.recent[i] = d.get(16) | d.get(16)<<16
		}
		return d.highBits.err
	default:
		return errLZH
	}
	for _, part := range [][]byte{d.mainLengths[:256], d.mainLengths[256:], d.moreLengths[:]} {
		if err := d.lengths(part); err != nil {
			return err
		}
	}
	if err := d.main.set(d.mainLengths); err != nil {
		return err
	}
	return d.more.set(d.moreLengths[:])
}

// lengths reads lengths of a code, as differences to those of the block before,
// in a code of their own.
func (d *lzx) lengths(list []byte) error {
	var first [20]byte
	for i := range first {
		first[i] = byte(d.get(4))
	}
	var code prefixCode
	if err := code.set(first[:]); err != nil {
		return err
	}
	for i := 0; i < len(list); {
		k, err := code.read(&d.highBits)
		if err != nil {
			return err
		}
		count, zero := 1, false
		switch k {
		case 17:
			count, zero = d.get(4)+4, true
		case 18:
			count, zero = d.get(5)+20, true
		case 19:
			count = d.get(1) + 4
			if k, err = code.read(&d.highBits); err != nil {
				return err
			}
		}
		if k > 16 && !zero {
			return errLZH
		}
		value := byte((int(list[i]) - k + 17) % 17)
		if zero {
			value = 0
		}
		for ; count > 0 && i < len(list); count-- {
			list[i] = value
			i++
		}
		if d.highBits.err != nil {
			return d.highBits.err
		}
	}
	return nil
}

// plain copies bytes that are not compressed, two by two.
func (d *lzx) plain(p []byte) (n int) {
	one := func(c int) {
		p[n], d.window[d.at] = byte(c), byte(c)
		d.at = (d.at + 1) & (len(d.window) - 1)
		n++
		d.left--
	}
	for n < len(p) && d.left > 0 {
		if d.half >= 0 {
			one(d.half)
			d.half = -1
			continue
		}
		word := d.get(16)
		one(word & 0xff)
		d.half = word >> 8
	}
	return n
}

// calls undoes what was done to x86 code: the target of each call is absolute
// in the stream. The last ten bytes of a frame are left alone.
func (d *lzx) calls(p []byte) {
	if d.x86Size == 0 || d.position >= 1<<30 {
		return
	}
	for i := 0; i+10 < len(p); i++ {
		if p[i] != 0xe8 {
			continue
		}
		at := d.position + int64(i)
		target := int64(int32(binary.LittleEndian.Uint32(p[i+1:])))
		if target >= -at && target < d.x86Size {
			if target >= 0 {
				target -= at
			} else {
				target += d.x86Size
			}
			binary.LittleEndian.PutUint32(p[i+1:], uint32(target))
		}
		i += 4
	}
}
