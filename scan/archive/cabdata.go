package archive

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
)

// cabBlocks reads the data blocks of a folder.
type cabBlocks struct {
	c    *cabinet
	at   int64
	left int
}

// next returns the packed bytes of the next block and their length unpacked.
// Checksums are not compared: what some unpacker would write counts.
func (d *cabBlocks) next() (data []byte, size int, err error) {
	if d.left == 0 {
		return nil, 0, io.EOF
	}
	h, err := d.c.record(d.at, cabDataLen)
	if err != nil {
		return nil, 0, err
	}
	d.left--
	n, size := u16(h[4:]), u16(h[6:])
	if size == 0 {
		return nil, 0, d.c.unreadable("goes on in another cabinet")
	}
	d.at += cabDataLen + int64(d.c.dataReserve)
	data, err = d.c.record(d.at, n)
	d.at += int64(n)
	return data, size, err
}

// cabStored reads blocks that are not compressed.
type cabStored struct {
	blocks *cabBlocks
	buf    []byte
}

func (s *cabStored) Read(p []byte) (int, error) {
	for len(s.buf) == 0 {
		data, _, err := s.blocks.next()
		if err != nil {
			return 0, err
		}
		s.buf = data
	}
	n := copy(p, s.buf)
	s.buf = s.buf[n:]
	return n, nil
}

// msZIP reads blocks as [MS-MCI] has them: "CK", then a deflate stream of up to
// 32 KiB that may refer to the 32 KiB before it.
type msZIP struct {
	blocks  *cabBlocks
	flate   io.Reader
	history []byte // the last 32 KiB
	buf     []byte
	err     error // of the block in buf
}

func (m *msZIP) Read(p []byte) (int, error) {
	for len(m.buf) == 0 {
		if err := m.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, m.buf)
	m.buf = m.buf[n:]
	return n, nil
}

func (m *msZIP) fill() error {
	if m.err != nil {
		return m.err
	}
	data, size, err := m.blocks.next()
	if err != nil {
		return err
	}
	if len(data) < 2 || string(data[:2]) != "CK" || size > cabBlock {
		return fmt.Errorf("no MSZIP block")
	}
	in := bytes.NewReader(data[2:])
	if m.flate == nil {
		m.flate = flate.NewReader(in)
	} else if err := m.flate.(flate.Resetter).Reset(in, m.history); err != nil {
		return err
	}
	out := make([]byte, size)
	n, err := io.ReadFull(m.flate, out)
	m.buf, m.err = out[:n], err
	m.history = append(m.history, m.buf...)
	m.history = m.history[max(0, len(m.history)-cabBlock):]
	if n > 0 {
		return nil
	}
	return err
}

// untilError makes an error an early end and keeps it.
type untilError struct {
	r   io.Reader
	err error
}

func (u *untilError) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		u.err, err = err, io.EOF
	}
	return n, err
}
