package document

// act does what a control word says.
func (w *rtfWalk) act(word string, value int, have, star bool) {
	if w.judge != nil {
		w.judge.word(w, word)
	}
	if text := rtfMark(word); text != "" {
		w.mark(text)
		return
	}
	if word != "u" && w.skip > 0 && word != "bin" {
		w.skip--
	}
	switch word {
	case "u":
		w.unicode(value)
	case "uc":
		w.uc = uint8(max(0, min(value, 255)))
	case "bin":
		w.bin(value)
	case "ansicpg":
		w.page0, w.page = uint16(value), uint16(value)
	case "mac":
		w.page0, w.page = 10000, 10000
	case "pc":
		w.page0, w.page = 437, 437
	case "pca":
		w.page0, w.page = 850, 850
	case "f":
		w.setFont(value)
	case "plain":
		w.page = w.page0
	case "fcharset":
		if w.place == rtfFonts && len(w.fonts) < 4096 {
			if w.fonts == nil {
				w.fonts = map[int]uint16{}
			}
			w.fonts[w.font] = rtfPage(value)
		}
	default:
		if place, known := rtfDestination(word); known {
			if w.judge != nil && place == rtfObject && have {
				w.judge.active(rtfBroken) // digits that some take for a parameter
			}
			w.enter(place)
		} else if star && w.place != rtfObject {
			w.enter(rtfSkip)
		}
	}
}

// enter makes the rest of the group something else than text. What is skipped
// stays so, but for objects, fields and templates, which some readers find
// wherever they stand.
func (w *rtfWalk) enter(place rtfPlace) {
	if w.place == rtfSkip && (place == rtfBody || place == rtfFonts) {
		return
	}
	w.place = place
	if w.judge != nil {
		w.judge.begin(w)
	}
}

func (w *rtfWalk) setFont(n int) {
	if w.place == rtfFonts {
		w.font = n
		return
	}
	w.page = w.page0
	if page := w.fonts[n]; page != 0 {
		w.page = page
	}
}

// unicode takes \u and lets the characters that stand for it go by.
func (w *rtfWalk) unicode(value int) {
	r := rune(uint16(value))
	w.skip = int(w.uc)
	if w.judge != nil {
		w.judge.char(w.place, r)
	}
	if w.text != nil && w.place == rtfBody {
		w.text.unit(uint16(r))
	}
}

// rtfDestination says what the text of a group is that begins with this word.
func rtfDestination(word string) (place rtfPlace, known bool) {
	switch word {
	case "objdata":
		return rtfObject, true
	case "objclass":
		return rtfClass, true
	case "fldinst":
		return rtfField, true
	case "template":
		return rtfTemplate, true
	case "fonttbl":
		return rtfFonts, true
	case "shpinst", "shptxt", "ud", "annotation", "footnote", "shppict", "result", "fldrslt", "background":
		return rtfBody, true // though some are marked with \*
	case "colortbl", "stylesheet", "info", "pict", "nonshppict", "themedata", "colorschememapping", "datastore", "latentstyles",
		"listtable", "listoverridetable", "revtbl", "rsidtbl", "generator", "xmlnstbl", "pgptbl", "filetbl", "datafield",
		"formfield", "bkmkstart", "bkmkend", "sp", "pnseclvl", "htmltag", "mhtmltag", "wgrffmtfilter", "mmathPr",
		"atnid", "atnauthor", "atndate", "atnref", "panose", "falt", "tc", "xe":
		return rtfSkip, true
	}
	return 0, false
}

// rtfMark is the text that a control word stands for.
func rtfMark(word string) string {
	switch word {
	case "par", "line", "sect", "page", "row", "nestrow", "softline", "column":
		return "\n"
	case "tab", "cell", "nestcell":
		return "\t"
	case "emdash", "endash":
		return "-"
	case "bullet":
		return "\u2022"
	case "lquote", "rquote":
		return "'"
	case "ldblquote", "rdblquote":
		return `"`
	case "emspace", "enspace", "qmspace":
		return " "
	}
	return ""
}

// rtfPage is the code page of a font's character set.
func rtfPage(charset int) uint16 {
	switch charset {
	case 77:
		return 10000
	case 128:
		return 932
	case 129:
		return 949
	case 134:
		return 936
	case 136:
		return 950
	case 161:
		return 1253
	case 162:
		return 1254
	case 163:
		return 1258
	case 177:
		return 1255
	case 178:
		return 1256
	case 186:
		return 1257
	case 204:
		return 1251
	case 222:
		return 874
	case 238:
		return 1250
	case 254:
		return 437
	case 255:
		return 850
	}
	return 0 // the document's own
}
