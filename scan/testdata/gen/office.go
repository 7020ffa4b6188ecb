package main

import (
	"bytes"
	"compress/zlib"
	"strings"
)

const (
	docxType       = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	xlsxType       = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	pptxType       = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	ooxmlRelations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
)

// officeCases are office documents.
func officeCases() []testCase {
	return append(append(ooxmlCases(), oleCases()...), otherOfficeCases()...)
}

// officeFile is an attachment of that type and name.
func officeFile(mediaType, name string, data string) string {
	return attach("document", mediaType, name, data)
}

func docx(members ...member) string {
	return officeFile(docxType, "letter.docx", ooxml(docxType, members...))
}
func xlsx(members ...member) string {
	return officeFile(xlsxType, "sheet.xlsx", ooxml(xlsxType, members...))
}

// ooxml is a package of members, whose main part has this type.
func ooxml(mainType string, members ...member) string {
	types := `<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/main.xml" ContentType="` + mainType + `.main+xml"/></Types>`
	return zipped(append([]member{
		{"[Content_Types].xml", types},
		{"_rels/.rels", ooxmlRels("officeDocument", "main.xml")},
	}, members...)...)
}

// ooxmlRels is a part of relations: the last word of the type, then the target.
func ooxmlRels(list ...string) string {
	s := `<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	for i := 0; i < len(list); i += 2 {
		kind := list[i]
		if !strings.Contains(kind, "/") {
			kind = ooxmlRelations + kind
		}
		mode := ""
		if strings.Contains(list[i+1], ":") {
			mode = ` TargetMode="External"`
		}
		s += `<Relationship Id="r1" Type="` + kind + `" Target="` + list[i+1] + `"` + mode + `/>`
	}
	return s + "</Relationships>"
}

func wordPart(body string) member {
	return member{"word/document.xml", `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` +
		`<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + body + `</w:body></w:document>`}
}

// wordRuns is a paragraph of pieces of text.
func wordRuns(pieces ...string) string {
	return "<w:p><w:r><w:t>" + strings.Join(pieces, "</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>") + "</w:t></w:r></w:p>"
}

// wordField is a Word field whose instruction comes in pieces.
func wordField(pieces ...string) string {
	return `<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>` +
		strings.Join(pieces, "</w:instrText></w:r><w:r><w:instrText>") + `</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>`
}

func excelPart(name, root, body string) member {
	return member{name, "<" + root + ` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` + body + "</" + root + ">"}
}

func excelFormula(f string) member {
	return excelPart("xl/worksheets/sheet1.xml", "worksheet", "<sheetData><row><c><f>"+f+"</f></c></row></sheetData>")
}

