package message

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"qguard/scan"
)

// Compressed RTF, [MS-OXRTFCP]: compressed size, raw size, "LZFu" or "MELA"
// (stored), CRC, then runs of a control byte and 8 tokens, its lowest bit first:
// 0 is a byte, 1 a reference of 16 bits, big-endian: 12 for the place in a
// dictionary of 4 KiB, 4 for the length less 2. The dictionary begins with
// rtfStart; a reference to the place that is written next is the end.

// rtfStart is what every RTF of that time begins with ([MS-OXRTFCP] 2.1.2.1).
const rtfStart = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor ` +
	`MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` + "\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx`

type rtfReader struct {
	r       *bufio.Reader
	dict    [4096]byte
	write   int // where the next byte goes
	control byte
	tokens  int // of control, still to come
	from, n int // reference being copied
	err     error
}

// newRTF decompresses r; the error is xfile.unreadable for what is not compressed RTF.
func newRTF(r io.Reader) (io.Reader, error) {
	z := &rtfReader{r: bufio.NewReader(r), write: len(rtfStart)}
	var head [16]byte
	if _, err := io.ReadFull(z.r, head[:]); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return nil, err
	}
	switch string(head[8:12]) {
	case "MELA":
		return z.r, nil
	case "LZFu":
		copy(z.dict[:], rtfStart)
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		return io.LimitReader(z, size), nil
	}
	return nil, &scan.Flaw{Rule: "xfile.unreadable", Note: "compressed RTF of an unknown kind"}
}

func (z *rtfReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if z.n == 0 && !z.token() {
			break
		}
		c := z.dict[z.from]
		z.from = (z.from + 1) % len(z.dict)
		z.n--
		z.dict[z.write] = c
		z.write = (z.write + 1) % len(z.dict)
		p[n] = c
		n++
	}
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, z.err
}

// token reads the next token: a byte is a reference to itself, of length 1. An
// early end is an end.
func (z *rtfReader) token() bool {
	if z.err != nil {
		return false
	}
	if z.tokens == 0 {
		if z.control, z.err = z.r.ReadByte(); z.err != nil {
			return false
		}
		z.tokens = 8
	}
	reference := z.control&1 == 1
	z.control >>= 1
	z.tokens--
	c, err := z.r.ReadByte()
	if err != nil {
		z.err = err
		return false
	}
	if !reference {
		z.dict[z.write] = c
		z.from, z.n = z.write, 1
		return true
	}
	low, err := z.r.ReadByte()
	if err != nil {
		z.err = err
		return false
	}
	place := int(c)<<4 | int(low)>>4
	if place == z.write {
		z.err = io.EOF
		return false
	}
	z.from, z.n = place, int(low&0xf)+2
	return true
}
