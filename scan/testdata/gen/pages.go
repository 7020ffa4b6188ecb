package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// pageCases are PDF and RTF.
func pageCases() []testCase {
	return append(pdfCases(), rtfCases()...)
}

func pdfCases() []testCase {
	const evil = "<</S/JavaScript/JS(this.exportDataObject\\({cName: 'a', nLaunch: 2}\\))>>"
	form := func(script string) string {
		return "<</FT/Tx/T(sum)/AA<</F<</S/JavaScript/JS(" + script + ")>>>>>>"
	}
	file := func(name, data string) []string {
		return []string{"<</Names<</EmbeddedFiles<</Names[(a)3 0 R]>>>>>>", "<</Type/Filespec/F(" + name + ")/EF<</F 4 0 R>>>>",
			pdfStream("/Type/EmbeddedFile/Filter/FlateDecode", pagesDeflated(data))}
	}
	return []testCase{
		{"pdf-plain", "an ordinary PDF", attachPDF(pdfPage("Hello, see you on Monday.")...)},
		{"pdf-goto", "an OpenAction that goes to a page says nothing", attachPDF("<</OpenAction<</S/GoTo/D[2 0 R/Fit]>>>>")},
		{"pdf-invoice", "an invoice with its XML embedded (Factur-X, ZUGFeRD)", attachPDF(file("factur-x.xml", "<?xml version=\"1.0\"?><Invoice/>")...)},
		{"pdf-form", "a form that formats and adds up its fields", attachPDF(form(`AFNumber_Format\(2, 0, 0, 0, "", true\);`),
			form(`var a = this.getField("a"); event.value = a.value * 1.19;`))},
		{"pdf-print", "a ticket that prints itself", attachPDF("<</OpenAction<</S/JavaScript/JS(this.print\\({bUI: true}\\);)>>>>")},
		{"pdf-script", "a script that opens an embedded file", attachPDF("<</OpenAction" + evil + ">>")},
		{"pdf-script-names", "the same with escapes in names and digits for text", attachPDF("<</Open#41ction<</#53/J#61va#53cript/#4a#53<" +
			hex.EncodeToString([]byte("eval(x)")) + ">>>>>")},
		{"pdf-script-packed", "the same in an object stream", attachPDF("<</Type/Catalog>>", pdfStream("/Type/ObjStm/N 1/First 4/Filter/FlateDecode", pagesDeflated("9 0 "+evil)))},
		{"pdf-script-length", "the same inside the data of a stream whose length lies", attachPDF(pdfStream("", "x\nendstream\nendobj\n9 0 obj"+evil+"endobj"))},
		{"pdf-script-page", "a script that runs when a page opens, in a stream", attachPDF("<</Type/Page/AA<</O<</S/JavaScript/JS 3 0 R>>>>>>", pdfStream("/Filter/FlateDecode", pagesDeflated("eval(unescape('%61'))")))},
		{"pdf-launch", "an action that starts a program", attachPDF("<</OpenAction<</S/Launch/Win<</F(cmd.exe)>>>>>>")},
		{"pdf-embedded", "a program embedded under a text's name", attachPDF(file("notes.txt", program)...)},
		{"pdf-embedded-name", "an embedded script", attachPDF(file("invoice.js", "var x;\n")...)},
		{"pdf-media", "rich media", attachPDF("<</Type/Annot/Subtype/RichMedia>>")},
		{"pdf-xfa", "a script in an XML form", attachPDF("<</XFA[(template)3 0 R]>>", pdfStream("", "<script contentType='application/x-javascript'>eval(x)</script>"))},
		{"pdf-unreadable", "an object stream that does not unpack", attachPDF("<</Type/Catalog>>", pdfStream("/Type/ObjStm/N 1/First 4/Filter/FlateDecode", "\xff\xff\xff\xff"))},
		{"pdf-encrypted", "a PDF that needs a password is tagged", attachPDF("<</Type/Catalog>>", "<</Encrypt<</Filter/Standard/V 1/R 2/P -4/O("+
			strings.Repeat("o", 32)+")/U("+strings.Repeat("u", 32)+")>>>>")},
		{"pdf-renamed", "a PDF with a script, in a ZIP, under a picture's name", attach("f", "application/zip", "a.zip", zipped(member{"photo.jpg", pdfFile("<</OpenAction" + evil + ">>")}))},
		{"pdf-leak", "a working login in a PDF, word by word", attachPDF(pdfPage("user name: jdoe", "password: "+password)...)},
		{"pdf-leak-field", "a working login in a form", attachPDF("<</FT/Tx/T(password)/V(" + password + ")>>")},
	}
}

