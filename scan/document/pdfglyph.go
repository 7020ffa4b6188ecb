package document

import (
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// encoding is what the codes of a simple font mean (ISO 32000-1, 9.6.6).
func (d *pdfFile) encoding(e pdfObject) []string {
	base := e.text
	if e.kind == pdfDict {
		base = d.member(e, "BaseEncoding").text
	}
	table := charmap.Windows1252
	if base == "MacRomanEncoding" {
		table = charmap.Macintosh
	}
	list := make([]string, 256)
	for i := range list {
		if i >= 32 {
			list[i] = string(table.DecodeByte(byte(i)))
		}
	}
	if base == "" { // of TeX's fonts, that have no other
		copy(list[11:], []string{"ff", "fi", "fl", "ffi", "ffl"})
	}
	i := 0
	for _, v := range d.member(e, "Differences").list {
		switch v.kind {
		case pdfNumber:
			i = int(v.int())
		case pdfName:
			if i >= 0 && i < 256 {
				list[i] = glyphText(v.text)
			}
			i++
		}
	}
	return list
}

// glyphText is what a glyph means by its name (Adobe Glyph List), "" when that
// is not known.
func glyphText(name string) string {
	name, _, _ = strings.Cut(name, ".")
	if len(name) == 1 {
		return name
	}
	if n := glyphIndex(glyphsASCII, name); n >= 0 {
		return string(rune(glyphsASCIIRunes[n]))
	}
	if n := glyphIndex(glyphsLatin, name); n >= 0 {
		return string(rune(0xa1 + n))
	}
	if n := glyphIndex(glyphsMore, name); n >= 0 {
		return strings.Fields(glyphsMoreText)[n]
	}
	hex, ok := strings.CutPrefix(name, "uni")
	if !ok {
		hex, ok = strings.CutPrefix(name, "u")
	}
	if v, err := strconv.ParseUint(hex, 16, 32); ok && err == nil && len(hex) >= 4 {
		return string(rune(v))
	}
	if strings.Contains(name, "_") { // f_i
		text := ""
		for _, piece := range strings.Split(name, "_") {
			if len(piece) == 1 {
				text += piece
			}
		}
		return text
	}
	return ""
}

// wordIndex is the place of a word in a list of words, -1 when it is not there.
func glyphIndex(list, word string) int {
	i := strings.Index(list, " "+word+" ")
	if i < 0 {
		return -1
	}
	return strings.Count(list[:i], " ")
}

const (
	glyphsASCIIRunes = " !\"#$%&'()*+,-./0123456789:;<=>?@[\\]^_`{|}~''--"
	glyphsASCII      = " space exclam quotedbl numbersign dollar percent ampersand quotesingle parenleft parenright asterisk plus comma " +
		"hyphen period slash zero one two three four five six seven eight nine colon semicolon less equal greater question at " +
		"bracketleft backslash bracketright asciicircum underscore grave braceleft bar braceright asciitilde quoteleft quoteright endash minus "
	glyphsLatin = " exclamdown cent sterling currency yen brokenbar section dieresis copyright ordfeminine guillemotleft logicalnot softhyphen " +
		"registered macron degree plusminus twosuperior threesuperior acute mu paragraph periodcentered cedilla onesuperior " +
		"ordmasculine guillemotright onequarter onehalf threequarters questiondown Agrave Aacute Acircumflex Atilde Adieresis " +
		"Aring AE Ccedilla Egrave Eacute Ecircumflex Edieresis Igrave Iacute Icircumflex Idieresis Eth Ntilde Ograve Oacute " +
		"Ocircumflex Otilde Odieresis multiply Oslash Ugrave Uacute Ucircumflex Udieresis Yacute Thorn germandbls agrave aacute " +
		"acircumflex atilde adieresis aring ae ccedilla egrave eacute ecircumflex edieresis igrave iacute icircumflex idieresis " +
		"eth ntilde ograve oacute ocircumflex otilde odieresis divide oslash ugrave uacute ucircumflex udieresis yacute thorn ydieresis "
	glyphsMore     = " quotedblleft quotedblright emdash bullet ellipsis Euro ff fi fl ffi ffl dotlessi Scaron scaron Zcaron zcaron OE oe Lslash lslash "
	glyphsMoreText = "\" \" \u2014 \u2022 ... \u20ac ff fi fl ffi ffl \u0131 \u0160 \u0161 \u017d \u017e \u0152 \u0153 \u0141 \u0142"
)
