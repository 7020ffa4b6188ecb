package document

import (
	"bytes"
	"strings"

	"qguard/scan"
)

// officeXML walks the XML of an office document. It is a reader of the text.
type officeXML struct {
	x     *xmlScanner
	p     *scan.Part
	b     *scan.Budget
	found *marks
	yield func(*scan.Part) error // nil: files in the XML are passed over
	done  func()                 // called at the end, when set

	root  string
	odf   bool
	text  bool // of this root
	out   []byte
	ready []byte
	err   error

	collect   byte // what the text here is: see the constants; 0: nothing
	collected []byte
	at        int // depth of its element
	run       int // WordprocessingML's runs open
	para      int // OpenDocument's paragraphs open
	skip      int // depth of the element whose text is no text; 0: none
	value     bool
	fields    fields

	part      string // of a flat package
	encrypted bool
	whole     bool // no member's name can be seen
	basic     bool
}

// What text is collected for.
const (
	shown       = 't' // to be read
	instruction = 'i' // of a field
	formulaText = 'f'
	module      = 'm' // of Basic
)

// maxCollected is how many bytes of an instruction, formula or module are
// looked at. Excel's formulas have 8192 characters at most.
const maxCollected = 16 << 10

// Read gives the text.
func (o *officeXML) Read(p []byte) (int, error) {
	for len(o.ready) == 0 {
		if o.err != nil {
			if o.done != nil && atEnd(o.err) {
				o.done()
			}
			return 0, o.err
		}
		o.out = o.out[:0]
		for o.err == nil && len(o.out) < 4096 {
			o.err = o.step()
		}
		o.ready = o.out
	}
	n := copy(p, o.ready)
	o.ready = o.ready[n:]
	return n, nil
}

// step takes a token.
func (o *officeXML) step() error {
	if err := o.x.next(); err != nil {
		if atEnd(err) {
			o.finish()
		}
		return err
	}
	switch o.x.kind {
	case xmlText:
		o.characters(unescape)
	case xmlCDATA:
		o.characters(func(out, src []byte) []byte { return append(out, src...) })
	case xmlStart:
		return o.start()
	case xmlEnd:
		o.end()
	}
	return nil
}

func (o *officeXML) characters(appendTo func(out, src []byte) []byte) {
	switch {
	case o.skip > 0:
	case o.collect == shown, o.odf && o.para > 0 && o.text:
		o.out = appendTo(o.out, o.x.text)
	case o.collect != 0 && len(o.collected) < maxCollected:
		o.collected = appendTo(o.collected, o.x.text)
		o.collected = bytes.TrimLeft(o.collected, " \t\r\n")
	}
}

// take collects the text of the element that begins here.
func (o *officeXML) take(what byte) {
	if o.collect == 0 {
		o.collect, o.at = what, o.x.depth
		o.collected = o.collected[:0]
	}
}

// start takes a start tag.
func (o *officeXML) start() error {
	name := o.x.name
	if o.x.depth == 1 && o.root == "" {
		o.root = string(name)
		o.odf = bytes.Contains(unescape(nil, o.x.text), []byte("opendocument")) || bytes.Contains(o.x.text, []byte("openoffice.org"))
		o.text = hasText(o.root) && (o.odf || o.root != "document-content")
		o.rootMarks()
	}
	if o.root == "package" {
		return o.flatPart()
	}
	switch string(name) {
	case "binData", "binary-data", "VBProjectData":
		return o.flatData()
	}
	if o.odf {
		o.startODF()
		return nil
	}
	switch string(name) {
	case "t", "text", "Data":
		if o.text {
			o.take(shown)
		}
	case "r":
		o.run++
	case "tab", "ptab":
		o.mark(o.run > 0, '\t')
	case "br", "cr":
		o.mark(o.run > 0, '\n')
	case "noBreakHyphen":
		o.mark(o.run > 0, '-')
	case "c":
		o.value = o.x.attr("t") == "str"
	case "v":
		if o.value && o.text {
			o.take(shown)
		}
	default:
		o.startMarks()
	}
	return nil
}

