package message

import (
	"io"
	"mime"
	"strings"
)

// decodeWords undoes RFC 2047 encoded words. QUIRK: section 5 forbids them in
// parameters; every client reads them there.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	d := mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		return toUTF8(r, charset), nil
	}}
	out, err := d.DecodeHeader(s)
	if err != nil {
		return s
	}
	return out
}

// decodeWordReadings returns s and, where encoded words stand in it, s decoded:
// as RFC 2047 section 6.2 has it, and as clients do with words that it forbids
// (blanks or bad base64 in them, no end).
func decodeWordReadings(s string) []string {
	if !strings.Contains(s, "=?") {
		return []string{s}
	}
	list := []string{decodeWords(s)}
	variants := []string{""}
	rest := s
	for {
		before, word, ok := strings.Cut(rest, "=?")
		f := strings.SplitN(word, "?", 3)
		if !ok || len(f) < 3 {
			break
		}
		text, after, _ := strings.Cut(f[2], "?=")
		if strings.Trim(before, " \t\r\n") == "" && variants[0] != "" {
			before = ""
		}
		var next []string
		for i, v := range charsetReadings(decodeWordText(f[1], text), f[0]) {
			next = append(next, variants[min(i, len(variants)-1)]+before+v)
		}
		variants, rest = next, after
	}
	for _, v := range variants {
		list = append(list, v+rest)
	}
	return list
}

// decodeWordText undoes B or Q, tolerantly.
func decodeWordText(encoding, text string) string {
	var r io.Reader
	if strings.EqualFold(strings.TrimSpace(encoding), "b") {
		r = &base64Reader{r: strings.NewReader(text)}
	} else {
		r = &quotedReader{r: strings.NewReader(strings.ReplaceAll(text, "_", " "))}
	}
	out, _ := io.ReadAll(r) // a strings.Reader gives no error
	return string(out)
}

// charsetReadings decodes bytes from a charset. QUIRK: RFC 2781 section 4.3
// makes UTF-16 without a mark big-endian; Windows takes it for little-endian.
func charsetReadings(s, charset string) []string {
	list := []string{decodeCharset(s, charset)}
	if name := strings.ToLower(strings.Trim(charset, " \"'")); name == "utf-16" || name == "utf16" || name == "ucs-2" {
		list = append(list, decodeCharset(s, "utf-16be"), decodeCharset(s, "utf-16le"))
	}
	return list
}

func decodeCharset(s, charset string) string {
	text, err := io.ReadAll(toUTF8(strings.NewReader(s), charset))
	if err != nil {
		return s
	}
	return string(text)
}
