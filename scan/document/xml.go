package document

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"qguard/scan"
)

// maxXMLTag is how many bytes one tag may have: pictures stand in attributes.
const maxXMLTag = 8 << 20

// xmlRead is how many bytes the scanner reads at a time, and about the most
// that one text token has.
const xmlRead = 32 << 10

// xmlKind is what a token is.
type xmlKind int

const (
	xmlText  xmlKind = iota // character data, references not decoded
	xmlCDATA                // character data as it stands
	xmlStart                // <a> or <a/>, which an xmlEnd follows
	xmlEnd
)

// xmlScanner cuts XML (UTF-8) into tags and text, in pieces that do not depend
// on what the source claims. It is no judge of XML: what an office program
// would call broken is read as far as it goes.
type xmlScanner struct {
	r        io.Reader
	buf      []byte // read and not yet given out from at on
	at       int
	err      error // of r, after what is in buf
	cdata    bool
	pending  bool // the end of an element that has no content
	kind     xmlKind
	name     []byte // of a tag, without its prefix
	text     []byte // of text; of a tag all between < and >
	depth    int    // elements open, the one of a start tag included
	entities bool   // the document declares its own
}

func newXML(r io.Reader) *xmlScanner {
	return &xmlScanner{r: r, buf: make([]byte, 0, xmlRead)}
}

// next reads a token; name and text hold until the next call.
func (x *xmlScanner) next() error {
	if x.pending {
		x.pending = false
		x.kind, x.text = xmlEnd, nil
		x.depth--
		return nil
	}
	for {
		if x.at == len(x.buf) && !x.fill() {
			return x.err
		}
		if x.cdata {
			if x.characters("]]>", 2) {
				x.kind = xmlCDATA
				return nil
			}
			continue
		}
		if x.buf[x.at] != '<' {
			x.kind = xmlText
			x.plain()
			return nil
		}
		if done, err := x.markup(); done || err != nil {
			return err
		}
	}
}

// plain takes text up to the next tag. A reference is not cut in two.
func (x *xmlScanner) plain() {
	for {
		rest := x.buf[x.at:]
		n := bytes.IndexByte(rest, '<')
		if n < 0 {
			n = len(rest)
			amp := bytes.LastIndexByte(rest, '&')
			if amp >= 0 && n-amp < 16 && bytes.IndexByte(rest[amp:], ';') < 0 {
				if amp > 0 {
					n = amp
				} else if x.fill() {
					continue
				}
			}
		}
		x.text = rest[:n]
		x.at += n
		return
	}
}

// characters takes what stands before the mark that ends a section, all but
// its last keep bytes where the mark is not there yet. It reports false when
// there was nothing to take.
func (x *xmlScanner) characters(mark string, keep int) bool {
	rest := x.buf[x.at:]
	if n := bytes.Index(rest, []byte(mark)); n >= 0 {
		x.text = rest[:n]
		x.at += n + len(mark)
		x.cdata = false
		return n > 0
	}
	n := len(rest) - keep
	if n <= 0 {
		if !x.fill() {
			n = len(x.buf) - x.at
		} else {
			return false
		}
	}
	x.text = x.buf[x.at : x.at+n]
	x.at += n
	return n > 0
}

// markup reads what begins with <; done reports a token.
func (x *xmlScanner) markup() (done bool, err error) {
	for len(x.buf)-x.at < len("<![CDATA[") && x.fill() {
	}
	rest := x.buf[x.at:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		x.at += 4
		return false, x.skip("-->")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		x.at += len("<![CDATA[")
		x.cdata = true
		return false, nil
	case bytes.HasPrefix(rest, []byte("<?")):
		x.at += 2
		return false, x.skip("?>")
	case bytes.HasPrefix(rest, []byte("<!")):
		return false, x.declaration()
	case len(rest) > 1 && (isName(rest[1]) || rest[1] == '/'):
		return true, x.tag()
	}
	x.kind, x.text = xmlText, rest[:1]
	x.at++
	return true, nil
}

// isName reports a byte that can begin an element's name.
func isName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == ':' || c >= 0x80
}

// skip goes behind the next mark.
func (x *xmlScanner) skip(mark string) error {
	for {
		rest := x.buf[x.at:]
		if n := bytes.Index(rest, []byte(mark)); n >= 0 {
			x.at += n + len(mark)
			return nil
		}
		x.at = max(x.at, len(x.buf)-len(mark)+1)
		if !x.fill() {
			x.at = len(x.buf)
			return x.end()
		}
	}
}

