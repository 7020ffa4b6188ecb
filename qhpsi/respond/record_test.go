package respond

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"qguard/rules"
	"qguard/scan"
)

func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		name  string
		group Group
		want  string
	}{
		{"administrator's", Group{Text: "no"}, "no"},
		{"password", Group{Findings: []scan.Finding{{Rule: "credential.valid", Name: "jdoe", Action: rules.Reject}}}, "message gives away a password: do not send it, and change it"},
		{"file", Group{Findings: []scan.Finding{{Rule: "header.x", Action: rules.Tag}, {Rule: "xfile.name", Name: "a\n.exe", Action: rules.Reject}}}, `unsafe file a\n.exe (xfile.name)`},
		{"rule", Group{Findings: []scan.Finding{{Rule: "virus.qhpsi", Action: rules.Reject}}}, "message refused (virus.qhpsi)"},
	} {
		if got := Refusal(c.group); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestLine(t *testing.T) {
	r := Record{
		ID: "i", Client: "192.0.2.1", Sender: "a\"\n\xff verdict=clean@b", Recipients: 2, Size: 3, Judged: true,
		Verdict: scan.Verdict{Findings: []scan.Finding{{Rule: "xfile.name", Action: rules.Reject}, {Rule: "xfile.name"}, {Rule: "x.y"}}},
		Action:  rules.Reject, Exit: 31, Err: errors.New("a b\nc=d"), Took: 1234567 * time.Nanosecond,
	}
	want := `id=i client=192.0.2.1 sender="a\"\n\xff verdict=clean@b" recipients=2 size=3 verdict=found rules=xfile.name,x.y action=reject exit=31 ms=1.2 error="a b\nc=d"`
	if got := r.Line(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (Record{Err: errors.New("no cache")}).Line(); got != `error="no cache"` {
		t.Errorf("no message's: %s", got)
	}
	if got, want := (Record{ID: "i"}).Line(), `id=i sender="" recipients=0 size=0 verdict=none exit=0 ms=0.0`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (Record{ID: "i", Sender: strings.Repeat("x", 2000)}).Line(); len(got) > 400 {
		t.Errorf("%d bytes", len(got))
	}
	if got, want := (Record{ID: "i", Door: "clamd", Recipients: -1, Answer: "OK"}).Line(), `id=i door=clamd size=0 verdict=none answer=OK ms=0.0`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := (Record{ID: "i", Door: "milter", Queue: "4Rs\n1", Client: "::1", Answer: "accept"}).Line(), `id=i door=milter queue="4Rs\n1" client=::1 sender="" recipients=0 size=0 verdict=none answer=accept ms=0.0`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLogger(t *testing.T) {
	var b strings.Builder
	name := t.TempDir() + "/log"
	for _, c := range []struct {
		to   string
		want string
	}{
		{"", "qguard-queue: id=i sender="},
		{"stderr", "qguard-queue: id=i sender="},
		{name, ""},
		{"syslog", ""},
	} {
		b.Reset()
		log, err := Logger(c.to, "qguard-queue", &b)
		if err != nil {
			t.Fatal(err)
		}
		log(Record{ID: "i"})
		if !strings.HasPrefix(b.String(), c.want) || c.want == "" && b.Len() > 0 {
			t.Errorf("%s: %q", c.to, b.String())
		}
	}
	data, _ := os.ReadFile(name)
	if text := string(data); !strings.HasPrefix(text, "qguard-queue: id=i sender=") || strings.Count(text, "\n") != 1 {
		t.Errorf("%q", text)
	}
	if _, err := Logger("/nonexistent/log", "qguard-queue", &b); err == nil {
		t.Error("no error")
	}
}
