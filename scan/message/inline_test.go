package message_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/message"
)

// payload is 300 bytes of every value, and no text.
var payload = func() string {
	b := make([]byte, 300)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return string(b)
}()

// trim cuts the blanks at the end of each line.
func trim(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return out.String()
}

// each changes every line.
func each(s string, change func(string) string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		out.WriteString(change(strings.TrimSuffix(line, "\n")) + "\n")
	}
	return out.String()
}

// TestInline is what stands encoded in a text.
func TestInline(t *testing.T) {
	evil := []found{{path: "1/evil.exe", names: "evil.exe", data: payload}}
	named := func(name string) []found { return []found{{path: "1/" + name, names: name, data: payload}} }
	blanks := strings.ReplaceAll(uu("evil.exe", payload), "`", " ")
	zeros := "MZ" + strings.Repeat("\x00", 200)
	body := uuLines(uuAlphabet, payload)
	for _, c := range []struct {
		name, text string
		want       []found
	}{
		{"uuencode", uu("evil.exe", payload), evil},
		{"behind prose", "Here it is:\n\n" + uu("evil.exe", payload) + "\nBye\n", evil},
		{"two files", uu("evil.exe", payload) + "and\n" + uu("b", "hello"), append(evil, found{path: "1/b", names: "b", data: "hello"})},
		{"blank for zero", blanks, evil},
		{"blanks at the end cut", trim(strings.ReplaceAll(uu("evil.exe", zeros), "`", " ")), []found{{path: "1/evil.exe", names: "evil.exe", data: zeros}}},
		{"no end", "begin 644 evil.exe\n" + body, evil},
		{"no end, text behind", "begin 644 evil.exe\n" + body + "\nRegards, a friend\n", evil},
		{"no line of no bytes", "begin 644 evil.exe\n" + body + "end\n", evil},
		{"line of no bytes is a blank", "begin 644 evil.exe\n" + body + " \nend\n", evil},
		{"checksums", each(uu("evil.exe", payload), func(l string) string {
			if len(l) > 50 {
				return l + "#"
			}
			return l
		}), evil},
		{"no padding", strings.Replace(uu("evil.exe", payload[:271]), "````", "``", 1), []found{{path: "1/evil.exe", names: "evil.exe", data: payload[:271]}}},
		{"lower case letters count modulo 64", strings.ToLower(body[:0]) + "begin 644 evil.exe\n" + strings.NewReplacer("!", "a", "#", "c").Replace(body) + "end\n", evil},
		{"CRLF", strings.ReplaceAll(uu("evil.exe", payload), "\n", "\r\n"), evil},
		{"CR", strings.ReplaceAll("Hello\n\n"+uu("evil.exe", payload), "\n", "\r"), evil},
		{"CR in a line", "Hello\rbegin 644 evil.exe\n" + body, evil},
		{"CR in a line, then another", "Hello\rbegin 644 evil.exe\n" + body + "end\n" + uu("b", "hello"), append(evil, found{path: "1/b", names: "b", data: "hello"})},
		{"name with blanks", uu("my  evil file.exe", payload), named("my  evil file.exe")},
		{"quoted name", uu(`"evil.exe"`, payload), evil},
		{"more blanks", "begin  0644   evil.exe\n" + body, evil},
		{"long mode", "begin 100644 evil.exe\n" + body, evil},
		{"no mode", "begin evil.exe\n" + body + "end\n", evil},
		{"no mode, two blanks", "begin  evil.exe\n" + body, evil},
		{"no name", "begin 644\n" + body, []found{{path: "1/uuencode", data: payload}}},
		{"encoded name", uu("=?utf-8?Q?e=76il.exe?=", payload), []found{{path: "1/=?utf-8?Q?e=76il.exe?=", names: "=?utf-8?Q?e=76il.exe?=|evil.exe", data: payload}}},
		{"8-bit name", uu("\xe9vil.exe", payload), []found{{path: `1/\xe9vil.exe`, names: "\xe9vil.exe", data: payload}}},
		{"blank lines", "begin 644 evil.exe\n\n" + strings.ReplaceAll(body, "\n", "\n\n"), evil},
		{"section marks", "begin 644 evil.exe\n" + body[:124] + "section 1 of 2 of file evil.exe\nsum -r/size 1/2\n\n" + body[124:], evil},
		{"in a reply", each(uu("evil.exe", payload), func(l string) string { return "> " + l }), evil},
		{"empty file", "begin 644 evil.exe\n`\nend\n", []found{{path: "1/evil.exe", names: "evil.exe"}}},
		{"rubbish before the data", "begin 644 evil.exe\nyes, it is\n" + body, evil},
		{"begin twice", "begin 644 a\nbegin 644 evil.exe\n" + body, []found{{path: "1/evil.exe", names: "evil.exe|a", data: payload}}},
		{"base64", "begin-base64 644 evil.exe\n" + wrap(in64(payload), 60, "\n") + "\n====\nBye\n", evil},
		{"base64, name in base64", "begin-base64-encoded 644 ZXZpbC5leGU=\n" + in64(payload) + "\n====\n",
			[]found{{path: "1/evil.exe", names: "evil.exe|ZXZpbC5leGU=", data: payload}}},
		{"xxencode", xx("evil.exe", payload), evil},
		{"uuencode behind many windows", strings.Repeat("Some prose to fill the window.\n", 3000) + uu("evil.exe", payload), evil},
		{"behind a line longer than a window", strings.Repeat("x", 3*message.FindWindow) + "\n" + uu("evil.exe", payload), evil},
		{"NUL before it", "a\x00b\n" + uu("evil.exe", payload), evil},

		{"prose", "begin 644 people would come,\nwe hoped. But then\nTHE END\n", nil},
		{"more prose", "begin with that\n\nA B C\n", nil},
		{"prose about a mode", "begin 644 file\nis how such a file begins.\nend\n", nil},
		{"prose to the end", "begin 644 file", nil},
		{"not at the start of a line", "x begin 644 evil.exe\n" + body, nil},
		{"beginning", "beginning 644 evil.exe\n" + body, nil},
		{"Pascal", "begin\n  writeln('HELLO');\nend\n", nil},

		{"yEnc", yenc("evil.exe", payload), evil},
		{"yEnc behind prose", "Here:\n" + yenc("my evil file.exe", payload) + "Bye\n", named("my evil file.exe")},
		{"yEnc without end", "=ybegin line=128 size=300 name=evil.exe\n" + yencLines(payload), evil},
		{"yEnc with a wrong size", strings.ReplaceAll(yenc("evil.exe", payload), "=300", "=7"), evil},
		{"yEnc, CRLF", strings.ReplaceAll(yenc("evil.exe", payload), "\n", "\r\n"), evil},
		{"yEnc, dots", "=ybegin line=128 size=128 name=d\n." + yencLines(strings.Repeat("\x04", 128)) + "=yend\n",
			[]found{{path: "1/d", names: "d", data: strings.Repeat("\x04", 128)}}},
		{"yEnc, dots that are data", yenc("d", "\x04\x04\x04"), []found{{path: "1/d", names: "d", data: "\x04\x04\x04"}}},
		{"yEnc in pieces", yencPiece(1, 2, "evil.exe", payload, 0, 200) + yencPiece(2, 2, "evil.exe", payload, 200, 300), evil},
		{"yEnc in pieces, last first", yencPiece(2, 2, "evil.exe", payload, 200, 300) + "text\n" + yencPiece(1, 2, "evil.exe", payload, 0, 200), evil},
		{"two yEncs", yenc("evil.exe", payload) + yenc("b", "hello"), append(evil, found{path: "1/b", names: "b", data: "hello"})},
		{"prose of yEnc", "=ybegin is how it begins\n=yend\n", nil},

		{"BinHex", hqx("evil.exe", payload, ""), evil},
		{"BinHex behind prose", "Here:\n\n" + hqx("evil.exe", payload, "") + "\nBye\n", evil},
		{"BinHex, other banner", strings.Replace(hqx("evil.exe", payload, ""), banner, "(Convert with BinHex 4.0)\n\n", 1), evil},
		{"BinHex, resource fork too", hqx("evil.exe", payload, "icons"), evil},
		{"BinHex, resource fork alone", hqx("evil.exe", "", payload), evil},
		{"BinHex, runs", hqx("z", zeros+"\x90\x90\x90", ""), []found{{path: "1/z", names: "z", data: zeros + "\x90\x90\x90"}}},
		{"BinHex without last colon", strings.TrimRight(hqx("evil.exe", payload, ""), ":\n") + "\n", evil},
		{"BinHex, other lines", banner + strings.ReplaceAll(strings.ReplaceAll(hqx("evil.exe", payload, ""), "\n", ""), banner[:len(banner)-1], ""), evil},
		{"BinHex, short first line", strings.Replace(hqx("evil.exe", payload, ""), "\n:", "\n\n:\n", 1), evil},
		{"BinHex in a reply", each(hqx("evil.exe", payload, ""), func(l string) string { return "> " + l }), evil},
		{"BinHex, Mac name", hqx("\x8e.exe", payload, ""), []found{{path: `1/\x8e.exe`, names: "\x8e.exe|\u00e9.exe", data: payload}}},
		{"BinHex without banner", strings.TrimPrefix(hqx("evil.exe", payload, ""), banner), nil},
		{"prose of BinHex", banner + "is what stands there\n:-)\n:-(((((\n", nil},

		{"all three", yenc("a", "hello") + uu("b", "hello") + hqx("c", "hello", ""),
			[]found{{path: "1/a", names: "a", data: "hello"}, {path: "1/b", names: "b", data: "hello"}, {path: "1/c", names: "c", data: "hello"}}},
		{"one in another", uu("a", uu("b", "hello")), []found{{path: "1/a", names: "a", data: uu("b", "hello")}, {path: "1/a/b", names: "b", data: "hello"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, v := within(t, text, c.text, rules.Limit{})
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(found{})); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if len(v.Findings) > 0 {
				t.Errorf("findings %v", v.Findings)
			}
			if len(c.text) < 2000 {
				prefixes(t, text, c.text)
			}
		})
	}
}

