package respond

import (
	"io"
	"mime"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"

	"qguard/rules"
	"qguard/scan"
)

var when = time.Date(2026, 11, 21, 21, 30, 0, 0, time.UTC)

// letterTo is a letter about a message with this header.
func letterTo(sender string, header ...string) Letter {
	var h scan.Header
	for i := 0; i+1 < len(header); i += 2 {
		h = append(h, scan.Field{Name: header[i], Value: header[i+1]})
	}
	return Letter{
		Sender: sender, Recipients: []string{"c@d", "e@f"}, Header: h, ID: "20261121T213000-aa-0", Now: when,
		Findings: []scan.Finding{
			{Rule: "xfile.name", Name: "a.exe", Action: rules.Reject},
			{Rule: "xfile.name", Name: "b.exe", Action: rules.Reject},
			{Rule: "header.x", Name: "tagged only", Action: rules.Tag},
		},
	}
}

// parse reads a letter as a mail client would.
func parse(t *testing.T, letter []byte) (h message.Header, body string) {
	t.Helper()
	for line := range strings.Lines(string(letter)) {
		if len(line) > 999 || strings.Contains(line, "\r") || !strings.HasSuffix(line, "\n") && strings.Contains(line, ": ") {
			t.Errorf("line %.100q of %d bytes", line, len(line))
		}
		for _, b := range []byte(line) {
			if b >= 0x7f || b < ' ' && b != '\n' && b != '\t' {
				t.Errorf("byte %#x in %.100q", b, line)
			}
		}
	}
	e, err := message.Read(strings.NewReader(string(letter)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	return e.Header, strings.ReplaceAll(string(text), "\r\n", "\n")
}

func TestReplacement(t *testing.T) {
	l := letterTo("a@b", "Subject", "Rechnung f\u00fcr \u5bc6\u7801", "Message-ID", "<1@x>", "Date", "today")
	h, body := parse(t, l.Replacement(rules.Default().Replace))
	subject, err := h.Text("Subject")
	if err != nil || subject != "Removed: Rechnung f\u00fcr \u5bc6\u7801" {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"From": "postmaster", "To": "undisclosed-recipients:;", "In-Reply-To": "<1@x>", "Message-Id": "<20261121T213000-aa-0@qguard>",
		"Auto-Submitted": "auto-generated", "Date": "Sat, 21 Nov 2026 21:30:00 +0000", "Mime-Version": "1.0",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, want := range []string{
		"From:       a@b\n", "Subject:    Rechnung f\u00fcr \u5bc6\u7801\n", "Message-ID: <1@x>\n", "Files:      a.exe, b.exe\n",
		"Reason:     xfile.name\n", "under this number: 20261121T213000-aa-0\n",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in %s", want, body)
		}
	}
}

func TestNotice(t *testing.T) {
	n := rules.Default().Notice
	n.From = "P\u00f6stmaster <postmaster@example.org>"
	h, body := parse(t, letterTo("a@b", "Subject", "s").Notice(n))
	if h.Get("To") != "<a@b>" || h.Get("Auto-Submitted") != "auto-replied" || !strings.Contains(body, "To:         c@d, e@f\n") {
		t.Errorf("to %q, %q, %s", h.Get("To"), h.Get("Auto-Submitted"), body)
	}
	if from, err := h.Text("From"); err != nil || from != `P`+"\u00f6"+`stmaster <postmaster@example.org>` {
		t.Errorf("from %q, %v", from, err)
	}
	for sender, want := range map[string]string{
		"a b@c":                          `<"a b"@c>`,
		"x>, <y@z":                       `<"x>, <y"@z>`,
		"\u00fc@b":                       nobody,
		"\xff@b":                         nobody,
		"a\nBcc: b@":                     nobody,
		"local":                          nobody,
		strings.Repeat("x", 1000) + "@b": nobody,
	} {
		h, _ := parse(t, letterTo(sender).Notice(n))
		if got := h.Get("To"); got != want {
			t.Errorf("%.50q: To %.100q, want %q", sender, got, want)
		}
	}
}

// TestHostileValues cannot name variables, end lines or make them too long.
func TestHostileValues(t *testing.T) {
	long := strings.Repeat("y", 300<<10)
	for _, subject := range []string{
		"$id ${sender} $$", "a\r\nBcc: victim@x\r\n\r\nbody", "a\u2028b\u0085c\x00d", "\xff\xfe", long, strings.Repeat("\u00fc", 1000),
		"=?utf-8?q?=0d=0aBcc:?=",
	} {
		l := letterTo("a@b", "Subject", subject, "Message-ID", "<"+long+">", "Date", subject)
		l.Findings[0].Name = subject
		h, body := parse(t, l.Replacement(rules.Default().Replace))
		if h.Has("Bcc") || h.Has("In-Reply-To") || strings.Count(body, l.ID) != 1 || strings.Count(body, "\n") != strings.Count(rules.Default().Replace.Text, "\n") {
			t.Errorf("%.50q: %v, %.1000s", subject, h.Map(), body)
		}
		if len(body) > 5000 {
			t.Errorf("%.50q: body of %d bytes", subject, len(body))
		}
	}
}

func TestExpand(t *testing.T) {
	l := letterTo("a@b", "Subject", "s", "Message-ID", "m", "Date", "d")
	for template, want := range map[string]string{
		"$sender ${subject}x $message_id $date": "a@b sx m d",
		"$recipients":                           "c@d, e@f",
		"$files $rules $id":                     "a.exe, b.exe xfile.name 20261121T213000-aa-0",
		"$unknown costs 5$":                     "$unknown costs 5$",
		"$5":                                    "$5",
	} {
		if got := l.expand(template); got != want {
			t.Errorf("%q: %q, want %q", template, got, want)
		}
	}
	l.Recipients = strings.Fields(strings.Repeat("x@y ", 1000))
	if got := l.expand("$recipients"); strings.Count(got, "x@y") != 20 {
		t.Errorf("%d recipients", strings.Count(got, "x@y"))
	}
}

func TestMayNotice(t *testing.T) {
	for _, c := range []struct {
		name, sender string
		header       []string
		want         bool
	}{
		{"a person", "a@b", []string{"Subject", "s"}, true},
		{"said not to be automatic", "a@b", []string{"Auto-Submitted", " No "}, true},
		{"first class", "a@b", []string{"Precedence", "first-class"}, true},
		{"null sender", "", []string{"Subject", "s"}, false},
		{"double bounce", "#@[]", []string{"Subject", "s"}, false},
		{"bounce", "Mailer-Daemon@b", []string{"Subject", "s"}, false},
		{"automatic", "a@b", []string{"auto-submitted", "auto-generated"}, false},
		{"automatic, second field", "a@b", []string{"Auto-Submitted", "no", "Auto-Submitted", "auto-replied"}, false},
		{"bulk", "a@b", []string{"Precedence", "BULK"}, false},
		{"junk", "a@b", []string{"precedence", "junk"}, false},
		{"list", "a@b", []string{"Precedence", "list"}, false},
		{"list id", "a@b", []string{"List-ID", "x"}, false},
		{"list id, empty", "a@b", []string{"List-Id", ""}, false},
		{"list post", "a@b", []string{"List-Post", "x"}, false},
		{"list unsubscribe", "a@b", []string{"List-Unsubscribe", "x"}, false},
		{"header that could not be read", "a@b", nil, false},
	} {
		if got := MayNotice(c.sender, letterTo("", c.header...).Header); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// FuzzLetter makes letters about hostile headers that a client can read.
func FuzzLetter(f *testing.F) {
	f.Add("a@b", "subject", "<1@x>", "$id")
	f.Add("\r\n", "\r\n\r\n", "<\n>", "${")
	f.Fuzz(func(t *testing.T, sender, subject, id, text string) {
		l := letterTo(sender, "Subject", subject, "Message-ID", id)
		h, _ := parse(t, l.Notice(rules.Notice{From: "postmaster", Subject: "$subject", Text: text + "$subject"}))
		if n := len(h.Map()); n > 10 || h.Get("Auto-Submitted") != "auto-replied" {
			t.Fatalf("%d fields: %v", n, h.Map())
		}
		if _, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject")); err != nil {
			t.Fatal(err)
		}
	})
}
