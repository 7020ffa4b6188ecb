package queue

import (
	"fmt"
	"io"
	"log/syslog"
	"os"
	"strconv"
	"strings"

	"qguard/rules"
)

// Line is the record as one line of key=value pairs, always in this order;
// values with blanks or other than printable ASCII are quoted as Go strings:
//
//	id=20261121T213000-a1b2 client=192.0.2.1 sender=a@example.org recipients=2
//	size=2794 verdict=found rules=xfile.name,xfile.content action=reject exit=31
//	ms=3.1 error="..."
//
// verdict is none for a message that never was judged: the client gave up, or
// there was trouble before. client, rules, action and error stand only where
// there is one. No value holds text of the message but sender and the names of
// rules.
func (r Record) Line() string {
	var b strings.Builder
	put := func(key, value string) {
		if value == "" {
			return
		}
		if strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' }) {
			value = strconv.QuoteToASCII(value)
		}
		fmt.Fprintf(&b, " %s=%s", key, value)
	}
	if r.ID == "" { // trouble that is no message's
		put("error", r.Err.Error())
		return b.String()[1:]
	}
	put("id", r.ID)
	put("client", r.Client)
	fmt.Fprintf(&b, " sender=%s", strconv.QuoteToASCII(cut(r.Sender)))
	put("recipients", strconv.Itoa(r.Recipients))
	put("size", strconv.FormatInt(r.Size, 10))
	verdict := "none"
	if r.Judged {
		verdict = string(r.Verdict.State())
	}
	put("verdict", verdict)
	var names []string
	for _, f := range r.Verdict.Findings {
		names = append(names, f.Rule)
	}
	put("rules", strings.Join(unique(names), ","))
	if r.Judged {
		put("action", r.Action.String())
	}
	put("exit", strconv.Itoa(r.Exit))
	put("ms", strconv.FormatFloat(float64(r.Took.Microseconds())/1000, 'f', 1, 64))
	if r.Err != nil {
		put("error", r.Err.Error())
	}
	return b.String()[1:]
}

func cut(s string) string { return s[:min(len(s), 256)] }

func unique(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// Logger returns where the rules send log lines: standard error, syslog (facility
// mail) or a file that is appended to. In IndiMail's dialect standard error is
// the SMTP reply, so there the default is syslog.
func Logger(q rules.Queue, stderr io.Writer) (func(Record), error) {
	to := q.Log
	if to == "" && q.Dialect == "indimail" {
		to = "syslog"
	}
	switch to {
	case "", "stderr":
		return func(r Record) { fmt.Fprintln(stderr, "qguard-queue:", r.Line()) }, nil
	case "syslog":
		return func(r Record) {
			w, err := syslog.New(syslog.LOG_MAIL|syslog.LOG_INFO, "qguard-queue")
			if err != nil {
				return // no syslog is no reason to keep mail
			}
			defer w.Close()
			w.Info(r.Line())
		}, nil
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("queue.log: %w", err)
	}
	return func(r Record) { fmt.Fprintln(f, "qguard-queue:", r.Line()) }, nil
}
