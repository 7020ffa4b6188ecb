package document

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"qguard/scan"
)

// pdfCalls reports a dictionary that judgement has to look at.
func pdfCalls(v *pdfValue) bool {
	for i, key := range v.keys {
		item := &v.list[i]
		switch key {
		case "JS", "EF", "XFA", "JavaScript", "OnInstantiate", "OpenAction":
			return true
		case "S":
			if item.kind == pdfRef || item.kind == pdfName && (item.text == "Launch" || item.text == "RichMediaExecute") {
				return true
			}
		case "Type", "Subtype":
			if item.kind == pdfName && (item.text == "EmbeddedFile" || item.text == "RichMedia" || item.text == "Flash") {
				return true
			}
		}
	}
	return false
}

// judge looks at the dictionaries that pdfCalls named, now that what they refer
// to can be found. In the first round file specifications name files and scripts
// declare functions; in the second come the files that nothing names, and what
// the scripts do with the functions.
func (d *pdfFile) judge() error {
	var failed error
	for d.round = range 2 {
		for _, place := range d.marks {
			if err := d.b.Time(); err != nil {
				return err
			}
			var o pdfObject
			top, ok := d.load(&d.lexer, place, func(v *pdfValue) {
				o = pdfObject{pdfValue: *v, id: -1, gen: -1, place: place}
				if failed == nil {
					failed = d.dict(d.owner(o, place))
				}
			})
			if ok && d.round == 1 && failed == nil && top.stream > 0 && top.is("Type", "EmbeddedFile") && !d.judged[seenFile|top.id] {
				failed = d.embedded([]string{fmt.Sprintf("object %d", top.id)}, []pdfObject{top})
			}
			if failed != nil {
				return failed
			}
		}
	}
	if d.opens && !d.acts {
		d.flaw("xfile.active", "PDF JavaScript: runs on opening")
	}
	return nil
}

// owner gives a dictionary the numbers of the object it stands in, which its
// strings are encrypted with.
func (d *pdfFile) owner(o pdfObject, place pdfPlace) pdfObject {
	if place&pdfPacked != 0 || d.crypt == nil {
		return o
	}
	var before [64]byte
	off := int64(place)
	start := max(0, off-int64(len(before)))
	n, _ := d.raw.ReadAt(before[:off-start], start)
	if n > 3 {
		o.id, o.gen = pdfNumberBefore(before[:n-3])
	}
	return o
}

// dict judges one dictionary.
func (d *pdfFile) dict(o pdfObject) error {
	var failed error
	keep := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	for _, key := range []string{"JS", "OnInstantiate"} {
		o.all(key, func(v pdfValue) { keep(d.code(o.at(v), o.has("S") || key != "JS")) })
	}
	o.all("JavaScript", func(v pdfValue) { keep(d.formData(o.at(v))) })
	if d.round > 0 {
		return failed
	}
	o.all("OpenAction", func(v pdfValue) { // by itself it only turns to a page
		d.resolve(o.at(v), func(action pdfObject) {
			if action.is("S", "GoToR") || action.is("S", "GoToE") {
				d.elsewhere(action)
			}
			if !action.is("S", "JavaScript") {
				return
			}
			action.all("JS", func(v pdfValue) {
				d.resolve(action.at(v), func(s pdfObject) {
					text, _ := d.string(s) // code meets the error again
					d.opens = d.opens || !onlyPrints(text)
				})
			})
		})
	})
	o.all("S", func(v pdfValue) {
		d.resolve(o.at(v), func(s pdfObject) {
			switch {
			case s.kind == pdfName && s.text == "Launch":
				d.flaw("xfile.active", "PDF action that starts a program")
			case s.kind == pdfName && s.text == "RichMediaExecute":
				d.flaw("xfile.active", "PDF with Flash or other rich media")
			}
		})
	})
	if o.is("Subtype", "RichMedia") || o.is("Subtype", "Flash") {
		d.flaw("xfile.active", "PDF with Flash or other rich media")
	}
	o.all("XFA", func(v pdfValue) { keep(d.xfa(o.at(v))) })
	o.all("EF", func(v pdfValue) { keep(d.filespec(o, o.at(v))) })
	return failed
}

// elsewhere notes a go-to that leads to another computer by itself: a viewer on
// Windows logs in there.
func (d *pdfFile) elsewhere(action pdfObject) {
	for _, key := range []string{"F", "UF"} {
		action.all(key, func(v pdfValue) {
			d.resolve(action.at(v), func(file pdfObject) {
				for _, name := range []string{"F", "UF"} {
					file.all(name, func(v pdfValue) {
						d.resolve(file.at(v), func(s pdfObject) { d.remote(s) })
					})
				}
				d.remote(file)
			})
		})
	}
}

