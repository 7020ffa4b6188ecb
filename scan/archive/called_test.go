package archive_test

import (
	"archive/tar"
	"slices"
	"strings"
	"testing"

	"qguard/rules"
)

// TestCalled is an archive behind another file's bytes, under a name whose
// program looks for it there.
func TestCalled(t *testing.T) {
	hidden := zipped(t, member{"a.exe", program})
	text := tarred(t, tar.Header{Name: "a.txt", Size: 5})
	rar := rar5(rarEntry{name: "a.exe", data: program})
	two := zipped(t, member{"a.txt", "hello"}, member{"a.exe", program})
	for _, c := range []struct {
		name, file, data string
		want             string // a member that must be there, "" for none
	}{
		{"tar, then ZIP", "a.zip", text + hidden, "a.exe: program"},
		{"tar, then ZIP, as tar", "a.tar", text + hidden, ""},
		{"gzip, then ZIP", "a.zip", gzipped(t, "", "hello") + hidden, "a.exe: program"},
		{"text, then ZIP, as a document", "a.docx", "hello" + hidden, "a.exe: program"},
		{"spoilt mark, as a document", "a.xlsx", "PK\x00\x00" + two[4:], "a.exe: program"},
		{"text, then ZIP, as text", "a.txt", "hello" + hidden, ""},
		{"ZIP, then RAR", "a.rar", zipped(t, member{"a.txt", "hello"}) + rar, "a.exe: program"},
		{"tar, then RAR", "a.7z", text + rar, "a.exe: program"},
		{"ZIP, then RAR, as ZIP", "a.zip", zipped(t, member{"a.txt", "hello"}) + rar, ""},
		{"another document", "a.docx", "{\\rtf1 hello}", ""},
		{"no directory", "a.docx", "hello" + strings.Repeat("x", 100) + hidden[len(hidden)-22:], ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			members, _, v := open(t, c.file, c.data, rules.Limit{})
			if c.want != "" && !slices.Contains(members, c.want) {
				t.Errorf("members %q, want %q; %v", members, c.want, v)
			}
			if c.want == "" && slices.Contains(members, "a.exe: program") {
				t.Errorf("members %q", members)
			}
		})
	}
}

// TestTars is an archive behind the end of another.
func TestTars(t *testing.T) {
	a, b := tarred(t, tar.Header{Name: "a", Size: 5}), tarred(t, tar.Header{Name: "b", Size: 5})
	for _, c := range []struct {
		name, data string
		want       int
	}{
		{"one", a, 1},
		{"two", a + b, 2},
		{"many blocks of zeros between", a + strings.Repeat("\x00", 40960) + b, 2},
		{"three", a + b + a, 3},
		{"other bytes behind it", a + strings.Repeat("x", 2000), 1},
		{"less than a block behind it", a + b[:100], 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			members, found, _ := open(t, "a.dat", c.data, rules.Limit{})
			if len(members) != c.want || len(found) > 0 {
				t.Errorf("members %q, found %q; want %d members", members, found, c.want)
			}
		})
	}
}

// TestUnlisted are archives whose members stay unseen.
func TestUnlisted(t *testing.T) {
	zeros := strings.Repeat("\x00", 60)
	for name, data := range map[string]string{
		"ZOO": "ZOO 2.10 Archive.\x1a\x00\x00\xdc\xa7\xc4\xfd" + zeros, "StuffIt": "SIT!\x00\x01\x00\x00\x00\x99rLau\x01" + zeros,
		"StuffIt 5": "StuffIt (c)1997-2002 Aladdin Systems" + zeros, "FreeArc": "ArC\x01" + zeros, "RZIP": "RZIP\x02\x01" + zeros,
		"LRZIP": "LRZI\x00\x06" + zeros, "SZDD": "SZDD\x88\xf0\x27\x33A\x00" + zeros, "KWAJ": "KWAJ\x88\xf0\x27\xd1" + zeros, "RAR recovery": "Rar!\x1aRev" + zeros,
	} {
		if _, found, _ := open(t, "a.dat", data, rules.Limit{}); !slices.Equal(found, []string{"xfile.unreadable 1"}) {
			t.Errorf("%s: found %q", name, found)
		}
	}
	if _, found, _ := open(t, "a.exe.br", "\x0b\x02\x80abc\x03", rules.Limit{}); !slices.Contains(found, "xfile.member 1/a.exe.br/a.exe") || !slices.Contains(found, "xfile.unreadable 1/a.exe.br/a.exe") {
		t.Errorf("Brotli: found %q", found)
	}
}
