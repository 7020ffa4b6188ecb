// Package respond does what the policy decided: it sorts recipients by their
// action, writes the headers a delivered message gets, keeps held mail, and
// makes the messages that stand in for others. Doors (qmail-queue's, the
// milter's) call it; it knows no protocol.
//
// # Delivered messages
//
// Before the message, which is as it came, stand
//
//	X-QHPSI: clean | virus found
//	X-QGuard: xfile.name part=2 name=a.exe     one for each finding that is not passed
//
// "virus found" is said where the default would not have delivered it, as
// IndiMail does. Values that are not one plain word are quoted as Go strings;
// lines are ASCII, folded at blanks to 78 characters where these allow. Fields of
// these names, and X-Quarantine-ID, that came with the message get "X-Old-"
// before their names: they are somebody else's word.
//
// # Quarantine
//
// A maildir, all of it mode 0700 and 0600. A held message is new/ID, byte for
// byte, and meta/ID.json says what is known of it: id, time, sender, recipients,
// client, action, size, findings (rule, part, name, note, action). Addresses that
// JSON would not keep, for they are not UTF-8, are quoted as Go strings. ID is
// the time in UTC and 64 random bits, 20261121T213000-0123456789abcdef, which
// doors follow with a number for each group of recipients. Both files are
// written in tmp, synced, renamed, and their directories synced, before anybody
// is answered.
//
// # Text of a refusal
//
// The administrator's, or a plain one that names the rule or the file, and no
// user and no password: one line of printable ASCII with an enhanced status code
// (RFC 3463), its own or 5.7.1, 4.3.0.
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