// TestInlineParts says in which parts is looked.
func TestInlineParts(t *testing.T) {
	for _, c := range []struct {
		name    string
		part    scan.Part
		content string
		want    int
	}{
		{"octet-stream", scan.Part{Types: []string{"application/octet-stream"}}, uu("a", "hello"), 1},
		{"a lie", scan.Part{Types: []string{"image/jpeg"}, Names: []string{"a.jpg"}}, uu("a", "hello"), 1},
		{"binary", scan.Part{Types: []string{"image/jpeg"}}, "\xff\xd8\x00\n" + uu("a", "hello"), 0},
		{"binary with a name", scan.Part{Names: []string{"a.UUE"}}, "\x00\n" + uu("a", "hello"), 1},
		{"member of an archive", scan.Part{Nest: 1, Names: []string{"a.txt"}}, uu("a", "hello"), 0},
		{"message in an archive", scan.Part{Nest: 1, Types: []string{"text/plain"}}, uu("a", "hello"), 1},
		{"encoded member of an archive", scan.Part{Nest: 1, Names: []string{"a.uue"}}, uu("a", "hello"), 1},
		{"BinHex without banner", scan.Part{Types: []string{"application/mac-binhex40"}}, strings.TrimPrefix(hqx("a", "hello", ""), banner), 1},
		{"BinHex by name", scan.Part{Names: []string{"a.hqx"}}, strings.TrimPrefix(hqx("a", "hello", ""), banner), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, v := within(t, c.part, c.content, rules.Limit{})
			if len(got) != c.want || len(v.Findings) > 0 {
				t.Errorf("files %v, findings %v; want %d files", got, v.Findings, c.want)
			}
		})
	}
}

