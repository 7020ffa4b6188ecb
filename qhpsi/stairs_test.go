package qhpsi_test

import (
	"os/exec"
	"strings"
	"testing"
)

// stairs lists who may import whom of ours; what is not listed may not. Imports
// go down only: cmd -> qhpsi -> scan/* -> scan -> rules, cache beside rules.
var stairs = map[string][]string{
	"rules":               {},
	"cache":               {},
	"scan":                {"rules"},
	"scan/message":        {"scan"},
	"scan/archive":        {"scan"},
	"scan/document":       {"scan"},
	"scan/xfile":          {"scan", "rules"},
	"scan/header":         {"scan"},
	"scan/socket":         {},
	"scan/authenticate":   {"scan/socket"},
	"scan/credential":     {"scan", "rules", "cache", "scan/authenticate"},
	"qhpsi":               {"scan", "rules", "cache", "scan/*"},
	"scan/virus":          {"scan", "rules", "scan/socket"},
	"qhpsi/files":         {"qhpsi", "scan", "rules"},
	"qhpsi/respond":       {"scan", "rules", "scan/message"},
	"qhpsi/queue":         {"qhpsi", "qhpsi/respond", "scan", "rules", "scan/virus"},
	"qhpsi/client":        {"qhpsi", "scan", "rules", "scan/socket"},
	"qhpsi/daemon":        {"qhpsi", "qhpsi/respond", "scan", "rules"},
	"qhpsi/service":       {"rules"},
	"qhpsi/decide":        {"rules", "cache"},
	"qhpsi/policy":        {"qhpsi/decide", "rules", "cache"},
	"cmd/qguard-policyd":  {"qhpsi/service", "qhpsi/decide", "qhpsi/policy", "rules", "cache"},
	"cmd/qguard-relay":    {},
	"cmd/qguardd":         {"qhpsi", "qhpsi/service", "qhpsi/daemon", "qhpsi/clamd", "qhpsi/milter", "qhpsi/respond", "rules"},
	"qhpsi/milter":        {"qhpsi/respond", "scan", "rules"},
	"cmd/qguard":          {"qhpsi", "qhpsi/client", "qhpsi/files", "qhpsi/queue", "qhpsi/respond", "cache", "rules", "scan", "scan/authenticate", "scan/credential", "scan/virus"},
	"cmd/qguard-queue":    {"qhpsi", "qhpsi/client", "qhpsi/queue", "qhpsi/respond", "cache", "rules", "scan"},
	"cmd/qguard-scan":     {"qhpsi", "qhpsi/client", "qhpsi/files", "scan", "rules"},
	"qhpsi/clamd":         {"qhpsi", "qhpsi/respond", "scan", "rules"},
	"cmd/qguard-pam":      {},
	"cmd/internal/script": {}, // for tests
	"scripts/documents":   {"qhpsi", "rules", "scan"},
	"scripts/ambiguous":   {"qhpsi", "rules", "scan"},
	"scripts/credentials": {"qhpsi", "rules", "scan", "scan/authenticate", "scan/credential", "cache"},
	"scripts/bench/*":     {},
	"scripts/torture/*":   {},
	"scripts/torture":     {},
	"scripts/load":        {},
	"scan/testdata/gen":   {},
}

func TestStairs(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "qguard/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		list := strings.Fields(line)
		pkg := strings.TrimPrefix(list[0], "qguard/")
		allowed, known := lookup(pkg)
		if !known {
			t.Errorf("%s is in no list of imports", pkg)
		}
		for _, imported := range list[1:] {
			ours, ok := strings.CutPrefix(imported, "qguard/")
			if ok && !match(allowed, ours) {
				t.Errorf("%s imports %s: upward or sideways", pkg, ours)
			}
			if imported == "C" && pkg != "cmd/qguard-pam" {
				t.Errorf("%s uses cgo", pkg)
			}
		}
	}
}

func lookup(pkg string) (allowed []string, known bool) {
	if allowed, known = stairs[pkg]; known {
		return allowed, true
	}
	dir := pkg[:strings.LastIndexByte(pkg, '/')+1]
	allowed, known = stairs[dir+"*"]
	return allowed, known
}

func match(allowed []string, pkg string) bool {
	for _, a := range allowed {
		dir, star := strings.CutSuffix(a, "*")
		if a == pkg || star && strings.HasPrefix(pkg, dir) {
			return true
		}
	}
	return false
}

// TestPlainStart holds the tree to a start without work: no init functions, and
// regular expressions compiled when they are needed.
func TestPlainStart(t *testing.T) {
	for what, pattern := range map[string]string{
		"an init function":                   `^func init\(\)`,
		"a regular expression made at start": `^(var|\t)[A-Za-z, ]*= regexp\.MustCompile`,
		"an exit below main":                 `log\.Fatal|os\.Exit\(`,
	} {
		out, _ := exec.Command("sh", "-c", "cd .. && grep -rnE '"+pattern+"' --include='*.go' cache qhpsi rules scan | grep -v _test.go | grep -v testdata").Output()
		if len(out) > 0 {
			t.Errorf("%s:\n%s", what, out)
		}
	}
}
