package document_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
)

func TestCalendar(t *testing.T) {
	event := func(lines ...string) string {
		return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	for _, c := range []struct {
		name, data string
		parts      []string
	}{
		{"no file", event("SUMMARY:a", "ATTACH:https://example.org/a.exe"), nil},
		{"file", event("ATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=a.exe:aGVsbG8="), []string{`1/a.exe|a.exe: "hello"`}},
		{"folded anywhere", event("ATT\r\n ACH;ENCOD\r\n\tING=BASE64;FILENAME=\"a:\r\n .e;xe\":\r\n aGVs\r\n bG8\r\n =", "X:y"), []string{`1/a:.e;xe|a:.e;xe: "hello"`}},
		{"without a name", event("attach;encoding=b:aGVsbG8="), []string{`1/attachment|: "hello"`}},
		{"two", event("ATTACH;ENCODING=BASE64;FILENAME=a:YQ==", "ATTACH;X-ORACLE-FILENAME=b;ENCODING=\"BASE64\":Yg=="), []string{`1/a|a: "a"`, `1/b|b: "b"`}},
		{"line feeds, no end", strings.ReplaceAll(event("A:b"), "\r", "") + "ATTACH;ENCODING=BASE64:aGVsbG8", []string{`1/attachment|: "hello"`}},
		{"another property", event("X-ATTACH;ENCODING=BASE64:aGVsbG8=", "DESCRIPTION:ATTACH;ENCODING=BASE64:aGVsbG8="), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range []string{"a.ics", "a.dat"} {
				r := open(t, name, c.data, 0, rules.Limit{})
				if diff := cmp.Diff(c.parts, r.parts); diff != "" || len(r.found) > 0 {
					t.Errorf("%s: found %q, parts (-want +got):\n%s", name, r.found, diff)
				}
			}
			for n := range c.data {
				open(t, "a.ics", c.data[:n], 0, rules.Limit{})
			}
		})
	}
	if r := open(t, "a.txt", "ATTACH;ENCODING=BASE64:aGVsbG8=\n", 0, rules.Limit{}); len(r.parts) > 0 {
		t.Errorf("parts %q in no calendar", r.parts)
	}
	long := event("ATTACH;X=" + strings.Repeat("x", 1<<20) + ";ENCODING=BASE64:aGVsbG8=")
	if r := open(t, "a.ics", long, 0, rules.Limit{}); len(r.parts) > 0 {
		t.Errorf("parts %q behind a megabyte of parameters", r.parts)
	}
}
