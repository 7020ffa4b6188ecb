package message

import (
	"encoding/binary"
	"io"
	"strings"

	"qguard/scan"
)

// MacBinary I to III: 128 bytes with a zero, the length of the name (1 to 63),
// the name, zeros at 74 and 82, the lengths of data fork and resource fork at 83
// and 87, the length of a second header at 120 and, since II, a CRC at 124 of
// all before it; then the second header, the data fork, the resource fork, each
// filled up to 128 bytes.
//
// AppleSingle and AppleDouble, RFC 1740 appendix A: magic number, version, 16
// bytes, the number of entries, then for each its number, offset and length;
// entry 1 is the data fork, 2 the resource fork, 3 the name. AppleDouble has no
// data fork: that is the part beside it.
//
// The data fork is the file. A resource fork is yielded where it is alone.

const macHeader = 128

// isMacBinary reports a header whose CRC is right or whose part says that it is
// MacBinary.
func isMacBinary(p *scan.Part, head []byte) bool {
	if len(head) < macHeader || head[0] != 0 || head[1] < 1 || head[1] > 63 || head[74] != 0 || head[82] != 0 {
		return false
	}
	for _, c := range head[2 : 2+head[1]] {
		if c < ' ' || c == ':' {
			return false
		}
	}
	data, resource := int64(binary.BigEndian.Uint32(head[83:])), int64(binary.BigEndian.Uint32(head[87:]))
	if data+resource == 0 || data >= 1<<31 || resource >= 1<<31 {
		return false
	}
	return crcFits(head) || p.Is(macTypes...) || p.Named(".bin", ".macbin")
}

var macTypes = []string{"application/x-macbinary", "application/macbinary", "application/applefile"}

func crcFits(head []byte) bool { return crc16(head[:124]) == binary.BigEndian.Uint16(head[124:]) }

// crc16 is the CRC of XMODEM: polynomial 0x1021, from 0.
func crc16(b []byte) (crc uint16) {
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			if crc <<= 1; carry {
				crc ^= 0x1021
			}
		}
	}
	return crc
}

// openMacBinary yields the data fork under its name.
func openMacBinary(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	head, _ := p.Head()
	round := func(n int64) int64 { return (n + macHeader - 1) &^ (macHeader - 1) }
	data, resource := int64(binary.BigEndian.Uint32(head[83:])), int64(binary.BigEndian.Uint32(head[87:]))
	fork := span{from: macHeader + round(int64(binary.BigEndian.Uint16(head[120:])))}
	if head[122] < 129 { // version I has no second header
		fork.from = macHeader
	}
	if fork.to = fork.from + data; data == 0 {
		fork.to = fork.from + resource
	}
	if fork.to > raw.Size() && !crcFits(head) && !p.Is(macTypes...) {
		return nil // much else is called .bin
	}
	return macFork(p, b, raw, fork, string(head[2:2+head[1]]), yield)
}

// macFork yields the bytes of a fork.
func macFork(p *scan.Part, b *scan.Budget, raw *io.SectionReader, fork span, name string, yield func(*scan.Part) error) error {
	var flaw error
	if fork.to > raw.Size() {
		flaw = &scan.Flaw{Rule: "xfile.unreadable", Note: "Macintosh file cut off"}
	}
	if err := b.Part(); err != nil {
		return err
	}
	fork.from = min(fork.from, raw.Size())
	fork.to = max(fork.from, min(fork.to, raw.Size()))
	child := inner(p, "data", macNames(name)...)
	child.Raw = io.NewSectionReader(raw, fork.from, fork.to-fork.from)
	child.Open = func() (io.Reader, error) { return io.NewSectionReader(child.Raw, 0, child.Raw.Size()), nil }
	if err := yield(child); err != nil {
		return err
	}
	return flaw
}

func isAppleSingle(head []byte) bool {
	magic := string(head[:min(4, len(head))])
	return len(head) >= 26 && (magic == "\x00\x05\x16\x00" || magic == "\x00\x05\x16\x07")
}

// openAppleSingle yields the data fork, and where there is none what only the
// name can tell.
func openAppleSingle(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	head, _ := p.Head()
	double := head[3] == 7
	var fork, resource span
	name := ""
	for n, at := int(binary.BigEndian.Uint16(head[24:])), 26; n > 0 && at+12 <= len(head); n, at = n-1, at+12 {
		from := int64(binary.BigEndian.Uint32(head[at+4:]))
		s := span{from, from + int64(binary.BigEndian.Uint32(head[at+8:]))}
		switch binary.BigEndian.Uint32(head[at:]) {
		case 1:
			fork = s
		case 2:
			resource = s
		case 3:
			value := make([]byte, min(255, s.to-s.from))
			n, _ := raw.ReadAt(value, s.from)
			name = strings.TrimRight(string(value[:n]), "\x00")
		}
	}
	if fork.to == fork.from && !double {
		fork = resource
	}
	if fork.to > fork.from {
		return macFork(p, b, raw, fork, name, yield)
	}
	if name == "" {
		return nil
	}
	if err := b.Part(); err != nil {
		return err
	}
	return yield(inner(p, "data", macNames(name)...))
}
