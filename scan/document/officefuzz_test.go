package document_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"qguard/rules"
	"qguard/scan"
)

// tight limits keep a fuzzer's inputs small.
func tight() rules.Limit {
	limit := rules.DefaultLimit()
	limit.Inflated, limit.Members, limit.Time = 1<<20, 50, rules.Duration(time.Minute)
	return limit
}

// same judges twice and holds the verdict to what all readers promise: the same
// findings, parts that are not larger in all than their file many times.
func same(t *testing.T, name, data string, nest int) result {
	r := open(t, name, data, nest, tight())
	if again := open(t, name, data, nest, tight()); !slices.Equal(r.found, again.found) || r.text != again.text {
		t.Errorf("found %q, then %q", r.found, again.found)
	}
	if len(r.text) > 70*len(data)+1024 {
		t.Errorf("%d bytes of text of %d", len(r.text), len(data))
	}
	return r
}

// FuzzOffice reads anything as the XML of a package. A field in front of it is found.
func FuzzOffice(f *testing.F) {
	for _, s := range []string{
		word("<w:p><w:r><w:t>a</w:t></w:r></w:p>"), odf("<text:p>a</text:p>"), relation(relNS+"oleObject", "http://a"),
		`<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"><pkg:part pkg:name="/a"><pkg:binaryData>QUJD</pkg:binaryData></pkg:part>`,
		"<!DOCTYPE a [<!ENTITY b 'c'>]><a><![CDATA[x]]>&#x41;</a>", "\xff\xfe<\x00a\x00/\x00>\x00", `<a b='<' c="'>">`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		same(t, "word/document.xml", data, 1)
		evil := "<w:document" + wNS + "><w:instrText>DDE x</w:instrText>"
		if r := same(t, "x.xml", evil+data, 1); !slices.Contains(r.found, "xfile.active: DDE field") {
			t.Errorf("found %q", r.found)
		}
	})
}

// FuzzOLE reads anything behind the magic number. A VBA project in a whole file
// with more behind it is found, and nothing but zeros is clean without a directory.
func FuzzOLE(f *testing.F) {
	for _, s := range []string{
		compound("", vba(), native("a", "b", "c", "MZ", "d")), compound("", ofile{name: "Workbook", data: biff(0x85, "\x00\x00\x00\x00\x00\x01\x01\x00a")}),
		compound("", ofile{name: "PowerPoint Document", data: long(record(0x10, 0x1011, le32(4)+deflated("abcd")))}),
		compound(msi, ofile{name: "WordDocument", data: long("\xec\xa5\x13DDE x")}),
	} {
		f.Add(s[8:])
	}
	f.Fuzz(func(t *testing.T, data string) {
		r := same(t, "a.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"+data, 0)
		if len(data) < 504 && strings.Trim(data, "\x00") != "" && len(r.found) == 0 {
			t.Error("a broken file is clean")
		}
		if r := open(t, "a.doc", compound("", vba())+data, 0, tight()); !slices.Contains(r.found, "xfile.macro: VBA project") {
			t.Errorf("found %q", r.found)
		}
	})
}

// FuzzMSG reads anything as a property of an attachment's name, its data, and
// as a whole message.
func FuzzMSG(f *testing.F) {
	f.Add("invoice.pdf", "MZ", 0)
	f.Add("a\x00b", outlook(attachment("0", map[string]string{"37010102": "x"})), 600)
	f.Fuzz(func(t *testing.T, name, data string, at int) {
		file := outlook(attachment("0", map[string]string{"3707001F": name, "37010102": data, "370E001E": name}))
		r := same(t, "a.msg", file, 0)
		if !slices.ContainsFunc(r.v.Findings, func(f scan.Finding) bool { return strings.HasPrefix(f.Rule, "limit.") }) && len(r.parts) == 0 {
			t.Error("the attachment is lost")
		}
		if at = max(0, min(at, len(file)-1)); at > 8 {
			same(t, "a.msg", file[:at]+data+file[at:], 0)
		}
	})
}

// FuzzOneNote reads anything as a section. A file in front of it is found.
func FuzzOneNote(f *testing.F) {
	f.Add(oneName("a.hta") + oneFile(2, "MZ"))
	f.Add(oneFile(1<<31-1, oneFile(0, "")))
	f.Fuzz(func(t *testing.T, data string) {
		same(t, "a.one", oneNote(data), 0)
		r := open(t, "a.one", oneNote(oneFile(2, "MZ")+data), 0, tight())
		if !slices.ContainsFunc(r.parts, func(p string) bool { return strings.HasSuffix(p, `: "MZ"`) }) {
			t.Errorf("parts %q, found %q", r.parts, r.found)
		}
	})
}

// FuzzWebArchive reads anything under a document's name, and behind ActiveMime's.
func FuzzWebArchive(f *testing.F) {
	f.Add("MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n")
	f.Add("\t\x08\x08\x00\x00\x05\x40\x00")
	f.Fuzz(func(t *testing.T, data string) {
		same(t, "a.doc", data, 0)
		same(t, "a.mso", "ActiveMime"+data, 1)
	})
}
