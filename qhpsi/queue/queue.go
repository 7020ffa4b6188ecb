// Package queue is the door of qmail-queue: a message on descriptor 0, its
// envelope on descriptor 1, the answer an exit code.
//
// The message is read to its end, then the envelope (F sender NUL, T recipient
// NUL for each, NUL); without the last NUL the client has given up and nothing
// is done. The message is judged and the policy sorts its recipients:
//
//	pass, tag   the next queue program gets the message with our header fields
//	replace     it gets a message that says what was removed; the original is held
//	hold        the message is in the quarantine, optionally forwarded
//	discard     nothing
//	reject      the whole message is refused, nothing is queued or held
//	defer       the whole message is refused for now
//
// SMTP knows one answer for all recipients. A refusal for some refuses all,
// unless Mixed is hold: then theirs is held and the others get it.
//
// Several groups of recipients are queued one after the other. All but the
// first are first held; when one fails after another was queued, it stays held
// and the answer is still 0, so that no mail is lost and none comes twice. When
// the first fails, nothing stays held and its status is ours.
//
// Doubt is temporary: trouble with the spool is 53, with reading 54, with the
// rules 55, with judging 71, a crashed next program 81.
package queue

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"qguard/qhpsi"
	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// A Door takes one message.
type Door struct {
	Judge interface { // the engine, here or in qguardd
		Scan(context.Context, *scan.Message) scan.Verdict
	}
	Rules      *rules.Config
	Next       Next
	Reply      Channel
	Quarantine respond.Quarantine
	Context    rules.Envelope // what the environment says: direction, client
	User       string
	Notices    interface { // at most one notice a sender and hour
		Spend(key []byte, limit int, window time.Duration) (bool, error)
	}
	Log func(respond.Record)
	Now func() time.Time
}

// Run takes the message from in and the envelope from env and returns the exit
// code. Every message is logged once; one that was not read whole has no
// verdict.
func (d *Door) Run(ctx context.Context, in, env io.Reader) (exit int) {
	start := d.Now()
	exit = qhpsi.ExitBug // what a panic leaves
	rec := respond.Record{ID: respond.NewID(start), Client: respond.ClientText(d.Context.Client)}
	defer func() {
		rec.Exit, rec.Took = exit, d.Now().Sub(start)
		d.Log(rec)
	}()
	spool, err := scan.NewSpool(in, maxMessage)
	if err != nil {
		rec.Err = err
		return spoolExit(err)
	}
	defer spool.Close()
	rec.Size = spool.Size()
	e, err := readEnvelope(env, d.Rules.Queue.Dialect == "indimail")
	if err != nil {
		rec.Err = err
		return d.envelopeExit(err)
	}
	rec.Sender, rec.Recipients = e.Sender, len(e.Recipients)
	exit, rec.Err = d.judge(ctx, &rec, spool, e)
	return exit
}

// maxMessage is far above what SMTP servers take; it only bounds the spool.
const maxMessage = 1 << 40

// judge judges a message and does what the policy says.
func (d *Door) judge(ctx context.Context, rec *respond.Record, spool *scan.Spool, e Envelope) (int, error) {
	known := d.Context
	known.Sender = &e.Sender
	verdict := d.Judge.Scan(ctx, &scan.Message{Content: spool, Size: spool.Size(), Envelope: known, User: d.User})
	if ctx.Err() != nil {
		// Our time is up, which limit.time would lay to the message's charge.
		return d.Reply.refuse(respond.TryAgain, false), errors.New("not checked in time")
	}
	rec.Judged, rec.Verdict = true, verdict
	groups := respond.Plan(d.Rules.Policy, verdict.Findings, known, e.Recipients)
	gravest, err := respond.Settle(groups, verdict.Err, d.Rules.Queue.Mixed)
	rec.Action = gravest.Action
	switch gravest.Action {
	case rules.Reject:
		return d.Reply.refuse(respond.Refusal(gravest), true), err
	case rules.Defer:
		return d.Reply.refuse(respond.TryAgain, false), err
	}
	mail := respond.Mail{Sender: e.Sender, Client: d.Context.Client, Content: spool, Size: spool.Size()}
	return job{d: d, ctx: ctx, id: rec.ID, mail: mail}.run(groups)
}

// spoolExit tells reading from writing.
func spoolExit(err error) int {
	var pe *os.PathError
	if errors.As(err, &pe) && (pe.Op == "write" || pe.Op == "open") || errors.Is(err, scan.ErrTooLong) {
		return qhpsi.ExitWrite
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return qhpsi.ExitTimeout
	}
	return qhpsi.ExitRead
}

func (d *Door) envelopeExit(err error) int {
	switch {
	case errors.Is(err, errAddress):
		return qhpsi.ExitAddress
	case errors.Is(err, errFormat) && d.Rules.Queue.Dialect == "indimail":
		return qhpsi.ExitFormatIndiMail
	case errors.Is(err, errFormat):
		return qhpsi.ExitFormat
	}
	return qhpsi.ExitRead
}
