package message_test

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"qguard/scan/message"
)

// charsets are the labels of each charset with a sample in it.
var charsets = []struct {
	labels      string
	bytes, text string
}{
	{"iso-8859-1 latin1 latin-1 l1 windows-1252 iso-8859-1:1987 cp1252 ISO_8859-1", "\xe9\x80", "\u00e9\u20ac"},
	{"iso-8859-2 latin2 latin-2 l2", "\xb1\xa6", "\u0105\u015a"},
	{"iso-8859-3 latin3", "\xa1\xfe", "\u0126\u015d"},
	{"iso-8859-4 latin4", "\xa2\xfe", "\u0138\u016b"},
	{"iso-8859-5 cyrillic", "\xbf\xef", "\u041f\u044f"},
	{"iso-8859-6 iso-8859-6-e iso-8859-6-i arabic", "\xc7\xe4", "\u0627\u0644"},
	{"iso-8859-7 greek", "\xe1\xd9", "\u03b1\u03a9"},
	{"iso-8859-8 iso-8859-8-e iso-8859-8-i hebrew", "\xe0\xfa", "\u05d0\u05ea"},
	{"iso-8859-9 latin5 windows-1254", "\xfe\x80", "\u015f\u20ac"},
	{"iso-8859-10 latin6", "\xa1\xbd", "\u0104\u2015"},
	{"iso-8859-11 tis-620 windows-874", "\xa1\xdf", "\u0e01\u0e3f"},
	{"iso-8859-13 latin7", "\xc0\xff", "\u0104\u2019"},
	{"iso-8859-14 latin8", "\xa1\xd0", "\u1e02\u0174"},
	{"iso-8859-15 latin9 latin-9", "\xa4\xbd", "\u20ac\u0153"},
	{"iso-8859-16 latin10", "\xa4\xaa", "\u20ac\u0218"},
	{"windows-1250", "\x8a\xb9", "\u0160\u0105"},
	{"windows-1251 cp1251 cp-1251", "\xcf\xff", "\u041f\u044f"},
	{"windows-1253", "\xe1\x80", "\u03b1\u20ac"},
	{"windows-1255", "\xe0\xa4", "\u05d0\u20aa"},
	{"windows-1256", "\xc7\x81", "\u0627\u067e"},
	{"windows-1257", "\xc0\x80", "\u0104\u20ac"},
	{"windows-1258", "\xd0\xfe", "\u0110\u20ab"},
	{"windows-437 ibm437 cp437", "\x81\xe1", "\u00fc\u00df"},
	{"windows-850 ibm850", "\x81\xd5", "\u00fc\u0131"},
	{"windows-852 ibm852", "\xa5\x88", "\u0105\u0142"},
	{"windows-866 ibm866", "\x8f\xef", "\u041f\u044f"},
	{"koi8-r koi8 koi", "\xf0\xd1", "\u041f\u044f"},
	{"koi8-u", "\xf0\xa4", "\u041f\u0454"},
	{"macintosh mac mac-roman x-mac-roman", "\x8e\xdb", "\u00e9\u20ac"},
	{"mac-cyrillic x-mac-cyrillic", "\x8f\xdf", "\u041f\u044f"},
	{"iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 windows-50220 windows-50221 csiso2022jp", "\x1b$B%Q\x1b(B", "\u30d1"},
	{"euc-jp eucjp x-euc-jp", "\xa5\xd1", "\u30d1"},
	{"shift-jis shiftjis sjis ms-kanji windows-932 windows-31j shift_jis x-sjis", "\x83\x70", "\u30d1"},
	{"euc-kr euckr ks-c-5601-1987 ksc5601 ks-c-5601 windows-949 uhc ks_c_5601-1987", "\xb0\xa1", "\uac00"},
	{"gb18030 gbk gb2312 gb-2312 gb-2312-80 euc-cn windows-936 chinese x-gbk gb_2312-80", "\xc3\xdc\xc2\xeb", "\u5bc6\u7801"},
	{"hz-gb-2312 hz", "~{C\\Bk~}", "\u5bc6\u7801"},
	{"big5 big-5 big5-hkscs windows-950 cn-big5", "\xb1\x4b", "\u5bc6"},
	{"utf-16 utf16 unicode iso-10646-ucs-2 ucs-2", "\xfe\xff\x00h\x00i", "hi"},
	{"utf-16 utf16 unicode iso-10646-ucs-2 ucs-2", "\xff\xfeh\x00i\x00", "hi"},
	{"utf-16 utf16 unicode iso-10646-ucs-2 ucs-2 utf-16be unicodefffe", "\x00h\x00i", "hi"},
	{"utf-16be unicodefffe", "\xfe\xff\x00h\x00i", "hi"},
	{"utf-16be unicodefffe", "\xff\xfeh\x00i\x00", "hi"}, // the mark says more than the label
	{"utf-16le", "h\x00i\x00", "hi"},
	{"utf-16le", "\xff\xfeh\x00i\x00", "hi"},
	{"utf-16le", "\xfe\xff\x00h\x00i", "hi"},
	{"utf-16be", "\xd8\x3d\xde\x00\x00i", "\U0001f600i"},
	{"utf-16le", "h\x00\x3d\xd8i\x00", "h\ufffdi"}, // half a pair
	{"utf-16le", "h\x00i", "h\ufffd"},              // half a unit
	{"utf-32 utf-32be ucs-4", "\x00\x00\xfe\xff\x00\x00\x00h", "h"},
	{"utf-32 utf-32be ucs-4", "\x00\x00\x00h", "h"},
	{"utf-32 utf-32le", "\xff\xfe\x00\x00h\x00\x00\x00", "h"},
	{"utf-32le", "h\x00\x00\x00", "h"},
	{"windows-037 windows-37 ibm037 cp037 ebcdic-cp-us windows-1047 ibm1047 windows-1140 ibm1140 ibm01140", "\x81\x4b\x85\xa7\x85", "a.exe"},
	{"utf-7 utf7 unicode-1-1-utf-7 windows-65000", "a+AC4-exe", "a.exe"},
	{"utf-7", "+AGEALgBlAHgAZQ", "a.exe"},
	{"utf-7", "1 +- 1 +AOQ.+2D3eAA-b+", "1 + 1 \u00e4.\U0001f600b"},
	{"utf-7", "+2D0-a+3gA-+AA-\xff", "a\ufffd\xff"}, // halves of a pair, half a unit
	{"utf-8 us-ascii ascii x-unknown none cp65001", "h\xc3\xbc\xff", "h\u00fc\xff"},
}

