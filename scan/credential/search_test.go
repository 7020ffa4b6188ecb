package credential

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"

	"qguard/rules"
	"qguard/scan"
	"qguard/scan/authenticate"
)

// TestBeside finds a login without any trigger, by the user's name.
func TestBeside(t *testing.T) {
	const pw = "Fix9ture!Pass"
	for _, test := range []struct {
		text string
		want bool
	}{
		{"jdoe:" + pw, true},
		{"jdoe / " + pw, true},
		{"jdoe " + pw, true},
		{"jdoe\n" + pw, true},
		{"jdoe@example.org\t" + pw, true},
		{"EXAMPLE\\jdoe " + pw, true},
		{"Doe;Jane;jdoe;" + pw + ";active", true},
		{"curl -u jdoe:" + pw + " https://www.example.net/", true},
		{"get it from ftp://jdoe:Fix9ture%21Pass@ftp.example.net/x", true},
		{"token " + base64.StdEncoding.EncodeToString([]byte("jdoe:"+pw)), true},
		{"AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00jdoe\x00"+pw)), true},
		{"it is " + pw + " for jdoe", true},
		{"jdoe" + strings.Repeat(" far", 40) + " " + pw, false},
		{"stranger:" + pw, false},
		{"ftp://stranger:" + pw + "@ftp.example.net/", false},
		{pw, false},
	} {
		b := &fakeBackend{right: "jdoe:" + pw, answer: authenticate.Wrong}
		got := judge(site(t, "jdoe", "mroe"), b, newMemory(), "x@example.net", test.text)
		if (len(got) == 1) != test.want {
			t.Errorf("%q: got %v, asked %q", test.text, got, b.asked)
		}
	}
}

// TestOrdinaryBeside asks nothing for what stands beside names in honest mail.
func TestOrdinaryBeside(t *testing.T) {
	for _, text := range []string{
		"jdoe@example.org, tel. +44-1509-000000, http://www.Example.org/~jdoe/Index.html",
		"Jane Doe (jdoe), Anglo-American studies, 21-11-2026",
		"mail jdoe. However, the Vice-Chancellor was there; see ISO-8859-1, p. 12-14",
	} {
		b := &fakeBackend{answer: authenticate.Wrong}
		judge(site(t, "jdoe"), b, newMemory(), "jdoe@example.org", text)
		if len(b.asked) > 0 {
			t.Errorf("%q: asked %q", text, b.asked)
		}
	}
}

// TestLooks finds logins that are not written as they look.
func TestLooks(t *testing.T) {
	const pw = "Fixture-Pass-1"
	wide := strings.Map(func(r rune) rune { return r + 0xfee0 }, pw)
	for _, text := range []string{
		"ｐａｓｓｗｏｒｄ：" + wide,
		"Pass\u200bword: Fix\u00adture-Pass-1",
		"Password: Fixture\u2011Pass\u20131",
		"p a s s w o r d :  " + strings.Join(strings.Split(pw, ""), " "),
		"the password is “" + pw + "”",
		"> Pass\n> word\n> > " + pw,
		"Passwort\u00a0lautet\u00a0" + pw,
		"Password .......... " + pw,
		"password\n\n\n" + pw,
	} {
		b := &fakeBackend{right: "jdoe:" + pw, answer: authenticate.Wrong}
		if got := judge(site(t, "jdoe"), b, newMemory(), "jdoe@example.org", text); len(got) != 1 {
			t.Errorf("%q: got %v, asked %q", text, got, b.asked)
		}
	}
}

// TestEscaped finds passwords written for machines, with every kind of mark.
func TestEscaped(t *testing.T) {
	const pw = `Fx1"<&>'\%=,;z`
	for _, text := range []string{
		"password: " + pw,
		"password:" + pw,
		"password=Fx1%22%3C%26%3E%27%5C%25%3D%2C%3Bz&next=1",
		`{"password": "Fx1\"<&>'\\%=,;z", "x": 1}`,
		"<password>Fx1&quot;&lt;&amp;&gt;&#39;\\%=,;z</password>",
		`name,"password","Fx1""<&>'\%=,;z"`,
		"password: Fx1\"<&>'\\%=3D,;z",
	} {
		b := &fakeBackend{right: "jdoe:" + pw, answer: authenticate.Wrong}
		if got := judge(site(t, "jdoe"), b, newMemory(), "jdoe@example.org", text); len(got) != 1 {
			t.Errorf("%q: got %v, asked %q", text, got, b.asked)
		}
	}
}

