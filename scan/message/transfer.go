package message

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"qguard/scan"
)

// identity reports whether an encoding leaves the bytes as they are. RFC 2045
// section 6: 7bit, 8bit, binary; the names seen in the wild for no encoding
// ("8-bit", "none", a charset) are unknown and so mean the same.
func identity(encoding string) bool {
	return encoding != "base64" && encoding != "quoted-printable" && !undecoded(encoding)
}

func undecoded(encoding string) bool {
	switch strings.TrimPrefix(encoding, "x-") {
	case "uuencode", "uue", "uu", "yenc", "binhex", "binhex40", "macbinhex40", "xxencode":
		return true
	}
	return false
}

// decode returns a reader of body without its transfer encoding.
func decode(body *io.SectionReader, encoding string) (io.Reader, error) {
	r := io.NewSectionReader(body, 0, body.Size())
	switch {
	case encoding == "base64":
		return &base64Reader{r: r}, nil
	case encoding == "quoted-printable":
		return &quotedReader{r: r}, nil
	case undecoded(encoding):
		return nil, &scan.Flaw{Rule: "xfile.unreadable", Note: fmt.Sprintf("transfer encoding %s cannot be read", encoding)}
	}
	return r, nil
}

// chunk is how many encoded bytes the decoders take at a time.
const chunk = 8 << 10

// base64Reader decodes base64 (RFC 2045 section 6.8) as clients do: bytes
// outside the alphabet are skipped anywhere, padding ends a group but not the
// data, and an unfinished last group gives the bytes it holds.
type base64Reader struct {
	r     io.Reader
	raw   [chunk]byte
	out   [chunk]byte
	ready []byte // decoded, not yet read
	group uint32 // unfinished group ...
	have  int    // ... of this many characters
	err   error
}

func (b *base64Reader) Read(p []byte) (int, error) {
	for len(b.ready) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		var n int
		n, b.err = b.r.Read(b.raw[:])
		out := b.fill(b.raw[:n])
		if b.err != nil {
			out = b.flush(out)
		}
		b.ready = out
	}
	n := copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}

// fill decodes src into b.out: clean lines with the library's fast decoder,
// everything else byte by byte.
func (b *base64Reader) fill(src []byte) []byte {
	out := b.out[:0]
	for len(src) > 0 {
		if b.have == 0 {
			if clean := cleanGroups(src); clean >= 4 {
				n, err := base64.StdEncoding.Decode(b.out[len(out):], src[:clean])
				if err == nil {
					out = b.out[:len(out)+n]
					src = src[clean:]
					continue
				}
			}
		}
		line := src
		if i := bytes.IndexByte(src, '\n'); i >= 0 {
			line = src[:i+1]
		}
		for _, c := range line {
			out = b.add(out, c)
		}
		src = src[len(line):]
	}
	return out
}

// cleanGroups returns the length of the first line of src without its end, cut
// to whole groups.
func cleanGroups(src []byte) int {
	i := bytes.IndexByte(src, '\n')
	if i < 0 {
		return len(src) &^ 3
	}
	if i > 0 && src[i-1] == '\r' {
		i--
	}
	return i &^ 3
}

// add takes one character.
func (b *base64Reader) add(out []byte, c byte) []byte {
	var v uint32
	switch {
	case 'A' <= c && c <= 'Z':
		v = uint32(c - 'A')
	case 'a' <= c && c <= 'z':
		v = uint32(c-'a') + 26
	case '0' <= c && c <= '9':
		v = uint32(c-'0') + 52
	case c == '+':
		v = 62
	case c == '/':
		v = 63
	case c == '=':
		return b.flush(out)
	default:
		return out
	}
	b.group = b.group<<6 | v
	b.have++
	if b.have == 4 {
		out = append(out, byte(b.group>>16), byte(b.group>>8), byte(b.group))
		b.group, b.have = 0, 0
	}
	return out
}

// flush ends an unfinished group.
func (b *base64Reader) flush(out []byte) []byte {
	switch b.have {
	case 2:
		out = append(out, byte(b.group>>4))
	case 3:
		out = append(out, byte(b.group>>10), byte(b.group>>2))
	}
	b.group, b.have = 0, 0
	return out
}
