package respond

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"
	"time"

	"qguard/rules"
	"qguard/scan"
)

// A Letter is what qguard writes about a message: the one that stands in for
// it, or a notice to its sender.
type Letter struct {
	Sender     string // envelope sender of the message
	Recipients []string
	Header     scan.Header // of the message, values decoded
	Findings   []scan.Finding
	ID         string // of the held original
	Now        time.Time
}

// Replacement is the message that recipients get instead of the original.
func (l Letter) Replacement(r rules.Replacement) []byte {
	return l.write(r.From, nobody, r.Subject, r.Text, "auto-generated")
}

// Notice is the message to the sender of the original.
func (l Letter) Notice(n rules.Notice) []byte {
	return l.write(n.From, addressee(l.Sender), n.Subject, n.Text, "auto-replied")
}

// nobody is a To field that names nobody.
const nobody = "undisclosed-recipients:;"

// maxLine leaves room for a field's name in a line (RFC 5322 section 2.1.1).
const maxLine = 900

// addressee is an envelope address as a To field may show it.
func addressee(addr string) string {
	if !isASCII(addr) || len(addr) > maxLine || !strings.Contains(addr, "@") {
		return nobody
	}
	return (&mail.Address{Address: addr}).String()
}

// author is the administrator's From field, a name in it encoded.
func author(from string) string {
	if a, err := mail.ParseAddress(from); err == nil {
		return a.String()
	}
	return oneLine(from)
}

// write makes a message of one text part, UTF-8 in quoted-printable.
func (l Letter) write(from, to, subject, text, auto string) []byte {
	var b bytes.Buffer
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	original := oneLine(l.Header.Get("Message-ID"))
	field("From", author(from))
	field("To", to)
	field("Subject", mime.QEncoding.Encode("utf-8", cut(oneLine(l.expand(subject)), 200)))
	field("Date", l.Now.Format(time.RFC1123Z))
	field("Message-ID", "<"+l.ID+"@qguard>")
	if strings.HasPrefix(original, "<") && strings.HasSuffix(original, ">") && isASCII(original) && len(original) < maxLine {
		field("In-Reply-To", original)
	}
	field("Auto-Submitted", auto)
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=utf-8")
	field("Content-Transfer-Encoding", "quoted-printable")
	b.WriteByte('\n')
	q := quotedprintable.NewWriter(&b)
	q.Write([]byte(strings.TrimRight(l.expand(text), "\n") + "\n"))
	q.Close()
	return bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n"))
}

// expand puts values for the variables of a template. Values are one line and
// cannot name variables themselves.
func (l Letter) expand(template string) string {
	return os.Expand(template, func(name string) string {
		switch name {
		case "sender":
			return shown(l.Sender)
		case "recipients":
			return shown(strings.Join(l.Recipients[:min(len(l.Recipients), 20)], ", "))
		case "subject":
			return shown(l.Header.Get("Subject"))
		case "message_id":
			return shown(l.Header.Get("Message-ID"))
		case "date":
			return shown(l.Header.Get("Date"))
		case "files":
			return shown(l.list(func(f scan.Finding) string { return f.Name }))
		case "rules":
			return shown(l.list(func(f scan.Finding) string { return f.Rule }))
		case "id":
			return l.ID
		}
		return "$" + name
	})
}

// list joins a property of the findings, each value once.
func (l Letter) list(of func(scan.Finding) string) string {
	var out []string
	seen := map[string]bool{}
	for _, f := range l.Findings {
		if v := of(f); v != "" && !seen[v] && f.Action > rules.Tag {
			seen[v] = true
			out = append(out, v)
		}
	}
	return strings.Join(out, ", ")
}

func shown(s string) string { return cut(oneLine(s), 500) }

// oneLine makes control characters blanks.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}

func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	return strings.ToValidUTF8(s[:max], "") + "..."
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x7f || s[i] < ' ' {
			return false
		}
	}
	return true
}

// MayNotice reports whether a message may be answered with a notice: never the
// null sender, a list or an automatic message (RFC 3834 section 2).
func MayNotice(sender string, h scan.Header) bool {
	if sender == "" || strings.HasPrefix(strings.ToLower(sender), "mailer-daemon") || strings.EqualFold(sender, "#@[]") {
		return false
	}
	for _, f := range h {
		value := strings.ToLower(strings.TrimSpace(f.Value))
		switch strings.ToLower(f.Name) {
		case "auto-submitted":
			if value != "no" && value != "" {
				return false
			}
		case "precedence":
			if value == "bulk" || value == "list" || value == "junk" {
				return false
			}
		case "list-id", "list-unsubscribe", "list-post":
			return false
		}
	}
	return len(h) > 0 // else it was too long to read, and could say anything
}
