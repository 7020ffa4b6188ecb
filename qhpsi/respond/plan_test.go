package respond

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"qguard/rules"
	"qguard/scan"
)

func TestPlan(t *testing.T) {
	c, err := rules.Parse("test.toml", `
[[policy]]
recipient = "pass@x"
action = "pass"
[[policy]]
recipient = "tag.example"
action = "tag"
[[policy]]
recipient = "text@x"
action = "reject"
text = "no"
[[policy]]
recipient = "macro@x"
rule = "xfile.macro"
action = "pass"
`)
	if err != nil {
		t.Fatal(err)
	}
	findings := []scan.Finding{{Rule: "xfile.macro"}, {Rule: "xfile.name"}}
	for _, k := range []struct{ name, to, want string }{
		{"nobody", "", "reject[]"},
		{"one group", "a@x b@x a@x", "reject[a@x b@x a@x]"},
		{"order of the first", "a@x PASS@x b@x c@tag.example pass@x", "reject[a@x b@x] pass[PASS@x pass@x] tag[c@tag.example]"},
		{"texts differ", "a@x text@x", "reject[a@x] reject[text@x]"},
		{"same action for other findings", "a@x macro@x", "reject[a@x] reject[macro@x]"},
	} {
		var got []string
		for _, g := range Plan(c.Policy, findings, rules.Envelope{}, strings.Fields(k.to)) {
			got = append(got, fmt.Sprintf("%s%s", g.Action, g.Recipients))
		}
		if strings.Join(got, " ") != k.want {
			t.Errorf("%s: %s, want %s", k.name, got, k.want)
		}
	}
	if findings[0].Action != rules.Pass {
		t.Error("the findings given were changed")
	}
}

func TestPlanMany(t *testing.T) {
	action := rules.Pass
	policy := rules.Policy{{Recipient: "none@x", Action: &action}}
	var to []string
	for i := range 200_000 {
		to = append(to, fmt.Sprintf("someone%d@example.net", i))
	}
	start := time.Now()
	groups := Plan(policy, []scan.Finding{{Rule: "xfile.name"}, {Rule: "header.x"}}, rules.Envelope{}, to)
	if len(groups) != 1 || len(groups[0].Recipients) != len(to) || time.Since(start) > 5*time.Second {
		t.Errorf("%d groups after %s", len(groups), time.Since(start))
	}
}
