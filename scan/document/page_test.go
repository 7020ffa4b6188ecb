package document_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"html"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/document"
	"qguard/scan/xfile"
)

// one stands for whatever gave the part: it yields it from the message.
type one struct{ part *scan.Part }

func (o one) Parts(_ context.Context, p *scan.Part, _ *scan.Budget, yield func(*scan.Part) error) error {
	if p.Depth >= 0 {
		return nil
	}
	return yield(o.part)
}

// found judges a file and lists rule and note of each finding.
func found(tb testing.TB, mediaType, name, data string) []string {
	tb.Helper()
	p := &scan.Part{Path: "1", Types: []string{mediaType}, Open: func() (io.Reader, error) { return strings.NewReader(data), nil }}
	if name != "" {
		p.Names = []string{name}
	}
	e := &scan.Engine{
		Openers:  []scan.Opener{one{p}, document.Opener{}},
		Scanners: []scan.Scanner{xfile.New(rules.Xfile{})},
	}
	v := e.Scan(context.Background(), &scan.Message{Content: bytes.NewReader([]byte("x")), Size: 1})
	if v.Err != nil {
		tb.Errorf("error %v", v.Err)
	}
	var out []string
	for _, f := range v.Findings {
		out = append(out, f.Rule+" "+f.Note)
	}
	return out
}

// program begins like a Windows program and does nothing.
var program = func() string {
	b := make([]byte, 512)
	copy(b, "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x80)
	copy(b[0x80:], "PE\x00\x00\x4c\x01")
	return string(b)
}()

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func numbers(s, format string) string {
	var out []string
	for i := range len(s) {
		out = append(out, fmt.Sprintf(format, s[i]))
	}
	return strings.Join(out, ",")
}

func percent(s string) string {
	var out strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&out, "%%%02x", s[i])
	}
	return out.String()
}

