package document_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func rtfLE32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// rtfOLE1 is an embedded object with an OLE 1.0 header.
func rtfOLE1(class, data string) string {
	text := func(s string) string { return rtfLE32(len(s)+1) + s + "\x00" }
	return rtfLE32(0x501) + rtfLE32(2) + text(class) + rtfLE32(0) + rtfLE32(0) + rtfLE32(len(data)) + data
}

// rtfPackager is a file as the packager keeps it.
func rtfPackager(label, path, data string) string {
	return "\x02\x00" + label + "\x00" + path + "\x00\x00\x00\x03\x00" + rtfLE32(len(path)+1) + path + "\x00" + rtfLE32(len(data)) + data
}

func rtfObject(data string) string {
	return `{\rtf1 {\object\objemb{\*\objclass X}{\*\objdata ` + hex.EncodeToString([]byte(data)) + `}{\result x}}}`
}

// TestRTFActive finds what acts, however it is written, and nothing else.
func TestRTFActive(t *testing.T) {
	const (
		pack   = "xfile.active RTF object of class Package"
		broken = "xfile.active RTF object whose data is broken up"
		dde    = "xfile.active RTF DDE field"
		field  = "xfile.link RTF field that reads a file on another computer"
	)
	word := rtfOLE1("Word.Document.8", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1...")
	wordMember := []string{"object 1: \xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..."}
	bad := rtfOLE1("Package", rtfPackager("a.txt", `C:\x\evil.exe`, pagesProgram))
	badMember := []string{"a.txt|evil.exe: program"}
	digits := hex.EncodeToString([]byte(bad))
	in := func(s string) string { return `{\rtf1 {\object\objemb{\*\objdata ` + s + `}}}` }
	for _, c := range []struct {
		name, data     string
		found, members []string
	}{
		{"letter", `{\rtf1\ansi Dear {\b Sir}\par}`, nil, nil},
		{"picture", `{\rtf1 {\pict\pngblip 89504e470d0a1a0a}{\pict\bin4 }}}}}`, nil, nil},
		{"local template", `{\rtf1{\*\template C:\\x\\normal.dot}}`, nil, nil},
		{"link and picture elsewhere", `{\rtf1{\field{\*\fldinst HYPERLINK "http://example.net/DDE DDE"}{\fldrslt x}}{\field{\*\fldinst INCLUDEPICTURE "http://example.net/a.png"}}}`, nil, nil},
		{"object of another program", rtfObject(word), nil, wordMember},
		{"text of objects", `{\rtf1 objdata DDEAUTO {\\objdata \\template}}`, nil, nil},

		{"package", rtfObject(bad), []string{pack}, badMember},
		{"package, upper case", in(strings.ToUpper(digits)), []string{pack}, badMember},
		{"blanks between digits", in(strings.Join(strings.Split(digits, ""), " \r\n\t")), []string{pack}, badMember},
		{"control words between digits", in(digits[:7] + `\foo ` + digits[7:]), []string{pack, broken}, badMember},
		{"long parameters between digits", in(digits[:7] + `\foo` + strings.Repeat("1", 250) + " " + digits[7:]), []string{pack, broken}, badMember},
		{"characters between digits", in(digits[:7] + `\'41` + digits[7:]), []string{pack, broken}, badMember},
		{"groups between digits", in(digits[:7] + `{\*\foo 1234{5}}` + digits[7:20] + "{" + digits[20:30] + "}" + digits[30:]), []string{pack, broken}, badMember},
		{"empty binary data between digits", in(digits[:8] + `\bin0 ` + digits[8:]), []string{pack}, badMember},
		{"binary data", in(fmt.Sprintf(`\bin%d `, len(bad)) + bad), []string{pack}, badMember},
		{"half a byte at the end", in(digits + "4"), []string{pack}, badMember},
		{"inside of what is ignored", `{\rtf1{\*\foo{\info{\*\objdata ` + digits + `}}}}`, []string{pack}, badMember},
		{"not marked", `{\rtf1{\objdata ` + digits + `}}`, []string{pack}, badMember},
		{"no end", `{\rtf1{\objdata ` + digits, []string{pack}, badMember},
		{"no version", `{\rtx{\objdata ` + digits, []string{pack}, badMember},
		{"white space before", "\xef\xbb\xbf \r\n{\\rt{\\objdata " + digits, []string{pack}, badMember},
		{"too deep", `{\rt` + strings.Repeat("{", 100000) + `{\objdata ` + digits, []string{pack}, badMember},
		{"more ends than beginnings", `{\rt}}}}}{\objdata ` + digits, []string{pack}, badMember},
		{"hidden in binary data", `{\rt\bin99999 {\objdata ` + digits + "}", []string{"xfile.active RTF object hidden in binary data"}, nil},
		{"hidden in absurdly long binary data", `{\rt\bin2147483648 {\objdata ` + digits + "}", []string{"xfile.active RTF object hidden in binary data"}, nil},
		{"absurdly long binary data behind digits", in(digits + `\bin2147483648 {x`), []string{pack}, badMember},
		{"two objects", in(hex.EncodeToString([]byte(word))) + in(digits), []string{pack}, append([]string{wordMember[0]}, "a.txt|evil.exe: program")},
		{"package that is none", rtfObject(rtfOLE1("Package", "xx")), []string{pack}, []string{"object 1: xx"}},
		{"length of nothing", rtfObject(strings.Replace(word, rtfLE32(11), rtfLE32(0), 1)), nil, wordMember},
		{"absurd class", rtfObject(rtfLE32(1) + rtfLE32(2) + "\xff\xff\xff\xff" + "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..."),
			[]string{"xfile.unreadable RTF object whose header cannot be read"}, wordMember},
		{"cut off", rtfObject(word[:20]), []string{"xfile.unreadable RTF object whose header cannot be read"}, []string{"object 1: " + word[:20]}},
		{"a number behind the word", `{\rtf1{\objdata12 ` + digits + `}}`, []string{pack, broken}, badMember},
		{"empty object", in(""), nil, nil},
		{"equation", rtfObject(rtfOLE1("eQuation.3", "x")), []string{"xfile.active RTF object of class Equation"}, []string{"object 1: x"}},
		{"equation under another name", rtfObject(rtfOLE1("Word.Document", "....\x02\xce\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")),
			[]string{"xfile.active RTF object of class Equation"}, []string{"object 1: ....\x02\xce\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"}},
		{"class alone", `{\rtf1{\object{\*\objclass htmlfile}}}`, []string{"xfile.active RTF object of class htmlfile"}, nil},
		{"class in pieces", `{\rtf1{\object{\*\objclass OLE{2}\u76?\'69nk}}}`, []string{"xfile.active RTF object of class OLE2Link"}, nil},
		{"link to an object", rtfObject(rtfLE32(1) + rtfLE32(1) + rtfLE32(2) + "X\x00" + rtfLE32(16) + "\\\\example.net\\a\x00" + rtfLE32(0)), []string{"xfile.link RTF link to an object on another computer"}, nil},
		{"local link", rtfObject(rtfLE32(1) + rtfLE32(1) + rtfLE32(2) + "X\x00" + rtfLE32(5) + "C:\\a\x00" + rtfLE32(0)), nil, nil},
		{"updates itself", `{\rtf1{\object\objemb\objupdate}}`, []string{"xfile.active RTF object that updates itself"}, nil},
		{"automatic link", `{\rtf1{\object\objautlink}}`, []string{"xfile.active RTF object that updates itself"}, nil},
		{"ActiveX", `{\rtf1{\object\objocx}}`, []string{"xfile.active RTF ActiveX control"}, nil},
		{"HTML", `{\rtf1{\object\objhtml}}`, []string{"xfile.active RTF HTML control"}, nil},

		{"template", `{\rtf1{\*\template http://example.net/a.dotm}}`, []string{"xfile.link RTF template on another computer"}, nil},
		{"template in pieces", `{\rtf1{\*\template {h}\'74\u116?p{\b ://}x}}`, []string{"xfile.link RTF template on another computer"}, nil},
		{"template on a share", `{\rtf1{\*\template \\\\example.net\\a.dot}}`, []string{"xfile.link RTF template on another computer"}, nil},
		{"template on a file URL", `{\rtf1{\*\template file://example.net/a.dot}}`, []string{"xfile.link RTF template on another computer"}, nil},
		{"template in a file", `{\rtf1{\*\template file:///C:/a.dot}}`, nil, nil},
		{"DDE", `{\rtf1{\field{\*\fldinst DDEAUTO cmd "/c x"}}}`, []string{dde}, nil},
		{"DDE in pieces", `{\rtf1{\field{\*\fldinst{\b  d}{\i D{\*\foo x}}\u69?{\fs2 AUTO}cmd}}}`, nil, nil},
		{"DDE in runs", `{\rtf1{\field{\*\fldinst{\b  d}{\i D}\u69?{\fs2 AUTO} cmd}}}`, []string{dde}, nil},
		{"DDE by QUOTE", `{\rtf1{\field{\*\fldinst {{\field{\*\fldinst QUOTE 68 68 69 65}}} cmd}}}`, []string{dde}, nil},
		{"text from elsewhere", `{\rtf1{\field{\*\fldinst INCLUDETEXT "http://example.net/a"}}}`, []string{field}, nil},
		{"text from a share", `{\rtf1{\field{\*\fldinst INCLUDETEXT \\\\\\\\example.net\\\\a}}}`, []string{field}, nil},
		{"text from here", `{\rtf1{\field{\*\fldinst INCLUDETEXT "C:\\\\a"}}}`, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) { readPages(t, c.data).expect(t, c.found, c.members) })
	}
	got := readPages(t, rtfObject(bad))
	if len(got.unsafe) != 2 || got.unsafe[0] != "xfile.member 1/a.txt" { // by name and by content
		t.Errorf("bad content: %q", got.unsafe)
	}
	if got := readPages(t, `x{\rtf1{\object\objocx}}`); len(got.found) > 0 || got.text != "" {
		t.Errorf("no RTF: %q", got.found)
	}
}

