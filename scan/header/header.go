// Package header looks at a message's own header for what honest software does
// not write, or seldom. It judges no address and no text.
//
// Only the header at the top counts, not that of a message inside another. It
// gives at most one finding a rule, whose part is "" and whose note names the
// fields. A field that holds nothing is as good as none, save Bcc, which may be
// empty (RFC 5322 section 3.6.3).
//
//	header.from       no From, or one without a name and an address
//	header.date       no Date
//	header.subject    no Subject
//	header.recipient  none of To, Cc and Bcc
//	header.duplicate  a field twice that may stand once (RFC 5322 section 3.6):
//	                  programs differ on which of them they show
//	header.clock      a Date that cannot be read, is over 2 days ahead, or over
//	                  60 days past in a message without Resent-Date (section
//	                  3.6.6); that long no queue keeps mail
//	header.script     an HTML tag of those in tags, or a javascript: URL, in any
//	                  field, as written or in encoded words
//	header.8bit       a byte over 127 in the name or value of a structured field,
//	                  or one that makes no UTF-8 (RFC 6532) in any field
//	header.base64     a Subject all in base64 (RFC 2047) that is plain ASCII
//
// Encoded words are read whatever their charset's name, as if it were one that
// agrees with ASCII; UTF-7 and UTF-16 do not, and a tag in them is not seen.
//
// The cost is linear in the header's bytes.
package header

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"qguard/scan"
)

// How far a Date may be from now, in seconds.
const (
	day      = 24 * 60 * 60
	maxAhead = 2 * day
	maxPast  = 60 * day
)

// Scanner checks headers against one clock.
type Scanner struct{ now func() time.Time }

// New returns a scanner that asks now for the time, once for each message.
func New(now func() time.Time) *Scanner { return &Scanner{now} }

// Begin starts a message.
func (s *Scanner) Begin(*scan.Message) scan.Look { return &look{now: s.now} }

type look struct {
	now      func() time.Time
	done     bool
	findings []scan.Finding
}

// Part judges the header of the first part below the message, which is the
// message's entity; other parts are none of its business.
func (l *look) Part(_ context.Context, p *scan.Part) error {
	if l.done || p.Depth != 0 {
		return nil
	}
	l.done = true
	var s sums
	for _, f := range p.Header {
		s.add(f)
	}
	l.judge(&s)
	return nil
}

// End returns what was found.
func (l *look) End(context.Context) ([]scan.Finding, error) { return l.findings, nil }

func (l *look) add(rule, note string) {
	l.findings = append(l.findings, scan.Finding{Rule: rule, Note: note})
}

// The fields that are told apart. Those before only may stand once.
const (
	from = iota
	date
	subject
	to
	cc
	bcc
	sender
	replyTo
	messageID
	inReplyTo
	references
	only
	resentDate = iota - 1
	fields
)

var names = [fields]string{"From", "Date", "Subject", "To", "Cc", "Bcc", "Sender", "Reply-To", "Message-ID",
	"In-Reply-To", "References", "Resent-Date"}

// sums is what one pass over the header gathers.
type sums struct {
	count  [fields]int
	value  [fields]string // of the first that holds something
	script string         // name of the first field with script in it
	eight  string         // likewise, with 8-bit bytes
}

func (s *sums) add(f scan.Field) {
	i := known(f.Name)
	if i < fields {
		s.count[i]++
		if s.value[i] == "" {
			s.value[i] = strings.TrimSpace(f.Value)
		}
	}
	if s.eight == "" && (!ascii(f.Name) || !ascii(f.Value) && (structured(f.Name) || !utf8.ValidString(f.Value))) {
		s.eight = f.Name
	}
	if s.script == "" && scripted(f.Value) {
		s.script = f.Name
	}
}

func known(name string) int {
	for i, n := range names {
		if len(n) == len(name) && n[0]|0x20 == name[0]|0x20 && strings.EqualFold(n, name) {
			return i
		}
	}
	return fields
}

// structured reports whether a field's value has a syntax (RFC 5322 section
// 2.2.2), for the fields of RFC 5322 and of MIME.
func structured(name string) bool {
	if i := known(name); i < fields {
		return i != subject
	}
	name = strings.ToLower(name)
	switch name {
	case "received", "return-path", "mime-version":
		return true
	}
	return strings.HasPrefix(name, "resent-") || strings.HasPrefix(name, "content-") && name != "content-description"
}

func ascii(s string) bool {
	var all byte
	for ; len(s) >= 8; s = s[8:] { // takes half the time of one byte after another
		all |= s[0] | s[1] | s[2] | s[3] | s[4] | s[5] | s[6] | s[7]
	}
	for i := range len(s) {
		all |= s[i]
	}
	return all < utf8.RuneSelf
}

func (l *look) judge(s *sums) {
	if strings.Trim(s.value[from], "<>\" \t") == "" {
		l.add("header.from", missing(s, from))
	}
	if s.value[date] == "" {
		l.add("header.date", missing(s, date))
	} else if why := offClock(s.value[date], l.now(), s.count[resentDate] > 0); why != "" {
		l.add("header.clock", why)
	}
	if s.value[subject] == "" {
		l.add("header.subject", missing(s, subject))
	} else if needless(s.value[subject]) {
		l.add("header.base64", "a Subject of plain ASCII in base64")
	}
	if s.value[to] == "" && s.value[cc] == "" && s.count[bcc] == 0 {
		l.add("header.recipient", "no To, Cc or Bcc")
	}
	var twice []string
	for i := range only {
		if s.count[i] > 1 {
			twice = append(twice, names[i])
		}
	}
	if len(twice) > 0 {
		l.add("header.duplicate", "more than one "+strings.Join(twice, ", "))
	}
	if s.script != "" {
		l.add("header.script", "HTML or script in "+s.script)
	}
	if s.eight != "" {
		l.add("header.8bit", "8-bit bytes in "+s.eight)
	}
}

func missing(s *sums, field int) string {
	if s.count[field] > 0 {
		return "empty " + names[field]
	}
	return "no " + names[field]
}

// offClock says what is wrong with a Date, "" when nothing is.
func offClock(value string, now time.Time, resent bool) string {
	t, ok := parseDate(value)
	if !ok {
		return "Date cannot be read"
	}
	switch ahead := t.Unix() - now.Unix(); {
	case ahead > maxAhead:
		return fmt.Sprintf("Date %d days ahead", ahead/day)
	case ahead < -maxPast && !resent:
		return fmt.Sprintf("Date %d days past", -ahead/day)
	}
	return ""
}
