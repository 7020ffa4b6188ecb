package message_test

import (
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/message"
)

// winmail is the part Outlook's mails have.
var winmail = scan.Part{Path: "2", Names: []string{"winmail.dat"}, Types: []string{"application/ms-tnef"}}

// rtfSample is compressed RTF, the example of [MS-OXRTFCP] 3.1.1: "{\rtf1\ansi
// \ansicpg1252\pard hello world}" and a line feed.
var rtfSample = unhex("2d0000002b0000004c5a4675f1c5c7a703000a0072637067313235423" +
	"20af3206865 6c090020627705b06c647d0a800fa0")

func unhex(s string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return string(b)
}

// object is a property of type object: an interface, then the data.
func object(data string) string { return property(0x3701000d, strings.Repeat("i", 16)+data) }

// TestTNEF is what a winmail.dat holds.
func TestTNEF(t *testing.T) {
	rend := attribute(2, attRendData, strings.Repeat("\x00", 14))
	for _, c := range []struct {
		name, content string
		want          []found
	}{
		{"nothing", tnef(), nil},
		{"attachment", tnef(tnefFile("KEYS~1.ZIP", "keys.zip", payload)), []found{{path: "2/winmail.dat/keys.zip", names: "keys.zip|KEYS~1.ZIP", data: payload}}},
		{"two", tnef(tnefFile("a", "a", "one"), tnefFile("b", "b", "two")), []found{{path: "2/winmail.dat/a", names: "a", data: "one"}, {path: "2/winmail.dat/b", names: "b", data: "two"}}},
		{"data first", tnef(rend, attribute(2, attData, "x"), attribute(2, attTitle, "a\x00")), []found{{path: "2/winmail.dat/a", names: "a", data: "x"}}},
		{"no begin", tnef(attribute(2, attTitle, "a"), attribute(2, attData, "x")), []found{{path: "2/winmail.dat/a", names: "a", data: "x"}}},
		{"no name", tnef(rend, attribute(2, attData, "x")), []found{{path: "2/winmail.dat/attachment", data: "x"}}},
		{"no data", tnef(rend, attribute(2, attTitle, "evil.exe\x00")), []found{{path: "2/winmail.dat/evil.exe", names: "evil.exe"}}},
		{"transport name", tnef(rend, attribute(2, attTransport, "evil.exe\x00"), attribute(2, attTitle, "a\x00")), []found{{path: "2/winmail.dat/evil.exe", names: "evil.exe|a"}}},
		{"all in properties", tnef(rend, attribute(2, attAttach, properties(
			le32(0x0e210003)+le32(0), le32(0x300b0048)+strings.Repeat("g", 16), property(0x37010102, payload),
			property(0x3704001f, utf16le("a.txt\x00")), property(0x3707001f, utf16le("\u00e9vil.exe\x00")), property(0x3001001e, "shown\x00"), property(0x370e001e, "Text/Plain\x00")))),
			[]found{{path: "2/winmail.dat/\u00e9vil.exe", names: "\u00e9vil.exe|a.txt|shown", types: "text/plain", data: payload}}},
		{"named property before it", tnef(rend, attribute(2, attAttach, properties(
			le32(-0x7fffffe2)+strings.Repeat("g", 16)+le32(1)+le32(6)+"u\x00v\x00\x00\x00\x00\x00"+le32(1)+le32(3)+"abc\x00",
			le32(-0x7ffffffd)+strings.Repeat("g", 16)+le32(0)+le32(7)+le32(5),
			property(0x3704001e, "a\x00")))), []found{{path: "2/winmail.dat/a", names: "a"}}},
		{"many values before it", tnef(rend, attribute(2, attAttach, properties(
			le32(0x60001003)+le32(3)+strings.Repeat("n", 12), le32(0x6001101e)+le32(2)+le32(2)+"a\x00\x00\x00"+le32(1)+"\x00\x00\x00\x00",
			property(0x3704001e, "a\x00")))), []found{{path: "2/winmail.dat/a", names: "a"}}},
		{"extension alone", tnef(rend, attribute(2, attTitle, "report\x00"), attribute(2, attAttach, properties(property(0x3703001e, ".exe\x00")))),
			[]found{{path: "2/winmail.dat/report", names: "report|report.exe"}}},
		{"transport name as a property", tnef(rend, attribute(2, attTitle, "a\x00"), attribute(2, attAttach, properties(property(0x370c001e, "b.exe\x00")))),
			[]found{{path: "2/winmail.dat/a", names: "a|b.exe"}}},
		{"code page", tnef(attribute(1, attCodepage, "\xe3\x04\x00\x00\x00\x00\x00\x00"), tnefFile("\xe5.exe", "\xe5.exe", "x")),
			[]found{{path: "2/winmail.dat/\u0435.exe", names: "\u0435.exe|\xe5.exe", data: "x"}}},
		{"message in it", tnef(rend, attribute(2, attAttach, properties(property(0x3001001e, "Fwd\x00"), object(tnef(tnefFile("a", "a", "x")))))),
			[]found{{path: "2/winmail.dat/Fwd", names: "Fwd", data: tnef(tnefFile("a", "a", "x"))}, {path: "2/winmail.dat/Fwd/a", names: "a", data: "x"}}},
		{"bodies", tnef(attribute(1, attProps, properties(property(0x1000001e, "plain\x00"), property(0x10130102, "<p>html"), property(0x10090102, rtfSample)))),
			[]found{{path: "2/winmail.dat/body", types: "text/plain", data: "plain\x00"}, {path: "2/winmail.dat/body", types: "text/html", data: "<p>html"},
				{path: "2/winmail.dat/body", types: "application/rtf", data: "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"}}},
		{"body", tnef(attribute(1, attBody, "plain\x00")), []found{{path: "2/winmail.dat/body", types: "text/plain", data: "plain\x00"}}},
		{"filled up", tnef(tnefFile("a", "a", "x")) + "\r\n\x00\x00\x00", []found{{path: "2/winmail.dat/a", names: "a", data: "x"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, v := within(t, winmail, c.content, rules.Limit{})
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(found{})); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if len(v.Findings) > 0 {
				t.Errorf("findings %v", v.Findings)
			}
			prefixes(t, winmail, c.content)
		})
	}
}

