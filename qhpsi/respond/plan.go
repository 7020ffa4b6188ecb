// Package respond does what the policy decided: it sorts recipients by their
// action, writes the headers a delivered message gets, keeps held mail, and
// makes the messages that stand in for others. Doors (qmail-queue's, the
// milter's) call it; it knows no protocol.
package respond

import (
	"fmt"
	"slices"
	"strings"

	"qguard/rules"
	"qguard/scan"
)

// A Group is the recipients of a message to whom the same is done.
type Group struct {
	Action     rules.Action
	Text       string // what a refusal says
	Recipients []string
	Findings   []scan.Finding // with the actions of these recipients
}

// Plan sorts recipients by what the policy does with the findings for each.
// Groups come in the order of their first recipient. A message without
// recipients is one group without any.
func Plan(p rules.Policy, findings []scan.Finding, e rules.Envelope, recipients []string) []Group {
	if len(recipients) == 0 {
		g := decide(p, findings, e)
		return []Group{g}
	}
	if !slices.ContainsFunc(p, func(n rules.Entry) bool { return n.Recipient != "" }) {
		g := decide(p, findings, e)
		g.Recipients = recipients
		return []Group{g}
	}
	var groups []Group
	index := map[string]int{}
	for _, to := range recipients {
		e.Recipient = to
		g := decide(p, findings, e)
		key := g.key()
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, g)
		}
		groups[i].Recipients = append(groups[i].Recipients, to)
	}
	return groups
}

// decide gives every finding its action for one envelope.
func decide(p rules.Policy, findings []scan.Finding, e rules.Envelope) Group {
	g := Group{Findings: slices.Clone(findings)}
	for i := range g.Findings {
		f := &g.Findings[i]
		f.Action, f.Text = p.Decide(f.Rule, f.Grave, e)
		if f.Action > g.Action {
			g.Action, g.Text = f.Action, f.Text
		}
	}
	return g
}

// key tells groups apart: the same actions for the same findings.
func (g Group) key() string {
	var b strings.Builder
	b.WriteString(g.Text)
	for _, f := range g.Findings {
		b.WriteByte(byte(f.Action))
	}
	return b.String()
}

// TryAgain is what a client is told whose message could not be judged.
const TryAgain = "message could not be checked, try again later"

// Refusal is the text of a refusal: the administrator's, or a plain one that
// names no user and no password.
func Refusal(g Group) string {
	if g.Text != "" {
		return g.Text
	}
	worst := scan.Verdict{Findings: g.Findings}.Worst()
	switch {
	case worst.Rule == "credential.valid":
		return "message gives away a password: do not send it, and change it"
	case worst.Name != "":
		return fmt.Sprintf("unsafe file %s (%s)", scan.Printable(worst.Name, 80), worst.Rule)
	}
	return "message refused (" + worst.Rule + ")"
}
