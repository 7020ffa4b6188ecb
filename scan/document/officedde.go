package document

import (
	"bytes"
	"strings"
)

// maxField is how many bytes of a field's instruction are looked at: its name
// comes first.
const maxField = 4 << 10

// fields puts the instructions of WordprocessingML's fields together, which
// come in pieces and stand in one another (ISO/IEC 29500-1 section 17.16.18).
type fields struct{ stack [][]byte }

func (f *fields) begin() {
	if len(f.stack) < 64 {
		f.stack = append(f.stack, nil)
	}
}

func (f *fields) add(text []byte) {
	if len(f.stack) == 0 {
		f.begin()
	}
	top := &f.stack[len(f.stack)-1]
	if len(*top) < maxField {
		*top = append(*top, text...)
	}
}

func (f *fields) check(found *marks) {
	if len(f.stack) > 0 {
		judgeField(string(f.stack[len(f.stack)-1]), found)
	}
}

func (f *fields) end(found *marks) {
	f.check(found)
	if len(f.stack) > 0 {
		f.stack = f.stack[:len(f.stack)-1]
	}
}

// judgeField judges the instruction of a field.
func judgeField(text string, found *marks) {
	text = strings.TrimLeft(text[:min(len(text), maxField)], " \t\r\n\"'\u00a0")
	upper := strings.ToUpper(text)
	end := strings.IndexFunc(upper, func(r rune) bool { return r < 'A' || r > 'Z' })
	if end < 0 {
		end = len(upper)
	}
	switch name := upper[:end]; {
	case name == "DDE" || strings.Contains(upper, "DDEAUTO"):
		found.add("xfile.active", "DDE field")
	case name == "LINK" || name == "INCLUDETEXT" || name == "INCLUDE":
		for _, word := range strings.Fields(text) {
			word = strings.ReplaceAll(strings.Trim(word, `"`), `\\`, `\`)
			// A path begins with two backslashes, each written twice; a
			// switch with one.
			if strings.HasPrefix(word, `\\`) || !strings.HasPrefix(word, `\`) && isRemote(word) {
				found.add("xfile.link", "field of a remote document")
			}
		}
	}
}

// ddeFormula reports a formula that asks another program: "cmd|'/c calc'!A1" in
// Excel, DDE("cmd";...) in OpenDocument, whose | divides the rows of an array.
func ddeFormula(f string, odf bool) bool {
	if strings.IndexByte(f, '|') < 0 && !containsFold(f, "dde") {
		return false
	}
	brackets := 0
	for i := 0; i < len(f); i++ {
		switch c := f[i]; c {
		case '"', '\'':
			n := strings.IndexByte(f[i+1:], c)
			if n < 0 {
				return false
			}
			i += n + 1
		case '[':
			brackets++
		case ']':
			brackets--
		case '|':
			if !odf && i > 0 && brackets <= 0 {
				return true
			}
		case 'd', 'D':
			word := f[i:min(len(f), i+3)]
			alone := i == 0 || !isWord(f[i-1])
			if alone && strings.EqualFold(word, "dde") && strings.HasPrefix(strings.TrimLeft(f[i+3:], " \t\r\n"), "(") {
				return true
			}
		}
	}
	return false
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c >= 0x80
}

func containsFold(s, lower string) bool {
	return bytes.Contains(bytes.ToLower([]byte(s)), []byte(lower))
}
