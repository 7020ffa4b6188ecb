package xfile

import (
	"bytes"
	"strings"

	"golang.org/x/text/encoding/unicode"
)

// starter names small text files that start or fetch something when opened, by
// their sections, their root element or their first lines: the extension whose
// line in the table decides.
func starter(head []byte) (extension, what string) {
	if bytes.HasPrefix(head, []byte("bplist00")) && len(head) < 4096 && bytes.Contains(head, []byte("SURL")) {
		return "webloc", "Internet location"
	}
	text := plainText(head)
	if len(text) == 0 {
		return "", ""
	}
	switch text[0] {
	case '[', ';', '#':
		return iniFile(lower(text))
	case '<':
		return xmlFile(lower(text))
	}
	if isRemoteDesktop(text) {
		return "rdp", "remote desktop session"
	}
	return "", ""
}

func lower(text []byte) string { return strings.ToLower(string(text)) }

// plainText is the first 16 KiB of a file as UTF-8, empty when they are no text. UTF-16 is known by its mark or by the zero beside an ASCII sign.
func plainText(head []byte) []byte {
	head = head[:min(len(head), 16<<10)]
	order, wide := unicode.LittleEndian, false
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), len(head) > 3 && head[0] > ' ' && head[1] == 0 && head[2] != 0 && head[3] == 0:
		wide = true
	case bytes.HasPrefix(head, []byte("\xfe\xff")), len(head) > 3 && head[0] == 0 && head[1] > ' ' && head[2] == 0 && head[3] != 0:
		order, wide = unicode.BigEndian, true
	}
	if wide {
		head, _ = unicode.UTF16(order, unicode.UseBOM).NewDecoder().Bytes(head[:len(head)&^1])
	}
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(head) == 0 || bytes.IndexByte(head[:min(len(head), 64)], 0) >= 0 {
		return nil
	}
	return head
}

