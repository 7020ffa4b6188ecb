package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"qguard/scan"
)

// A table counts results, and lists the messages that are to be looked at.
type table struct {
	title    string
	verbose  bool
	columns  []string
	total    int
	count    map[string]int
	families map[string]map[string]int
	extras   map[string]int
	lines    []string
}

func newTable(title string, verbose bool, columns ...string) *table {
	return &table{
		title: title, verbose: verbose, columns: columns,
		count: map[string]int{}, families: map[string]map[string]int{}, extras: map[string]int{},
	}
}

// add counts a message. One that is bad gets a line, with -v every message.
func (t *table) add(m message, family, result string, bad bool, v scan.Verdict) {
	t.total++
	t.count[result]++
	if t.families[family] == nil {
		t.families[family] = map[string]int{}
	}
	t.families[family][result]++
	if bad || t.verbose {
		t.lines = append(t.lines, fmt.Sprintf("%-22s %s valid(%s) %s: %s", result, m.file, m.valid, m.technique, findings(v)))
	}
}

// extra counts what holds for messages of several results.
func (t *table) extra(what string, holds bool) {
	if holds {
		t.extras[what]++
	}
}

func (t *table) print() {
	fmt.Printf("== %s: %d messages\n", t.title, t.total)
	for _, c := range t.columns {
		fmt.Printf("%5d  %s\n", t.count[c], c)
	}
	for _, what := range slices.Sorted(maps.Keys(t.extras)) {
		fmt.Printf("%5d  (%s)\n", t.extras[what], what)
	}
	if t.verbose {
		t.printFamilies()
	}
	slices.Sort(t.lines)
	for _, line := range t.lines {
		fmt.Println(line)
	}
	fmt.Println()
}

func (t *table) printFamilies() {
	fmt.Printf("-- families: %s\n", strings.Join(t.columns, " | "))
	for _, family := range slices.Sorted(maps.Keys(t.families)) {
		fmt.Printf("%-32s", family)
		for _, c := range t.columns {
			fmt.Printf(" %4d", t.families[family][c])
		}
		fmt.Println()
	}
}

// findings is what was found beside the faults of the header, which is the same
// in every message.
func findings(v scan.Verdict) string {
	var list []string
	for _, f := range v.Findings {
		if strings.HasPrefix(f.Rule, "header.") {
			continue
		}
		list = append(list, fmt.Sprintf("%s %s [%s] %q", f.Action, f.Rule, f.Part, f.Name))
	}
	if v.Err != nil {
		list = append(list, "error: "+v.Err.Error())
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, "; ")
}

// contentFamily is the outer trick of a technique or, where that is "basic", the
// inner one: "multipart-comment-keC2b.b-singlepart-..." is multipart-comment,
// "multipart-basic-singlepart-qph-abbr0-qp-..." is singlepart-qph.
func contentFamily(technique string) string {
	outer, inner, ok := strings.Cut(technique, "-singlepart-")
	switch {
	case !ok:
		return technique
	case outer != "multipart-basic":
		kind, trick, _ := strings.Cut(outer, "-")
		return kind + "-" + word(trick)
	}
	for _, plain := range []string{"b64h-basic-", "qph-basic-"} {
		if rest, ok := strings.CutPrefix(inner, plain); ok {
			kind, trick, _ := strings.Cut(rest, "-")
			return kind + "-" + word(trick)
		}
	}
	return "singlepart-" + word(inner)
}

// nameFamily leaves out the numbers of pieces: "fname-ctype.rfc2231.*1;*0" is
// fname-ctype.rfc2231.
func nameFamily(technique string) string {
	if i := strings.IndexByte(technique, '*'); i >= 0 {
		technique = technique[:i]
	}
	return strings.TrimRight(technique, ".")
}

// word is a name up to the first sign of what varies in it.
func word(s string) string {
	if i := strings.IndexAny(s, "-.:*,="); i > 0 {
		return s[:i]
	}
	return s
}
