package milter

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/d--j/go-milter"

	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// answer judges the message, does what the policy says and returns what the
// server is told, and its name in the log.
func (m *message) answer(ctx context.Context, judge func(context.Context, *scan.Message) scan.Verdict, mod milter.Modifier, rec *respond.Record) (*milter.Response, string, error) {
	m.whole()
	rec.Size = m.reported
	tooLong := errors.Is(m.err, scan.ErrTooLong)
	if m.err != nil && !tooLong {
		return later(m.err)
	}
	envelope := rules.Envelope{Sender: &m.sender, Outgoing: m.user != "", Client: m.client}
	if tooLong {
		rec.Verdict.Findings = []scan.Finding{{Rule: "limit.size", Note: "message larger than qguardd takes"}}
	} else {
		rec.Verdict = judge(ctx, &scan.Message{Content: m.spool, Size: m.spool.Size(), Envelope: envelope, User: m.user})
	}
	rec.Judged = true
	groups := respond.Plan(m.rules.Policy, rec.Verdict.Findings, envelope, m.recipients)
	gravest, err := respond.Settle(groups, rec.Verdict.Err, m.rules.Queue.Mixed)
	rec.Action = gravest.Action
	switch {
	case gravest.Action == rules.Reject:
		resp, text := refuse(respond.Refusal(gravest), true)
		return resp, text, err
	case gravest.Action == rules.Defer:
		return later(err)
	case tooLong && gravest.Action > rules.Discard:
		return later(errors.New("too long to be held"))
	}
	d := deed{m: m, mod: mod, quarantine: respond.Quarantine{Path: m.rules.Quarantine.Path}}
	resp, text, err := d.do(groups)
	if err != nil {
		return later(err)
	}
	return resp, text, nil
}

// later is a temporary failure.
func later(why error) (*milter.Response, string, error) {
	resp, text := refuse(respond.TryAgain, false)
	return resp, text, why
}

// maxText leaves room for the codes in a reply line of 512 bytes (RFC 5321
// section 4.5.3.1.5).
const maxText = 480

// refuse is a reply with a code and an enhanced status code.
func refuse(text string, permanent bool) (*milter.Response, string) {
	line, status := respond.Status(text, permanent)
	code, bare := uint16(550), milter.RespReject
	if !permanent {
		code, bare = 451, milter.RespTempFail
	}
	line = strings.TrimSpace(status + " " + line[:min(len(line), maxText)])
	resp, err := milter.RejectWithCodeAndReason(code, line)
	if err != nil {
		resp = bare
	}
	return resp, fmt.Sprintf("%d %s", code, status)
}