// iniFile judges a file of sections. Programs find their section wherever it
// stands, behind comments and others; the first sign says it is such a file.
func iniFile(text string) (extension, what string) {
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			end := strings.IndexByte(line, ']')
			if end < 0 {
				return "", ""
			}
			section = line[:end+1]
			switch section {
			case "[internetshortcut]", "[internetshortcut.a]", "[internetshortcut.w]":
				return "url", "Internet shortcut"
			case "[oledb]":
				return "udl", "data link"
			case "[connection manager]", "[cmdialog]":
				return "ins", "connection profile"
			}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok && section == "" {
			return "", "" // prose
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case section == "[desktop entry]" && key == "exec":
			return "desktop", "desktop entry"
		case section == "[shell]" && (key == "command" || key == "iconfile"):
			return "scf", "shell command file"
		case section == "[theme]" && (key == "displayname" || key == "themeid" || key == "brandimage"),
			section == `[control panel\desktop]` && key == "wallpaper":
			return "theme", "theme"
		case section == "[autorun]" && (key == "open" || key == "shellexecute" || strings.HasPrefix(key, `shell\`)):
			return "inf", "autorun file"
		case section == "[version]" && key == "signature" && strings.HasPrefix(strings.Trim(value, `"`), "$"):
			return "inf", "setup information"
		}
	}
	return "", ""
}

// isRemoteDesktop reports lines "name:i:1" with an address among them.
func isRemoteDesktop(text []byte) bool {
	line, _, _ := bytes.Cut(text[:min(len(text), 256)], []byte("\n"))
	f := bytes.SplitN(line, []byte(":"), 3)
	if len(f) < 3 || len(f[1]) != 1 || !strings.Contains("isb", string(f[1])) {
		return false
	}
	all := "\n" + lower(text)
	return strings.Contains(all, "full address:s:") || strings.HasPrefix(all, "\nscreen mode id:")
}

// roots maps root elements, without prefix, to extensions; where has is not
// empty, the head must hold one of its words too: other formats share the root.
var roots = [...]struct{ root, extension, what, has string }{
	{"librarydescription", "library-ms", "Windows library", "schemas.microsoft.com/windows/2009/library"},
	{"persistedquery", "search-ms", "saved search", ""},
	{"searchconnectordescription", "searchconnector-ms", "search connector", ""},
	{"pcsettings", "settingcontent-ms", "settings shortcut", ""},
	{"info", "appcontent-ms", "application content", "schemas.microsoft.com/search/2013/applicationcontent"},
	{"appinstaller", "appinstaller", "App Installer file", "schemas.microsoft.com/appx/appinstaller"},
	{"assembly", "application", "ClickOnce application", "<deployment|:deployment"},
	{"mmc_consolefile", "msc", "management console file", ""},
	{"job", "wsf", "script file", "<script"},
	{"package", "wsf", "script file", "<job|<component id|<?job|<?component"},
	{"scriptlet", "sct", "scriptlet", ""},
	{"component", "wsc", "script component", "<registration|<script"},
	{"task", "job", "scheduled task", "schemas.microsoft.com/windows/2004/02/mit/task"},
	{"contact", "contact", "Windows contact", "schemas.microsoft.com/contact"},
	{"configuration", "wsb", "Windows Sandbox configuration", "<logoncommand"},
	{"rdcman", "rdg", "remote desktop group", ""},
	{"uploadinfo", "msrcincident", "remote assistance invitation", ""},
	{"jnlp", "jnlp", "Java Web Start descriptor", ""},
	{"softpkg", "osd", "software description", ""},
	{"psconsolefile", "psc1", "PowerShell console file", ""},
	{"powershellmetadata", "cdxml", "PowerShell commands", ""},
	{"configuration", "ps1xml", "PowerShell formats", "<scriptblock"},
	{"types", "ps1xml", "PowerShell types", "<scriptblock|<getscriptblock|<script>"},
	{"plist", "mobileconfig", "configuration profile", "<key>payloadtype</key>"},
	{"plist", "terminal", "Terminal settings", "<key>commandstring</key>"},
	{"plist", "webloc", "Internet location", "<dict><key>url</key>"},
	{"project", "csproj", "build file", "<usingtask|<exec "},
}

// xmlFile judges XML by its root element.
func xmlFile(text string) (extension, what string) {
	root, rest := rootElement(text)
	if root == "" {
		return "", ""
	}
	squeezed := ""
	for _, r := range roots {
		if r.root != root {
			continue
		}
		if r.root == "plist" && squeezed == "" {
			squeezed = strings.Join(strings.Fields(rest), "")
		}
		for word := range strings.SplitSeq(r.has, "|") {
			if strings.Contains(rest, word) || strings.Contains(squeezed, word) {
				return r.extension, r.what
			}
		}
	}
	return "", ""
}

// rootElement returns the local name of the first element and the text from
// there on; "" when the head shows none. Instructions to Windows Script Host
// may stand before it.
func rootElement(text string) (root, rest string) {
	for {
		i := strings.IndexByte(text, '<')
		if i < 0 || i+1 == len(text) {
			return "", ""
		}
		text = text[i:]
		end := ">"
		switch {
		case strings.HasPrefix(text, "<!--"):
			text, end = text[4:], "-->"
		case text[1] == '?':
			end = "?>"
		case text[1] == '!':
			if subset := strings.IndexByte(text, '['); subset >= 0 && subset < strings.IndexByte(text, '>') {
				end = "]"
			}
		default:
			n := strings.IndexAny(text[1:], " \t\r\n/><")
			if n <= 0 {
				return "", ""
			}
			name := text[1 : 1+n]
			return name[strings.LastIndexByte(name, ':')+1:], text
		}
		n := strings.Index(text, end)
		if n < 0 {
			return "", ""
		}
		text = text[n+len(end):]
	}
}

// scriptText returns what kind of script a text is, "" when it shows no strong
// mark of one. Only for parts whose name or type promises something else.
func scriptText(head []byte, isText bool) string {
	text := lower(plainText(head))
	if isText {
		text = text[:min(len(text), 1024)] // further on, somebody may write about scripts
	}
	first, _, _ := strings.Cut(text, "\n")
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case strings.HasPrefix(text, "@echo off"):
		return "batch file"
	case strings.HasPrefix(text, "<?php") && strings.TrimLeft(text[5:], " \t\r\n") != text[5:]:
		return "PHP script"
	case strings.HasPrefix(text, "#@~^"):
		return "encoded script"
	case has("wscript.createobject(", "createobject(\"wscript.shell\")", "createobject(\"shell.application\")", "createobject(\"adodb.stream\")"),
		has("activexobject(\"", "activexobject('") && has("wscript.shell", ".run(", ".shellexecute", ".savetofile"):
		return "Windows script"
	case strings.Contains(first, "powershell") && (strings.Contains(first, " -enc") || strings.Contains(first, " -e ") || strings.Contains(first, "-encodedcommand")),
		has("iex(", "iex (", "invoke-expression") && has("net.webclient", "invoke-webrequest", "frombase64string"):
		return "PowerShell script"
	}
	return ""
}
