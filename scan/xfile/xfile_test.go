package xfile_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/xfile"
)

// look shows one part to a scanner with the given rules.
func look(tb testing.TB, x rules.Xfile, p *scan.Part) []scan.Finding {
	tb.Helper()
	l := xfile.New(x).Begin(nil)
	if err := l.Part(context.Background(), p); err != nil {
		tb.Errorf("error %v", err)
	}
	found, err := l.End(context.Background())
	if err != nil {
		tb.Errorf("error %v", err)
	}
	return found
}

// named is a part with names and nothing in it.
func named(names ...string) *scan.Part { return &scan.Part{Path: "1", Names: names} }

// filled is a part with a name and content.
func filled(name, data string) *scan.Part {
	p := &scan.Part{Path: "1", Types: []string{"application/octet-stream"}, Open: func() (io.Reader, error) { return strings.NewReader(data), nil }}
	if name != "" {
		p.Names = []string{name}
	}
	return p
}

// rulesOf lists the rules of findings.
func rulesOf(list []scan.Finding) (out []string) {
	for _, f := range list {
		out = append(out, f.Rule)
	}
	return out
}

// TestExtensions looks every line of the table up: block fires, others do not;
// the administrator turns each round.
func TestExtensions(t *testing.T) {
	table, err := os.ReadFile("extensions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(table), "\n"), "\n")[1:]
	if !slices.IsSorted(lines) || len(lines) < 300 {
		t.Errorf("%d lines, not sorted or too few", len(lines))
	}
	for _, line := range lines {
		f := strings.Split(line, "\t")
		if len(f) != 5 || !slices.Contains([]string{"block", "inspect", "recurse", "optional"}, f[2]) {
			t.Errorf("line %q", line)
			continue
		}
		extension, block := f[0], f[2] == "block"
		name := "a." + extension
		if strings.Contains(extension, ".") {
			name = extension // a whole name
		}
		for _, n := range []string{name, strings.ToUpper(name), "dir/" + name, name + "."} {
			if got := len(look(t, rules.Xfile{}, named(n))) > 0; got != block {
				t.Errorf("%s is found: %v, want %v", n, got, block)
			}
		}
		for _, written := range []string{extension, strings.ToUpper(extension), "." + extension} {
			if got := look(t, rules.Xfile{Allow: []string{written, "inf"}}, named(name)); len(got) > 0 {
				t.Errorf("%s is found though %q is allowed", name, written)
			}
			if got := look(t, rules.Xfile{Block: []string{written}}, named(name)); len(got) != 1 || got[0].Rule != "xfile.name" {
				t.Errorf("%s is not found though %q is blocked", name, written)
			}
		}
	}
	for _, name := range []string{"a.extension", "a.default", "a.recurse", "a.", "extension", "a.exe\tb", "a.block\tnative", "a.zz"} {
		if got := look(t, rules.Xfile{Allow: []string{"exe"}}, named(name)); len(got) > 0 {
			t.Errorf("%q is found: %v", name, got)
		}
	}
}

// TestNames are the tricks with a final name, each beside a clean sibling.
func TestNames(t *testing.T) {
	blanks := strings.Repeat(" ", 200)
	for _, c := range []struct{ name, bad, clean string }{
		{"plain", "a.exe", "a.txt"},
		{"capitals", "A.ExE", "A.TxT"},
		{"a dot first", ".exe", ".txt"},
		{"double extension", "a.pdf.exe", "a.exe.pdf"},
		{"trailing dot", "a.exe.", "a.txt."},
		{"trailing dots", "a.exe.....", "a.txt....."},
		{"trailing blank", "a.exe ", "a.txt "},
		{"trailing tab", "a.exe\t", "a.txt\t"},
		{"trailing no-break space", "a.exe\u00a0", "a.txt\u00a0"},
		{"trailing em space", "a.exe\u2003", "a.txt\u2003"},
		{"trailing ideographic space", "a.exe\u3000", "a.txt\u3000"},
		{"trailing zero-width space", "a.exe\u200b", "a.txt\u200b"},
		{"trailing line end", "a.exe\r\n", "a.txt\r\n"},
		{"trailing mix", "a.exe . \u00a0.\t\u200b. ", "a.txt . \u00a0.\t\u200b. "},
		{"trailing ideographic stop", "a.exe\u3002", "a.txt\u3002"},
		{"trailing filler", "a.exe\u3164", "a.txt\u3164"},
		{"trailing quote", `a.exe"`, `a.txt"`},
		{"trailing slash", "a.exe/", "a.txt/"},
		{"trailing backslash", `a.exe\`, `a.txt\`},
		{"trailing semicolon", "a.exe;1", "a.txt;1"},
		{"trailing comma", "a.exe,", "a.txt,"},
		{"trailing parenthesis", "a.exe (1)", "a.txt (1)"},
		{"leading blanks in the extension", "a. exe"[:2] + "exe", "a. txt"},
		{"class identifier", "a.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}", "a.{3050F4D8}"},
		{"class identifier, no end", "a.txt.{3050f4d8-98b5-11cf-bb82-00aa00bdce0b", "a.{3050f4d8-98b5-11cf-bb82-00aa00bdce0g}.txt"},
		{"class identifier and dots", "a.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}..", "{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}"},
		{"class identifier of a folder", `a.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}/b.txt`, `{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}/b.txt`},
		{"class identifier of a folder in it", `x\a.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B} \b.txt`, `x\a.{3050F4D8}\b.txt`},
		{"right-to-left override", "a\u202ecod.exe", "a\u202egpj.png"},
		{"right-to-left override shows it", "a\u202eexe.doc", "a\u202etxt.doc"},
		{"override and its end", "a\u202etxt.\u202cexe", "a\u202etxt.\u202cdoc"},
		{"other bidi characters", "a\u2066.e\u2069xe", "a\u2066.t\u2069xt"},
		{"zero-width inside", "a.e\u200bx\u200de", "a.t\u200bx\u200dt"},
		{"soft hyphen inside", "a.e\u00adxe", "a.t\u00adxt"},
		{"byte order mark inside", "a.\ufeffexe", "a.\ufefftxt"},
		{"full-width letters", "a.\uff45\uff58\uff45", "a.\uff54\uff58\uff54"},
		{"full-width dot", "a\uff0eexe", "a\uff0etxt"},
		{"small full stop", "a\ufe52exe", "a\ufe52txt"},
		{"one-dot leader", "a\u2024exe", "a\u2024txt"},
		{"mathematical letters", "a.\U0001d41e\U0001d431\U0001d41e", "a.\U0001d42d\U0001d431\U0001d42d"},
		{"circled letters", "a.\u24d4\u24e7\u24d4", "a.\u24e3\u24e7\u24e3"},
		{"Kelvin sign", "a.ln\u212a", "a.tn\u212a"},
		{"long s", "a.j\u017f", "a.t\u017f"},
		{"NUL, bad before", "a.exe\x00.txt", "a.doc\x00.txt"},
		{"NUL, bad behind", "a.txt\x00.exe", "a.txt\x00.doc"},
		{"NUL inside", "a.e\x00xe", "a.t\x00xt"},
		{"line end, bad before", "a.exe\n.txt", "a.doc\n.txt"},
		{"line end, bad behind", "a.txt\n.exe", "a.txt\n.doc"},
		{"escape, bad before", "a.exe\x1b.txt", "a.doc\x1b.txt"},
		{"delete character", "a.exe\x7f.txt", "a.doc\x7f.txt"},
		{"many blanks before", "a.txt" + blanks + ".exe", "a.doc" + blanks + ".txt"},
		{"many dots before", "a.txt" + strings.Repeat(".", 300) + "exe", "a.exe" + strings.Repeat(".", 300) + "txt"},
		{"long name", strings.Repeat("a", 300) + ".exe", strings.Repeat("a", 300) + ".txt"},
		{"path", "b/a.exe", "b.exe/a.txt"},
		{"backslash path", `C:\b\a.exe`, `C:\b.exe\a.txt`},
		{"parent path", "../../a.exe", "../../a.txt"},
		{"drive letter", "c:a.exe", "c:a.txt"},
		{"drive letter and whole name", "c:autorun.inf", "c:autorun.txt"},
		{"stream", "a.exe:b", "a.txt:b"},
		{"stream and type", "a.exe::$DATA", "a.txt::$DATA"},
		{"stream with an extension", "a.exe:b.txt", "a.txt:b.doc"},
		{"file behind a colon", "Re: a.exe", "Re: a.txt"},
		{"file behind a colon, no blank", "aa:a.exe", "aa:a.txt"},
		{"whole name", "autorun.inf", "autorun.text"},
		{"whole name in capitals", "AutoRun.INF", "AutoRun.DOC"},
		{"whole name, trailing dot", "desktop.ini.", "notes.ini."},
		{"whole name in a path", `x\desktop.ini`, `desktop.ini\x`},
		{"dash in the extension", "a.library-ms", "a.library-mx"},
		{"underscore in the extension", "a.ex_", "a.tx_"},
		{"invalid UTF-8", "\xff\xfe.exe", "\xff\xfe.txt"},
		{"raw 8-bit in the extension's end", "a.exe\xa0", "a.txt\xa0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := look(t, rules.Xfile{}, named(c.bad))
			if len(found) != 1 || found[0].Rule != "xfile.name" || found[0].Name != c.bad || found[0].Part != "1" || found[0].Note == "" {
				t.Errorf("%q: findings %+v", c.bad, found)
			}
			if found := look(t, rules.Xfile{}, named(c.clean)); len(found) > 0 {
				t.Errorf("clean %q: findings %+v", c.clean, found)
			}
		})
	}
}

// TestOrdinaryNames are names as mail has them.
func TestOrdinaryNames(t *testing.T) {
	for _, name := range []string{
		"", "a", "README", "report.pdf", "Invoice 2026-11.pdf", "photo one.jpg", "IMG_0001.JPG", "version.2.0.final.txt", "a.tar.gz",
		"smime.p7s", "signature.asc", "winmail.dat", "ATT00001.txt", "image001.png@01DC5A3B.12345678", "noname", "forwarded message",
		"R\u00e9sum\u00e9.docx", "\u8acb\u6c42\u66f8.pdf", "\u05de\u05e1\u05de\u05da.pdf", "\u0645\u0633\u062a\u0646\u062f.pdf", "...", ". .", "/", `\`, ":", "a:", "C:", "1.2.3.4", "budget.xlsx",
		"notes.v2", "2026.11.21", "e.g. this", "Minutes of Nov. 20", "invite.ics", "contact.vcf", "song.mp3", "a.b.c.d.e",
	} {
		if found := look(t, rules.Xfile{}, named(name)); len(found) > 0 {
			t.Errorf("%q: findings %+v", name, found)
		}
	}
}

// TestSeveralNames judges each name a part has and finds it once.
func TestSeveralNames(t *testing.T) {
	for _, names := range [][]string{{"a.exe", "a.txt"}, {"a.txt", "a.exe"}, {"b.js", "a.exe"}} {
		if found := look(t, rules.Xfile{}, named(names...)); len(found) != 1 {
			t.Errorf("%q: findings %+v", names, found)
		}
	}
	member := named("a.exe")
	member.Nest = 1
	if got := rulesOf(look(t, rules.Xfile{}, member)); !slices.Equal(got, []string{"xfile.member"}) {
		t.Errorf("member: %q", got)
	}
}

func TestNameLength(t *testing.T) {
	pad := func(n int) string { return strings.Repeat("a", n-4) }
	for _, c := range []struct {
		name string
		want []string
	}{
		{pad(1024) + ".txt", nil},
		{pad(1025) + ".txt", []string{"limit.size"}},
		{pad(1025) + ".exe", []string{"limit.size", "xfile.name"}},
		{strings.Repeat("\u202e", 1<<20), []string{"limit.size"}},
	} {
		if got := rulesOf(look(t, rules.Xfile{}, named(c.name))); !slices.Equal(got, c.want) {
			t.Errorf("%d bytes: %q, want %q", len(c.name), got, c.want)
		}
	}
}

// program begins like a Windows program and does nothing.
var program = func() string {
	b := make([]byte, 512)
	copy(b, "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x80)
	copy(b[0x80:], "PE\x00\x00\x4c\x01")
	return string(b)
}()

func utf16le(s string) string {
	out := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

// TestContent are formats by their first bytes, each under a harmless name and
// beside a clean sibling that begins alike.
func TestContent(t *testing.T) {
	zeros := strings.Repeat("\x00", 100)
	at := func(n int, s string) string { return strings.Repeat("\x00", n) + s }
	ole := "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600)
	for _, c := range []struct{ name, bad, clean string }{
		{"PE", program, "MZ is how programs begin, this is text\n"},
		{"DOS", "MZ\x00\x01" + zeros, "MZ" + strings.Repeat("text ", 100)},
		{"DOS, the other way", "ZM\x00\x01" + zeros, "ZMODEM is a protocol"},
		{"DOS stub alone", "MZ" + strings.Repeat("x", 70) + "This program cannot be run in DOS mode", "MZ" + strings.Repeat("x", 600)},
		{"ELF", "\x7fELF\x02\x01\x01" + zeros, "ELF\x00 is a format" + zeros},
		{"Mach-O", "\xcf\xfa\xed\xfe\x07\x00\x00\x01" + zeros, "\xcf\xfa\xed" + zeros},
		{"Mach-O, 32 bits", "\xce\xfa\xed\xfe" + zeros, "\xce\xfa" + zeros},
		{"Mach-O, big end first", "\xfe\xed\xfa\xcf" + zeros, "\xfe\xed\xfa" + zeros},
		{"Mach-O, several", "\xca\xfe\xba\xbe\x00\x00\x00\x02" + zeros, "\xca\xfe\xba" + zeros},
		{"Java class", "\xca\xfe\xba\xbe\x00\x00\x00\x34" + zeros, "\xca\xfe\xba\xbd\x00\x00\x00\x34" + zeros},
		{"shortcut", "L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0" + zeros, "L\x00\x00\x00\x02\x14" + zeros},
		{"OneNote", "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3" + zeros, "\xe4\x52\x5c\x7b" + zeros},
		{"compiled help", "ITSF\x03\x00\x00\x00" + zeros, "ITSF is short for it" + zeros},
		{"ISO 9660", at(0x8001, "CD001\x01"), at(0x8000, "CD001\x01")},
		{"UDF", at(0x8001, "BEA01\x01"), at(0x8002, "BEA01\x01")},
		{"UDF, boot descriptor first", at(0x8001, "BOOT2\x01"), at(0x8002, "BOOT2\x01")},
		{"UDF, end first", at(0x8001, "TEA01\x01"), at(0x8002, "TEA01\x01")},
		{"UDF, CD-WO first", at(0x8001, "CDW02\x01"), at(0x8002, "CDW02\x01")},
		{"High Sierra", at(0x8009, "CDROM\x01"), at(0x8008, "CDROM\x01")},
		{"VHD", "conectix" + zeros, "Conectix was a company"},
		{"VHDX", "vhdxfile" + zeros, "vhdx files are disks"},
		{"Windows image", "MSWIM\x00\x00\x00" + zeros, "MSWIM is a format"},
		{"Android program", "dex\n035\x00" + zeros, "dex\nterity\n"},
		{"encoded script", "#@~^DgAAAA==", "#@ not that ~^"},
		{"macOS package", "xar!\x00\x1c\x00\x01" + zeros, "xar! they said"},
		{"Debian package", "!<arch>\ndebian-binary   ", "!<arch>\nlib.o/          "},
		{"RPM package", "\xed\xab\xee\xdb\x03\x00" + zeros, "\xed\xab\xee" + zeros},
		{"registry file", "Windows Registry Editor Version 5.00\r\n\r\n", "Windows Registry Editors are programs"},
		{"registry file, old", "REGEDIT4\r\n\r\n[HKEY_X]", "REGEDIT4 was a format"},
		{"registry file, UTF-16", utf16le("Windows Registry Editor Version 5.00\r\n"), utf16le("Windows is an operating system\r\n")},
		{"Flash", "CWS\x09" + zeros, "CWS 2026, a conference" + zeros},
		{"Internet shortcut", "[InternetShortcut]\r\nURL=http://example.net/\r\n", "[Internet]\r\nURL=http://example.net/\r\n"},
		{"Internet shortcut behind blanks", "\xef\xbb\xbf\r\n [INTERNETSHORTCUT]\r\n", "see [InternetShortcut]\r\n"},
		{"Windows installer", ole + "\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46", ole},
		{"shell script", "#!/bin/sh\necho\n", "#! not a path\n"},
		{"shell script, blank", "#! /bin/bash -e\necho\n", "# !/bin/sh\n"},
		{"env", "#!/usr/bin/env python3\n", "/usr/bin/env python3\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range []string{"a.png", "report.pdf", "noextension.txt"} {
				found := look(t, rules.Xfile{}, filled(name, c.bad))
				if !slices.Equal(rulesOf(found), []string{"xfile.content"}) {
					t.Errorf("%s: findings %+v", name, found)
				}
				if found := look(t, rules.Xfile{}, filled(name, c.clean)); len(found) > 0 {
					t.Errorf("clean %s: findings %+v", name, found)
				}
			}
		})
	}
}

// TestCleanContent are files as mail has them.
func TestCleanContent(t *testing.T) {
	for name, data := range map[string]string{
		"a.jpg":  "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
		"a.png":  "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
		"a.gif":  "GIF89a\x01\x00\x01\x00",
		"a.pdf":  "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
		"a.txt":  "Hello,\n\nsee you.\n",
		"a.html": "<!DOCTYPE html><html>",
		"a.rtf":  "{\\rtf1\\ansi hello}",
		"a.doc":  "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600),
		"a.docx": "PK\x03\x04\x14\x00\x06\x00",
		"a.mp3":  "ID3\x03\x00",
		"a.mp4":  "\x00\x00\x00\x18ftypmp42",
		"a.xml":  "<?xml version=\"1.0\"?>\n<a/>",
		"a.ics":  "BEGIN:VCALENDAR\r\n",
		"a.csv":  "MZ,name\n1,x\n",
		"a.webp": "RIFF\x24\x00\x00\x00WEBPVP8 ",
		"a.tif":  "II*\x00\x08\x00\x00\x00",
		"a.bmp":  "BM\x36\x00\x00\x00",
		"a.ps":   "%!PS-Adobe-3.0\n",
		"a.ttf":  "\x00\x01\x00\x00\x00\x0f\x00\x80",
		"a.sh":   "#!/bin/sh\necho meant\n",
		"script": "#!/bin/sh\necho meant\n",
		"a.eml":  "From: a@example.org\n",
		"empty":  "",
		"one":    "M",
		"two":    "MZ",
	} {
		if found := look(t, rules.Xfile{}, filled(name, data)); len(found) > 0 {
			t.Errorf("%s: findings %+v", name, found)
		}
	}
}

// TestContentRules is what else decides about content.
func TestContentRules(t *testing.T) {
	text := filled("", "#!/usr/bin/perl\n")
	text.Types = []string{"text/plain"}
	member := filled("a.png", program)
	member.Nest = 2
	message := filled("", program)
	message.Types = []string{"message/rfc822"}
	both := filled("a.exe", program)
	running := filled("", program)
	running.Types = []string{"text/plain"}
	for _, c := range []struct {
		name  string
		rules rules.Xfile
		part  *scan.Part
		want  []string
	}{
		{"without a name", rules.Xfile{}, filled("", program), []string{"xfile.content"}},
		{"in running text", rules.Xfile{}, running, []string{"xfile.content"}},
		{"script in running text", rules.Xfile{}, text, nil},
		{"in an archive", rules.Xfile{}, member, []string{"xfile.member"}},
		{"by name and content", rules.Xfile{}, both, []string{"xfile.name", "xfile.content"}},
		{"allowed", rules.Xfile{Allow: []string{"exe"}}, filled("a.png", program), nil},
		{"another allowed", rules.Xfile{Allow: []string{"scr"}}, filled("a.scr", program), []string{"xfile.content"}},
		{"blocked document", rules.Xfile{Block: []string{"rtf"}}, filled("a.txt", "{\\rtf1 x}"), []string{"xfile.content"}},
		{"a message is not a file", rules.Xfile{}, message, nil},
		{"a shell", rules.Xfile{}, &scan.Part{Types: []string{"multipart/mixed"}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rulesOf(look(t, c.rules, c.part)); !slices.Equal(got, c.want) {
				t.Errorf("findings %q, want %q", got, c.want)
			}
		})
	}
}

// TestReadError judges what could be read and hands the error on.
func TestReadError(t *testing.T) {
	bad := errors.New("no")
	p := filled("a.png", "")
	p.Open = func() (io.Reader, error) {
		return io.MultiReader(strings.NewReader(program), iotest.ErrReader(bad)), nil
	}
	l := xfile.New(rules.Xfile{}).Begin(nil)
	if err := l.Part(context.Background(), p); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
	if found, _ := l.End(context.Background()); !slices.Equal(rulesOf(found), []string{"xfile.content"}) {
		t.Errorf("findings %+v", found)
	}
}

// FuzzName holds names to what no trick may change: whatever stands before a
// path's last separator and whatever blanks and dots follow, a program's name
// stays found; and a name that is found stays so in capitals.
func FuzzName(f *testing.F) {
	for _, s := range []string{"a.txt", "Re: x", "a\u202ecod", "a:b", "\xff.", "a/b\\c", "{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}", "a\x00"} {
		f.Add(s, "  . ")
	}
	f.Fuzz(func(t *testing.T, s, tail string) {
		found := func(name string) bool { return len(look(t, rules.Xfile{}, named(name))) > 0 }
		base := found(s)
		if base != found(s) {
			t.Errorf("%q: not the same twice", s)
		}
		if tail = strings.Map(func(r rune) rune {
			if strings.ContainsRune(" .\t\u00a0\u2003", r) {
				return r
			}
			return -1
		}, tail); base && !found(s+tail) {
			t.Errorf("%q is found, with tail %q it is not", s, tail)
		}
		for _, name := range []string{s + ".exe", s + "/x.js" + tail, s + "\\x.vbs", s + ":x.bat"} {
			if !found(name) {
				t.Errorf("%q is not found", name)
			}
		}
	})
}

func BenchmarkName(b *testing.B) {
	for _, c := range []struct{ name, file string }{
		{"ordinary", "Invoice 2026-11.pdf"},
		{"accents", "R\u00e9sum\u00e9 f\u00fcr alle.docx"},
		{"bidi", "a\u202e\u202bgpj\u202c.png"},
		{"long", strings.Repeat("x", 4000) + ".txt"},
		{"long, invisible", strings.Repeat("\u202e\u00a0", 800) + ".txt"},
		{"long, combining", "a" + strings.Repeat("\u0301", 2000) + ".txt"},
		{"long, colons", strings.Repeat(":", 4000)},
		{"megabytes", strings.Repeat("\u202e", 1<<20)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.file)))
			b.ReportAllocs()
			for b.Loop() {
				look(b, rules.Xfile{}, named(c.file))
			}
		})
	}
}