func TestRTFText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", `{\rtf1 password: swordfish}`, "password: swordfish"},
		{"runs", `{\rtf1 pass{\b wo}\i rd}`, "password"},
		{"line ends of the file", "{\\rtf1 pass\r\nword}", "password"},
		{"paragraphs", `{\rtf1 a\par b\line c\` + "\n" + `d\tab e\cell f\~g}`, "a\nb\nc\nd\te\tf\u00a0g"},
		{"escapes", `{\rtf1 \{a\\b\}}`, `{a\b}`},
		{"code page", `{\rtf1\ansi\ansicpg1251 \'ef\'e0\'f0\'ee\'eb\'fc}`, "\u043f\u0430\u0440\u043e\u043b\u044c"},
		{"font's code page", `{\rtf1{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}}\f1 \'ef{\f0 \'fc}\'e0}`, "\u043f\u00fc\u0430"},
		{"Chinese", `{\rtf1\ansicpg936 \'c3\'dc\'c2\'eb: a}`, "\u5bc6\u7801: a"},
		{"second byte a letter", `{\rtf1\ansicpg932 \'83p\'83X}`, "\u30d1\u30b9"},
		{"Unicode", `{\rtf1 \u252\'fc\u8364?x\uc0\u-3 y{\uc2\u65ab}c}`, "\u00fc\u20acx\ufffdyAc"},
		{"pair", `{\rtf1 \u-10179?\u-8704?}`, "\U0001f600"},
		{"what is skipped", `{\rtf1{\fonttbl a;}{\info{\title b}}{\*\foo c}{\stylesheet{\s1 d;}}{\pict e}x}`, "x"},
		{"binary data", `{\rtf1 a\bin3 }}}b}`, "ab"},
		{"text box, note", `{\rtf1{\shp{\*\shpinst{\sp{\sn n}{\sv v}}{\shptxt a}}}{\footnote b}{\*\annotation c}}`, "abc"},
		{"field", `{\rtf1{\field{\*\fldinst HYPERLINK "x"}{\fldrslt a}}}`, "a"},
		{"no end", `{\rtf1 a{b`, "ab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := readPages(t, c.in); strings.TrimSpace(got.text) != c.want || got.err != nil {
				t.Errorf("got %q, want %q, %v", got.text, c.want, got.err)
			}
		})
	}
}
