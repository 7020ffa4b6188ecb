package document

import (
	"bytes"
	"io"
	"strings"
)

// data judges a data URL (RFC 2397) in an attribute of an element: rest is what
// follows "data:". A picture is ordinary, and so is a font or a style.
func (g *page) data(name string, rest []byte) {
	comma := bytes.IndexByte(rest[:min(len(rest), 4096)], ',')
	if comma < 0 {
		return
	}
	mediaType, base64 := dataType(rest[:comma])
	body := rest[comma+1:]
	open := func() (io.Reader, error) { return dataReader(body, base64), nil }
	r, _ := open()
	head := make([]byte, 512)
	n, _ := io.ReadFull(r, head)
	head = head[:n]
	magic := magicOf(head)
	download, active := "", false
	switch name {
	case "a", "area":
		active = true
		if g.has("download") {
			download = "data"
			for _, a := range g.attrs {
				if string(a.key) == "download" && len(a.value) > 0 {
					download = string(a.value[:min(len(a.value), 1024)])
				}
			}
		}
	case "iframe", "frame", "object", "embed", "applet", "script", "form", "button", "input", "base", "meta", "use", "set", "animate", "portal", "param":
		active = true
	}
	switch {
	case plainType(mediaType) && magic == notKnown && download == "":
		return
	case mediaType == "image/svg+xml" && !active:
		return // shown as a picture, which runs nothing
	case !active:
	case isCode(mediaType):
		g.note("data URL with HTML or script")
	case name == "use":
		g.note("data URL in a use element")
	case magic == isProgram || dangerousType(mediaType):
		g.note("data URL with a program or an archive")
	case download != "" && !quietType(mediaType):
		g.note("download of a file kept in the page")
	}
	names := []string{"data"}
	if download != "" {
		names[0] = download
	}
	g.open(names, mediaType, open)
}

// dataType reads what stands before the comma of a data URL.
func dataType(head []byte) (mediaType string, base64 bool) {
	if bytes.IndexByte(head, '%') >= 0 {
		head = unpercent(head)
	}
	text := strings.ToLower(string(squeeze(head, len(head))))
	mediaType, _, _ = strings.Cut(text, ";")
	if mediaType == "" {
		mediaType = "text/plain"
	}
	return mediaType, strings.HasSuffix(text, ";base64")
}

// plainType reports what a page holds without running it.
func plainType(t string) bool {
	if t == "image/svg+xml" {
		return false
	}
	kind, rest, _ := strings.Cut(t, "/")
	switch kind {
	case "image", "font", "audio", "video":
		return true
	case "application":
		return strings.Contains(rest, "font") || rest == "json"
	}
	return t == "text/css" || t == "text/plain"
}

// quietType reports what an honest page lets its reader save.
func quietType(t string) bool {
	kind, rest, _ := strings.Cut(t, "/")
	switch kind {
	case "image", "audio", "video":
		return rest != "svg+xml"
	case "text":
		return rest == "plain" || rest == "csv" || rest == "tab-separated-values" || strings.HasSuffix(rest, "calendar") || strings.HasSuffix(rest, "vcard")
	}
	return t == "application/json" || t == "application/pdf"
}

// isCode reports types that a browser runs, or shows as a page.
func isCode(t string) bool {
	switch t {
	case "text/html", "application/xhtml+xml", "text/xml", "application/xml", "text/xsl", "text/vbscript", "text/x-scriptlet", "application/hta":
		return true
	}
	_, rest, _ := strings.Cut(t, "/")
	return strings.HasSuffix(rest, "javascript") || strings.HasSuffix(rest, "ecmascript") || rest == "jscript" || rest == "livescript"
}

// dangerousType reports types under which a page hands out programs and archives.
func dangerousType(t string) bool {
	rest, ok := strings.CutPrefix(t, "application/")
	if !ok {
		return false
	}
	for _, s := range [...]string{"octet-stream", "download", "msdos", "dosexec", "executable", "msi", "zip", "rar", "7z", "tar", "gzip", "iso", "cab", "java", "shellscript", "bat", "hta", "msshortcut"} {
		if strings.Contains(rest, s) {
			return true
		}
	}
	return false
}

// magic is what first bytes say of data in a page.
type magic int

