package document_test

import (
	"fmt"
	"strings"
	"testing"

	"qguard/rules"
)

const pdfCatalog = "<</Type/Catalog/Pages 2 0 R>>"

// TestPDFActive finds what acts, however it is written, and nothing else.
func TestPDFActive(t *testing.T) {
	const (
		launchURL = "xfile.active PDF JavaScript: launchURL"
		launch    = "xfile.active PDF action that starts a program"
		media     = "xfile.active PDF with Flash or other rich media"
		js        = "<</S/JavaScript/JS(app.launchURL\\('x'\\))>>"
	)
	evil := "app.launchURL('x')"
	plain := func(s string) string { return s }
	up := func(s string) string { // PNG predictor "up", 8 columns
		out, above := "", make([]byte, 8)
		for len(s)%8 != 0 {
			s += " "
		}
		for i := 0; i < len(s); i += 8 {
			out += "\x02"
			for k := range 8 {
				out += string([]byte{s[i+k] - above[k]})
				above[k] = s[i+k]
			}
		}
		return pdfDeflate(out)
	}
	for _, c := range []struct{ name, data, want string }{
		{"nothing", pdfFile(pdfCatalog), ""},
		{"header only", "%PDF-1.4\n", ""},
		{"go to a page", pdfFile("<</OpenAction[3 0 R/Fit]/AA<</O<</S/GoTo/D(x)>>>>>>"), ""},
		{"link", pdfFile("<</A<</S/URI/URI(http://example.net/)>>>>"), ""},
		{"submit", pdfFile("<</A<</S/SubmitForm/F(http://example.net/)>>>>"), ""},
		{"message of a field", pdfFile("<</AA<</V<</S/JavaScript/JS(app.alert\\(1\\))>>>>>>"), ""},
		{"message on opening", pdfFile("<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>"), "xfile.active PDF JavaScript: runs on opening"},
		{"the same elsewhere", pdfFile("<</OpenAction 2 0 R>>", "<</S/JavaScript/JS 3 0 R>>", "(app.alert\\(1\\))"), "xfile.active PDF JavaScript: runs on opening"},
		{"print on opening", pdfFile("<</OpenAction<</S/JavaScript/JS(this.print\\(true\\);)>>>>"), ""},
		{"file here on opening", pdfFile("<</OpenAction<</S/GoToR/F(b.pdf)/D[0/Fit]>>>>"), ""},
		{"file elsewhere on opening", pdfFile(`<</OpenAction<</S/GoToR/F(\\\\\\\\192.0.2.1\\\\a.pdf)>>>>`), "xfile.link PDF that opens a file on another computer"},
		{"file elsewhere, specified", pdfFile(`<</OpenAction<</S/GoToE/F<</UF(file://example.net/a.pdf)>>>>>>`), "xfile.link PDF that opens a file on another computer"},
		{"structure with S", pdfFile("<</Type/StructElem/S/P/K 1>>"), ""},

		{"script", pdfFile("<</OpenAction" + js + ">>"), launchURL},
		{"escapes in names", pdfFile("<</OpenAction<</#53/J#61vaScript/#4aS(" + "app.launchURL\\('x'\\))>>>>"), launchURL},
		{"comments and white space", pdfFile("<<%\n/S%x\r\x00\f/JavaScript%\n/JS\t%(\n(app.launchURL\\('x'\\))\n>>"), launchURL},
		{"hexadecimal string", pdfFile(fmt.Sprintf("<</S/JavaScript/JS<%x>>>", evil)), launchURL},
		{"hexadecimal string with blanks", pdfFile("<</JS<61 7\n0 70 2e 6c 61 75 6e 63 68 55 52 4c 28 31 2 9 3>>>"), launchURL},
		{"octal string", pdfFile(`<</S/JavaScript/JS(\141pp.l\141unc\150U\` + "\n" + `RL\('x'\))>>`), launchURL},
		{"UTF-16 string", pdfFile("<</JS(\xfe\xff\x00a\x00p\x00p\x00.\x00l\x00a\x00u\x00n\x00c\x00h\x00U\x00R\x00L\x00\\(\x001\x00\\))>>"), launchURL},
		{"stream", pdfFile("<</S/JavaScript/JS 2 0 R>>", pdfStream("", evil)), launchURL},
		{"packed stream", pdfFile("<</S/JavaScript/JS 2 0 R>>", pdfStream("/Filter/FlateDecode", pdfDeflate(evil))), launchURL},
		{"string elsewhere", pdfFile("<</S/JavaScript/JS 2 0 R>>", "("+evil+")"), launchURL},
		{"string behind two references", pdfFile("<</S/JavaScript/JS 2 0 R>>", "3 0 R", "("+evil+")"), launchURL},
		{"an older version", pdfFile("<</S/JavaScript/JS 2 0 R>>", "("+evil+")") + "2 0 obj(print\\(\\))endobj\n", launchURL},
		{"a picture called JS", pdfFile("<</JS 2 0 R>>", pdfStream("/Subtype/Image", "eval")), ""},
		{"an action that calls its script a picture", pdfFile("<</JS 2 0 R>>", pdfStream("/Subtype/Image", evil), "<</S/JavaScript/JS 2 0 R>>"), launchURL},
		{"object stream", pdfFile(pdfCatalog, pdfPacked("", plain, 5, "<<>>", js)), launchURL},
		{"deflated object stream", pdfFile(pdfCatalog, pdfPacked("/Filter/FlateDecode", pdfDeflate, 5, js)), launchURL},
		{"with a predictor", pdfFile(pdfCatalog, pdfPacked("/Filter[/Fl]/DecodeParms[<</Predictor 12/Columns 8>>]", up, 5, js)), launchURL},
		{"with two filters", pdfFile(pdfCatalog, pdfPacked("/Filter[/AHx/Fl]", func(s string) string { return fmt.Sprintf("%x>", pdfDeflate(s)) }, 5, js)), launchURL},
		{"without type", pdfFile(pdfCatalog, strings.Replace(pdfPacked("", plain, 5, js), "/Type/ObjStm", "", 1)), launchURL},
		{"first and count elsewhere", pdfFile(pdfCatalog, "5", "1", pdfStream("/Type/ObjStm/N 3 0 R/First 2 0 R", "9 0  "+js)), launchURL},
		{"no checksum", pdfFile(pdfCatalog, pdfPacked("/Filter/FlateDecode", func(s string) string { s = pdfDeflate(s); return s[:len(s)-4] }, 5, js)), launchURL},
		{"no header", pdfFile(pdfCatalog, pdfPacked("/Filter/FlateDecode", func(s string) string { return pdfDeflate(s)[2:] }, 5, js)), launchURL},
		{"object stream that is none", pdfFile(pdfCatalog, pdfPacked("/Filter/FlateDecode", plain, 5, js)), "xfile.unreadable PDF object stream cannot be unpacked"},
		{"unknown filter", pdfFile(pdfCatalog, pdfPacked("/Filter/Odd", plain, 5, js)), "xfile.unreadable PDF filter Odd cannot be read"},
		{"two lists of filters", pdfFile(pdfCatalog, pdfPacked("/Filter/Fl/Filter/AHx", plain, 5, js)), "xfile.unreadable PDF stream with two lists of filters"},
		{"too many filters", pdfFile(pdfCatalog, pdfPacked("/Filter["+strings.Repeat("/AHx", 9)+"]", plain, 5, js)), "xfile.unreadable PDF stream with too many filters"},
		{"trailer", strings.Replace(pdfFile(pdfCatalog), "/Root 1 0 R", "/Root<</OpenAction"+js+">>", 1), launchURL},
		{"launch", pdfFile("<</S/Launch/F(cmd.exe)>>"), launch},
		{"name elsewhere", pdfFile("<</S 2 0 R>>", "/L#61unch"), launch},
		{"rich media", pdfFile("<</Type/Annot/Subtype/RichMedia>>"), media},
		{"3D script", pdfFile("<</Type/3D/OnInstantiate 2 0 R>>", pdfStream("", "eval(1)")), "xfile.active PDF JavaScript: eval"},
		{"form data", "%FDF-1.2\n1 0 obj<</FDF<</JavaScript<</After(app.launchURL\\(1\\))>>>>>>endobj", launchURL},
		{"form data, list", "%FDF-1.2\n1 0 obj<</FDF<</JavaScript<</Doc[(a) 2 0 R]>>>>>>endobj 2 0 obj(" + evil + ")endobj", launchURL},

		{"no end", strings.TrimSuffix(strings.Split(pdfFile("<</OpenAction"+js), "endobj")[0], ">>"), launchURL},
		{"junk before", strings.Repeat("x", 1000) + pdfFile(js), launchURL},
		{"carriage returns", strings.ReplaceAll(pdfFile(js), "\n", "\r"), launchURL},
		{"no line ends", "%PDF-1.4\n1 0obj" + js + "endobj", launchURL},
		{"zeros before numbers", "%PDF-1.4\n<<>>0000000001 00000 obj" + js, launchURL},
		{"number behind a comment", "%PDF-1.4\n1 %\n0 %\nobj" + js, launchURL},
		{"inside of stream data", pdfFile(pdfStream("", "xxxxx\nendobj 7 0 obj"+js+"endobj")), launchURL},
		{"behind a lying length", pdfFile("<</Length 9999>>stream\nx\nendstream", js), launchURL},
		{"behind an open string", "%PDF-1.4\n1 0 obj(endobj\n2 0 obj" + js + "endobj", launchURL},
		{"behind an open dictionary", "%PDF-1.4\n1 0 obj<<<<[[ endobj\n2 0 obj" + js + "endobj", launchURL},
		{"many before it", pdfFile("[" + strings.Repeat("1 ", 50000) + js + "]"), launchURL},
		{"many keys before it", pdfFile("<<" + strings.Repeat("/A 1", 50000) + "/S/JavaScript/JS(app.launchURL\\(1\\))>>"), launchURL},
		{"too many keys that matter", pdfFile("<<" + strings.Repeat("/S/X", 50000) + ">>"), "limit.size PDF object too large"},
		{"nested", pdfFile(strings.Repeat("[", 50) + js + strings.Repeat("]", 50)), launchURL},
		{"nested too deep", pdfFile(strings.Repeat("<</A", 2000) + js), "limit.depth PDF object nested more than 100 deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readPages(t, c.data)
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			got.expect(t, want, nil)
		})
	}
}

// TestPDFScript tells the scripts of everyday forms from others.
func TestPDFScript(t *testing.T) {
	for _, script := range []string{
		`AFNumber_Format(2, 0, 0, 0, "EUR ", true);`,
		`AFDate_FormatEx("dd.mm.yyyy");`,
		`AFSimple_Calculate("SUM", new Array ("a", "b"));`,
		`AFRange_Validate(true, 0, true, 100)`,
		`this.print({bUI: true, bSilent: false});`,
		`print()`,
		`app.alert("Please fill in the form", 3);`,
		`this.pageNum++; this.zoom = 100;`,
		`this.resetForm(["a", "b"]);`,
		`var a = this.getField("a"), b = getField('b'); event.value = (a.value + b.value) / 2;`,
		"// note\nif (event.value == \"\") /* none */ event.target.display = display.hidden; else event.target.display = display.visible;",
		`var d = new Date(); event.value = util.printd("dd.mm.yyyy", d);`,
		`function sum(n) { var s = 0; for (var i = 0; i < n; i++) { s += Number(getField("f" + i).value); } return s; } event.value = sum(3);`,
		`if (!/^\d+$/.test(event.value)) { app.alert("digits only"); event.rc = false; }`,
		`var list = ["a", "b"]; event.value = list[0] + list[i];`,
		`event.value = event.value.replace(/\s+/g, " ").toUpperCase();`,
		`this.getField("x").textColor = ["RGB", 1, 0, 0];`,
		`switch (event.value) { case "a": event.target.hidden = true; break; default: event.target.hidden = false; }`,
	} {
		if got := readPages(t, pdfFile(fmt.Sprintf("<</S/JavaScript/JS<%x>>>", script))); len(got.found) > 0 {
			t.Errorf("%s: %q", script, got.found)
		}
	}
	for _, script := range []string{
		`eval(x)`, `this.exportDataObject({cName: "a", nLaunch: 2});`, `app.launchURL("http://example.net/")`,
		`this.submitForm("http://example.net/")`, `getURL("http://example.net/")`, `app.openDoc("/c/a.pdf")`,
		`this["exp" + "ortDataObject"]({})`, `this['exportDataObject']`, `var a = app; a[k]("x")`, `app[String.fromCharCode(1)]`,
		`\u0065val(x)`, `ev\u0061l(x)`, "`${x}`", `unescape("%u9090%u9090")`, `Collab.getIcon("x")`, `media.newPlayer(null)`,
		`util.printf("%45000f", 1)`, `var exportDataObject; exportDataObject({})`, `if (0) var eval = 1; eval("x")`,
		`var f = this.getField("a")[k]; f("x")`, `f()()`, `(a, b)("x")`, `new Function("x")()`, `"".constructor.constructor("x")()`,
		`a.valueOf = 1; a.print = d[k]; a.print("x")`, `function m() {} m = d[k]; m("x")`, `function m() {} function g(m) { m("x") } g(d[k])`,
		`print = d[k]; print("x")`, `AFx = d[k]; AFx("x")`, `app.setTimeOut("x", 1)`, `this.getField("a").setAction("Calculate", "x")`,
		"// \u2028eval(x)", "a = '\\\r\n'; eval(x); '", `a++ /x; eval(y) ; 1/ 2`, `if (x) /"/; eval(y); /"/`, `x = {} /"/ 1; eval(x); /"/`,
		`var s = "` + strings.Repeat(`\x90`, 40) + `"`, `var s = "` + strings.Repeat("A", 2000) + `"`, strings.Repeat("a=1;", 5000),
		"<!-- \"\neval(x)", "this.getAnnots({nPage: 0})", "this.info.title", "app.doc.syncAnnotScan()", "var x = '/*'; eval(x) /* ' */",
		`xfa.host.gotoURL("x")`, "with (app) launchURL(1)", "undeclared()", "eval\u00a0(x)",
	} {
		got := readPages(t, pdfFile("<</S/JavaScript/JS 2 0 R>>", pdfStream("", script)))
		if len(got.found) != 1 || !strings.HasPrefix(got.found[0], "xfile.active PDF JavaScript: ") {
			t.Errorf("%s: %q", script, got.found)
		}
	}
	other := pdfFile(`<</S/JavaScript/JS(function total\(\) { return 1; })>>`, `<</S/JavaScript/JS(event.value = total\(\);)>>`)
	readPages(t, other).expect(t, nil, nil)
}

func TestXFA(t *testing.T) {
	form := func(script string) string {
		return pdfFile("<</XFA[(preamble) 2 0 R(template) 3 0 R]>>", pdfStream("", "<xdp:xdp>"),
			pdfStream("/Filter/Fl", pdfDeflate("<template><event>"+script+"</event></template>")))
	}
	for _, c := range []struct{ name, data, want string }{
		{"none", form(""), ""},
		{"FormCalc", form("<script>Sum(a[*])</script>"), ""},
		{"harmless", form("<script contentType='application/x-javascript'>this.rawValue = 1;</script>"), ""},
		{"empty", form("<script contentType='application/x-javascript'/><x>eval(1)</x>"), ""},
		{"active", form("<script contentType='application/x-javascript'>eval(x)</script>"), "eval"},
		{"CDATA", form("<script contentType=\"application/x-javascript\"><![CDATA[if (a > b) eval(x)]]></script>"), "eval"},
		{"references", form("<x:script\ncontentType='application/x-&#106;avascript'>&#101;val(x)</x:script>"), "eval"},
		{"split over streams", pdfFile("<</XFA[(a) 2 0 R(b) 3 0 R]>>", pdfStream("", "<script contentType='x-java"), pdfStream("", "script'>eval(x)</script>")), "eval"},
		{"one stream, UTF-16", pdfFile("<</XFA 2 0 R>>", pdfStream("", strings.ReplaceAll("<script a='javascript'>eval(x)</script>", "", "\x00"))), "eval"},
		{"not closed", form("<script contentType='application/x-javascript'>eval(x)"), "eval"},
	} {
		var want []string
		if c.want != "" {
			want = []string{"xfile.active PDF form with JavaScript: " + c.want}
		}
		t.Run(c.name, func(t *testing.T) { readPages(t, c.data).expect(t, want, nil) })
	}
}

func TestPDFEmbedded(t *testing.T) {
	file := func(names, data string) string {
		return pdfFile("<</Type/Filespec"+names+"/EF<</F 2 0 R>>>>", data)
	}
	for _, c := range []struct {
		name, data     string
		members, found []string
	}{
		{"invoice", file("/F(factur-x.xml)/UF(factur-x.xml)", pdfStream("/Type/EmbeddedFile/Subtype/text#2Fxml", "<x/>")), []string{"factur-x.xml: <x/>"}, nil},
		{"deflated", file("/F(a.txt)", pdfStream("/Filter/FlateDecode", pdfDeflate(pagesProgram))), []string{"a.txt: program"}, nil},
		{"hexadecimal", file("/F(a)", pdfStream("/Filter/ASCIIHexDecode", fmt.Sprintf("%x>", pagesProgram))), []string{"a: program"}, nil},
		{"ASCII85", file("/F(a)", pdfStream("/Filter/A85", "9jqo^~>")), []string{"a: Man "}, nil},
		{"run lengths", file("/F(a)", pdfStream("/Filter/RL", "\x02abc\xfex\x80rest")), []string{"a: abcxxx"}, nil},
		{"LZW", file("/F(a)", pdfStream("/Filter/LZWDecode", "\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01")), []string{"a: -----A---B"}, nil},
		{"chain", file("/F(a)", pdfStream("/Filter[/AHx/RL]", "02 61 62 63 80>")), []string{"a: abc"}, nil},
		{"picture's filter", file("/F(a)", pdfStream("/Filter/DCTDecode", "x")), nil, []string{"xfile.unreadable PDF filter DCTDecode cannot be read"}},
		{"damaged", file("/F(a)", pdfStream("/Filter/Fl", pdfDeflate(pagesProgram)[:20])), []string{"a: MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00h"}, []string{"xfile.unreadable damaged file in a PDF"}},
		{"two names", file("/F(a.txt)/UF(\xfe\xff\x00b\x00.\x00e\x00x\x00e)", pdfStream("", "x")), []string{"b.exe|a.txt: x"}, nil},
		{"names elsewhere", pdfFile("<</F 3 0 R/EF 4 0 R>>", pdfStream("", "x"), "(c.exe)", "<</UF 2 0 R>>"), []string{"c.exe: x"}, nil},
		{"nothing names it", pdfFile(pdfStream("/Type/EmbeddedFile", pagesProgram)), []string{"object 1: program"}, nil},
		{"no name", file("", pdfStream("", "x")), []string{"object 2: x"}, nil},
		{"not there", pdfFile("<</F(a.exe)/EF<</F 9 0 R>>>>"), nil, []string{"xfile.unreadable file that the PDF does not hold"}},
		{"two versions", file("/F(a)", pdfStream("", "old")) + "2 0 obj" + pdfStream("", "new"), []string{"a: old", "a: new"}, nil},
		{"in an object stream", pdfFile("<<>>", pdfStream("", "x"), pdfPacked("/Filter/Fl", pdfDeflate, 7, "<</F(a.js)/EF<</F 2 0 R>>>>")), []string{"a.js: x"}, nil},
		{"length elsewhere", pdfFile("<</F(a)/EF<</F 2 0 R>>>>", "<</Length 3 0 R>>stream\r\nendstream endstream\nendstream", "19"), []string{"a: endstream endstream"}, nil},
		{"no line end", pdfFile("<</F(a)/EF<</F 2 0 R>>>>", "<</Length 300>>stream"+strings.Repeat("x", 300)+"\nendstream"), []string{"a: " + strings.Repeat("x", 300)}, nil},
		{"no length", pdfFile("<</F(a)/EF<</F 2 0 R>>>>", "<<>>stream\nxyz\nendstream"), []string{"a: xyz\n"}, nil},
		{"no end", pdfFile("<</F(a)/EF<</F 2 0 R>>>>") + "2 0 obj<<>>stream\nxyz", []string{"a: xyz"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			readPages(t, c.data).expect(t, c.found, c.members)
		})
	}
	got := readPages(t, file("/F(a.exe)", pdfStream("", "x")))
	if len(got.unsafe) != 1 || got.unsafe[0] != "xfile.member 1/a.exe" {
		t.Errorf("a bad name: %q", got.unsafe)
	}
	got = readPages(t, file("/F(a.txt)", pdfStream("/Filter/Fl", pdfDeflate(pagesProgram))))
	if len(got.unsafe) != 1 || got.unsafe[0] != "xfile.member 1/a.txt" {
		t.Errorf("bad content: %q", got.unsafe)
	}
	limit := rules.DefaultLimit()
	limit.Inflated = 1 << 20
	got = readLimited(t, file("/F(a)", pdfStream("/Filter/Fl", pdfDeflate(strings.Repeat("x", 2<<20)))), limit)
	if len(got.found) != 1 || !strings.HasPrefix(got.found[0], "limit.size") {
		t.Errorf("a bomb: %q", got.found)
	}
}
