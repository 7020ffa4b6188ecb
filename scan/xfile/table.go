package xfile

import (
	_ "embed" // the table is data
	"slices"
	"strings"

	"qguard/rules"
)

// extensions is one line an extension: extension, class, default, why, number
// of surveyed lists that name it; sorted, first line a heading.
//
//go:embed extensions.tsv
var extensions string

// table is the built-in list with the administrator's changes.
type table struct{ block, allow []string }

func newTable(x rules.Xfile) table {
	return table{clean(x.Block), clean(x.Allow)}
}

// clean allows extensions to be written ".EXE".
func clean(list []string) []string {
	var out []string
	for _, e := range list {
		out = append(out, strings.ToLower(strings.TrimPrefix(e, ".")))
	}
	return out
}

// blocked returns why files of an extension (or whole name) are refused, ""
// when they are not.
func (t table) blocked(extension string) string {
	if slices.Contains(t.block, extension) {
		return "blocked by the administrator"
	}
	if slices.Contains(t.allow, extension) {
		return ""
	}
	if action, why := builtin(extension); action == "block" {
		return why
	}
	return ""
}

// builtin looks an extension up, by halves: the lines are sorted. A map would
// cost more at every start.
func builtin(extension string) (action, why string) {
	low, high := 0, len(extensions)
	for low < high {
		middle := (low + high) / 2
		start := strings.LastIndexByte(extensions[:middle], '\n') + 1
		line, _, _ := strings.Cut(extensions[start:], "\n")
		key, rest, _ := strings.Cut(line, "\t")
		switch {
		case start == 0 || key < extension: // the heading comes before all
			low = start + len(line) + 1
		case key > extension:
			high = start
		default:
			f := strings.Split(rest, "\t")
			return f[1], f[2]
		}
	}
	return "", ""
}
