package scan_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
	"qguard/scan"
)

// FuzzMessage judges anything as a message by the whole house: no panic and no
// error, the same verdict twice, and a program in front of or behind whatever
// else a message holds is found.
func FuzzMessage(f *testing.F) {
	names, err := filepath.Glob("testdata/mail/*.eml")
	if err != nil || len(names) < 90 {
		f.Fatalf("%d fixtures, %v", len(names), err)
	}
	for _, name := range names {
		mail, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(mail) < 16<<10 {
			f.Add(mail)
		}
	}
	limit := rules.DefaultLimit()
	limit.Inflated, limit.Members, limit.Parts, limit.Time = 1<<20, 50, 100, rules.Duration(time.Minute)
	engine := house(limit)
	f.Fuzz(func(t *testing.T, data []byte) {
		first := judge(engine, string(data))
		if first.Err != nil {
			t.Fatalf("error %v", first.Err)
		}
		again := judge(engine, string(data))
		if diff := cmp.Diff(first.Findings, again.Findings); diff != "" {
			t.Errorf("findings (-first +again):\n%s", diff)
		}
		for _, found := range first.Findings {
			if len(found.Name) > 260 || len(found.Note) > 260 || strings.ContainsAny(found.Name+found.Note+found.Part, "\n\r\x00\x1b") {
				t.Errorf("finding %+v", found)
			}
		}
		// Other parts cannot end this multipart early.
		other := strings.ReplaceAll(string(data), "--b1", "--b2")
		evil := file("image/png", "a.png", program)
		for name, mail := range map[string]string{
			"first": mixed(evil, other),
			"last":  mixed(other, evil),
			"crlf":  strings.ReplaceAll(mixed(evil), "\n", "\r\n") + other,
		} {
			if v := judge(engine, mail); v.State() != scan.Found {
				t.Errorf("the program is %s: %s", name, v.State())
			}
		}
	})
}