// TestInlineLimits meets the number of parts and the depth exactly and crosses
// them by one.
func TestInlineLimits(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Parts, limit.Depth = 5, 4
	nested := func(n int) string {
		s := "core"
		for range n {
			s = uu("a", s)
		}
		return s
	}
	for _, c := range []struct {
		name, text string
		files      int
		rule       string
	}{
		{"files", strings.Repeat(uu("a", "b"), 5), 5, ""},
		{"files crossed", strings.Repeat(uu("a", "b"), 6), 5, "limit.parts"},
		{"files crossed by many", strings.Repeat(uu("a", "b"), 50_000), 5, "limit.parts"},
		{"yEnc pieces", strings.Repeat(yencPiece(1, 2, "a", "bb", 0, 1), 5), 1, ""},
		{"yEnc pieces crossed", strings.Repeat(yencPiece(1, 2, "a", "bb", 0, 1), 6), 1, "limit.parts"},
		{"depth", nested(4), 4, ""},
		{"depth crossed", nested(5), 5, "limit.depth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, v := within(t, text, c.text, limit)
			rule := ""
			for _, f := range v.Findings {
				rule += f.Rule
			}
			if len(got) != c.files || rule != c.rule {
				t.Errorf("%d files, %q; want %d, %q", len(got), rule, c.files, c.rule)
			}
		})
	}
}

