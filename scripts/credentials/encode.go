package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"html"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// An encoding makes a message of a text; nil: this text does not go into it.
type encodingOf struct {
	name string
	make func(r *rand.Rand, text string) []byte
}

var utf16LE = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)

var encodings = []encodingOf{
	{"7bit", func(_ *rand.Rand, s string) []byte {
		if !ascii(s) {
			return nil
		}
		return plain("7bit", "us-ascii", s)
	}},
	{"8bit", func(_ *rand.Rand, s string) []byte { return plain("8bit", "utf-8", s) }},
	{"quoted-printable", func(_ *rand.Rand, s string) []byte { return plain("quoted-printable", "utf-8", s) }},
	{"base64", func(_ *rand.Rand, s string) []byte { return plain("base64", "utf-8", s) }},
	inCharset("utf-16", unicode.UTF16(unicode.BigEndian, unicode.UseBOM)),
	inCharset("utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)),
	inCharset("koi8-r", charmap.KOI8R),
	inCharset("windows-1251", charmap.Windows1251),
	inCharset("iso-8859-1", charmap.ISO8859_1),
	inCharset("iso-8859-2", charmap.ISO8859_2),
	inCharset("iso-8859-7", charmap.ISO8859_7),
	inCharset("iso-8859-9", charmap.ISO8859_9),
	inCharset("gb18030", simplifiedchinese.GB18030),
	inCharset("shift_jis", japanese.ShiftJIS),
	inCharset("iso-2022-jp", japanese.ISO2022JP),
	inCharset("euc-kr", korean.EUCKR),
	{"format=flowed", func(_ *rand.Rand, s string) []byte { return flowed(s, false) }},
	{"flowed, delsp", func(_ *rand.Rand, s string) []byte { return flowed(s, true) }},
	{"html", func(_ *rand.Rand, s string) []byte { return page(lines(s, "<p>", "</p>\n", html.EscapeString)) }},
	{"html, entities", func(_ *rand.Rand, s string) []byte { return page(lines(s, "", "<br>", entities)) }},
	{"html, split tags", func(r *rand.Rand, s string) []byte {
		return page(lines(s, "<div>", "</div>", func(s string) string { return split(r, s) }))
	}},
	{"html, hidden", func(_ *rand.Rand, s string) []byte {
		return page("<p>See you.</p><div style='display:none'>" + lines(s, "<p>", "</p>", html.EscapeString) + "</div>")
	}},
	{"html, table", func(_ *rand.Rand, s string) []byte { return page("<table>" + rows(s) + "</table>") }},
	{"alternative, plain", func(_ *rand.Rand, s string) []byte {
		return multi("alternative", entity("text/plain; charset=utf-8", "8bit", "", []byte(s)), entity("text/html; charset=utf-8", "7bit", "", []byte("<p>See you.</p>")))
	}},
	{"alternative, html", func(_ *rand.Rand, s string) []byte {
		return multi("alternative", entity("text/plain", "7bit", "", []byte("See you.\n")),
			entity("text/html; charset=utf-8", "quoted-printable", "", []byte(lines(s, "<p>", "</p>\n", html.EscapeString))))
	}},
	{"attached message", func(_ *rand.Rand, s string) []byte {
		return multi("mixed", entity("text/plain", "7bit", "", []byte("As agreed.\n")), entity("message/rfc822", "8bit", "", plain("quoted-printable", "utf-8", s)))
	}},
	{"quoted reply", func(_ *rand.Rand, s string) []byte {
		return plain("8bit", "utf-8", "Yes.\n\nOn Friday A. Person wrote:\n> "+strings.ReplaceAll(s, "\n", "\n> ")+"\n")
	}},
	{"quoted twice", func(_ *rand.Rand, s string) []byte {
		return plain("quoted-printable", "utf-8", ">>"+strings.ReplaceAll(s, "\n", "\n>>")+"\n")
	}},
	attached("octet-stream text", "note.dat", func(s string) []byte { return []byte(s) }),
	attached("octet-stream utf-16", "note", func(s string) []byte { return encode(utf16LE, "\ufeff"+s) }),
	attached("octet-stream latin-1", "note.log", func(s string) []byte { return encode(charmap.ISO8859_1, s) }),
	attached("csv", "list.csv", table),
	attached("docx", "letter.docx", func(s string) []byte { return docx(s, false) }),
	attached("docx, split runs", "letter.docx", func(s string) []byte { return docx(s, true) }),
	attached("xlsx", "list.xlsx", xlsx),
	attached("pptx", "talk.pptx", pptx),
	attached("odt", "letter.odt", odt),
	attached("rtf", "letter.rtf", rtf),
	attached("pdf", "letter.pdf", pdf),
	attached("zip", "notes.zip", func(s string) []byte { return zipped("notes.txt", s) }),
	attached("gzip", "notes.txt.gz", func(s string) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		z.Write([]byte(s))
		z.Close()
		return out.Bytes()
	}),
}

