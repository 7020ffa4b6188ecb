package files

import (
	"fmt"
	"io"
	"slices"
	"sort"

	"qguard/rules"
	"qguard/scan"
)

// row is what the messages of a walk are counted by.
type row struct {
	rule   string
	action rules.Action
}

// table counts messages by rule and action.
type table map[row]int

// add counts a message, once for each rule and action.
func (t table) add(findings []scan.Finding) {
	for i, f := range findings {
		before := func(g scan.Finding) bool { return g.Rule == f.Rule && g.Action == f.Action }
		if !slices.ContainsFunc(findings[:i], before) {
			t[row{f.Rule, f.Action}]++
		}
	}
}

// write prints the table: the gravest action first, then what is most frequent.
func (t table) write(w io.Writer, colour bool) {
	if len(t) == 0 {
		return
	}
	rows := make([]row, 0, len(t))
	for r := range t {
		rows = append(rows, r)
	}
	sort.Slice(rows, func(i, j int) bool { // a generic sort is 16 KB more to start
		switch a, b := rows[i], rows[j]; {
		case a.action != b.action:
			return a.action > b.action
		case t[a] != t[b]:
			return t[a] > t[b]
		default:
			return a.rule < b.rule
		}
	})
	fmt.Fprintf(w, "messages  action   rule\n")
	for _, r := range rows {
		fmt.Fprintf(w, "%8d  %s  %s\n", t[r], paint(colour, r.action, fmt.Sprintf("%-7s", r.action)), r.rule)
	}
}
