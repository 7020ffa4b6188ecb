package header

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"qguard/scan"
)

var now = time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)

// judged judges a header, which stands in a message with others in it.
func judged(t testing.TB, now time.Time, fields scan.Header) []scan.Finding {
	t.Helper()
	l := New(func() time.Time { return now }).Begin(nil)
	for _, p := range []*scan.Part{
		{Depth: -1},
		{Depth: 0, Header: fields},
		{Depth: 0},
		{Depth: 1, Header: scan.Header{{Name: "Subject", Value: "<script>"}}},
		{Depth: 0, Header: scan.Header{{Name: "Subject", Value: "<script>"}}},
	} {
		if err := l.Part(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
	found, err := l.End(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Part != "" || f.Name != "" || f.Note == "" || f.Grave {
			t.Errorf("finding %+v", f)
		}
	}
	return found
}

func rulesOf(found []scan.Finding) string {
	var list []string
	for _, f := range found {
		list = append(list, strings.TrimPrefix(f.Rule, "header."))
	}
	return strings.Join(list, " ")
}

// fieldsOf reads a header whose lines are in order, as the opener would.
func fieldsOf(text string) scan.Header {
	var h scan.Header
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			if len(h) > 0 {
				h[len(h)-1].Value += " " + strings.TrimSpace(line)
			}
		case ok && !strings.HasPrefix(line, "From "):
			h = append(h, scan.Field{Name: strings.TrimRight(name, " \t"), Value: strings.TrimSpace(value)})
		}
	}
	return h
}

// ordinary is the header of a message without a fault.
const ordinary = "From: a@example.org\nTo: b@example.org\nDate: Fri, 20 Nov 2026 10:00:00 +0000\nSubject: hello\n"

