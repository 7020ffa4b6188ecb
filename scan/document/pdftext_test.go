package document_test

import (
	"fmt"
	"strings"
	"testing"
)

// pdfPage is a PDF of one page with this content and these entries of its fonts
// F and G.
func pdfPage(f, g, content string, more ...string) string {
	objects := []string{pdfCatalog, "<</Type/Pages/Kids[3 0 R]/Resources<</Font<</F 5 0 R/G 6 0 R>>/XObject<</X 7 0 R>>>>>>",
		"<</Type/Page/Parent 2 0 R/Contents 4 0 R>>", pdfStream("/Filter/FlateDecode", pdfDeflate(content)), f, g}
	return pdfFile(append(objects, more...)...)
}

func TestPDFText(t *testing.T) {
	const simple = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
	const wide = "<</Type/Font/Subtype/Type0/Encoding/Identity-H/ToUnicode 7 0 R/DescendantFonts[<</DW 500>>]>>"
	cmap := pdfStream("", "begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange 2 beginbfchar <0001> <0050> <0002> <00410042> endbfchar\n"+
		"2 beginbfrange <0010> <0012> <0061> <0020> <0021> [<0078> <D83DDE00>] endbfrange endcmap")
	for _, c := range []struct{ name, data, want string }{
		{"string", pdfPage(simple, "", "BT /F 9 Tf (password: swordfish) Tj ET"), "password: swordfish"},
		{"pieces", pdfPage(simple, "", "BT /F 9 Tf [(pass)-10(wo)20<7264>] TJ ET"), "password"},
		{"kerning as a blank", pdfPage(simple, "", "BT /F 9 Tf [(a)-300(b)] TJ ET"), "a b"},
		{"lines", pdfPage(simple, "", "BT /F 9 Tf 12 TL (a) Tj T* (b) Tj 0 -12 Td (c) Tj (d) ' 1 2 (e) \" ET"), "a\nb\nc\nd\ne"},
		{"a word set letter by letter", pdfPage(simple, "", "BT /F 10 Tf (a) Tj 5 0 Td (b) Tj 5 0 Td (c) Tj 9 0 Td (d) Tj ET"), "abc d"},
		{"placed by matrices", pdfPage(simple, "", "BT /F 1 Tf 10 0 0 10 5 5 Tm (a) Tj 10 0 0 10 10 5 Tm (b) Tj 10 0 0 10 5 90 Tm (c) Tj ET"), "ab\nc"},
		{"placed by the page", pdfPage(simple, "", "q 1 0 0 1 5 5 cm BT /F 10 Tf (a) Tj ET Q q 1 0 0 1 10 5 cm BT /F 10 Tf (b) Tj ET Q"), "ab"},
		{"turned", pdfPage(simple, "", "BT /F 10 Tf 0 1 -1 0 0 0 Tm (a) Tj 5 0 Td (b) Tj ET"), "ab"},
		{"accents", pdfPage(simple, "", "BT /F 9 Tf (\xfc\x80\\344) Tj ET"), "\u00fc\u20ac\u00e4"},
		{"Mac", pdfPage(strings.Replace(simple, "WinAnsi", "MacRoman", 1), "", "BT /F 9 Tf (\x9f) Tj ET"), "\u00fc"},
		{"differences", pdfPage("<</Encoding<</Differences[1/P/a 65/germandbls/fi/uni20AC/f_i/one.alt]>>>>", "", "BT /F 9 Tf (\x01\x02ABCDE) Tj ET"), "Pa\u00dffi\u20acfi1"},
		{"widths", pdfPage("<</FirstChar 97/Widths[1000]>>", "", "BT /F 10 Tf (a) Tj 10 0 Td (a) Tj 15 0 Td (a) Tj ET"), "aa a"},
		{"two bytes", pdfPage("", wide, "BT /G 9 Tf <000100020010001100120020002199990001> Tj ET", cmap), "PABabcx\U0001f600P"},
		{"Unicode codes", pdfPage("", "<</Subtype/Type0/Encoding/UniGB-UCS2-H>>", "BT /G 9 Tf <5BC67801> Tj ET"), "\u5bc6\u7801"},
		{"form", pdfPage(simple, "", "/X Do", pdfStream("/Subtype/Form", "BT /F 9 Tf (inside) Tj ET")), "inside"},
		{"form that shows itself", pdfPage(simple, "", "/X Do", pdfStream("/Subtype/Form", "BT /F 9 Tf (x) Tj ET /X Do")), "xxxxx"},
		{"inline image", pdfPage(simple, "", "BI /W 1 ID \x00(EI( EI BT /F 9 Tf (a) Tj ET"), "a"},
		{"no such font", pdfPage(simple, "", "BT /H 9 Tf (a) Tj ET"), ""},
		{"several streams", pdfFile("<</Type/Page/Contents[2 0 R 3 0 R]/Resources<</Font<</F 4 0 R>>>>>>", pdfStream("", "BT /F 9 Tf (a) Tj"), pdfStream("", "(b) Tj ET"), simple), "ab"},
		{"field", pdfFile("<</FT/Tx/T(password)/V(swordfish)>>"), "password swordfish"},
		{"field, UTF-16", pdfFile("<</T(x)/V<FEFF00FC>>>"), "x \u00fc"},
		{"note", pdfFile("<</Subtype/Text/Contents(swordfish)>>"), "swordfish"},
		{"packed", pdfFile(pdfPacked("/Filter/Fl", pdfDeflate, 5, "<</Type/Page/Contents 2 0 R/Resources<</Font<</F 6 0 R>>>>>>", simple), pdfStream("", "BT /F 9 Tf (a) Tj")), "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readPages(t, c.data)
			got.expect(t, nil, nil)
			if text := strings.TrimSpace(got.text); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
	long := readPages(t, pdfPage(simple, "", "BT /F 9 Tf "+strings.Repeat(fmt.Sprintf("(%s) Tj ", strings.Repeat("a", 1000)), 3000)))
	if len(long.found) != 1 || !strings.HasPrefix(long.found[0], "limit.size") || len(long.text) < 2<<20 || len(long.text) > 3<<20 {
		t.Errorf("%d bytes of text, %q", len(long.text), long.found)
	}
}
