package xfile

import "qguard/scan"

// label returns why a part without any name is unsafe by its media type: a mail
// client makes up a name and takes the extension from the type. Scripts for web
// pages are left out, since saved pages are full of them.
func (t table) label(p *scan.Part) string {
	if len(p.Names) > 0 || p.Nest > 0 {
		return ""
	}
	for _, mediaType := range p.Types {
		if extension := typical(mediaType); extension != "" {
			if why := t.blocked(extension); why != "" {
				return mediaType + ": " + why
			}
		}
	}
	return ""
}

// typical returns the extension that files of a media type get, "" for those
// that are of no interest here (IANA media types, Windows' MIME data base).
func typical(mediaType string) string {
	switch mediaType {
	case "application/x-msdownload", "application/x-msdos-program", "application/x-dosexec", "application/x-exe",
		"application/x-ms-dos-executable", "application/vnd.microsoft.portable-executable":
		return "exe"
	case "application/x-msi", "application/x-ms-installer":
		return "msi"
	case "application/hta":
		return "hta"
	case "application/x-ms-shortcut":
		return "lnk"
	case "application/x-mswinurl", "application/internet-shortcut", "text/x-url":
		return "url"
	case "application/java-archive", "application/x-java-archive":
		return "jar"
	case "application/x-java-jnlp-file":
		return "jnlp"
	case "application/java-vm", "application/x-java-vm":
		return "class"
	case "application/x-ms-application":
		return "application"
	case "application/x-ms-xbap":
		return "xbap"
	case "application/vnd.ms-htmlhelp":
		return "chm"
	case "text/scriptlet":
		return "sct"
	case "text/vbscript", "text/vbs":
		return "vbs"
	case "application/x-bat", "application/bat":
		return "bat"
	case "application/appinstaller":
		return "appinstaller"
	case "application/msix", "application/vnd.ms-appx":
		return "msix"
	case "application/vnd.android.package-archive":
		return "apk"
	case "application/x-apple-diskimage":
		return "dmg"
	case "application/x-iso9660-image":
		return "iso"
	case "application/x-shockwave-flash":
		return "swf"
	}
	return ""
}
