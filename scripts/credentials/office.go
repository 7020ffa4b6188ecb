package main

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"fmt"
	"html"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
)

// zipped is an archive of names and contents in turns.
func zipped(members ...string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(members); i += 2 {
		w, _ := z.Create(members[i])
		w.Write([]byte(members[i+1]))
	}
	z.Close()
	return out.Bytes()
}

const (
	xmlHead  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	wordNS   = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
	sheetNS  = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	slideNS  = `xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"`
	officeNS = `xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"`
	types    = xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`
)

// docx has a paragraph a line; split: words are broken over runs.
func docx(s string, split bool) []byte {
	paragraphs := lines(s, "<w:p>", "</w:p>", func(line string) string {
		step := len(line) + 1
		if split {
			step = 5
		}
		var b strings.Builder
		for r := []rune(line); len(r) > 0; r = r[min(step, len(r)):] {
			b.WriteString(`<w:r><w:rPr><w:b/></w:rPr><w:t xml:space="preserve">` + html.EscapeString(string(r[:min(step, len(r))])) + `</w:t></w:r>`)
		}
		return strings.ReplaceAll(b.String(), "\t", `</w:t><w:tab/><w:t>`)
	})
	return zipped("[Content_Types].xml", types, "word/document.xml", xmlHead+"<w:document "+wordNS+"><w:body>"+paragraphs+"</w:body></w:document>")
}

// xlsx has a row a line, its cells in the shared strings.
func xlsx(s string) []byte {
	var shared, sheet strings.Builder
	n := 0
	for line := range strings.Lines(s) {
		sheet.WriteString("<row>")
		for _, c := range cells(strings.TrimRight(line, "\n")) {
			fmt.Fprintf(&shared, "<si><t>%s</t></si>", html.EscapeString(c))
			fmt.Fprintf(&sheet, `<c t="s"><v>%d</v></c>`, n)
			n++
		}
		sheet.WriteString("</row>")
	}
	return zipped("[Content_Types].xml", types,
		"xl/worksheets/sheet1.xml", xmlHead+"<worksheet "+sheetNS+"><sheetData>"+sheet.String()+"</sheetData></worksheet>",
		"xl/sharedStrings.xml", xmlHead+"<sst "+sheetNS+">"+shared.String()+"</sst>")
}

func pptx(s string) []byte {
	text := lines(s, "<a:p><a:r><a:t>", "</a:t></a:r></a:p>", html.EscapeString)
	return zipped("[Content_Types].xml", types,
		"ppt/slides/slide1.xml", xmlHead+"<p:sld "+slideNS+"><p:cSld><p:spTree><p:sp><p:txBody>"+text+"</p:txBody></p:sp></p:spTree></p:cSld></p:sld>")
}

func odt(s string) []byte {
	text := lines(s, "<text:p>", "</text:p>", func(line string) string {
		return strings.ReplaceAll(html.EscapeString(line), "\t", "<text:tab/>")
	})
	return zipped("mimetype", "application/vnd.oasis.opendocument.text",
		"content.xml", xmlHead+"<office:document-content "+officeNS+"><office:body><office:text>"+text+"</office:text></office:body></office:document-content>")
}

func rtf(s string) []byte {
	var b strings.Builder
	b.WriteString(`{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}\f0\fs24 `)
	for _, u := range utf16.Encode([]rune(s)) {
		switch {
		case u == '\n':
			b.WriteString("\\par\r\n")
		case u == '\t':
			b.WriteString(`\tab `)
		case u == '\\' || u == '{' || u == '}':
			b.WriteString(`\` + string(rune(u)))
		case u < 0x80:
			b.WriteByte(byte(u))
		default:
			fmt.Fprintf(&b, `\u%d?`, int16(u))
		}
	}
	return []byte(b.String() + "}")
}

// pdf has one compressed page of a standard font: Latin-1 only.
func pdf(s string) []byte {
	text := encode(charmap.Windows1252, s)
	if text == nil {
		return nil
	}
	var content, packed, out bytes.Buffer
	content.WriteString("BT /F1 11 Tf 14 TL 40 800 Td\n")
	for line := range strings.Lines(string(text)) {
		line = strings.NewReplacer("\\", "\\\\", "(", "\\(", ")", "\\)", "\t", "    ").Replace(strings.TrimRight(line, "\n"))
		fmt.Fprintf(&content, "(%s) Tj T*\n", line)
	}
	content.WriteString("ET\n")
	z := zlib.NewWriter(&packed)
	z.Write(content.Bytes())
	z.Close()

	out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	var at []int
	for i, object := range []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d/Filter/FlateDecode>>\nstream\n%s\nendstream", packed.Len(), packed.Bytes()),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
	} {
		at = append(at, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return out.Bytes()
}