// declaration goes behind a document type with all it declares.
func (x *xmlScanner) declaration() error {
	n, nested := 0, 0
	for {
		for ; x.at+n < len(x.buf); n++ {
			switch c := x.buf[x.at+n]; {
			case c == '<' || c == '[':
				nested++
			case c == ']':
				nested--
			case c == '>':
				if nested--; nested > 0 {
					continue
				}
				x.entities = x.entities || bytes.Contains(x.buf[x.at:x.at+n], []byte("<!ENTITY"))
				x.at += n + 1
				return nil
			}
		}
		if err := x.more(n); err != nil {
			return err
		}
	}
}

// tag reads a start or end tag.
func (x *xmlScanner) tag() error {
	n, quote := 1, byte(0)
	for {
		for ; x.at+n < len(x.buf); n++ {
			c := x.buf[x.at+n]
			switch {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '"' || c == '\'':
				quote = c
			case c == '>':
				x.split(x.buf[x.at+1 : x.at+n])
				x.at += n + 1
				return nil
			}
		}
		if err := x.more(n); err != nil {
			return err
		}
	}
}

// split sets the token from what stands between < and >.
func (x *xmlScanner) split(tag []byte) {
	x.kind, x.text = xmlStart, tag
	if tag[0] == '/' {
		x.kind = xmlEnd
		x.depth--
		tag = tag[1:]
	} else {
		x.depth++
		x.pending = tag[len(tag)-1] == '/'
	}
	end := bytes.IndexAny(tag, " \t\r\n/")
	if end < 0 {
		end = len(tag)
	}
	x.name = tag[bytes.LastIndexByte(tag[:end], ':')+1 : end]
}

// more reads on inside a token of n bytes so far.
func (x *xmlScanner) more(n int) error {
	if n >= maxXMLTag {
		x.err = &scan.Flaw{Rule: "limit.size", Note: "XML tag over 8 MiB"}
		x.at = len(x.buf)
		return x.err
	}
	if !x.fill() {
		x.at = len(x.buf)
		return x.end()
	}
	return nil
}

// end is the error of a source that ends inside a token.
func (x *xmlScanner) end() error {
	if x.err == nil {
		x.err = io.EOF
	}
	return x.err
}

// fill reads more into buf, which moves and grows; false at the end.
func (x *xmlScanner) fill() bool {
	if x.err != nil {
		return false
	}
	if x.at > 0 {
		x.buf = x.buf[:copy(x.buf, x.buf[x.at:])]
		x.at = 0
	}
	if len(x.buf) > cap(x.buf)/2 {
		x.buf = append(make([]byte, 0, 2*cap(x.buf)), x.buf...)
	}
	for range 100 {
		n, err := x.r.Read(x.buf[len(x.buf):min(cap(x.buf), len(x.buf)+xmlRead)])
		x.buf = x.buf[:len(x.buf)+n]
		x.err = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	x.err = io.ErrNoProgress
	return false
}

// attr returns the value of an attribute of a start tag, found by its name
// without prefix, "" when it is not there.
func (x *xmlScanner) attr(name string) string {
	if x.kind != xmlStart || !bytes.Contains(x.text, []byte(name)) {
		return ""
	}
	rest := x.text
	if i := bytes.IndexAny(rest, " \t\r\n"); i >= 0 {
		rest = rest[i:]
	}
	for {
		eq := bytes.IndexByte(rest, '=')
		if eq < 0 {
			return ""
		}
		key := bytes.TrimSpace(rest[:eq])
		key = key[bytes.LastIndexAny(key, ": \t\r\n")+1:]
		rest = bytes.TrimLeft(rest[eq+1:], " \t\r\n")
		if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			continue
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return ""
		}
		if string(key) == name {
			return string(unescape(nil, rest[1:1+end]))
		}
		rest = rest[end+2:]
	}
}

// unescape appends src to out with its character references decoded
// (XML 1.0 section 4.1). One that nobody declared stays as it is.
func unescape(out, src []byte) []byte {
	for {
		amp := bytes.IndexByte(src, '&')
		if amp < 0 {
			return append(out, src...)
		}
		out = append(out, src[:amp]...)
		src = src[amp:]
		end := bytes.IndexByte(src[:min(len(src), 16)], ';')
		r, ok := rune(0), false
		if end > 0 {
			r, ok = xmlReference(string(src[1:end]))
		}
		if !ok {
			out = append(out, '&')
			src = src[1:]
			continue
		}
		out = utf8.AppendRune(out, r)
		src = src[end+1:]
	}
}

func xmlReference(s string) (rune, bool) {
	switch s {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(s) < 2 || s[0] != '#' {
		return 0, false
	}
	digits, base := s[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return rune(n), err == nil && n <= utf8.MaxRune
}

// atEnd reports the ordinary end of a source.
func atEnd(err error) bool { return errors.Is(err, io.EOF) }
