package document_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
)

const (
	wNS   = ` xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
	sNS   = ` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	aNS   = ` xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"`
	odfNS = ` xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"`
	relNS = `http://schemas.openxmlformats.org/officeDocument/2006/relationships/`
)

func relation(kind, target string) string {
	return `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="` + kind + `" Target="` + target + `" TargetMode="External"/></Relationships>`
}

func word(body string) string {
	return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\r\n<w:document" + wNS + "><w:body>" + body + "</w:body></w:document>"
}

func odf(body string) string {
	return `<?xml version="1.0"?><office:document-content` + odfNS + "><office:body><office:text>" + body + "</office:text></office:body></office:document-content>"
}

func TestOffice(t *testing.T) {
	macro, sheet := "xfile.macro: VBA project", "xfile.macro: Excel 4 macro sheet"
	field, link, formula := "xfile.active: DDE field", "xfile.active: DDE link", "xfile.active: DDE formula"
	run := func(s string) string { return "<w:r><w:instrText>" + s + "</w:instrText></w:r>" }
	char := func(s string) string { return `<w:r><w:fldChar w:fldCharType="` + s + `"/></w:r>` }
	types := func(s string) string {
		return `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/x" ContentType="` + s + `"/></Types>`
	}
	cells := func(s string) string {
		return "<worksheet" + sNS + "><sheetData><row><c>" + s + "</c></row></sheetData></worksheet>"
	}
	manifest := func(s string) string {
		return `<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="` + s + `</manifest:file-entry></manifest:manifest>`
	}
	for _, c := range []struct {
		name, file, data string
		want             []string
	}{
		{"template", "word/_rels/settings.xml.rels", relation(relNS+"attachedTemplate", "https://example.net/a.dotm"), []string{"xfile.link: remote template"}},
		{"template, strict", "x", relation("http://purl.oclc.org/ooxml/officeDocument/relationships/attachedTemplate", "http://example.net/a"), []string{"xfile.link: remote template"}},
		{"template on a share", "x", relation(relNS+"attachedTemplate", `\\host\share\a.dotm`), []string{"xfile.link: remote template"}},
		{"template on a share, file URL", "x", relation(relNS+"attachedTemplate", `file:///\\host\share\a.dotm`), []string{"xfile.link: remote template"}},
		{"template on a disk", "x", relation(relNS+"attachedTemplate", `file:///C:\Users\a\Normal.dotm`), nil},
		{"template, relative", "x", relation(relNS+"attachedTemplate", `Normal.dotm`), nil},
		{"object", "x", relation(relNS+"oleObject", "mhtml:https://example.net/a.html!x-usc:https://example.net/a.html"), []string{"xfile.link: remote object"}},
		{"object, references", "x", relation(relNS+"oleObject", "&#104;ttp&#x3a;//example.net/a"), []string{"xfile.link: remote object"}},
		{"object, blanks in the scheme", "x", relation(relNS+"oleObject", " ht&#10;tp://example.net/a"), []string{"xfile.link: remote object"}},
		{"object, quotes of the other kind", "x", strings.ReplaceAll(relation(relNS+"oleObject", "http://example.net/a"), `"`, "'"), []string{"xfile.link: remote object"}},
		{"frame", "x", relation(relNS+"frame", "ftp://example.net/a"), []string{"xfile.link: remote frame"}},
		{"document", "x", relation(relNS+"subDocument", "ms-word:ofe|u|https://example.net/a"), []string{"xfile.link: remote document"}},
		{"a chart's data", "ppt/charts/_rels/chart1.xml.rels", relation(relNS+"oleObject", "https://example.net/a.xlsx"), nil},
		{"workbook", "x", relation(relNS+"externalLinkPath", "https://example.net/a.xlsx"), nil},
		{"hyperlink", "x", relation(relNS+"hyperlink", "https://example.net/"), nil},
		{"picture", "x", relation(relNS+"image", "https://example.net/a.png"), nil},
		{"macro sheet's relation", "x", relation("http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet", "m/a.bin"), []string{sheet}},
		{"control's relation", "x", relation(relNS+"control", "activeX/activeX1.xml"), []string{"xfile.active: ActiveX control"}},
		{"ribbon", "x", `<customUI xmlns="http://schemas.microsoft.com/office/2006/01/customui" onLoad="http://example.net/a.dotm!x"/>`, []string{"xfile.link: remote code for the ribbon"}},
		{"ribbon of one's own", "x", `<customUI xmlns="http://schemas.microsoft.com/office/2006/01/customui" onLoad="x"/>`, nil},

		{"VBA by name", "word/vbaProject.bin", "x", []string{macro}},
		{"VBA by name, capitals", `xl\VBAPROJECT.BIN`, "x", []string{macro}},
		{"VBA by type", "[Content_Types].xml", types("application/vnd.ms-office.vbaProject"), []string{macro}},
		{"macro type", "[Content_Types].xml", types("application/vnd.ms-word.document.macroEnabled.main+xml"), []string{"xfile.macro: document type with macros"}},
		{"binary workbook's type", "[Content_Types].xml", types("application/vnd.ms-excel.sheet.binary.macroEnabled.main"), nil},
		{"plain type", "[Content_Types].xml", types("application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"), nil},
		{"macro sheet by name", "xl/macrosheets/sheet1.bin", "x", []string{sheet}},
		{"macro sheet by root", "xl/worksheets/sheet9.xml", `<xm:macrosheet xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"/>`, []string{sheet}},
		{"macro sheet by type", "x", types("application/vnd.ms-excel.intlmacrosheet"), []string{sheet}},
		{"control", "word/activeX/activeX1.xml", "x", []string{"xfile.active: ActiveX control"}},
		{"printer settings", "xl/printerSettings/printerSettings1.bin", "x", nil},
		{"chart", "word/charts/chart1.xml", `<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:f>Sheet1!$A$1</c:f></c:chartSpace>`, nil},

		{"field", "word/document.xml", word(run("DDEAUTO c:\\\\x")), []string{field}},
		{"field in pieces", "word/document.xml", word(char("begin") + run(" D") + run("DE") + run("AUTO x") + char("end")), []string{field}},
		{"field in a field", "word/document.xml", word(char("begin") + run("IF ") + char("begin") + run("dde x y") + char("separate") + char("end") + char("end")), []string{field}},
		{"field behind blanks", "word/document.xml", word(char("begin") + run(strings.Repeat(" ", 70000)) + run(" DDE x")), []string{field}},
		{"field in a CDATA section", "word/document.xml", word(run("<![CDATA[DDE x]]>")), []string{field}},
		{"field in an attribute", "word/header1.xml", "<w:hdr" + wNS + `><w:fldSimple w:instr="  DDEAUTO x"/></w:hdr>`, []string{field}},
		{"field under another prefix", "x.xml", strings.NewReplacer("w:", "q:", "xmlns:w", "xmlns:q").Replace(word(run("DDE x"))), []string{field}},
		{"page number", "word/document.xml", word(char("begin") + run(" PAGE ") + char("separate") + char("end")), nil},
		{"text about it", "word/document.xml", word("<w:p><w:r><w:t>DDEAUTO is a field</w:t></w:r></w:p>"), nil},
		{"remote link", "word/document.xml", word(run(`LINK Word.Document.8 "http://example.net/a.rtf" "" \a \p`)), []string{"xfile.link: field of a remote document"}},
		{"link to a share", "word/document.xml", word(run(`INCLUDETEXT "\\\\host\\a.docx"`)), []string{"xfile.link: field of a remote document"}},
		{"link to a disk", "word/document.xml", word(run(`LINK Excel.Sheet.12 "C:\\a\\b.xlsx" "Sheet1" \a \f 0`)), nil},
		{"DDE link", "xl/externalLinks/externalLink1.xml", "<externalLink" + sNS + `><ddeLink ddeService="cmd" ddeTopic="/c x"/></externalLink>`, []string{link}},
		{"DDE link, binary", "xl/externalLinks/externalLink1.bin", "\xe8\x02\x10\x01\x00\x00\x00\x00", []string{link}},
		{"workbook link, binary", "xl/externalLinks/externalLink1.bin", "\xe8\x02\x10\x00\x00\x00\x00\x00", nil},
		{"DDE formula", "xl/worksheets/sheet1.xml", cells("<f>cmd|' /c calc'!A0</f>"), []string{formula}},
		{"DDE formula, quoted", "xl/worksheets/sheet1.xml", cells("<f>1+'cmd'|'/c'!A0</f>"), []string{formula}},
		{"bar in a string", "xl/worksheets/sheet1.xml", cells(`<f>A1&amp;"|"&amp;B1</f>`), nil},
		{"bar in a sheet's name", "xl/worksheets/sheet1.xml", cells(`<f>'a|b'!A1</f>`), nil},
		{"bar in a column's name", "xl/worksheets/sheet1.xml", cells(`<f>Table1[a|b]</f>`), nil},
		{"action", "ppt/slides/slide1.xml", "<p:sld" + aNS + `><a:hlinkMouseOver action="ppaction://program"/></p:sld>`, []string{"xfile.active: action that runs a program"}},

		{"Basic", "Basic/Standard/Module1.xml", `<script:module xmlns:script="http://openoffice.org/2000/script" script:language="StarBasic">Sub Main</script:module>`, []string{"xfile.macro: Basic module"}},
		{"empty Basic", "Basic/Standard/Module1.xml", `<script:module xmlns:script="http://openoffice.org/2000/script" script:language="StarBasic"> </script:module>`, nil},
		{"Basic's index", "Basic/script-lc.xml", `<library:libraries xmlns:library="http://openoffice.org/2000/library"><library:library library:name="Standard"/></library:libraries>`, nil},
		{"Python", "META-INF/manifest.xml", manifest(`Scripts/python/a.py">`), []string{"xfile.macro: script a.py"}},
		{"encrypted", "META-INF/manifest.xml", manifest(`content.xml"><manifest:encryption-data/>`), []string{"xfile.encrypted: encrypted OpenDocument file"}},
		{"manifest", "META-INF/manifest.xml", manifest(`content.xml">`), nil},
		{"event", "content.xml", odf(`<script:event-listener xlink:href="vnd.sun.star.script:a.b.c?language=Basic&amp;location=document"/>`), []string{"xfile.macro: event that runs a macro"}},
		{"event of the program's own", "content.xml", odf(`<script:event-listener xlink:href="vnd.sun.star.script:a.b.c?language=Basic&amp;location=application"/>`), nil},
		{"event, old", "content.xml", odf(`<script:event script:macro-name="a.b.c" script:location="document"/>`), []string{"xfile.macro: event that runs a macro"}},
		{"frame, ODF", "content.xml", odf(`<draw:floating-frame xlink:href="http://example.net/"/>`), []string{"xfile.link: remote floating-frame"}},
		{"section", "content.xml", odf(`<text:section-source xlink:href="http://example.net/a.odt"/>`), []string{"xfile.link: remote section-source"}},
		{"object in the package", "content.xml", odf(`<draw:object xlink:href="./Object 1"/>`), nil},
		{"picture, ODF", "content.xml", odf(`<draw:image xlink:href="http://example.net/a.png"/>`), nil},
		{"DDE, ODF", "content.xml", odf(`<table:table-cell table:formula="of:=DDE(&quot;cmd&quot;;&quot;x&quot;)"/>`), []string{formula}},
		{"array, ODF", "content.xml", odf(`<table:table-cell table:formula="of:={1;2|3;4}"/>`), nil},

		{"UTF-16", "word/document.xml", "\xff\xfe" + wideText(word(run("DDE x"))), []string{field}},
		{"UTF-16 without a mark", "word/document.xml", wideText(word(run("DDE x"))), []string{field}},
		{"a long prologue", "word/document.xml", "<!--" + strings.Repeat("-x", 40000) + "-->" + word(run("DDE x")), []string{field}},
		{"entities", "word/document.xml", `<!DOCTYPE x [<!ENTITY a "DDE">]>` + word(run("&a; x")), []string{"xfile.unreadable: document declares entities"}},
		{"UTF-7", "content.xml", `<?xml version="1.0" encoding="UTF-7"?>+ADw-x+AD4-`, []string{"xfile.unreadable: XML in the encoding utf-7"}},
		{"Latin 1", "content.xml", strings.Replace(odf(""), "?>", ` encoding='ISO-8859-1' standalone='yes'?>`, 1), nil},
		{"another XML", "a.xml", `<x><instrText>DDE x</instrText><f>a|b!c</f></x>`, nil},
		{"HTML of Word", "a.htm", `<html` + wNS + `><w:instrText>DDE x</w:instrText></html>`, nil},
		{"Word 2003", "a.xml", `<w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml" w:macrosPresent="yes"/>`, []string{macro}},
		{"a tag too long", "word/document.xml", "<w:document" + wNS + `><x a="` + strings.Repeat("x", 9<<20) + `"/></w:document>`, []string{"limit.size: XML tag over 8 MiB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, open(t, c.file, c.data, 1, rules.Limit{}).found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOfficeText(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"runs", word("<w:p><w:r><w:t>pass</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>wo</w:t></w:r><w:proofErr/><w:r><w:t>rd</w:t></w:r></w:p>"), "password\n"},
		{"references", word("<w:p><w:t>a &amp; b&#228;&#x20ac;&nbsp;</w:t></w:p>"), "a & b\u00e4\u20ac&nbsp;\n"},
		{"tabs", word("<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>"), "a\tb\nc\n"},
		{"table", word("<w:tbl><w:tr><w:tc><w:p><w:t>a</w:t></w:p></w:tc><w:tc><w:p><w:t>b</w:t></w:p></w:tc></w:tr></w:tbl>"), "a\n\tb\n\t\n"},
		{"instructions and what was deleted", word("<w:p><w:r><w:instrText>PAGE</w:instrText><w:delText>x</w:delText><w:t>a</w:t></w:r></w:p>"), "a\n"},
		{"blanks between the tags", word("\n <w:p>\n  <w:r>\n <w:t xml:space='preserve'> a </w:t></w:r></w:p>"), " a \n"},
		{"CDATA", word("<w:p><w:t><![CDATA[a<b]]]]><![CDATA[>]]></w:t></w:p>"), "a<b]]>\n"},
		{"comment", word("<w:p><w:t>pass<!-- no -->word</w:t></w:p>"), "password\n"},
		{"shared strings", "<sst" + sNS + "><si><t>user</t></si><si><r><t>pass</t></r><r><t>word</t></r></si></sst>", "user\npassword\n"},
		{"cells", "<worksheet" + sNS + `><row><c t="inlineStr"><is><t>a</t></is></c><c t="s"><v>7</v></c><c t="str"><f>b</f><v>b</v></c></row></worksheet>`, "a\t\tb\t\n"},
		{"slide", "<p:sld" + aNS + "><a:p><a:r><a:t>pass</a:t></a:r><a:r><a:t>word</a:t></a:r></a:p></p:sld>", "password\n"},
		{"ODF", odf("<text:h>a</text:h> <text:p>pass<text:span>word</text:span><text:tab/>b<text:s/>c<text:line-break/>d</text:p>"), "a\npassword\tb c\nd\n"},
		{"ODF, picture in the text", odf("<text:p>a<draw:image><office:binary-data>QUJD</office:binary-data></draw:image>b</text:p>"), "ab\n"},
		{"UTF-16", "\xfe\xff" + string(swap(wideText(word("<w:p><w:t>\u00e4\U0001f600</w:t></w:p>")))), "\u00e4\U0001f600\n"},
		{"no text", `<w:styles` + wNS + `><w:t>a</w:t></w:styles>`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, "word/document.xml", c.data, 1, rules.Limit{})
			if r.text != c.want || len(r.found) > 0 {
				t.Errorf("got %q, want %q; found %q", r.text, c.want, r.found)
			}
		})
	}
}