func utf16le(s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

var noise = b64(strings.Repeat("\x07\xf3\x91\x12 noise", 200))

// TestActive are pages and pictures with what acts, and their clean siblings.
func TestActive(t *testing.T) {
	script := func(s string) string { return "<html><script>" + s + "</script></html>" }
	drawing := func(s string) string { return `<svg xmlns="http://www.w3.org/2000/svg"><g>` + s + `</g></svg>` }
	builds := `var b=new Blob([x]);a.href=URL.createObjectURL(b)`
	for _, c := range []struct {
		name, data, want string // want "": nothing
	}{
		{"Blob and object URL", script(builds), "builds a file"},
		{"Blob alone", script(`var b=new Blob([x])`), ""},
		{"File and object URL", script(`var b=new File([x],"a.iso");a.href=URL.createObjectURL(b)`), "builds a file"},
		{"object URL of a chosen file", script(`img.src=URL.createObjectURL(input.files[0])`), ""},
		{"msSaveBlob", script(`navigator.msSaveOrOpenBlob(b,"a.zip")`), "builds a file"},
		{"in two scripts", script(`b=new Blob(x)`) + script(`u=URL.createObjectURL(b)`), "builds a file"},
		{"in an event handler", `<html><body onload="` + html.EscapeString(builds) + `">`, "builds a file"},
		{"in an unquoted handler", `<html><img src=x onerror=b=new/**/Blob(x);URL.createObjectURL(b)>`, "builds a file"},
		{"in a javascript link", `<html><a href="java&#x73;cript:` + builds + `">x</a>`, "builds a file"},
		{"in a broken javascript link", "<html><iframe src=' \x01java\tscr\nipt&colon;" + builds + "'>", "builds a file"},
		{"in a percent javascript link", "<html><a href='JAVASCRIPT:" + percent(builds) + "'>x", "builds a file"},
		{"escapes", script(`var b=window["\x42l\u006f\u{62}"];URL["create\117bjectURL"](b)`), "builds a file"},
		{"joined strings", script(`var b=window["Bl"+'o' + ("b")];URL["create"/*x*/+"Object"+` + "`URL`" + `](b)`), "builds a file"},
		{"a line goes on", script("var b=window['Bl\\\r\nob'];URL['createObject\\\nURL'](b)"), "builds a file"},
		{"in upper case", "<HTML><SCRIPT>" + builds + "</SCRIPT>", "builds a file"},
		{"in a conditional comment", "<html><!--[if IE]><script>" + builds + "</script><![endif]-->", "builds a file"},
		{"in a comment", "<html><!-- <script>" + builds + "</script> -->", ""},
		{"in noscript with a script behind it", "<html><noscript><p title=\"</noscript><script>" + builds + "</script>\"></noscript>", "builds a file"},
		{"script not closed", "<html><script>" + builds, "builds a file"},
		{"script in SVG in HTML", "<!doctype html><svg><script>var b=new Bl&#111;b(x);URL.createObjectURL(b)</script></svg>", "builds a file"},
		{"script in SVG in HTML, CDATA", "<!doctype html><svg><script><![CDATA[" + builds + "]]></script></svg>", "builds a file"},
		{"script behind SVG in HTML", "<!doctype html><svg><p><script>" + builds + "</script>", "builds a file"},
		{"style in SVG in HTML", "<!doctype html><svg><style><script>" + builds + "</script>", "builds a file"},

		{"large base64", script(`d=atob("` + noise + `")`), "large base64"},
		{"large base64 in lines", script("d=atob(`" + noise[:400] + "\n" + noise[400:] + "`)"), "large base64"},
		{"large base64 in pieces", script(`d=atob("` + noise[:400] + `"+"` + noise[400:] + `")`), "large base64"},
		{"large base64 in the text", `<html><p id=x>` + noise + `</p><script>d=window["at"+"ob"](x.innerText)</script>`, "large base64"},
		{"large base64 in an attribute", `<html><input value="` + noise + `"><script>d=atob(x.value)</script>`, "large base64"},
		{"large base64, nobody decodes it", script(`d="` + noise + `"`), ""},
		{"small base64", script(`d=atob("aGVsbG8gd29ybGQ=")`), ""},
		{"a picture in base64", script(`d=atob("` + b64("\x89PNG\r\n\x1a\n"+noise) + `")`), ""},
		{"a source map", script(`atob(x);"//# sourceMappingURL=data:application/json;charset=utf-8;base64,` + b64(`{"v":3,`+noise) + `"`), ""},
		{"a program in base64", script(`d="` + b64(program) + `"`), "kept as text"},
		{"a program in hexadecimal", script(`d="` + fmt.Sprintf("%x", program) + `"`), "kept as text"},
		{"a program in numbers", script(`d=[` + numbers(program, "%d") + `]`), "kept as numbers"},
		{"a program in hexadecimal numbers", script(`d=new Uint8Array([` + numbers(program, "0x%02X") + `])`), "kept as numbers"},
		{"a program in a list to be split", script(`d="` + numbers(program, "%d") + `".split(",")`), "kept as numbers"},
		{"a program in the text", "<html><div>" + b64(program+noise) + "</div>", "kept as text"},
		{"an archive in escapes", script(`d=unescape("` + percent("PK\x03\x04"+program) + `")`), ""},
		{"a page in numbers", script(`document.write(String.fromCharCode(` + numbers(strings.Repeat("var a=1;", 200), "%d") + `))`), "kept as numbers"},
		{"a table of numbers", script(`var t=[` + numbers(strings.Repeat("abc", 500), "1%03d") + `];String.fromCharCode(t[0]);eval(x)`), ""},
		{"a script in escapes", script(`document.write(unescape("` + percent(strings.Repeat("var a=1;", 200)) + `"))`), "kept in escapes"},
		{"what counts visitors", script(`document.write(unescape("%3Cscript src='" + host + "ga.js' type='text/javascript'%3E%3C/script%3E"))`), ""},
		{"a page in base64", script(`document.write(atob("` + b64("<html><script>"+builds+"</script></html>") + `"))`), "builds a file"},
		{"a page in escapes", script(`document.write(unescape("` + percent("<html><script>"+builds+"</script></html>") + `"))`), "builds a file"},
		{"a page in a page", `<html><iframe srcdoc="` + html.EscapeString("<script>"+builds+"</script>") + `">`, "builds a file"},

		{"data link with HTML", `<html><a href="data:text/html,hello">x</a>`, "HTML or script"},
		{"data link with HTML, base64", `<html><iframe src="DATA:Text/HTML;charset=utf-8;base64,aGVsbG8=">`, "HTML or script"},
		{"data link with HTML, escaped", "<html><a href=' d&#97;ta&colon;te\nxt/html,hello'>x</a>", "HTML or script"},
		{"data link with script", `<html><script src="data:text/javascript,x=1"></script>`, "HTML or script"},
		{"data link with a zip", `<html><a href="data:application/zip;base64,` + b64("PK\x03\x04xx") + `">x</a>`, "program or an archive"},
		{"data link with a zip, called a picture", `<html><a href="data:image/png;base64,` + b64("PK\x03\x04xx") + `">x</a>`, "program or an archive"},
		{"data link to save", `<html><a download="a.bin" href="data:application/x-thing;base64,AAAA">x</a>`, "download"},
		{"data link to save, by name", `<html><a download="a.exe" href="data:text/plain,x">x</a>`, "xfile.member native"},
		{"data link to save a table", `<html><a download="a.csv" href="data:text/csv,a%2Cb">x</a>`, ""},
		{"data picture", `<html><img src="data:image/png;base64,` + b64("\x89PNG\r\n\x1a\n") + `">`, ""},
		{"data picture, drawing", `<html><img src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E">`, ""},
		{"data drawing with script in an object", `<html><object data="data:image/svg+xml,%3Csvg xmlns='x'%3E%3Cscript/%3E%3C/svg%3E">`, "script in SVG"},
		{"data picture that is a program", `<html><img src="data:image/png;base64,` + b64(program) + `">`, "xfile.member Windows program"},
		{"data font", `<html><style>@font-face{src:url(data:font/woff2;base64,d09GMg==)}</style>`, ""},
		{"data in a script", script(`window.location="data:text/html;base64,AAAA"`), "data URL"},
		{"refresh to data", `<html><meta http-equiv=refresh content="0; url='data:text/html,x'">`, "HTML or script"},
		{"refresh to data, no word", `<html><meta http-equiv=Refresh content="0;data:text/html,x">`, "HTML or script"},
		{"refresh to script", `<html><meta http-equiv=refresh content="0;url=javascript:alert(1)">`, "refresh"},
		{"refresh", `<html><meta http-equiv=refresh content="0; url=http://example.org/">`, ""},
		{"program link", `<html><iframe src="ms-msdt:/id PCWDiagnostic">`, "starts a program"},
		{"program link in a script", script(`location.href="ms-\x6dsdt:/id"`), "starts a program"},
		{"mail link", `<html><a href="mailto:a@example.org">x</a>`, ""},

		{"ActiveX", `<html><object classid="clsid:72C24DD5-D70A-438B-8A42-98424B88AFB8">`, "ActiveX"},
		{"player", `<html><object classid="CLSID:6BF52A52-394A-11D3-B153-00C04F79FAA6">`, ""},
		{"Flash", `<html><embed src="a.swf?x=1">`, "Flash or Java"},
		{"applet", `<html><applet code=a.class>`, "Flash or Java"},
		{"shell", script(`new ActiveXObject("WScript.Sh"+"ell").Run("calc")`), "starts programs"},
		{"shell, VBScript", `<html><script language=VBScript>Set s = CreateObject("WScript" & ".Shell")</script>`, "starts programs"},
		{"old requests", script(`x=new ActiveXObject("Microsoft.XMLHTTP")`), ""},
		{"HTML application", `<html><HTA:APPLICATION id=x>`, "HTML application"},
		{"encoded script", `<html><script language="JScript.Encode">#@~^x</script>`, "encoded script"},
		{"WebAssembly", script(`WebAssembly.instantiate(x)`), "WebAssembly"},

		{"an ordinary page", `<!DOCTYPE html><html><head><title>x</title><script src="https://code.example.org/jquery.js"></script><script>$(function(){$("p").hide()})</script></head><body onload="init()"><a href="javascript:void(0)">x</a><form action="http://example.org"><input type=password></form></body></html>`, ""},

		{"drawing", drawing(`<path d="M0 0"/><image href="data:image/png;base64,iVBORw0KGgo="/><style>a{}</style><a href="http://example.org/">x</a>`), ""},
		{"drawing with a head", "\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\" [<!ENTITY ns \"http://www.w3.org/2000/svg\">]>" + drawing(""), ""},
		{"drawing with script", drawing(`<script>alert(1)</script>`), "script in SVG"},
		{"drawing with prefix", `<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:script href="http://example.org/a.js"/></s:svg>`, "script in SVG"},
		{"drawing with script behind a head", "<?xml version='1.0'?><!-- <x> --><!DOCTYPE svg [<!ENTITY ns \"a>b\">]>" + drawing(`<script/>`), "script in SVG"},
		{"drawing with script in a style", drawing(`<style><script>x</script></style>`), "script in SVG"},
		{"drawing with a handler", `<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>`, "event handler"},
		{"drawing with a link", drawing(`<a xlink:href="java&#115;cript:x()">x</a>`), "javascript link"},
		{"drawing with HTML", drawing(`<foreignObject><div xmlns="http://www.w3.org/1999/xhtml">x</div></foreignObject>`), ""},
		{"drawing with a frame", drawing(`<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="http://example.org"/></foreignObject>`), "iframe"},
		{"drawing with a data link", drawing(`<a href="data:text/html,x">x</a>`), "HTML or script"},
		{"drawing with use", drawing(`<use href="data:image/svg+xml,%3Csvg/%3E#a"/>`), "use element"},
		{"drawing with set", drawing(`<set attributeName="href" to="javascript:x()"/>`), "javascript link"},
		{"drawing with animate", drawing(`<animate attributeName="href" values="x;javascript:x()"/>`), "animation"},
		{"drawing with an external entity", `<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + drawing("&x;"), "external entity"},
		{"drawing with markup in an entity", `<!DOCTYPE svg [<!ENTITY x "<script>x()</script>">]>` + drawing("&x;"), "markup in an entity"},
		{"drawing with a second entity", `<!DOCTYPE svg [<!ENTITY a "b"> <!ENTITY % x "y">]>` + drawing("&x;"), "external entity"},
		{"drawing with a style sheet", `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#x"?>` + drawing(""), "own style sheet"},
		{"XHTML as XML", `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>var b=new Bl&#111;b(x);URL.createObjectURL(b)</script></html>`, "builds a file"},
		{"style sheet with script", `<?xml version="1.0"?><xsl:stylesheet xmlns:xsl="x" xmlns:msxsl="urn:schemas-microsoft-com:xslt"><msxsl:script language="JScript">x</msxsl:script></xsl:stylesheet>`, "style sheet with script"},
		{"style sheet", `<?xml version="1.0"?><xsl:stylesheet xmlns:xsl="x"><script>x</script></xsl:stylesheet>`, ""},
		{"XML", `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="invoice.xsl"?><invoice onload="x"/>`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			shapes := map[string][3]string{
				"file":         {"application/octet-stream", "file.dat", c.data},
				"picture":      {"image/png", "a.png", c.data},
				"little words": {"application/octet-stream", "a", "\xff\xfe" + utf16le(c.data)},
			}
			if !strings.Contains(c.data, "svg") && !strings.HasPrefix(c.data, "<?xml") {
				shapes["page"] = [3]string{"text/html", "a.html", c.data}
			}
			for shape, s := range shapes {
				got := found(t, s[0], s[1], s[2])
				if c.want == "" && len(got) > 0 || c.want != "" && !strings.Contains(strings.Join(got, "\n"), c.want) {
					t.Errorf("%s: findings %q, want %q", shape, got, c.want)
				}
			}
			if got := found(t, "text/plain", "", c.data); len(got) > 0 {
				t.Errorf("running text: findings %q", got)
			}
		})
	}
}

// TestPageCut reads every start of an active page: never a panic, and found
// once all of it is there.
func TestPageCut(t *testing.T) {
	page := `<!doctype html><svg><style><p title='x' onload="a&#98;">` + "<script>a=\"\\x42\\u{6f}\" + '/*' + \"%3c\";[1,0x2,3]</script><!--[if x]><noscript>" +
		`<a href="data:text/html;base64,` + b64("<svg><script/>") + `" download=x.js>`
	for i := range len(page) + 1 {
		got := found(t, "text/html", "a.html", page[:i])
		if i == len(page) && len(got) == 0 {
			t.Error("nothing found")
		}
	}
}

func FuzzSVG(f *testing.F) {
	for _, s := range []string{`<path d="M0 0"/>`, `<script>x</script>`, `<a onload="x"/>`, `<use href="data:,x"/>`, `<![CDATA[ <x> ]]>`, `<!-- x -->`, `<set to="javascript:x"/>`, "&x;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, inner string) {
		found(t, "image/svg+xml", "a.svg", inner)
		open := strings.Count(inner, "<") + strings.Count(inner, "\"") + strings.Count(inner, "'") // may hide what follows, as XML allows
		if got := found(t, "image/png", "a.png", "<svg><g>"+inner+"</g><script>x</script></svg>"); len(got) == 0 && open == 0 {
			t.Errorf("script behind %q is not found", inner)
		}
	})
}

