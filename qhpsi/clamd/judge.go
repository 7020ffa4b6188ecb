package clamd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"qguard/qhpsi"
	"qguard/qhpsi/respond"
	"qguard/rules"
	"qguard/scan"
)

// maxName is how long a name before FOUND may be: clamav-milter takes 128 bytes
// of a reply.
const maxName = 60

// A verdict is one with what is said of it.
type verdict struct {
	scan.Verdict
	limits bool // [daemon] undecided = "limits"
}

// line is clamd's answer without its subject.
func (v verdict) line() string { return v.lines()[0] }

// lines are the answers of ALLMATCHSCAN: every finding that counts, the gravest
// first.
func (v verdict) lines() []string {
	switch v.State() {
	case scan.Clean:
		return []string{"OK"}
	case scan.Undecided:
		if v.limits {
			return []string{"Heuristics.Limits.Exceeded.QGuard FOUND"}
		}
		return []string{v.reason() + " ERROR"}
	}
	findings := slices.DeleteFunc(slices.Clone(v.Findings), func(f scan.Finding) bool { return !f.Action.Found() })
	slices.SortStableFunc(findings, func(a, b scan.Finding) int { return int(b.Action - a.Action) })
	var list []string
	for _, f := range findings {
		list = append(list, found(f.Rule)+" FOUND")
	}
	return list
}

func found(rule string) string {
	name := qhpsi.FoundName(rule)
	return name[:min(len(name), maxName)]
}

// reason is why a message is undecided, in words that hold nothing of it, of the
// configuration or of a user: the log has the error itself.
func (v verdict) reason() string {
	switch {
	case errors.Is(v.Err, context.DeadlineExceeded):
		return "not checked in time"
	case v.Err == nil:
		return "not decided (" + found(v.Worst().Rule) + ")"
	}
	return "could not be checked, try again later"
}

// judge judges what a client of clamd's sends.
func (c *conn) judge(m scan.Message, start time.Time) verdict {
	n, sender := mboxLine(m.Content, m.Size)
	if n > 0 { // else it stays a file, which other scanners can be passed
		m.Content, m.Size = io.NewSectionReader(m.Content, n, m.Size-n), m.Size-n
	}
	if c.outgoing {
		m.Envelope.Outgoing = true
		if n > 0 {
			m.Envelope.Sender = &sender
		}
	}
	v := c.ask(m, start)
	v.limits = c.rules().Daemon.Undecided == "limits"
	return v
}

// ask has a message judged and logged. A stop of the server does not end it.
func (c *conn) ask(m scan.Message, start time.Time) verdict {
	v := verdict{Verdict: c.server.Host.Scan(context.Background(), &m)}
	rec := c.record(start, m.Size)
	rec.Judged, rec.Verdict, rec.Action, rec.Err = true, v.Verdict, v.Worst().Action, v.Err
	switch v.State() {
	case scan.Clean:
		rec.Answer = "OK"
	case scan.Found:
		rec.Answer = found(v.Worst().Rule)
	default:
		rec.Answer, rec.Action = "ERROR", rules.Defer
	}
	if m.Envelope.Client.IsValid() {
		rec.Client = m.Envelope.Client.String()
	}
	if m.Envelope.Sender != nil {
		rec.Sender, rec.Recipients = *m.Envelope.Sender, 0
	}
	c.server.Host.Log(rec)
	return v
}

// record is a log line's beginning.
func (c *conn) record(start time.Time, size int64) respond.Record {
	rec := respond.Record{ID: respond.NewID(start), Door: "clamd", Recipients: -1, Size: size, Took: time.Since(start)}
	if tcp, ok := c.net.RemoteAddr().(*net.TCPAddr); ok {
		rec.Client = tcp.IP.String()
	}
	return rec
}

// logUnread logs a message that did not come to its end.
func (c *conn) logUnread(start time.Time, size int64, err error) {
	rec := c.record(start, size)
	rec.Answer, rec.Err = "ERROR", err
	if err == io.EOF || err == errDraining {
		rec.Answer = "none"
	}
	if err == io.EOF {
		rec.Err = errors.New("the client went away")
	}
	c.server.Host.Log(rec)
}

// longestMbox bounds a line "From " and the one behind it: an address has 320
// bytes.
const longestMbox = 2 << 10

// mboxLine returns the length of a first line "From address date" and the
// message's sender: what stands before a date as ctime(3) writes it, else the
// first word.
//
// QUIRK: Exim 4.96 writes MAILER-DAEMON there for every sender, as long as it has
// no return path, and the sender into a field of its own right behind:
//
//	From MAILER-DAEMON Sun Nov 22 02:51:42 2026
//	X-Envelope-From: <a@example.org>
//	X-Envelope-To: b@example.net
//	Received: ...
//
// That field is missing for the null sender. Nothing of the client's can stand in
// its place, because Exim's other fields come first.
func mboxLine(content io.ReaderAt, size int64) (n int64, sender string) {
	begin := make([]byte, min(size, longestMbox))
	got, _ := content.ReadAt(begin, 0)
	first, rest, ok := bytes.Cut(begin[:got], []byte("\n"))
	text, from := strings.CutPrefix(string(first), "From ")
	if !ok || !from {
		return 0, ""
	}
	text = strings.TrimRight(text, "\r")
	sender, _, _ = strings.Cut(text, " ")
	if i := len(text) - len(time.ANSIC) - 1; i >= 0 && text[i] == ' ' {
		if _, err := time.Parse(time.ANSIC, text[i+1:]); err == nil {
			sender = text[:i]
		}
	}
	if sender == "MAILER-DAEMON" {
		sender = envelopeFrom(rest)
	}
	return int64(len(first)) + 1, sender
}

// envelopeFrom is the address in a first line "X-Envelope-From: <address>".
func envelopeFrom(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	address, ok := strings.CutPrefix(strings.TrimRight(string(line), "\r"), "X-Envelope-From: <")
	address, closed := strings.CutSuffix(address, ">")
	if !ok || !closed {
		return ""
	}
	return address
}
