package xfile

import (
	"bytes"
	"encoding/binary"
	"strings"

	"qguard/scan"
)

// magics maps first bytes to the extension whose line in the table decides.
var magics = [...]struct {
	at        int
	bytes     string
	extension string
	what      string
}{
	{0, "\x7fELF", "elf", "ELF program"},
	{0, "\xfe\xed\xfa\xce", "macho", "Mach-O program"},
	{0, "\xfe\xed\xfa\xcf", "macho", "Mach-O program"},
	{0, "\xce\xfa\xed\xfe", "macho", "Mach-O program"},
	{0, "\xcf\xfa\xed\xfe", "macho", "Mach-O program"},
	{0, "L\x00\x00\x00\x01\x14\x02\x00", "lnk", "Windows shortcut"},
	{0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "one", "OneNote section"},
	{0, "\xa1\x2f\xff\x43\xd9\xef\x76\x4c\x9e\xe2\x10\xea\x57\x22\x76\x5f", "onetoc2", "OneNote table of contents"},
	{0, "ITSF\x03\x00\x00\x00", "chm", "compiled help"},
	{0, "ITSF\x02\x00\x00\x00", "chm", "compiled help"},
	{0, "?_\x03\x00", "hlp", "Windows help"},
	{0x8001, "CD001", "iso", "ISO 9660 image"},
	{0x8001, "BEA01", "udf", "UDF image"},
	{0x8001, "NSR0", "udf", "UDF image"},
	{0x8001, "TEA01", "udf", "UDF image"}, // ECMA-167 2/9: in any order, from sector 16 on
	{0x8001, "BOOT2", "udf", "UDF image"},
	{0x8001, "CDW02", "udf", "UDF image"},
	{0x8009, "CDROM", "iso", "High Sierra image"},
	{0, "conectix", "vhd", "virtual disk"},
	{0, "vhdxfile", "vhdx", "virtual disk"},
	{0, "MSWIM\x00\x00\x00", "wim", "Windows image"},
	{0, "dex\n03", "dex", "Android program"},
	{0, "\x00\x01\x00\x00Standard Jet DB", "mdb", "Access database"},
	{0, "\x00\x01\x00\x00Standard ACE DB", "accdb", "Access database"},
	{0, "#@~^", "vbe", "encoded script"},
	{0, "FasdUAS ", "scpt", "AppleScript"},
	{0, "xar!\x00\x1c", "pkg", "macOS package"},
	{0, "!<arch>\ndebian", "deb", "Debian package"},
	{0, "\xed\xab\xee\xdb", "rpm", "RPM package"},
	{0, "REGEDIT4\r", "reg", "registry file"},
	{0, "Windows Registry Editor Version 5", "reg", "registry file"},
	{0, "\xff\xfeW\x00i\x00n\x00d\x00o\x00w\x00s\x00 \x00R\x00e\x00g\x00i\x00s\x00t\x00r\x00y\x00", "reg", "registry file"},
	{0, "{\\rt", "rtf", "RTF document"},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "doc", "OLE document"},
}

// content returns why the first bytes of a part are unsafe, "" when they are
// not.
func (t table) content(p *scan.Part, head []byte) string {
	extension, what := identify(head)
	if extension == "" && !running(p) {
		extension, what = starter(head)
	}
	if extension == "" {
		if what := disguised(p, head); what != "" {
			return what + " under another name"
		}
		if extension = shebang(head); extension == "" {
			return ""
		}
		what = "script"
		if hidesScript(p) {
			// The table leaves sh and others alone because their senders
			// mean them; a hidden one is not meant.
			return "script under another name"
		}
	}
	if running(p) && (what == "script" || extension == "reg" || extension == "vbe") {
		return "" // somebody shows how such a file begins
	}
	if why := t.blocked(extension); why != "" {
		return what + ": " + why
	}
	return ""
}

// running reports text that is shown, not saved as a file.
func running(p *scan.Part) bool {
	return len(p.Names) == 0 && p.Nest == 0 && p.Is("text/")
}

