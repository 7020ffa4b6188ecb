package document_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"qguard/rules"
)

// hostilePages cost more than they should wherever a reader is careless. n is
// about how many bytes each has.
func hostilePages(n int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, n/len(s)) }
	many := func(format string) string {
		var b strings.Builder
		for i := 1; b.Len() < n; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	rtfObject := strings.Repeat("/K[1 2 3]", n/20)
	mark := "%PDF-1.7\n"
	return map[string]string{
		"obj":                         mark + fill("1 0 obj "),
		"obj, alone":                  mark + fill("obj"),
		"objects":                     mark + many("%d 0 obj<</A 1>>endobj "),
		"one number":                  mark + fill("1 0 obj<</JS 1 0 R>>endobj "),
		"stream":                      mark + "1 0 obj<<>>" + fill("stream\n"),
		"streams without end":         mark + many("%d 0 obj<</Type/EmbeddedFile/Length 9>>stream\n"),
		"scripts without end":         mark + many("%[1]d 0 obj<</JS %[1]d 0 R/S/JavaScript>>stream\n"),
		"lengths that lie":            mark + many("%d 0 obj<</Type/ObjStm/N 1/First 5/Length 999999999>>stream\n1 0 x endstream "),
		"lengths that refer":          mark + many("%[1]d 0 obj<</Type/ObjStm/N 1/First 5/Length %[1]d 0 R>>stream\n1 0 x endstream "),
		"dictionaries":                mark + "1 0 obj" + fill("<<"),
		"dictionaries, each":          mark + fill("1 0 obj<<"),
		"dictionaries, nested":        mark + fill("1 0 obj"+strings.Repeat("<</A", 90)),
		"arrays, each":                mark + fill("1 0 obj<</A["),
		"open strings":                mark + fill("1 0 obj<</A("),
		"open strings, hexadecimal":   mark + fill("1 0 obj<</A<"),
		"names":                       mark + "1 0 obj<<" + fill("/A#"),
		"one name":                    mark + "1 0 obj<</" + fill("#41"),
		"comments":                    mark + fill("%obj 1 0 obj<<"),
		"references to a big one":     mark + "1 0 obj<<" + rtfObject + ">>endobj " + strings.Repeat("2 0 obj<</S 1 0 R/JS 1 0 R>>endobj ", n/70),
		"references in a circle":      mark + many("%d 0 obj<</S/JavaScript/JS 1 0 R>>endobj 1 0 obj 2 0 R endobj 2 0 obj 1 0 R endobj "),
		"files":                       mark + many("%[1]d 0 obj<</F(a)/EF<</F %[1]d 0 R>>>>stream\nx\nendstream "),
		"files of many versions":      mark + fill("1 0 obj<</F(a)/EF<</F 1 0 R>>>>stream\nx\nendstream "),
		"filters":                     mark + "1 0 obj<</Type/EmbeddedFile/Filter[" + fill("/AHx") + "]>>stream\nx endstream",
		"trailers":                    mark + fill("trailer<</Encrypt 1 0 R>>"),
		"trailers, open":              mark + fill("trailer<<"),
		"object streams of one place": mark + "1 0 obj" + pdfPacked("", func(s string) string { return strings.Repeat("1 5 ", n/4) + s }, 1, "<<"+rtfObject) + "endobj",
		"pages":                       mark + "1 0 obj<</Type/Page/Contents[" + fill("1 0 R ") + "]>>stream\nq\nendstream",
		"content":                     mark + "1 0 obj<</Type/Page/Contents 1 0 R>>stream\n" + fill("q BT /F 1 Tf (a) Tj [1 2 3]TJ "),
		"content, nested":             mark + "1 0 obj<</Type/Page/Contents 1 0 R>>stream\n" + fill("["),
		"parents":                     mark + many("%d 0 obj<</Type/Page/Parent 1 0 R/Contents 1 0 R>>endobj "),
		"escapes":                     pdfFile("<</S/JavaScript/JS(" + fill(`\\u`) + ")>>"),
		"script":                      pdfFile("<</S/JavaScript/JS(" + fill("a[") + ")>>"),
		"scripts":                     mark + many("%d 0 obj<</S/JavaScript/JS(f[a+b\\(\\)])>>endobj "),
		"long scripts":                mark + fill("1 0 obj<</S/JavaScript/JS("+strings.Repeat("\\)\\(", 3000)+")>>endobj "),
		"brackets":                    mark + fill("1 0 obj<</S/JavaScript/JS("+strings.Repeat("if\\(", 1500)+strings.Repeat("\\)\\(\\)", 1500)+")>>endobj "),
		"form":                        pdfFile("<</XFA 2 0 R>>", pdfStream("", fill("<script a='javascript'>"))),
		"groups":                      `{\rtf1` + fill("{"),
		"groups of objects":           `{\rtf1` + fill(`{\objdata `),
		"object data, each":           `{\rtf1` + fill(`{\objdata 01}`),
		"object headers":              `{\rtf1` + fill(`{\objdata 0000000002000000ff0f0000}`),
		"ends":                        `{\rtf1` + fill("}"),
		"control words":               `{\rtf1` + fill(`\b`),
		"one control word":            `{\rtf1\` + fill(`b`),
		"one number, RTF":             `{\rtf1\b` + fill(`1`),
		"bin":                         `{\rtf1` + fill(`\bin1 `),
		"bin of nothing":              `{\rtf1` + fill(`\bin0`),
		"bin in object data":          `{\rtf1{\objdata ` + fill(`\bin0`),
		"bytes in a code page":        `{\rtf1\ansicpg932 ` + fill(`\'81`),
		"units":                       `{\rtf1 ` + fill(`\u1`),
		"fields":                      `{\rtf1` + fill(`{\fldinst QUOTE 68 68 `),
		"one field":                   `{\rtf1{\fldinst ` + fill(`QUOTE 68 68 `),
		"fonts":                       `{\rtf1{\fonttbl` + many(`\f%d\fcharset204 `),
	}
}

// TestHostilePages ends without an error.
func TestHostilePages(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Time = rules.Duration(time.Minute)
	for name, data := range hostilePages(40 << 10) {
		t.Run(name, func(t *testing.T) {
			if got := readLimited(t, data, limit); got.err != nil {
				t.Error(got.err)
			}
		})
	}
}

// TestPagesCut reads every beginning of documents that were caught whole.
func TestPagesCut(t *testing.T) {
	for _, data := range []string{
		pdfFile("<</S/JavaScript/JS 3 0 R/EF<</F 4 0 R>>/F(a)>>", pdfPacked("/Filter/FlateDecode", pdfDeflate, 5, "<</S/Launch>>"), pdfStream("/Filter/Fl", pdfDeflate("eval(1)")), pdfStream("", pagesProgram)),
		pdfPage("<</Encoding/WinAnsiEncoding>>", "", "BT /F 9 Tf (password) Tj ET"),
		pdfUnzipped(t, encryptedPDFs[4].data),
		rtfObject(rtfOLE1("Package", rtfPackager("a.txt", "b.exe", pagesProgram))),
		`{\rtf1\ansicpg932{\fonttbl{\f0\fcharset0 A;}}\'83\'58\u8364?{\field{\*\fldinst DDE x}}{\*\template http://a}}`,
	} {
		for i := range len(data) {
			if got := readPages(t, data[:i]); got.err != nil {
				t.Errorf("%d bytes of %.20q: %v", i, data, got.err)
			}
		}
	}
}

// BenchmarkPages reads 25 MB documents.
func BenchmarkPages(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	pictures := "%PDF-1.7\n"
	for i := range 25 {
		pictures += fmt.Sprintf("%d 0 obj%sendobj\n", i+1, pdfStream("/Subtype/Image", string(noise)))
	}
	for name, data := range map[string]string{
		"pictures": pictures,
		"objects":  hostilePages(25 << 20)["objects"],
		"RTF":      `{\rtf1{\pict ` + strings.Repeat("00ff", 25<<18) + "}}",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				readPages(b, data)
			}
		})
	}
}

func BenchmarkHostilePages(b *testing.B) {
	for name, data := range hostilePages(1 << 20) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				readPages(b, data)
			}
		})
	}
}
