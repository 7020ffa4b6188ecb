package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"qguard/qhpsi"
	"qguard/rules"
	"qguard/scan"
)

// gitleaks is fetched through the module proxy when it is run; ours needs it not.
const gitleaks = "github.com/zricethezav/gitleaks/v8@latest"

func (b *bench) peers() error {
	if err := b.plain(); err != nil {
		return err
	}
	return b.gitleaks()
}

// reference is the method in its plainest form: where a text part has an
// English trigger, every local user named or not is paired with every string
// of it that fits the policy.
type reference struct {
	found map[string]bool // candidates
}

func (r *reference) Begin(*scan.Message) scan.Look { r.found = map[string]bool{}; return r }

func (r *reference) Part(_ context.Context, p *scan.Part) error {
	if p.Text == nil || !p.Is("text/plain") || p.Header == nil {
		return nil
	}
	in, err := p.Text()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(in)
	if err != nil || !trigger().Match(text) {
		return err
	}
	for w := range strings.FieldsSeq(string(text)) {
		if len(w) >= 8 && len(w) <= 32 && ascii(w) && classes(w) >= 3 {
			r.found[w] = true
		}
	}
	return nil
}

func (r *reference) End(context.Context) ([]scan.Finding, error) { return nil, nil }

func trigger() *regexp.Regexp {
	return regexp.MustCompile(`(?i)user ?name|user ?id|login|password|passwd|passphrase`)
}

func (b *bench) plain() error {
	engine, err := qhpsi.New(rules.Default(), nil)
	if err != nil {
		return err
	}
	ref := &reference{}
	engine.Scanners = []scan.Scanner{ref}
	judge := func(m []byte) map[string]bool {
		engine.Scan(context.Background(), &scan.Message{Content: bytes.NewReader(m), Size: int64(len(m))})
		return ref.found
	}
	found, pairs, worst := 0, 0, 0
	for _, m := range b.mail {
		if judge(m.message)[m.owner.password] {
			found++
		}
	}
	clean, err := ham(b.r, *hamDir)
	if err != nil {
		return err
	}
	for _, m := range clean {
		n := len(judge(m)) * len(b.users)
		pairs += n
		worst = max(worst, n)
	}
	fmt.Printf("peer: plain reference, no cap: recall %.1f %%, %d pairs per 1000 clean, most %d\n",
		100*float64(found)/float64(len(b.mail)), pairs*1000/len(clean), worst)
	return nil
}

// gitleaks looks at the mail as it is; it aims at secrets in source code.
func (b *bench) gitleaks() error {
	dir := filepath.Join(b.work, "mail")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, m := range b.mail {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.eml", i)), m.message, 0o600); err != nil {
			return err
		}
	}
	report := filepath.Join(b.work, "report.json")
	cmd := exec.Command("go", "run", gitleaks, "dir", "--no-banner", "--exit-code=0", "--log-level=error",
		"--max-decode-depth=2", "--report-format=json", "--report-path="+report, dir)
	cmd.Dir = os.TempDir() // not our module
	if out, err := cmd.CombinedOutput(); err != nil {
		line, _, _ := strings.Cut(string(out), "\n")
		fmt.Printf("peer: gitleaks skipped: %v: %s\n", err, line)
		return nil
	}
	data, err := os.ReadFile(report)
	if err != nil {
		return err
	}
	var list []struct{ File, Secret string }
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	found := map[string]bool{}
	for _, f := range list {
		var i int
		if n, _ := fmt.Sscanf(filepath.Base(f.File), "%d.eml", &i); n == 1 && strings.Contains(f.Secret, b.mail[i].owner.password) {
			found[f.File] = true
		}
	}
	fmt.Printf("peer: gitleaks, raw mail: recall %.1f %%, %d findings\n", 100*float64(len(found))/float64(len(b.mail)), len(list))
	return nil
}