// TestOwnMarks tries a password's own last mark and that of the sentence.
func TestOwnMarks(t *testing.T) {
	for _, pw := range []string{"Fixture1.", "Fixture1!", "Fixture1?", "Fixture1'", "Fixture1\"", "Fixture1)", "(Fixture1)", "Fixture1;", "=Fixture1", "Fixture:1", "Fix/ture1", "Fix@ture1.org"} {
		for _, form := range []string{"Password: %s\n", "my password is %s.", "the password (%s) is new", "password: \"%s\",", "jdoe:%s", "jdoe / %s"} {
			text := fmt.Sprintf(form, pw)
			b := &fakeBackend{right: "jdoe:" + pw, answer: authenticate.Wrong}
			if got := judge(site(t, "jdoe"), b, newMemory(), "jdoe@example.org", text); len(got) != 1 {
				t.Errorf("%q: got %v, asked %q", text, got, b.asked)
			}
		}
	}
}

// part judges one part that is given as bytes.
func part(c rules.Credential, b *fakeBackend, p *scan.Part, content string) []scan.Finding {
	sender := "jdoe@example.org"
	look := New(c, b, newMemory()).Begin(&scan.Message{Envelope: rules.Envelope{Sender: &sender, Outgoing: true}})
	p.Open = func() (io.Reader, error) { return strings.NewReader(content), nil }
	if err := look.Part(context.Background(), p); err != nil {
		return []scan.Finding{{Rule: "error", Note: err.Error()}}
	}
	findings, _ := look.End(context.Background())
	return findings
}

// TestOctets searches what is text in parts that do not say so.
func TestOctets(t *testing.T) {
	const leak = "Contraseña: Fixture-Pass-1\r\n"
	in := func(order unicode.Endianness, bom unicode.BOMPolicy) string {
		s, err := unicode.UTF16(order, bom).NewEncoder().String(leak + strings.Repeat("more text ", 50))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, test := range []struct {
		name    string
		types   string
		content string
		want    bool
	}{
		{"UTF-8", "application/octet-stream", leak, true},
		{"with its mark", "application/octet-stream", "\ufeff" + leak, true},
		{"Latin-1", "application/octet-stream", "Contrase\xf1a: Fixture-Pass-1", true},
		{"UTF-16, mark", "application/octet-stream", in(unicode.LittleEndian, unicode.UseBOM), true},
		{"UTF-16 big, mark", "application/octet-stream", in(unicode.BigEndian, unicode.UseBOM), true},
		{"UTF-16, no mark", "application/octet-stream", in(unicode.LittleEndian, unicode.IgnoreBOM), true},
		{"UTF-16 big, no mark", "application/octet-stream", in(unicode.BigEndian, unicode.IgnoreBOM), true},
		{"XML of no office", "application/octet-stream", "<?xml version='1.0'?><x><password>Fixture-Pass-1</password></x>", true},
		{"a program", "application/octet-stream", "MZ\x00\x01\x02\x03" + leak, false},
		{"HTML comes as text", "application/octet-stream", "<html>" + leak, false},
		{"RTF comes as text", "application/octet-stream", "{\\rtf1 " + leak, false},
		{"a message comes in parts", "message/rfc822", leak, false},
		{"empty", "application/octet-stream", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := &fakeBackend{right: "jdoe:Fixture-Pass-1", answer: authenticate.Wrong}
			got := part(site(t, "jdoe"), b, &scan.Part{Path: "1", Types: []string{test.types}}, test.content)
			if (len(got) == 1) != test.want {
				t.Errorf("got %v, asked %q", got, b.asked)
			}
		})
	}
}

// TestFlowed joins what format=flowed has broken.
func TestFlowed(t *testing.T) {
	for _, test := range []struct {
		contentType string
		text        string
		want        bool
	}{
		{"text/plain; format=flowed; delsp=yes", "> password: Fixture- \r\n> Pass-1\r\n", true},
		{"text/plain; Format=\"Flowed\"; DelSp=Yes", "passwo \nrd: Fixture- \nPass-1", true},
		{"text/plain; format=flowed", "password: \nFixture-Pass-1", true},
		{"text/plain; format=flowed", "password: Fixture- \nPass-1", false},
	} {
		b := &fakeBackend{right: "jdoe:Fixture-Pass-1", answer: authenticate.Wrong}
		p := &scan.Part{Path: "1", Types: []string{"text/plain"}, Header: scan.Header{{Name: "Content-Type", Value: test.contentType}}}
		p.Text = func() (io.Reader, error) { return strings.NewReader(test.text), nil }
		if got := part(site(t, "jdoe"), b, p, test.text); (len(got) == 1) != test.want {
			t.Errorf("%s %q: got %v, asked %q", test.contentType, test.text, got, b.asked)
		}
	}
}

// TestAnswerAbove finds a password on a line of its own above the question, and
// asks nothing where nobody asked for one.
func TestAnswerAbove(t *testing.T) {
	far := strings.Repeat("> and more of the same\n", 20)
	for text, want := range map[string]bool{
		"Fixture12Pass\n\n" + far + "> send your password": true,
		"Fixture12Pass\n\n" + far:                          false,
		far + "Fixture12Pass\n\n" + far + "> password":     false,
	} {
		b := &fakeBackend{right: "jdoe:Fixture12Pass", answer: authenticate.Wrong}
		if got := judge(site(t, "jdoe"), b, newMemory(), "jdoe@example.org", text); (len(got) == 1) != want {
			t.Errorf("%q: got %v, asked %q", text[:20], got, b.asked)
		}
	}
}

