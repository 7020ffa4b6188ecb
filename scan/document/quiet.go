package document

import (
	"bytes"
	"io"
	"strings"

	"qguard/scan"
)

// maxQuiet is how many bytes of HTML are asked whether they are quiet.
const maxQuiet = 512 << 10

// quiet reports that nothing in an HTML part can be active and nothing is kept
// in it, so that it need not be taken apart: no element that runs something, no
// event handler, no scheme but those of ordinary links, no letter written as a
// number, no long run of base64. Nearly all letters and newsletters are so, and a
// look at their signs costs a twentieth of reading their markup. When in doubt it
// is not quiet; FuzzQuiet holds it to that.
func quiet(p *scan.Part) bool {
	head, err := p.Head()
	if _, ok := wide(head); ok || err != nil {
		return false
	}
	text := head
	if len(head) >= scan.HeadSize {
		r, err := p.Open()
		if err != nil {
			return false
		}
		if text, err = io.ReadAll(io.LimitReader(r, maxQuiet)); err != nil || len(text) == maxQuiet {
			return false
		}
	}
	return quietTags(text) && quietSigns(text, '=', startsHandler) && quietSigns(text, ':', endsScheme) && quietSigns(text, '&', startsReference)
}

// quietTags looks at what follows each "<", and at the long stretches without.
func quietTags(text []byte) bool {
	for last := 0; ; {
		i := bytes.IndexByte(text[last:], '<')
		next := last + i
		if i < 0 {
			next = len(text)
		}
		if next-last >= minText && longRun(text[last:next]) {
			return false
		}
		if i < 0 {
			return true
		}
		last = next + 1
		for _, name := range [...]string{"script", "object", "applet", "embed", "hta:", "svg", "math", "noscript"} {
			if len(text)-last >= len(name) && text[last]|0x20 == name[0] && strings.EqualFold(string(text[last:last+len(name)]), name) {
				return false
			}
		}
	}
}

// longRun reports a stretch that may be base64, blanks not counted.
func longRun(text []byte) bool {
	n := 0
	for _, c := range text {
		switch {
		case isBase64(c):
			n++
		case !isBlank(c):
			n = 0
		}
		if n >= minText {
			return true
		}
	}
	return false
}

// quietSigns asks about every place where a sign stands.
func quietSigns(text []byte, sign byte, loud func(text []byte, at int) bool) bool {
	for at := 0; ; at++ {
		i := bytes.IndexByte(text[at:], sign)
		if i < 0 {
			return true
		}
		if at += i; loud(text, at) {
			return false
		}
	}
}

// startsHandler reports an equals sign behind a word that may be the name of an
// event handler, or of an attribute that holds markup.
func startsHandler(text []byte, at int) bool {
	for at > 0 && text[at-1] <= ' ' {
		at--
	}
	end := at
	for at > 0 && text[at-1] > ' ' && bytes.IndexByte([]byte(`"'/<>=`), text[at-1]) < 0 && end-at < 64 {
		at--
	}
	word := text[at:end]
	if i := bytes.LastIndexByte(word, ':'); i >= 0 {
		word = word[i+1:]
	}
	return len(word) > 2 && word[0]|0x20 == 'o' && word[1]|0x20 == 'n' || strings.EqualFold(string(word), "srcdoc")
}

// endsScheme reports a colon behind the name of a scheme that is not ordinary.
func endsScheme(text []byte, at int) bool {
	var name [12]byte
	n := len(name)
	for at--; at >= 0 && n > 0; at-- {
		c := text[at]
		if c <= ' ' {
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != '-' && (c < 'a' || c > 'z') {
			break
		}
		n--
		name[n] = c
	}
	word := string(name[n:])
	for _, scheme := range [...]string{"data", "script", "blob", "msdt", "search-ms", "appinstaller", "officecmd", "its", "mk", "shell", "hcp", "mhtml", "ms-search"} {
		if strings.HasSuffix(word, scheme) {
			return true
		}
	}
	return false
}

// startsReference reports a character reference for what needs none: ASCII, or
// what is dropped from a URL.
func startsReference(text []byte, at int) bool {
	rest := text[at+1 : min(len(text), at+16)]
	if len(rest) == 0 || rest[0] != '#' {
		for _, name := range [...]string{"colon", "Tab", "NewLine"} {
			if bytes.HasPrefix(rest, []byte(name)) {
				return true
			}
		}
		return false
	}
	digits, base := rest[1:], 10
	if len(digits) > 0 && digits[0]|0x20 == 'x' {
		digits, base = digits[1:], 16
	}
	value := 0
	for i, c := range digits {
		d := hexDigit(c)
		if d < 0 || d >= base {
			return i > 0 && value < 0x80
		}
		if value = value*base + d; value >= 0x80 {
			return false
		}
	}
	return true // so many zeros
}
