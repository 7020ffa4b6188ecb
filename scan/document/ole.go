package document

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"qguard/scan"
)

// ole judges one compound file.
type ole struct {
	*cfb
	p     *scan.Part
	yield func(*scan.Part) error
	found marks
}

// openOLE judges an OLE file by the names and classes of all its entries, in
// whatever storage, and by the streams it knows; files embedded are yielded.
func openOLE(p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	head, err := p.Head()
	if err != nil || !bytes.HasPrefix(head, []byte(oleMagic)) {
		return nil // whoever looks at the content says so
	}
	raw, err := p.Content(b)
	if err != nil {
		return err
	}
	c, err := readCFB(raw, b)
	defer c.release()
	o := &ole{cfb: c, p: p, yield: yield}
	if err == nil {
		err = o.judge()
	}
	return errors.Join(o.found.err(), err)
}

func (o *ole) judge() error {
	if o.broken != "" {
		empty, err := o.empty()
		if err != nil || empty {
			return err
		}
		if head, _ := o.p.Head(); !bytes.Contains(head, []byte(installerClass)) {
			o.found.flaw(cannotRead("damaged OLE file: no %s", o.broken))
		} // else the table of unsafe files decides, all of it
	}
	if o.odd && o.broken == "" {
		o.found.flaw(cannotRead("OLE file with small streams of another length"))
	}
	for i := range o.entries {
		if err := o.entryMarks(i); err != nil {
			return err
		}
	}
	if o.isMessage() {
		return o.message()
	}
	return nil
}

// empty reports a file of the magic number and zeros: nobody finds anything in it.
func (o *ole) empty() (bool, error) {
	r := bufio.NewReader(io.NewSectionReader(o.raw, int64(len(oleMagic)), o.raw.Size()))
	for {
		c, err := r.ReadByte()
		if err != nil || c != 0 {
			return err == io.EOF, systemError(err)
		}
	}
}

// entryMarks judges one entry of the directory.
func (o *ole) entryMarks(i int) error {
	e := &o.entries[i]
	if err := o.b.Time(); err != nil {
		return err
	}
	if e.kind != cfbStreams {
		if e.kind == cfbStorage || e.kind == cfbRoot {
			o.storage(e)
		}
		return nil
	}
	switch strings.ToLower(e.name) {
	case "_vba_project":
		o.found.add("xfile.macro", "VBA project")
	case "encryptedpackage":
		o.encrypted("encrypted Office document")
	case "\x09drmcontent":
		o.encrypted("document with rights management")
	case "equation native":
		o.equation(e)
	case "\x03ocxname", "\x03ocxdata":
		o.found.add("xfile.active", "ActiveX control")
	case "\x01compobj":
		return o.compObj(e)
	case "\x01ole":
		return o.link(e)
	case "\x01ole10native":
		return o.native(e)
	case "package", "contents", "embeddedodf":
		return o.member(e, e.name)
	case "workbook", "book":
		return o.note(judgeBIFF(o.stream(e, 0), &o.found))
	case "worddocument":
		return o.note(judgeWord(o.stream(e, 0), &o.found))
	case "current user":
		return o.currentUser(e)
	case "powerpoint document":
		return o.powerPoint(e)
	}
	return nil
}

// storage judges a storage by its name and class.
func (o *ole) storage(e *cfbEntry) {
	switch strings.ToLower(e.name) {
	case "vba", "macros", "_vba_project_cur":
		o.found.add("xfile.macro", "VBA project")
	}
	head, _ := o.p.Head()
	switch name := guid(e.class[:]); name {
	case "000C1084-0000-0000-C000-000000000046", "000C1086-0000-0000-C000-000000000046", "000C1082-0000-0000-C000-000000000046":
		// The look for unsafe files knows the first of them where it stands early.
		if string(e.class[:]) == installerClass && bytes.Contains(head, e.class[:]) {
			return
		}
		rule := "xfile.content"
		if o.p.Nest > 0 {
			rule = "xfile.member"
		}
		o.found.add(rule, "Windows installer")
	default:
		o.class(name)
	}
}

