package message_test

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"qguard/scan/message"
)

// FuzzWords decodes header text and finds a name that somebody encoded, with
// anything in front of it.
func FuzzWords(f *testing.F) {
	f.Add("=?utf-8?q?a_b?= =?x?b?", "a.exe")
	f.Add("=?utf-16?b?AGE=?=", "\u00e9.exe")
	f.Add("=?utf-7*en?Q?+AGE-?=", " ")
	f.Add("=?", "?=")
	f.Fuzz(func(t *testing.T, before, name string) {
		if len(before)+len(name) > 1000 {
			return
		}
		if out := message.DecodeWords(before); len(out) > 8*len(before)+8 {
			t.Fatalf("%d bytes of %d", len(out), len(before))
		}
		if strings.Contains(before, "=?") || !utf8.ValidString(name) {
			return
		}
		word := "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(name)) + "?="
		if got := message.DecodeWords(before + " " + word); !strings.HasSuffix(got, name) {
			t.Errorf("%q, want %q at the end", got, name)
		}
	})
}

// FuzzCharset reads bytes in any charset: an end without an error, the same
// twice, bounded; and text of ASCII alone, in a charset that is not known, as it is.
func FuzzCharset(f *testing.F) {
	f.Add("utf-7", "+AGE-x+", uint8(3))
	f.Add("utf-16", "\xff\xfea\x00\x00\xd8", uint8(1))
	f.Add("iso-2022-jp", "\x1b$B%Q\x1b(B", uint8(2))
	f.Add("hz", "~{C\\Bk~}", uint8(1))
	f.Add("gb18030", "\x81\x30\x81", uint8(1))
	f.Add("utf-32", "\x00\x00\xfe\xff\x00\x11\x00\x00", uint8(4))
	f.Fuzz(func(t *testing.T, charset, text string, piece uint8) {
		whole, err := io.ReadAll(message.ToUTF8(strings.NewReader(text), charset))
		if err != nil {
			t.Fatalf("%s %q: %v", charset, text, err)
		}
		pieces, err := io.ReadAll(message.ToUTF8(&slow{text, int(piece)%7 + 1}, charset))
		if err != nil || string(pieces) != string(whole) {
			t.Errorf("%s %q: %q at once, %q in pieces, %v", charset, text, whole, pieces, err)
		}
		if len(whole) > 8*len(text)+8 {
			t.Errorf("%s: %d bytes of %d", charset, len(whole), len(text))
		}
		if message.Lookup(charset) == nil && string(whole) != text {
			t.Errorf("%s is not known, %q became %q", charset, text, whole)
		}
	})
}

// slow gives a text in pieces of n bytes.
type slow struct {
	text string
	n    int
}

func (s *slow) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	n := copy(p, s.text[:min(s.n, len(s.text))])
	s.text = s.text[n:]
	return n, nil
}
