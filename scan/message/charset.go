package message

import (
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// toUTF8 returns r's text as UTF-8. An unknown charset is left as it is: the
// ASCII in it, which is what logins are made of, can still be read.
func toUTF8(r io.Reader, charset string) io.Reader {
	if enc := lookup(charset); enc != nil {
		return wholeRunes{enc.NewDecoder().Reader(r)}
	}
	return r
}

// wholeRunes ends a text before a character that is cut off. QUIRK: x/text's
// decoder for UTF-32 makes an error of that, all others U+FFFD.
type wholeRunes struct{ r io.Reader }

func (w wholeRunes) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err == transform.ErrShortSrc {
		err = io.EOF
	}
	return n, err
}

// lookup finds a charset by the names mail uses for it; nil for ASCII, UTF-8
// and unknown ones. It is a switch because the IANA index of x/text costs half
// a million instructions at every start (performance notes, rule 6).
func lookup(charset string) encoding.Encoding {
	name, _, _ := strings.Cut(charset, "*") // a language may follow in encoded words, RFC 2231 section 5
	name = strings.ToLower(strings.Trim(strings.TrimSpace(name), `"'`))
	name = strings.ReplaceAll(name, "_", "-")
	name = strings.TrimPrefix(name, "x-")
	if n, ok := strings.CutPrefix(name, "cp"); ok {
		name = "windows-" + strings.TrimPrefix(n, "-")
	}
	name = strings.Replace(name, "iso8859", "iso-8859", 1)
	switch name {
	case "iso-8859-1", "latin1", "latin-1", "l1", "windows-1252", "iso-8859-1:1987":
		return charmap.Windows1252 // its superset, as clients read it
	case "iso-8859-2", "latin2", "latin-2", "l2":
		return charmap.ISO8859_2
	case "iso-8859-3", "latin3":
		return charmap.ISO8859_3
	case "iso-8859-4", "latin4":
		return charmap.ISO8859_4
	case "iso-8859-5", "cyrillic":
		return charmap.ISO8859_5
	case "iso-8859-6", "iso-8859-6-e", "iso-8859-6-i", "arabic":
		return charmap.ISO8859_6
	case "iso-8859-7", "greek":
		return charmap.ISO8859_7
	case "iso-8859-8", "iso-8859-8-e", "iso-8859-8-i", "hebrew":
		return charmap.ISO8859_8
	case "iso-8859-9", "latin5", "windows-1254":
		return charmap.Windows1254
	case "iso-8859-10", "latin6":
		return charmap.ISO8859_10
	case "iso-8859-11", "tis-620", "windows-874":
		return charmap.Windows874
	case "iso-8859-13", "latin7":
		return charmap.ISO8859_13
	case "iso-8859-14", "latin8":
		return charmap.ISO8859_14
	case "iso-8859-15", "latin9", "latin-9":
		return charmap.ISO8859_15
	case "iso-8859-16", "latin10":
		return charmap.ISO8859_16
	case "windows-1250":
		return charmap.Windows1250
	case "windows-1251":
		return charmap.Windows1251
	case "windows-1253":
		return charmap.Windows1253
	case "windows-1255":
		return charmap.Windows1255
	case "windows-1256":
		return charmap.Windows1256
	case "windows-1257":
		return charmap.Windows1257
	case "windows-1258":
		return charmap.Windows1258
	case "windows-437", "ibm437":
		return charmap.CodePage437
	case "windows-850", "ibm850":
		return charmap.CodePage850
	case "windows-852", "ibm852":
		return charmap.CodePage852
	case "windows-866", "ibm866":
		return charmap.CodePage866
	case "windows-037", "windows-37", "ibm037", "ebcdic-cp-us":
		return charmap.CodePage037
	case "windows-1047", "ibm1047":
		return charmap.CodePage1047
	case "windows-1140", "ibm1140", "ibm01140":
		return charmap.CodePage1140
	case "utf-7", "utf7", "unicode-1-1-utf-7", "windows-65000":
		return utf7{}
	case "koi8-r", "koi8", "koi":
		return charmap.KOI8R
	case "koi8-u":
		return charmap.KOI8U
	case "macintosh", "mac", "mac-roman":
		return charmap.Macintosh
	case "mac-cyrillic":
		return charmap.MacintoshCyrillic
	case "iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-2", "windows-50220", "windows-50221", "csiso2022jp":
		return japanese.ISO2022JP
	case "euc-jp", "eucjp":
		return japanese.EUCJP
	case "shift-jis", "shiftjis", "sjis", "ms-kanji", "windows-932", "windows-31j":
		return japanese.ShiftJIS
	case "euc-kr", "euckr", "ks-c-5601-1987", "ksc5601", "ks-c-5601", "windows-949", "uhc":
		return korean.EUCKR
	case "gb18030", "gbk", "gb2312", "gb-2312", "gb-2312-80", "euc-cn", "windows-936", "chinese":
		return simplifiedchinese.GB18030 // superset of the others
	case "hz-gb-2312", "hz":
		return simplifiedchinese.HZGB2312
	case "big5", "big-5", "big5-hkscs", "windows-950", "cn-big5":
		return traditionalchinese.Big5
	case "utf-16", "utf16", "unicode", "iso-10646-ucs-2", "ucs-2":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM) // RFC 2781 section 4.3
	case "utf-16be", "unicodefffe":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "utf-32", "utf-32be", "ucs-4":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	}
	return nil
}