const (
	notKnown  magic = iota
	isProgram       // a program, an archive or a disk image
	isFile          // another format with openers of its own
)

// magicOf looks for formats that have no business inside a page.
func magicOf(head []byte) magic {
	has := func(s string) bool { return len(head) >= len(s) && string(head[:len(s)]) == s }
	switch {
	case has("MZ") && bytes.IndexByte(head[:min(len(head), 64)], 0) > 0,
		has("\x7fELF"), has("PK\x03\x04"), has("PK\x05\x06"), has("Rar!\x1a\x07"), has("7z\xbc\xaf\x27\x1c"), has("MSCF\x00\x00"),
		has("L\x00\x00\x00\x01\x14\x02\x00"), has("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), has("\xca\xfe\xba\xbe"), has("\xcf\xfa\xed\xfe"),
		has("ITSF\x03\x00"), has("\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d"), has("vhdxfile"), has("conectix"), has("MSWIM\x00"), has("#@~^"), has("{\\rt"):
		return isProgram
	case has("\x1f\x8b\x08"), has("BZh"), has("\xfd7zXZ\x00"), has("\x28\xb5\x2f\xfd"), has("%PDF-"), sniffHTML(plainHead(head)):
		return isFile
	case rootElement(plainHead(bytes.TrimLeft(head, " \t\r\n"))) == "svg":
		return isFile
	case bytes.Equal(head[:min(len(head), 512)], bytes.Repeat([]byte{0}, min(len(head), 512))) && len(head) == 512:
		return isFile // a disk image begins with zeros
	}
	return notKnown
}

// dataReader decodes the body of a data URL.
func dataReader(body []byte, base64 bool) io.Reader {
	var r io.ByteReader = &percentReader{src: body}
	if base64 {
		return &base64Reader{src: r}
	}
	return byteReader{r}
}

// unpercent undoes percent encoding.
func unpercent(s []byte) []byte {
	out, _ := io.ReadAll(byteReader{&percentReader{src: s}}) // it cannot fail
	return out
}

// percentReader undoes percent encoding (RFC 3986 section 2.1), and the form
// %uXXXX of JavaScript's unescape.
type percentReader struct {
	src  []byte
	wait []byte
}

func (r *percentReader) ReadByte() (byte, error) {
	if len(r.wait) > 0 {
		c := r.wait[0]
		r.wait = r.wait[1:]
		return c, nil
	}
	if len(r.src) == 0 {
		return 0, io.EOF
	}
	if r.src[0] == '%' {
		if len(r.src) > 5 && r.src[1]|0x20 == 'u' {
			if v, ok := hexValue(r.src[2:6]); ok {
				r.wait, r.src = []byte(string(v)), r.src[6:]
				return r.ReadByte()
			}
		}
		if len(r.src) > 2 {
			if v, ok := hexValue(r.src[1:3]); ok {
				r.src = r.src[3:]
				return byte(v), nil
			}
		}
	}
	c := r.src[0]
	r.src = r.src[1:]
	return c, nil
}

// hexValue reads hexadecimal digits.
func hexValue(s []byte) (v rune, ok bool) {
	for _, c := range s {
		d := hexDigit(c)
		if d < 0 {
			return 0, false
		}
		v = v<<4 | rune(d)
	}
	return v, true
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// byteReader reads bytes one by one.
type byteReader struct{ io.ByteReader }

func (r byteReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c, err := r.ReadByte()
		if err != nil {
			return n, err
		}
		p[n] = c
		n++
	}
	return n, nil
}

// base64Reader decodes base64 in either alphabet and skips what is foreign to
// it, as browsers skip blanks and data URLs' authors everything.
type base64Reader struct {
	src  io.ByteReader
	bits uint32
	n    int
}

func (r *base64Reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c, err := r.src.ReadByte()
		if err != nil {
			return n, err
		}
		d := base64Digit(c)
		if d < 0 {
			continue
		}
		r.bits, r.n = r.bits<<6|uint32(d), r.n+6
		if r.n >= 8 {
			r.n -= 8
			p[n] = byte(r.bits >> r.n)
			n++
		}
	}
	return n, nil
}

func base64Digit(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+' || c == '-':
		return 62
	case c == '/' || c == '_':
		return 63
	}
	return -1
}