func swap(s string) []byte {
	b := []byte(s)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return b
}

// TestFlat opens what stands in packages of one XML file.
func TestFlat(t *testing.T) {
	vba := base64.StdEncoding.EncodeToString([]byte(compound("", storage("VBA", ofile{name: "dir", data: "x"}))))
	split := strings.Join(strings.SplitAfter(vba, "A"), " \r\n ")
	flat := func(part string) string {
		return `<?mso-application progid="Word.Document"?><pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"><pkg:part pkg:name="/word/x">` + part + `</pkg:part></pkg:package>`
	}
	for _, c := range []struct {
		name, data  string
		found, text string
	}{
		{"package, binary", flat("<pkg:binaryData>" + split + "</pkg:binaryData>"), "xfile.macro: VBA project", ""},
		{"package, XML", flat("<pkg:xmlData>" + strings.Replace(word("<w:p><w:instrText>DDE x</w:instrText><w:t>a&lt;<![CDATA[b]]></w:t></w:p>"), `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`, "", 1) + "</pkg:xmlData>"),
			"xfile.active: DDE field", "a<b\n"},
		{"package, harmless", flat("<pkg:binaryData>QUJD</pkg:binaryData>"), "", ""},
		{"Word 2003", `<w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:binData w:name="editdata.mso">` + split + `</w:binData><w:p><w:r><w:t>a</w:t></w:r></w:p></w:wordDocument>`,
			"xfile.macro: VBA project", "a\n"},
		{"ODF", `<office:document` + odfNS + `><text:p>a<office:binary-data>` + split + `</office:binary-data></text:p></office:document>`, "xfile.macro: VBA project", "a\n"},
		{"ODF, Basic", `<office:document` + odfNS + `><ooo:module>Sub x</ooo:module></office:document>`, "xfile.macro: Basic module", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, "a.xml", c.data, 0, rules.Limit{})
			if got := strings.Join(r.found, " "); got != c.found || r.text != c.text {
				t.Errorf("found %q, want %q; text %q, want %q; parts %q", got, c.found, r.text, c.text, r.parts)
			}
		})
	}
}

func BenchmarkOffice(b *testing.B) {
	const size = 8 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for _, c := range []struct{ name, body string }{
		{"ordinary", fill("<w:p><w:pPr><w:spacing w:after=\"0\"/></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>An ordinary line of text &amp; more of it, as mail has.</w:t></w:r></w:p>")},
		{"opening signs", fill("<")},
		{"tags", fill("<a>")},
		{"fields", fill("<w:fldChar w:fldCharType=\"begin\"/><w:instrText>A</w:instrText>")},
		{"ampersands", fill("&")},
		{"sections", fill("<![CDATA[]]>")},
		{"open section", "<![CDATA[" + fill("]]")},
		{"comments", fill("<!---->")},
		{"open comment", "<!--" + fill("--!")},
		{"open declaration", "<!" + fill("[")},
		{"one tag", "<a" + fill(" b=c")},
		{"quotes", "<Relationship " + fill("a='b' ") + "/>"},
		{"formulas", fill("<f>" + strings.Repeat("[|", 4000) + "</f>")},
	} {
		data := word(c.body)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				open(b, "word/document.xml", data, 1, rules.Limit{})
			}
		})
	}
}