func (d *pdfFile) remote(file pdfObject) {
	if name, _ := d.string(file); isRemote(name) {
		d.flaw("xfile.link", "PDF that opens a file on another computer")
	}
}

// onlyPrints reports a script that opens the print dialog and does no more.
func onlyPrints(text string) bool {
	text = strings.TrimPrefix(strings.TrimSpace(text), "this.")
	return strings.HasPrefix(text, "print(") && strings.Count(text, "(") == 1
}

// code judges a script in a string or a stream. Where the dictionary around it
// is no action, a picture may have that key as its name.
func (d *pdfFile) code(v pdfObject, action bool) error {
	var failed error
	as := seenScript
	if action {
		as = seenAction
	}
	if d.round > 0 {
		as |= seenAgain
	}
	if v.kind == pdfRef && d.seen(as, int64(v.num)) {
		return nil
	}
	d.resolve(v, func(s pdfObject) {
		if failed != nil || s.stream > 0 && !action && s.has("Subtype") {
			return
		}
		if d.locked {
			d.acts = true
			d.flaw("xfile.active", "PDF JavaScript: encrypted")
			return
		}
		var text string
		text, failed = d.string(s)
		if text == "" {
			return
		}
		if d.round == 0 {
			scriptFunctionsOf(text, d.own)
			return
		}
		if why := scriptDanger(text, d.own); why != "" {
			d.acts = true
			d.flaw("xfile.active", "PDF JavaScript: "+why)
		}
	})
	return failed
}

// string is the text of a string, or of a stream as far as a harmless script
// goes. What cannot be unpacked is noted.
func (d *pdfFile) string(s pdfObject) (string, error) {
	switch {
	case s.kind == pdfString:
		text := s.text
		if d.crypt != nil && s.place&pdfPacked == 0 {
			text = d.crypt.text(text, s.id, s.gen)
		}
		if s.cut {
			text += strings.Repeat(" ", maxPDFScript)
		}
		return pdfText(text), nil
	case s.stream > 0:
		r, err := d.unpack(s)
		if err == nil {
			var data []byte
			data, err = io.ReadAll(io.LimitReader(&pdfSound{r}, maxPDFScript+1))
			if err == nil {
				return pdfText(string(data)), nil
			}
		}
		return "", d.note(err)
	}
	return "", nil
}

// note keeps a flaw as a finding of this file; any other error is returned.
func (d *pdfFile) note(err error) error {
	var flaw *scan.Flaw
	if errors.As(err, &flaw) {
		d.add(flaw)
		return nil
	}
	return err
}

// formData judges the scripts that form data brings along (ISO 32000-1,
// 12.7.7.2); in a PDF itself the key leads to a tree of actions.
func (d *pdfFile) formData(v pdfObject) error {
	var failed error
	d.resolve(v, func(o pdfObject) {
		for _, key := range []string{"Before", "After", "AfterPermsReady"} {
			o.all(key, func(v pdfValue) { failed = errors.Join(failed, d.code(o.at(v), true)) })
		}
		doc := d.member(o, "Doc")
		for _, v := range doc.list {
			failed = errors.Join(failed, d.code(o.at(v), true))
		}
	})
	return failed
}

// What an object was seen to as.
const (
	seenScript int64 = iota << 32
	seenAction
	seenForm
	seenFile
	seenAgain int64 = 1 << 40
)

// seen reports whether an object was seen to before, and remembers it as far as
// memory is worth it: to judge it again does no harm.
func (d *pdfFile) seen(as, num int64) bool {
	key := as | num&maxPDFNum
	if d.judged[key] {
		return true
	}
	if len(d.judged) < 1<<16 {
		d.judged[key] = true
	}
	return false
}

// pdfText decodes a text string (ISO 32000-1, 7.9.2): UTF-16 or UTF-8 behind a
// mark, else PDFDocEncoding, which is Latin-1 where it matters here.
func pdfText(s string) string {
	switch {
	case strings.HasPrefix(s, "\xfe\xff"), strings.HasPrefix(s, "\xff\xfe"):
		out, _ := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().String(s)
		return out
	case strings.HasPrefix(s, "\xef\xbb\xbf"):
		return s[3:]
	}
	if utf8.ValidString(s) { // QUIRK: written without the mark
		return s
	}
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}
