package document

import (
	"encoding/base64"
	"io"
	"strings"

	"qguard/scan"
)

// flatPart yields the parts of a package in one XML file (flat OPC) as its
// members.
func (o *officeXML) flatPart() error {
	switch string(o.x.name) {
	case "part":
		o.part = strings.TrimLeft(o.x.attr("name"), "/")
		judgeType(o.x.attr("contentType"), o.found)
	case "xmlData":
		return o.flatFile(o.part, false)
	case "binaryData":
		return o.flatFile(o.part, true)
	}
	return nil
}

// flatData yields a file in base64: Word 2003's w:binData, OpenDocument's
// office:binary-data, Visio 2003's VBProjectData.
func (o *officeXML) flatData() error {
	name := "object"
	switch string(o.x.name) {
	case "binData":
		if n := o.x.attr("name"); n != "" {
			name = n
		}
	case "VBProjectData":
		name = "vbaProject.bin"
	}
	return o.flatFile(name, true)
}

// flatFile yields what an element holds.
func (o *officeXML) flatFile(name string, coded bool) error {
	if o.yield == nil {
		o.skip = o.x.depth
		return nil
	}
	if name == "" {
		name = "unnamed"
	}
	if err := o.b.Member(); err != nil {
		return err
	}
	var r io.Reader = &xmlElement{x: o.x, depth: o.x.depth, coded: coded}
	if coded {
		r = base64.NewDecoder(base64.RawStdEncoding, r)
	}
	spool, err := scan.NewSpool(&base64End{r: r}, int64(o.b.Limit.Size))
	if err != nil {
		return err
	}
	defer spool.Close()
	if spool.Size() == 0 {
		return nil
	}
	child := o.p.Member(name)
	child.Raw = io.NewSectionReader(spool, 0, spool.Size())
	child.Open = func() (io.Reader, error) { return io.NewSectionReader(spool, 0, spool.Size()), nil }
	return o.yield(child)
}

// base64End ends at the first letter that is not base64's, as a decoder says it.
type base64End struct{ r io.Reader }

func (l *base64End) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if _, bad := err.(base64.CorruptInputError); bad || err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

// xmlElement reads what stands in the element of a start tag just read, up to its
// end tag: as it is, or only the letters of base64.
type xmlElement struct {
	x     *xmlScanner
	depth int
	coded bool
	ready []byte
	err   error
}

func (e *xmlElement) Read(p []byte) (int, error) {
	for len(e.ready) == 0 {
		if e.err != nil {
			return 0, e.err
		}
		e.ready = e.token(e.ready[:0])
	}
	n := copy(p, e.ready)
	e.ready = e.ready[n:]
	return n, nil
}

func (e *xmlElement) token(out []byte) []byte {
	if e.err = e.x.next(); e.err != nil {
		return out
	}
	if e.x.depth < e.depth {
		e.err = io.EOF
		return out
	}
	if e.coded {
		if e.x.kind == xmlText || e.x.kind == xmlCDATA {
			out = base64Letters(out, e.x.text)
		}
		return out
	}
	switch e.x.kind {
	case xmlText:
		out = append(out, e.x.text...)
	case xmlCDATA:
		out = append(append(append(out, "<![CDATA["...), e.x.text...), "]]>"...)
	default:
		if e.x.text != nil {
			out = append(append(append(out, '<'), e.x.text...), '>')
		}
	}
	return out
}

// base64Letters appends the letters of base64 in src.
func base64Letters(out, src []byte) []byte {
	for _, c := range src {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' {
			out = append(out, c)
		}
	}
	return out
}
