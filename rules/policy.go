package rules

import (
	"fmt"
	"net/netip"
	"strings"
)

// Policy is the administrator's list of exceptions, first match wins. After
// the list come the defaults of DefaultAction.
type Policy []Entry

// An Entry matches when every key that is set matches.
type Entry struct {
	Sender    string   `toml:"sender,omitempty"`    // address, domain, ".suffix" of domains, or "<>"
	Recipient string   `toml:"recipient,omitempty"` // likewise; never matches where recipients are unknown
	Direction string   `toml:"direction,omitempty"` // outgoing | incoming
	Client    *Network `toml:"client,omitempty"`    // the SMTP client's address
	Rule      string   `toml:"rule,omitempty"`      // rule name; a * stands for any run of characters
	Action    *Action  `toml:"action"`
	Text      string   `toml:"text,omitempty"` // what a refusal says
}

// Envelope is what a door knows about a message beside its bytes.
type Envelope struct {
	Sender    *string    // envelope sender, "" = null sender; nil = the door does not know
	Recipient string     // one recipient; "" = the door does not know
	Outgoing  bool       // from our own user
	Client    netip.Addr // zero = the door does not know
}

// Decide gives a finding its action and the text of a refusal. grave chooses
// the worse of the two defaults that some rules have. An entry without a rule
// does not make more of what only tags or passes: "reject what this sender sends
// that is unsafe" is no word about his missing dates.
func (p Policy) Decide(rule string, grave bool, e Envelope) (Action, string) {
	if i := p.Match(rule, grave, e); i >= 0 {
		return *p[i].Action, p[i].Text
	}
	return DefaultAction(rule, grave), ""
}

// Match returns the index of the entry that decides, -1 where the default does.
func (p Policy) Match(rule string, grave bool, e Envelope) int {
	usual := DefaultAction(rule, grave)
	for i, entry := range p {
		if entry.Rule == "" && usual <= Tag && *entry.Action > Tag {
			continue
		}
		if entry.matches(rule, e) {
			return i
		}
	}
	return -1
}

// String is the entry's keys as they stand in a file, on one line.
func (n Entry) String() string {
	var keys []string
	add := func(key, value string) {
		if value != "" {
			keys = append(keys, fmt.Sprintf("%s = %q", key, value))
		}
	}
	add("sender", n.Sender)
	add("recipient", n.Recipient)
	add("direction", n.Direction)
	if n.Client != nil {
		add("client", n.Client.String())
	}
	add("rule", n.Rule)
	add("action", n.Action.String())
	add("text", n.Text)
	return strings.Join(keys, ", ")
}

func (n Entry) matches(rule string, e Envelope) bool {
	if n.Rule != "" && !wild(n.Rule, rule) {
		return false
	}
	if n.Direction != "" && (n.Direction == "outgoing") != e.Outgoing {
		return false
	}
	if n.Client != nil && !n.Client.Contains(e.Client.Unmap()) {
		return false
	}
	if n.Sender != "" && (e.Sender == nil || !address(n.Sender, *e.Sender)) {
		return false
	}
	return n.Recipient == "" || e.Recipient != "" && address(n.Recipient, e.Recipient)
}

// address matches an address, a domain, a suffix of domains, or the null sender.
func address(pattern, addr string) bool {
	if addr == "" || pattern == "<>" {
		return addr == "" && pattern == "<>"
	}
	if strings.Contains(pattern, "@") {
		return strings.EqualFold(pattern, addr)
	}
	domain := strings.ToLower(addr[strings.LastIndexByte(addr, '@')+1:])
	pattern = strings.ToLower(pattern)
	if strings.HasPrefix(pattern, ".") {
		return strings.HasSuffix(domain, pattern)
	}
	return domain == pattern
}

// wild matches text against a pattern in which * stands for any characters.
func wild(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	for i := len(head); i <= len(text); i++ {
		if wild(rest, text[i:]) {
			return true
		}
	}
	return false
}

// DefaultAction is the table behind the policy list. Two rules have two
// defaults: grave is their worse case (names hidden in an encrypted archive,
// readings that disagree on an unsafe name or content).
func DefaultAction(rule string, grave bool) Action {
	family, _, _ := strings.Cut(rule, ".")
	switch rule {
	case "xfile.name", "xfile.content", "xfile.member", "mime.partial", "credential.valid":
		return Reject
	case "xfile.encrypted", "mime.ambiguous":
		if grave {
			return Hold
		}
		return Tag
	case "credential.undecided":
		return Defer
	case "header.from", "header.date", "header.subject", "header.recipient", "header.clock", "header.8bit", "header.base64":
		return Pass // honest programs do these every day
	}
	switch family {
	case "virus":
		return Reject
	case "header", "credential":
		return Tag
	}
	return Hold // xfile.macro .active .link .unreadable, limit.*
}
