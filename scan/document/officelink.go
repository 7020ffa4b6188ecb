package document

import (
	"strings"
)

// relationship judges a line of a package's relations (ISO/IEC 29500-2 section
// 9.3). Its type's last word is the same in the transitional and the strict
// form. Linked workbooks are ordinary business and fetched only on demand.
func (o *officeXML) relationship() {
	kind := strings.ToLower(o.x.attr("Type"))
	kind = kind[strings.LastIndexByte(kind, '/')+1:]
	what := ""
	switch kind {
	case "xlmacrosheet", "xlintlmacrosheet":
		o.found.add("xfile.macro", "Excel 4 macro sheet")
		return
	case "attachedtemplate":
		what = "template"
	case "control":
		o.found.add("xfile.active", "ActiveX control")
		return
	case "oleobject", "package":
		if !strings.Contains(o.p.Name(), "charts/") {
			what = "object" // a chart's data are fetched when its reader asks for them
		}
	case "frame":
		what = "frame"
	case "subdocument", "afchunk", "officedocument", "slidemaster":
		what = "document"
	}
	if what != "" && isRemote(o.x.attr("Target")) {
		o.found.add("xfile.link", "remote "+what)
	}
}

// judgeType judges a content type of a package. Every binary workbook is
// called macroEnabled.
func judgeType(t string, found *marks) {
	t = strings.ToLower(t)
	switch {
	case strings.Contains(t, "macrosheet"):
		found.add("xfile.macro", "Excel 4 macro sheet")
	case strings.Contains(t, "vbaproject"):
		found.add("xfile.macro", "VBA project")
	case strings.Contains(t, "macroenabled") && !strings.Contains(t, "sheet.binary.macroenabled"):
		found.add("xfile.macro", "document type with macros")
	}
}

// isRemote reports a target that is fetched from another machine: a URL, a UNC
// path, a file URL with a host, any protocol handler.
func isRemote(target string) bool {
	target = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToLower(target))
	target = strings.ReplaceAll(target, `\`, "/")
	if rest, ok := strings.CutPrefix(target, "//"); ok {
		if device, ok := strings.CutPrefix(rest, "?/"); ok {
			return strings.HasPrefix(device, "unc/")
		}
		return rest != "" && !strings.HasPrefix(rest, "./") && !isDrive(rest)
	}
	scheme, rest, ok := strings.Cut(target, ":")
	if !ok || len(scheme) < 2 || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return false
	}
	switch {
	case strings.HasPrefix(scheme, "vnd.sun.star."), scheme == "mailto":
		return false
	case scheme != "file":
		return true
	}
	path := strings.TrimLeft(rest, "/")
	slashes := len(rest) - len(path)
	host, _, _ := strings.Cut(path, "/")
	return (slashes == 2 || slashes > 3) && host != "" && host != "localhost" && host != "." && host != "?" && !isDrive(path)
}

// isDrive reports a path that begins with a drive letter.
func isDrive(path string) bool {
	return len(path) > 1 && (path[1] == ':' || path[1] == '|')
}

// startODF takes a start tag of OpenDocument (version 1.3, part 3).
func (o *officeXML) startODF() {
	x := o.x
	switch string(x.name) {
	case "p", "h":
		o.para++
	case "s":
		o.mark(o.para > 0, ' ')
	case "tab", "tab-stop":
		o.mark(o.para > 0, '\t')
	case "line-break":
		o.mark(o.para > 0, '\n')
	case "table-cell":
		if ddeFormula(x.attr("formula"), true) {
			o.found.add("xfile.active", "DDE formula")
		}
	case "dde-source", "dde-connection-decl":
		o.found.add("xfile.active", "DDE link")
	case "object", "object-ole", "section-source", "floating-frame", "plugin", "applet", "table-source", "cell-range-source":
		if isRemote(x.attr("href")) {
			o.found.add("xfile.link", "remote "+string(x.name))
		}
	case "event-listener", "event":
		if x.attr("macro-name") != "" && x.attr("location") != "application" {
			o.found.add("xfile.macro", "event that runs a macro")
		}
		if x.attr("action") == "execute" {
			o.found.add("xfile.active", "action that runs a program")
		}
	case "module", "source-code":
		o.take(module)
	case "file-entry":
		o.manifest(x.attr("full-path"))
	case "encryption-data":
		o.encrypted = true
	}
	if runsMacro(strings.ToLower(x.attr("href"))) {
		o.found.add("xfile.macro", "event that runs a macro")
	}
}

// runsMacro reports the URL of a macro: any but those that come with the
// program, in Basic, as its own templates call them.
func runsMacro(url string) bool {
	own := strings.Contains(url, "language=basic") && strings.Contains(url, "location=application") && !strings.Contains(url, "..")
	return strings.HasPrefix(url, "macro:") || strings.HasPrefix(url, "vnd.sun.star.script:") && !own
}

// manifest takes the name of a member of an OpenDocument package.
func (o *officeXML) manifest(name string) {
	dir := strings.HasSuffix(name, "/")
	switch {
	case name == "encrypted-package":
		o.whole = true
	case strings.HasPrefix(name, "Scripts/") && !dir:
		o.found.add("xfile.macro", "script "+name[strings.LastIndexByte(name, '/')+1:])
	case strings.HasPrefix(name, "Basic/") && !dir && !strings.HasSuffix(name, "script-lb.xml") && !strings.HasSuffix(name, "script-lc.xml"):
		o.basic = true
	}
}
