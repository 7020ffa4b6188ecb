package document_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"qguard/rules"
)

// fuzzLimit bounds what one input of a fuzzer may cost.
func pagesFuzzLimit() rules.Limit {
	limit := rules.DefaultLimit()
	limit.Inflated, limit.Members, limit.Time = 1<<20, 50, rules.Duration(time.Minute)
	return limit
}

// fuzzPages reads anything: no error and no panic, bounded output, the same
// twice.
func fuzzPages(t *testing.T, data string) pagesRead {
	got := readLimited(t, data, pagesFuzzLimit())
	if got.err != nil {
		t.Fatal(got.err)
	}
	if n := len(strings.Join(got.members, "")); n > 8<<20 || len(got.text) > 8<<20 {
		t.Errorf("%d bytes of members, %d of text, from %d", n, len(got.text), len(data))
	}
	if again := readLimited(t, data, pagesFuzzLimit()); !slices.Equal(got.found, again.found) || got.text != again.text {
		t.Errorf("found %q, then %q", got.found, again.found)
	}
	return got
}

// FuzzPDF also finds an action behind whatever else a file holds.
func FuzzPDF(f *testing.F) {
	for _, data := range []string{
		pdfFile("<</S/JavaScript/JS 3 0 R/EF<</F 4 0 R>>/F(a)>>", pdfPacked("/Filter/FlateDecode", pdfDeflate, 5, "<</S/Launch>>"), pdfStream("/Filter/Fl", pdfDeflate("eval(1)")), pdfStream("", pagesProgram)),
		pdfPage("<</Encoding<</Differences[1/a]>>/Widths[1]>>", "<</Subtype/Type0/ToUnicode 7 0 R>>", "BT /F 9 Tf [(password)1] TJ /G 1 Tf <01> Tj ET /X Do", pdfStream("", "beginbfchar <01> <0041>")),
		pdfFile("<</Type/EmbeddedFile/Filter[/A85/LZW/RL/AHx]/DecodeParms[null<</Predictor 12>>]>>stream\n9jqo^~>endstream"),
		pdfFile("<</XFA[(a) 2 0 R]>>", pdfStream("", "<script a='javascript'><![CDATA[eval(x)]]></script>")),
		pdfFile("<</T(a)/V(b)>>", "<</Subtype/Text/Contents<FEFF0041>>>"),
		"%FDF-1.2\n1 0 obj<</FDF<</JavaScript<</After(x\\(1\\))>>>>>>endobj",
	} {
		f.Add(data)
	}
	for _, c := range encryptedPDFs {
		f.Add(pdfUnzipped(f, c.data))
	}
	f.Fuzz(func(t *testing.T, data string) {
		fuzzPages(t, data)
		behind := fuzzPages(t, "%PDF-1.7\n"+data+"\n7 0 obj<</S/Launch/F(a)>>endobj\n")
		if !slices.ContainsFunc(behind.found, func(s string) bool {
			return strings.HasSuffix(s, "starts a program") || strings.HasPrefix(s, "limit.")
		}) {
			t.Errorf("the action is missing: %q", behind.found)
		}
	})
}

// FuzzRTF also finds an object behind whatever else a document holds.
func FuzzRTF(f *testing.F) {
	for _, data := range []string{
		rtfObject(rtfOLE1("Package", rtfPackager("a.txt", "b.exe", pagesProgram))),
		`{\rtf1\ansicpg932{\fonttbl{\f0\fcharset0 A;}}\'83\'58\u8364?{\field{\*\fldinst QUOTE 68 DDE x}}{\*\template http://a}}`,
		`{\rtf1{\object\objupdate{\*\objclass x}{\*\objdata 01\bin2 ab{\*\x}\'41}}{\pict\bin3 abc}}`,
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		fuzzPages(t, data)
		behind := fuzzPages(t, `{\rtf1 `+data+` \par{\object{\*\objclass Package}\objocx}}`)
		if len(behind.found) == 0 && !strings.Contains(data, `\bin`) {
			t.Errorf("the object is missing: %q", behind.found)
		}
	})
}

// FuzzScript never calls a script harmless that a plain search finds to call
// what no form does.
func FuzzPDFScript(f *testing.F) {
	f.Add("event.value = 1;", "")
	f.Add("var a = /x/; // b\n", "\n\"'")
	f.Add("a = '\\\r\n'; ", "; '")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.ContainsAny(before, "\"'/`\\\x00<") || strings.Contains(before, "*") {
			return // what follows may be text or a note
		}
		script := before + "\n;app.launchURL(1);\n" + after
		got := fuzzPages(t, pdfFile("<</S/JavaScript/JS 2 0 R>>", pdfStream("", script)))
		if len(got.found) == 0 && !strings.HasPrefix(script, "\xfe\xff") && !strings.HasPrefix(script, "\xff\xfe") {
			t.Errorf("harmless: %q", script)
		}
	})
}
