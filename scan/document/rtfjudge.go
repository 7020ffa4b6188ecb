package document

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"qguard/scan"
)

type rtfExtent struct{ from, to int64 }

// rtfJudge gathers what is active in an RTF document.
type rtfJudge struct {
	flaws   map[scan.Flaw]bool
	found   []error
	objects []rtfExtent // where the data of objects stands
	inside  bool        // in the last of them
	level   int         // groups around it, itself included
	digits  bool        // some of the object's data has come
	broken  bool        // an object's data is broken up
	short   []byte      // text of a class or a template
	field   rtfFieldCode
}

const rtfBroken = "object whose data is broken up"

// maxObjectsRTF is how many objects are kept in mind; the budget allows fewer.
const maxObjectsRTF = 1 << 16

func (j *rtfJudge) active(note string) { j.add("xfile.active", "RTF "+note) }

func (j *rtfJudge) add(rule, note string) {
	f := &scan.Flaw{Rule: rule, Note: note}
	if !j.flaws[*f] && len(j.found) < 50 {
		j.flaws[*f] = true
		j.found = append(j.found, f)
	}
}

// begin is told what the rest of a group is.
func (j *rtfJudge) begin(w *rtfWalk) {
	switch w.place {
	case rtfObject:
		if j.inside {
			j.active(rtfBroken)
			return
		}
		j.digits, j.broken = false, false
		if len(j.objects) < maxObjectsRTF {
			j.objects = append(j.objects, rtfExtent{from: w.pos})
			j.inside, j.level = true, w.depth()
		}
	case rtfClass, rtfTemplate:
		j.short = j.short[:0]
	case rtfField:
		j.field = rtfFieldCode{}
	}
}

// close is told of every closing brace.
func (j *rtfJudge) close(w *rtfWalk) {
	if j.inside && w.depth() < j.level {
		j.objects[len(j.objects)-1].to = w.pos
		j.inside = false
	}
}

// end is told that the text of a place is over.
func (j *rtfJudge) end(place rtfPlace) {
	switch place {
	case rtfObject:
		j.endObject()
	case rtfClass:
		if what := rtfDangerousClass(string(j.short)); what != "" {
			j.active("object of class " + what)
		}
	case rtfTemplate:
		if rtfRemote(string(j.short)) {
			j.add("xfile.link", "RTF template on another computer")
		}
	case rtfField:
		j.field.char(' ', j)
	}
}

func (j *rtfJudge) endObject() {
	if j.broken {
		j.active(rtfBroken)
	}
	j.broken = false
}

// group is told of an opening brace.
func (j *rtfJudge) group(w *rtfWalk) {
	if w.place == rtfObject && j.digits {
		j.broken = true
	}
}

// word is told of every control word. Nobody who writes an object's data puts
// one between the digits, but to hide them.
func (j *rtfJudge) word(w *rtfWalk, word string) {
	switch word {
	case "objupdate", "objautlink":
		j.active("object that updates itself")
	case "objocx":
		j.active("ActiveX control")
	case "objhtml":
		j.active("HTML control")
	}
	if w.place == rtfObject && word != "bin" && word != "objdata" {
		j.broken = true
		if j.digits {
			j.active(rtfBroken)
		}
	}
}

// char is told of every character.
func (j *rtfJudge) char(place rtfPlace, r rune) {
	switch place {
	case rtfObject:
		j.digits = j.digits || r < 0x80 && nibble(byte(r)) < 16
	case rtfClass, rtfTemplate:
		if len(j.short) < 1<<10 {
			j.short = utf8.AppendRune(j.short, r)
		}
	case rtfField:
		j.field.char(r, j)
	}
}

// rtfFieldCode reads the instruction of a field, a word at a time. Words that
// other fields make (QUOTE and numbers) count as if they stood there.
type rtfFieldCode struct {
	word   []byte
	quoted bool
	quote  bool // QUOTE came: numbers are characters
	link   bool // the instruction reads another file
	made   []byte
}

func (f *rtfFieldCode) char(r rune, j *rtfJudge) {
	switch {
	case r == '"' || r == '\u201c' || r == '\u201d':
		f.end(j)
		f.quoted = !f.quoted
	case r == ' ' || r == '\t' || r == '\n' || r == '\u00a0':
		f.end(j)
	case len(f.word) < 200:
		f.word = utf8.AppendRune(f.word, r)
	}
}

func (f *rtfFieldCode) end(j *rtfJudge) {
	word := string(f.word)
	f.word = f.word[:0]
	if word == "" {
		return
	}
	if f.link && rtfRemote(word) {
		j.add("xfile.link", "RTF field that reads a file on another computer")
	}
	if f.quoted {
		return
	}
	if f.quote {
		f.number(word)
	}
	switch word = strings.ToUpper(word); {
	case word == "DDE" || word == "DDEAUTO" || bytes.HasSuffix(f.made, []byte("DDE")):
		j.active("DDE field")
	case word == "QUOTE":
		f.quote = true
	case word == "INCLUDETEXT" || word == "INCLUDE" || word == "LINK":
		f.link = true
	}
}

// number takes a character of QUOTE.
func (f *rtfFieldCode) number(word string) {
	n := 0
	for _, c := range []byte(word) {
		if c < '0' || c > '9' || n > 255 {
			return
		}
		n = n*10 + int(c-'0')
	}
	if n > ' ' && n < 127 {
		f.made = append(f.made[max(0, len(f.made)-8):], bytes.ToUpper([]byte{byte(n)})...)
	}
}

// rtfRemote reports a target on another computer.
func rtfRemote(s string) bool {
	s = strings.ToLower(strings.Trim(s, "\" \t\r\n\x00"))
	s = strings.ReplaceAll(s, `\`, "/")
	for _, scheme := range []string{"http:", "https:", "ftp:", "ftps:", "//", "mhtml:", "ms-", "search-ms:", "webdav:", "dav:", "smb:"} {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	rest, ok := strings.CutPrefix(s, "file:")
	if !ok {
		return false
	}
	host := strings.TrimPrefix(rest, "//") // file://host/path, file:////host/path
	return strings.HasPrefix(rest, "//") && host != "" && !strings.HasPrefix(host, "localhost/") &&
		(host[0] != '/' || strings.HasPrefix(host, "//"))
}

// rtfDangerousClass returns which of the classes known from attacks this is, ""
// for others: the packager, equations, links, and controls that run script.
func rtfDangerousClass(class string) string {
	class = strings.ToLower(strings.TrimSpace(class))
	for _, known := range []string{"Package", "Equation", "OLE2Link", "htmlfile", "otkloadr", "MSComctlLib", "ShockwaveFlash",
		"scriptlet", "Shell.Explorer", "ScriptBridge", "Word.DocumentMacroEnabled", "Excel.SheetMacroEnabled"} {
		if strings.HasPrefix(class, strings.ToLower(known)) {
			return known
		}
	}
	return ""
}