// TestBinHexDamaged is never clean.
func TestBinHexDamaged(t *testing.T) {
	whole := hqx("evil.exe", payload, "")
	for _, c := range []struct {
		name, text string
		files      int
	}{
		{"cut in the header", whole[:len(banner)+32], 0},
		{"no name", hqx("", payload, ""), 1},
	} {
		got, v := within(t, text, c.text, rules.Limit{})
		if len(got) != c.files || len(v.Findings) != 1 || v.Findings[0].Rule != "xfile.unreadable" {
			t.Errorf("%s: files %v, findings %v", c.name, got, v.Findings)
		}
	}
}

// TestNamed is what a transfer encoding outside RFC 2045 gives.
func TestNamed(t *testing.T) {
	gz := in64(gzipped(payload))
	for _, c := range []struct{ name, encodings, body string }{
		{"whole", "uuencode x-uuencode X-UUE uue x-uu uu x-uucode", uu("evil.exe", payload)},
		{"lines alone", "uuencode x-uuencode x-uue uue x-uu uu", uuLines(uuAlphabet, payload)},
		{"blank lines first", "x-uu", "\n\n" + uuLines(uuAlphabet, payload) + "end\n"},
		{"no end", "uuencode", "begin 644 a\n" + uuLines(uuAlphabet, payload)},
		{"text first", "uuencode", "Text\n\n" + uu("a", payload)},
		{"two files", "uuencode", uu("a", payload) + uu("b", "hello")},
		{"xx", "xxencode x-xxencode x-xx", xx("a", payload)},
		{"xx lines alone", "x-xxencode x-uuencode", uuLines(xxAlphabet, payload)},
		{"yenc", "yenc x-yenc yencode x-yencode", yenc("a", payload)},
		{"binhex", "binhex x-binhex binhex40 x-binhex40 mac-binhex mac-binhex40 macbinhex40", hqx("a", payload, "")},
		{"binhex without banner", "binhex", strings.TrimPrefix(hqx("a", payload, ""), banner)},
		{"another than said", "x-uuencode binhex", yenc("a", payload)},
		{"not encoded", "x-uuencode x-yenc binhex", payload},
		{"gzip64", "gzip64 x-gzip64 x-gzip-base64", gz},
		{"gzip64 without gzip", "gzip64", in64(payload)},
	} {
		for encoding := range strings.FieldsSeq(c.encodings) {
			r, ok := message.DecodeNamed(encoding, strings.NewReader(c.body))
			if !ok {
				t.Errorf("%s: %s unknown", c.name, encoding)
				continue
			}
			if got, err := io.ReadAll(r); string(got) != payload || err != nil {
				t.Errorf("%s, %s: got %.60q (%d bytes), %v", c.name, encoding, got, len(got), err)
			}
		}
	}
	for _, encoding := range []string{"", "7bit", "base64", "quoted-printable", "x-unknown", "xxbase64"} {
		if _, ok := message.DecodeNamed(encoding, strings.NewReader("")); ok {
			t.Errorf("%s is known", encoding)
		}
	}
}