// mark writes a character of the text where it belongs to it.
func (o *officeXML) mark(here bool, c byte) {
	if o.text && here {
		o.out = append(o.out, c)
	}
}

// end takes an end tag.
func (o *officeXML) end() {
	if o.x.depth < o.skip {
		o.skip = 0
	}
	if o.collect != 0 && o.x.depth < o.at {
		o.collectedMarks()
		o.collect = 0
	}
	if !o.text {
		return
	}
	switch string(o.x.name) {
	case "r":
		o.run = max(0, o.run-1)
	case "text":
		o.mark(!o.odf, '\n')
	case "p", "si", "h", "tr", "row", "table-row", "comment", "Row":
		if o.odf && (string(o.x.name) == "p" || string(o.x.name) == "h") {
			o.para = max(0, o.para-1)
		}
		o.out = append(o.out, '\n')
	case "tc", "c", "table-cell", "Cell":
		o.out = append(o.out, '\t')
	}
}

// rootMarks judges what the root alone says.
func (o *officeXML) rootMarks() {
	switch o.root {
	case "macrosheet":
		o.found.add("xfile.macro", "Excel 4 macro sheet")
	case "customUI":
		if isRemote(o.x.attr("onLoad")) {
			o.found.add("xfile.link", "remote code for the ribbon")
		}
	case "wordDocument":
		if o.x.attr("macrosPresent") == "yes" {
			o.found.add("xfile.macro", "VBA project")
		}
		if o.x.attr("ocxPresent") == "yes" {
			o.found.add("xfile.active", "ActiveX control")
		}
	}
}

// startMarks judges an element of Office Open XML that is not text.
func (o *officeXML) startMarks() {
	switch string(o.x.name) {
	case "Relationship":
		o.relationship()
	case "Override", "Default":
		judgeType(o.x.attr("ContentType"), o.found)
	case "fldChar":
		switch o.x.attr("fldCharType") {
		case "begin":
			o.fields.begin()
		case "separate":
			o.fields.check(o.found)
		case "end":
			o.fields.end(o.found)
		}
	case "fldSimple":
		judgeField(o.x.attr("instr"), o.found)
	case "instrText":
		o.take(instruction)
	case "f", "definedName", "formula", "formula1", "formula2":
		o.take(formulaText)
	case "Cell", "NamedRange": // Office 2003
		if f := o.x.attr("Formula") + o.x.attr("RefersTo"); ddeFormula(f, false) {
			o.found.add("xfile.active", "DDE formula")
		}
	case "ddeLink":
		o.found.add("xfile.active", "DDE link")
	case "hlinkClick", "hlinkMouseOver", "hlinkHover":
		action := strings.ToLower(o.x.attr("action"))
		if strings.HasPrefix(action, "ppaction://program") {
			o.found.add("xfile.active", "action that runs a program")
		}
	}
}

// collectedMarks judges what has been collected.
func (o *officeXML) collectedMarks() {
	switch o.collect {
	case instruction:
		o.fields.add(o.collected)
	case formulaText:
		if ddeFormula(string(o.collected), o.odf) {
			o.found.add("xfile.active", "DDE formula")
		}
	case module:
		if len(o.collected) > 0 {
			o.found.add("xfile.macro", "Basic module")
		}
	}
}

// finish judges what only the end shows.
func (o *officeXML) finish() {
	for len(o.fields.stack) > 0 {
		o.fields.end(o.found)
	}
	if o.encrypted {
		o.found.flaw(&scan.Flaw{Rule: "xfile.encrypted", Note: "encrypted OpenDocument file", Grave: o.whole})
	}
	if o.encrypted && o.basic {
		o.found.add("xfile.macro", "Basic module")
	}
	if o.x.entities {
		o.found.flaw(cannotRead("document declares entities"))
	}
}
