package document

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"qguard/scan"
)

// marks gathers what is active in a document, each thing once.
type marks []error

func (m *marks) add(rule, note string) { m.flaw(&scan.Flaw{Rule: rule, Note: note}) }

func (m *marks) flaw(f *scan.Flaw) {
	if len(*m) >= 32 {
		return
	}
	for _, have := range *m {
		if *have.(*scan.Flaw) == *f {
			return
		}
	}
	*m = append(*m, f)
}

func (m *marks) err() error { return errors.Join(*m...) }

// openOffice judges one part of an Office Open XML or OpenDocument package, or
// a document in one XML file, and yields its text and the files in it.
func openOffice(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	found := &marks{}
	if p.Nest > 0 {
		judgeName(p, found)
	}
	head, err := p.Head()
	if err != nil {
		return found.err() // whoever looks at the content says so
	}
	root, ok := xmlRoot(head)
	if !ok || root != "" && !isOffice(root) {
		if p.Nest > 0 {
			judgeBinary(head, found)
		}
		return found.err()
	}
	if name := encodingOf(head); name != "" {
		found.flaw(cannotRead("XML in the encoding %s", name))
	}
	err = readOffice(p, b, yield, found, root)
	return errors.Join(found.err(), err)
}

// readOffice walks the XML: once where somebody reads the text, which tells
// the marks by the way; once more where files stand in it.
func readOffice(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error, found *marks, root string) error {
	read := false
	if root == "" || hasText(rootName(root)) {
		err := yield(&scan.Part{
			Path: p.Path, Types: []string{"text/plain"}, Depth: p.Depth, Nest: p.Nest,
			Text: func() (io.Reader, error) {
				o, err := newOffice(p, b, found)
				if err != nil {
					return nil, err
				}
				o.done = func() { read = true }
				return o, nil
			},
		})
		if err != nil {
			return err
		}
	}
	if read && !isFlat(root) {
		return nil
	}
	o, err := newOffice(p, b, found)
	if err != nil {
		return nil // as Head's
	}
	o.yield = yield
	for err == nil {
		o.out = o.out[:0]
		err = o.step()
	}
	if atEnd(err) {
		return nil
	}
	return err
}

// isOffice reports a root tag that declares a name space of office documents.
// HTML that an office program has written does so too.
func isOffice(root string) bool {
	if strings.EqualFold(rootName(root), "html") {
		return false
	}
	for _, space := range [...]string{
		"schemas.openxmlformats.org/", "purl.oclc.org/ooxml/", "schemas.microsoft.com/office/", "schemas.microsoft.com/visio/",
		"urn:schemas-microsoft-com:office:", "urn:oasis:names:tc:opendocument:", "openoffice.org/",
	} {
		if strings.Contains(root, space) {
			return true
		}
	}
	return false
}

func rootName(tag string) string {
	if i := strings.IndexAny(tag, " \t\r\n/"); i >= 0 {
		tag = tag[:i]
	}
	return tag[strings.LastIndexByte(tag, ':')+1:]
}

// hasText reports the root of a part that a reader sees.
func hasText(root string) bool {
	switch root {
	case "document", "hdr", "ftr", "footnotes", "endnotes", "comments", "glossaryDocument", // WordprocessingML; OpenDocument's flat form
		"sst", "worksheet", "macrosheet", "dialogsheet", "ThreadedComments", "wsDr", // SpreadsheetML
		"sld", "notes", "handoutMaster", "notesMaster", "sldMaster", "sldLayout", "cmLst", "dataModel", "chartSpace", // PresentationML, drawings
		"document-content", "document-styles", // OpenDocument
		"wordDocument", "Workbook": // Office 2003
		return true
	}
	return false
}

// isFlat reports the root tag of a file that may hold others in base64.
func isFlat(root string) bool {
	switch rootName(root) {
	case "document":
		return strings.Contains(root, "opendocument")
	case "package", "wordDocument", "VisioDocument", "":
		return true
	}
	return false
}

// judgeName knows the parts of packages that say enough by their name.
func judgeName(p *scan.Part, found *marks) {
	for _, name := range p.Names {
		name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
		dir, file := "", name
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			dir, file = name[:i], name[i+1:]
		}
		xmlOrBin := strings.HasSuffix(file, ".xml") || strings.HasSuffix(file, ".bin")
		switch {
		case file == "vbaproject.bin":
			found.add("xfile.macro", "VBA project")
		case strings.HasSuffix(dir, "xl/macrosheets") && xmlOrBin:
			found.add("xfile.macro", "Excel 4 macro sheet")
		case strings.HasSuffix(dir, "/activex") && strings.HasPrefix(file, "activex1.") && xmlOrBin:
			found.add("xfile.active", "ActiveX control") // the others are in the relations
		}
	}
}

// judgeBinary knows the external link of a binary workbook ([MS-XLSB] 2.4.194
// BrtBeginSupBook: record 360, its length, then 1 for DDE).
func judgeBinary(head []byte, found *marks) {
	if len(head) > 5 && head[0] == 0xe8 && head[1] == 0x02 {
		body := head[3:]
		if head[2]&0x80 != 0 {
			body = head[4:]
		}
		if body[0] == 1 && body[1] == 0 {
			found.add("xfile.active", "DDE link")
		}
	}
}

// newOffice opens a part for one walk.
func newOffice(p *scan.Part, b *scan.Budget, found *marks) (*officeXML, error) {
	head, _ := p.Head()
	r, err := p.Open()
	if err != nil {
		return nil, err
	}
	return &officeXML{x: newXML(utf8XML(&timedReader{r, b}, head)), p: p, b: b, found: found}, nil
}

// timedReader ends a long read with the message's time.
type timedReader struct {
	r io.Reader
	b *scan.Budget
}

func (t *timedReader) Read(p []byte) (int, error) {
	if err := t.b.Time(); err != nil {
		return 0, err
	}
	return t.r.Read(p)
}

// cannotRead is the flaw of a document that cannot be read to its end.
func cannotRead(format string, args ...any) *scan.Flaw {
	return &scan.Flaw{Rule: "xfile.unreadable", Note: fmt.Sprintf(format, args...)}
}