// TestNamedParts sees the content under the MIME names and the names in the
// body.
func TestNamedParts(t *testing.T) {
	mail := "Content-Type: text/plain; name=a.txt\nContent-Transfer-Encoding: x-uuencode\n\n" + uu("b.exe", "hello") + uu("c.exe", "bye")
	got, v := walk(t, mail, rules.Limit{})
	want := []string{"1 text/plain: hello", "1/b.exe : hello", "1/c.exe : bye"}
	if diff := cmp.Diff(want, got); diff != "" || len(v.Findings) != 1 || v.Findings[0].Rule != "mime.ambiguous" {
		t.Errorf("findings %v, parts (-want +got):\n%s", v.Findings, diff)
	}
}

// TestGzip64 bounds and damage.
func TestGzip64(t *testing.T) {
	whole := in64(gzipped(strings.Repeat(payload, 20)))
	for _, c := range []struct{ name, body, rule string }{
		{"cut off", whole[:len(whole)/2], "xfile.unreadable"},
		{"bad", whole[:40] + "AAAA" + whole[44:], "xfile.unreadable"},
		{"bomb", in64(gzipped(strings.Repeat("\x00", 4<<20))), "limit.size"},
	} {
		if got := rulesOf(t, "Content-Transfer-Encoding: x-gzip64\n\n"+c.body, rules.Limit{}); len(got) != 2 || got[0] != c.rule+" 1" {
			t.Errorf("%s: got %q", c.name, got)
		}
	}
}

// FuzzInline hides data in text in each encoding and finds it, and reads the text
// alone.
func FuzzInline(f *testing.F) {
	f.Add("Hello\n\n", "a.exe", payload, "\nBye\n")
	f.Add("begin 644 x\n", "a b", "MZ\x00\x00", "section 2\n`\nend\n")
	f.Add("> begin 644 a\r> M\r\n", "x", "", "=ybegin line=1 name=\n=ypart begin=99999999999999999999\n")
	f.Add(banner+":\n", "x", "\x90\x90", "begin-base64 0 q\n====\n")
	limit := rules.DefaultLimit()
	limit.Parts = 50
	f.Fuzz(func(t *testing.T, before, name, data, after string) {
		checkBounded(t, before+"\n"+after, limit)
		if strings.ContainsAny(name, "\r\n\"'=") || strings.TrimSpace(name) != name || name == "" || len(name) > 60 || data == "" {
			return
		}
		for kind, body := range map[string]string{"uu": uu(name, data), "xx": xx(name, data), "yenc": yenc(name, data), "hqx": hqx(name, data, "")} {
			if kind == "hqx" && strings.ContainsAny(name, "\x00") || kind == "xx" && len(data) < 20 || kind == "uu" && strings.ContainsAny(before, "\r\n") {
				continue // a short file in xxencode may be one in uuencode; what stands before changes a reading
			}
			got, v := within(t, text, body+after, limit)
			if len(v.Findings) > 0 {
				continue
			}
			if len(got) == 0 || !strings.HasPrefix(got[0].data, data) {
				t.Errorf("%s: %q with %q not found in %v", kind, name, data, got)
			}
		}
	})
}

