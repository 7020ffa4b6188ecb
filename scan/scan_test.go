package scan_test

import (
	"errors"
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

func TestState(t *testing.T) {
	bad := errors.New("no")
	action := func(list ...rules.Action) (out []scan.Finding) {
		for _, a := range list {
			out = append(out, scan.Finding{Rule: a.String(), Action: a})
		}
		return out
	}
	for _, c := range []struct {
		name    string
		verdict scan.Verdict
		want    scan.State
		worst   string
	}{
		{"nothing", scan.Verdict{}, scan.Clean, ""},
		{"error", scan.Verdict{Err: bad}, scan.Undecided, ""},
		{"tag", scan.Verdict{Findings: action(rules.Tag)}, scan.Clean, "tag"},
		{"pass", scan.Verdict{Findings: action(rules.Pass)}, scan.Clean, "pass"},
		{"tag and error", scan.Verdict{Findings: action(rules.Tag), Err: bad}, scan.Undecided, "tag"},
		{"defer", scan.Verdict{Findings: action(rules.Tag, rules.Defer)}, scan.Undecided, "defer"},
		{"hold", scan.Verdict{Findings: action(rules.Defer, rules.Hold, rules.Tag)}, scan.Found, "hold"},
		{"reject and error", scan.Verdict{Findings: action(rules.Reject), Err: bad}, scan.Found, "reject"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.verdict.State(); got != c.want {
				t.Errorf("state %s, want %s", got, c.want)
			}
			if got := c.verdict.Worst().Rule; got != c.worst {
				t.Errorf("worst %q, want %q", got, c.worst)
			}
		})
	}
	first := scan.Verdict{Findings: []scan.Finding{{Rule: "a", Action: rules.Hold}, {Rule: "b", Action: rules.Hold}}}
	if got := first.Worst().Rule; got != "a" {
		t.Errorf("worst of two equals is %q, want the first", got)
	}
}

func TestPrintable(t *testing.T) {
	for _, c := range []struct {
		name, in string
		max      int
		want     string
	}{
		{"empty", "", 10, ""},
		{"plain", "keys.zip", 10, "keys.zip"},
		{"exactly max", "0123456789", 10, "0123456789"},
		{"over max", "0123456789a", 10, "0123456789..."},
		{"letters stay", "Grüße 密码", 100, "Grüße 密码"},
		{"line end", "a\r\nb", 100, `a\r\nb`},
		{"terminal escape", "a\x1b[2Jb", 100, `a\x1b[2Jb`},
		{"nul", "a\x00b", 100, `a\x00b`},
		{"invalid UTF-8", "a\xffb", 100, `a\xffb`},
		{"right-to-left override", "a\u202eb", 100, `a\u202eb`},
		{"zero width", "a\u200bb", 100, `a\u200bb`},
		{"other blanks", "a\u00a0b", 100, `a\u00a0b`},
		{"C1 control", "a\u009bb", 100, `a\u009bb`},
		{"replacement character itself", "a\ufffdb", 100, "a\ufffdb"},
		{"cut between characters", "aaü", 3, "aa..."},
		{"cut between escapes", "aa\x01", 5, "aa..."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := scan.Printable(c.in, c.max); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if got := scan.Printable(strings.Repeat("\x01", 1<<20), 256); len(got) > 259 {
		t.Errorf("%d bytes", len(got))
	}
}