func ooxmlCases() []testCase {
	const macroSheet = "http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet"
	text := wordPart(wordRuns("hello"))
	return []testCase{
		{"docm-vba", "a document with a VBA project, under its own type", officeFile("application/vnd.ms-word.document.macroEnabled.12", "letter.docm",
			ooxml("application/vnd.ms-word.document.macroEnabled", text, member{"word/vbaProject.bin", vbaProject()}))},
		{"docx-vba-renamed", "a VBA project under a harmless name in a plain document", docx(text, member{"word/media/image1.png", vbaProject()})},
		{"docx-ordinary", "hyperlink, remote picture, embedded workbook, thumbnail: nothing of it runs", docx(text,
			member{"word/_rels/document.xml.rels", ooxmlRels("hyperlink", "https://example.net/", "image", "https://example.net/a.png", "package", "embeddings/book.xlsx")},
			member{"word/embeddings/book.xlsx", ooxml(xlsxType, excelPart("xl/worksheets/sheet1.xml", "worksheet", ""))}, member{"docProps/thumbnail.jpeg", "\xff\xd8\xff\xe0"})},
		{"docx-template-remote", "the template is fetched from a server when the document is opened", docx(text, member{"word/_rels/settings.xml.rels", ooxmlRels("attachedTemplate", "https://example.net/a.dotm")})},
		{"docx-template-local", "the template is on the sender's disk, which is every day's business", docx(text, member{"word/_rels/settings.xml.rels", ooxmlRels("attachedTemplate", `file:///C:\Users\jdoe\Normal.dotm`)})},
		{"docx-object-remote", "a linked object behind two protocols, in the strict form", docx(text, member{"word/_rels/document.xml.rels",
			ooxmlRels("http://purl.oclc.org/ooxml/officeDocument/relationships/oleObject", "mhtml:http://example.net/a.html!x-usc:http://example.net/a.html")})},
		{"docx-dde", "a DDE field whose name is split over runs", docx(wordPart(wordField(" D", "DE", "AUTO c:\\\\windows\\\\system32\\\\cmd.exe")))},
		{"docx-field", "an ordinary field, and text that speaks of DDEAUTO", docx(wordPart(wordField(" PA", "GE ") + wordRuns("DDEAUTO is a field")))},
		{"docx-activex", "an ActiveX control", docx(text, member{"word/activeX/activeX1.xml", `<ax:ocx xmlns:ax="http://schemas.microsoft.com/office/2006/activeX"/>`})},
		{"docx-package", "an embedded Packager object holds a program", docx(text, member{"word/embeddings/oleObject1.bin", olePackage("readme.exe", program)})},
		{"docx-package-text", "an embedded Packager object holds a text", docx(text, member{"word/embeddings/oleObject1.bin", olePackage("readme.txt", "hello")})},
		{"docx-password", "a password split over runs is whole again for its reader", docx(wordPart(wordRuns("user name: jdoe") + wordRuns("password: ", password[:4], password[4:])))},
		{"xlsx-dde-link", "an external link that asks a program by DDE", xlsx(excelPart("xl/externalLinks/externalLink1.xml", "externalLink", `<ddeLink ddeService="cmd" ddeTopic="/c calc"/>`))},
		{"xlsx-dde-formula", "a formula that asks a program by DDE", xlsx(excelFormula("cmd|' /c calc'!A0"))},
		{"xlsx-ordinary", "a bar in a string, a link to a workbook on the disk, printer settings", xlsx(excelFormula(`A1&amp;"|"&amp;B1`),
			member{"xl/externalLinks/_rels/externalLink1.xml.rels", ooxmlRels("externalLinkPath", "file:///C:\\a.xlsx")}, member{"xl/printerSettings/printerSettings1.bin", oleWide("printer")})},
		{"xlsm-macro-sheet", "an Excel 4 macro sheet", officeFile("application/vnd.ms-excel.sheet.macroEnabled.12", "sheet.xlsm", ooxml(xlsxType,
			member{"xl/macrosheets/sheet1.xml", `<xm:macrosheet xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"/>`}))},
		{"xlsb-macro-sheet", "a binary workbook whose relation alone says that a sheet holds macros", officeFile("application/vnd.ms-excel.sheet.binary.macroEnabled.12", "sheet.xlsb",
			ooxml("application/vnd.ms-excel.sheet.binary.macroEnabled", member{"xl/_rels/workbook.bin.rels", ooxmlRels(macroSheet, "worksheets/sheet2.bin")}, member{"xl/worksheets/sheet2.bin", "\x81\x01\x00"}))},
		{"xlsb-ordinary", "every binary workbook is called macroEnabled", officeFile("application/vnd.ms-excel.sheet.binary.macroEnabled.12", "sheet.xlsb",
			ooxml("application/vnd.ms-excel.sheet.binary.macroEnabled", member{"xl/worksheets/sheet1.bin", "\x81\x01\x00"}))},
		{"pptx-action", "passing over a picture runs a program", officeFile(pptxType, "slides.pptx", ooxml(pptxType, member{"ppt/slides/slide1.xml",
			`<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"><a:hlinkMouseOver action="ppaction://program"/></p:sld>`}))},
	}
}

func oleCases() []testCase {
	doc := func(kids ...oleFile) string { return officeFile("application/msword", "letter.doc", ole("", kids...)) }
	wordStream := func(s string) oleFile { return oleFile{name: "WordDocument", data: "\xec\xa5" + s} }
	xls := func(records ...any) string {
		return officeFile("application/vnd.ms-excel", "sheet.xls", oleWorkbook(records...))
	}
	broken := []byte(ole("", wordStream(""), vbaStorage("VBA")))
	copy(broken[48:], "\xff\xff\xff\x7f")
	project := oleZlib(vbaProject())
	record := ole16(0x10) + ole16(0x1011) + ole32(len(project)+4) + ole32(len(vbaProject())) + project
	return []testCase{
		{"doc-vba", "an old document with a VBA project", doc(wordStream(""), oleFile{name: "Macros", kids: []oleFile{vbaStorage("VBA")}})},
		{"doc-ordinary", "an old document without", doc(wordStream("hello"), oleFile{name: "1Table", data: "x"})},
		{"xls-macro-sheet", "an Excel 4 macro sheet that is hidden", xls(0x85, "\x00\x00\x00\x00\x02\x01\x01\x00a")},
		{"xls-ordinary", "an old workbook", xls(0x85, "\x00\x00\x00\x00\x00\x00\x01\x00a")},
		{"xls-encrypted", "an old workbook with a password", xls(0x2f, "\x01\x00")},
		{"docx-encrypted", "a new document with a password is an OLE file", officeFile(docxType, "letter.docx", ole("", oleFile{name: "EncryptionInfo", data: "\x04\x00\x04\x00"}, oleFile{name: "EncryptedPackage", data: "x"}))},
		{"doc-equation", "an object of the Equation Editor", doc(wordStream(""), oleFile{name: "ObjectPool", kids: []oleFile{{name: "_1", kids: []oleFile{{name: "Equation Native", data: "\x1c"}}}}})},
		{"doc-dde", "a DDE field in an old document", doc(wordStream("\x13 DDEAUTO cmd \x15"))},
		{"doc-broken", "the tables of an OLE file are destroyed, its VBA storage is not", officeFile("application/msword", "letter.doc", string(broken))},
		{"ppt-vba", "a presentation keeps its VBA project deflated in a stream", officeFile("application/vnd.ms-powerpoint", "slides.ppt", ole("", oleFile{name: "PowerPoint Document", data: record}))},
		{"msi-late", "a Windows installer whose class stands behind the first 36 KiB", officeFile("application/octet-stream", "setup.dat",
			ole("\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46", oleFile{name: "data", data: strings.Repeat("x", 40<<10)}))},
		{"msg-program", "an Outlook message holds a program", officeFile("application/vnd.ms-outlook", "fwd.msg", oleMessage("fwd", "see there", "invoice.pdf", program))},
		{"msg-ordinary", "an Outlook message holds a text", officeFile("application/vnd.ms-outlook", "fwd.msg", oleMessage("fwd", "see there", "invoice.txt", "hello"))},
	}
}

