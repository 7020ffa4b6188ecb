package xfile

import (
	"strings"

	"qguard/scan"
)

// typed returns why the media type of a part without an extension is unsafe, ""
// when it is not: mail clients make up a name with the extension that the system
// knows for the type.
func (t table) typed(p *scan.Part) string {
	if p.Header == nil || len(p.Types) == 0 {
		return ""
	}
	for _, name := range p.Names {
		if strings.Contains(name, ".") {
			return ""
		}
	}
	for _, mediaType := range p.Types {
		extension := typeExtension(mediaType)
		if extension == "js" && strings.HasPrefix(p.Header.Get("Content-Location"), "http") {
			continue // a script of a page in a web archive
		}
		if why := t.blocked(extension); extension != "" && why != "" {
			return why + "; by its type"
		}
	}
	return ""
}

// typeExtension returns the extension that goes with a media type, "" for types
// that name nothing unsafe.
func typeExtension(mediaType string) string {
	kind, name, _ := strings.Cut(mediaType, "/")
	if kind != "application" && kind != "text" {
		return ""
	}
	switch strings.TrimPrefix(name, "x-") {
	case "msdownload", "msdos-program", "dosexec", "vnd.microsoft.portable-executable", "exe", "winexe", "msdos-windows":
		return "exe"
	case "bat", "msdos-batch":
		return "bat"
	case "hta":
		return "hta"
	case "javascript", "ecmascript", "jscript":
		return "js"
	case "vbscript", "vbs":
		return "vbs"
	case "powershell":
		return "ps1"
	case "scriptlet":
		return "sct"
	case "ms-shortcut", "mswinshortcut":
		return "lnk"
	case "mswinurl", "internet-shortcut":
		return "url"
	case "desktop":
		return "desktop"
	case "java-archive":
		return "jar"
	case "java-jnlp-file":
		return "jnlp"
	case "msi", "ms-installer":
		return "msi"
	case "ms-application":
		return "application"
	case "appinstaller":
		return "appinstaller"
	case "ms-xbap":
		return "xbap"
	case "vnd.ms-htmlhelp", "chm":
		return "chm"
	case "winhlp":
		return "hlp"
	case "onenote":
		return "one"
	case "iso9660-image", "cd-image":
		return "iso"
	case "apple-diskimage":
		return "dmg"
	case "apple-aspen-config":
		return "mobileconfig"
	case "windows-library+xml":
		return "library-ms"
	case "windows-search-connector+xml":
		return "searchconnector-ms"
	case "vnd.android.package-archive":
		return "apk"
	case "shockwave-flash":
		return "swf"
	}
	return ""
}
