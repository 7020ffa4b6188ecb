package milter

import (
	"errors"
	"fmt"
	"slices"

	"github.com/d--j/go-milter"

	"qguard/qhpsi/respond"
	"qguard/rules"
)

// A deed does to each group of recipients what the policy says, as far as one
// message for all allows; see the package comment. After an error nothing is
// held: the server keeps the message as it was and the client comes again.
type deed struct {
	m          *message
	mod        milter.Modifier
	quarantine respond.Quarantine
	held       []string
}

func (d *deed) do(groups []respond.Group) (resp *milter.Response, text string, err error) {
	stay, leave := split(groups)
	defer func() {
		if err != nil {
			err = errors.Join(err, d.undo())
		}
	}()
	for _, g := range leave {
		if g.Action != rules.Discard {
			if _, err := d.hold(g); err != nil {
				return nil, "", err
			}
		}
	}
	c := &change{mod: d.mod, spaced: d.m.spaced}
	switch {
	case stay == nil && len(d.held) > 0 && d.m.rules.Quarantine.Forward != "":
		d.forward(c, leave)
	case stay == nil:
		return milter.RespDiscard, "discard", nil
	case stay.Action == rules.Replace:
		err = d.replace(c, *stay)
	default:
		d.m.rename(c)
		c.insert(respond.Fields(stay.Findings))
	}
	if stay != nil {
		c.deleteRecipients(leave)
	}
	if err == nil {
		err = c.err
	}
	return milter.RespAccept, "accept", err
}

// split finds those who get something: the message, where somebody gets it as
// it is, or else its replacement. They are one group, its findings with the
// gravest action of each. nil: nobody gets anything.
func split(groups []respond.Group) (stay *respond.Group, leave []respond.Group) {
	gets := func(g respond.Group) bool { return g.Action <= rules.Tag }
	if !slices.ContainsFunc(groups, gets) {
		gets = func(g respond.Group) bool { return g.Action == rules.Replace }
	}
	for _, g := range groups {
		switch {
		case !gets(g):
			leave = append(leave, g)
		case stay == nil:
			first := respond.Group{Action: g.Action, Recipients: slices.Clone(g.Recipients), Findings: slices.Clone(g.Findings)}
			stay = &first
		default:
			stay.Action = max(stay.Action, g.Action)
			stay.Recipients = append(stay.Recipients, g.Recipients...)
			for i := range stay.Findings { // the same findings in every group
				stay.Findings[i].Action = max(stay.Findings[i].Action, g.Findings[i].Action)
			}
		}
	}
	return stay, leave
}

// hold keeps the message for a group.
func (d *deed) hold(g respond.Group) (id string, err error) {
	id = fmt.Sprintf("%s-%d", d.m.id, len(d.held))
	if err := d.m.mail().Hold(d.quarantine, id, d.m.begun, g); err != nil {
		return "", err
	}
	d.held = append(d.held, id)
	return id, nil
}

// undo takes out of the quarantine what will come again. What is left over
// would only wait for somebody to release it a second time.
func (d *deed) undo() (err error) {
	for _, id := range d.held {
		if gone := d.quarantine.Delete(id); gone != nil {
			err = errors.Join(err, fmt.Errorf("%s needless in the quarantine: %w", id, gone))
		}
	}
	return err
}

// forward sends what is held to the address for that, and to nobody else.
func (d *deed) forward(c *change, leave []respond.Group) {
	forward := d.m.rules.Quarantine.Forward
	var all respond.Group
	for _, g := range leave {
		if g.Action != rules.Discard {
			all.Recipients = append(all.Recipients, g.Recipients...)
			all.Findings = g.Findings
		}
	}
	d.m.rename(c)
	c.insert(append(respond.Fields(all.Findings), respond.QuarantineID(forward, fitting(all.Recipients))...))
	if !slices.Contains(d.m.recipients, forward) {
		c.do(func() error { return d.mod.AddRecipient(forward, "") })
	}
	c.deleteRecipients(leave, forward)
}

// replace holds the original and puts the message in its place that says so.
func (d *deed) replace(c *change, g respond.Group) error {
	id, err := d.hold(g)
	if err != nil {
		return err
	}
	letter, err := d.m.mail().Letter(id, d.m.begun, g)
	if err != nil {
		return err
	}
	d.m.clear(c)
	c.letter(letter.Replacement(d.m.rules.Replace))
	c.insert(respond.Fields(g.Findings))
	return nil
}

// fitting are as many recipients as a header field may name.
func fitting(recipients []string) []string {
	size := 0
	for i, to := range recipients {
		if size += len(to) + 4; size > maxValue {
			return recipients[:i]
		}
	}
	return recipients
}
