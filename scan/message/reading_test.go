package message_test

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/message"
	"qguard/scan/xfile"
)

// TestParamReadings has the readings of a name in fields that break the grammar;
// the first is not more right than the others.
func TestParamReadings(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []string
		want   []string
	}{
		{"plain", []string{"a; name=x.exe"}, []string{"x.exe"}},
		{"twice", []string{"a; name=x.txt; name=x.exe"}, []string{"x.txt", "x.exe"}},
		{"blank", []string{"a; name=my x.exe"}, []string{"my x.exe", "my"}},
		{"blank and another parameter", []string{"a; name=my x.exe; size=3"}, []string{"my x.exe", "my"}},
		{"semicolon", []string{`a; name=x;.exe`}, []string{"x", "x;.exe"}},
		{"escaped semicolon", []string{`a; name=x\;.exe`}, []string{`x\`, `x\;.exe`, "x;.exe"}},
		{"quoted semicolon", []string{`a; name="x;.exe"`}, []string{"x;.exe"}},
		{"escapes", []string{`a; name="x\.e\xe"`}, []string{"x.exe", `x\.e\xe`}},
		{"quote inside", []string{`a; name="x".exe"`}, []string{"x", `x".exe`, "x.exe"}},
		{"quote unclosed", []string{`a; name="x.exe`}, []string{"x.exe"}},
		{"single quotes", []string{`a; name='x.exe'`}, []string{"x.exe"}},
		{"comment in the value", []string{"a; name=x.(y)exe"}, []string{"x.(y)exe", "x.exe"}},
		{"comment behind", []string{"a; name=x.exe(.txt)"}, []string{"x.exe(.txt)", "x.exe"}},
		{"comment not closed", []string{"a; name=x.exe(.txt"}, []string{"x.exe(.txt"}},
		{"comment in the name", []string{"a; na(x)me=x.exe"}, []string{"x.exe"}},
		{"blanks around the sign", []string{"a; name = x.exe"}, []string{"x.exe"}},
		{"name in quotes", []string{`a; "name=x.exe"`}, []string{"x.exe"}},
		{"name in another's value", []string{`a; b="; name=x.exe"`}, []string{"x.exe"}},
		{"another name", []string{"a; rename=x.exe; filenames=y"}, nil},
		{"pieces", []string{"a; name*1=exe; name*0=x."}, []string{"exex.", "x.exe"}},
		{"pieces with a gap", []string{"a; name*0=x.; name*5=exe"}, []string{"x.exe"}},
		{"pieces in quotes", []string{`a; name*0="x;"; name*1=".exe"`}, []string{"x;.exe"}},
		{"pieces over fields", []string{"a; name*0=x.", "b; name*1=exe"}, []string{"x.exe"}},
		{"pieces over fields and names", []string{"a; filename*0=x.", "b; name*1=exe"}, []string{"x.", "exe", "x.exe"}},
		{"extended", []string{"a; name*=utf-8''x%2Eexe"}, []string{"x.exe"}},
		{"extended, no charset", []string{"a; name*=''x%2Eexe"}, []string{"x.exe"}},
		{"extended, charset unknown", []string{"a; name*=none'en'x%2Eexe"}, []string{"x.exe"}},
		{"extended, no quotes", []string{"a; name*=x%2Eexe"}, []string{"x.exe"}},
		{"extended, in pieces", []string{"a; name*0*=utf-8''%C3; name*1*=%A4.exe"}, []string{"ä.exe"}},
		{"extended, UTF-16", []string{"a; name*=utf-16''%00x%00.%00e"}, []string{"x.e", "砀⸀攀"}},
		{"plain and extended", []string{"a; name=x.txt; name*=''x.exe"}, []string{"x.txt", "x.exe"}},
		{"escapes without a star", []string{"a; name=x%2Eexe"}, []string{"x%2Eexe", "x.exe"}},
		{"encoded word", []string{`a; name="=?utf-8?B?eC5leGU=?="`}, []string{"x.exe"}},
		{"encoded words with a blank between", []string{`a; name="=?utf-8?Q?x.?= =?utf-8?Q?exe?="`}, []string{"x.exe"}},
		{"encoded word, bare", []string{"a; name==?utf-8?Q?x=2Eexe?="}, []string{"x.exe"}},
		{"encoded word, blanks in it", []string{`a; name="=?utf-8?Q?my x.exe?="`}, []string{"my x.exe"}},
		{"encoded word without end", []string{`a; name="=?utf-8?Q?x=2Eexe"`}, []string{"=?utf-8?Q?x=2Eexe", "x.exe"}},
		{"encoded word, bad base64", []string{`a; name="=?utf-8?B?eC5l*eGU?="`}, []string{"=?utf-8?B?eC5l*eGU?=", "x.exe"}},
		{"two fields", []string{"a; name=x.txt", "b; filename=y.exe"}, []string{"y.exe", "x.txt"}},
		{"comma", []string{"a, name=x.exe, b=c"}, []string{"x.exe, b=c", "x.exe"}},
	} {
		got := message.ParamReadings(c.fields, "filename", "name")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestTidy: ordinary fields have one reading and no other is made.
func TestTidy(t *testing.T) {
	for value, want := range map[string]bool{
		"text/plain":                true,
		"text/plain;":               true,
		"text/plain; charset=utf-8": true,
		`text/plain; charset="utf-8"; format=flowed`:       true,
		`multipart/mixed; boundary="a=_b c"`:               true,
		`attachment; filename="my file (1).pdf"`:           true,
		"attachment;filename=a.pdf;size=12":                true,
		"inline":                                           true,
		"":                                                 false,
		"text/plain; charset=a; charset=b":                 false,
		"text/plain; charset=a; CHARSET=b":                 false,
		"text/plain; name=a b":                             false,
		"text/plain; name=a(b)":                            false,
		`text/plain; name="a\b"`:                           false,
		`text/plain; name="a`:                              false,
		`text/plain; name="a" b`:                           false,
		`text/plain; name="=?utf-8?Q?a?="`:                 false,
		"text/plain; name*=''a":                            false,
		"text/plain; name*0=a":                             false,
		"text/plain; name =a":                              false,
		"text/plain; name":                                 false,
		"text/plain, name=a":                               false,
		`"text/plain"; name=a`:                             false,
		"text/plain(x)":                                    false,
		"text/plain/x":                                     false,
		"a/b; a=1; b=2; c=3; d=4; e=5; f=6; g=7; h=8":      true,
		"a/b; a=1; b=2; c=3; d=4; e=5; f=6; g=7; h=8; i=9": false,
	} {
		if got := message.TidyParams(value); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// TestLooseFields has the three fields in every spelling that some client reads.
func TestLooseFields(t *testing.T) {
	for _, c := range []struct {
		block, types, encodings string
		starts                  []int
		odd                     bool
	}{
		{"Content-Type: a/b\r\nX: y\r\n\r\n", "a/b", "", nil, false},
		{"content-type:a/b\n\n", "a/b", "", nil, false},
		{"Content-Type: a/b;\n name=x\n\n", "a/b; name=x", "", nil, false},
		{"Content-Type: a/b; name=\"x.e\n\txe\"\n\n", `a/b; name="x.e xe"|a/b; name="x.exe"`, "", nil, false},
		{"Content-Type: a/b; name=\"x.e\n xe\";\n n=m\nX: \"\n y\n\n", `a/b; name="x.e xe"; n=m|a/b; name="x.exe"; n=m`, "", nil, false},
		{"Content-Type: a/b; name=\"x\\\"\";\n n=m\n\n", `a/b; name="x\""; n=m`, "", nil, false},
		{"Content-Type : a/b\n", "a/b", "", nil, true},
		{"Content-Type:: a/b\n", "a/b", "", nil, true},
		{"Content-Type a/b\n", "a/b", "", nil, true},
		{"Content-(x)Type: a/b\n", "a/b", "", nil, true},
		{"Con(t(e)n)tent-Type: a/b\n", "a/b", "", nil, true},
		{"\"Content-Type\": a/b\n", "a/b", "", nil, true},
		{"\x01Content-Type: a/b\n", "a/b", "", nil, true},
		{"Content\xa0-Type: a/b\n", "a/b", "", nil, true},
		{"X: y\rContent-Type: a/b\n", "a/b", "", nil, true},
		{"X: y\x00Content-Type: a/b\n", "a/b", "", nil, true},
		{"X-Content-Type: a/b\n", "", "", nil, false},
		{"Content-Types: a/b\n", "", "", nil, false},
		{"Content-Type: a/b\nContent-Type: c/d\n", "a/b|c/d", "", nil, false},
		{"Content-Type: a/b;\nname=x\n\n", "a/b;|a/b; name=x", "", []int{19, 26}, true},
		{"A: b\n \nContent-Transfer-Encoding: base64\n\n", "", "base64", []int{7}, true},
		{"A: b\njunk\nContent-Transfer-Encoding: base64\n\n", "", "base64", []int{5, 10}, true},
		{"Content-Transfer-Encoding:\vbase64\n", "", "base64", nil, false},
		{"\nContent-Type: a/b\n\n", "a/b", "", []int{1}, true},
	} {
		types, encodings, starts, odd := message.LooseFields([]byte(c.block))
		if strings.Join(types, "|") != c.types || strings.Join(encodings, "|") != c.encodings || !slices.Equal(starts, c.starts) || odd != c.odd {
			t.Errorf("%q: types %q, encodings %q, starts %v, odd %v", c.block, types, encodings, starts, odd)
		}
	}
}

// hidden is a part with a program in base64.
var hidden = "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n" +
	base64.StdEncoding.EncodeToString(append([]byte("MZ\x90\x00\x03\x00\x00\x00\x04"), make([]byte, 60)...)) + "\n"

// judged is the verdict with the look for programs.
func judged(mail string) scan.Verdict {
	e := &scan.Engine{Openers: []scan.Opener{message.Opener{}}, Scanners: []scan.Scanner{xfile.New(rules.Xfile{})}}
	return e.Scan(context.Background(), &scan.Message{Content: strings.NewReader(mail), Size: int64(len(mail))})
}

// FuzzHidden changes the fields that declare a multipart. As long as a line of
// them still speaks of a multipart in a Content-Type field, the program behind
// the delimiter is never judged clean.
func FuzzHidden(f *testing.F) {
	for _, s := range []string{
		"multipart/mixed; boundary=b", "multipart/mixed; boundary=x; boundary=b", `multipart/mixed; boundary="b`,
		"multipart/mixed; boundary=(x)b", "multipart/mixed; boundary*0=b", "multipart/mixed", "text/plain, multipart/mixed",
		"multipart/mixed; boundary=a\nContent-Type: text/plain", "multipart/mixed\n \nX: y", "multipart/mixed\r; boundary=b",
		"multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64", "multipart/mixed; boundary=\"b \"",
	} {
		f.Add(s, "b")
	}
	f.Fuzz(func(t *testing.T, value, boundary string) {
		if strings.ContainsAny(boundary, "\r\n") || len(value)+len(boundary) > 1<<10 {
			return
		}
		first, _, _ := strings.Cut(value, "\n")
		if !strings.HasPrefix(strings.ToLower(strings.TrimLeft(first, " \t")), "multipart/") {
			return
		}
		mail := "Content-Type: " + value + "\n\n--" + boundary + "\n" + hidden + "--" + boundary + "--\n"
		if v := judged(mail); v.State() == scan.Clean {
			t.Errorf("clean: %q", mail)
		}
	})
}

// FuzzMessage gives the reader any bytes: it ends, without an error of ours, and
// the strict reading is among its parts.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + hidden + "--b--\n--b\n" + hidden,
		"Content-Type: multipart/mixed; boundary*1=b\nContent-Type: text/plain\n\n--b\n" + hidden,
		"Content-Type: a/b; name*0=x; name*1*=''%41\nContent-Transfer-Encoding base64\n \nTVqQ\n", "\n\nContent-Type: multipart/x\n\n--\n" + hidden,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, mail []byte) {
		if v := judged(string(mail)); v.Err != nil {
			t.Errorf("error %v", v.Err)
		}
	})
}
