package message

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"qguard/scan"
)

// namedCoding returns what a transfer encoding's name stands for, 0 for the
// encodings of RFC 2045 and for unknown ones. None of these names was ever
// registered, so each has many spellings.
func namedCoding(encoding string) coding {
	name := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(encoding)), "x-")
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_. ", r) {
			return -1
		}
		return r
	}, name)
	switch name {
	case "uuencode", "uuencoded", "uue", "uu", "uucode":
		return uuencode
	case "xxencode", "xxencoded", "xxe", "xx":
		return xxencode
	case "yenc", "yencode", "yencoded":
		return yenc
	case "binhex", "binhex4", "binhex40", "macbinhex", "macbinhex4", "macbinhex40", "hqx":
		return binhex
	case "gzip64", "gzipbase64":
		return gzip64
	}
	return 0
}

// decodeNamed returns the bytes of body without a transfer encoding that is not
// of RFC 2045 but known by name: uuencode, xxencode, yEnc, BinHex and gzip64 in
// all spellings; ok is false for any other.
//
// The first file in the body counts, whatever it is written in: the name says
// often one thing and the body another. Bodies in uuencode or xxencode without
// a "begin" line are data from their first line on, BinHex bodies without its
// banner too. A body in which nothing is found in the first 32 KiB is taken as
// it stands: so do clients that do not know the name.
func decodeNamed(encoding string, body io.Reader) (decoded io.Reader, ok bool) {
	kind := namedCoding(encoding)
	if kind == 0 {
		return nil, false
	}
	raw, _ := body.(*io.SectionReader)
	if kind == gzip64 {
		return &named{gunzip64(body), nil}, true
	}
	r := bufio.NewReaderSize(body, findWindow)
	head, _ := r.Peek(findWindow) // an error comes again
	f := &finder{binhex: kind == binhex}
	f.window(head, 0, true)
	f.finish()
	switch {
	case len(f.files) > 0:
		first := f.files[0]
		if first.kind == yenc {
			first = joinYenc(f.files)[0]
		}
		span := first.data[0]
		r.Discard(int(span.from))
		return &named{first.decoder(upTo(r, span)), raw}, true
	case kind == uuencode || kind == xxencode:
		if kind = headless(head); kind != 0 {
			return &named{newUU(r, kind, ""), raw}, true
		}
	case kind == binhex:
		if ok, sure := isBinHex(firstLine(head)); ok && sure {
			return &named{dataFork(r), raw}, true
		}
	}
	return &named{r, raw}, true
}

// upTo ends r where the next file begins.
func upTo(r io.Reader, s span) io.Reader {
	if s.to < 0 {
		return r
	}
	return io.LimitReader(r, s.to-s.from)
}

// headless returns the encoding of data lines without a "begin" line, 0 where
// the text is something else.
func headless(text []byte) coding {
	d := &doubt{kind: uuencode, strict: true}
	uu, xx := newAlphabet(uuencode), newAlphabet(xxencode)
	for line := range bytes.Lines(text) {
		switch d.judge(bytes.TrimRight(line, "\r\n"), uu, xx) {
		case believed:
			return d.kind
		case prose:
			return 0
		}
	}
	if d.lines > 0 && d.atEnd() == believed {
		return d.kind
	}
	return 0
}

// firstLine returns the first line that is not blank.
func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(bytes.TrimLeft(text, "\r\n\t "), []byte("\n"))
	return line
}

// named is a body decoded by decodeNamed.
type named struct {
	io.Reader
	raw *io.SectionReader // the body, where it may hold more files than the first
}

// namedBody returns the body of a part in such an encoding, nil for others.
func namedBody(p *scan.Part) *io.SectionReader {
	for _, f := range p.Header {
		if !strings.EqualFold(f.Name, "Content-Transfer-Encoding") || namedCoding(f.Value) == 0 {
			continue
		}
		r, err := p.Open()
		if n, ok := r.(*named); ok && err == nil {
			return n.raw
		}
	}
	return nil
}

// Bounds of gzip64, which is unpacked before anything is budgeted: it has not
// been seen since the 1990s.
const (
	gzip64Max   = 16 << 20 // bytes
	gzip64Ratio = 200      // times the packed size, behind the first MiB
)

// gunzip64 decodes base64, then gzip where it is that.
func gunzip64(body io.Reader) io.Reader {
	packed := &counter{r: &base64Reader{r: body}}
	br := bufio.NewReader(packed)
	if head, _ := br.Peek(2); string(head) != "\x1f\x8b" {
		return br
	}
	z, err := gzip.NewReader(br)
	if err != nil {
		return failed{gzipFlaw(err)}
	}
	return &gunzipped{z: z, packed: packed}
}

type gunzipped struct {
	z      io.Reader
	packed *counter
	out    int64
}

func (g *gunzipped) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	g.out += int64(n)
	if g.out > gzip64Max || g.out > 1<<20 && g.out > g.packed.n*gzip64Ratio {
		return n, &scan.Flaw{Rule: "limit.size", Note: "transfer encoding gzip64 unpacks to too much"}
	}
	return n, gzipFlaw(err)
}

// gzipFlaw makes a flaw of data that does not unpack.
func gzipFlaw(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &corrupt) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return &scan.Flaw{Rule: "xfile.unreadable", Note: fmt.Sprintf("damaged gzip64: %v", err)}
	}
	return err
}

// counter counts what was read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
