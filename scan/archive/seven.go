package archive

import (
	"errors"
	"fmt"
	"io"

	"qguard/scan"
)

const (
	sevenMagic = "7z\xbc\xaf\x27\x1c"
	maxHeader  = 4 << 20 // a header of 5000 members has about 1 MB
	sevenHead  = 32      // bytes of the start header; every position counts from its end
)

// open7z yields the members of a 7z archive (7zFormat.txt of the LZMA SDK).
func open7z(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	return open7zAt(p, raw, b, yield)
}

// open7zAt reads the archive that raw begins with.
func open7zAt(p *scan.Part, raw *io.SectionReader, b *scan.Budget, yield func(*scan.Part) error) error {
	s := &seven{raw: raw, room: room{b: b}}
	defer s.room.free()
	header, err := s.header()
	if err != nil || header == nil {
		return err
	}
	streams, files, err := s.parse(header)
	if err != nil {
		return err
	}
	if err := s.members(p, streams, files, yield); err != nil {
		return err
	}
	if len(files) > b.Limit.Members { // directories are not counted one by one
		return &scan.Flaw{Rule: "limit.parts", Note: fmt.Sprintf("more than %d archive members", b.Limit.Members)}
	}
	return nil
}

// seven is one 7z archive.
type seven struct {
	raw  *io.SectionReader
	room room
}

// header returns the header, unpacked; nil when the archive has no members.
func (s *seven) header() ([]byte, error) {
	h := make([]byte, sevenHead)
	if _, err := s.raw.ReadAt(h, 0); err != nil {
		return nil, s.cut(err)
	}
	r := &bytesReader{b: h[12:]}
	at, size, sum := r.u64(), r.u64(), r.u32()
	left := uint64(s.raw.Size() - sevenHead)
	switch {
	case size == 0 && at == 0 && sum == 0 && left == 0:
		return nil, nil
	case size == 0:
		return nil, unreadable("7z archive cannot be opened")
	case at > left || size > left-at:
		return nil, unreadable("7z archive is cut off or goes on in another volume")
	}
	if size > maxHeader {
		return nil, &scan.Flaw{Rule: "limit.size", Note: "7z header too large to read"}
	}
	if err := s.room.hold(int64(size)); err != nil {
		return nil, err
	}
	b := make([]byte, size)
	if _, err := s.raw.ReadAt(b, sevenHead+int64(at)); err != nil {
		return nil, s.cut(err)
	}
	for range 4 {
		if b[0] == tagHeader {
			return b[1:], nil
		}
		if b[0] != tagEncoded {
			break
		}
		var err error
		if b, err = s.decode(b[1:]); err != nil {
			return nil, err
		}
		if len(b) == 0 {
			break
		}
	}
	return nil, unreadable("damaged archive: 7z header")
}

// decode unpacks an encoded header.
func (s *seven) decode(b []byte) ([]byte, error) {
	r := &sevenReader{bytesReader{b: b}}
	streams, err := r.streams(s.room.b)
	if err != nil {
		return nil, err
	}
	if len(streams.folders) == 0 || r.bad {
		return nil, unreadable("damaged archive: 7z header")
	}
	f := &streams.folders[0]
	if f.encrypted() {
		return nil, &scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted 7z archive, names too", Grave: true}
	}
	size := f.size()
	if size > maxHeader {
		return nil, &scan.Flaw{Rule: "limit.size", Note: "7z header too large to read"}
	}
	if err := s.room.hold(size); err != nil {
		return nil, err
	}
	room := &room{b: s.room.b}
	defer room.free()
	z, err := s.open(streams, f, room)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, size))
	if err == nil && int64(len(out)) < size {
		err = unreadable("damaged archive: 7z header ends early")
	}
	return out, err
}

// cut is the flaw of an archive that ends too early.
func (s *seven) cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return unreadable("damaged archive: cut off")
	}
	return err
}

// members yields the files; those of one folder are unpacked in one go.
func (s *seven) members(p *scan.Part, streams *sevenStreams, files []sevenFile, yield func(*scan.Part) error) error {
	at, shown := 0, 0
	next := func() *sevenFile {
		for at < len(files) {
			at++
			if f := &files[at-1]; f.stream || f.isFile() {
				return f
			}
		}
		return nil
	}
	give := func(f *sevenFile, open func() (io.Reader, error)) error {
		if err := s.room.b.Member(); err != nil {
			return err
		}
		shown++
		child := p.Member(f.name)
		child.Open = open
		return yield(child)
	}
	var claim error
	for i := range streams.folders {
		folder := &streams.folders[i]
		run := &run{b: s.room.b, open: func(room *room) (io.Reader, error) { return s.open(streams, folder, room) }}
		err := func() error {
			defer run.close()
			for k, size := range folder.streams {
				f := next()
				for ; f != nil && !f.stream; f = next() {
					if err := give(f, nil); err != nil {
						return err
					}
				}
				if f == nil {
					f = &sevenFile{name: "unnamed"}
				}
				claim = errors.Join(claim, s.room.b.Claim(size))
				open := run.member(size, len(folder.streams) == 1)
				if folder.encrypted() {
					flaw := &scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted 7z member", Grave: nestable([]string{f.name})}
					open = func() (io.Reader, error) { return nil, flaw }
				}
				if err := give(f, open); err != nil {
					return err
				}
				if k < len(folder.streams)-1 {
					run.next()
				}
			}
			return nil
		}()
		if err != nil {
			return err
		}
	}
	for f := next(); f != nil; f = next() {
		open := func() (io.Reader, error) { return nil, unreadable("damaged archive: 7z member without data") }
		if !f.stream {
			open = nil
		}
		if err := give(f, open); err != nil {
			return err
		}
	}
	if shown == 0 && len(streams.folders) > 0 {
		return unreadable("damaged archive: 7z data without a member")
	}
	return claim
}