// installerClass is {000C1084-0000-0000-C000-000000000046}, the class of an MSI
// file; a patch and a transform have other ones.
const installerClass = "\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"

func (o *ole) class(name string) {
	if what := dangerous(name); what != "" {
		o.found.add("xfile.active", what)
	}
}

// equation judges the data of a formula. MathType writes the same stream and
// is another program.
func (o *ole) equation(e *cfbEntry) {
	const mathType = "0002CE03-0000-0000-C000-000000000046"
	if e.parent < 0 || guid(o.entries[e.parent].class[:]) != mathType {
		o.found.add("xfile.active", "Equation Editor object")
	}
}

func (o *ole) encrypted(note string) {
	o.found.flaw(&scan.Flaw{Rule: "xfile.encrypted", Note: note, Grave: true})
}

// note keeps what is wrong with a stream and goes on; a limit and trouble of
// the system end the file.
func (o *ole) note(err error) error {
	var flaw *scan.Flaw
	if errors.As(err, &flaw) && flaw.Rule == "xfile.unreadable" {
		o.found.flaw(flaw)
		return nil
	}
	return err
}

// begin reads the first bytes of a stream, fewer where it is shorter.
func (o *ole) begin(e *cfbEntry, max int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(o.stream(e, 0), int64(max)))
	return data, o.note(err)
}

// member yields a stream as an embedded file.
func (o *ole) member(e *cfbEntry, names ...string) error {
	return o.part(o.p.Member(names...), e, 0, e.size)
}

// part yields a part that is bytes of a stream.
func (o *ole) part(child *scan.Part, e *cfbEntry, from, size int64) error {
	if err := o.b.Member(); err != nil {
		return err
	}
	child.Open = func() (io.Reader, error) { return io.LimitReader(o.stream(e, from), size), nil }
	return o.yield(child)
}

// compObj judges the class in a \1CompObj stream ([MS-OLEDS] 2.3.8).
func (o *ole) compObj(e *cfbEntry) error {
	data, err := o.begin(e, 28)
	if len(data) == 28 {
		o.class(guid(data[12:]))
	}
	return err
}

// Classes of monikers as they stand in a file, all of it or its end.
const (
	urlMoniker    = "\xe0\xc9\xea\x79\xf9\xba\xce\x11\x8c\x82\x00\xaa\x00\x4b\xa9\x0b"
	fileMoniker   = "\x03\x03\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
	scriptMoniker = "\xaa\x48\xd2\x11\x84\x32\x00\x60\x08\xc3\xfb\xfc" // 06290BDn
	soapMoniker   = "\x19\x7f\xd2\x11\x97\x8e\x00\x00\xf8\x75\x7e\x2a" // and "new"
)

// link judges a \1Ole stream ([MS-OLEDS] 2.3.3): the monikers of a linked
// object, by their class and what they name.
func (o *ole) link(e *cfbEntry) error {
	data, err := o.begin(e, 64<<10)
	if bytes.Contains(data, []byte(scriptMoniker)) || bytes.Contains(data, []byte(soapMoniker)) {
		o.found.add("xfile.active", "script object")
	}
	if _, url, ok := bytes.Cut(data, []byte(urlMoniker)); ok {
		// Its length stands before it, or not.
		if isRemote(fromUTF16(url)) || len(url) > 4 && isRemote(fromUTF16(url[4:])) {
			o.found.add("xfile.link", "remote object")
		}
	}
	if _, path, ok := bytes.Cut(data, []byte(fileMoniker)); ok {
		if bytes.Contains(path, []byte(`\\`)) || bytes.Contains(path, []byte("\\\x00\\\x00")) {
			o.found.add("xfile.link", "remote object")
		}
	}
	return err
}
