package message

import (
	"io"
)

// identity reports whether an encoding leaves the bytes as they are. RFC 2045
// section 6: 7bit, 8bit, binary; the names seen in the wild for no encoding
// ("8-bit", "none", a charset) are unknown and so mean the same.
func identity(encoding string) bool {
	return encoding != "base64" && encoding != "quoted-printable" && !undecoded(encoding)
}

// undecoded reports an encoding outside RFC 2045 that decodeNamed knows.
func undecoded(encoding string) bool { return namedCoding(encoding) != 0 }

// decode returns a reader of body without its transfer encoding. What it meets
// that clients read differently is added to odd, unless that is nil.
func decode(body *io.SectionReader, encoding string, odd *oddity) (io.Reader, error) {
	r := io.NewSectionReader(body, 0, body.Size())
	switch {
	case encoding == "base64":
		return &base64Reader{r: r, odd: odd}, nil
	case encoding == "quoted-printable":
		return &quotedReader{r: r, odd: odd}, nil
	}
	if decoded, ok := decodeNamed(encoding, r); ok {
		return decoded, nil
	}
	return r, nil
}

// chunk is how many encoded bytes the decoders take at a time.
const chunk = 8 << 10
