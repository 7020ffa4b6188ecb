package decide

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textOf is what a client is told when the administrator has not said.
func textOf(rule string) string {
	switch rule {
	case "login.country":
		return "Log-in refused from here"
	case "login.failures", "login.pair", "login.logins":
		return "Too many wrong passwords from your address, try again later"
	case "rate.conn":
		return "Too many connections from your address, try again later"
	case "rate.open":
		return "Too many connections at once from your address, try again later"
	case "rate.msg", "rate.quota":
		return "Too many messages from your address, try again later"
	case "rate.conn_msg":
		return "Too many messages in this connection, try again in another"
	case "rate.rcpt":
		return "Too many recipients from your address, try again later"
	case "rate.msg_rcpt":
		return "Too many recipients of this message"
	case "intranet":
		return "This recipient takes no mail from outside"
	}
	return "Temporary problem, try again later"
}

// longestText bounds what an administrator's text adds to a reply line, which
// has 512 bytes in SMTP (RFC 5321 4.5.3.1.5).
const longestText = 400

// oneLine makes a text fit for a reply: one line, printable, not too long.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= longestText {
		return s
	}
	cut := longestText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
