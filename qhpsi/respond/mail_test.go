package respond

import (
	"errors"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

// groups are one recipient each, with these actions.
func groups(actions ...rules.Action) []Group {
	var list []Group
	for _, a := range actions {
		list = append(list, Group{Action: a, Text: a.String(), Findings: []scan.Finding{{Rule: "x.y", Note: "note of " + a.String(), Action: a}}})
	}
	return list
}

func TestSettle(t *testing.T) {
	const pass, tag, later, drop, replace, hold, reject = rules.Pass, rules.Tag, rules.Defer, rules.Discard, rules.Replace, rules.Hold, rules.Reject
	down := errors.New("down")
	for _, c := range []struct {
		name    string
		groups  []Group
		trouble error
		mixed   rules.Mixed
		want    rules.Action
		reason  string
		left    []Group
	}{
		{"pass", groups(pass), nil, "reject", pass, "", groups(pass)},
		{"gravest", groups(pass, replace, hold, drop, tag), nil, "reject", hold, "", groups(pass, replace, hold, drop, tag)},
		{"reject", groups(reject), nil, "hold", reject, "", groups(reject)},
		{"reject some", groups(pass, reject), nil, "reject", reject, "", groups(pass, reject)},
		{"hold some instead", groups(pass, reject), nil, "hold", hold, "", groups(pass, hold)},
		{"all rejected", groups(reject, reject), nil, "hold", reject, "", groups(reject, reject)},
		{"trouble", groups(pass), down, "reject", later, "down", groups(pass)},
		{"trouble and a refusal", groups(reject), down, "reject", reject, "down", groups(reject)},
		{"trouble and some refusals", groups(pass, reject), down, "hold", later, "down", nil},
		{"deferred", groups(pass, later), nil, "reject", later, "note of defer", nil},
		{"deferred, held", groups(hold, later), nil, "reject", later, "note of defer", nil},
		{"deferred, refused", groups(reject, later), nil, "reject", reject, "", nil},
		{"deferred, held as mixed", groups(reject, later), nil, "hold", later, "note of defer", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Settle(c.groups, c.trouble, c.mixed)
			reason := ""
			if err != nil {
				reason = err.Error()
			}
			if got.Action != c.want || reason != c.reason {
				t.Errorf("%s, %q; want %s, %q", got.Action, reason, c.want, c.reason)
			}
			for i, g := range c.left {
				if c.groups[i].Action != g.Action {
					t.Errorf("group %d is left to %s, want %s", i, c.groups[i].Action, g.Action)
				}
			}
		})
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		text       string
		permanent  bool
		line, code string
	}{
		{"no", true, "no", "5.7.1"},
		{"later", false, "later", "4.3.0"},
		{"no (#5.7.9)", true, "no", "5.7.9"},
		{"no (#4.7.9)", true, "no", "5.7.1"},
		{"no (#5.7.9)", false, "no", "4.3.0"},
		{"(#5.1.1)", true, "", "5.1.1"},
		{"a\r\n250 (#5.7.9) ok", true, "a  250 (#5.7.9) ok", "5.7.1"},
		{"Gr\u00fc\xff\x00", true, "Gr??", "5.7.1"},
	} {
		if line, code := Status(c.text, c.permanent); line != c.line || code != c.code {
			t.Errorf("%q: %q, %s; want %q, %s", c.text, line, code, c.line, c.code)
		}
	}
}