// checkBounded reads a text twice: the same files, and not more bytes than its
// length allows.
func checkBounded(t *testing.T, s string, limit rules.Limit) {
	t.Helper()
	got, v := within(t, text, s, limit)
	size := 0
	for _, f := range got {
		size += len(f.data)
	}
	if size > (len(s)+100)*100*limit.Depth {
		t.Errorf("%d bytes of %d", size, len(s))
	}
	again, w := within(t, text, s, limit)
	if diff := cmp.Diff(got, again, cmp.AllowUnexported(found{})); diff != "" || v.State() != w.State() {
		t.Errorf("first and second reading differ:\n%s", diff)
	}
}

// FuzzYEnc finds data under any division into pieces.
func FuzzYEnc(f *testing.F) {
	f.Add(payload, 100, "\n")
	f.Add("..\x04\x04", 2, "\r\n")
	f.Fuzz(func(t *testing.T, data string, at int, end string) {
		if end != "\n" && end != "\r\n" && end != "\r" || data == "" {
			return
		}
		at = min(max(at, 0), len(data))
		s := yencPiece(2, 2, "x", data, at, len(data)) + yencPiece(1, 2, "x", data, 0, at)
		got, v := within(t, text, strings.ReplaceAll(s, "\n", end), rules.Limit{})
		if len(got) == 0 || got[0].data != data || v.Err != nil {
			t.Errorf("%q not found in %v", data, got)
		}
	})
}

// FuzzBinHex finds data with any name, and reads anything behind the banner.
func FuzzBinHex(f *testing.F) {
	f.Add("evil.exe", payload, "resource")
	f.Add("x", strings.Repeat("\x90", 600), ":\n!!3r2cmr")
	f.Fuzz(func(t *testing.T, name, data, other string) {
		checkBounded(t, banner+":"+other, rules.DefaultLimit())
		if name == "" || len(name) > 60 || data == "" {
			return
		}
		got, _ := within(t, text, hqx(name, data, other), rules.Limit{})
		if len(got) == 0 || !strings.Contains(got[0].names, name) || got[0].data != data {
			t.Errorf("%q with %q not found in %v", name, data, got)
		}
	})
}

// BenchmarkInline is what the search costs a clean text beside its reading.
func BenchmarkInline(b *testing.B) {
	prose := strings.Repeat("The quick brown fox begins to jump over (both) lazy dogs, believing that.\r\n> It answers with a = quoted line of the same length, more or less so.\r\n", 1500)[:200<<10]
	for _, c := range []struct{ name, text string }{{"3K", prose[:3<<10]}, {"200K", prose}} {
		b.Run(c.name, func(b *testing.B) {
			raw := strings.NewReader(c.text)
			p := text
			p.Open = func() (io.Reader, error) { return io.NewSectionReader(raw, 0, raw.Size()), nil }
			p.Head()
			withBudget(func(budget *scan.Budget) {
				b.SetBytes(int64(len(c.text)))
				b.ReportAllocs()
				for b.Loop() {
					if err := (message.Opener{}).Parts(context.Background(), &p, budget, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
	encoded := uu("a", strings.Repeat(payload, 3000))
	b.Run("uuencode 1M", func(b *testing.B) {
		b.SetBytes(int64(len(encoded)))
		for b.Loop() {
			r, _ := message.DecodeNamed("uuencode", strings.NewReader(encoded))
			io.Copy(io.Discard, r)
		}
	})
}

// withBudget calls f with an engine's budget.
func withBudget(f func(*scan.Budget)) {
	o := opener(func(_ *scan.Part, b *scan.Budget, _ func(*scan.Part) error) error { f(b); return nil })
	limit := rules.DefaultLimit()
	limit.Time = rules.Duration(time.Hour)
	e := &scan.Engine{Openers: []scan.Opener{o}, Limit: limit}
	e.Scan(context.Background(), &scan.Message{Content: strings.NewReader("x"), Size: 1})
}
