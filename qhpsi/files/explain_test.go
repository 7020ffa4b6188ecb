package files

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

// TestExplainFixtures: being watched changes no verdict, every finding is shown,
// and neither a password of the fixtures nor a control character is.
func TestExplainFixtures(t *testing.T) {
	t.Chdir("../..")
	names, err := filepath.Glob("scan/testdata/mail/*.eml")
	if err != nil || len(names) == 0 {
		t.Fatal("no fixtures", err)
	}
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
	d := &Door{Err: &bytes.Buffer{}, Size: 1 << 20, Explain: engine}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			var out bytes.Buffer
			d.Out = &out
			want := d.file(t.Context(), name, engine)
			got := d.file(t.Context(), name, &watched{engine})
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(result{}, "Ms")); diff != "" {
				t.Errorf("being watched changes the verdict:\n%s", diff)
			}
			d.Run(t.Context(), []string{name})
			text := out.String()
			if n := strings.Count(text, "   -> "); n != len(want.Findings) {
				t.Errorf("%d findings of %d in\n%s", n, len(want.Findings), text)
			}
			if strings.Contains(text, "Fixture-Pass-") {
				t.Errorf("a password in\n%s", text)
			}
			if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x202e }); i >= 0 {
				t.Errorf("%q in\n%s", text[i], text)
			}
		})
	}
}

// watched judges with somebody watching.
type watched struct {
	engine *scan.Engine
}

func (w *watched) Scan(ctx context.Context, m *scan.Message) scan.Verdict {
	engine := *w.engine
	engine.Watch = &explanation{}
	return engine.Scan(ctx, m)
}

// TestPlace: a finding stands at the part it is about.
func TestPlace(t *testing.T) {
	x := &explanation{}
	for _, n := range []node{
		{}, {Part: scan.Part{Path: "2", Names: []string{"a"}}},
		{Part: scan.Part{Path: "2", Names: []string{"b", "c\n"}}},
		{Part: scan.Part{Path: "2", Names: []string{"b"}}, format: "OLE and Windows program"},
	} {
		x.nodes = append(x.nodes, &n)
	}
	for _, test := range []struct {
		finding scan.Finding
		want    int
	}{
		{scan.Finding{}, 0},
		{scan.Finding{Part: "3", Name: "a"}, 0},
		{scan.Finding{Part: "2"}, 1},
		{scan.Finding{Part: "2", Name: "b"}, 2},
		{scan.Finding{Part: "2", Name: `c\n`}, 2},
		{scan.Finding{Part: "2", Name: "b", Note: "Windows program: runs"}, 3},
	} {
		if got := x.place(test.finding); got != x.nodes[test.want] {
			t.Errorf("%+v: at %+v", test.finding, got)
		}
	}
}

// TestMask: what may be a password is masked in any case, the longest first.
func TestMask(t *testing.T) {
	x := &explanation{}
	for _, secret := range []string{"Fixture-1", "Fixture-1.txt", "Fixture-1", "", "ü-Pass", "a]"} {
		x.Hide(secret)
	}
	for text, want := range map[string]string{
		"Fixture-1":                 "[masked]",
		"fixture-1.TXT, Fixture-1/": "[masked], [masked]/",
		"xÜ-passx\n":                `x[masked]x\n`,
		"a]a]":                      "[masked][masked]",
		"Fixture-":                  "Fixture-",
		"":                          "",
	} {
		if got := x.safe(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
