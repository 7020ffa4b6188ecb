package main

import "strings"

// webCases are HTML, SVG and the small files that start something.
func webCases() []testCase {
	page := func(body string) string { return "<!DOCTYPE html>\n<html><body>" + body + "</body></html>\n" }
	script := func(s string) string { return page("<script>" + s + "</script>") }
	builds := "var b = new Blob([x]); a.href = URL.createObjectURL(b); a.download = 'a.bin';"
	drawing := func(s string) string { return "<svg xmlns=\"http://www.w3.org/2000/svg\">" + s + "</svg>\n" }
	flat := func(s string) string { return strings.ReplaceAll(b64(s), "\n", "") }
	noise := flat(strings.Repeat("\x07\xf3\x91\x12 noise", 200))
	const xml = "<?xml version=\"1.0\"?>\n"
	html := func(data string) string { return attach("f", "text/html", "page.html", data) }
	svg := func(data string) string { return attach("f", "image/svg+xml", "drawing.svg", data) }
	file := func(data string) string { return attach("f", "text/plain", "notes.txt", data) }
	return []testCase{
		{"newsletter", "an ordinary newsletter with a pixel that counts and a script of old", typed("Content-Type: text/html\n",
			page("<a href=\"javascript:void(0)\" onmouseover=\"swap('x')\">News</a><img src=\"http://example.net/pixel.gif?id=1\"><script>document.write('<b>x</b>')</script>"))},
		{"saved-page", "a saved page with a library, a picture and a font inside", html("<html><head><script src=\"https://code.example.net/jquery.js\"></script>" +
			"<style>@font-face{src:url(data:font/woff2;base64,d09GMg==)}</style></head><body onload=\"init()\"><img src=\"data:image/png;base64,iVBORw0KGgo=\"></body></html>")},
		{"blob", "HTML that builds a file in the browser", html(script(builds))},
		{"blob-no-name", "the same under another name and type", attach("f", "application/pdf", "report.pdf", script(builds))},
		{"blob-utf16", "the same in UTF-16, without an extension", attach("f", "application/octet-stream", "report", utf16le(script(builds)))},
		{"blob-hidden", "the same with escapes and added strings", html(script("var b = new window['Bl' + '\\x6fb']([x]); URL['create' + \"ObjectURL\"](b);"))},
		{"blob-handler", "the same in an event handler with references", html(page("<img src=x onerror=\"new Bl&#111;b(x);URL.createObject&#x55;RL(b)\">"))},
		{"javascript-link", "the same in a javascript link that a plain search does not see", html(page("<a href=\" java&Tab;scr\nipt&colon;navigator.msSaveBlob(b)\">x</a>"))},
		{"atob", "a large base64 text that is decoded", html(script("var d = atob('" + noise + "');"))},
		{"atob-clean", "a small one, and a large picture", html(script("var d = atob('aGVsbG8='); i = '" + flat("\x89PNG\r\n\x1a\n"+noise) + "';"))},
		{"program-in-script", "a program in base64 is a member", html(script("var d = '" + flat(program) + "';"))},
		{"data-html", "a data URL with HTML", html(page("<iframe src=\"data:text/html;base64," + flat("<p>hello</p>") + "\"></iframe>"))},
		{"data-zip", "a data URL with an archive that holds a program", html(page("<a download=\"a.zip\" href=\"data:application/zip;base64," + flat(zipped(member{"a.exe", program})) + "\">x</a>"))},
		{"data-csv", "a table to save is what reports offer", html(page("<a download=\"a.csv\" href=\"data:text/csv,a%2Cb\">x</a>"))},
		{"refresh-data", "a refresh to a data URL", html("<meta http-equiv=refresh content=\"0;url=data:text/html,x\">")},
		{"srcdoc", "a page in a page", html(page("<iframe srcdoc=\"&lt;script&gt;navigator.msSaveBlob(b)&lt;/script&gt;\"></iframe>"))},
		{"activex", "a script that starts programs", html(script("new ActiveXObject('WScript.Sh' + 'ell').Run('calc')"))},
		{"active-body", "a message that builds a file", typed("Content-Type: text/html\n", script(builds))},
		{"active-shown", "somebody shows such a page in running text", plain("how", script(builds))},

		{"drawing", "a plain drawing", svg(drawing("<path d=\"M0 0h9\"/><image href=\"data:image/png;base64,iVBORw0KGgo=\"/>"))},
		{"drawing-script", "a drawing with script", svg(xml + "<!-- x -->\n" + drawing("<script>x()</script>"))},
		{"drawing-handler", "a drawing with an event handler, called a photo", attach("f", "image/png", "photo.png", drawing("<g onload=\"x()\"/>"))},
		{"drawing-packed", "a packed drawing with a javascript link", attach("f", "image/svg+xml", "drawing.svgz", gzipped("", drawing("<a href=\"JavaScript:x()\"/>")))},
		{"drawing-entity", "a drawing with an external entity", svg("<!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" + drawing("&x;"))},
		{"xml", "ordinary XML with a style sheet", attach("f", "text/xml", "invoice.xml", xml+"<?xml-stylesheet type=\"text/xsl\" href=\"invoice.xsl\"?><invoice/>")},

		{"csv", "an ordinary table with a sum", attach("f", "text/csv", "a.csv", "a,b\n1,=SUM(A1:A2)\n-5,+49 123\n")},
		{"csv-dde", "a table with a formula that starts a program", attach("f", "text/csv", "a.csv", "a,b\n1,\"=cmd|' /C calc'!A0\"\n")},
		{"slk-macro", "a SYLK table with a macro, called a text", file("ID;P\r\nO;E\r\nNN;NAuto_open;ER1C1\r\nC;X1;Y1;EEXEC(\"calc\")\r\nE\r\n")},
		{"web-query", "a web query", attach("f", "application/octet-stream", "a.iqy", "WEB\r\n1\r\nhttp://example.net/\r\n")},

		{"url-second", "an Internet shortcut behind another section, in UTF-16", file(utf16le("[{000214A0-0000-0000-C000-000000000046}]\r\nProp3=19,2\r\n[InternetShortcut]\r\nURL=file://example.net/x\r\n"))},
		{"library", "a Windows library called a text", file(xml + "<libraryDescription xmlns=\"http://schemas.microsoft.com/windows/2009/library\"/>")},
		{"settings", "a settings shortcut called a document", attach("f", "application/pdf", "a.pdf", xml+"<PCSettings><SearchableContent/></PCSettings>")},
		{"script-file", "a script file called a text", file("<job><script language=\"JScript\">x()</script></job>")},
		{"rdp", "a remote desktop session called a text", file(utf16le("screen mode id:i:2\r\nfull address:s:example.net\r\n"))},
		{"ini", "an ordinary INI file", file("; notes\n[general]\nurl=http://example.net/\n")},
		{"batch", "a batch file called a picture", attach("f", "image/jpeg", "photo.jpg", "@echo off\r\ndel x\r\n")},
		{"shell-object", "a Windows script called a text", file("Set s = CreateObject(\"WScript.Shell\")\r\ns.Run \"calc\"\r\n")},
		{"title", "an attached message named by its subject", mixed("Content-Type: message/rfc822; name=\"Fwd: order at example.com\"\n\nFrom: a@example.org\nSubject: order at example.com\n\nhello\n")},
		{"title-program", "what is named so and is no message", attach("f", "application/octet-stream", "Fwd: order at example.com", "hello\n")},
	}
}
