package archive

import (
	"compress/bzip2"
	"compress/flate"
	"io"
)

// open unpacks a folder: its bytes, counted, as its last coder gives them.
func (s *seven) open(streams *sevenStreams, f *sevenFolder, room *room) (io.Reader, error) {
	packed := int64(0)
	for i := range f.inputs {
		if f.first+i < len(streams.packs) {
			packed += streams.packs[f.first+i].size
		}
	}
	u := &unpacked{done: room.free}
	err := guarded(func() error {
		z, err := s.coder(streams, f, uint64(max(0, f.output())), room, 0)
		if err == nil {
			u.r = room.b.Inflate(z, packed)
		}
		return err
	})
	if err != nil {
		return nil, damaged(err)
	}
	return u, nil
}

// coder opens the coder that gives an output of a folder. Depth ends circles.
func (s *seven) coder(streams *sevenStreams, f *sevenFolder, out uint64, room *room, depth int) (io.Reader, error) {
	if depth > len(f.coders) || out >= uint64(len(f.coders)) {
		return nil, unreadable("damaged archive: 7z folder")
	}
	c := &f.coders[out]
	size := f.sizes[out]
	raw := s.packed(streams, f, c.firstIn)
	switch {
	case c.ins != 1:
		return nil, unreadable("7z method %x cannot be read", c.id)
	case raw != nil && c.id == 0x030101 && len(c.props) == 5:
		return lzma1(raw, c.props, size, room), nil
	case raw != nil && c.id == 0x21 && len(c.props) == 1:
		return lzma2(raw, c.props[0], room)
	case raw != nil && c.id == 0x04f71101:
		return unzstd(raw, room)
	case raw != nil && c.id == 0x04f71104:
		return unlz4(raw, room)
	}
	in := io.Reader(raw)
	if raw == nil {
		from := -1
		for _, b := range f.binds {
			if b[0] == c.firstIn {
				from = int(b[1])
			}
		}
		if from < 0 {
			return nil, unreadable("damaged archive: 7z folder without data")
		}
		var err error
		if in, err = s.coder(streams, f, uint64(from), room, depth+1); err != nil {
			return nil, err
		}
	}
	switch {
	case c.id == 0:
		return in, nil
	case c.id == 3 && len(c.props) == 1:
		return newDelta(in, c.props[0]), nil
	case c.id == 4, c.id == 0x03030103:
		return newBCJ(in), nil
	case c.id == 0x040108:
		return flate.NewReader(newFeed(in)), nil
	case c.id == 0x040109:
		return newInflate64(newFeed(in)), nil
	case c.id == 0x040202:
		return bzip2.NewReader(newFeed(in)), nil
	}
	return nil, unreadable("7z method %x cannot be read", c.id)
}

// packed returns the packed stream that feeds an input, nil when a coder does.
func (s *seven) packed(streams *sevenStreams, f *sevenFolder, in uint64) *io.SectionReader {
	for i, fed := range f.inputs {
		if fed != in {
			continue
		}
		if f.first+i >= len(streams.packs) {
			return nil
		}
		pack := streams.packs[f.first+i]
		if left := s.raw.Size() - sevenHead; pack.at > left || pack.size > left-pack.at {
			pack.at = min(pack.at, left)
			pack.size = left - pack.at // cut off
		}
		return io.NewSectionReader(s.raw, sevenHead+pack.at, pack.size)
	}
	return nil
}
