package respond

import (
	"fmt"
	"io"
	"log/syslog"
	"os"
	"strconv"
	"strings"
	"time"

	"qguard/rules"
	"qguard/scan"
)

// A Record is the log line of a message.
type Record struct {
	ID         string
	Door       string // how it came to qguardd, "" = qguard-queue
	Queue      string // number that the client's mail server gave the message
	Client     string
	Sender     string
	Recipients int // -1: the door knows no envelope
	Size       int64
	Judged     bool // Verdict says something
	Verdict    scan.Verdict
	Action     rules.Action // the gravest that was done
	Exit       int          // of qguard-queue
	Answer     string       // of qguardd, "" = Exit counts
	Err        error
	Note       string // what happened to the service itself; the record is no message's
	Took       time.Duration
}

// Line is the record as one line of key=value pairs, always in this order;
// values with blanks or other than printable ASCII are quoted as Go strings:
//
//	id=20261121T213000-a1b2 client=192.0.2.1 sender=a@example.org recipients=2
//	size=2794 verdict=found rules=xfile.name,xfile.content action=reject exit=31
//	ms=3.1 error="..."
//
// qguardd writes door= and queue= behind the id and answer= in place of exit=. verdict is
// none for a message that never was judged: the client gave up, or there was
// trouble before. What is not known, or is not there, is left out. No value
// holds text of the message but sender and the names of rules.
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
	if r.ID == "" { // no message's
		put("note", r.Note)
		if r.Err != nil {
			put("error", r.Err.Error())
		}
		return strings.TrimPrefix(b.String(), " ")
	}
	put("id", r.ID)
	put("door", r.Door)
	put("queue", r.Queue[:min(len(r.Queue), 64)])
	put("client", r.Client)
	if r.Recipients >= 0 {
		fmt.Fprintf(&b, " sender=%s", strconv.QuoteToASCII(r.Sender[:min(len(r.Sender), 256)]))
		put("recipients", strconv.Itoa(r.Recipients))
	}
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
	if put("answer", r.Answer); r.Answer == "" {
		put("exit", strconv.Itoa(r.Exit))
	}
	put("ms", strconv.FormatFloat(float64(r.Took.Microseconds())/1000, 'f', 1, 64))
	if r.Err != nil {
		put("error", r.Err.Error())
	}
	return b.String()[1:]
}

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

// Logger returns what writes the lines of a program: to standard error (""
// too), to syslog (facility mail) or to a file that is appended to.
func Logger(to, program string, stderr io.Writer) (func(Record), error) {
	switch to {
	case "", "stderr":
		return func(r Record) { fmt.Fprintf(stderr, "%s: %s\n", program, r.Line()) }, nil
	case "syslog":
		return func(r Record) {
			w, err := syslog.New(syslog.LOG_MAIL|syslog.LOG_INFO, program)
			if err != nil {
				return // no syslog is no reason to keep mail
			}
			defer w.Close()
			w.Info(r.Line())
		}, nil
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return func(r Record) { fmt.Fprintf(f, "%s: %s\n", program, r.Line()) }, nil
}