// TestTNEFDamaged is never clean, and what is there is judged.
func TestTNEFDamaged(t *testing.T) {
	a := tnefFile("evil.exe", "evil.exe", "x")
	for _, c := range []struct {
		name, content string
		files         int
		rule          string
	}{
		{"cut off in the data", tnef(a)[:len(tnef(a))-20], 1, "xfile.unreadable"},
		{"rubbish behind", tnef(a) + "rubbish", 1, "xfile.unreadable"},
		{"length over the end", tnef(a) + "\x02\x0f\x80\x06\x00\xff\xff\xff\xffx", 2, "xfile.unreadable"},
		{"property of an unknown type", tnef(attribute(2, attAttach, properties(le32(0x370100ff)+le32(1))), a), 1, "xfile.unreadable"},
		{"value over the end", tnef(attribute(2, attAttach, properties(le32(0x3704001e)+le32(1)+"\xff\xff\xff\xffb")), a), 2, "xfile.unreadable"},
		{"counts that are not there", tnef(attribute(2, attAttach, "\xff\xff\xff\xff"+property(0x3704001e, "b")), a), 2, ""},
		{"many values", tnef(attribute(2, attAttach, properties(le32(0x60001003)+"\xff\xff\xff\xff")), a), 1, "xfile.unreadable"},
		{"unknown compression", tnef(attribute(1, attProps, properties(property(0x10090102, "xxxxxxxxxxxxxxxxx"))), a), 2, "xfile.unreadable"},
	} {
		got, v := within(t, winmail, c.content, rules.Limit{})
		rule := ""
		for _, f := range v.Findings {
			rule = f.Rule
		}
		if len(got) != c.files || rule != c.rule {
			t.Errorf("%s: files %v, findings %v", c.name, got, v.Findings)
		}
	}
}

// TestTNEFMany bounds attachments and names.
func TestTNEFMany(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Parts = 20
	var names strings.Builder
	for i := range 1000 {
		names.WriteString(attribute(2, attTitle, strings.Repeat("n", i+1)))
	}
	for name, content := range map[string]string{
		"attachments": tnef(strings.Repeat(tnefFile("a", "a", "x"), 21)),
		"contents":    tnef(attribute(2, attTitle, "a"), strings.Repeat(attribute(2, attData, "x"), 21)),
		"names":       tnef(names.String()),
	} {
		if _, v := within(t, winmail, content, limit); len(v.Findings) != 1 || v.Findings[0].Rule != "limit.parts" {
			t.Errorf("%s: findings %v", name, v.Findings)
		}
	}
}

