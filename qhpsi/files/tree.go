package files

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"qguard/scan"
)

// write prints an explanation, but for its first line.
func (x *explanation) write(to io.Writer, r result, colour bool) {
	w := bufio.NewWriter(to)
	defer w.Flush()
	if len(x.nodes) > 0 {
		for _, f := range r.Findings {
			at := x.place(f)
			at.findings = append(at.findings, f)
		}
		for _, n := range x.nodes {
			x.node(w, n, colour)
		}
		x.limits(w, r.Findings)
	}
	for _, line := range append(x.told, x.notes...) {
		fmt.Fprintln(w, x.safe(line))
	}
	fmt.Fprintf(w, "verdict: %s, %s\ntime: %.1f ms\n", r.Verdict, paint(colour, r.Action, r.Action.String()), r.Ms)
}

// node prints a part: its path and what it is, its names, its findings.
func (x *explanation) node(w io.Writer, n *node, colour bool) {
	indent := strings.Repeat("  ", n.level)
	fmt.Fprintf(w, "%s%s  %s\n", indent, x.label(n), strings.Join(x.traits(n), ", "))
	for _, name := range n.Names {
		note := ""
		if !n.Disputed && slices.Contains(n.DisputedNames, name) {
			note = " (some readings)"
		}
		fmt.Fprintf(w, "%s   name \"%s\"%s\n", indent, x.safe(name), note)
	}
	for _, f := range n.findings {
		name := ""
		if f.Name != "" {
			name = fmt.Sprintf(" \"%s\"", x.safe(f.Name))
		}
		fmt.Fprintf(w, "%s   -> %s %s%s: %s\n", indent, paint(colour, f.Action, f.Action.String()), f.Rule, name, x.safe(f.Note))
	}
}

// label is what a part is called by.
func (x *explanation) label(n *node) string {
	switch {
	case n.level == 0:
		return "message"
	case n.Path == "":
		return "body"
	}
	return x.safe(n.Path)
}

// traits are types, size, format, and whether all readings have the part.
func (x *explanation) traits(n *node) (list []string) {
	if len(n.Types) > 0 {
		list = append(list, x.safe(strings.Join(n.Types, " or ")))
	}
	switch {
	case n.Open != nil && n.whole:
		list = append(list, fmt.Sprintf("%d bytes", n.size))
	case n.Open != nil && n.size == 0:
		list = append(list, "cannot be read")
	case n.Open != nil:
		list = append(list, fmt.Sprintf("over %d bytes", n.size))
	case n.Text != nil:
		list = append(list, "text only")
	}
	if n.format != "" {
		list = append(list, n.format)
	}
	if n.Disputed {
		list = append(list, "some readings")
	}
	return list
}

// limits prints what the message has spent of its limits and which were reached.
func (x *explanation) limits(w io.Writer, findings []scan.Finding) {
	depth, nest := 0, 0
	for _, n := range x.nodes {
		depth, nest = max(depth, n.Depth), max(nest, n.Nest)
	}
	var reached []string
	for _, f := range findings {
		if strings.HasPrefix(f.Rule, "limit.") && !slices.Contains(reached, f.Rule) {
			reached = append(reached, f.Rule)
		}
	}
	if reached == nil {
		reached = []string{"none"}
	}
	limit := x.limit
	fmt.Fprintf(w, "limits: depth %d of %d, archive depth %d of %d, parts %d of %d, members %d of %d, unpacked %d of %d bytes; reached: %s\n",
		depth, limit.Depth, nest, limit.ArchiveDepth, x.spent.Parts, limit.Parts, x.spent.Members, limit.Members,
		x.spent.Inflated, limit.Inflated, strings.Join(reached, ", "))
}
