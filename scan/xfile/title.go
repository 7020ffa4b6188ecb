package xfile

import (
	"bytes"
	"slices"
	"strings"

	"qguard/scan"
)

// isTitle reports the name of an attached message that is its subject and ends
// in a domain, "Fwd: order at example.com". Clients that forward use it so,
// and open the part as the message it is. Only for "com", only where every
// reading says message, nothing is encoded over it, words stand before the
// domain, and a mail's header is all that the file could run: on no system of
// today is that a program.
func isTitle(p *scan.Part, name string) bool {
	words := strings.Fields(name)
	if len(words) < 2 || p.Disputed || slices.Contains(p.DisputedNames, name) || len(p.Types) == 0 || p.Open == nil {
		return false
	}
	for _, t := range p.Types {
		if t != "message/rfc822" && t != "message/global" {
			return false
		}
	}
	switch strings.ToLower(strings.TrimSpace(p.Header.Get("Content-Transfer-Encoding"))) {
	case "", "7bit", "8bit", "binary":
	default:
		return false
	}
	domain, ok := strings.CutSuffix(strings.ToLower(words[len(words)-1]), ".com")
	if !ok || domain == "" || strings.Trim(domain, "abcdefghijklmnopqrstuvwxyz0123456789-.@_") != "" || strings.IndexFunc(name, func(r rune) bool { return dropInvisible(r) < 0 }) >= 0 {
		return false
	}
	head, _ := p.Head()
	return beginsMail(head)
}

// beginsMail reports a header of a mail: its first line is one of the fields
// that come first, and all lines of it that are there are fields.
func beginsMail(head []byte) bool {
	field, _, _ := bytes.Cut(head, []byte(":"))
	switch strings.ToLower(string(field[:min(len(field), 32)])) {
	case "received", "return-path", "delivered-to", "from", "to", "date", "subject", "message-id", "mime-version", "content-type", "dkim-signature", "reply-to":
	default:
		return false
	}
	mails := false
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || bytes.ContainsAny(name, " \t\x00") {
			return false
		}
		mails = mails || strings.EqualFold(string(name), "from") || strings.EqualFold(string(name), "date")
	}
	return mails
}