func ascii(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > '~' }) < 0 }

func encode(e encoding.Encoding, s string) []byte {
	out, err := e.NewEncoder().Bytes([]byte(s))
	if err != nil {
		return nil
	}
	return out
}

// inCharset is base64 of a text in a charset.
func inCharset(name string, e encoding.Encoding) encodingOf {
	return encodingOf{name, func(_ *rand.Rand, s string) []byte {
		out := encode(e, s)
		if out == nil {
			return nil
		}
		return whole(entity("text/plain; charset="+name, "base64", "", out))
	}}
}

func attached(name, file string, make func(string) []byte) encodingOf {
	return encodingOf{name, func(_ *rand.Rand, s string) []byte {
		data := make(s)
		if data == nil {
			return nil
		}
		return multi("mixed", entity("text/plain", "7bit", "", []byte("Please see the attachment.\n")),
			entity("application/octet-stream", "base64", file, data))
	}}
}

const head = "From: A Person <person@example.net>\nTo: support@example.net\nSubject: Re: your message\nDate: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.net>\nMIME-Version: 1.0\n"

func whole(entity string) []byte { return []byte(head + entity) }

func plain(transfer, charset, s string) []byte {
	return whole(entity("text/plain; charset="+charset, transfer, "", []byte(s)))
}

func page(s string) []byte {
	return whole(entity("text/html; charset=utf-8", "quoted-printable", "", []byte("<html><body>"+s+"</body></html>\n")))
}

// entity writes a MIME header and the data in a transfer encoding.
func entity(media, transfer, file string, data []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Content-Type: %s\nContent-Transfer-Encoding: %s\n", media, transfer)
	if file != "" {
		fmt.Fprintf(&b, "Content-Disposition: attachment; filename=%q\n", file)
	}
	b.WriteByte('\n')
	switch transfer {
	case "base64":
		for s := base64.StdEncoding.EncodeToString(data); s != ""; s = s[min(76, len(s)):] {
			b.WriteString(s[:min(76, len(s))] + "\n")
		}
	case "quoted-printable":
		w := quotedprintable.NewWriter(&b)
		w.Write(data)
		w.Close()
	default:
		b.Write(data)
	}
	return b.String()
}

func multi(kind string, entities ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Content-Type: multipart/%s; boundary=\"=_next_=\"\n\n", kind)
	for _, e := range entities {
		b.WriteString("--=_next_=\n" + e + "\n")
	}
	return whole(b.String() + "--=_next_=--\n")
}

// flowed breaks lines at 40 characters as RFC 3676 does; with delsp also in the
// middle of words.
func flowed(s string, delsp bool) []byte {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\n")
		col := 0
		for i, r := range line {
			b.WriteRune(r)
			if col++; col >= 40 && i+1 < len(line) && line[i+1] != ' ' && (delsp || r == ' ') {
				if delsp {
					b.WriteByte(' ')
				}
				b.WriteByte('\n')
				if strings.HasPrefix(line[i+1:], ">") || strings.HasPrefix(line[i+1:], "From ") {
					b.WriteByte(' ')
				}
				col = 0
			}
		}
		b.WriteByte('\n')
	}
	media := "text/plain; charset=utf-8; format=flowed"
	if delsp {
		media += "; delsp=yes"
	}
	return whole(entity(media, "8bit", "", []byte(b.String())))
}

// lines puts each line of s, escaped, between two strings; tabs remain.
func lines(s, before, after string, escape func(string) string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(before + escape(strings.TrimRight(line, "\n")) + after)
	}
	return b.String()
}

func entities(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i%2 == 0 {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			fmt.Fprintf(&b, "&#x%X;", r)
		}
	}
	return b.String()
}

// split puts tags and comments into words.
func split(r *rand.Rand, s string) string {
	var b strings.Builder
	for _, c := range s {
		b.WriteString(html.EscapeString(string(c)))
		if r.IntN(3) == 0 {
			b.WriteString(pick(r, []string{"<span></span>", "<b></b>", "<!-- x -->", "<font size=2></font>"}))
		}
	}
	return b.String()
}

// cells splits a line at tabs and at its first colon and blank.
func cells(line string) []string {
	if label, value, ok := strings.Cut(line, ": "); ok && len(label) < 30 && !strings.Contains(line, "\t") {
		return []string{label, value}
	}
	return strings.Split(line, "\t")
}

func rows(s string) string {
	return lines(s, "<tr>", "</tr>\n", func(line string) string {
		var b strings.Builder
		for _, c := range cells(line) {
			b.WriteString("<td>" + html.EscapeString(c) + "</td>")
		}
		return b.String()
	})
}

func table(s string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for line := range strings.Lines(s) {
		w.Write(cells(strings.TrimRight(line, "\n")))
	}
	w.Flush()
	return b.Bytes()
}
