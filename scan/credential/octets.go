package credential

import (
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"qguard/scan"
)

// textOf returns what to search of a part: its text; the bytes of a part that
// is none by its type but by what is in it. nil: nothing.
func textOf(p *scan.Part) func() (io.Reader, error) {
	if p.Text != nil {
		if p.Is("text/html", "application/xhtml+xml") {
			return nil // HTML comes again as the text it shows
		}
		return p.Text
	}
	if p.Open == nil || p.Is("message/", "multipart/") || p.Named(".eml", ".nws", ".mht", ".mhtml") {
		return nil
	}
	head, err := p.Head()
	if err != nil || len(head) == 0 || opened(head) {
		return nil // an error is told by those who judge the content
	}
	decode := charsetOf(head)
	if decode == nil {
		return nil
	}
	return func() (io.Reader, error) {
		r, err := p.Open()
		if err != nil {
			return nil, err
		}
		return decode(r), nil
	}
}

// opened reports formats that are text in bytes, and whose own text an opener
// gives.
func opened(head []byte) bool {
	for _, magic := range []string{"%PDF-", "{\\rtf", "%!PS"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	start := bytes.ToLower(bytes.TrimLeft(head[:min(len(head), 2048)], "\ufeff \t\r\n"))
	if !bytes.HasPrefix(start, []byte("<")) {
		return false
	}
	for _, mark := range []string{"<!doctype html", "<html", "<body", "schemas.openxmlformats.org/", "schemas.microsoft.com/office/", "urn:oasis:names:tc:opendocument:"} {
		if bytes.Contains(start, []byte(mark)) {
			return true
		}
	}
	return false
}

// charsetOf tells from its first bytes how a text is read, nil when it is none.
// Only UTF-16 has zero bytes.
func charsetOf(head []byte) func(io.Reader) io.Reader {
	utf16 := func(order unicode.Endianness) func(io.Reader) io.Reader {
		return unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return utf16(unicode.LittleEndian)
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return utf16(unicode.BigEndian)
	}
	var zeros [2]int
	controls := 0
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		} else if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			controls++
		}
	}
	switch most := len(head) / 4; {
	case controls > len(head)/64:
		return nil
	case zeros[0] == 0 && zeros[1] == 0:
	case zeros[1] > most && zeros[0] <= zeros[1]/16:
		return utf16(unicode.LittleEndian)
	case zeros[0] > most && zeros[1] <= zeros[0]/16:
		return utf16(unicode.BigEndian)
	default:
		return nil
	}
	if utf8.Valid(head[:len(head)-partial(head)]) {
		return func(r io.Reader) io.Reader { return r }
	}
	return charmap.Windows1252.NewDecoder().Reader
}

// partial returns how many bytes at the end begin a character and do not end it.
func partial(head []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(head); n++ {
		if c := head[len(head)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(head[len(head)-n:]) {
				return n
			}
			break
		}
	}
	return 0
}
