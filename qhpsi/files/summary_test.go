package files

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"qguard/rules"
	"qguard/scan"
)

// TestTable: a message counts once for each rule and action, the gravest first.
func TestTable(t *testing.T) {
	count := table{}
	program := scan.Finding{Rule: "xfile.name", Action: rules.Reject}
	held := scan.Finding{Rule: "xfile.name", Action: rules.Hold}
	macro := scan.Finding{Rule: "xfile.macro", Action: rules.Hold}
	date := scan.Finding{Rule: "header.date", Action: rules.Tag}
	for _, findings := range [][]scan.Finding{{program, program, date}, {held, date}, {macro}, {macro}, nil} {
		count.add(findings)
	}
	var plain, coloured bytes.Buffer
	count.write(&plain, false)
	want := `messages  action   rule
       1  reject   xfile.name
       2  hold     xfile.macro
       1  hold     xfile.name
       2  tag      header.date
`
	if plain.String() != want {
		t.Errorf("got\n%swant\n%s", plain.String(), want)
	}
	count.write(&coloured, true)
	strip := strings.NewReplacer(red, "", yellow, "", green, "", end, "")
	if got := strip.Replace(coloured.String()); got != want || !strings.Contains(coloured.String(), red+"reject ") {
		t.Errorf("in colour %q", coloured.String())
	}
	plain.Reset()
	if (table{}).write(&plain, true); plain.Len() > 0 {
		t.Errorf("empty: %q", plain.String())
	}
}

// TestBar: the line has what is done, the rate and the time left.
func TestBar(t *testing.T) {
	var out bytes.Buffer
	b := newBar(&out, 4, true)
	b.start = b.start.Add(-10 * time.Second)
	b.done = 1
	b.step(map[scan.State]int{scan.Found: 1})
	if got := out.String(); !strings.Contains(got, "[===============               ] 2/4  1 found  0/s  10s left") {
		t.Errorf("%q", got)
	}
	b.clear()
	if !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("not wiped: %q", out.String())
	}
	out.Reset()
	newBar(&out, 4, false).step(nil)
	if out.Len() > 0 {
		t.Errorf("without a walk: %q", out.String())
	}
}