func rtfCases() []testCase {
	text := func(s string) string { return pagesLE32(len(s)+1) + s + "\x00" }
	ole1 := func(class, data string) string {
		return hex.EncodeToString([]byte(pagesLE32(0x501) + pagesLE32(2) + text(class) + pagesLE32(0) + pagesLE32(0) + pagesLE32(len(data)) + data))
	}
	object := func(digits string) string { return `{\object\objemb{\*\objdata ` + digits + `}{\result x}}` }
	packager := "\x02\x00photo.jpg\x00C:\\photo.jpg\x00\x00\x00\x03\x00" + text("C:\\photo.jpg") + pagesLE32(len(program)) + program
	rtf := func(name, body string) string {
		return attach("f", "application/rtf", name, `{\rtf1\ansi\deff0{\fonttbl{\f0\fswiss Arial;}}\f0 Dear Sir,\par `+body+`}`)
	}
	field := func(code string) string { return `{\field{\*\fldinst ` + code + `}{\fldrslt x}}` }
	return []testCase{
		{"rtf-plain", "a letter with a link and a local template", rtf("letter.rtf", `{\*\template C:\\Normal.dot}`+field(`HYPERLINK "http://example.net/"`))},
		{"rtf-picture", "a picture, in digits and in raw bytes", rtf("letter.rtf", `{\pict\pngblip 89504e470d0a1a0a}{\pict\bin4 }}}}}`)},
		{"rtf-object", "an embedded document is none of these", rtf("letter.rtf", object(ole1("Word.Document.8", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"+strings.Repeat("\x00", 600))))},
		{"rtf-package", "a program in a packager object", rtf("letter.rtf", object(ole1("Package", packager)))},
		{"rtf-broken", "an object's data broken up, under another name", rtf("letter.doc", object(strings.Replace(ole1("Word.Document.8", packager), "5", `{\*\x 1}5\y `, 3)))},
		{"rtf-equation", "an equation object, blanks between the digits", rtf("letter.rtf", object(strings.Join(strings.Split(ole1("eQuation.3", "x"), ""), " ")))},
		{"rtf-template", "a template on another computer", rtf("letter.rtf", `{\*\template http://example.net/a.dotm}`)},
		{"rtf-dde", "a DDE field split over runs", rtf("letter.rtf", field(`{\b DD}{\i EAUTO} cmd "/c x"`))},
		{"rtf-update", "an object that updates itself", rtf("letter.rtf", `{\object\objupdate}`)},
		{"rtf-leak", "a working login in RTF, in Russian", rtf("letter.rtf", `\ansicpg1251 \'cf\'e0\'f0\'ee\u1083?\u1100?: {\b Fixture}\'2dPass-1\par`)},
	}
}

func pagesLE32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// pdfFile is a PDF of these objects, numbered from 2.
func pdfFile(objects ...string) string {
	s := "%PDF-1.7\n"
	for i, o := range objects {
		s += fmt.Sprintf("%d 0 obj\n%s\nendobj\n", i+2, o)
	}
	return s + "trailer\n<</Root 2 0 R>>\n%%EOF\n"
}

func attachPDF(objects ...string) string {
	return attach("f", "application/pdf", "report.pdf", pdfFile(objects...))
}

// pdfPage is a page of lines, each set word by word.
func pdfPage(lines ...string) []string {
	content := "BT /F 12 Tf 14 TL "
	for _, line := range lines {
		content += "[(" + strings.ReplaceAll(line, " ", ")-300(") + ")] TJ T* "
	}
	return []string{"<</Type/Page/Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>>>",
		pdfStream("/Filter/FlateDecode", pagesDeflated(content+"ET")), "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
}

func pdfStream(extra, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>stream\n%s\nendstream", extra, len(data), data)
}

func pagesDeflated(s string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}