func b64(s string) string { return "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }

func TestFields(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"ordinary", "", "", ""},
		{"no header", ordinary, "", "from date subject recipient"},
		{"no From", "From: a@example.org\n", "", "from"},
		{"empty From", "From: a@example.org", "From: ", "from"},
		{"From of nobody", "From: a@example.org", `From: "" <>`, "from"},
		{"From in another case", "From", "FROM", ""},
		{"no Date", "Date: Fri, 20 Nov 2026 10:00:00 +0000\n", "", "date"},
		{"empty Date", "Date: Fri, 20 Nov 2026 10:00:00 +0000", "Date:", "date"},
		{"no Subject", "Subject: hello\n", "", "subject"},
		{"empty Subject", "hello", "", "subject"},
		{"no recipient", "To: b@example.org\n", "", "recipient"},
		{"empty To", "b@example.org", "", "recipient"},
		{"undisclosed", "b@example.org", "undisclosed-recipients:;", ""},
		{"Cc", "To", "Cc", ""},
		{"Bcc", "To", "Bcc", ""},
		{"empty Bcc", "To: b@example.org", "Bcc:", ""},
		{"two From", "To", "FROM: c@example.org\nTo", "duplicate"},
		{"two Subject, one empty", "Subject", "Subject:\nSubject", "duplicate"},
		{"two of many", ordinary, ordinary + ordinary, "duplicate"},
		{"two Received", "To", "Received: x\nReceived: y\nTo", ""},
		{"two Resent-From", "To", "Resent-From: x\nResent-From: y\nTo", ""},
		{"8-bit name", "To", "X-\xe4: b\nTo", "8bit"},
		{"8-bit address", "a@", "\xe4@", "8bit"},
		{"UTF-8 in an address", "a@", "ä <a@", "8bit"},
		{"UTF-8 in a file name", "To", "Content-Disposition: attachment; filename=ä.txt\nTo", "8bit"},
		{"UTF-8 in Received", "To", "Received: from ä\nTo", "8bit"},
		{"UTF-8 in Resent-To", "To", "Resent-To: ä\nTo", "8bit"},
		{"8-bit Subject", "hello", "hell\xf6", "8bit"},
		{"UTF-8 Subject", "hello", "hellö", ""},
		{"UTF-8 description", "To", "Content-Description: ä\nTo", ""},
		{"8-bit, own field", "To", "X-A: \xff\nTo", "8bit"},
		{"UTF-8, own field", "To", "X-A: ä\nTo", ""},
		{"base64 Subject", "hello", b64("hello"), "base64"},
		{"base64 Subject of two words", "hello", b64("hello") + " \t" + b64(" you"), "base64"},
		{"base64, lower case, no padding", "hello", "=?us-ascii?b?aGVsbG8?=", "base64"},
		{"base64, needed", "hello", b64("hellö"), ""},
		{"base64, needed in the second", "hello", b64("hello") + " " + b64("ö"), ""},
		{"base64 with a prefix", "hello", "Re: " + b64("hello"), ""},
		{"base64 with a tail", "hello", b64("hello") + " you", ""},
		{"base64 and quoted", "hello", b64("hello") + " =?utf-8?Q?you?=", ""},
		{"quoted", "hello", "=?utf-8?Q?hello?=", ""},
		{"base64, Japanese", "hello", "=?ISO-2022-JP?B?GyRCJDMbKEI=?=", ""},
		{"base64, UTF-7", "hello", "=?utf-7?B?K0FPUS0=?=", ""},
		{"base64 of nothing", "hello", "=?utf-8?B??=", ""},
		{"not a word", "hello", "=?what?", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rulesOf(judged(t, now, fieldsOf(strings.Replace(ordinary, c.old, c.new, 1)))); got != c.want {
				t.Errorf("rules %q, want %q", got, c.want)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	h := fieldsOf("From:\nSubject: a\nsubject: b\nDate: Fri, 20 Nov 2026 10:00:00 +0000\nDate: x\nX-A: <IMG src=a>\nX-B: <svg>\nTo: \xe4\n")
	var notes []string
	for _, f := range judged(t, now, h) {
		notes = append(notes, f.Note)
	}
	want := []string{"empty From", "more than one Date, Subject", "HTML or script in X-A", "8-bit bytes in To"}
	if !slices.Equal(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

func TestScript(t *testing.T) {
	for _, c := range []struct{ value, clean string }{
		{"<script>", "<scripture>"},
		{"a<SCRIPT src=x>", "a < script"},
		{"<script", "<script-1@example.org>"},
		{"<html>", "<html@example.org>"},
		{"<iframe\tx", "<iframes"},
		{"<object/", "<object1.2@example.org>"},
		{"<<<embed >", "embed >"},
		{"<svg/onload=a>", "<svga>"},
		{"<img src=x onerror=a>", "<img.1@example.org>"},
		{"javascript:alert(1)", "JavaScript: The First Steps"},
		{"a: b: JavaScript:x", "javascript :x"},
		{"<javascript:x>", "javascript:"},
		{"=?utf-8?Q?<script>?=", "=?utf-8?Q?<scripts>?="},
		{"=?utf-8?q?=3Cscript=3e?=", "=?utf-8?q?=253Cscript=3e?="},
		{"=?koi8-r?Q?a_<img_src?=", "=?koi8-r?Q?a_<imgs?="},
		{b64("<script>"), b64("<scripts>")},
		{"=?UTF-8?B?PHNjcmlwdD4?=", "=?UTF-8?X?PHNjcmlwdD4?="},
		{b64("<scr") + "  " + b64("ipt>"), b64("<scr") + " x " + b64("ipt>")},
		{"<scr" + b64("ipt>"), "<scr " + b64("ipt>")},
		{"=?a?b =?utf-8?B?PHNjcmlwdD4=?=", "=?a?b"},
		{"=?utf-8?Q?open " + b64("<script>"), "=?utf-8?Q?open"},
		{"=?=?utf-8?Q?=3Cscript=3E?=", "=?=?=?="},
		{"=?utf-8?Q?a?b?=?= " + b64("<script>"), "=?utf-8?Q?<scr?ipt>?="},
		{"=?utf-8?Q?a=?= =?utf-8?Q?=3Cscript=3E?=", "=?utf-8?Q?=?="},
		{"=?utf-8?Q??==?utf-8?Q?<html>?=", "=?utf-8?Q??="},
	} {
		for _, name := range []string{"Subject", "From", "Reply-To", "X-Mailer", "References"} {
			if got := rulesOf(judged(t, now, append(fieldsOf(ordinary), scan.Field{Name: name, Value: c.value}))); !strings.Contains(got, "script") {
				t.Errorf("%s: %q: rules %q", name, c.value, got)
			}
			if got := rulesOf(judged(t, now, append(fieldsOf(ordinary), scan.Field{Name: name, Value: c.clean}))); strings.Contains(got, "script") {
				t.Errorf("%s: clean %q: rules %q", name, c.clean, got)
			}
		}
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct{ date, want string }{
		{"Fri, 20 Nov 2026 12:00:00 +0000", ""},
		{"Sun, 22 Nov 2026 12:00:00 +0000", ""},
		{"Sun, 22 Nov 2026 12:00:01 +0000", "Date 2 days ahead"},
		{"Sun, 22 Nov 2026 13:00:00 +0100", ""},
		{"Sun, 22 Nov 2026 12:00:00 -0100", "Date 2 days ahead"},
		{"Mon, 21 Sep 2026 12:00:00 +0000", ""},
		{"Mon, 21 Sep 2026 11:59:59 +0000", "Date 60 days past"},
		{"Thu, 01 Jan 1970 00:00:00 +0000", "Date 20777 days past"},
		{"Tue, 19 Jan 2038 03:14:07 +0000", "Date 4077 days ahead"},
		{"Fri, 31 Dec 9999 23:59:59 -2359", "Date 2912120 days ahead"},
		{"1 Jan 0000 00:00", "Date 740305 days past"},
		{"yesterday", "Date cannot be read"},
	} {
		h := fieldsOf("From: a\nTo: b\nSubject: c\nDate: " + c.date + "\n")
		got := ""
		if found := judged(t, now, h); len(found) > 0 {
			got = found[0].Note
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.date, got, c.want)
		}
		got = rulesOf(judged(t, now, append(h, scan.Field{Name: "resent-date", Value: "x"})))
		if want := c.want != "" && !strings.HasSuffix(c.want, "past"); (got == "clock") != want {
			t.Errorf("%s, sent on: %q", c.date, got)
		}
	}
}

// FuzzHeader holds headers to what nothing else in them may change: a rule comes
// once, script is seen in any company, and one header has one answer.
func FuzzHeader(f *testing.F) {
	f.Add("From", "a@example.org", "=?utf-8?B?PHNj?=", "x")
	f.Add("Subject", "=?a?Q?=3", "=?=?b?B?", "?=")
	f.Add("Date", "20 Nov (x\\) 26 12:00 GMT", "<<", "=?utf-8?Q?")
	f.Add("DATE", "1 2 3 4:5:6", "javascript", ":")
	f.Fuzz(func(t *testing.T, name, value, before, after string) {
		h := scan.Header{{Name: name, Value: value}, {Name: "X-A", Value: before + " <script> " + after}}
		found := judged(t, now, h)
		if !slices.Equal(found, judged(t, now, h)) {
			t.Error("not the same twice")
		}
		seen := map[string]bool{}
		for _, f := range found {
			if seen[f.Rule] {
				t.Errorf("%s twice", f.Rule)
			}
			seen[f.Rule] = true
		}
		if !seen["header.script"] {
			t.Errorf("script as written is not found: %q", h)
		}
		if !strings.Contains(after, "?=") && strings.HasSuffix(before, " ") {
			h[1].Value = before + b64("<script>") + " " + after
			if !strings.Contains(rulesOf(judged(t, now, h)), "script") {
				t.Errorf("script in a word is not found: %q", h)
			}
		}
	})
}

func BenchmarkLook(b *testing.B) {
	received := "Received: from mx.example.org (mx.example.org [192.0.2.1])\n\tby mail.example.net with ESMTPS id 4711 for <b@example.net>;\n\tFri, 20 Nov 2026 10:00:00 +0000 (UTC)\n"
	for _, c := range []struct{ name, text string }{
		{"ordinary", strings.Repeat(received, 5) + ordinary + "Message-ID: <1@example.org>\nReferences: <2@example.org> <3@example.org>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nX-Mailer: example 1.0\nDKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x;\n\tbh=" + strings.Repeat("0123456789abcdef", 4) + ";\n\tb=" + strings.Repeat("0123456789abcdef", 20) + "\n"},
		{"words", "Subject: " + strings.Repeat("=?utf-8?Q?a?= ", 20000) + "\n"},
		{"beginnings", "Subject: " + strings.Repeat("=?", 130000) + "\n"},
		{"beginnings, quoted", "Subject: " + strings.Repeat("=?a?q? ", 40000) + "\n"},
		{"beginnings, base64", "Subject: " + strings.Repeat("=?a?b? ", 40000) + "?=\n"},
		{"tags", "Subject: " + strings.Repeat("<", 260000) + "\n"},
		{"colons", "Subject: " + strings.Repeat("javascript: ", 20000) + "\n"},
		{"comments", "Date: " + strings.Repeat("(", 260000) + "\n"},
		{"date of words", "Date: " + strings.Repeat("x ", 130000) + "\n"},
		{"fields", strings.Repeat("a:b\n", 65000)},
	} {
		h := fieldsOf(c.text)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			s := New(func() time.Time { return now })
			for b.Loop() {
				l := s.Begin(nil)
				l.Part(b.Context(), &scan.Part{Header: h})
				l.End(b.Context())
			}
		})
	}
}