// identify names the format of a file by its first bytes.
func identify(head []byte) (extension, what string) {
	for _, m := range magics {
		if len(head) < m.at+len(m.bytes) || string(head[m.at:m.at+len(m.bytes)]) != m.bytes {
			continue
		}
		if m.extension == "doc" && bytes.Contains(head, []byte(installerCLSID)) {
			return "msi", "Windows installer"
		}
		return m.extension, m.what
	}
	switch {
	case isDOS(head):
		return "exe", "Windows program"
	case bytes.HasPrefix(head, []byte("\xca\xfe\xba\xbe")) && len(head) >= 8:
		// Java's class files and Mach-O's fat files share the number: the
		// next word is a version from 45 up, or a small count.
		if binary.BigEndian.Uint32(head[4:]) >= 45 {
			return "class", "Java class"
		}
		return "macho", "Mach-O program"
	case len(head) > 8 && string(head[1:3]) == "WS" && strings.IndexByte("FCZ", head[0]) >= 0 && head[3] > 0 && head[3] < 60 && head[7] < 2:
		// A version, then the length, below 32 MB.
		return "swf", "Flash"
	}
	return "", ""
}

// installerCLSID is {000C1084-0000-0000-C000-000000000046}, the class of the
// root storage of an MSI file.
const installerCLSID = "\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"

// isDOS reports an MZ program: with a PE, NE or LE header where the word at
// 0x3c says, or plainly binary behind the two letters, which DOS still runs.
func isDOS(head []byte) bool {
	if len(head) < 2 || string(head[:2]) != "MZ" && string(head[:2]) != "ZM" {
		return false
	}
	return bytes.IndexByte(head[:min(len(head), 64)], 0) >= 0 ||
		bytes.Contains(head[:min(len(head), 512)], []byte("cannot be run in DOS mode"))
}

// shebang returns the extension that goes with the interpreter of a script.
func shebang(head []byte) string {
	rest, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return ""
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	words := strings.Fields(string(line[:min(len(line), 256)]))
	if len(words) == 0 || !strings.HasPrefix(words[0], "/") {
		return ""
	}
	name := words[0][strings.LastIndexByte(words[0], '/')+1:]
	if name == "env" && len(words) > 1 {
		name = words[len(words)-1]
	}
	switch {
	case strings.HasPrefix(name, "perl"):
		return "pl"
	case strings.HasPrefix(name, "python"):
		return "py"
	case strings.HasPrefix(name, "php"):
		return "php"
	case strings.HasPrefix(name, "ruby"):
		return "rb"
	}
	return "sh"
}

// guises are extensions that promise text, a document, a picture, sound or an
// archive. Any other, "hook.sample" or "install-1.2", promises nothing.
const guises = " txt text log csv pdf rtf doc docx xls xlsx ppt pptx odt ods odp zip " +
	"jpg jpeg png gif bmp tif tiff webp svg ico mp3 mp4 m4a avi mov wav ogg "

// hidesScript reports whether a part's name belies that it is a script.
func hidesScript(p *scan.Part) bool {
	for _, name := range p.Names {
		for _, form := range forms(name) {
			dot := strings.LastIndexByte(form, '.')
			if dot >= 0 && strings.Contains(guises, " "+strings.ToLower(form[dot+1:])+" ") {
				return true
			}
		}
	}
	return false
}

// disguised returns what kind of script a part is whose name or type promises
// something else.
func disguised(p *scan.Part, head []byte) string {
	if running(p) {
		return ""
	}
	if p.Is("image/", "audio/", "video/", "font/", "application/pdf", "application/msword", "application/zip") {
		return scriptText(head, false)
	}
	if hidesScript(p) {
		return scriptText(head, p.Named(".txt", ".text", ".log", ".csv"))
	}
	return ""
}

// Format names the kind of file that a part is by its first bytes, "" where it is
// none of those that are judged by content.
func Format(p *scan.Part) string {
	head, _ := p.Head()
	extension, what := identify(head)
	if extension == "" && !running(p) {
		_, what = starter(head)
	}
	return what
}
