package main

import (
	"net/netip"

	"qguard/rules"
	"qguard/scan"
)

// envelope reads what qmail-smtpd left in the environment. RELAYCLIENT, or
// IndiMail's AUTHENTICATED, marks mail from our own users, and only then
// TCPREMOTEINFO is the name they logged in by: without it, it is what an ident
// server or a stranger's MAIL FROM parameter (AUTH=, IndiMail) said.
func envelope(env func(string) (string, bool), m *scan.Message, outgoing bool) rules.Envelope {
	_, own := env("RELAYCLIENT")
	if a, _ := env("AUTHENTICATED"); a != "" && a != "0" {
		own = true
	}
	if m.User == "" && own {
		m.User, _ = env("TCPREMOTEINFO")
	}
	ip, _ := env("TCPREMOTEIP")
	client, _ := netip.ParseAddr(ip) // zero when unset: unknown
	return rules.Envelope{Outgoing: outgoing || own || m.User != "", Client: client}
}