// TestLabels: a word that means much else counts only for the value behind it.
func TestLabels(t *testing.T) {
	for text, want := range map[string]bool{
		"pass: Fixture-Pass-1":           true,
		"pass=Fixture-Pass-1":            true,
		"the pass was by Fixture-Pass-1": false,
		"a pass, Fixture-Pass-1":         false,
		"key note: 4, Fixture-Pass-1":    false,
	} {
		b := &fakeBackend{right: "jdoe:Fixture-Pass-1", answer: authenticate.Wrong}
		if got := judge(site(t, "jdoe"), b, newMemory(), "jdoe@example.org", text); (len(got) == 1) != want {
			t.Errorf("%q: got %v, asked %q", text, got, b.asked)
		}
	}
}

func TestMinLength(t *testing.T) {
	for pattern, want := range map[string]int{
		"[!-~]{8,32}": 8, "abc": 3, "a|bcd": 1, "(ab)+c?": 2, "a*": 0, ".{4}[a-z]+": 5, "(?i)Ab": 2, "^x$": 1,
	} {
		c := site(t)
		c.Password = rules.NewPattern(pattern)
		s := New(c, &fakeBackend{}, newMemory())
		if err := s.prepare(); err != nil || s.least != want {
			t.Errorf("%s: %d, want %d (%v)", pattern, s.least, want, err)
		}
	}
}

func TestUnescaped(t *testing.T) {
	for word, want := range map[string]string{
		"a%26b":       "a&b",
		"a%2":         "",
		"a&#x41;&lt;": "aA<",
		"a&#1114112;": "",
		`a\"\\\u0041`: `a"\A`,
		`a\`:          "",
		"a=3Db=":      "a=b=",
		`a""b`:        `a"b`,
		"plain":       "",
	} {
		got := ""
		unescaped([]byte(word), func(plain []byte) { got = string(plain) })
		if got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

// TestHostile: whatever is written, no more than Attempts are asked.
func TestHostile(t *testing.T) {
	var many, windows strings.Builder
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprintf("user%d", i))
	}
	for i := range 10_000 {
		fmt.Fprintf(&many, "user%d Cand-%d-x password ", i%500, i)
	}
	for i := range 1000 {
		fmt.Fprintf(&windows, "password Cand-%d-x %s\n", i, strings.Repeat("word ", 60))
	}
	for name, text := range map[string]string{
		"strings and names": many.String(), "windows": windows.String(),
		"triggers": strings.Repeat("password:", 100_000), "letters apart": strings.Repeat("p a s s w o r d ", 50_000),
		"wide": strings.Repeat("ｐａｓｓ密码", 20_000), "blanks": "password" + strings.Repeat(" ", 1<<20) + "Cand-1-x",
		"quotes": strings.Repeat("\"", 1<<18), "equals": strings.Repeat("pw=", 1<<17), "names": strings.Repeat("user1:", 1<<16),
	} {
		b := &fakeBackend{answer: authenticate.Wrong}
		c := site(t, names...)
		judge(c, b, newMemory(), "user1@example.org", text)
		if len(b.asked) > c.Attempts {
			t.Errorf("%s: asked %d times", name, len(b.asked))
		}
	}
}

// TestOwnTriggers: the administrator's words count with their weight, built-in
// ones go where he says so.
func TestOwnTriggers(t *testing.T) {
	for own, want := range map[string]string{
		"sesame":     "sesame 0",
		"sesame=40":  "sesame 40",
		"-sesame":    "-sesame 0",
		"a=b":        "a=b 0",
		"=4":         "=4 0",
		"two words=": "two words= 0",
	} {
		word, weight, removed := ownTrigger(own)
		got := fmt.Sprintf("%s %d", word, weight)
		if removed {
			got = "-" + got
		}
		if got != want {
			t.Errorf("%q: %q, want %q", own, got, want)
		}
	}
	for _, c := range []struct {
		own   []string
		text  string
		asked bool
	}{
		{nil, "Kennwort: Fixture-Pass-1", true},
		{[]string{"-KENNWORT"}, "Kennwort: Fixture-Pass-1", false},
		{nil, "open sesame: Fixture-Pass-1", false},
		{[]string{"sesame"}, "open sesame: Fixture-Pass-1", true},
		{[]string{"sesame=200"}, "open sesame, so to speak, which is Fixture-Pass-1", false},
	} {
		r, b, m := site(t, "jdoe"), &fakeBackend{answer: authenticate.Wrong}, newMemory()
		r.Triggers = c.own
		judge(r, b, m, "jdoe@example.org", c.text)
		if asked := len(b.asked) > 0; asked != c.asked {
			t.Errorf("%v in %q: asked %v", c.own, c.text, asked)
		}
	}
}