func otherOfficeCases() []testCase {
	odt := func(members ...member) string {
		return officeFile("application/vnd.oasis.opendocument.text", "letter.odt", zipped(append([]member{{"mimetype", "application/vnd.oasis.opendocument.text"}}, members...)...))
	}
	content := func(body string) member {
		return member{"content.xml", `<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"><office:body>` + body + `</office:body></office:document-content>`}
	}
	manifest := func(body string) member {
		return member{"META-INF/manifest.xml", `<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="content.xml">` + body + `</manifest:file-entry></manifest:manifest>`}
	}
	mso := "ActiveMime\x00\x00" + strings.Repeat("\x00", 38) + oleZlib(vbaProject())
	archive := strings.ReplaceAll("MIME-Version: 1.0\nContent-Type: multipart/related; boundary=\"n\"\n\n--n\nContent-Type: text/html\n\n<p>hello\n--n\n"+
		"Content-Type: application/x-mso\nContent-Transfer-Encoding: base64\nContent-Location: editdata.mso\n\n"+b64(mso)+"--n--\n", "\n", "\r\n")
	section := "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3" + strings.Repeat("\x00", 32) + "\x3f\xdd\x9a\x10\x1b\x91\xf5\x49\xa5\xd0\x17\x91\xed\xc8\xae\xd8"
	embedded := "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac" + ole32(len(program)) + strings.Repeat("\x00", 16) + program
	flat := `<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"><pkg:part pkg:name="/word/x.bin"><pkg:binaryData>` + b64(vbaProject()) + `</pkg:binaryData></pkg:part></pkg:package>`
	word2003 := `<w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:binData w:name="editdata.mso">` + b64(mso) + `</w:binData></w:wordDocument>`
	return []testCase{
		{"odt-basic", "an OpenDocument text with a Basic module", odt(content("<text:p>hello</text:p>"), member{"Basic/Standard/Module1.xml",
			`<script:module xmlns:script="http://openoffice.org/2000/script">Sub Main</script:module>`})},
		{"odt-event", "opening an OpenDocument text runs a script of the installation", odt(content(`<script:event-listener xlink:href="vnd.sun.star.script:a.py$b?language=Python&amp;location=share"/>`))},
		{"odt-ordinary", "a Basic index without a module, an object in the package, a remote picture", odt(content(`<text:p>hello</text:p><draw:object xlink:href="./Object 1"/><draw:image xlink:href="http://example.net/a.png"/>`),
			manifest(""), member{"Configurations2/accelerator/current.xml", ""}, member{"Basic/script-lc.xml", `<library:libraries xmlns:library="http://openoffice.org/2000/library"/>`})},
		{"odt-encrypted", "an OpenDocument text with a password", odt(member{"content.xml", "\x9a\x01\xfe"}, manifest("<manifest:encryption-data/>"))},
		{"flat-package", "a package in one XML file holds a VBA project", officeFile("application/xml", "letter.xml", flat)},
		{"word-2003", "Word 2003's XML holds a VBA project in ActiveMime", officeFile("application/msword", "letter.doc", word2003)},
		{"mht-doc", "a web archive under a document's name holds a VBA project", officeFile("application/msword", "letter.doc", archive)},
		{"onenote-file", "a OneNote section has a program behind a picture", officeFile("application/onenote", "notes.one", section+strings.Repeat("\x00", 64)+ole32(24)+oleWide("Open me.hta")+"\x00\x00"+embedded)},
	}
}

func oleZlib(s string) string {
	var buf bytes.Buffer
	z := zlib.NewWriter(&buf)
	z.Write([]byte(s))
	z.Close()
	return buf.String()
}
