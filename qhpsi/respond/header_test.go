package respond

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

func TestFields(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		name     string
		findings []scan.Finding
		want     string
	}{
		{"clean", nil, "X-QHPSI: clean\n"},
		{"passed", []scan.Finding{{Rule: "xfile.name", Name: "a"}}, "X-QHPSI: virus found\n"},
		{"tagged", []scan.Finding{{Rule: "header.x", Part: "1", Name: "a", Action: rules.Tag}}, "X-QHPSI: clean\nX-QGuard: header.x part=1 name=a\n"},
		{
			"quoted", []scan.Finding{{Rule: "virus.qhpsi", Part: "1/a b", Name: "\u00fc\r\nX: \"", Action: rules.Tag}},
			"X-QHPSI: virus found\nX-QGuard: virus.qhpsi part=\"1/a b\" name=\"\\u00fc\\\\r\\\\nX: \\\"\"\n",
		},
		{
			"folded", []scan.Finding{{Rule: "xfile.member", Part: "2/" + long[:60], Name: long[:70], Action: rules.Tag}},
			"X-QHPSI: virus found\nX-QGuard: xfile.member\n\tpart=2/" + long[:60] + "\n\tname=" + long[:70] + "\n",
		},
		{
			"two", []scan.Finding{{Rule: "header.a", Action: rules.Tag}, {Rule: "header.b", Action: rules.Tag}},
			"X-QHPSI: clean\nX-QGuard: header.a\nX-QGuard: header.b\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(Fields(c.findings)); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// FuzzFields has lines that every mail server takes, whatever the names are.
func FuzzFields(f *testing.F) {
	f.Add("2/a.zip/b", "c.exe", "k@x", "a@b")
	f.Add("\r\n\r\nbody", "\x00\xff\u202e", "\n", ",, \x7f")
	f.Add(strings.Repeat("\u00fc", 2000), strings.Repeat("\"", 2000), "", "")
	f.Fuzz(func(t *testing.T, part, name, forward, to string) {
		out := string(Fields([]scan.Finding{{Rule: "xfile.name", Part: part, Name: name, Action: rules.Tag}}))
		held := string(QuarantineID(forward, []string{to, to}))
		for line := range strings.Lines(out + held) {
			start := strings.HasPrefix(line, "X-QHPSI: ") || strings.HasPrefix(line, "X-QGuard: ") || strings.HasPrefix(line, "X-Quarantine-ID: ")
			if !start && !strings.HasPrefix(line, "\t") || len(strings.TrimSpace(line)) == 0 || !strings.HasSuffix(line, "\n") {
				t.Fatalf("line %q", line)
			}
			for _, b := range []byte(strings.Trim(line, "\t\n")) {
				if b < ' ' || b >= 0x7f {
					t.Fatalf("byte %#x in %q", b, line)
				}
			}
		}
		for line := range strings.Lines(out) {
			if len(line) > 999 {
				t.Fatalf("line of %d bytes", len(line))
			}
		}
	})
}

func TestQuarantineID(t *testing.T) {
	got := string(QuarantineID("k@x", []string{"a@b", "c d@e", "f,g@h", "\xff\n@i", strings.Repeat("x", 70)}))
	want := "X-Quarantine-ID: k@x,a@b,c?d@e,f?g@h,??@i,\n\t" + strings.Repeat("x", 70) + "\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func renamed(t testing.TB, in string) string {
	var out bytes.Buffer
	if err := CopyRenamed(&out, strings.NewReader(in), int64(len(in))); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCopyRenamed(t *testing.T) {
	edge := strings.Repeat("x", 16<<10-2)
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"nothing of ours", "A: b\n\nX-QHPSI: c", "A: b\n\nX-QHPSI: c"},
		{"all three", "X-QHPSI: a\nx-qguard:\nX-quarantine-ID\t:b", "X-Old-X-QHPSI: a\nX-Old-x-qguard:\nX-Old-X-quarantine-ID\t:b"},
		{"once more", "X-Old-X-QHPSI: a\n", "X-Old-X-QHPSI: a\n"},
		{"folded", "A: b\n X-QHPSI: c\n", "A: b\n X-QHPSI: c\n"},
		{"no colon", "X-QHPSI\n", "X-QHPSI\n"},
		{"CRLF ends the header", "A: b\r\n\r\nX-QHPSI: c\r\n", "A: b\r\n\r\nX-QHPSI: c\r\n"},
		{"body at once", "\nX-QHPSI: c\n", "\nX-QHPSI: c\n"},
		{"within a long line", edge + "\x01\x02X-QHPSI: a\nX-QHPSI: b\n", edge + "\x01\x02X-QHPSI: a\nX-Old-X-QHPSI: b\n"},
		{"newline within a long line", edge + "\x01\x02\nX-QHPSI: b\n", edge + "\x01\x02\nX-Old-X-QHPSI: b\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := renamed(t, c.in); got != c.want {
				t.Errorf("got  %.100q\nwant %.100q", got, c.want)
			}
		})
	}
	down := errors.New("down")
	if err := CopyRenamed(io.Discard, failing{down}, 100); !errors.Is(err, down) {
		t.Errorf("read error: %v", err)
	}
	if err := CopyRenamed(failing{down}, strings.NewReader("a\n\nb"), 4); !errors.Is(err, down) {
		t.Errorf("write error: %v", err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }
func (f failing) Write([]byte) (int, error)         { return 0, f.err }

// FuzzCopyRenamed takes our insertions out again and has the input; nothing of
// ours is left in the header.
func FuzzCopyRenamed(f *testing.F) {
	for _, s := range []string{"X-QHPSI: a\n\nb", "A: b\r\n\r\n", "x-qguard :\n\nX-QHPSI: c", "X-Old-X-QHPSI: a", "\n", "a\rX-QHPSI: b\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := renamed(t, in)
		var back strings.Builder
		inHeader, rest := true, in
		for line := range strings.Lines(out) {
			if inHeader && isOurs([]byte(line)) {
				t.Fatalf("%q is left in %q", line, out)
			}
			if was, cut := strings.CutPrefix(line, "X-Old-"); inHeader && cut && isOurs([]byte(was)) && strings.HasPrefix(rest, was) {
				line = was
			}
			if line == "\n" || line == "\r\n" {
				inHeader = false
			}
			back.WriteString(line)
			rest = strings.TrimPrefix(rest, line)
		}
		if back.String() != in {
			t.Fatalf("%q became %q", in, out)
		}
	})
}
