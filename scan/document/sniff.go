package document

import (
	"bytes"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"

	"qguard/scan"
)

// markup is what a browser may read a part as; more than one where its name
// and its type do not agree.
type markup struct {
	html bool // by the HTML standard
	xml  bool // by the rules of XML: XHTML, SVG, XSL
	svg  bool // with xml: a picture, in which any script is one too many
	xsl  bool // with xml: a style sheet
}

// sniff tells by first bytes, types and names whether a part is markup that a
// browser runs. Running text (no name, a text type) is what its type says.
func sniff(p *scan.Part) (m markup) {
	if p.Open == nil || p.Is("message/", "multipart/") {
		return m
	}
	m.html = p.Is("text/html") || p.Named(".htm", ".html", ".shtm", ".shtml", ".hta", ".htc")
	m.svg = p.Is("image/svg+xml") || p.Named(".svg", ".svgz")
	m.xml = m.svg || p.Is("application/xhtml+xml") || p.Named(".xhtml", ".xht")
	if m.html || len(p.Names) == 0 && p.Nest == 0 && p.Is("text/") && !p.Is("text/xml") {
		return m
	}
	head, _ := p.Head() // what was read decides; the reader meets the error again
	head = bytes.TrimLeft(plainHead(head), "\t\n\f\r ")
	if len(head) == 0 || head[0] != '<' {
		return m
	}
	xml := bytes.HasPrefix(head, []byte("<?xml")) || bytes.Contains(head[:min(len(head), 2048)], []byte("http://www.w3.org/1999/xhtml")) ||
		p.Is("text/xml", "application/xml") || p.Named(".xml")
	switch root := rootElement(head); {
	case root == "svg":
		m.xml, m.svg = true, true
	case root == "stylesheet" || root == "transform":
		m.xml, m.xsl = true, true
	case xml && root == "html":
		m.xml = true
	case !m.xml:
		m.html = root == "hta:application" || sniffHTML(head)
	}
	return m
}

// sniffHTML follows the WHATWG MIME Sniffing standard, section 7.1.
func sniffHTML(head []byte) bool {
	head = bytes.TrimLeft(head, "\t\n\f\r ")
	for _, tag := range [...]string{"<!doctype html", "<html", "<head", "<script", "<iframe", "<h1", "<div", "<font", "<table",
		"<a", "<style", "<title", "<b", "<body", "<br", "<p"} {
		if len(head) > len(tag) && strings.EqualFold(string(head[:len(tag)]), tag) && (isBlank(head[len(tag)]) || head[len(tag)] == '>') {
			return true
		}
	}
	return bytes.HasPrefix(head, []byte("<!--"))
}

// rootElement returns the local name of the first element, in lower case, ""
// when the head shows none.
func rootElement(head []byte) string {
	for {
		i := bytes.IndexByte(head, '<')
		if i < 0 || i+1 == len(head) {
			return ""
		}
		head = head[i:]
		end := ">"
		switch {
		case bytes.HasPrefix(head, []byte("<!--")):
			head, end = head[4:], "-->"
		case head[1] == '?':
			end = "?>"
		case head[1] == '!':
			if subset := bytes.IndexByte(head, '['); subset >= 0 && subset < bytes.IndexByte(head, '>') {
				end = "]"
			}
		default:
			name := head[1:]
			if n := bytes.IndexAny(name, " \t\r\n\f/><"); n >= 0 {
				name = name[:n]
			}
			lower := strings.ToLower(string(name[:min(len(name), 100)]))
			if lower == "hta:application" {
				return lower
			}
			return lower[strings.LastIndexByte(lower, ':')+1:]
		}
		n := bytes.Index(head, []byte(end))
		if n < 0 {
			return ""
		}
		head = head[n+len(end):]
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }

// wide returns the byte order of UTF-16 text: by its mark, or by the zeros
// that stand beside an opening sign.
func wide(head []byte) (order unicode.Endianness, ok bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("<\x00")):
		return unicode.LittleEndian, true
	case bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.HasPrefix(head, []byte("\x00<")):
		return unicode.BigEndian, true
	}
	return unicode.LittleEndian, false
}

// plainHead is a head as UTF-8 without its mark; of UTF-16, the first 4 KiB.
func plainHead(head []byte) []byte {
	if order, ok := wide(head); ok {
		head, _ = unicode.UTF16(order, unicode.UseBOM).NewDecoder().Bytes(head[:min(len(head)&^1, 8<<10)])
	}
	return bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
}

// source returns the bytes of a part as a browser decodes them, as far as it
// matters here: UTF-16 as UTF-8, anything else as it stands.
func source(p *scan.Part) (io.Reader, error) {
	r, err := p.Open()
	if err != nil {
		return nil, err
	}
	head, _ := p.Head()
	if order, ok := wide(head); ok {
		return unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(r), nil
	}
	return r, nil
}
