package files

import "qguard/rules"

// Colours of a terminal (ECMA-48 section 8.3.117): green what is delivered, yellow
// what is tagged or in doubt, red what is found.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	end    = "\x1b[0m"
)

// paint gives a text the colour of an action, where colours are wanted.
func paint(colour bool, a rules.Action, text string) string {
	switch {
	case !colour:
		return text
	case a.Found():
		return red + text + end
	case a == rules.Pass:
		return green + text + end
	}
	return yellow + text + end
}

func (d *Door) paint(a rules.Action, text string) string { return paint(d.Colour, a, text) }