func FuzzScript(f *testing.F) {
	for _, s := range []string{`"a"+"b"`, `\x41\u0042\u{43}\104`, "`a`/*b*/+'c'", `[1,0x20,3]`, `unescape("%41%u0042")`, `;base64,QUJD`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		found(t, "text/html", "", "<a onclick='"+s+"'>"+s+"<script>"+s+"</script>")
		if strings.ContainsAny(s, "<>\\\"'`") {
			return
		}
		if got := found(t, "text/html", "", "<script>"+s+"\nnavigator.msSaveBlob(b)</script>"); len(got) == 0 {
			t.Errorf("script behind %q is not found", s)
		}
	})
}

func BenchmarkPage(b *testing.B) {
	const size = 4 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for _, c := range []struct{ name, data string }{
		{"ordinary", fill("<p style=\"margin:0\">An ordinary line of <b>text</b> &amp; <a href=\"http://example.org/\">more</a> of it.</p>\r\n")},
		{"script", "<script>" + fill("function f(a,b){var c=\"text\",d=[1,2,3];return a+b*c.length}\n")},
		{"quotes", "<script>" + fill(`"`)},
		{"comments", "<script>" + fill(`"/*`)},
		{"plus", "<script>" + fill(`"+`)},
		{"backslashes", "<script>" + fill(`\x`)},
		{"brackets", "<script>" + fill(`[`)},
		{"lists", "<script>" + fill("["+numbers("<html>"+strings.Repeat(" ", 64), "%d")+"],")},
		{"base64", "<script>" + fill(`"`+b64("<html>"+strings.Repeat(" ", 64))+`",`)},
		{"escapes", "<script>" + fill(`"`+percent("<html>"+strings.Repeat(" ", 64))+`",`)},
		{"data", fill(`<a href="data:text/html,x">`)},
		{"handlers", fill(`<a onclick="window.open()">`)},
		{"attributes", "<a " + fill(`onclick=window.open() `)},
		{"conditional comments", fill(`<!--[if x]><a><![endif]-->`)},
		{"words", "<script>" + fill("blobblobblob")},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			for b.Loop() {
				found(b, "text/html", "a.html", c.data)
			}
		})
	}
}
