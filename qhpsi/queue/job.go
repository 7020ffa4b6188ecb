package queue

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"qguard/qhpsi"
	"qguard/qhpsi/respond"
	"qguard/rules"
)

// A job does to each group of recipients what the policy says.
type job struct {
	d    *Door
	ctx  context.Context
	id   string
	mail respond.Mail
}

// delivery is a group that gets something through the next queue program.
type delivery struct {
	group respond.Group
	id    string // number of the held original; "" when it is not held
	spare bool   // it is held only until the delivery is made
}

// run holds what is to be held, then queues. See the package comment for what
// happens when one of several steps fails.
func (j job) run(groups []respond.Group) (exit int, err error) {
	var list []delivery
	var held []string
	undo := func() {
		for _, id := range held {
			j.release(id)
		}
	}
	for i, g := range groups {
		x := delivery{group: g}
		forward := j.d.Rules.Quarantine.Forward != ""
		queued := g.Action != rules.Discard && (g.Action != rules.Hold || forward)
		x.spare = queued && len(list) > 0 && g.Action < rules.Replace
		if x.spare || g.Action == rules.Hold || g.Action == rules.Replace {
			x.id = fmt.Sprintf("%s-%d", j.id, i)
			if err := j.mail.Hold(j.d.Quarantine, x.id, j.d.Now(), g); err != nil {
				undo()
				return qhpsi.ExitWrite, err
			}
			held = append(held, x.id)
		}
		if queued {
			list = append(list, x)
		}
	}
	for i, x := range list {
		status, err := j.deliver(x)
		switch {
		case err == nil && x.spare:
			j.release(x.id)
		case err != nil && i == 0:
			undo()
			return status, err
		case err != nil:
			// Others have theirs and a retry would bring it twice: it stays held.
			j.d.Log(respond.Record{ID: x.id, Sender: j.mail.Sender, Recipients: len(x.group.Recipients), Err: fmt.Errorf("held instead: %w", err)})
		}
	}
	j.notice(groups, held)
	return qhpsi.ExitClean, nil
}

// release deletes what need not be held any more. Left over it would only wait
// for somebody to release it a second time.
func (j job) release(id string) {
	if err := j.d.Quarantine.Delete(id); err != nil {
		j.d.Log(respond.Record{ID: id, Sender: j.mail.Sender, Err: fmt.Errorf("needless in the quarantine: %w", err)})
	}
}

// notice tells the sender what became of the message, where the rules ask for
// it and nothing forbids it. The message is safe by now: trouble is only logged.
func (j job) notice(groups []respond.Group, held []string) {
	n := j.d.Rules.Notice
	i := slices.IndexFunc(groups, func(g respond.Group) bool {
		return g.Action == rules.Replace || g.Action == rules.Hold || g.Action == rules.Discard
	})
	if !n.Send || i < 0 {
		return
	}
	id := fmt.Sprintf("%s-%d", j.id, i)
	if !slices.Contains(held, id) {
		id = j.id // discarded
	}
	letter, err := j.mail.Letter(id, j.d.Now(), groups[i])
	if err != nil || !respond.MayNotice(j.mail.Sender, letter.Header) {
		return
	}
	may, err := j.d.Notices.Spend([]byte("notice "+j.mail.Sender), 1, time.Hour)
	if err == nil && may {
		_, err = j.d.Next.run(j.ctx, fromBytes(letter.Notice(n)), Envelope{Recipients: []string{j.mail.Sender}})
	}
	if err != nil {
		j.d.Log(respond.Record{ID: j.id, Sender: j.mail.Sender, Err: fmt.Errorf("notice to the sender: %w", err)})
	}
}

// deliver gives the next queue program what a group is to have.
func (j job) deliver(x delivery) (int, error) {
	e := Envelope{Sender: j.mail.Sender, Recipients: x.group.Recipients}
	fields := respond.Fields(x.group.Findings)
	forward := j.d.Rules.Quarantine.Forward
	switch x.group.Action {
	case rules.Hold:
		fields = append(fields, respond.QuarantineID(forward, x.group.Recipients)...)
		e.Recipients = []string{forward}
	case rules.Replace:
		letter, err := j.mail.Letter(x.id, j.d.Now(), x.group)
		if err != nil {
			return qhpsi.ExitTemporary, err
		}
		return j.d.Next.run(j.ctx, fromBytes(fields, letter.Replacement(j.d.Rules.Replace)), e)
	}
	return j.d.Next.run(j.ctx, func(w io.Writer) error {
		if _, err := w.Write(fields); err != nil {
			return err
		}
		return respond.CopyRenamed(w, j.mail.Content, j.mail.Size)
	}, e)
}
