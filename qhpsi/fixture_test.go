package qhpsi_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
	"qguard/scan/header"
)

var update = flag.Bool("update", false, "write the .want files of the fixtures anew")

// fixtures are the messages of the repository and an operator's own, which git
// ignores.
var fixtures = []string{"scan/testdata/mail/*.eml", "scan/testdata/private/*.eml"}

// TestFixtures judges every fixture and compares with its .want: the verdict,
// then a line for each finding.
func TestFixtures(t *testing.T) {
	t.Chdir("..")
	c, err := rules.Load("scan/testdata/qguard.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c.Cache.Path, c.Cache.Key = dir+"/cache/c.db", dir+"/key/c.key"
	engine, err := qhpsi.New(c, func(err error) { t.Log(err) })
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range engine.Scanners {
		if _, ok := s.(*header.Scanner); ok { // the fixtures are of this day
			engine.Scanners[i] = header.New(func() time.Time { return time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC) })
		}
	}
	for _, pattern := range fixtures {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			base := strings.TrimSuffix(name, ".eml")
			t.Run(filepath.Base(base), func(t *testing.T) { fixture(t, engine, base) })
		}
	}
}

func fixture(t *testing.T, engine *scan.Engine, base string) {
	text, err := os.ReadFile(base + ".eml")
	if err != nil {
		t.Fatal(err)
	}
	v := judge(engine, text)
	var got strings.Builder
	fmt.Fprintln(&got, v.State())
	for _, f := range v.Findings {
		fmt.Fprintf(&got, "%s %s part=%s name=%q note=%q\n", f.Action, f.Rule, f.Part, f.Name, f.Note)
	}
	if v.Err != nil {
		fmt.Fprintln(&got, "error:", v.Err)
	}
	if *update {
		if err := os.WriteFile(base+".want", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(base + ".want")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
}

func judge(engine *scan.Engine, text []byte) scan.Verdict {
	return engine.Scan(context.Background(), &scan.Message{Content: bytes.NewReader(text), Size: int64(len(text))})
}