func TestRTF(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"example", rtfSample, "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"},
		{"run", unhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0"), "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"},
		{"stored", le32(20) + le32(8) + "MELA" + le32(0) + "{\\rtf1 x}", "{\\rtf1 x}"},
		{"cut off", rtfSample[:30], "{\\rtf1\\ansi\\ansicpg1252"},
		{"header alone", rtfSample[:16], ""},
	} {
		r, err := message.NewRTF(strings.NewReader(c.in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != c.want || err != nil {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
	if _, err := message.NewRTF(strings.NewReader("short")); err == nil {
		t.Error("no error for what is no RTF")
	}
}

// TestMacBinary is also AppleSingle.
func TestMacBinary(t *testing.T) {
	const single, double = "\x00\x05\x16\x00", "\x00\x05\x16\x07"
	bin := scan.Part{Path: "2", Names: []string{"x.bin"}}
	one := macBinary("evil.exe", payload, "")
	oldHead := []byte(one)
	for i := 122; i < 126; i++ {
		oldHead[i] = 0
	}
	old := string(oldHead)
	evil := []found{{path: "2/evil.exe", names: "evil.exe", data: payload}}
	for _, c := range []struct {
		name    string
		part    scan.Part
		content string
		want    []found
		rule    string
	}{
		{"MacBinary II", text, one, []found{{path: "1/evil.exe", names: "evil.exe", data: payload}}, ""},
		{"resource fork too", bin, macBinary("evil.exe", payload, "icons"), evil, ""},
		{"resource fork alone", bin, macBinary("evil.exe", "", payload), evil, ""},
		{"MacBinary I", bin, old, evil, ""},
		{"MacBinary I by type", scan.Part{Path: "2", Types: []string{"application/x-macbinary"}}, old, evil, ""},
		{"MacBinary I without a label", text, old, nil, ""},
		{"not filled up", bin, one[:128+len(payload)], evil, ""},
		{"cut off", bin, one[:200], []found{{path: "2/evil.exe", names: "evil.exe", data: payload[:72]}}, "xfile.unreadable"},
		{"length over the end, .bin", bin, old[:83] + "\x7f\xff\xff\xff" + old[87:], nil, ""},
		{"length over the end", scan.Part{Path: "2", Types: []string{"application/x-macbinary"}}, old[:83] + "\x7f\xff\xff\xff" + old[87:], []found{{path: "2/evil.exe", names: "evil.exe", data: old[128:]}}, "xfile.unreadable"},
		{"icon", scan.Part{Names: []string{"x.bin"}}, "\x00\x00\x01\x00" + strings.Repeat("\x00", 200), nil, ""},
		{"AppleSingle", bin, appleSingle(single, 3, "evil.exe", 1, payload), evil, ""},
		{"AppleSingle, resource fork alone", bin, appleSingle(single, 3, "evil.exe", 2, payload), evil, ""},
		{"AppleSingle, no name", bin, appleSingle(single, 1, payload), []found{{path: "2/data", data: payload}}, ""},
		{"AppleDouble", bin, appleSingle(double, 9, "info", 2, "resource"), nil, ""},
		{"AppleDouble with a name", bin, appleSingle(double, 3, "evil.exe", 2, "resource"), []found{{path: "2/evil.exe", names: "evil.exe"}}, ""},
		{"AppleSingle, cut off", bin, appleSingle(single, 3, "evil.exe", 1, payload)[:100], []found{{path: "2/evil.exe", names: "evil.exe", data: payload[:42]}}, "xfile.unreadable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, v := within(t, c.part, c.content, rules.Limit{})
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(found{})); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			rule := ""
			for _, f := range v.Findings {
				rule = f.Rule
			}
			if rule != c.rule {
				t.Errorf("findings %v", v.Findings)
			}
			prefixes(t, c.part, c.content)
		})
	}
}

// FuzzTNEF finds an attachment before anything, and reads anything.
func FuzzTNEF(f *testing.F) {
	f.Add("a.exe", payload, tnefFile("b", "b", "x"))
	f.Add("a", "x", attribute(1, attProps, properties(property(0x10090102, rtfSample), property(0x1013001f, "x")))+"\x02\x0f\x80")
	f.Add("a", "x", attribute(2, attAttach, properties(object("data"), le32(-0x7fffffe2)+strings.Repeat("g", 16)+le32(1)+le32(6))))
	f.Add("a", "x", macBinary("a", "b", "c")+appleSingle("\x00\x05\x16\x00", 1, "x"))
	limit := rules.DefaultLimit()
	limit.Parts = 50
	f.Fuzz(func(t *testing.T, name, data, more string) {
		for _, content := range []string{more, tnef(more)} {
			checkBounded(t, content, limit)
		}
		if strings.ContainsAny(name, "\x00") || name == "" || len(name) > 100 {
			return
		}
		got, _ := within(t, winmail, tnef(tnefFile(name, name, data), more), limit)
		if !slices.ContainsFunc(got, func(f found) bool { return f.data == data && strings.Contains(f.names, name) }) {
			t.Errorf("%q with %q not found in %v", name, data, got)
		}
	})
}
