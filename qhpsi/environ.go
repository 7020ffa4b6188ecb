package qhpsi

import (
	"net/netip"

	"qguard/rules"
)

// Environment reads what qmail-smtpd left in the environment: the direction,
// the client and the user who logged in. RELAYCLIENT, or IndiMail's
// AUTHENTICATED, marks mail from our own users, and only then TCPREMOTEINFO is
// the name they logged in by: without it, it is what an ident server or a
// stranger's MAIL FROM parameter (AUTH=, IndiMail) said.
func Environment(env func(string) (string, bool)) (e rules.Envelope, user string) {
	_, e.Outgoing = env("RELAYCLIENT")
	if a, _ := env("AUTHENTICATED"); a != "" && a != "0" {
		e.Outgoing = true
	}
	if e.Outgoing {
		user, _ = env("TCPREMOTEINFO")
	}
	ip, _ := env("TCPREMOTEIP")
	e.Client, _ = netip.ParseAddr(ip) // zero when unset: unknown
	return e, user
}
