package message

import (
	"bytes"
	"compress/zlib"
	"io"

	"qguard/scan"
)

// pkcs7 begins the object identifiers of RFC 5652's content types; the last
// byte tells them apart. compressed is the whole of RFC 3274's.
const (
	pkcs7      = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"
	compressed = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09"

	signedData, envelopedData, encryptedData = 2, 3, 6
)

// openSecure looks inside S/MIME (RFC 8551): what an opaque signature or
// CMS compression wraps is an entity and walked as one. What is encrypted for
// its recipient, by S/MIME or OpenPGP (RFC 3156), is xfile.encrypted, not grave:
// its sender hides it from everybody and not from a filter.
func openSecure(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	head, err := p.Head()
	if err != nil {
		return nil // whoever looks at the content says so
	}
	if bytes.HasPrefix(bytes.TrimLeft(head[:min(len(head), 256)], " \t\r\n"), []byte("-----BEGIN PGP MESSAGE-----")) {
		return &scan.Flaw{Rule: "xfile.encrypted", Note: "OpenPGP message"}
	}
	if len(head) < 16 || head[0] != 0x30 {
		return nil
	}
	start := head[:min(len(head), 24)]
	i := bytes.Index(start, []byte(pkcs7))
	packed := bytes.Contains(start, []byte(compressed))
	if !packed && (i < 0 || i+len(pkcs7) >= len(head)) {
		return nil
	}
	if !packed {
		switch head[i+len(pkcs7)] {
		case envelopedData, encryptedData:
			return &scan.Flaw{Rule: "xfile.encrypted", Note: "S/MIME message"}
		case signedData:
		default:
			return nil
		}
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	content, err := encapsulated(raw)
	if err != nil || content == nil {
		return err
	}
	open := func() (io.Reader, error) { return &octets{raw: raw, at: content.body, end: content.end}, nil }
	if packed {
		open = func() (io.Reader, error) {
			z, err := zlib.NewReader(&octets{raw: raw, at: content.body, end: content.end})
			if err != nil {
				return nil, scan.Damaged(err, damagedSMIME)
			}
			return &inflated{b.Inflate(z, raw.Size())}, nil
		}
	}
	if err := b.Part(); err != nil {
		return err
	}
	return yield(&scan.Part{
		Path: number(p.Path, "1"), Types: []string{"message/rfc822"}, Depth: p.Depth + 1, Nest: p.Nest, Open: open,
	})
}

const damagedSMIME = "damaged S/MIME compression"

// inflated turns a decompressor's complaints into flaws.
type inflated struct{ r io.Reader }

func (i *inflated) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if err != nil && err != io.EOF {
		err = scan.Damaged(err, damagedSMIME)
	}
	return n, err
}

// tlv is one element of BER (X.690 section 8.1): body to end are its contents.
type tlv struct {
	tag        byte
	body, end  int64 // end of an indefinite one is that of its container
	indefinite bool
}

// element reads the tag and length at an offset; limit ends its container.
func element(raw *io.SectionReader, at, limit int64) (e tlv, ok bool) {
	var b [10]byte
	n, _ := raw.ReadAt(b[:], at)
	if n < 2 || at+2 > limit || b[0]&0x1f == 0x1f {
		return tlv{}, false
	}
	length, size := int64(b[1]), int64(2)
	switch {
	case b[1] == 0x80:
		return tlv{b[0], at + 2, limit, true}, true
	case b[1] > 0x80:
		count := int(b[1] & 0x7f)
		if count > 7 || n < 2+count {
			return tlv{}, false
		}
		length = 0
		for _, c := range b[2 : 2+count] {
			length = length<<8 | int64(c)
		}
		size += int64(count)
	}
	if length > limit-at-size {
		length = limit - at - size // cut off: what is there counts
	}
	return tlv{b[0], at + size, at + size + length, false}, true
}

// behind returns the offset behind an element; depth bounds the elements of
// indefinite length in one another.
func behind(raw *io.SectionReader, at, limit int64, depth int) (int64, bool) {
	e, ok := element(raw, at, limit)
	if !ok || !e.indefinite {
		return e.end, ok
	}
	for at = e.body; depth > 0; {
		if e, ok = element(raw, at, limit); !ok || e.tag == 0 {
			return e.end, ok
		}
		if at, ok = behind(raw, at, limit, depth-1); !ok {
			break
		}
	}
	return 0, false
}

// encapsulated finds the octet string in ContentInfo, [0], SignedData or
// CompressedData, EncapsulatedContentInfo, [0] (RFC 5652 sections 3 and 5.1);
// nil where there is none, as in a signature that stands beside its text.
func encapsulated(raw *io.SectionReader) (*tlv, error) {
	damaged := &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged S/MIME structure"}
	at, limit := int64(0), raw.Size()
	// enter goes past some elements and into the next, which has the tag.
	enter := func(past int, tag byte) bool {
		for ; past > 0; past-- {
			var ok bool
			if at, ok = behind(raw, at, limit, 4); !ok {
				return false
			}
		}
		e, ok := element(raw, at, limit)
		if !ok || e.tag != tag {
			return false
		}
		at, limit = e.body, e.end
		return true
	}
	if !enter(0, 0x30) || !enter(1, 0xa0) || !enter(0, 0x30) || !enter(2, 0x30) {
		return nil, damaged
	}
	// Behind the content's type it stands, or nothing does.
	if !enter(1, 0xa0) {
		return nil, nil
	}
	e, ok := element(raw, at, limit)
	if !ok || e.tag != 0x04 && e.tag != 0x24 {
		return nil, damaged
	}
	if e.tag == 0x04 { // seen from outside, as one piece of itself
		return &tlv{tag: 0x24, body: at, end: e.end}, nil
	}
	return &e, nil
}

// octets reads the pieces of a constructed octet string (X.690 section 8.7).
type octets struct {
	raw      *io.SectionReader
	at, end  int64
	from, to int64 // of the piece being read
	inside   int   // pieces of indefinite length that are open
}

func (o *octets) Read(p []byte) (int, error) {
	for o.from >= o.to {
		e, ok := element(o.raw, o.at, o.end)
		switch {
		case !ok || e.tag == 0 && o.inside == 0:
			return 0, io.EOF
		case e.tag == 0: // the end of pieces within pieces
			o.inside--
			o.at = e.end
			continue
		case e.tag == 0x24:
			if e.indefinite {
				o.inside++
			}
			o.at = e.body
			continue
		case e.tag != 0x04 || e.indefinite:
			return 0, &scan.Flaw{Rule: "xfile.unreadable", Note: "damaged S/MIME structure"}
		}
		o.from, o.to, o.at = e.body, e.end, e.end
	}
	n, err := o.raw.ReadAt(p[:min(int64(len(p)), o.to-o.from)], o.from)
	o.from += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}