func TestCharsets(t *testing.T) {
	for _, c := range charsets {
		for _, label := range strings.Fields(c.labels) {
			for _, form := range []string{label, strings.ToUpper(label), " " + label + "\t", `"` + label + `"`, "'" + label + "'", label + "*en"} {
				for name, feed := range chunked {
					got, err := io.ReadAll(message.ToUTF8(feed(strings.NewReader(c.bytes)), form))
					if err != nil || string(got) != c.text {
						t.Errorf("%q, fed %s: got %q, want %q, %v", form, name, got, c.text, err)
					}
				}
			}
		}
	}
	for _, label := range []string{"", "*", `"`, "cp", "x-", "iso-8859-99"} {
		if message.Lookup(label) != nil {
			t.Errorf("%q is a charset", label)
		}
	}
}

// TestCharsetsComplete holds the samples against the labels in the source.
func TestCharsetsComplete(t *testing.T) {
	source, err := os.ReadFile("charset.go")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, c := range charsets {
		have = append(have, strings.Fields(c.labels)...)
	}
	for _, line := range regexp.MustCompile(`(?m)^\tcase (".*"):$`).FindAllSubmatch(source, -1) {
		for label := range bytes.SplitSeq(line[1], []byte(", ")) {
			if name := strings.Trim(string(label), `"`); !slices.Contains(have, name) {
				t.Errorf("no sample for %s", name)
			}
		}
	}
}

// TestCharsetLong decodes a text longer than any buffer, with characters at
// every edge.
func TestCharsetLong(t *testing.T) {
	for _, c := range charsets {
		if strings.Contains(c.labels, "2022") || strings.Contains(c.text, "\ufffd") || strings.HasPrefix(c.labels, "utf") || strings.HasPrefix(c.labels, "hz") || strings.HasPrefix(c.labels, "windows-037") {
			continue // they have a state, or no ASCII
		}
		label, _, _ := strings.Cut(c.labels, " ")
		for pad := range 4 {
			in, want := strings.Repeat("x", pad)+strings.Repeat(c.bytes, 5000), strings.Repeat("x", pad)+strings.Repeat(c.text, 5000)
			if got, err := io.ReadAll(message.ToUTF8(strings.NewReader(in), label)); err != nil || string(got) != want {
				t.Errorf("%s after %d bytes: differs, %v", label, pad, err)
			}
		}
	}
}
