package message

import (
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

// decode returns a reader of body without its transfer encoding. What it meets
// that clients read differently is added to odd, unless that is nil.
func decode(body *io.SectionReader, encoding string, odd *oddity) (io.Reader, error) {
	r := io.NewSectionReader(body, 0, body.Size())
	switch {
	case encoding == "base64":
		return &base64Reader{r: r, odd: odd}, nil
	case encoding == "quoted-printable":
		return &quotedReader{r: r, odd: odd}, nil
	case undecoded(encoding):
		return nil, &scan.Flaw{Rule: "xfile.unreadable", Note: fmt.Sprintf("transfer encoding %s cannot be read", encoding)}
	}
	return r, nil
}

// chunk is how many encoded bytes the decoders take at a time.
const chunk = 8 << 10
