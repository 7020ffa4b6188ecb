package main

import (
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

func cases() []testCase {
	safe := member{"notes.txt", "nothing here\n"}
	leak := "user name: jdoe\npassword: " + password + "\n"
	iso := strings.Repeat("\x00", 0x8000) + "\x01CD001\x01" + strings.Repeat("\x00", 2041)
	inner := strings.ReplaceAll(attach("f", "image/png", "a.png", program), "b1", "b2")
	return []testCase{
		{"plain", "an ordinary text mail", plain("Hello", "Hello,\n\nsee you on Monday.\n")},
		{"alternative", "ordinary HTML mail with a text beside it", typed("Content-Type: multipart/alternative; boundary=x\n",
			"--x\nContent-Type: text/plain\n\nHello\n--x\nContent-Type: text/html\n\n<html><p>Hello</p></html>\n--x--\n")},
		{"attachments", "honest attachments", mixed(
			part("application/pdf", "attachment; filename=report.pdf", "%PDF-1.4\n"),
			part("image/jpeg", "inline; filename=\"photo one.jpg\"", "\xff\xd8\xff\xe0\x00\x10JFIF\x00"),
			part("application/zip", "attachment; filename=docs.zip", zipped(safe, member{"a/b.pdf", "%PDF-1.4\n"})))},
		{"shell-script", "a shell script under its own name is what its sender means", attach("f", "text/x-sh", "install.sh", "#!/bin/sh\necho hello\n")},
		{"script-in-text", "a script in running text is no file", plain("cgi", "#!/usr/bin/perl\nprint 1;\n")},
		{"rtf", "a plain RTF document", attach("f", "application/rtf", "letter.rtf", "{\\rtf1 hello}")},
		{"ole", "a plain OLE document", attach("f", "application/msword", "letter.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"+strings.Repeat("\x00", 600))},
		{"ooxml", "an OOXML document is a ZIP with harmless members", attach("f", "application/octet-stream", "letter.docx",
			zipped(member{"[Content_Types].xml", "<Types/>"}, member{"word/document.xml", "<w:document/>"}))},
		{"name-dots", "dots that are no extension", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"version.2.0.final.txt...\"\n")},

		{"exe", "a program by name and content", attach("f", "application/octet-stream", "setup.exe", program)},
		{"exe-renamed", "a program called a picture", attach("f", "image/jpeg", "photo.jpg", program)},
		{"exe-unnamed", "a program without a name", mixed("Content-Type: image/gif\nContent-Transfer-Encoding: base64\n\n" + b64(program))},
		{"exe-as-body", "a program as the only part", typed("Content-Type: text/plain; name=a.txt\nContent-Transfer-Encoding: base64\n", b64(program))},
		{"js", "a script for Windows Script Host", attach("f", "text/plain", "a.js", "var x;\n")},
		{"elf", "ELF", attach("f", "text/plain", "data", "\x7fELF\x02\x01\x01"+strings.Repeat("\x00", 100))},
		{"macho", "Mach-O", attach("f", "image/png", "a.png", "\xcf\xfa\xed\xfe\x07\x00\x00\x01"+strings.Repeat("\x00", 100))},
		{"class", "Java class", attach("f", "image/png", "a.png", "\xca\xfe\xba\xbe\x00\x00\x00\x34"+strings.Repeat("\x00", 100))},
		{"lnk", "Windows shortcut under a document's name", attach("f", "application/pdf", "a.pdf",
			"L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"+strings.Repeat("\x00", 60))},
		{"url", "Internet shortcut under a text's name", attach("f", "text/plain", "a.txt", "[InternetShortcut]\r\nURL=http://example.net/\r\n")},
		{"onenote", "OneNote section", attach("f", "application/octet-stream", "notes",
			"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"+strings.Repeat("\x00", 100))},
		{"chm", "compiled help", attach("f", "application/octet-stream", "manual.dat", "ITSF\x03\x00\x00\x00"+strings.Repeat("\x00", 100))},
		{"msi", "an installer is an OLE file with its own class", attach("f", "application/msword", "a.doc",
			"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"+strings.Repeat("\x00", 600)+"\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")},
		{"iso", "a disk image's mark stands 32 KiB inside", attach("f", "application/octet-stream", "a.dat", gzipped("", iso))},
		{"hidden-script", "a script called a text", attach("f", "text/plain", "readme.txt", "#!/usr/bin/env python3\nprint()\n")},

		{"tail-dots", "Windows drops trailing dots", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"a.exe....\"\n")},
		{"tail-blanks", "and blanks of every kind", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"a.exe \u00a0\u2003. \"\n")},
		{"rlo", "right-to-left override shows exe as doc", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"letter\u202ecod.exe\"\n")},
		{"rlo-clean", "an override in front of a harmless name", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"letter\u202egpj.png\"\n")},
		{"clsid", "a class identifier as extension", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"a.txt.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}\"\n")},
		{"double", "double extension", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"invoice.pdf.scr\"\n")},
		{"fullwidth", "full-width letters are letters to NFKC", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"a．ｅｘｅ\"\n")},
		{"blanks-before", "many blanks push the extension out of sight", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"a.txt" + strings.Repeat(" ", 120) + ".exe\"\n")},
		{"stream", "an alternate data stream", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"a.exe::$DATA\"\n")},
		{"path", "a path before the name", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"C:\\\\tmp\\\\a.bat\"\n")},
		{"autorun", "a whole name", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"Autorun.inf\"\n")},
		{"rfc2231", "a name in numbered pieces, out of order", named("Content-Type: text/plain\nContent-Disposition: attachment; filename*1=\"xe\"; filename*0=\"a.e\"\n")},
		{"rfc2231-charset", "an extended value whose charset is empty", named("Content-Type: text/plain\nContent-Disposition: attachment; filename*=''a%2Eexe\n")},
		{"rfc2231-koi8", "an extended value in KOI8-R", named("Content-Type: text/plain\nContent-Disposition: attachment; filename*=koi8-r'ru'%C6%C1%CA%CC%2Eexe\n")},
		{"rfc2047", "an encoded word in a parameter", named("Content-Type: text/plain\nContent-Disposition: attachment; filename=\"=?utf-8?B?YS5leGU=?=\"\n")},
		{"type-name", "the bad name in Content-Type alone", named("Content-Type: text/plain; name=a.exe\nContent-Disposition: attachment; filename=a.txt\n")},
		{"duplicate-param", "the same parameter twice", named("Content-Type: text/plain; name=a.exe; name=b.txt\n")},
		{"unquoted-blank", "a blank in a bare value", named("Content-Type: application/x; name=my file.exe\n")},

		{"zip-js", "a script in a ZIP", attach("f", "application/zip", "keys.zip", zipped(safe, member{"a.js", "var x;\n"}))},
		{"zip-exe-renamed", "a program in a ZIP under a picture's name", attach("f", "application/zip", "keys.zip", zipped(member{"a.jpg", program}))},
		{"zip-in-zip", "a program in a ZIP in a ZIP", attach("f", "application/zip", "o.zip", zipped(member{"i.zip", zipped(member{"x.exe", program})}))},
		{"zip-renamed", "a ZIP called a picture", attach("f", "image/png", "a.png", zipped(member{"x.exe", program}))},
		{"zip-two-names", "directory and local header disagree on a name", attach("f", "application/zip", "a.zip",
			strings.Replace(zipped(member{"aaaa.txt", "x"}), "aaaa.txt", "evil.exe", 1))},
		{"zip-joined", "two archives end to end, the first with the program", attach("f", "application/zip", "a.zip",
			zipped(member{"x.exe", program})+zipped(safe))},
		{"zip-joined-last", "two archives end to end, the last with the program", attach("f", "application/zip", "a.zip",
			zipped(safe)+zipped(member{"x.exe", program}))},
		{"zip-no-directory", "an archive without directory", attach("f", "application/zip", "a.zip",
			strings.Split(zipped(member{"x.exe", program}), "PK\x01\x02")[0])},
		{"zip-prefix", "bytes before an archive that is called one", attach("f", "application/zip", "a.zip", "GIF89a....."+zipped(member{"x.exe", program}))},
		{"zip-encrypted", "an encrypted member with a harmless, visible name is tagged", attach("f", "application/zip", "a.zip", encrypted(zipped(safe)))},
		{"zip-encrypted-exe", "an encrypted member with a bad name is refused by name", attach("f", "application/zip", "a.zip", encrypted(zipped(member{"a.exe", "x"})))},
		{"zip-encrypted-nested", "an encrypted archive in one hides names", attach("f", "application/zip", "a.zip", encrypted(zipped(member{"in.zip", "x"})))},
		{"zip-deep", "archives nested past the limit", attach("f", "application/zip", "a.zip", func() string {
			z := zipped(safe)
			for range 6 {
				z = zipped(member{"in.zip", z})
			}
			return z
		}())},
		{"zip-bomb", "a member that unpacks to far more than its size", attach("f", "application/zip", "a.zip",
			zipped(member{"in.zip", zipped(member{"zeros", strings.Repeat("\x00", 3<<20)}) + strings.Repeat("\x00", 6<<20)}))},
		{"not-a-zip", "called a ZIP and none", attach("f", "application/zip", "a.zip", "this is text\n")},
		{"targz", "a script in a tar in a gzip", attach("f", "application/gzip", "a.tgz", gzipped("", tarred(safe, member{"run.vbs", "x"})))},
		{"gzip-name", "the name in the gzip header", attach("f", "application/gzip", "a.gz", gzipped("x.exe", "harmless"))},
		{"gzip-cut", "a damaged gzip", attach("f", "application/gzip", "a.gz", gzipped("", strings.Repeat("abc", 1000))[:40])},
		{"7z", "an archive this version cannot open", attach("f", "application/octet-stream", "a.7z", "7z\xbc\xaf\x27\x1c\x00\x04"+strings.Repeat("\x00", 30))},

		{"forwarded", "a program in a forwarded message", mixed("Content-Type: message/rfc822\n\n" + inner)},
		{"forwarded-base64", "the forwarded message in base64", mixed("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + b64(attach("f", "image/png", "a.png", program)))},
		{"eml", "a message as a file", attach("f", "application/octet-stream", "mail.eml", attach("f", "image/png", "a.png", program))},
		{"digest", "parts of a digest are messages", typed("Content-Type: multipart/digest; boundary=d\n", "--d\n\n"+attach("f", "image/png", "a.png", program)+"\n--d--\n")},
		{"partial", "a message in pieces", typed("Content-Type: message/partial; id=a; number=1; total=2\n", "first half")},
		{"external", "a body that is elsewhere", typed("Content-Type: message/external-body; access-type=URL; URL=\"http://example.net/a\"\n", "Content-Type: text/plain\n\n")},
		{"deep", "multiparts nested past the limit", nested(20)},
		{"deep-ok", "multiparts nested as far as allowed", nested(15)},
		{"many-parts", "more parts than the limit", mixed(repeat("Content-Type: text/plain\n\nx", 1100)...)},
		{"header-long", "a header over its limit", head + "X-Long: " + strings.Repeat("a ", 132<<10) + "\n\ntext\n"},

		{"no-boundary-found", "a multipart without any delimiter is text", typed("Content-Type: multipart/mixed; boundary=nowhere\n", "just text\n")},
		{"cut-off", "cut off inside an attachment: what is there is judged", attach("f", "image/png", "a.png", program)[:560]},
		{"mbox-from", "mbox's From line is not the header", "From jdoe@example.org Fri Nov 20 10:00:00 2026\n" + attach("f", "image/png", "a.png", program)},
		{"no-header", "no header at all", "just some text\nwithout a header\n"},
		{"broken-header", "a line in the header that is no field", head + "this is no field\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + b64(program)},
		{"blank-before-colon", "older software's blank before the colon", head + "Content-Type : image/png\nContent-Transfer-Encoding : base64\n\n" + b64(program)},
		{"crlf", "CRLF line ends", strings.ReplaceAll(attach("f", "image/png", "a.png", program), "\n", "\r\n")},
		{"base64-junk", "foreign characters in base64", typed("Content-Type: image/png\nContent-Transfer-Encoding: base64\n", "!!"+strings.ReplaceAll(b64(program), "A", "A*"))},
		{"base64-joined", "padding, then more base64", typed("Content-Type: image/png\nContent-Transfer-Encoding: base64\n", "TQ==\nWpAAAwAAAAQAAAD//wAAuAAAAAAAAABAAAAA\n")},
		{"uuencode", "a transfer encoding that was never registered, over a body that is not so encoded", typed("Content-Type: image/png\nContent-Transfer-Encoding: x-uuencode\n", "begin 644 a\n#0V%T\n`\nend\n")},
		{"encoding-unknown", "an encoding nobody knows is none", typed("Content-Type: text/plain\nContent-Transfer-Encoding: 8-bit\n", "text\n")},

		{"leak-plain", "a working login in plain text", plain("Re: mailbox", leak)},
		{"leak-wrong", "the same with a wrong password", plain("Re: mailbox", strings.Replace(leak, password, "Fixture-Pass-2", 1))},
		{"leak-qp", "in quoted-printable, broken over a soft line end", typed("Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n",
			"user name: jdoe\npassword: Fixture=2DPa=\nss-1\n")},
		{"leak-base64", "in base64", charset("utf-8", leak)},
		{"leak-html", "in HTML, split by tags and a table", typed("Content-Type: text/html\n",
			"<table><tr><td>Pass<b>word</b></td><td>Fixture&#45;<i>Pass</i>-1</td></tr></table><style>password x</style>\n")},
		{"leak-utf16", "in UTF-16", charset("utf-16", utf16le(leak))},
		{"leak-koi8", "in Russian, KOI8-R", charset("koi8-r", encoded(charmap.KOI8R, "Мой Пароль: "+password+"\n"))},
		{"leak-gb18030", "in Chinese, GB18030", charset("gb18030", encoded(simplifiedchinese.GB18030, "我的密码："+password+"。\n"))},
		{"leak-iso2022jp", "in Japanese, ISO-2022-JP", charset("iso-2022-jp", encoded(japanese.ISO2022JP, "パスワード　"+password+"です\n"))},
		{"leak-turkish", "Turkish capitals", plain("x", "ŞİFRE: "+password+"\n")},
		{"leak-subject", "in the subject", plain("my password is "+password, "see subject\n")},
		{"leak-sentence", "at the end of a sentence, quoted", plain("x", "Hello, my Kennwort lautet \""+password+"\".\n")},
		{"leak-slash", "as user/password", plain("x", "login jdoe/"+password+"\n")},
		{"leak-forwarded", "in a forwarded message", mixed("Content-Type: message/rfc822\n\n" + plain("x", leak))},
		{"leak-other-user", "another local user's password", plain("x", "login of my boss: mroe, password Fixture-Boss-9 ok?\n")},
		{"about-passwords", "mail about passwords that gives none away", plain("x", "Please change your password at https://example.org/Account-Settings1 today. The password rules: at least 8 characters.\n")},
		{"script-odd-name", "a shell script under a name that promises nothing else", attach("f", "application/octet-stream", "pre-commit.sample", "#!/bin/sh\nexit 0\n")},
		{"script-no-extension", "a file without an extension is what its content says", attach("f", "application/octet-stream", "tool", "#!/usr/bin/env python3\nprint()\n")},
	}
}

func repeat(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}
