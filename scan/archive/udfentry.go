package archive

import "encoding/binary"

// udfEntry is a file entry: what its bytes are.
type udfEntry struct {
	at     int64
	kind   byte
	size   int64
	pieces []piece
	inline []byte
}

// entry reads a file entry or an extended one (ECMA-167 4/14.9, 4/14.17).
func (u *udfVolume) entry(block int64, partition int) (*udfEntry, error) {
	at, err := u.locate(block, partition, u.block)
	if err != nil {
		return nil, err
	}
	h, err := u.record(at[0].off, int(at[0].n))
	if err != nil {
		return nil, err
	}
	fixed := 176
	switch {
	case isTag(h, udfFileEntry):
	case isTag(h, udfExtendedFile):
		fixed = 216
	default:
		return nil, u.unreadable("no file entry where a directory says")
	}
	if len(h) < fixed {
		return nil, u.unreadable("damaged file entry")
	}
	e := &udfEntry{at: at[0].off, kind: h[27], size: int64(binary.LittleEndian.Uint64(h[56:]))}
	ea, ads := u32(h[fixed-8:]), u32(h[fixed-4:])
	if e.size < 0 || ea+ads > int64(len(h)-fixed) {
		return nil, u.unreadable("damaged file entry")
	}
	start := int64(fixed) + ea
	if u16(h[34:])&7 == 3 {
		e.inline = h[start : start+min(ads, e.size)]
		e.pieces = []piece{{e.at + start, int64(len(e.inline))}}
		return e, nil
	}
	return e, u.extents(e, h[start:start+ads], u16(h[34:])&7, partition)
}

// extents follows the allocation descriptors of an entry (ECMA-167 4/14.14).
func (u *udfVolume) extents(e *udfEntry, list []byte, form, partition int) error {
	size := []int{8, 16, 20}
	if form > 2 {
		return u.unreadable("unknown allocation descriptors")
	}
	left := e.size
	for step := size[form]; len(list) >= step && left > 0 && len(e.pieces) < 1<<14; {
		ad := list[:step]
		list = list[step:]
		where := ad[4:]
		if form == 2 {
			where = ad[12:]
		}
		if form > 0 {
			partition = u16(where[4:])
		}
		n := u32(ad) & (1<<30 - 1)
		if n == 0 {
			return nil
		}
		switch u32(ad) >> 30 {
		case 0:
			at, err := u.locate(u32(where), partition, min(n, left))
			if err != nil {
				return err
			}
			e.pieces = append(e.pieces, at...)
		case 1, 2: // never written: zeros
			e.pieces = append(e.pieces, piece{-1, min(n, left)})
		case 3: // the list goes on there (ECMA-167 4/14.5)
			at, err := u.locate(u32(where), partition, min(n, u.block))
			if err != nil {
				return err
			}
			h, err := u.record(at[0].off, int(at[0].n))
			if err != nil {
				return err
			}
			if err := u.walk(int64(len(h))); err != nil {
				return err
			}
			if len(h) < 24 || u32(h[20:]) > int64(len(h)-24) {
				return u.unreadable("damaged allocation descriptors")
			}
			list = h[24 : 24+u32(h[20:])]
			continue
		}
		left -= min(n, left)
	}
	if left > 0 {
		return u.unreadable("file shorter than it says")
	}
	return nil
}
